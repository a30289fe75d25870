"""Claimed deliveries that wait for a worker, and the order in which workers get them.

The run puts deliveries in. Workers take them when the throttle permits it, and put back those that
could not be transmitted. If the rate of a domain delays a delivery, it moves to a queue of that
domain, so that it does not delay the others.

Two kinds of threads sleep here. Workers sleep in `wait` until a delivery is put in, or until the
throttle permits the next one. The run sleeps in `wait_for_attention` until fewer than `low_water`
deliveries wait, or until every delivery has its outcome.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from mailmerge.engine.stopping import StopRequest
from mailmerge.engine.throttle import Throttle
from mailmerge.ledger.states import Delivery
from mailmerge.portable.clock import Clock

_NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class NotYet:
    """No delivery may be sent now; ask again at `until` (seconds since 1970).

    None means that no delivery waits: ask again after a change. Infinity means that at present this
    worker exceeds the allowed number of connections.
    """

    until: float | None = None


@dataclass(frozen=True, slots=True)
class Backlog:
    """The number of deliveries that wait, and of those that a worker has, at one moment."""

    waiting: int
    in_flight: int

    @property
    def idle(self) -> bool:
        """Whether every delivery that was put in has its outcome."""
        return not self.waiting and not self.in_flight


class Queue:
    """The claimed deliveries of a run that have no outcome yet. Safe from any thread.

    A request to stop closes the queue at once.

    Attributes:
        low_water: the run is woken when fewer deliveries wait.
    """

    def __init__(self, throttle: Throttle, clock: Clock, stop: StopRequest | None = None) -> None:
        self._throttle = throttle
        self._clock = clock
        self._stop = stop or StopRequest()
        self._changed = threading.Condition()
        self._attention = threading.Event()
        self._waiting: deque[Delivery] = deque()
        self._by_domain: dict[str, deque[Delivery]] = {}
        self._returned: dict[int, int] = {}
        self._in_flight = 0
        self._closed = False
        self.low_water = 0

    # --- called by the run

    def put(self, deliveries: list[Delivery]) -> None:
        """Add deliveries to the end of the queue."""
        with self._changed:
            self._waiting.extend(deliveries)
            self._changed.notify_all()

    def backlog(self) -> Backlog:
        """Return the number of deliveries that wait, and of those in flight."""
        with self._changed:
            return Backlog(self._count(), self._in_flight)

    def wait_for_attention(self, seconds: float) -> bool:
        """Sleep until few deliveries wait or all are settled. Returns False after `seconds`."""
        called = self._attention.wait(seconds)
        self._attention.clear()
        return called

    def close(self) -> None:
        """Hand out no more deliveries."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            self._attention.set()

    def clear(self) -> list[Delivery]:
        """Remove and return every delivery that waits."""
        with self._changed:
            left = [*self._waiting, *(one for own in self._by_domain.values() for one in own)]
            self._waiting.clear()
            self._by_domain.clear()
            return left

    # --- called by workers

    @property
    def closed(self) -> bool:
        """Whether the queue hands out no more deliveries."""
        return self._closed or self._stop.requested

    def offers(self, worker: int) -> bool:
        """Whether a delivery waits for this worker, now or when the throttle permits it."""
        with self._changed:
            return not self.closed and self._count() > 0 and self._allows(worker, self._clock())

    def take(self, worker: int) -> Delivery | NotYet:
        """Take the next delivery, or return when to ask again."""
        with self._changed:
            now = self._clock()
            if self.closed:
                return NotYet()
            if not self._allows(worker, now):
                return NotYet(_NEVER)
            taken = self._next_by_domain(now) or self._next(now)
            if self._count() < self.low_water:
                self._attention.set()
            return taken

    def put_back(self, delivery: Delivery) -> None:
        """Put a delivery that could not be transmitted back to the front of the queue."""
        with self._changed:
            self._in_flight -= 1
            self._returned[delivery.id] = self._returned.get(delivery.id, 0) + 1
            self._waiting.appendleft(delivery)
            self._changed.notify_all()

    def returned(self, delivery: Delivery) -> int:
        """Return how often this delivery was put back."""
        return self._returned.get(delivery.id, 0)

    def settle(self) -> None:
        """Note that a delivery that was taken has its outcome."""
        with self._changed:
            self._in_flight -= 1
            if not self._in_flight and not self._count():
                self._attention.set()

    def wait(self, seconds: float) -> None:
        """Sleep until something changes, for at most `seconds`."""
        with self._changed:
            if not self.closed:
                self._changed.wait(seconds)

    # --- which delivery is next; the caller holds the lock

    def _allows(self, worker: int, now: float) -> bool:
        return worker < self._throttle.connections(now)

    def _count(self) -> int:
        return len(self._waiting) + sum(map(len, self._by_domain.values()))

    def _next(self, now: float) -> Delivery | NotYet:
        while self._waiting:
            delivery = self._waiting[0]
            domain = delivery.mailbox.domain
            if self._throttle.take(now, domain):
                self._in_flight += 1
                return self._waiting.popleft()
            ready = self._throttle.ready_at(now)
            if not self._throttle.has_rates(domain) or ready > now:
                return NotYet(ready)
            self._by_domain.setdefault(domain, deque()).append(self._waiting.popleft())
        ready_at = [
            self._throttle.ready_at(now, name) for name, own in self._by_domain.items() if own
        ]
        return NotYet(min(ready_at, default=None))

    def _next_by_domain(self, now: float) -> Delivery | None:
        for domain, deliveries in self._by_domain.items():
            if deliveries and self._throttle.take(now, domain):
                self._in_flight += 1
                return deliveries.popleft()
        return None
