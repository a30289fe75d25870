"""How far a run is, how it went, and the error that its end amounts to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mailmerge.errors import Interrupted, MailmergeError, NotAllReached
from mailmerge.ledger.states import State
from mailmerge.wording import counted


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    `done` counts the outcomes of this run, `failed` those that are rejected or in doubt. `seconds`
    are since the first connection. `connections` may be used now; `waiting_for` is empty while the
    run sends.
    """

    states: Mapping[State, int]
    to_send: int
    done: int
    sent: int
    failed: int
    seconds: float
    connections: int = 1
    waiting_for: str = ""

    @property
    def per_second(self) -> float:
        """Outcomes a second; 0 before the first connection."""
        return self.done / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Summary:
    """How a run went.

    Attributes:
        campaign: the name of the campaign.
        states: how many of its recipients are in each state: pending, sent, rejected, deferred,
            in_doubt and skipped, those with 0 included.
        sent: how many messages this run has sent.
        seconds: from its first connection to its last outcome.
        check_seconds: how long the check before it took.
        error: why the run stopped early, or that some recipients were not reached; None where all
            went well.
    """

    campaign: str
    states: Mapping[str, int]
    sent: int
    seconds: float
    check_seconds: float
    error: MailmergeError | None = None

    @property
    def total(self) -> int:
        """How many recipients the campaign has."""
        return sum(self.states.values())

    def to_json(self) -> dict[str, Any]:
        """The document that `send --json` prints."""
        document: dict[str, Any] = {
            "campaign": self.campaign,
            "total": self.total,
            "states": dict(self.states),
            "seconds": round(self.seconds, 3),
            "check_seconds": round(self.check_seconds, 3),
        }
        if self.error is not None:
            document["stopped"] = str(self.error)
        return document


def by_name(counts: Mapping[State, int]) -> dict[str, int]:
    """The counts by the names of the states; they print as {"sent": 3}."""
    return {state.value: count for state, count in counts.items()}


def ending(states: Mapping[str, int], *, stopped: bool = False) -> MailmergeError | None:
    """The error that a run ends with where nothing has gone wrong; None where all are reached."""
    if stopped:
        return Interrupted(
            f"stopped; {counted(states[State.PENDING], 'recipient')} remaining",
            hint="send again to continue where it stopped",
        )
    left = [
        f"{states[state]:,} {state.value.replace('_', ' ')}"
        for state in (State.REJECTED, State.DEFERRED, State.IN_DOUBT)
        if states[state]
    ]
    if not left:
        return None
    return NotAllReached(
        f"finished, but some recipients were not reached: {', '.join(left)}",
        hint="see mailmerge status for the recipients and the replies",
    )
