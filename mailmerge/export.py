"""Messages -> files: .eml, HTML, text, mbox or Maildir, to look at and to keep."""

from __future__ import annotations

import mailbox
import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, Literal

from mailmerge.errors import CampaignError, Problem
from mailmerge.language import tr
from mailmerge.maildir import Maildir
from mailmerge.messages import MessageFactory
from mailmerge.mime.message import Message
from mailmerge.private_files import make_private_file, open_private
from mailmerge.recipients.audience import Recipient, Skipped

Format = Literal["eml", "html", "text", "mbox", "maildir"]

_SUFFIXES = {"eml": "eml", "html": "html", "text": "txt"}


def _is_of_row(result: Recipient | Skipped | Problem, row: int) -> bool:
    if isinstance(result, Recipient):
        return any(one.number == row for one in result.all_rows)
    return result.row == row


def sample_messages(
    results: Iterable[Recipient | Skipped | Problem],
    messages: MessageFactory,
    *,
    row: int | None = None,
) -> Iterator[tuple[Recipient, Message]]:
    """Yield each recipient with its message, in the order of the rows; with `row`, only that row.

    The messages have sample Message-IDs and dates, because the ledger makes the real ones.

    Raises:
        InputError: a message cannot be made.
        CampaignError: a row is wrong, or no recipient matches.
    """
    found, last = False, 0
    for result in results:
        last = max(last, result.row or 0)
        if row is not None and not _is_of_row(result, row):
            continue
        if isinstance(result, Recipient):
            found = True
            yield result, messages.sample(result)
            if row is not None:
                return
            continue
        problem = result if isinstance(result, Problem) else result.problem
        if problem is not None and problem.severity == "error":
            raise CampaignError.from_problem(problem)
    if not found and row is not None and row > last > 0:
        raise CampaignError(
            tr("there is no row {row}", row=row),
            hint=tr("the last row is row {last}", last=last),
            code="no-recipients",
        )
    if not found:
        raise CampaignError(
            tr("no recipient matches"),
            hint=tr("check --to, --row and recipients.where"),
            code="no-recipients",
        )


def message_bytes(message: Message, wanted: Format) -> bytes:
    """Return one message in a format: `eml`, `mbox` and `maildir` give the whole message.

    Raises:
        CampaignError: the message has no HTML, and `wanted` is "html".
    """
    if wanted == "html":
        if message.html is None:
            raise CampaignError(
                tr("the campaign has no HTML"), hint=tr("use --format text"), code="no-html"
            )
        return message.html.encode()
    return message.text.encode() if wanted == "text" else bytes(message)


def export_messages(
    messages: Iterable[tuple[Recipient, Message]], folder: Path, wanted: Format
) -> int:
    """Write the messages into `folder` (mode 0700, files 0600), and return their number.

    Raises:
        CampaignError: a message has no HTML, and `wanted` is "html".
    """
    if wanted in ("mbox", "maildir"):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return _into_mailbox(messages, folder, wanted)
    count = 0
    for recipient, message in messages:
        content = message_bytes(message, wanted)  # fails before a file is made
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / f"{recipient.row:06}-{_file_name(recipient)}.{_SUFFIXES[wanted]}"
        with _private(path) as file:
            file.write(content)
        count += 1
    return count


def _into_mailbox(
    messages: Iterable[tuple[Recipient, Message]], folder: Path, wanted: Format
) -> int:
    # Lines in local mailboxes end in LF; CRLF is for transmission.
    lines = (bytes(message).replace(b"\r\n", b"\n") for _, message in messages)
    if wanted == "maildir":
        maildir = Maildir(folder / "Maildir").make()
        return len([maildir.add(content, at=time.time()) for content in lines])
    path = folder / "messages.mbox"
    make_private_file(path)  # the class mbox would make it readable for others
    path.chmod(0o600)
    with closing(mailbox.mbox(path)) as mbox:
        return len([mbox.add(content) for content in lines])


def _file_name(recipient: Recipient) -> str:
    return re.sub(r"[^\w@.+-]", "_", recipient.mailbox.address)[:100]


def _private(path: Path) -> BinaryIO:
    return os.fdopen(open_private(path, "write"), "wb")
