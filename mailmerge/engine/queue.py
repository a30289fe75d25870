"""Claimed people waiting for a lane, and whose turn it is.

The run puts people on the desk, the lanes take them when the pacer lets one go, and put back who
could not be transmitted. `low_water` is how few may wait before the run is called. People of a
domain with rates of its own wait apart, so that they hold up nobody else.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from mailmerge.engine.throttle import FOREVER, Throttle
from mailmerge.ledger.states import Delivery


@dataclass(frozen=True, slots=True)
class Wait:
    """Nobody's turn has come; it does at `until` (seconds since 1970), None where nobody waits."""

    until: float | None = None


class Queue:
    """The people that a run has claimed and no lane has taken. Safe from any thread."""

    def __init__(self, pacer: Throttle, clock: Callable[[], float]) -> None:
        self._pacer = pacer
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: deque[Delivery] = deque()
        self._apart: dict[str, deque[Delivery]] = {}
        self._returned: dict[int, int] = {}
        self._taken = 0
        self._closed = False
        self._attention = threading.Event()
        self.lanes_allowed = 1
        self.low_water = 0

    def put(self, people: list[Delivery]) -> None:
        """Let these wait behind the others."""
        with self._changed:
            self._waiting.extend(people)
            self._changed.notify_all()

    def put_back(self, person: Delivery) -> None:
        """Somebody who was taken could not be transmitted; they are next."""
        with self._changed:
            self._taken -= 1
            self._returned[person.id] = self._returned.get(person.id, 0) + 1
            self._waiting.appendleft(person)
            self._changed.notify_all()

    def returned(self, person: Delivery) -> int:
        """How often this person was put back."""
        return self._returned.get(person.id, 0)

    def offers(self, lane: int) -> bool:
        """Whether this lane has something to do, now or as soon as the pacer lets it."""
        with self._changed:
            return not self._closed and lane < self.lanes_allowed and self.waiting > 0

    def settle(self) -> None:
        """Somebody who was taken has an outcome."""
        with self._changed:
            self._taken -= 1
            if not self._taken and not self.waiting:
                self._attention.set()

    def take(self, lane: int) -> Delivery | Wait:
        """The next person, or until when to wait."""
        with self._changed:
            now = self._clock()
            if self._closed:
                return Wait()
            if lane >= self.lanes_allowed:
                return Wait(FOREVER)
            turn = self._next_apart(now) or self._next(now)
            if self.waiting < self.low_water:
                self._attention.set()
            return turn

    def _next(self, now: float) -> Delivery | Wait:
        while self._waiting:
            person = self._waiting[0]
            domain = person.mailbox.domain
            if self._pacer.take(now, domain):
                self._taken += 1
                return self._waiting.popleft()
            if not self._pacer.paces(domain) or self._pacer.ready_at(now) > now:
                return Wait(self._pacer.ready_at(now))
            self._apart.setdefault(domain, deque()).append(self._waiting.popleft())
        ready = [self._pacer.ready_at(now, domain) for domain, own in self._apart.items() if own]
        return Wait(min(ready, default=None))

    def _next_apart(self, now: float) -> Delivery | None:
        for domain, people in self._apart.items():
            if people and self._pacer.take(now, domain):
                self._taken += 1
                return people.popleft()
        return None

    @property
    def waiting(self) -> int:
        """How many people wait."""
        return len(self._waiting) + sum(map(len, self._apart.values()))

    @property
    def idle(self) -> bool:
        """Whether nobody waits and nobody is with a lane."""
        with self._changed:
            return not self._taken and not self.waiting

    @property
    def closed(self) -> bool:
        """Whether nobody is given out any more."""
        return self._closed

    def wait(self, seconds: float) -> None:
        """Sleep until something has changed, or for so long."""
        with self._changed:
            if not self._closed:
                self._changed.wait(seconds)

    def wait_for_attention(self, seconds: float) -> None:
        """Sleep until people run short or everybody is settled, or for so long: for the run."""
        self._attention.wait(seconds)
        self._attention.clear()

    def close(self) -> None:
        """Give nobody out any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            self._attention.set()

    def clear(self) -> list[Delivery]:
        """Take everybody away who waits."""
        with self._changed:
            people = [*self._waiting, *(one for own in self._apart.values() for one in own)]
            self._waiting.clear()
            self._apart.clear()
            return people
