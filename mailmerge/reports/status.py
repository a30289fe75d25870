"""Ledger -> how a campaign stands: a document for programs, a table and a list for users.

Replies come from strangers; whoever prints them makes them safe for the terminal (wording.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from mailmerge.ledger.states import Delivery, Standing, State

FAILED: Final = frozenset({State.REJECTED, State.DEFERRED})
"""The states of deliveries that the server has refused, for good or for now."""

_MEANINGS: Final = {
    State.PENDING: "not sent yet",
    State.SENT: "accepted by the server",
    State.REJECTED: "refused for good",
    State.DEFERRED: "refused for now; the next send tries again",
    State.IN_DOUBT: "may have arrived (docs/delivery.md says what to do)",
    State.SKIPPED: "not to be sent",
}


def status_document(campaign: str, standing: Standing, *, owner: str = "") -> dict[str, Any]:
    """The document that `status --json` prints; every state is there, also those with 0.

    `owner` is the process that is sending at this moment, empty where there is none.
    """
    return {
        "campaign": campaign,
        "total": sum(standing.states.values()),
        "states": {state.value: count for state, count in standing.states.items()},
        "seconds": round(standing.seconds, 3),
        "check_seconds": round(standing.check_seconds, 3),
        "sending": owner,
    }


def status_table(states: Mapping[State, int]) -> str:
    """Counts and what they mean, one state a line; states with 0 are left out, except sent."""
    shown = [state for state in states if states[state] or state is State.SENT]
    total = f"{sum(states.values()):,}"
    lines = [f"{states[state]:>{len(total)},}  {state:<8}  {_MEANINGS[state]}" for state in shown]
    return "\n".join([*lines, f"{total}  total"])


def unreached(deliveries: Iterable[Delivery], most: int) -> list[Delivery]:
    """The first deliveries that failed or are in doubt, up to `most` of them."""
    return list(islice(_unreached(deliveries), most))


def _unreached(deliveries: Iterable[Delivery]) -> Iterator[Delivery]:
    return (one for one in deliveries if one.state in FAILED or one.state is State.IN_DOUBT)
