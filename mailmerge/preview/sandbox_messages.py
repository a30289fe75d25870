"""The messages of `send --sandbox`, read from the Maildir of the campaign."""

from __future__ import annotations

from dataclasses import dataclass
from email import policy
from email.parser import BytesHeaderParser
from pathlib import Path

from mailmerge.jobs.targets import SANDBOX
from mailmerge.maildir import Maildir, split_envelope, unique_name

_HEADER_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class SandboxEntry:
    """One line of the list of sandbox messages; `name` is unique within the Maildir."""

    name: str
    to: str
    subject: str


@dataclass(frozen=True, slots=True)
class SandboxMessage:
    """One message of the sandbox: its bytes as they were sent, and its envelope."""

    data: bytes
    reverse_path: str
    forward_path: str

    @classmethod
    def from_file(cls, content: bytes) -> SandboxMessage:
        """Split off the two fields before the message in which the sandbox stored the envelope."""
        message = split_envelope(content)
        return cls(message.content, message.reverse_path, message.forward_path)


class SandboxMailbox:
    """The sandbox's Maildir of one campaign; a missing folder is an empty mailbox."""

    def __init__(self, state_folder: Path) -> None:
        self._maildir = Maildir(state_folder / SANDBOX)

    def __len__(self) -> int:
        return len(self._maildir.paths())

    def page(self, offset: int, length: int, search: str = "") -> tuple[list[SandboxEntry], int]:
        """Some of the entries, newest first, and the number of all; a search reads the headers."""
        paths = self._maildir.paths()
        if not search.strip():
            return [_entry(path) for path in paths[offset : offset + length]], len(paths)
        words = search.casefold().split()
        found = [
            entry
            for entry in map(_entry, paths)
            if all(word in f"{entry.to}\n{entry.subject}".casefold() for word in words)
        ]
        return found[offset : offset + length], len(found)

    def read(self, name: str) -> SandboxMessage | None:
        """One message; None if it does not exist (any more)."""
        path = self._maildir.find(name)
        if path is None:
            return None
        try:
            return SandboxMessage.from_file(path.read_bytes())
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


def _entry(path: Path) -> SandboxEntry:
    try:
        with path.open("rb") as file:
            beginning = file.read(_HEADER_BYTES)
    except OSError:
        return SandboxEntry(unique_name(path), "", "")
    message = BytesHeaderParser(policy=policy.default).parsebytes(beginning)
    to, subject = str(message.get("To", "")), str(message.get("Subject", ""))
    return SandboxEntry(unique_name(path), to, " ".join(subject.split()))
