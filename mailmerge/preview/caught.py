"""The sandbox's mail: what `send --sandbox` caught, read from its Maildir."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from email import policy
from email.parser import BytesHeaderParser
from pathlib import Path

from mailmerge.sandbox_folder import (
    SANDBOX_FOLDER,
    SandboxMessage,
    message_paths,
    read_message,
    unique_name,
)

_HEADER_OCTETS = 64 * 1024


@dataclass(frozen=True, slots=True)
class Caught:
    """One message in the sandbox: its unique name there, and what a list of mail shows."""

    name: str
    path: Path
    to: str
    subject: str


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

    def open(self, name: str) -> SandboxMessage | None:
        """One message as it came over the wire, and its envelope; None where it is gone."""
        path = self._find(name)
        if path is None:
            return None
        try:
            return read_message(path.read_bytes())
        except OSError:
            return None

    def neighbours(self, name: str) -> tuple[str | None, str | None]:
        """The names before and after this one in the list."""
        names = [unique_name(path) for path in self._paths()]
        if name not in names:
            return None, None
        at = names.index(name)
        before = names[at - 1] if at else None
        return before, names[at + 1] if at + 1 < len(names) else None

    def _find(self, name: str) -> Path | None:
        """By comparison with what is there, so that no name leads out of the folder."""
        return next((path for path in self._paths() if unique_name(path) == name), None)

    def _paths(self) -> Sequence[Path]:
        return message_paths(self._folder)


def _headers(path: Path) -> Caught:
    try:
        with path.open("rb") as file:
            beginning = file.read(_HEADER_OCTETS)
    except OSError:
        return Caught(unique_name(path), path, "", "")
    message = BytesHeaderParser(policy=policy.default).parsebytes(beginning)
    to, subject = str(message.get("To", "")), str(message.get("Subject", ""))
    return Caught(unique_name(path), path, to, " ".join(subject.split()))
