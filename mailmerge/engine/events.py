"""What happens in a run -> one JSON object per event: the lines of `send --log-json FILE`.

Each has `event` and `at` (ISO 8601, local time with its offset). The events: `began`, `opened` and
`closed` (a connection), `outcome` (a person), `slowed`, `waits`, `ended`.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from mailmerge.engine.retry import Decision
from mailmerge.engine.summary import Summary
from mailmerge.errors import CampaignError
from mailmerge.ledger.states import Delivery, Transition

Event = dict[str, Any]
Listener = Callable[[Event], None]
"""What is told of each event, from any thread; it raises OSError where it cannot write."""


def event(name: str, at: float, **more: object) -> Event:
    """One event; `at` is seconds since 1970."""
    moment = datetime.fromtimestamp(at).astimezone()
    return {"event": name, "at": moment.isoformat(timespec="milliseconds"), **more}


def outcome_event(person: Delivery, mark: Transition) -> Event:
    """What became of a person."""
    return event(
        "outcome",
        mark.at,
        row=person.row,
        key=person.key,
        address=person.address,
        state=mark.state.value,
        stage=mark.stage,
        reply=mark.reply,
        message_id=person.message_id,
    )


def slowed_event(decision: Decision, at: float, *, per_second: float | None) -> Event:
    """The server complained; `per_second` is how fast the run may go now, None for no limit."""
    return event(
        "slowed", at, reply=decision.reply, seconds=decision.cool_down, per_second=per_second
    )


def ended_event(summary: Summary, at: float) -> Event:
    """How the run went: what `send --json` prints, and how many were sent to in this run."""
    return event("ended", at, sent=summary.sent, **summary.to_json())


class EventLog:
    """A file that one line per event is appended to; use it as a context manager.

    A new file is for nobody else to read: it holds addresses. Safe from any thread.

    Raises:
        CampaignError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        try:
            self._file = os.open(path, flags, 0o600)
        except OSError as error:
            raise CampaignError(
                f"--log-json: {path} cannot be opened: {error.strerror}", code="usage"
            ) from error

    def __enter__(self) -> EventLog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._file)

    def __call__(self, one: Event) -> None:
        """Append one line. Raises OSError."""
        line = json.dumps(one, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
        with self._lock:
            while line:
                line = line[os.write(self._file, line) :]
