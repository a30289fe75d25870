"""Rules on the header fields of one message, and on the cells that they are made of."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mailmerge.errors import Problem
from mailmerge.language import tr
from mailmerge.mime.headers import is_blank
from mailmerge.preflight.rules import MadeMessage, Setup
from mailmerge.preflight.structures import byte_length
from mailmerge.preflight.urls import judge_link
from mailmerge.settings import CAMPAIGN_FILE

_SUBJECT_SHOWN = 150
"""Characters of a subject beyond which no mail program shows more."""

_SUBJECT_LIMIT = 998
"""Bytes of a line (RFC 5322, 2.1.1); a longer subject is likely a text in the wrong cell."""

_EXCEL_ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!"})
_LIST_URLS = re.compile(r"\s*<[^<>\s,\x00-\x20\x7f]+>(?:\s*,\s*<[^<>\s,\x00-\x20\x7f]+>)*\s*")
_REPLY_PREFIX = re.compile(r"\s*(re|fwd?|aw|wg|回复|转发)\s*[:：]", re.IGNORECASE)
_SUBJECT = "message.subject"


def check_recipient_needs_utf8(made: MadeMessage, setup: Setup) -> Iterator[Problem]:
    """The address is ASCII, so that every server can reach it (RFC 6531)."""
    mailbox, section = made.recipient.mailbox, setup.campaign.recipients
    if mailbox.needs_smtputf8:
        message = tr('only servers with SMTPUTF8 accept "{address}"', address=mailbox.address)
        hint = tr('"mailmerge connect" shows whether your server does (RFC 6531)')
        row = made.recipient.row
        yield Problem(
            "warning", "needs-smtputf8", message, section.file, row, section.address, hint
        )


def check_subject(made: MadeMessage, _: Setup) -> Iterator[Problem]:
    """The subject is not empty, not too long, and does not pretend to be a reply."""
    subject, row = made.content.subject, made.recipient.row
    if is_blank(subject):
        message, hint = tr("the subject is empty"), tr("fill in the cells that it is made of")
        yield Problem("error", "empty-subject", message, CAMPAIGN_FILE, row, _SUBJECT, hint)
        return
    size = byte_length(subject)
    if size > _SUBJECT_LIMIT:
        hint = tr("shorten it")
        message = tr(
            "the subject has {size:,} bytes; a line has {subject_limit} at most",
            size=size,
            subject_limit=_SUBJECT_LIMIT,
        )
        yield Problem("error", "long-subject", message, CAMPAIGN_FILE, row, _SUBJECT, hint)
    elif len(subject) > _SUBJECT_SHOWN:
        message = tr(
            "the subject has {count} characters; inboxes show fewer than 80", count=len(subject)
        )
        yield Problem(
            "warning", "long-subject", message, CAMPAIGN_FILE, row, _SUBJECT, tr("shorten it")
        )
    if subject[0] in "RrFfAaWw回转" and _REPLY_PREFIX.match(subject):
        message = tr("the subject pretends to be a reply; Gmail counts that as spam")
        hint = tr("remove the reply prefix, such as Re:")
        yield Problem("warning", "false-reply", message, CAMPAIGN_FILE, row, _SUBJECT, hint)


def check_unsubscribe_fields(made: MadeMessage, _: Setup) -> Iterator[Problem]:
    """List-Unsubscribe and List-Unsubscribe-Post follow RFC 2369 and RFC 8058."""
    fields = {name.lower(): (name, value) for name, value in made.content.headers if value}
    urls = fields.get("list-unsubscribe", ("", ""))[1]
    for name, value in fields.values():
        wrong = None
        if name.lower() == "list-unsubscribe":
            wrong = _judge_unsubscribe(value)
        elif name.lower() == "list-unsubscribe-post":
            wrong = _judge_one_click(value, urls)
        if wrong is not None:
            message, hint = wrong
            column, row = f"message.headers.{name}", made.recipient.row
            yield Problem("error", "list-unsubscribe", message, CAMPAIGN_FILE, row, column, hint)


def _judge_unsubscribe(value: str) -> tuple[str, str] | None:
    """The problem of the URLs and its fix; None if they are valid."""
    if not _LIST_URLS.fullmatch(value):
        return tr("not a list of <URL>: {value!r}", value=value[:80]), tr(
            "write <https://...> (RFC 2369, 2)"
        )
    for url in re.findall(r"<([^<>]*)>", value):
        wrong = judge_link(url)
        if wrong is None:
            continue
        if wrong.code == "http-link":
            message = tr("the unsubscribe link {url!r} is not https", url=url[:80])
            return message, tr("write https:// (RFC 8058)")
        return wrong.message, wrong.hint
    return None


def _judge_one_click(value: str, urls: str) -> tuple[str, str] | None:
    if value.strip() != "List-Unsubscribe=One-Click":
        return tr("{value!r} does not follow RFC 8058", value=value[:80]), tr(
            "write List-Unsubscribe=One-Click"
        )
    if "<https:" not in urls.lower():
        hint = tr('add List-Unsubscribe = "<https://...>" (RFC 8058)')
        return tr("one-click unsubscribing needs an https link in List-Unsubscribe"), hint
    return None


def check_formula_errors(made: MadeMessage, setup: Setup) -> Iterator[Problem]:
    """No cell contains the error of a formula; it is an error if the message would show it."""
    recipient, content = made.recipient, made.content
    rows = recipient.all_rows
    broken = [row for row in rows if not _EXCEL_ERRORS.isdisjoint(row.cells.values())]
    if not broken:
        return
    shown = f"{content.subject}\n{content.text}\n{content.html or ''}".replace("&#x2F;", "/")
    file, hint = setup.campaign.recipients.file, tr("fix the formula in the sheet")
    for number, cells in broken:
        for column, text in cells.items():
            if text in _EXCEL_ERRORS and text in shown:
                message = tr('the message would show "{text}"', text=text)
                yield Problem("error", "formula-error", message, file, number, column, hint)
            elif text in _EXCEL_ERRORS:
                message = tr('the cell says "{text}"', text=text)
                yield Problem("warning", "formula-error", message, file, number, column, hint)
