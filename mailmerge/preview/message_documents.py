"""One message as JSON for the page: plain values, never markup."""

from __future__ import annotations

from collections.abc import Iterable

from mailmerge.errors import Problem
from mailmerge.library_messages import smtp_message
from mailmerge.preflight.html import links_of
from mailmerge.preflight.rules import Setup
from mailmerge.preflight.runner import RowChecker
from mailmerge.preview.delivery_states import KnownDelivery
from mailmerge.preview.documents import (
    Document,
    row_document,
    row_filter,
    sandbox_row_document,
)
from mailmerge.preview.frame import count_remote_images
from mailmerge.preview.messages import ShownMessage
from mailmerge.preview.mime_structure import (
    SHOWN_BYTES,
    BodyPart,
    HeaderField,
    ParsedMessage,
    parse_message,
)
from mailmerge.preview.problem_documents import problem_document
from mailmerge.preview.recipient_list import RecipientRow
from mailmerge.preview.sandbox_messages import SandboxEntry, SandboxMessage
from mailmerge.preview.session import PreviewSession
from mailmerge.preview.snapshot import CampaignSnapshot


def message_document(
    session: PreviewSession, row: RecipientRow, search: str, among: str
) -> Document:
    """Everything the page shows of one row: its message, cells and problems.

    `before` and `after` are the neighbours among the rows that match `search` and `among`.
    """
    snapshot, folder, states = session.snapshot, session.folder, session.deliveries
    rows = row_filter(session, among)
    before, after = snapshot.rows.neighbours(row.key, search, among=rows)
    result = snapshot.message(row)
    made = result if isinstance(result, ShownMessage) else None
    broken = result if isinstance(result, Problem) else None
    found = _all_problems(session, row, made, broken)
    problems = _without_repeats(problem_document(problem, folder) for problem in found)
    return {
        **row_document(row, session, states),
        "delivery": _delivery_document(states.find(row)),
        "before": before.key if before else None,
        "after": after.key if after else None,
        "cells": _cells(snapshot, row),
        "rows": [
            {"row": number, "cells": dict(cells)}
            for number, cells in (row.group.rows if row.group is not None else ())
        ],
        "otherVariables": _other_variables(snapshot),
        "broken": None if broken is None else problem_document(broken, folder),
        "problems": problems,
        "message": _made_document(snapshot, made) if made else None,
    }


def sandbox_message_document(
    session: PreviewSession, name: str, message: SandboxMessage
) -> Document:
    """The same for one message of the sandbox, which has no row."""
    before, after = session.sandbox.neighbours(name)
    parsed = parse_message(message.data)
    entry = SandboxEntry(name, parsed.header("To"), parsed.header("Subject"))
    envelope = {
        "reversePath": message.reverse_path,
        "forwardPath": message.forward_path,
        "eightbit": not message.data.isascii(),
        "smtputf8": not message.forward_path.isascii(),
    }
    return {
        **sandbox_row_document(entry),
        "delivery": None,
        "before": before,
        "after": after,
        "cells": [],
        "rows": [],
        "otherVariables": [],
        "broken": None,
        "problems": [],
        "message": {**_parsed_document(parsed), "envelope": envelope},
    }


def _delivery_document(known: KnownDelivery | None) -> Document | None:
    """What the ledger says about the recipient; the time is in milliseconds, as scripts count."""
    if known is None:
        return None
    at = known.changed_at
    return {
        "state": known.state.value,
        "reply": smtp_message(known.reply),
        "at": None if at is None else round(at * 1000),
    }


def _all_problems(
    session: PreviewSession, row: RecipientRow, made: ShownMessage | None, broken: Problem | None
) -> list[Problem]:
    """What the check has found in this row so far, what it says of this message, and `broken`."""
    found = [*session.checks.problems_of(row.number), *_message_problems(session.snapshot, made)]
    if broken is not None:
        found.append(broken)
    return found


def _without_repeats(documents: Iterable[Document]) -> list[Document]:
    """Each document once: the check and the rendering find the same error in other words.

    The check names the recipient and the sheet, which the page shows anyway.
    """
    shown: list[Document] = []
    for document in documents:
        if document not in shown:
            shown.append(document)
    return shown


def _message_problems(snapshot: CampaignSnapshot, made: ShownMessage | None) -> list[Problem]:
    if made is None or snapshot.campaign is None:
        return []
    checker = RowChecker(Setup(snapshot.campaign))
    found = checker.check_message(made.recipient, made.message.content, made.message)
    return [*checker.check_recipient(made.recipient), *found]


def _made_document(snapshot: CampaignSnapshot, made: ShownMessage) -> Document:
    assert snapshot.messages is not None
    copies = made.message.content.copies
    return {
        **_parsed_document(parse_message(bytes(made))),
        "bcc": ", ".join(one.address for one in copies.bcc),
        "envelope": {
            "reversePath": snapshot.messages.factory.reverse_path,
            "forwardPath": made.recipient.mailbox.forward_path,
            "copies": [one.forward_path for one in made.message.content.copies.mailboxes],
            "eightbit": made.message.eightbit,
            "smtputf8": made.message.smtputf8,
        },
    }


def _parsed_document(parsed: ParsedMessage) -> Document:
    html = parsed.html
    return {
        "size": parsed.size,
        "htmlSize": len(html.encode("utf-8", "replace")) if html is not None else 0,
        "from": parsed.header("From"),
        "to": parsed.header("To"),
        "cc": parsed.header("Cc"),
        "bcc": "",
        "replyTo": parsed.header("Reply-To"),
        "subject": parsed.header("Subject"),
        "preheader": parsed.preheader,
        "html": html,
        "text": parsed.text,
        "raw": parsed.raw,
        "rawCut": parsed.size > SHOWN_BYTES,
        "headers": [_header_document(field) for field in parsed.headers],
        "parts": [_part_document(part) for part in parsed.parts],
        "links": [
            {"url": link.url, "text": link.text, "unsubscribes": link.unsubscribes}
            for link in links_of(html or "")
        ],
        "remoteImages": count_remote_images(html or "", parsed.images),
    }


def _header_document(field: HeaderField) -> Document:
    return {"name": field.name, "value": field.value, "written": field.written}


def _part_document(part: BodyPart) -> Document:
    return {
        "number": part.number,
        "depth": part.depth,
        "contentType": part.content_type,
        "charset": part.charset,
        "encoding": part.encoding,
        "disposition": part.disposition,
        "filename": part.filename,
        "contentId": part.content_id,
        "location": part.location,
        "encoded": part.encoded,
        "size": part.size,
    }


def _cells(snapshot: CampaignSnapshot, row: RecipientRow) -> list[Document]:
    used = snapshot.messages.factory.variables if snapshot.messages else None
    return [
        {"column": column, "value": value, "used": None if used is None else column in used}
        for column, value in snapshot.cells(row).items()
    ]


def _other_variables(snapshot: CampaignSnapshot) -> list[str]:
    if snapshot.messages is None:
        return []
    return sorted(
        snapshot.messages.factory.variables - {"campaign", "rows", *snapshot.rows.columns}
    )
