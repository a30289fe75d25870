"""One person's finished message -> problems."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from mailmerge.campaign import Campaign
from mailmerge.errors import Problem
from mailmerge.mime.message import Message
from mailmerge.preflight.html import lint_html, lint_size, lint_url
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.content import Body, Content, Structure

LINTED_STRUCTURES = 1_000
"""How many structures are remembered as linted; beyond that the oldest is linted again."""

SUBJECT_SHOWN = 150
"""Characters after which no mail program shows a subject."""

_EXCEL_ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!"})
_OPEN_URL = re.compile(r"""\bhref\s*=\s*(?:"([^"]*)|'([^']*))$""", re.IGNORECASE)
_LIST_URLS = re.compile(r"\s*<[^<>\s,]+>(?:\s*,\s*<[^<>\s,]+>)*\s*")
_REPLY_PREFIX = re.compile(r"\s*(re|fwd?|aw|wg|回复|转发)\s*[:：]", re.IGNORECASE)


@dataclass(slots=True)
class MessageCheck:
    """Checks one message after the other; what belongs to a structure is said once.

    `size_limit` is the largest message that the server takes, in octets (None: not known).
    """

    campaign: Campaign
    size_limit: int | None = None
    _linted: OrderedDict[Structure, tuple[tuple[int, str], ...]] = field(
        default_factory=OrderedDict
    )

    def problems(
        self, recipient: Recipient, content: Content, message: Message
    ) -> Iterator[Problem]:
        """Everything that is wrong with this person's message; `message` is the composed octets."""
        yield from _lint_cells(recipient, self.campaign.recipients.file)
        yield from _lint_subject(content.subject, recipient.row)
        yield from _lint_headers(content.headers, recipient.row)
        yield from self._lint_bodies(recipient, content)
        if self.size_limit is not None and message.size > self.size_limit:
            yield Problem(
                "error", "too-large",
                f"the message has {message.size:,} octets; the server takes {self.size_limit:,}",
                row=recipient.row, hint="send a link instead of a large attachment",
            )  # fmt: skip

    def _lint_bodies(self, recipient: Recipient, content: Content) -> Iterator[Problem]:
        if content.html is not None:
            yield from self._lint_html(content.html, recipient.row)
        elif not str(content.text).strip():
            file = self.campaign.message.text or ""
            yield Problem("error", "empty-body", "the message is empty", file, recipient.row)

    def _lint_html(self, body: Body, row: int) -> Iterator[Problem]:
        file = self.campaign.message.html or ""
        octets = sum(map(_octets, body.structure.static)) + sum(map(_octets, body.values))
        yield from lint_size(octets, file, row)
        links = self._linted.get(body.structure)
        if links is None:
            html = str(body)
            yield from (replace(problem, row=row) for problem in lint_html(html, file))
            if not re.sub(r"<style.*?</style>|<[^>]*>", "", html, flags=re.DOTALL).strip():
                yield Problem("error", "empty-body", "the HTML shows no text", file, row)
            self._remember(body.structure)
            return
        for index, before in links:
            found = lint_url(before + body.values[index])
            if found is not None:
                yield Problem("warning", found[0], found[1], file, row, hint=found[2])

    def _remember(self, structure: Structure) -> None:
        """Keep which values open a link: later people's links are then seen without parsing."""
        self._linted[structure] = tuple(
            (index, match[1] or match[2] or "")
            for index, static in enumerate(structure.static[:-1])
            if (match := _OPEN_URL.search(static[-2_000:]))
        )
        if len(self._linted) > LINTED_STRUCTURES:
            self._linted.popitem(last=False)


def _octets(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _lint_cells(recipient: Recipient, file: str) -> Iterator[Problem]:
    if _EXCEL_ERRORS.isdisjoint(recipient.cells.values()):
        return
    for column, text in recipient.cells.items():
        if text in _EXCEL_ERRORS:
            yield Problem(
                "warning", "formula-error", f"the cell says {text}", file, recipient.row, column,
                hint="mend the formula in the sheet",
            )  # fmt: skip


def _lint_subject(subject: str, row: int) -> Iterator[Problem]:
    file, column = "campaign.toml", "message.subject"
    if not subject.strip():
        yield Problem("error", "empty-subject", "the subject is empty", file, row, column)
    elif len(subject) > SUBJECT_SHOWN:
        message = f"the subject has {len(subject)} characters; inboxes show fewer than 80"
        yield Problem("warning", "long-subject", message, file, row, column)
    if _REPLY_PREFIX.match(subject):
        message = "the subject pretends to be a reply; Gmail counts that as spam"
        yield Problem("warning", "false-reply", message, file, row, column)


def _lint_headers(headers: tuple[tuple[str, str], ...], row: int) -> Iterator[Problem]:
    for name, value in headers:
        if name.lower() != "list-unsubscribe" or not value:
            continue
        column = f"message.headers.{name}"
        if not _LIST_URLS.fullmatch(value):
            yield Problem(
                "error", "list-unsubscribe", f"not a list of <URL>: {value[:80]!r}",
                "campaign.toml", row, column, "write <https://...> (RFC 2369, 2)",
            )  # fmt: skip
        elif "<http:" in value.lower():
            yield Problem(
                "error", "list-unsubscribe", "the unsubscribe link is not https",
                "campaign.toml", row, column, "RFC 8058 wants https",
            )  # fmt: skip
