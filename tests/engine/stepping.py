"""A clock that goes on with the steps of a run, so that a test of hours takes a second.

A run renews its claims in each step of its loop. Here each renewal moves the clock by as much as
the test says, and whatever else takes time waits for that clock. So a run is always as far as its
clock, however slow the machine is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Any

from mailmerge.ledger.interface import Store
from mailmerge.ledger.states import Delivery
from mailmerge.smtp import Server
from tests.engine.clocks import Clock
from tests.smtp.transports import Wrapped

_PATIENCE = 60.0


class Stepping:
    """A store whose clock goes on by `step` seconds with each renewal; it passes everything on.

    Attributes:
        claims: the limits of the claims that were asked for.
        folds: the times of the clock at which the journal was written into the database.
    """

    def __init__(self, store: Store, clock: Clock, step: float) -> None:
        self.store = store
        self.clock = clock
        self.step = step
        self.claims: list[int] = []
        self.folds: list[float] = []

    def renew(self, worker: str, now: float) -> None:
        self.store.renew(worker, now)
        self.clock.now += self.step

    def claim(
        self, worker: str, limit: int, now: float, closed: Collection[str] = ()
    ) -> list[Delivery]:
        self.claims.append(limit)
        return self.store.claim(worker, limit, now, closed)

    def flush(self) -> None:
        self.folds.append(self.clock())
        self.store.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


def slow_server(clock: Clock, pause: float) -> Callable[[Server], Wrapped]:
    """A connection on which each wait for the server takes `pause` seconds of the clock."""

    class Slow(Wrapped):
        def wait(self, seconds: float | None, *, writing: bool = False) -> bool:
            until, patience = clock() + pause, time.monotonic() + _PATIENCE
            while clock() < until:
                assert time.monotonic() < patience, "the run renews its claims no more"
                time.sleep(0.005)
            return super().wait(seconds, writing=writing)

    return Slow
