"""Connections that come to nothing -> when the next may be tried, and when to give the server up.

A connection comes to nothing if it cannot be opened, or if it ends before the server has answered
one message on it. Three situations look alike at first:

* One connection was unlucky. The next one should be opened at once.
* The server is gone, or takes connections and drops each of them. Then each further attempt is
  load for a server in trouble, and hundreds of attempts in a second are an attack. The pauses grow
  while nothing succeeds. And since several workers suffer at the same moment, only one of them
  tries at a time: its connection is the *trial*. When it has carried one message, the others follow
  in parallel. If all attempts of some minutes fail, the run ends.
* The server serves some connections and drops others, for example because it allows fewer. Then
  the run must go on at the speed of those that work. Only the workers whose connections fail pause.

So failures in a row are counted twice: for the whole run, where each answered message on any
connection ends the row, and for each worker, where only its own connection does. Connections that
were begun before the last failure of the whole run was known do not count again there: eight
connections that break in the same moment are one failure.

The values are frozen, and each method returns the next one. Nothing waits, locks or reads a clock:
times are in seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

NEVER: Final = float("inf")


@dataclass(frozen=True, slots=True)
class _Failures:
    """_Failures in a row, and the time before which there is no further attempt."""

    count: int = 0
    retry_at: float = 0.0


_NONE: Final = _Failures()


@dataclass(frozen=True, slots=True)
class Availability:
    """The failures of a run and of its workers.

    Attributes:
        run: the failures of the whole run.
        workers: the failures of the workers that have any.
        period: the number of failures of the whole run so far, also before the last success.
        begun: the workers that have a connection or open one, with the period of its beginning.
        proven: those of them whose connection has carried a message.
    """

    run: _Failures = _NONE
    workers: Mapping[int, _Failures] = field(default_factory=lambda: MappingProxyType({}))
    period: int = 0
    begun: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))
    proven: frozenset[int] = frozenset()

    def permits(self, worker: int) -> float:
        """Return from when on this worker may connect; NEVER while another one makes the trial."""
        own = self.workers.get(worker, _NONE)
        if self.run.count and self._trial_by_other(worker):
            return NEVER
        return max(self.run.retry_at, own.retry_at)

    def _trial_by_other(self, worker: int) -> bool:
        return any(
            period == self.period and other != worker and other not in self.proven
            for other, period in self.begun.items()
        )

    def began(self, worker: int) -> Availability:
        """Return the state after this worker began to connect."""
        return replace(self, begun={**self.begun, worker: self.period})

    def counts(self, worker: int) -> int:
        """Return the failures in a row that the run has if this worker's connection has failed."""
        return self.run.count + (self.begun.get(worker, self.period) == self.period)

    def own_count(self, worker: int) -> int:
        """Return the failures in a row that this worker has if its connection has failed."""
        return self.workers.get(worker, _NONE).count + 1

    def failed(self, worker: int, *, retry_at: float, own_retry_at: float) -> Availability:
        """Return the state after this worker's connection came to nothing."""
        count = self.counts(worker)
        new = count > self.run.count
        ended = self.ended(worker)
        own = _Failures(self.own_count(worker), own_retry_at)
        return replace(
            ended,
            run=_Failures(count, retry_at) if new else self.run,
            workers={**self.workers, worker: own},
            period=self.period + new,
        )

    def answered(self, worker: int) -> Availability:
        """Return the state after the server answered a message on this worker's connection."""
        workers = {number: own for number, own in self.workers.items() if number != worker}
        return replace(self, run=_NONE, workers=workers, proven=self.proven | {worker})

    def ended(self, worker: int) -> Availability:
        """Return the state after this worker's connection ended, without counting a failure."""
        begun = {number: period for number, period in self.begun.items() if number != worker}
        return replace(self, begun=begun, proven=self.proven - {worker})
