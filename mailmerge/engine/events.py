"""The events of a run as frozen values, and the file of JSON lines that `--log-json` writes.

Each event has `at`, in seconds since 1970. Only `to_json` turns events into JSON objects
(docs/delivery.md lists their fields).
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from mailmerge.engine.summary import Summary
from mailmerge.errors import CampaignError
from mailmerge.language import tr
from mailmerge.ledger.refused_copies import RefusedCopy, documents
from mailmerge.ledger.states import Delivery, State, Transition
from mailmerge.library_messages import system_reason
from mailmerge.portable.clock import local_time
from mailmerge.private_files import open_private

_logger = logging.getLogger("mailmerge.engine")
# Without any handler, Python would print warnings to standard error, in between the output of the
# command line. The application adds the handlers that it wants.
_logger.addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class Began:
    """The run has begun: `to_send` deliveries over at most `connections`."""

    at: float
    campaign: str
    to_send: int
    connections: int


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection is open and logged in; connections are numbered from 0."""

    at: float
    connection: int
    server: str


@dataclass(frozen=True, slots=True)
class Closed:
    """A connection has ended after `messages` outcomes; `reason` is empty if we ended it."""

    at: float
    connection: int
    messages: int
    reason: str


@dataclass(frozen=True, slots=True)
class DeliveryEvent:
    """The outcome of one delivery, which the ledger has recorded.

    `row` and `key` are those of the spreadsheet. `stage` is the stage of the SMTP session that
    decided. `reply` is the server's reply or mailmerge's own reason. `server_id` is the id that the
    server gave an accepted message; "" if its reply has none. `copies_refused` lists the copies
    of a sent message that the server refused.
    """

    at: float
    row: int
    key: str
    address: str
    stage: str
    reply: str
    message_id: str
    server_id: str = ""
    copies_refused: tuple[RefusedCopy, ...] = ()


@dataclass(frozen=True, slots=True)
class Sent(DeliveryEvent):
    """The server accepted the message."""


@dataclass(frozen=True, slots=True)
class Rejected(DeliveryEvent):
    """The server refused the message for good."""


@dataclass(frozen=True, slots=True)
class Deferred(DeliveryEvent):
    """The server refused the message for now; mailmerge tries again later."""


@dataclass(frozen=True, slots=True)
class InDoubt(DeliveryEvent):
    """The end of the message may have arrived, and no reply came."""


@dataclass(frozen=True, slots=True)
class Skipped(DeliveryEvent):
    """The message could not be made; `reply` says why."""


@dataclass(frozen=True, slots=True)
class Drafted(DeliveryEvent):
    """The message was put into the user's drafts; the recipient counts as pending."""


@dataclass(frozen=True, slots=True)
class Slowed:
    """The server complained about the speed with `reply`, and the run slows down.

    `seconds` is the pause before the next message; 0 for none. `per_second` is the maximum speed
    from now on in messages per second; None means as fast as the rates allow.
    """

    at: float
    reply: str
    seconds: float
    per_second: float | None


@dataclass(frozen=True, slots=True)
class Recovered:
    """The limit of the last `Slowed` has ended: the run is as fast as the rates allow."""

    at: float


@dataclass(frozen=True, slots=True)
class Waiting:
    """The run waits; `what` names the reason."""

    at: float
    what: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The run has ended; always the last event."""

    at: float
    summary: Summary


DeliveryOutcome = Sent | Rejected | Deferred | InDoubt | Skipped | Drafted
"""Every kind of DeliveryEvent."""

Event = Began | Opened | Closed | DeliveryOutcome | Slowed | Recovered | Waiting | Ended
Listener = Callable[[Event], None]
"""Called with each event, from any thread. It raises OSError if it cannot write."""

_OF_STATE: Final[Mapping[State, type[DeliveryOutcome]]] = {
    State.SENT: Sent,
    State.REJECTED: Rejected,
    State.DEFERRED: Deferred,
    State.IN_DOUBT: InDoubt,
    State.SKIPPED: Skipped,
    State.DRAFTED: Drafted,
}
_STATE_OF: Final[Mapping[type[Event], State]] = {kind: state for state, kind in _OF_STATE.items()}


def delivery_event(delivery: Delivery, transition: Transition) -> DeliveryOutcome:
    """Make the event of an outcome that the ledger has recorded as `transition`."""
    return _OF_STATE[transition.state](
        transition.at,
        delivery.row,
        delivery.key,
        delivery.address,
        transition.stage,
        transition.reply,
        delivery.message_id,
        transition.server_id,
        transition.copies_refused,
    )


def to_json(event: Event) -> dict[str, Any]:
    """Return an event as a JSON object; `at` is local time with its offset (ISO 8601)."""
    moment = local_time(event.at)
    document: dict[str, Any] = {"event": "", "at": moment.isoformat(timespec="milliseconds")}
    if isinstance(event, Ended):
        return {**document, "event": "ended", "sent": event.summary.sent, **event.summary.to_json()}
    if isinstance(event, DeliveryEvent):
        document |= {"event": "outcome", "state": _STATE_OF[type(event)].value}
    else:
        document["event"] = _NAMES[type(event)]
    names = [field.name for field in fields(event) if field.name not in {"at", "copies_refused"}]
    document |= {name: getattr(event, name) for name in names}
    if isinstance(event, DeliveryEvent) and event.copies_refused:
        document["copies_refused"] = documents(event.copies_refused)
    return document


_NAMES: Final[dict[type[Event], str]] = {
    Began: "began",
    Opened: "opened",
    Closed: "closed",
    Slowed: "slowed",
    Recovered: "recovered",
    Waiting: "waits",
}


def log(event: Event) -> None:
    """Log the event to "mailmerge.engine"; only the level DEBUG shows addresses."""
    match event:
        case DeliveryEvent():
            _logger.debug("%s: %s: %s", event.address, _STATE_OF[type(event)], event.reply)
        case Opened():
            _logger.info("connection %d to %s opened", event.connection, event.server)
        case Closed():
            level = logging.WARNING if event.reason else logging.INFO
            ended = event.reason or "by us"
            _logger.log(
                level,
                "connection %d closed after %d messages: %s",
                event.connection,
                event.messages,
                ended,
            )
        case Slowed():
            _logger.warning("slowed down by the server's reply: %s", event.reply)
        case Recovered():
            _logger.info("full speed again")
        case Waiting():
            _logger.info("waiting for %s", event.what)
        case Began():
            _logger.info("campaign %s: %d recipients to send", event.campaign, event.to_send)
        case Ended():
            level = logging.WARNING if event.summary.error else logging.INFO
            _logger.log(level, "ended: %s", event.summary.error or "all recipients are done")


def logs_deliveries() -> bool:
    """Whether every delivery is logged; a run asks once, since there may be millions."""
    return _logger.isEnabledFor(logging.DEBUG)


class EventLog:
    """Appends one line per event to a file; use it as a context manager.

    Only the owner can read a new file, because it contains addresses. Safe from any thread.

    Raises:
        CampaignError: the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        try:
            self._file = open_private(path, "append")
        except OSError as error:
            raise CampaignError(
                tr(
                    "--log-json: {path} cannot be opened: {reason}",
                    path=path,
                    reason=system_reason(error),
                ),
                code="usage",
            ) from error

    def __enter__(self) -> EventLog:
        return self

    def __exit__(self, *error: object) -> None:
        with self._lock:
            os.close(self._file)
            self._file = -1

    def __call__(self, event: Event) -> None:
        """Append one line; nothing after the end of the context. Raises OSError."""
        line = json.dumps(to_json(event), ensure_ascii=False)
        left = line.encode("utf-8", "backslashreplace") + b"\n"
        with self._lock:
            while left and self._file >= 0:
                left = left[os.write(self._file, left) :]
