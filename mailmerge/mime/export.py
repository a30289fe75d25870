"""Messages -> files: .eml, HTML, text, mbox or Maildir, for looking at and for keeping."""

from __future__ import annotations

import mailbox
import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, Literal

from mailmerge.campaign import Campaign
from mailmerge.errors import CampaignError, Problem
from mailmerge.maildir import Maildir
from mailmerge.mime.workshop import Made, Workshop
from mailmerge.recipients.audience import Recipient, Selection, open_audience

Format = Literal["eml", "html", "text", "mbox", "maildir"]


def merge(campaign: Campaign, selection: Selection, *, row: int | None = None) -> Iterator[Made]:
    """Render and compose the messages of the people selected, in the order of the spreadsheet.

    The Message-IDs are stand-ins: the real ones belong to the ledger.

    Raises:
        InputError: the first row, template or file that is wrong.
        CampaignError: nobody fits the selection.
    """
    workshop = Workshop(campaign)
    found = False
    for recipient in _people(campaign, selection, row):
        found = True
        yield workshop.make(recipient)
    if not found:
        raise CampaignError(
            "nobody fits", hint="look at --to, --row and recipients.where", code="nobody"
        )


def octets_of(made: Made, wanted: Format) -> bytes:
    """One message as it is printed or written to a file of its own.

    Raises:
        CampaignError: the HTML of a message that has none.
    """
    if wanted == "html":
        if made.content.html is None:
            raise CampaignError("the campaign has no HTML", hint="--format text", code="no-html")
        return str(made.content.html).encode()
    if wanted == "text":
        return str(made.content.text).encode()
    return made.octets


def export(messages: Iterable[Made], folder: Path, wanted: Format) -> int:
    """Write the messages into `folder` (made with mode 0700, files 0600) and count them."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if wanted in ("mbox", "maildir"):
        return _into_mailbox(messages, folder, wanted)
    suffix = {"eml": "eml", "html": "html", "text": "txt"}[wanted]
    count = 0
    for made in messages:
        path = folder / f"{made.recipient.row:06}-{_file_name(made)}.{suffix}"
        with _private(path) as descriptor:
            descriptor.write(octets_of(made, wanted))
        count += 1
    return count


def _people(campaign: Campaign, selection: Selection, row: int | None) -> Iterator[Recipient]:
    for result in open_audience(campaign, selection):
        if row is not None and result.row != row:
            continue
        if isinstance(result, Recipient):
            yield result
            if row is not None:
                return
            continue
        problem = result if isinstance(result, Problem) else result.problem
        if problem is not None and problem.severity == "error":
            raise CampaignError.from_problem(problem)


def _into_mailbox(messages: Iterable[Made], folder: Path, wanted: Format) -> int:
    # Local mailboxes hold lines as the system has them; CRLF belongs to the wire.
    lines = (bytes(made.message).replace(b"\r\n", b"\n") for made in messages)
    if wanted == "maildir":
        maildir = Maildir(folder / "Maildir").make()
        return len([maildir.add(content, at=time.time()) for content in lines])
    with closing(mailbox.mbox(folder / "messages.mbox")) as mbox:
        return len([mbox.add(content) for content in lines])


def _file_name(made: Made) -> str:
    return re.sub(r"[^\w@.+-]", "_", made.recipient.mailbox.address)[:100]


def _private(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
