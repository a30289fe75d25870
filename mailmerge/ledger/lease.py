"""One campaign, one sender: a lock file, and who holds it.

The lock is flock(2) on a file that is never removed: the kernel lets go of it when the process
ends, however it ends, so there is no stale lock to break. What the file holds is for people.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from mailmerge.errors import LedgerError, LedgerHeld

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that sends a campaign; `since` is seconds since 1970."""

    pid: int
    host: str
    boot_id: str
    since: float

    def __str__(self) -> str:
        since = datetime.fromtimestamp(self.since).astimezone()
        return f"process {self.pid} on {self.host}, since {since:%Y-%m-%d %H:%M:%S}"


class Lease:
    """The right to write a ledger, held until `release` or the end of the process.

    Raises:
        LedgerHeld: another process has it; the message names that process.
        LedgerError: the lock file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise LedgerError(
                f"cannot be opened: {error.strerror}", file=path.name, code="ledger-unwritable"
            ) from error
        if not _locked(self._file):
            self.release()
            raise _held(path)
        self._sign()

    def _sign(self) -> None:
        holder = Holder(os.getpid(), socket.gethostname(), boot_id(), time.time())
        signature = json.dumps(asdict(holder)).encode()
        try:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, signature, 0)
        except OSError:
            # A full disk: the lock itself holds, only its description is missing.
            return

    def release(self) -> None:
        """Let another process have it; calling it twice does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _locked(file: int) -> bool:
    """Try a few times: somebody who only asks for the holder has the lock for a moment, too."""
    for pause in (0.02, 0.05, 0.1, 0.2, 0.0):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(pause)
        else:
            return True
    return False


def holder_of(path: Path) -> Holder | None:
    """Who holds the lease now; None when nobody does."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _signature(path)
    finally:
        os.close(file)
    return None


def _signature(path: Path) -> Holder:
    try:
        return Holder(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return Holder(0, "an unknown host", "", 0.0)


def _held(path: Path) -> LedgerHeld:
    return LedgerHeld(
        f"this campaign is being sent by {_signature(path)}",
        hint="wait for it to end, or stop it; nothing was sent by this one",
    )


def boot_id() -> str:
    """What changes with every start of the machine; empty where that cannot be known."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return _boot_session()


def same_boot(recorded: str) -> bool:
    """Whether the machine has been running since that boot id was recorded."""
    return bool(recorded) and recorded == boot_id()


def _boot_session() -> str:
    command = ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)  # noqa: S603 - a fixed command
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
