"""The deep part of a check: it looks at each new structure, and at one message of each.

Messages that share a structure look the same to mail programs and filters, so one is enough. A
campaign with a page for each row has as many structures as rows; then the first ones are looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from mailmerge.errors import Problem
from mailmerge.mime.message import Message
from mailmerge.preflight.deep import (
    accessibility,
    contrast,
    images,
    links,
    reading,
    spam,
    support,
)
from mailmerge.preflight.deep.page import DeepPage, Finding
from mailmerge.preflight.html import parse_html
from mailmerge.preflight.structures import VALUE, byte_length
from mailmerge.preflight.templates import TemplateSources
from mailmerge.rendering.content import Content, Structure
from mailmerge.settings import Settings

_MOST_STRUCTURES: Final = 20
_MOST_SCORED: Final = 3

_RULES: Final = (
    support.check_support,
    contrast.check_contrast,
    accessibility.check_language,
    accessibility.check_tables,
    accessibility.check_links,
    accessibility.check_images,
    accessibility.check_headings,
    accessibility.check_text_size,
    images.check_images,
    reading.check_preview_text,
    reading.check_text_share,
)


@dataclass(frozen=True, slots=True)
class DeepOptions:
    """What `check --deep` does besides reading the messages.

    Attributes:
        links: whether each link that is the same for all recipients is asked for.
        spam: where the spam filters of this machine are.
    """

    links: bool = False
    spam: spam.SpamServers = field(default_factory=spam.SpamServers)


class DeepChecks:
    """Looks at messages as they are made; without options it does nothing."""

    def __init__(self, campaign: Settings, options: DeepOptions | None) -> None:
        self._campaign = campaign
        self._options = options
        self._sources = TemplateSources(campaign)
        self._seen: set[Structure | None] = set()
        self._scored = 0
        self._urls: dict[str, DeepPage] = {}
        self._found: dict[tuple[str, str, str, int | None], Finding] = {}

    def see(self, content: Content, message: Message | None) -> None:
        """Look at a message if its structure is new."""
        structure = content.html.structure if content.html is not None else None
        if self._options is None or structure in self._seen:
            return
        if len(self._seen) >= _MOST_STRUCTURES:
            return
        self._seen.add(structure)
        if structure is not None:
            self._keep(self._of_page(structure))
        if message is not None:
            self._keep(self._of_message(content, message))

    def findings(self) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
        """The problems and the notes, each once; the links are asked for here."""
        if self._options is not None and self._options.links:
            self._keep(links.check_links(self._urls.items()))
        found = self._found.values()
        problems = tuple(one.problem for one in found if not one.is_note)
        return problems, tuple(one.problem for one in found if one.is_note)

    def _of_page(self, structure: Structure) -> Iterator[Finding]:
        document = parse_html(VALUE.join(structure.static))
        if document is None:
            return
        message = self._campaign.message
        prefix = "" if message.related_by == "content-location" else "cid:"
        paths = {prefix + image.reference: image.path for image in structure.images}
        files = self._campaign.content_files(noting=False)
        page = DeepPage(document, message.html or "", self._sources.texts, files, paths, VALUE)
        for rule in _RULES:
            yield from rule(page)
        for url in links.links_to_ask(page):
            self._urls.setdefault(url, page)

    def _of_message(self, content: Content, message: Message) -> Iterator[Finding]:
        section, options = self._campaign.message, self._options
        file = section.html or section.text or ""
        if content.html is not None:
            html = byte_length(str(content.html))
            yield from reading.check_sizes(html, message.size, file)
        if options is not None and self._scored < _MOST_SCORED:
            self._scored += 1
            yield from spam.spam_findings(spam.scores_of(bytes(message), options.spam), file)

    def _keep(self, findings: Iterable[Finding]) -> None:
        """Keep each finding once; of two structures, the first one that has it counts."""
        for one in findings:
            problem = one.problem
            key = (problem.code, _detail(one), problem.file, problem.line)
            self._found.setdefault(key, one)


def _detail(finding: Finding) -> str:
    """What tells two findings of a code apart; sizes and scores differ between messages."""
    code, message = finding.problem.code, finding.problem.message
    if code == "spam-score":
        return f"{finding.is_note} {message.partition(':')[0]}"
    return str(finding.is_note) if code == "message-size" else message
