"""What a server took, compared with what the ledger says: did the ledger tell the truth?

Messages are recognised by their Message-ID. A recipient has one for all attempts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mailmerge.ledger.states import Delivery, State


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What the comparison has found; each tuple holds recipients' keys, and should be empty.

    Attributes:
        recipients: how many the ledger has.
        taken: how many messages the server took.
        sent: how many deliveries the ledger calls sent.
        in_doubt: how many it calls in doubt; the server took the messages of `in_doubt_taken`.
        never_taken: sent according to the ledger, but the server has not taken the message.
        unaccounted: taken by the server, but neither sent nor in doubt according to the ledger.
        twice: taken by the server more than once.
        missing: how many recipients were enrolled and are not in the ledger; negative if it has
            too many.
    """

    recipients: int
    taken: int
    sent: int
    in_doubt: int
    in_doubt_taken: int
    never_taken: tuple[str, ...] = ()
    unaccounted: tuple[str, ...] = ()
    twice: tuple[str, ...] = ()
    missing: int = 0

    @property
    def wrong(self) -> int:
        """About how many recipients the ledger and the server disagree."""
        keys = {*self.never_taken, *self.unaccounted, *self.twice}
        return len(keys) + abs(self.missing)

    @property
    def balanced(self) -> bool:
        """Whether the ledger has told the truth about every recipient."""
        return not self.wrong

    def to_json(self) -> dict[str, Any]:
        """The document that stands in that of `send --json`."""
        return {
            "balanced": self.balanced,
            "taken": self.taken,
            "in_doubt_taken": self.in_doubt_taken,
            "never_taken": list(self.never_taken),
            "unaccounted": list(self.unaccounted),
            "twice": list(self.twice),
            "missing": self.missing,
        }


def reconcile(
    deliveries: Iterable[Delivery], taken: Mapping[str, int], *, enrolled: int
) -> Reconciliation:
    """Compare the ledger's deliveries with what the server took: Message-IDs, and how often.

    `enrolled` is how many recipients there should be.
    """
    never_taken, unaccounted, twice = list[str](), list[str](), list[str]()
    keys = set[str]()
    sent = in_doubt = in_doubt_taken = 0
    for one in deliveries:
        keys.add(one.key)
        times = taken.get(one.message_id, 0) if one.message_id else 0
        sent += one.state is State.SENT
        in_doubt += one.state is State.IN_DOUBT
        in_doubt_taken += one.state is State.IN_DOUBT and times > 0
        if one.state is State.SENT and not times:
            never_taken.append(one.key)
        if times and one.state not in {State.SENT, State.IN_DOUBT}:
            unaccounted.append(one.key)
        if times > 1:
            twice.append(one.key)
    return Reconciliation(
        recipients=len(keys),
        taken=sum(taken.values()),
        sent=sent,
        in_doubt=in_doubt,
        in_doubt_taken=in_doubt_taken,
        never_taken=tuple(never_taken),
        unaccounted=tuple(unaccounted),
        twice=tuple(twice),
        missing=enrolled - len(keys),
    )
