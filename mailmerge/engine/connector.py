"""Opens the connections of a run, in parallel, and learns from how they end.

All workers share one connector. It answers three questions: may this worker connect now, what
follows from an attempt that failed, and what follows from a connection that ended. The answers come
from pure modules: availability.py (pauses, and when to give up), recycling.py (messages on one
connection), `ConnectionLimit` in backoff.py (how many connections), and retry.py (what an error
means). This module holds their values under one lock and does the I/O.

Connections open in parallel, since a greeting may take seconds. But what can lock an account must
never happen in parallel:

* The first connection has a head start. If the server answers at once, the log-in is decided before
  any other connection is made: a wrong password costs one connection. If the first connection still
  waits for the server after the head start, the others begin, too.
* Only one connection at a time logs in, during the whole run. So after one refused log-in there is
  never a second attempt, even if the server accepted the same password before.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from mailmerge.engine.availability import NEVER, Availability
from mailmerge.engine.events import Waiting
from mailmerge.engine.queue import Queue
from mailmerge.engine.recycling import Recycling
from mailmerge.engine.retry import (
    GiveUp,
    Reconnect,
    ReplyRules,
    Retire,
    decide_connection,
    decide_fruitless,
    reconnect_pause,
)
from mailmerge.engine.throttle import Throttle
from mailmerge.engine.worker import ConnectionEnd, OnTerminator
from mailmerge.errors import MailmergeError, ServerError
from mailmerge.language import tr
from mailmerge.portable.clock import Clock
from mailmerge.providers.hints import as_user_error
from mailmerge.smtp import Client
from mailmerge.smtp.errors import ConnectionLost, SmtpError

_WAKE_UP: Final = 0.1
"""Seconds between two checks, during a pause, of whether the run is stopping."""

_HEAD_START: Final = 0.5
"""Seconds that the first connection has to itself."""


@dataclass(frozen=True, slots=True)
class Connecting:
    """A worker begins an attempt to connect."""

    at: float
    connection: int


class _NotNeeded(Exception):
    """The run is ending, so this connection does not log in."""


@dataclass(slots=True)
class _Openings:
    """The attempts of all workers to connect.

    Attributes:
        head_start: the seconds that the first connection has to itself.
        workers: the workers that are connecting now.
        began_at: when the first attempt began, in monotonic seconds.
        logging_in: whether one of them is logging in.
        lost_logins: the log-ins in a row that ended without a reply.
        proven: whether a connection was ever open.
        given_up: whether there are no more attempts.
        reported: whether a worker has got the error that ended the attempts.
    """

    head_start: float
    workers: set[int] = field(default_factory=set)
    began_at: float = 0.0
    logging_in: bool = False
    lost_logins: int = 0
    proven: bool = False
    given_up: bool = False
    reported: bool = False

    def begin(self, worker: int) -> None:
        """Note that a worker begins to connect."""
        if not self.workers:
            self.began_at = time.monotonic()
        self.workers.add(worker)

    def seconds_to_wait(self) -> float:
        """Return for how many seconds the first connection stays alone."""
        if self.proven or not self.workers:
            return 0.0
        if self.logging_in:
            return NEVER
        return self.began_at + self.head_start - time.monotonic()


@dataclass(slots=True)
class _Attempt:
    """One attempt to connect; `in_login` means that it has reached the log-in."""

    worker: int
    client: Client
    in_login: bool = False


class Connector:
    """Opens a connection for a worker. Safe from any thread.

    `client` makes a client that is not open yet. `host` is the server's name, which selects the
    explanations of its replies. `report` is called with each attempt and each pause. `head_start`
    is the number of real seconds that the first connection has to itself.
    """

    def __init__(
        self,
        client: Callable[[OnTerminator], Client],
        queue: Queue,
        throttle: Throttle,
        *,
        clock: Clock,
        rules: ReplyRules,
        host: str = "",
        report: Callable[[Connecting | Waiting], None],
        head_start: float = _HEAD_START,
    ) -> None:
        self._client = client
        self._queue = queue
        self._throttle = throttle
        self._clock = clock
        self._rules = rules
        self._host = host
        self._report = report
        self._login = threading.Lock()
        self._changed = threading.Condition()
        self._openings = _Openings(head_start)
        self._availability = Availability()
        self._recycling = Recycling()

    # --- called by workers

    def connect(self, worker: int, on_terminator: OnTerminator) -> Client | None:
        """Return an open client as soon as this worker may have one; None if the run is ending.

        Raises:
            MailmergeError: the server cannot be reached, or refuses for good. Only one of the
                workers gets the error.
        """
        while self._wait_for_permission(worker):
            attempt = _Attempt(worker, self._client(on_terminator))
            self._report(Connecting(self._clock(), worker))
            try:
                attempt.client.open(partial(self._login_turn, attempt))
            except SmtpError as error:
                self._failed(attempt, as_user_error(error, host=self._host))
            except ServerError as error:  # the token could not be renewed
                self._failed(attempt, error)
            except MailmergeError as error:  # the command that prints the token failed
                self._gave_up(attempt, error)
            except _NotNeeded:
                self._ended(worker)
            else:
                self._opened(worker)
                return attempt.client
        return None

    @property
    def careful(self) -> bool:
        """Whether a connection may have only one message in flight until one is answered.

        If the server drops each connection, a full window of messages could be in doubt each time.
        """
        return self._availability.run.count > 0

    def limit(self, worker: int) -> int | None:
        """Return the number of messages after which this worker ends its connection, or None."""
        return self._recycling.limit(worker)

    def answered(self, worker: int) -> None:
        """Note that the server has answered a message on this worker's connection."""
        state = self._availability
        if worker in state.proven and not state.run.count:
            return  # nothing changes: the usual case takes no lock
        with self._changed:
            self._availability = self._availability.answered(worker)
            self._changed.notify_all()

    def ended(self, worker: int, end: ConnectionEnd) -> None:
        """Note that this worker's connection has ended.

        Raises:
            RunStopped: the server takes connections, but no messages. Only one of the workers gets
                the error.
        """
        with self._changed:
            known, count = self._recycling, end.answered
            self._recycling = (
                known.closed(worker, count, in_doubt=end.in_doubt)
                if end.routine
                else known.ended_by_us(worker, count)
            )
        slowed = end.slowed and not end.in_doubt  # the throttle pauses then
        if end.answered or slowed or end.idle or not end.reason or self._queue.closed:
            self._ended(worker)
            return
        with self._changed:
            self._queue.workers.discard(worker)
            step = decide_fruitless(end.reason, failures=self._availability.counts(worker))
            self._follow(worker, step, end.reason)

    # --- permission

    def _wait_for_permission(self, worker: int) -> bool:
        """Wait until this worker may connect, and begin. Returns False if the run is ending."""
        with self._changed:
            while not (self._queue.closed or self._openings.given_up):
                wait = self._seconds_to_wait(worker)
                if wait <= 0:
                    self._availability = self._availability.began(worker)
                    self._openings.begin(worker)
                    return True
                self._changed.wait(min(wait, _WAKE_UP))
        return False

    def _seconds_to_wait(self, worker: int) -> float:
        """Return for how many seconds this worker may certainly not connect."""
        opening = len(self._openings.workers)
        if not self._queue.offers(worker, besides=opening):
            return NEVER
        if opening and self._throttle.limited:
            return NEVER  # one more at a time, so that its refusal is known before the next
        wait = self._availability.permits(worker) - self._clock()
        return wait if wait > 0 else self._openings.seconds_to_wait()

    @contextmanager
    def _login_turn(self, attempt: _Attempt) -> Iterator[None]:
        """Let one connection at a time log in, and none after a refusal."""
        with self._login:
            if self._queue.closed or self._openings.given_up:
                raise _NotNeeded
            attempt.in_login = self._openings.logging_in = True
            try:
                yield
            except SmtpError as error:
                self._openings.lost_logins += isinstance(error, ConnectionLost)
                # It is decided here, before the next connection has its turn.
                if isinstance(self._decide(attempt, as_user_error(error)), GiveUp):
                    self._openings.given_up = True
                raise
            finally:
                self._openings.logging_in = False
            attempt.in_login, self._openings.lost_logins = False, 0

    # --- what follows

    def _opened(self, worker: int) -> None:
        with self._changed:
            self._openings.workers.discard(worker)
            self._openings.proven = True
            self._queue.workers.add(worker)
            self._changed.notify_all()

    def _ended(self, worker: int) -> None:
        """Note that a connection is over, and that nothing follows from it."""
        with self._changed:
            self._openings.workers.discard(worker)
            self._queue.workers.discard(worker)
            self._availability = self._availability.ended(worker)
            self._changed.notify_all()

    def _gave_up(self, attempt: _Attempt, error: MailmergeError) -> None:
        with self._changed:
            self._openings.workers.discard(attempt.worker)
            self._follow(attempt.worker, GiveUp(error), str(error))

    def _failed(self, attempt: _Attempt, error: ServerError) -> None:
        worker = attempt.worker
        with self._changed:
            self._openings.workers.discard(worker)
            step = self._decide(attempt, error)
            if not isinstance(step, Retire):
                self._follow(worker, step, str(error))
                return
            self._throttle.cap(self._clock(), self._others(worker))
        self._ended(worker)

    def _decide(self, attempt: _Attempt, error: ServerError) -> Reconnect | Retire | GiveUp:
        return decide_connection(
            error,
            reply=attempt.client.last_reply,
            failures=self._availability.counts(attempt.worker),
            connected=self._openings.proven,
            others=self._others(attempt.worker),
            in_login=attempt.in_login,
            lost_logins=self._openings.lost_logins,
            rules=self._rules,
        )

    def _others(self, worker: int) -> int:
        """Return the number of other workers that are connected or connecting."""
        return len(self._queue.workers) + len(self._openings.workers - {worker})

    def _follow(self, worker: int, step: Reconnect | GiveUp, reason: str) -> None:
        """Count a failure, and pause or give up; the caller holds the lock.

        Raises:
            MailmergeError: the server is given up, and no worker has got the error yet.
        """
        self._changed.notify_all()
        state, now = self._availability, self._clock()
        if isinstance(step, GiveUp):
            reported = self._openings.reported
            self._openings.given_up = self._openings.reported = True
            self._availability = state.ended(worker)
            if not reported:
                raise step.error
            return
        own_pause = reconnect_pause(state.own_count(worker) - 1)
        self._availability = state.failed(
            worker, retry_at=now + step.pause, own_retry_at=now + max(step.pause, own_pause)
        )
        if step.pause and self._availability.period != state.period and not self._others(worker):
            again = tr("trying again in {pause:g} s", pause=step.pause)
            self._report(
                Waiting(now, tr("a connection: {reason}; {again}", reason=reason, again=again))
            )
