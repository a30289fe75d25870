"""Messages -> files: .eml, HTML, text, mbox or Maildir, for looking at and for keeping."""

from __future__ import annotations

import mailbox
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Literal

from mailmerge.campaign import Campaign
from mailmerge.errors import CampaignError, Problem
from mailmerge.mime.headers import make_message_id
from mailmerge.mime.message import Composer, Message
from mailmerge.mime.parts import PartStore
from mailmerge.recipients.audience import Audience, Recipient, Selection
from mailmerge.recipients.spreadsheet import open_spreadsheet
from mailmerge.rendering.content import Content, Renderer

Format = Literal["eml", "html", "text", "mbox", "maildir"]

_EXAMPLE_SECRET = b"rendered, not sent"


@dataclass(frozen=True, slots=True)
class Merged:
    """One person's message in all its forms: the row, the texts, the octets."""

    recipient: Recipient
    content: Content
    message: Message


def merge(campaign: Campaign, selection: Selection, *, row: int | None = None) -> Iterator[Merged]:
    """Render and compose the messages of the people selected, in the order of the spreadsheet.

    The Message-IDs are stand-ins: the real ones belong to the ledger.

    Raises:
        InputError: the first row, template or file that is wrong.
        CampaignError: nobody fits the selection.
    """
    renderer = Renderer(campaign)
    composer = Composer(campaign, PartStore(campaign.folder))
    date = datetime.now(UTC)
    found = False
    for recipient in _people(campaign, selection, row):
        found = True
        content = renderer.render(recipient)
        message_id = make_message_id(
            _EXAMPLE_SECRET, campaign.name, recipient.key, composer.sender.domain
        )
        message = composer.compose(recipient, content, message_id=message_id, date=date)
        yield Merged(recipient, content, message)
    if not found:
        raise CampaignError(
            "nobody fits", hint="look at --to, --row and recipients.where", code="nobody"
        )


def octets_of(merged: Merged, wanted: Format) -> bytes:
    """One message as it is printed or written to a file of its own.

    Raises:
        CampaignError: the HTML of a message that has none.
    """
    if wanted == "html":
        if merged.content.html is None:
            raise CampaignError("the campaign has no HTML", hint="--format text", code="no-html")
        return str(merged.content.html).encode()
    if wanted == "text":
        return str(merged.content.text).encode()
    return bytes(merged.message)


def export(messages: Iterable[Merged], folder: Path, wanted: Format) -> int:
    """Write the messages into `folder` (made with mode 0700, files 0600) and count them."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if wanted in ("mbox", "maildir"):
        return _into_mailbox(messages, folder, wanted)
    suffix = {"eml": "eml", "html": "html", "text": "txt"}[wanted]
    count = 0
    for merged in messages:
        path = folder / f"{merged.recipient.row:06}-{_file_name(merged)}.{suffix}"
        with _private(path) as descriptor:
            descriptor.write(octets_of(merged, wanted))
        count += 1
    return count


def _people(campaign: Campaign, selection: Selection, row: int | None) -> Iterator[Recipient]:
    spreadsheet = open_spreadsheet(campaign)
    for one in Audience(campaign, spreadsheet, selection):
        if isinstance(one, Problem):
            if row is None or one.row == row:
                raise _as_error(one)
        elif row is None or one.row == row:
            yield one
            if row is not None:
                return


def _as_error(problem: Problem) -> CampaignError:
    return CampaignError(
        problem.message, hint=problem.hint, code=problem.code, file=problem.file, row=problem.row,
        column=problem.column, line=problem.line,
    )  # fmt: skip


def _into_mailbox(messages: Iterable[Merged], folder: Path, wanted: Format) -> int:
    kept: mailbox.mbox | mailbox.Maildir = (
        mailbox.mbox(folder / "messages.mbox")
        if wanted == "mbox"
        else mailbox.Maildir(folder / "Maildir")
    )
    count = 0
    for merged in messages:
        # Local mailboxes hold lines as the system has them; CRLF belongs to the wire.
        kept.add(bytes(merged.message).replace(b"\r\n", b"\n"))
        count += 1
    kept.close()
    return count


def _file_name(merged: Merged) -> str:
    return re.sub(r"[^\w@.+-]", "_", merged.recipient.mailbox.address)[:100]


def _private(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
