"""The sandbox's mail: what `send --sandbox` caught, read from its Maildir."""

from __future__ import annotations

from dataclasses import dataclass
from email import policy
from email.parser import BytesHeaderParser
from pathlib import Path

SANDBOX_FOLDER = "sandbox"
_HEADER_OCTETS = 64 * 1024
_INFORMATION = ":2,"


@dataclass(frozen=True, slots=True)
class Caught:
    """One message in the sandbox: its unique name there, and what a list of mail shows."""

    name: str
    path: Path
    to: str
    subject: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A caught message: the octets that were sent, and the envelope that they came in."""

    octets: bytes
    reverse_path: str
    forward_path: str


def opened(kept: bytes) -> Opened:
    """Take off the fields in which the sandbox noted the envelope, in front of the message."""
    noted = {b"x-mailfrom": "", b"x-rcptto": ""}
    while True:
        line, _, rest = kept.partition(b"\n")
        name, _, value = line.partition(b":")
        if name.lower() not in noted:
            break
        noted[name.lower()] = value.strip().decode("utf-8", "replace").strip("<>")
        kept = rest
    return Opened(kept, noted[b"x-mailfrom"], noted[b"x-rcptto"])


class Sandbox:
    """The Maildir of one campaign; it need not be there."""

    def __init__(self, state_folder: Path) -> None:
        self._folder = state_folder / SANDBOX_FOLDER

    def __len__(self) -> int:
        return len(self._paths())

    def page(self, offset: int, length: int, search: str = "") -> tuple[list[Caught], int]:
        """The newest messages first, and how many there are; a search reads their headers."""
        paths = self._paths()
        if not search.strip():
            return [_headers(path) for path in paths[offset : offset + length]], len(paths)
        words = search.casefold().split()
        found = [
            caught
            for caught in map(_headers, paths)
            if all(word in f"{caught.to}\n{caught.subject}".casefold() for word in words)
        ]
        return found[offset : offset + length], len(found)

    def open(self, name: str) -> Opened | None:
        """One message as it came over the wire, and its envelope; None where it is gone."""
        path = self._find(name)
        if path is None:
            return None
        try:
            return opened(path.read_bytes())
        except OSError:
            return None

    def neighbours(self, name: str) -> tuple[str | None, str | None]:
        """The names before and after this one in the list."""
        names = [_unique(path) for path in self._paths()]
        if name not in names:
            return None, None
        at = names.index(name)
        before = names[at - 1] if at else None
        return before, names[at + 1] if at + 1 < len(names) else None

    def _find(self, name: str) -> Path | None:
        """By comparison with what is there, so that no name leads out of the folder."""
        return next((path for path in self._paths() if _unique(path) == name), None)

    def _paths(self) -> list[Path]:
        folders = [self._folder / "new", self._folder / "cur"]
        found = [
            (path.stat().st_mtime_ns, path)
            for folder in folders
            if folder.is_dir()
            for path in folder.iterdir()
            if path.is_file() and not path.name.startswith(".")
        ]
        return [path for _, path in sorted(found, reverse=True)]


def _unique(path: Path) -> str:
    return path.name.partition(_INFORMATION)[0]


def _headers(path: Path) -> Caught:
    try:
        with path.open("rb") as file:
            beginning = file.read(_HEADER_OCTETS)
    except OSError:
        return Caught(_unique(path), path, "", "")
    message = BytesHeaderParser(policy=policy.default).parsebytes(beginning)
    to, subject = str(message.get("To", "")), str(message.get("Subject", ""))
    return Caught(_unique(path), path, to, " ".join(subject.split()))
