"""One person's finished message -> problems.

What belongs to a structure is looked at once and said once; what differs from person to person
(sizes, links, cells that are empty) is looked at for each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from weakref import WeakKeyDictionary

from mailmerge.campaign import CAMPAIGN_FILE, Campaign
from mailmerge.errors import Problem
from mailmerge.mime.headers import is_blank
from mailmerge.mime.message import Message
from mailmerge.preflight.html import (
    GMAIL_CLIP_NEAR,
    is_settled,
    lint_image_url,
    lint_page,
    lint_size,
    lint_url,
)
from mailmerge.preflight.links import UrlPattern, url_patterns
from mailmerge.preflight.templates import TemplateSources
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.content import Body, Content, Structure
from mailmerge.wording import size_in_words

SUBJECT_SHOWN = 150
"""Characters after which no mail program shows a subject."""

SUBJECT_LIMIT = 998
"""Octets of a line (RFC 5322, 2.1.1): a subject of more is a text in the wrong cell."""

LARGE_MESSAGE = 10_000_000
"""Octets that many servers refuse, where it is not known what this one takes."""

SAID_ONCE = 10_000
"""How many problems of structures are remembered as said."""

_EXCEL_ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!"})
_LIST_URLS = re.compile(r"\s*<[^<>\s,\x00-\x20\x7f]+>(?:\s*,\s*<[^<>\s,\x00-\x20\x7f]+>)*\s*")
_REPLY_PREFIX = re.compile(r"\s*(re|fwd?|aw|wg|回复|转发)\s*[:：]", re.IGNORECASE)
_TAGS = re.compile(r"<!--.*?-->|<[^>]*>", re.DOTALL)
_UNSEEN = re.compile(
    r"<(style|script|head)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>", re.DOTALL | re.IGNORECASE
)
_SPACE = re.compile(r"(?:\s|&nbsp;|&#160;|\u200b|\u00ad)+")
_BEFORE_SCAR = re.compile(r"(?:^|[\s，。：、的])\Z")
_AFTER_SCAR = re.compile(r"[,.!?:;，。！？：；、](?!\w)")
_SUBJECT_SCAR = re.compile(r"\s[,.;，](?:\s|\Z)|^[,.;:!，：]")
_VALUE = "\ue000"


@dataclass(frozen=True, slots=True)
class _Known:
    """What a structure is found to be: the same for everybody who has it.

    `octets` counts what is static, `is_blank` says that nothing static is seen, `scars` are the
    values whose absence is seen, each with the text around it.
    """

    octets: int
    is_blank: bool
    urls: tuple[UrlPattern, ...] = ()
    scars: tuple[tuple[int, str], ...] = ()


@dataclass(slots=True)
class MessageCheck:
    """Checks one message after the other; what belongs to a structure is said once.

    `size_limit` is the largest message that the server takes, in octets (None: not known).
    `variables` are the names that the templates use.
    """

    campaign: Campaign
    size_limit: int | None = None
    _known: WeakKeyDictionary[Structure, _Known] = field(default_factory=WeakKeyDictionary)
    _said: set[Problem] = field(default_factory=set)
    _sources: TemplateSources | None = None

    def problems(
        self, recipient: Recipient, content: Content, message: Message | None
    ) -> Iterator[Problem]:
        """Everything that is wrong with this person's message.

        `message` is the composed octets; None where they could not be composed.
        """
        row = recipient.row
        yield from _lint_mailbox(recipient, self.campaign)
        yield from _lint_subject(content.subject, row)
        if content.headers:
            yield from _lint_headers(content.headers, row)
        if not _EXCEL_ERRORS.isdisjoint(recipient.cells.values()):
            yield from _lint_cells(recipient, content, self.campaign.recipients.file)
        if content.html is not None:
            yield from self._lint_html(content.html, row)
        if self.campaign.message.text is not None:
            yield from self._lint_text(content, row)
        yield from self._lint_gaps(recipient, content)
        if message is not None:
            yield from self._lint_octets(message.size, row)

    # -- bodies -----------------------------------------------------------------------------------

    def _lint_html(self, body: Body, row: int) -> Iterator[Problem]:
        file = self.campaign.message.html or ""
        known = self._known.get(body.structure)
        if known is None:
            known = self._known[body.structure] = _know_html(body.structure)
            yield from self._once(self._lint_structure(body.structure), row)
        octets = known.octets + _octets("".join(body.values))
        if octets > GMAIL_CLIP_NEAR:
            yield from lint_size(octets, file, row)
        if known.is_blank and not _seen("".join(body.values)):
            yield _nothing_shown(body, file, row)
        if known.urls:
            yield from _lint_urls(known.urls, body.values, file, row)

    def _lint_structure(self, structure: Structure) -> Iterator[Problem]:
        prefix = "" if self.campaign.message.related_by == "content-location" else "cid:"
        paths = {prefix + image.reference: image.path for image in structure.images}
        if self._sources is None:
            self._sources = TemplateSources(self.campaign)
        page = _VALUE.join(structure.static)
        return lint_page(page, self._sources.locate, paths=paths, value=_VALUE)

    def _once(self, problems: Iterator[Problem], row: int) -> Iterator[Problem]:
        """What is new of them; the row where it is not known for whom else this holds."""
        first = not self._said and len(self._known) <= 1
        for problem in problems:
            if problem not in self._said and len(self._said) < SAID_ONCE:
                self._said.add(problem)
                yield problem if first or problem.line is not None else replace(problem, row=row)

    def _lint_text(self, content: Content, row: int) -> Iterator[Problem]:
        known = self._known.get(content.text.structure)
        if known is None:
            known = self._known[content.text.structure] = _know_text(content.text.structure)
        if not known.is_blank or "".join(content.text.values).strip():
            return
        file = self.campaign.message.text or ""
        if content.html is None:
            hint = "write something into the template"
            yield Problem("error", "empty-body", "the message is empty", file, row, hint=hint)
        else:
            said = "the text part is empty; who reads no HTML sees nothing"
            hint = f"fill it in, or remove text = {file!r}: then it is made from the HTML"
            yield Problem("warning", "empty-text", said, file, row, hint=hint)

    def _lint_gaps(self, recipient: Recipient, content: Content) -> Iterator[Problem]:
        """An empty cell that leaves a mark where everybody sees it: `Dear ,`."""
        message = self.campaign.message
        if _SUBJECT_SCAR.search(content.subject) and "" in recipient.cells.values():
            yield _gap(content.subject, CAMPAIGN_FILE, recipient, "message.subject")
            return
        for body, file in ((content.text, message.text), (content.html, message.html)):
            if body is None or "" not in body.values:
                continue
            known = self._known.get(body.structure)
            for index, around in known.scars if known else ():
                if not body.values[index]:
                    yield _gap(around, file or "", recipient, _only_empty(recipient))
                    return

    def _lint_octets(self, size: int, row: int) -> Iterator[Problem]:
        hint = "send a link instead of a large attachment"
        said = f"the message has {size_in_words(size)}"
        if self.size_limit is not None and size > self.size_limit:
            message = f"{said}; the server takes {size_in_words(self.size_limit)}"
            yield Problem("error", "too-large", message, row=row, hint=hint)
        elif self.size_limit is None and size > LARGE_MESSAGE:
            message = f"{said}; many servers take no more than {size_in_words(LARGE_MESSAGE)}"
            yield Problem("warning", "large-message", message, row=row, hint=hint)


def _know_html(structure: Structure) -> _Known:
    static = structure.static
    page = _VALUE.join(static)
    seen = _seen(_UNSEEN.sub("", page).replace(_VALUE, ""))
    return _Known(sum(map(_octets, static)), not seen, _open_urls(static), _scars(static))


def _open_urls(static: tuple[str, ...]) -> tuple[UrlPattern, ...]:
    """The URLs that a value can spoil: not those that begin with a good host."""
    return tuple(one for one in url_patterns(static) if not is_settled(one.pieces[0]))


def _know_text(structure: Structure) -> _Known:
    static = structure.static
    return _Known(sum(map(_octets, static)), not "".join(static).strip(), (), _scars(static))


def _octets(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _seen(text: str) -> str:
    return _SPACE.sub("", text)


def _nothing_shown(body: Body, file: str, row: int) -> Problem:
    if "<img" in "".join(body.structure.static).lower():
        said = "the message is only an image; many readers see nothing, and filters dislike it"
        return Problem("warning", "image-only", said, file, row, hint="write a few words beside it")
    return Problem("error", "empty-body", "the HTML shows no text", file, row, hint="fill it in")


def _scars(static: tuple[str, ...]) -> tuple[tuple[int, str], ...]:
    """The values that would be missed: those between a space and a punctuation mark."""
    found = []
    for index, (before, after) in enumerate(pairwise(static)):
        ends = _TAGS.sub(" ", before[-200:].rpartition(">")[2] or " ")
        begins = re.sub(r"\A(?:<[^>]*>)+", "", after[:200])
        if "<" in ends or not _BEFORE_SCAR.search(ends) or not _AFTER_SCAR.match(begins):
            continue
        around = f"{ends.lstrip()[-24:]}{_TAGS.sub('', begins)[:1]}"
        found.append((index, " ".join(around.split()) if around.strip() else around))
    return tuple(found)


def _gap(around: str, file: str, recipient: Recipient, column: str) -> Problem:
    said = f"an empty cell leaves a gap: {' '.join(around.split())[:60]!r}"
    hint = 'fill it in, or write a default: {{ name or "friend" }}'
    return Problem("warning", "empty-value", said, file, recipient.row, column, hint)


def _only_empty(recipient: Recipient) -> str:
    """The column of the empty cell, where there is only one."""
    empty = [column for column, text in recipient.cells.items() if not text]
    return empty[0] if len(empty) == 1 else ""


def _lint_urls(
    patterns: tuple[UrlPattern, ...], values: tuple[str, ...], file: str, row: int
) -> Iterator[Problem]:
    for pattern in patterns:
        url = pattern.fill(values)
        if pattern.attribute == "href":
            found = lint_url(url) if pattern.element in {"a", "area"} else None
        elif pattern.attribute in {"src", "background"}:
            found = lint_image_url(url)
        else:
            continue
        if found is not None:
            yield Problem("warning", found[0], found[1], file, row, hint=found[2])


# -- cells and fields -----------------------------------------------------------------------------


def _lint_mailbox(recipient: Recipient, campaign: Campaign) -> Iterator[Problem]:
    if recipient.mailbox.needs_smtputf8:
        section = campaign.recipients
        said = f'"{recipient.mailbox.address}" is only reached by servers that know SMTPUTF8'
        hint = '"mailmerge connect" shows whether yours does (RFC 6531)'
        yield Problem(
            "warning", "needs-smtputf8", said, section.file, recipient.row, section.address, hint
        )


def _lint_cells(recipient: Recipient, content: Content, file: str) -> Iterator[Problem]:
    """Errors of a calculation: what readers would see is an error, what they would not is not."""
    shown = f"{content.subject}\n{content.text}\n{content.html or ''}".replace("&#x2F;", "/")
    for column, text in recipient.cells.items():
        if text not in _EXCEL_ERRORS:
            continue
        hint = "mend the formula in the sheet"
        if text in shown:
            said = f'the message would show "{text}"'
            yield Problem("error", "formula-error", said, file, recipient.row, column, hint)
        else:
            said = f'the cell says "{text}"'
            yield Problem("warning", "formula-error", said, file, recipient.row, column, hint)


def _lint_subject(subject: str, row: int) -> Iterator[Problem]:
    file, column = CAMPAIGN_FILE, "message.subject"
    if is_blank(subject):
        hint = "fill in the cells that it is made of"
        yield Problem("error", "empty-subject", "the subject is empty", file, row, column, hint)
        return
    if _octets(subject) > SUBJECT_LIMIT:
        message = f"the subject has {_octets(subject):,} octets; a line has {SUBJECT_LIMIT} at most"
        yield Problem("error", "long-subject", message, file, row, column, "shorten it")
    elif len(subject) > SUBJECT_SHOWN:
        message = f"the subject has {len(subject)} characters; inboxes show fewer than 80"
        yield Problem("warning", "long-subject", message, file, row, column, "shorten it")
    if subject[0] in "RrFfAaWw回转" and _REPLY_PREFIX.match(subject):
        message = "the subject pretends to be a reply; Gmail counts that as spam"
        yield Problem("warning", "false-reply", message, file, row, column, "leave that out")


def _lint_headers(headers: tuple[tuple[str, str], ...], row: int) -> Iterator[Problem]:
    lowered = {name.lower(): value for name, value in headers if value}
    for name, value in headers:
        if not value:
            continue
        found = None
        if name.lower() == "list-unsubscribe":
            found = _lint_unsubscribe(value)
        elif name.lower() == "list-unsubscribe-post":
            found = _lint_one_click(value, lowered.get("list-unsubscribe", ""))
        if found is not None:
            yield Problem(
                "error", "list-unsubscribe", found[0],
                CAMPAIGN_FILE, row, f"message.headers.{name}", found[1],
            )  # fmt: skip


def _lint_unsubscribe(value: str) -> tuple[str, str] | None:
    if not _LIST_URLS.fullmatch(value):
        return f"not a list of <URL>: {value[:80]!r}", "write <https://...> (RFC 2369, 2)"
    for url in re.findall(r"<([^<>]*)>", value):
        found = lint_url(url)
        if found is None:
            continue
        if found[0] == "http-link":
            return f"the unsubscribe link {url[:80]!r} is not https", "RFC 8058 wants https"
        return found[1], found[2]
    return None


def _lint_one_click(value: str, urls: str) -> tuple[str, str] | None:
    if value.strip() != "List-Unsubscribe=One-Click":
        return f"{value[:80]!r} is not what RFC 8058 wants", "write List-Unsubscribe=One-Click"
    if "<https:" not in urls.lower():
        hint = 'add List-Unsubscribe = "<https://...>" (RFC 8058)'
        return "one click needs an https link in List-Unsubscribe", hint
    return None
