"""A Maildir: one file per message, written under `tmp` and moved to `new` when it is complete.

    maildir = Maildir(folder).make()
    name = maildir.add(message, at=time.time())
    maildir.paths()                                  # the newest first

The bytes of a message are not changed. A message of the sandbox begins with header fields for its
envelope: `with_envelope` adds them, `split_envelope` removes them.
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
"""Separates the unique name of a message from its flags."""

_REVERSE_PATH: Final = b"X-MailFrom"
_FORWARD_PATH: Final = b"X-RcptTo"


class Maildir:
    """The Maildir in a folder; `make` creates the folder. Safe from any thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._count = 0
        host = socket.gethostname().replace("/", "_").replace(":", "_")
        self._unique = f"{time.time_ns()}.{os.getpid()}.{host}"

    def make(self) -> Maildir:
        """Make the folders (mode 0700) if they do not exist, and return self.

        Raises:
            LedgerError: the folders cannot be made.
        """
        for folder in (self.folder, *(self.folder / name for name in ("new", "cur", "tmp"))):
            make_private_folder(folder)
        return self

    def add(self, message: bytes, *, at: float) -> str:
        """Write one message that arrived `at` (seconds since 1970), and return its unique name.

        Raises:
            OSError: the message cannot be written.
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
        """Return the files of all messages, the newest first; empty if there is no folder."""
        found = [
            (path.stat().st_mtime_ns, path)
            for folder in (self.folder / "new", self.folder / "cur")
            if folder.is_dir()
            for path in folder.iterdir()
            if path.is_file() and not path.name.startswith(".")
        ]
        return [path for _, path in sorted(found, reverse=True)]

    def find(self, name: str) -> Path | None:
        """Return the file of the message with this unique name, or None.

        Only existing names are compared, so no name can lead out of the folder.
        """
        return next((path for path in self.paths() if unique_name(path) == name), None)


def unique_name(path: Path) -> str:
    """Return the name of a message in its Maildir without its flags."""
    return path.name.partition(_INFORMATION)[0]


@dataclass(frozen=True, slots=True)
class EnvelopedMessage:
    """A message and its envelope; `forward_path` is the last of several."""

    content: bytes
    reverse_path: str = ""
    forward_path: str = ""


def with_envelope(content: bytes, reverse_path: str, forward_paths: Iterable[str]) -> bytes:
    """Return the message with header fields for its envelope before its own header."""
    fields = [_REVERSE_PATH + b": " + reverse_path.encode()]
    fields += [_FORWARD_PATH + b": " + path.encode() for path in forward_paths]
    return b"".join(field + b"\r\n" for field in fields) + content


def split_envelope(kept: bytes) -> EnvelopedMessage:
    """Return the message and its envelope from the result of `with_envelope`."""
    noted = {_REVERSE_PATH.lower(): "", _FORWARD_PATH.lower(): ""}
    while True:
        line, _, rest = kept.partition(b"\n")
        name, _, value = line.partition(b":")
        if name.lower() not in noted:
            break
        noted[name.lower()] = value.strip().decode("utf-8", "replace").strip("<>")
        kept = rest
    return EnvelopedMessage(kept, *noted.values())
