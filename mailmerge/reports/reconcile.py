"""What a server took, against what the ledger says of everybody: do the books balance?

Messages are known by their Message-ID: it is one for each person, also where they are sent again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mailmerge.ledger.states import Delivery, State


@dataclass(frozen=True, slots=True)
class Books:
    """Both books laid beside each other; each tuple holds keys of people, and should be empty.

    `never_taken` are sent, but the server has not taken their message. `unaccounted` are neither
    sent nor in doubt, but it has. `twice` were taken more than once. `missing` is how many people
    were enrolled and have no state, or one too many where it is negative.
    """

    people: int
    taken: int
    sent: int
    in_doubt: int
    in_doubt_taken: int
    never_taken: tuple[str, ...] = ()
    unaccounted: tuple[str, ...] = ()
    twice: tuple[str, ...] = ()
    missing: int = 0

    @property
    def balanced(self) -> bool:
        """Whether the ledger has told the truth about everybody."""
        return not (self.never_taken or self.unaccounted or self.twice or self.missing)

    def to_json(self) -> dict[str, Any]:
        """The books in the document of `send --json`."""
        return {
            "balanced": self.balanced,
            "taken": self.taken,
            "in_doubt_taken": self.in_doubt_taken,
            "never_taken": list(self.never_taken),
            "unaccounted": list(self.unaccounted),
            "twice": list(self.twice),
            "missing": self.missing,
        }


def balance(people: Iterable[Delivery], taken: Mapping[str, int], *, enrolled: int) -> Books:
    """Lay the ledger's people beside what the server took, by Message-ID and how often."""
    never_taken, unaccounted, twice = list[str](), list[str](), list[str]()
    keys = set[str]()
    sent = in_doubt = in_doubt_taken = 0
    for one in people:
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
    return Books(
        len(keys),
        sum(taken.values()),
        sent,
        in_doubt,
        in_doubt_taken,
        tuple(never_taken),
        tuple(unaccounted),
        tuple(twice),
        enrolled - len(keys),
    )
