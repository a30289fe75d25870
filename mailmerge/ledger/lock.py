"""One ledger, one sender: a lock file, and the process that holds it.

The file is never removed. The system releases the lock when the process ends, even after a crash,
so a stale lock cannot exist (portable/locks.py). The content of the file is for users.
"""

from __future__ import annotations

import json
import os
import socket
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from mailmerge.errors import LedgerError, LedgerHeld
from mailmerge.portable.boot import boot_id
from mailmerge.portable.locks import system_locking
from mailmerge.private_files import open_private

_PAUSES = (0.02, 0.05, 0.1, 0.2, 0.0)
"""Seconds between attempts: a process that only asks for the owner also locks it for a moment."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that holds a ledger; `since` is in seconds since 1970. `pid` 0: not known."""

    pid: int
    host: str
    boot_id: str
    since: float

    def __str__(self) -> str:
        if not self.pid:  # Windows has no local time for the beginning of 1970, either
            return "another process"
        since = datetime.fromtimestamp(self.since).astimezone()
        return f"process {self.pid} on {self.host}, since {since:%Y-%m-%d %H:%M:%S}"


class Lock:
    """The exclusive right to write a ledger, held until `release` or the end of the process.

    Raises:
        LedgerHeld: another process holds it; the message names that process.
        LedgerError: the lock file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = open_private(path, "update")
        except OSError as error:
            raise LedgerError(
                f"cannot be opened: {error.strerror}",
                file=path.name,
                hint="check its permissions",
                code="ledger-unwritable",
            ) from error
        if not _locked(self._file):
            self.release()
            raise LedgerHeld(
                f"this campaign is being sent by {_signature(path)}",
                hint="wait for it to end, or stop it; this process has sent nothing",
            )
        self._sign()

    def _sign(self) -> None:
        owner = Owner(os.getpid(), socket.gethostname(), boot_id(), time.time())
        signature = json.dumps(asdict(owner)).encode()
        try:
            os.ftruncate(self._file, 0)
            os.lseek(self._file, 0, os.SEEK_SET)
            os.write(self._file, signature)
        except OSError:
            # The disk is full. The lock itself holds; only its description is missing.
            return

    def release(self) -> None:
        """Release the lock; a second call does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _locked(file: int) -> bool:
    locking = system_locking()
    for pause in _PAUSES:
        if locking.lock(file):
            return True
        time.sleep(pause)
    return False


def owner_of(path: Path) -> Owner | None:
    """Return the process that holds the lock now, or None."""
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        return _signature(path) if system_locking().is_locked(file) else None
    finally:
        os.close(file)


def _signature(path: Path) -> Owner:
    try:
        return Owner(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Owner(0, "an unknown host", "", 0.0)
