"""Copies of sent messages in a Maildir or an mbox, as `keep_copy` of campaign.toml asks for.

A copy is made after the outcome is recorded, and is not synced: the ledger is the record.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from mailmerge.errors import RunStopped
from mailmerge.maildir import Maildir
from mailmerge.private_files import make_private_folder, open_private
from mailmerge.smtp import Transaction

Keep = Callable[[Transaction, float], None]
"""Keeps a copy of a transaction that was sent at a time (seconds since 1970). Safe from any thread.

Raises RunStopped where it cannot be written; the message is sent, and recorded as sent.
"""

_FROM_LINE: Final = re.compile(rb"^(>*From )", re.MULTILINE)


class _Mbox:
    """One file with a From line before each message and `>` before its own such lines (mboxrd).

    Lines end as the system's do: programs that read mbox know nothing else. Safe from any thread.

    Raises:
        LedgerError: its folder cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        make_private_folder(path.parent)

    def add(self, message: bytes, *, at: float, reverse_path: str = "") -> None:
        """Append one message, sent `at` (seconds since 1970).

        Raises:
            OSError: it cannot be written.
        """
        sender = reverse_path or "MAILER-DAEMON"
        first = f"From {sender} {time.asctime(time.gmtime(at))}\n".encode()
        lines = _FROM_LINE.sub(rb">\1", message.replace(b"\r\n", b"\n"))
        with self._lock:
            descriptor = open_private(self._path, "append")
            with os.fdopen(descriptor, "ab") as file:
                file.write(first + lines + b"\n")


def open_copies(kind: Literal["", "mbox", "maildir"], folder: Path) -> Keep:
    """What keeps the copies: in `sent` or `sent.mbox` of the folder, or nowhere.

    Raises:
        LedgerError: the folder cannot be made.
    """
    if kind == "maildir":
        maildir = Maildir(folder / "sent").make()
        return _reporting(lambda sent, at: maildir.add(b"".join(sent.content), at=at))
    if kind == "mbox":
        mbox = _Mbox(folder / "sent.mbox")
        return _reporting(
            lambda sent, at: mbox.add(
                b"".join(sent.content), at=at, reverse_path=sent.envelope.reverse_path
            )
        )
    return keep_none


def keep_none(transaction: Transaction, at: float) -> None:
    """Keep no copy."""
    del transaction, at


def _reporting(write: Callable[[Transaction, float], object]) -> Keep:
    """Turn the system's errors into one line that says what to do."""

    def keep(transaction: Transaction, at: float) -> None:
        try:
            write(transaction, at)
        except OSError as error:
            raise RunStopped(
                f"a copy of a sent message cannot be written: {error.strerror}",
                hint="make room on the disk, or remove keep_copy from campaign.toml",
                code="no-copy",
            ) from error

    return keep
