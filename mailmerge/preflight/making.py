"""Recipient -> content and message, or every reason why there is none.

The check makes all its messages here and nowhere else, with the message factory of the run. So the
run can make every message that passed the check.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from mailmerge.errors import CampaignError, Problem
from mailmerge.messages import MessageFactory
from mailmerge.mime.message import Composer, Message
from mailmerge.mime.parts import PartStore
from mailmerge.preflight.cells import in_cell
from mailmerge.preflight.composing import ExplainingComposer
from mailmerge.preflight.rendering import ExplainingRenderer
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.content import Content
from mailmerge.settings import Settings
from mailmerge.signing.settings import signer_of

_ADDRESS_CODES = {"from-address", "reverse-path-address"}


@dataclass(frozen=True, slots=True)
class Attempt:
    """The result of making one recipient's message.

    `content` is None if it could not be rendered, `message` if it could not be composed; `problems`
    has the reasons.
    """

    content: Content | None
    message: Message | None
    problems: tuple[Problem, ...]


class MessageMaker:
    """Makes the messages of one campaign.

    Attributes:
        messages: the factory of the run; None if a template does not compile, or the sender in
            campaign.toml is invalid.
    """

    def __init__(self, campaign: Settings) -> None:
        self.messages: MessageFactory | None = None
        self._rendering = ExplainingRenderer(campaign)
        self._composing: ExplainingComposer | None = None
        self._refused: Problem | None = None
        section = campaign.recipients
        self._spreadsheet = section.file if campaign.file and section.file != "-" else ""
        parts = PartStore(campaign.content_files())
        try:
            composer = Composer(campaign, parts)
            signer = signer_of(campaign, composer.sender.domain)
        except CampaignError as error:
            self._refused = error.problem
            return
        if self._rendering.renderer is not None:
            self.messages = MessageFactory.of(self._rendering.renderer, composer, signer=signer)
            self._composing = ExplainingComposer(campaign, self.messages, parts)

    @property
    def variables(self) -> frozenset[str] | None:
        """The names that the templates use; None if a template does not compile."""
        renderer = self._rendering.renderer
        return renderer.variables if renderer is not None else None

    @property
    def slow_because(self) -> str:
        """Why each message is rendered separately; "" if messages share work."""
        renderer = self._rendering.renderer
        return renderer.slow_because if renderer is not None else ""

    def problems(self, reported: Collection[Problem]) -> Iterator[Problem]:
        """The problems of the templates, and of the keys of campaign.toml that the composer needs.

        `reported` are the problems from the rules. They are not reported again, and neither is an
        address that a rule has reported with another code.
        """
        yield from self._rendering.problems
        refused = self._refused
        if refused is None or refused in reported:
            return
        if refused.code.startswith("address") and _ADDRESS_CODES & {one.code for one in reported}:
            return
        yield refused

    def make(self, recipient: Recipient) -> Attempt:
        """One recipient's message, as far as it can be made."""
        content = self._rendering.render(recipient)
        if isinstance(content, list):
            return Attempt(None, None, self._placed(content, recipient))
        if self._composing is None:
            return Attempt(content, None, ())
        message, problems = self._composing.compose(recipient, content)
        return Attempt(content, message, self._placed(problems, recipient))

    def _placed(self, problems: list[Problem], recipient: Recipient) -> tuple[Problem, ...]:
        if not problems:
            return ()
        cells = {row.number: row.cells for row in recipient.all_rows}
        return tuple(
            in_cell(one, cells.get(one.row or 0, recipient.cells), self._spreadsheet)
            for one in problems
        )
