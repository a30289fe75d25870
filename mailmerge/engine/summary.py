"""How far a run is, how it went, and what there is to say about its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mailmerge.errors import Interrupted, MailmergeError, NotAllReached
from mailmerge.ledger.states import State
from mailmerge.wording import counted


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is; `seconds` since the first connection, `waits_for` empty while it sends."""

    states: Mapping[State, int]
    to_send: int
    done: int
    sent: int
    failed: int
    seconds: float
    per_second: float
    waits_for: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """How a run went: `error` is why it stopped early, or that not everybody was reached."""

    campaign: str
    states: Mapping[State, int]
    sent: int
    seconds: float
    check_seconds: float
    error: MailmergeError | None = None

    @property
    def total(self) -> int:
        """How many people the campaign has."""
        return sum(self.states.values())

    def to_json(self) -> dict[str, Any]:
        """The document that `send --json` prints."""
        document: dict[str, Any] = {
            "campaign": self.campaign,
            "total": self.total,
            "states": {state.value: count for state, count in self.states.items()},
            "seconds": round(self.seconds, 3),
            "check_seconds": round(self.check_seconds, 3),
        }
        if self.error is not None:
            document["stopped"] = str(self.error)
        return document


def ending(states: Mapping[State, int], *, stopped: bool = False) -> MailmergeError | None:
    """What there is to say about a run that nothing has gone wrong with."""
    if stopped:
        return Interrupted(
            f"stopped; {counted(states[State.PENDING], 'recipient')} remaining",
            hint="send again to resume",
        )
    left = [
        f"{states[state]} {name}"
        for state, name in (
            (State.REJECTED, "rejected"),
            (State.DEFERRED, "deferred"),
            (State.IN_DOUBT, "in doubt"),
        )
        if states[state]
    ]
    if not left:
        return None
    return NotAllReached(
        f"finished, but not every recipient was reached: {', '.join(left)}",
        hint="mailmerge status lists them with the reasons",
    )
