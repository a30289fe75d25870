"""Claimed deliveries that wait for a worker, and whose turn it is.

The run puts deliveries in, workers take them when the throttle lets one go, and put back those
that could not be transmitted. Deliveries to a domain with rates of its own wait apart from the
others, so that they hold up no other recipient.

Two kinds of threads sleep here. Workers sleep in `wait` until a delivery is put in, or until the
throttle's next turn. The run sleeps in `wait_for_attention` until fewer than `low_water`
deliveries wait, or until every delivery has its outcome.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from mailmerge.engine.throttle import Throttle
from mailmerge.ledger.states import Delivery
from mailmerge.portable.clock import Clock

_NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class NotYet:
    """No delivery may be sent now; ask again at `until` (seconds since 1970).

    None means: when something has changed, since no delivery waits. Infinity means that this worker
    is one too many at present.
    """

    until: float | None = None


@dataclass(frozen=True, slots=True)
class Backlog:
    """What the queue holds at one moment: deliveries that wait, and deliveries with a worker."""

    waiting: int
    in_flight: int

    @property
    def idle(self) -> bool:
        """Whether every delivery that was put in has its outcome."""
        return not self.waiting and not self.in_flight


class Queue:
    """The deliveries that a run has claimed and not settled. Safe from any thread."""

    def __init__(self, throttle: Throttle, clock: Clock) -> None:
        self._throttle = throttle
        self._clock = clock
        self._changed = threading.Condition()
        self._attention = threading.Event()
        self._waiting: deque[Delivery] = deque()
        self._apart: dict[str, deque[Delivery]] = {}
        self._returned: dict[int, int] = {}
        self._in_flight = 0
        self._closed = False
        self.low_water = 0

    # --- for the run

    def put(self, deliveries: list[Delivery]) -> None:
        """Let these wait behind the others."""
        with self._changed:
            self._waiting.extend(deliveries)
            self._changed.notify_all()

    def backlog(self) -> Backlog:
        """How many deliveries wait and how many are in flight."""
        with self._changed:
            return Backlog(self._count(), self._in_flight)

    def wait_for_attention(self, seconds: float) -> bool:
        """Sleep until deliveries run short or all are settled; False after `seconds`."""
        called = self._attention.wait(seconds)
        self._attention.clear()
        return called

    def close(self) -> None:
        """Give out no more deliveries."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            self._attention.set()

    def clear(self) -> list[Delivery]:
        """Take out every delivery that waits."""
        with self._changed:
            left = [*self._waiting, *(one for own in self._apart.values() for one in own)]
            self._waiting.clear()
            self._apart.clear()
            return left

    # --- for workers

    @property
    def closed(self) -> bool:
        """Whether no more deliveries are given out."""
        return self._closed

    def offers(self, worker: int) -> bool:
        """Whether this worker has something to do, now or as soon as the throttle lets it."""
        with self._changed:
            return not self._closed and self._count() > 0 and self._allows(worker, self._clock())

    def take(self, worker: int) -> Delivery | NotYet:
        """The next delivery, or when to ask again."""
        with self._changed:
            now = self._clock()
            if self._closed:
                return NotYet()
            if not self._allows(worker, now):
                return NotYet(_NEVER)
            taken = self._next_apart(now) or self._next(now)
            if self._count() < self.low_water:
                self._attention.set()
            return taken

    def put_back(self, delivery: Delivery) -> None:
        """Let a delivery that was taken, and could not be transmitted, be the next one."""
        with self._changed:
            self._in_flight -= 1
            self._returned[delivery.id] = self._returned.get(delivery.id, 0) + 1
            self._waiting.appendleft(delivery)
            self._changed.notify_all()

    def returned(self, delivery: Delivery) -> int:
        """How often this delivery was put back."""
        return self._returned.get(delivery.id, 0)

    def settle(self) -> None:
        """Note that a delivery that was taken has its outcome."""
        with self._changed:
            self._in_flight -= 1
            if not self._in_flight and not self._count():
                self._attention.set()

    def wait(self, seconds: float) -> None:
        """Sleep until something has changed, and no longer than `seconds`."""
        with self._changed:
            if not self._closed:
                self._changed.wait(seconds)

    # --- whose turn it is; the lock is held

    def _allows(self, worker: int, now: float) -> bool:
        return worker < self._throttle.connections(now)

    def _count(self) -> int:
        return len(self._waiting) + sum(map(len, self._apart.values()))

    def _next(self, now: float) -> Delivery | NotYet:
        while self._waiting:
            delivery = self._waiting[0]
            domain = delivery.mailbox.domain
            if self._throttle.take(now, domain):
                self._in_flight += 1
                return self._waiting.popleft()
            ready = self._throttle.ready_at(now)
            if not self._throttle.paces(domain) or ready > now:
                return NotYet(ready)
            self._apart.setdefault(domain, deque()).append(self._waiting.popleft())
        ready_at = [self._throttle.ready_at(now, name) for name, own in self._apart.items() if own]
        return NotYet(min(ready_at, default=None))

    def _next_apart(self, now: float) -> Delivery | None:
        for domain, deliveries in self._apart.items():
            if deliveries and self._throttle.take(now, domain):
                self._in_flight += 1
                return deliveries.popleft()
        return None
