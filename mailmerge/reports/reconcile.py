"""Compares the messages that a server accepted with the states in the ledger.

A message is recognised by its Message-ID, which is the same for all attempts of a recipient.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mailmerge.ledger.states import Delivery, State


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The result of a comparison. Each tuple has keys of recipients, and should be empty.

    Attributes:
        recipients: the number of recipients in the ledger.
        taken: the number of messages that the server accepted.
        sent: the number of deliveries that are sent in the ledger.
        in_doubt: the number of deliveries that are in doubt in the ledger.
        in_doubt_taken: how many of those the server accepted.
        never_taken: sent in the ledger, but the server did not accept the message.
        unaccounted: accepted by the server, but neither sent nor in doubt in the ledger.
        twice: accepted by the server more than once.
        missing: the number of enrolled recipients that the ledger lacks; negative if it has more.
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
        """The number of recipients about which the ledger and the server disagree."""
        keys = {*self.never_taken, *self.unaccounted, *self.twice}
        return len(keys) + abs(self.missing)

    @property
    def balanced(self) -> bool:
        """Whether the ledger and the server agree about every recipient."""
        return not self.wrong

    def to_json(self) -> dict[str, Any]:
        """Return the object `reconciliation` of `send --json`."""
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
    """Compare the ledger's deliveries with the messages that a server accepted.

    `taken` maps each accepted Message-ID to the number of times. `enrolled` is the number of
    recipients that there should be.
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
