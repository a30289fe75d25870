"""The sandbox's mail: what `send --sandbox` caught, read from its Maildir."""

from __future__ import annotations

from dataclasses import dataclass
from email import policy
from email.parser import BytesHeaderParser
from pathlib import Path

from mailmerge.maildir import Maildir, split_envelope, unique_name
from mailmerge.orders import SANDBOX

_HEADER_OCTETS = 64 * 1024


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
    message = split_envelope(kept)
    return Opened(message.content, message.reverse_path, message.forward_path)


class Sandbox:
    """The Maildir of one campaign; it need not be there."""

    def __init__(self, state_folder: Path) -> None:
        self._maildir = Maildir(state_folder / SANDBOX)

    def __len__(self) -> int:
        return len(self._maildir.paths())

    def page(self, offset: int, length: int, search: str = "") -> tuple[list[Caught], int]:
        """The newest messages first, and how many there are; a search reads their headers."""
        paths = self._maildir.paths()
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
        path = self._maildir.find(name)
        if path is None:
            return None
        try:
            return opened(path.read_bytes())
        except OSError:
            return None

    def neighbours(self, name: str) -> tuple[str | None, str | None]:
        """The names before and after this one in the list."""
        names = [unique_name(path) for path in self._maildir.paths()]
        if name not in names:
            return None, None
        at = names.index(name)
        before = names[at - 1] if at else None
        return before, names[at + 1] if at + 1 < len(names) else None


def _headers(path: Path) -> Caught:
    try:
        with path.open("rb") as file:
            beginning = file.read(_HEADER_OCTETS)
    except OSError:
        return Caught(unique_name(path), path, "", "")
    message = BytesHeaderParser(policy=policy.default).parsebytes(beginning)
    to, subject = str(message.get("To", "")), str(message.get("Subject", ""))
    return Caught(unique_name(path), path, to, " ".join(subject.split()))
