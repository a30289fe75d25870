"""Runs the rules on single rows: those on recipients, structures and messages.

The check runs them for every row, the preview for the row that it shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice

from mailmerge.errors import Problem
from mailmerge.mime.message import Message
from mailmerge.preflight.html import parse_html
from mailmerge.preflight.registry import RULES
from mailmerge.preflight.rules import MadeMessage, Page, Rules, Setup
from mailmerge.preflight.structures import VALUE, KnownStructures
from mailmerge.preflight.templates import TemplateSources
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.content import Content, Structure

_REMEMBERED = 10_000
"""Problems that are remembered as reported, so that memory is bounded for any input."""


_MOST_OF_A_RULE = 200
"""Problems of one rule for one page; a page of 2 MB can have a hundred thousand."""


class Once:
    """Lets each problem pass once; beyond the bound, no new problem passes."""

    def __init__(self, bound: int = _REMEMBERED) -> None:
        self._bound = bound
        self._passed: set[Problem] = set()

    def __len__(self) -> int:
        return len(self._passed)

    def passes(self, problem: Problem) -> bool:
        """Whether this problem is new."""
        if problem in self._passed or len(self._passed) >= self._bound:
            return False
        self._passed.add(problem)
        return True


class RowChecker:
    """Runs the rules for one recipient after the other; a problem of a structure appears once."""

    def __init__(self, setup: Setup, rules: Rules = RULES) -> None:
        self._setup = setup
        self._rules = rules
        self._structures = KnownStructures()
        self._once = Once()
        self._sources = TemplateSources(setup.campaign)

    def check_recipient(self, recipient: Recipient) -> Iterator[Problem]:
        """The problems of a row and its address."""
        for rule in self._rules.recipient:
            yield from rule(recipient, self._setup)

    def check_message(
        self, recipient: Recipient, content: Content, message: Message | None
    ) -> Iterator[Problem]:
        """The problems of a recipient's message; `message` is None if it could not be composed."""
        html = text = None
        if content.html is not None:
            structure = content.html.structure
            known = structure in self._structures
            html = self._structures.html(structure)
            if not known:
                yield from self._new_ones(self._check_structure(structure), recipient.row)
        if self._setup.campaign.message.text is not None:
            text = self._structures.text(content.text.structure)
        made = MadeMessage(recipient, content, message, html, text)
        for rule in self._rules.message:
            yield from rule(made, self._setup)

    def _check_structure(self, structure: Structure) -> Iterator[Problem]:
        document = parse_html(VALUE.join(structure.static))
        if document is None:
            return
        section = self._setup.campaign.message
        prefix = "" if section.related_by == "content-location" else "cid:"
        paths = {prefix + image.reference: image.path for image in structure.images}
        page = Page(document, self._sources.locate, paths, VALUE, self._sources.position)
        for rule in self._rules.structure:
            yield from islice(rule(page, self._setup), _MOST_OF_A_RULE)

    def _new_ones(self, problems: Iterable[Problem], row: int) -> Iterator[Problem]:
        """The problems that no earlier structure had.

        A problem of the first structure applies to all recipients. A problem of a later structure
        gets the row if it has no line in a template, because only some recipients have that
        structure.
        """
        is_first = len(self._once) == 0 and len(self._structures) <= 1
        for problem in problems:
            if self._once.passes(problem):
                has_place = is_first or problem.line is not None
                yield problem if has_place else replace(problem, row=row)
