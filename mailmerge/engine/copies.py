"""Octets of sent messages -> a Maildir or an mbox, for the person's own keeping.

Copies are made after the outcome is recorded, and are not synced: the ledger is what is true.
"""

from __future__ import annotations

import os
import re
import socket
import threading
import time
from pathlib import Path
from typing import Literal, Protocol

from mailmerge.private_files import make_private_folder

_FROM_LINE = re.compile(rb"^(>*From )", re.MULTILINE)


class Copies(Protocol):
    """Where copies go."""

    def keep(self, octets: bytes, *, at: float, reverse_path: str = "") -> str:
        """Write one message; the name of the file it is in. Raises OSError."""
        ...


class Maildir:
    """A folder with `new`, `cur` and `tmp`; a message is written under `tmp` and moved to `new`.

    The octets stay exactly as they are, CRLF included. Safe from any thread.

    Raises:
        LedgerError: the folders cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._count = 0
        host = socket.gethostname().replace("/", "_").replace(":", "_")
        self._unique = f"{time.time_ns()}.{os.getpid()}.{host}"
        make_private_folder(folder)
        for name in ("new", "cur", "tmp"):
            make_private_folder(folder / name)

    def keep(self, octets: bytes, *, at: float, reverse_path: str = "") -> str:
        """Write one message; the name of its file. Raises OSError."""
        del reverse_path
        with self._lock:
            self._count += 1
            name = f"{int(at)}.{self._count}.{self._unique}"
        waiting = self.folder / "tmp" / name
        with os.fdopen(_created(waiting, os.O_EXCL), "wb") as file:
            file.write(octets)
        waiting.rename(self.folder / "new" / name)
        return name


class Mbox:
    """One file with a From line before each message and `>` before its own such lines (mboxrd).

    Lines end as the system's do: programs that read mbox know nothing else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        make_private_folder(path.parent)

    def keep(self, octets: bytes, *, at: float, reverse_path: str = "") -> str:
        """Append one message; the name of the file. Raises OSError."""
        sender = reverse_path or "MAILER-DAEMON"
        first = f"From {sender} {time.asctime(time.gmtime(at))}\n".encode()
        lines = _FROM_LINE.sub(rb">\1", octets.replace(b"\r\n", b"\n"))
        with self._lock, os.fdopen(_created(self._path, os.O_APPEND), "ab") as file:
            file.write(first + lines + b"\n")
        return self._path.name


def open_copies(kind: Literal["", "mbox", "maildir"], folder: Path) -> Copies | None:
    """The copies that a campaign asks for; None where it asks for none."""
    if kind == "maildir":
        return Maildir(folder / "sent")
    if kind == "mbox":
        return Mbox(folder / "sent.mbox")
    return None


def _created(path: Path, flag: int) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | flag, 0o600)
