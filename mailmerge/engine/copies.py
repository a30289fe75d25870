"""Copies of sent messages in a Maildir or an mbox (`keep_copy` of campaign.toml).

A copy is made after the outcome is recorded. It is not synced to disk, because the ledger is the
record.
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
from mailmerge.language import tr
from mailmerge.library_messages import system_reason
from mailmerge.maildir import Maildir
from mailmerge.private_files import make_private_folder, open_private
from mailmerge.smtp import Transaction

Keep = Callable[[Transaction, float], None]
"""Keeps a copy of a transaction that was sent at a time (seconds since 1970). Safe from any thread.

Raises RunStopped if the copy cannot be written. The message itself is recorded as sent.
"""

_FROM_LINE: Final = re.compile(rb"^(>*From )", re.MULTILINE)


class _Mbox:
    """One file with a From line before each message, and `>` before such lines in it (mboxrd).

    Lines end in LF, as programs that read mbox expect. Safe from any thread.

    Raises:
        LedgerError: the folder of the file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        make_private_folder(path.parent)

    def add(self, message: bytes, *, at: float, reverse_path: str = "") -> None:
        """Append one message that was sent `at` (seconds since 1970).

        Raises:
            OSError: the file cannot be written.
        """
        sender = reverse_path or "MAILER-DAEMON"
        first = f"From {sender} {time.asctime(time.gmtime(at))}\n".encode()
        lines = _FROM_LINE.sub(rb">\1", message.replace(b"\r\n", b"\n"))
        with self._lock:
            descriptor = open_private(self._path, "append")
            with os.fdopen(descriptor, "ab") as file:
                file.write(first + lines + b"\n")


def open_copies(kind: Literal["", "mbox", "maildir"], folder: Path) -> Keep:
    """Return the function that keeps copies: in `sent` or `sent.mbox` of the folder, or nowhere.

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


def both(first: Keep, second: Keep) -> Keep:
    """Return a function that keeps a copy in two ways."""

    def keep(transaction: Transaction, at: float) -> None:
        first(transaction, at)
        second(transaction, at)

    return keep


def _reporting(write: Callable[[Transaction, float], object]) -> Keep:
    """Turn the system's errors into one line with a fix."""

    def keep(transaction: Transaction, at: float) -> None:
        try:
            write(transaction, at)
        except OSError as error:
            raise RunStopped(
                tr(
                    "a copy of a sent message cannot be written: {reason}",
                    reason=system_reason(error),
                ),
                hint=tr("free some disk space, or remove keep_copy from campaign.toml"),
                code="no-copy",
            ) from error

    return keep
