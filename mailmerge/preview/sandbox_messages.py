"""The messages of `send --sandbox`, read from the Maildir of the campaign."""

from __future__ import annotations

from dataclasses import dataclass
from email import policy
from email.parser import BytesHeaderParser
from pathlib import Path

SANDBOX_FOLDER = "sandbox"
_HEADER_BYTES = 64 * 1024
_FLAGS = ":2,"


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
        """Split off the two fields in which the sandbox noted the envelope, before the message."""
        envelope = {b"x-mailfrom": "", b"x-rcptto": ""}
        while True:
            line, _, rest = content.partition(b"\n")
            name, _, value = line.partition(b":")
            if name.lower() not in envelope:
                return cls(content, envelope[b"x-mailfrom"], envelope[b"x-rcptto"])
            envelope[name.lower()] = value.strip().decode("utf-8", "replace").strip("<>")
            content = rest


class SandboxMailbox:
    """The sandbox's Maildir of one campaign; a missing folder is an empty mailbox."""

    def __init__(self, state_folder: Path) -> None:
        self._folder = state_folder / SANDBOX_FOLDER

    def __len__(self) -> int:
        return len(self._paths())

    def page(self, offset: int, length: int, search: str = "") -> tuple[list[SandboxEntry], int]:
        """Some of the entries, newest first, and the number of all; a search reads the headers."""
        paths = self._paths()
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
        # Compared with the names in the folder, so that no name leads out of it.
        path = next((path for path in self._paths() if _unique_name(path) == name), None)
        if path is None:
            return None
        try:
            return SandboxMessage.from_file(path.read_bytes())
        except OSError:
            return None

    def neighbours(self, name: str) -> tuple[str | None, str | None]:
        """The names before and after this one in the list."""
        names = [_unique_name(path) for path in self._paths()]
        if name not in names:
            return None, None
        at = names.index(name)
        before = names[at - 1] if at else None
        return before, names[at + 1] if at + 1 < len(names) else None

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


def _unique_name(path: Path) -> str:
    return path.name.partition(_FLAGS)[0]


def _entry(path: Path) -> SandboxEntry:
    try:
        with path.open("rb") as file:
            beginning = file.read(_HEADER_BYTES)
    except OSError:
        return SandboxEntry(_unique_name(path), "", "")
    message = BytesHeaderParser(policy=policy.default).parsebytes(beginning)
    to, subject = str(message.get("To", "")), str(message.get("Subject", ""))
    return SandboxEntry(_unique_name(path), to, " ".join(subject.split()))
