"""What happened at the server -> one JSON line each, on disk before the reply: the judge's record.

Events: `message` (an end of data, with its verdict), `violation` (the client broke a rule of the
wire) and `connection` (it ended; its counts).
"""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar


class Verdict(StrEnum):
    """What the server did with a message at its end of data.

    WITHHELD: it took the message and did not say so. DROPPED: it did neither.
    """

    ACCEPTED = "accepted"
    WITHHELD = "accepted-but-reply-withheld"
    REFUSED = "refused"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Message:
    """One end of data; with LMTP there is one for each recipient.

    `forward_paths` are the recipients that were accepted; `content` (the bytes as sent, unstuffed)
    is empty when this was read from a journal.
    """

    connection: int
    transaction: int
    reverse_path: str
    forward_paths: tuple[str, ...]
    message_id: str
    to: str
    sha256: str
    size: int
    verdict: Verdict
    reply_code: int | None = None
    server: str = ""
    content: bytes = b""

    @property
    def taken(self) -> bool:
        """Whether the server is responsible for the message now, said or unsaid."""
        return self.verdict in (Verdict.ACCEPTED, Verdict.WITHHELD)


@dataclass(frozen=True, slots=True)
class Violation:
    """The client broke a rule of the wire: which, and what shows it."""

    connection: int
    kind: str
    detail: str
    server: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """A connection that has ended: verbs and how often each came, and what else was counted.

    `round_trips` is how often the server had to wait for the client after it had answered.
    """

    connection: int
    commands: dict[str, int]
    messages: int
    round_trips: int
    quit: bool
    server: str = ""


Event = Message | Violation | Counts
_Kind = TypeVar("_Kind", Message, Violation, Counts)
_EVENTS: dict[str, type[Message | Violation | Counts]] = {
    "message": Message,
    "violation": Violation,
    "connection": Counts,
}
_NAMES = {kind: name for name, kind in _EVENTS.items()}


class Journal:
    """Appends events; without a path it keeps nothing. Safe for many threads."""

    def __init__(self, path: Path | None, *, fsync: bool = True) -> None:
        self._fsync = fsync
        self._lock = threading.Lock()
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self._file = os.open(path, flags, 0o600) if path else None

    def write(self, event: Event, *, durable: bool) -> None:
        """Append one line; on return it survives this process, and with `durable` a power cut."""
        if self._file is None:
            return
        names = event.__dataclass_fields__
        fields = {name: getattr(event, name) for name in names if name != "content"}
        line = json.dumps({"event": _NAMES[type(event)], **fields}) + "\n"
        with self._lock:
            os.write(self._file, line.encode())
            if durable and self._fsync:
                os.fsync(self._file)

    def close(self) -> None:
        """Nothing may be written after this."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


class JournalReader:
    """Reads a journal while the server writes it; each line is parsed once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = 0
        self._events: list[Event] = []

    def events(self) -> list[Event]:
        """Every event so far, in the order they were written.

        Only whole lines count: while the server runs, the file may end within a line.
        """
        if self._path.exists():
            with self._path.open("rb") as journal:
                journal.seek(self._position)
                whole, line_end, _ = journal.read().rpartition(b"\n")
            self._position += len(whole) + len(line_end)
            self._events += map(_parse, whole.splitlines())
        return self._events

    def of(self, kind: type[_Kind]) -> list[_Kind]:
        """The events of one kind."""
        return [event for event in self.events() if isinstance(event, kind)]


def read_journal(path: Path) -> list[Event]:
    """Every event of a journal, in the order they were written."""
    return JournalReader(path).events()


def read_messages(path: Path) -> list[Message]:
    """Every end of data of a journal."""
    return JournalReader(path).of(Message)


def read_violations(path: Path) -> list[Violation]:
    """Every rule of the wire that was broken."""
    return JournalReader(path).of(Violation)


def _parse(line: bytes) -> Event:
    fields = json.loads(line)
    kind = _EVENTS[fields.pop("event")]
    if kind is Message:
        fields["forward_paths"] = tuple(fields["forward_paths"])
        fields["verdict"] = Verdict(fields["verdict"])
    return kind(**fields)
