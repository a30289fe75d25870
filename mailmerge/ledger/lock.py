"""One ledger, one sender: a lock file, and the process that holds it.

mailmerge never removes the file. The system releases the lock when the process ends, even after a
crash, so a stale lock cannot exist (portable/locks.py). The content of the file is for users.

A user or a program that cleans up may remove the file. Then its holder locks a file that no other
process finds. So the holder compares the file at the path with its own at each write (`ensure`).
The row of sender.py keeps a second process away in the meantime.
"""

from __future__ import annotations

import json
import os
import socket
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from mailmerge.errors import LedgerHeld
from mailmerge.language import tr
from mailmerge.portable.boot import boot_id
from mailmerge.portable.clock import local_time
from mailmerge.portable.files import file_identity
from mailmerge.portable.locks import system_locking
from mailmerge.portable.processes import abandon_in_children
from mailmerge.private_files import open_to_update

_PAUSES = (0.02, 0.05, 0.1, 0.2, 0.0)
"""Seconds between attempts: a process that only asks for the owner also locks it for a moment."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that holds a ledger; `since` is in seconds since 1970. `pid` 0: not known.

    `started` is the start of the process as portable/processes.py tells it, or "".
    """

    pid: int
    host: str
    boot_id: str
    since: float
    started: str = ""

    def __str__(self) -> str:
        if not self.pid:  # Windows has no local time for the beginning of 1970, either
            return tr("another process")
        since = local_time(self.since)
        return tr(
            "process {pid} on {host}, since {since:%Y-%m-%d %H:%M:%S}",
            pid=self.pid,
            host=self.host,
            since=since,
        )


def held_by(owner: Owner | str) -> LedgerHeld:
    """Return the error for a ledger that another process is sending."""
    return LedgerHeld(
        tr("this campaign is being sent by {owner}", owner=owner),
        hint=tr("wait for it to end, or stop it; this process has sent nothing"),
    )


class Lock:
    """The exclusive right to write a ledger, held until `release` or the end of the process.

    Raises:
        LedgerHeld: another process holds it; the message names that process.
        LedgerError: the lock file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = open_to_update(path)
        while True:
            if not take_lock(self._file):
                self.release()
                raise held_by(_signature(path))
            if _is_at(path, self._file):
                break
            # The file was removed after it was opened: lock the one that others will find.
            self.release()
            self._file = open_to_update(path)
        self._sign()
        abandon_in_children(self)

    def ensure(self) -> None:
        """Lock the file at the path again if it was removed or replaced.

        Raises:
            LedgerHeld: another process has locked the file that is there now.
            LedgerError: there can be no file, because the folder was moved or removed.
        """
        if not _is_at(self._path, self._file):
            try:
                again = Lock(self._path)
            except LedgerHeld as held:
                raise LedgerHeld(
                    tr(
                        "the lock file was replaced, and {path} has locked it",
                        path=_signature(self._path),
                    ),
                    hint=tr("nothing more is sent here; send again when it has ended"),
                ) from held
            self._file, again._file = again._file, self._file
            again.release()

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

    def abandon(self) -> None:
        """Close the file in a child process; the parent keeps the lock."""
        self.release()


def _is_at(path: Path, file: int) -> bool:
    """Whether the open file is still the one at this path."""
    try:
        return file_identity(path) == file_identity(file)
    except OSError:
        return True  # the folder cannot be looked into at the moment


def take_lock(file: int) -> bool:
    """Lock an open file, with a few attempts. Returns False if another process has locked it."""
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
        return Owner(0, tr("an unknown host"), "", 0.0)
