"""The folder of the sandbox: a Maildir in which each message follows its envelope.

The sandbox writes it, the preview and `Sandbox.messages` read it. Before the message stand fields
that are no part of it: one X-MailFrom with the reverse path, and an X-RcptTo for each forward path.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

SANDBOX_FOLDER = "sandbox"
"""The name of the folder, below the state folder of a campaign."""

_FROM = b"X-MailFrom"
_TO = b"X-RcptTo"
_INFORMATION = ":2,"  # of a Maildir, behind the unique name of a message


@dataclass(frozen=True, slots=True)
class SandboxMessage:
    """One message: the bytes that were sent, and the envelope (paths without angle brackets)."""

    content: bytes
    reverse_path: str = ""
    forward_paths: tuple[str, ...] = ()

    @property
    def forward_path(self) -> str:
        """The first forward path; empty where there is none."""
        return next(iter(self.forward_paths), "")

    def parsed(self) -> EmailMessage:
        """The message as the standard library reads it."""
        return message_from_bytes(self.content, policy=policy.default)

    def __bytes__(self) -> bytes:
        """The message as it is kept, with its envelope before it."""
        fields = [(_FROM, self.reverse_path), *((_TO, path) for path in self.forward_paths)]
        lines = [name + b": " + value.encode() + b"\r\n" for name, value in fields]
        return b"".join(lines) + self.content


def read_message(kept: bytes) -> SandboxMessage:
    """Take the envelope off; a message without one has empty paths."""
    reverse_path, forward_paths = "", list[str]()
    while True:
        line, _, rest = kept.partition(b"\n")
        name, _, value = line.partition(b":")
        path = value.strip().decode("utf-8", "replace").strip("<>")
        if name.lower() == _FROM.lower():
            reverse_path = path
        elif name.lower() == _TO.lower():
            forward_paths.append(path)
        else:
            return SandboxMessage(kept, reverse_path, tuple(forward_paths))
        kept = rest


def message_paths(folder: Path) -> Sequence[Path]:
    """The files of the messages, the newest first; none where there is no folder."""
    found = [
        (path.stat().st_mtime_ns, path)
        for name in ("new", "cur")
        if (folder / name).is_dir()
        for path in (folder / name).iterdir()
        if path.is_file() and not path.name.startswith(".")
    ]
    return [path for _, path in sorted(found, reverse=True)]


def unique_name(path: Path) -> str:
    """The name of a message that stays the same when a mail program marks it as read."""
    return path.name.partition(_INFORMATION)[0]
