"""Recipient -> content and message, or every reason why there is none.

The check makes all its messages here and nowhere else, with the renderer and the composer of the
run. So what the check has passed, the run can make.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mailmerge.campaign import Campaign
from mailmerge.errors import Problem
from mailmerge.mime.message import Composer, Message
from mailmerge.preflight.composing import ExplainingComposer
from mailmerge.preflight.rendering import ExplainingRenderer
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.content import Content, Renderer


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one recipient's message: how far it got, and what is wrong.

    `content` is None where it could not be rendered, `message` where it could not be composed.
    """

    content: Content | None
    message: Message | None
    problems: tuple[Problem, ...]


class MessageMaker:
    """Makes the messages of one campaign."""

    def __init__(self, campaign: Campaign) -> None:
        self._rendering = ExplainingRenderer(campaign)
        self._composing = ExplainingComposer(campaign)

    @property
    def renderer(self) -> Renderer | None:
        """The run's own; None where a template does not compile."""
        return self._rendering.renderer

    @property
    def composer(self) -> Composer | None:
        """The run's own; None where campaign.toml does not allow one."""
        return self._composing.composer

    @property
    def steps_aside(self) -> str:
        """Why the messages are rendered one by one; empty where they are not."""
        return self.renderer.steps_aside if self.renderer is not None else ""

    def problems(self, *, addresses_reported: bool) -> Iterator[Problem]:
        """What is wrong with the templates, and with what the composer needs of campaign.toml.

        Where the rules have reported the addresses of campaign.toml, they are left out.
        """
        yield from self._rendering.problems
        problem = self._composing.problem
        if problem is not None:
            of_an_address = problem.code.startswith("address")
            if not (of_an_address and addresses_reported):
                yield problem

    def make(self, recipient: Recipient) -> Attempt:
        """One recipient's message, as far as it can be made."""
        content = self._rendering.render(recipient)
        if isinstance(content, list):
            return Attempt(None, None, tuple(content))
        message, problems = self._composing.compose(recipient, content)
        return Attempt(content, message, tuple(problems))
