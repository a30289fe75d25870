"""What happened at the server -> one JSON line each, on disk before the reply: the judge's record.

Events: `message` (an end of data, with its verdict), `violation` (the client broke a rule of the
wire) and `connection` (it ended; its counts).
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


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


def read_journal(path: Path) -> list[Event]:
    """Every event of a journal, in the order they were written."""
    return list(_events(path)) if path.exists() else []


def read_messages(path: Path) -> list[Message]:
    """Every end of data of a journal."""
    return [event for event in read_journal(path) if isinstance(event, Message)]


def read_counts(path: Path) -> list[Counts]:
    """The connections of a journal that have ended."""
    return [event for event in read_journal(path) if isinstance(event, Counts)]


def read_violations(path: Path) -> list[Violation]:
    """Every rule of the wire that was broken."""
    return [event for event in read_journal(path) if isinstance(event, Violation)]


def _events(path: Path) -> Iterator[Event]:
    """The whole lines: while a server runs, a reader may see the beginning of the next one."""
    whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    for line in whole.splitlines():
        fields = json.loads(line)
        kind = _EVENTS[fields.pop("event")]
        if kind is Message:
            fields["forward_paths"] = tuple(fields["forward_paths"])
            fields["verdict"] = Verdict(fields["verdict"])
        yield kind(**fields)
