"""A Maildir: one file per message, written under `tmp` and moved to `new` when it is complete.

    maildir = Maildir(folder).make()
    name = maildir.add(message, at=time.time())
    maildir.paths()                                  # the newest first

The bytes of a message stay exactly as they are. A message that the sandbox caught begins with two
fields that hold its envelope (`with_envelope`); `split_envelope` takes them off again.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mailmerge.private_files import make_private_folder, open_private

_INFORMATION: Final = ":2,"
"""Stands between the unique name of a message and its flags."""

_REVERSE_PATH: Final = b"X-MailFrom"
_FORWARD_PATH: Final = b"X-RcptTo"


class Maildir:
    """The Maildir in a folder, which need not exist until `make`. Safe from any thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._count = 0
        host = socket.gethostname().replace("/", "_").replace(":", "_")
        self._unique = f"{time.time_ns()}.{os.getpid()}.{host}"

    def make(self) -> Maildir:
        """Make the folders (mode 0700) where there are none yet; returns itself.

        Raises:
            LedgerError: they cannot be made.
        """
        for folder in (self.folder, *(self.folder / name for name in ("new", "cur", "tmp"))):
            make_private_folder(folder)
        return self

    def add(self, message: bytes, *, at: float) -> str:
        """Write one message, received `at` (seconds since 1970); returns its unique name.

        Raises:
            OSError: it cannot be written.
        """
        with self._lock:
            self._count += 1
            name = f"{int(at)}.{self._count}.{self._unique}"
        unfinished = self.folder / "tmp" / name
        descriptor = open_private(unfinished, "create")
        with os.fdopen(descriptor, "wb") as file:
            file.write(message)
        unfinished.rename(self.folder / "new" / name)
        return name

    def paths(self) -> list[Path]:
        """The files of all messages, the newest first; empty where there is no folder."""
        found = [
            (path.stat().st_mtime_ns, path)
            for folder in (self.folder / "new", self.folder / "cur")
            if folder.is_dir()
            for path in folder.iterdir()
            if path.is_file() and not path.name.startswith(".")
        ]
        return [path for _, path in sorted(found, reverse=True)]

    def find(self, name: str) -> Path | None:
        """The file of the message with this unique name.

        The name is compared with those that exist, so that no name leads out of the folder.
        """
        return next((path for path in self.paths() if unique_name(path) == name), None)


def unique_name(path: Path) -> str:
    """The name of a message in its Maildir, without its flags."""
    return path.name.partition(_INFORMATION)[0]


@dataclass(frozen=True, slots=True)
class EnvelopedMessage:
    """A message and the envelope that it came in; `forward_path` is the last one."""

    content: bytes
    reverse_path: str = ""
    forward_path: str = ""


def with_envelope(content: bytes, reverse_path: str, forward_paths: Iterable[str]) -> bytes:
    """The message with its envelope in fields before its own header."""
    fields = [_REVERSE_PATH + b": " + reverse_path.encode()]
    fields += [_FORWARD_PATH + b": " + path.encode() for path in forward_paths]
    return b"".join(field + b"\r\n" for field in fields) + content


def split_envelope(kept: bytes) -> EnvelopedMessage:
    """The message and its envelope, from what `with_envelope` made."""
    noted = {_REVERSE_PATH.lower(): "", _FORWARD_PATH.lower(): ""}
    while True:
        line, _, rest = kept.partition(b"\n")
        name, _, value = line.partition(b":")
        if name.lower() not in noted:
            break
        noted[name.lower()] = value.strip().decode("utf-8", "replace").strip("<>")
        kept = rest
    return EnvelopedMessage(kept, *noted.values())
