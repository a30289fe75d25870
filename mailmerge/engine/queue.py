"""Claimed deliveries that wait for a worker, and the order in which workers get them.

The run puts deliveries in. Workers take them when the throttle permits it, and put back those that
could not be transmitted. If the rate of a domain delays a delivery, it moves to a queue of that
domain, so that it does not delay the others.

Deliveries that are put back go first on the next connection. But a message may be the reason why
connections end: a filter in front of the server may drop the connection when it sees that message.
Or it may be innocent, because the server drops every connection. The answers to other messages tell
one from the other. So a delivery at which connections ended several times goes to the end of the
queue, and others are tried before it. If the server answers them, the delivery is to blame
(`blame`), and it is deferred. If the server answers none, the delivery is kept: the connector
pauses, and in the end it gives up.

Two kinds of threads sleep here. Workers sleep in `wait` until a delivery is put in, or until the
throttle permits the next one. The run sleeps in `wait_for_attention` until fewer than `low_water`
deliveries wait, or until every delivery has its outcome.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

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


_LAST_RETURN_TO_FRONT: Final = 2
"""A delivery that is put back more often goes to the end of the queue."""


@dataclass(slots=True)
class _Returns:
    """How often deliveries were put back, by their ids, and how many messages were answered."""

    answered: int = 0
    counts: dict[int, int] = field(default_factory=dict)
    answered_before: dict[int, int] = field(default_factory=dict)

    def note(self, delivery: Delivery) -> int:
        """Count a return. Returns how often this delivery was put back."""
        self.answered_before.setdefault(delivery.id, self.answered)
        count = self.counts[delivery.id] = self.counts.get(delivery.id, 0) + 1
        return count

    def blame(self, delivery: Delivery, *, alone: bool) -> int:
        """Return how many of the returns are the fault of this delivery."""
        count = self.counts.get(delivery.id, 0)
        before = 0 if alone else self.answered_before.get(delivery.id, 0)
        return count if self.answered > before else min(count, 1)


class ConnectedWorkers:
    """The workers that have a connection, in the order in which they got it. Thread-safe."""

    def __init__(self) -> None:
        self._workers: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self._workers)

    def __contains__(self, worker: int) -> bool:
        return worker in self._workers

    def add(self, worker: int) -> None:
        """Note that a worker has a connection. Only one thread at a time may call this."""
        self._workers = (*self._workers, worker)

    def discard(self, worker: int) -> None:
        """Note that a worker has no connection. Only one thread at a time may call this."""
        self._workers = tuple(one for one in self._workers if one != worker)

    def position(self, worker: int) -> int:
        """Return the worker's place in the order in which workers may have a connection.

        Workers that have one come first, so a limit never makes a worker close its connection for
        another to open one.
        """
        workers = self._workers
        if worker in workers:
            return workers.index(worker)
        return worker + sum(other > worker for other in workers)


Further = Callable[[Delivery], Sequence[str]]
"""Returns the domain of each recipient of a delivery's message besides its own."""


_Turn = tuple[str, Sequence[str]]
"""The domain of a message's recipient, and those of its further recipients."""


class _Turns:
    """The throttle, and what it needs to know about a delivery.

    `further` is None if no message has copies.
    """

    def __init__(self, throttle: Throttle, further: Further | None) -> None:
        self.throttle = throttle
        self._further = further

    def of(self, delivery: Delivery) -> _Turn:
        """Return the domains that the message of this delivery goes to."""
        further = () if self._further is None else self._further(delivery)
        return delivery.mailbox.domain, further

    def account_ready(self, now: float, turn: _Turn) -> float:
        """Return when the rates of the account permit it; the domain "" has none of its own."""
        return self.throttle.ready_at(now, "", [""] * len(turn[1]))

    def has_rates(self, turn: _Turn) -> bool:
        """Whether one of its domains has rates of its own."""
        return any(map(self.throttle.has_rates, (turn[0], *turn[1])))


@dataclass(frozen=True, slots=True)
class OpenZones:
    """Which deliveries may be handed out: all but those of `closed` time zones, before `until`.

    `until` is in seconds since 1970. From then on nothing is handed out until the run has looked
    again which zones are closed.
    """

    closed: frozenset[str] = frozenset()
    until: float = _NEVER

    def has(self, delivery: Delivery) -> bool:
        """Whether the zone of a delivery is open."""
        return delivery.time_zone not in self.closed

    def after_return(self, *deliveries: Delivery) -> OpenZones:
        """Return what holds when deliveries return to the queue: a zone may have closed since."""
        if not self.closed or self is NO_MORE or all(map(self.has, deliveries)):
            return self
        return OpenZones(self.closed, 0.0)


NO_MORE: Final = OpenZones(until=-_NEVER)
"""The queue of a run that ends."""


class Queue:
    """The claimed deliveries of a run that have no outcome yet. Safe from any thread.

    A request to stop closes the queue at once. `further` is None if no message has copies.

    Attributes:
        workers: the workers that have a connection; the connector notes them.
        low_water: the run is woken when fewer deliveries wait.
        open: which deliveries may be handed out, by their time zones.
    """

    def __init__(
        self,
        throttle: Throttle,
        clock: Clock,
        stop: StopRequest | None = None,
        further: Further | None = None,
    ) -> None:
        self._turns = _Turns(throttle, further)
        self._clock = clock
        self._stop = stop or StopRequest()
        self._changed = threading.Condition()
        self._attention = threading.Event()
        self._waiting: deque[Delivery] = deque()
        self._by_domain: dict[str, deque[Delivery]] = {}
        self._returns = _Returns()
        self._in_flight = 0
        self.workers = ConnectedWorkers()
        self.low_water = 0
        self.open = OpenZones()

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
            self.open = NO_MORE
            self._changed.notify_all()
            self._attention.set()

    def clear(self, now_open: OpenZones | None = None) -> list[Delivery]:
        """Remove and return every delivery that waits, or those that are not open now.

        From now on, `now_open` decides what is handed out.
        """
        with self._changed:
            removed = list[Delivery]()
            for waiting in (self._waiting, *self._by_domain.values()):
                every = list(waiting)
                kept = [] if now_open is None else [one for one in every if now_open.has(one)]
                removed += [one for one in every if one not in kept] if kept else every
                waiting.clear()
                waiting.extend(kept)
            if now_open is not None and self.open is not NO_MORE:
                self.open = now_open
            self._changed.notify_all()
            return removed

    # --- called by workers

    @property
    def closed(self) -> bool:
        """Whether the queue hands out no more deliveries."""
        return self.open is NO_MORE or self._stop.requested

    def offers(self, worker: int, *, besides: int = 0) -> bool:
        """Whether a delivery waits for this worker, now or when the throttle permits it.

        `besides` is the number of other workers that will take one.
        """
        with self._changed:
            waits = not self.closed and self._count() > besides
            return waits and self._allows(worker, self._clock())

    def turn(self, worker: int) -> float:
        """Return when a worker without a connection may send; infinity if not before a change.

        It is not later than the time at which a delivery that waits may be sent, in seconds since
        1970.
        """
        with self._changed:
            now = self._clock()
            if self.closed or not self._count() or not self._allows(worker, now):
                return _NEVER
            turns = [
                self._turns.throttle.ready_at(now, name)
                for name, own in self._by_domain.items()
                if own
            ]
            if self._waiting:
                turns.append(self._turns.throttle.ready_at(now))
            return min(turns)

    def take(self, worker: int) -> Delivery | NotYet:
        """Take the next delivery, or return when to ask again."""
        with self._changed:
            now = self._clock()
            if self.closed:
                return NotYet()
            if now >= self.open.until:
                self._attention.set()
                return NotYet()
            if not self._allows(worker, now):
                return NotYet(_NEVER)
            taken = self._next_by_domain(now) or self._next(now)
            if self._count() < self.low_water:
                self._attention.set()
            return taken

    def put_back(self, *deliveries: Delivery, blamed: Delivery | None = None) -> None:
        """Put back deliveries whose connection ended; they go first, in this order.

        `blamed` is the one at which the connection ended. If that happened several times, it goes
        to the end of the queue instead, and the queue continues further behind: the deliveries
        next to it, perhaps to the same domain, may have the same fate.
        """
        with self._changed:
            self._in_flight -= len(deliveries)
            self.open = self.open.after_return(*deliveries)
            late = blamed is not None and self._returns.note(blamed) > _LAST_RETURN_TO_FRONT
            back = [one for one in deliveries if late and one is blamed]
            self._waiting.extendleft(reversed([one for one in deliveries if one not in back]))
            if late:
                self._waiting.rotate(-(len(self._waiting) // 3))
            self._waiting.extend(back)
            self._changed.notify_all()

    def put_last(self, delivery: Delivery) -> None:
        """Put a delivery that met a complaint about the speed back to the end of the queue.

        The others go first, so that one message cannot make up a series of complaints.
        """
        with self._changed:
            self._in_flight -= 1
            self.open = self.open.after_return(delivery)
            self._returns.note(delivery)
            self._waiting.append(delivery)
            self._changed.notify_all()

    def blame(self, delivery: Delivery) -> int:
        """Return how often this delivery was put back, as far as it is to blame.

        That is at most 1 until the server has answered another message since the first time. If no
        other message is left that could show it, an earlier answer of the run is enough.
        """
        if delivery.id not in self._returns.counts:
            return 0  # the usual case costs no lock
        with self._changed:
            alone = self._in_flight <= 1 and not self._count()
            return self._returns.blame(delivery, alone=alone)

    def settle(self, *, answered: bool = False) -> None:
        """Note that a delivery that was taken has its outcome, perhaps by an answer of the server.

        A reply that ends the connection is no answer.
        """
        with self._changed:
            self._in_flight -= 1
            self._returns.answered += answered
            if not self._in_flight and not self._count():
                self._attention.set()

    def set_aside(self) -> None:
        """Note that a delivery that was taken gets no outcome in this run."""
        self._turns.throttle.settled(self._clock())
        self.settle()

    def wait(self, seconds: float) -> None:
        """Sleep until something changes, for at most `seconds`."""
        with self._changed:
            if not self.closed:
                self._changed.wait(seconds)

    # --- which delivery is next; the caller holds the lock

    def _allows(self, worker: int, now: float) -> bool:
        allowed = self._turns.throttle.connections(now)
        if worker in self.workers and len(self.workers) <= allowed:
            return True  # the usual case
        return self.workers.position(worker) < allowed

    def _count(self) -> int:
        return len(self._waiting) + sum(map(len, self._by_domain.values()))

    def _next(self, now: float) -> Delivery | NotYet:
        while self._waiting:
            delivery = self._waiting[0]
            turn = self._turns.of(delivery)
            if self._turns.throttle.take(now, *turn):
                self._in_flight += 1
                return self._waiting.popleft()
            ready = self._turns.account_ready(now, turn)
            if ready > now or not self._turns.has_rates(turn):
                return NotYet(ready)
            self._by_domain.setdefault(turn[0], deque()).append(self._waiting.popleft())
        ready_at = [
            self._turns.throttle.ready_at(now, *self._turns.of(own[0]))
            for own in self._by_domain.values()
            if own
        ]
        return NotYet(min(ready_at, default=None))

    def _next_by_domain(self, now: float) -> Delivery | None:
        for deliveries in self._by_domain.values():
            if deliveries and self._turns.throttle.take(now, *self._turns.of(deliveries[0])):
                self._in_flight += 1
                return deliveries.popleft()
        return None
