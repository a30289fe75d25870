"""Rules on the bodies of one message: their size, their links, and their visible text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace

from mailmerge.errors import Problem
from mailmerge.language import tr
from mailmerge.preflight.links import UrlPattern
from mailmerge.preflight.rules import MadeMessage, Setup
from mailmerge.preflight.structures import StructureFacts, byte_length, visible
from mailmerge.preflight.urls import judge_image, judge_link
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.content import Body
from mailmerge.settings import CAMPAIGN_FILE
from mailmerge.wording import size_in_words

_GMAIL_CLIP = 102 * 1024
"""Bytes of HTML after which Gmail clips a message (measured by several senders, not documented)."""

_GMAIL_CLIP_NEAR = 90 * 1024

_LARGE_MESSAGE = 10_000_000
"""Bytes of a message that many servers refuse; for a server whose limit is not known."""

_SUBJECT_GAP = re.compile(r"\s[,.;，](?:\s|\Z)|^[,.;:!，：]")


def check_html_size(made: MadeMessage, setup: Setup) -> Iterator[Problem]:
    """Gmail shows the HTML to its end."""
    if made.html is None or made.content.html is None:
        return
    size = made.html.size + byte_length("".join(made.content.html.values))
    if size <= _GMAIL_CLIP_NEAR:
        return
    file, row = setup.campaign.message.html or "", made.recipient.row
    message = tr("the HTML has {size}; Gmail cuts off after 102 KB", size=size_in_words(size))
    if size > _GMAIL_CLIP:
        yield Problem("warning", "html-clipped", message, file, row, hint=tr("shorten it"))
    else:
        yield Problem("warning", "html-near-clip", message, file, row, hint=tr("keep it short"))


def check_html_shows_text(made: MadeMessage, setup: Setup) -> Iterator[Problem]:
    """The HTML shows some text."""
    body = made.content.html
    if made.html is None or body is None or not made.html.is_blank:
        return
    if visible("".join(body.values)):
        return
    file, row = setup.campaign.message.html or "", made.recipient.row
    if "<img" in "".join(body.structure.static).lower():
        message = tr(
            "the message is only an image: many readers see nothing, and it looks like spam"
        )
        hint = tr("add some text")
        yield Problem("warning", "image-only", message, file, row, hint=hint)
    else:
        message = tr("the HTML shows no text")
        yield Problem("error", "empty-body", message, file, row, hint=tr("fill it in"))


def check_urls(made: MadeMessage, setup: Setup) -> Iterator[Problem]:
    """The URLs that contain values of this recipient are valid."""
    if made.html is None or made.content.html is None:
        return
    file, row = setup.campaign.message.html or "", made.recipient.row
    for pattern in made.html.urls:
        wrong = _judge(pattern, pattern.fill(made.content.html.values))
        if wrong is not None:
            yield replace(wrong, file=file, row=row)


def _judge(pattern: UrlPattern, url: str) -> Problem | None:
    if pattern.attribute == "href" and pattern.element in {"a", "area"}:
        return judge_link(url)
    return judge_image(url) if pattern.attribute in {"src", "background"} else None


def check_text_is_filled(made: MadeMessage, setup: Setup) -> Iterator[Problem]:
    """The text part is not empty, if the campaign has a template for it."""
    file = setup.campaign.message.text
    if file is None or made.text is None or not made.text.is_blank:
        return
    if "".join(made.content.text.values).strip():
        return
    row = made.recipient.row
    if made.content.html is None:
        hint = tr("write something into the template")
        yield Problem("error", "empty-body", tr("the message is empty"), file, row, hint=hint)
    else:
        message = tr("the text part is empty: readers without HTML see nothing")
        hint = tr("fill it in, or remove text = {file!r}: then it is made from the HTML", file=file)
        yield Problem("warning", "empty-text", message, file, row, hint=hint)


def check_gaps(made: MadeMessage, setup: Setup) -> Iterator[Problem]:
    """No empty cell leaves a gap that a reader notices, such as `Dear ,`."""
    recipient, content, section = made.recipient, made.content, setup.campaign.message
    if _SUBJECT_GAP.search(content.subject) and _has_empty_cell(recipient):
        yield _gap(content.subject, CAMPAIGN_FILE, recipient, "message.subject")
        return
    for body, facts, file in (
        (content.text, made.text, section.text),
        (content.html, made.html, section.html),
    ):
        around = _gap_of(body, facts)
        if around:
            yield _gap(around, file or "", recipient, _only_empty_column(recipient))
            return


def _has_empty_cell(recipient: Recipient) -> bool:
    return any("" in row.cells.values() for row in recipient.all_rows)


def _gap_of(body: Body | None, facts: StructureFacts | None) -> str:
    """The text around the first empty value that leaves a visible gap; "" if there is none."""
    if body is None or facts is None or "" not in body.values:
        return ""
    return next((around for index, around in facts.gaps if not body.values[index]), "")


def _gap(around: str, file: str, recipient: Recipient, column: str) -> Problem:
    message = tr("an empty cell leaves a gap: {around!r}", around=" ".join(around.split())[:60])
    hint = tr('fill it in, or write a default: {{ name or "friend" }}')
    return Problem("warning", "empty-value", message, file, recipient.row, column, hint)


def _only_empty_column(recipient: Recipient) -> str:
    """The column of the empty cell; "" if there are several."""
    empty = [column for column, text in recipient.cells.items() if not text]
    return empty[0] if len(empty) == 1 else ""


def check_line_breaks(made: MadeMessage, setup: Setup) -> Iterator[Problem]:
    """No line breaks of a cell are lost in the HTML, where they count as spaces."""
    body, cells = made.content.html, made.recipient.cells
    joined = "".join(cells.values())
    if body is None or not ("\n" in joined or "\r" in joined):
        return
    broken = [html.unescape(value) for value in body.values if "\n" in value.strip()]
    if not broken or _PRESERVED.search("".join(body.structure.static)):
        return
    for column, text in cells.items():
        lines = text.replace("\r\n", "\n").replace("\r", "\n").strip()
        if "\n" in lines and any(lines in value for value in broken):
            name = column if column.isidentifier() else f'row["{column}"]'
            message = tr("the line breaks of the cell become spaces in HTML")
            hint = tr("write {{{{ {name}|nl2br }}}}", name=name)
            file, row = setup.campaign.message.html or "", made.recipient.row
            yield Problem("warning", "line-breaks", message, file, row, column, hint)


_PRESERVED = re.compile(r"<pre\b|<textarea\b|white-space\s*:\s*(?:pre|break-spaces)", re.IGNORECASE)


def check_message_size(made: MadeMessage, setup: Setup) -> Iterator[Problem]:
    """The server takes a message of this size (RFC 1870)."""
    if made.message is None:
        return
    size, limit, row = made.message.size, setup.size_limit, made.recipient.row
    if size <= (_LARGE_MESSAGE if limit is None else limit):
        return
    hint = tr("send a link instead of a large attachment")
    if limit is not None:
        message = tr(
            "the message has {size}; the server takes {limit}",
            size=size_in_words(size),
            limit=size_in_words(limit),
        )
        yield Problem("error", "too-large", message, row=row, hint=hint)
    else:
        most = size_in_words(_LARGE_MESSAGE)
        message = tr(
            "the message has {size}; many servers take no more than {most}",
            size=size_in_words(size),
            most=most,
        )
        yield Problem("warning", "large-message", message, row=row, hint=hint)
