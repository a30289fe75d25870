"""The run: claims deliveries, gives them to workers, and returns a summary.

    store -> claim -> queue -> workers -> outcomes -> store
             (this thread)     (one thread per connection)

`next_step` decides what to do next; it is a pure function of a frozen `RunState`. A loop around it
observes the state, calls `next_step`, carries out the step, and yields the events. Only the loop
claims, flushes and releases deliveries. Workers only call `Store.apply`, which is safe from any
thread.

The engine installs no signal handler. The caller of a run stops it by `stop`.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Final

from mailmerge.engine.connector import Connector
from mailmerge.engine.copies import Keep, keep_none
from mailmerge.engine.events import Began, Ended, Event, Listener, Waiting
from mailmerge.engine.hours import Outlook, Watch
from mailmerge.engine.limits import Limits
from mailmerge.engine.making import SetAside
from mailmerge.engine.monitor import Monitor
from mailmerge.engine.plan import claim_size
from mailmerge.engine.queue import Backlog, Further, OpenZones, Queue
from mailmerge.engine.stopping import StopRequest
from mailmerge.engine.summary import Progress, Summary, by_name, ending
from mailmerge.engine.throttle import Forecast, Throttle
from mailmerge.engine.worker import MessageSource, Services, Worker
from mailmerge.errors import LedgerError, MailmergeError, RunStopped
from mailmerge.language import tr
from mailmerge.ledger.interface import Store
from mailmerge.ledger.quota import Quotas
from mailmerge.ledger.states import due_at
from mailmerge.portable.clock import Clock, local_time, wall_clock
from mailmerge.smtp import Client, CredentialSource, Server, SocketTransport, Transport

_WORKER: Final = "run"
"""The owner of the claims: one loop claims for all connections."""
_FOLD_AFTER: Final = 0.2
"""Seconds between two folds, which write transitions from the journal into the database."""
_TICK: Final = 0.1
"""The maximum seconds that the loop sleeps between two steps."""
_LONG_WAIT: Final = 2.0
"""The user sees the reason of a wait that is longer than this many seconds."""
_HALF_A_DAY: Final = 43_200.0
_LAST_CONNECTIONS: Final = 2.0
"""The real seconds that a run waits at its end for connections that are just being opened."""


# --- what to do next: no clock, no store, no thread


@dataclass(frozen=True, slots=True)
class RunState:
    """Everything that decides what a run does next. Times are in seconds since 1970.

    Attributes:
        backlog: the number of deliveries in the queue and in flight.
        forecast: when the throttle permits the next message, and when closed time zones open.
        batch: the number of deliveries that the queue should hold.
        low_water: if the queue has at most this many deliveries, more are claimed.
        max_wait: the maximum seconds to wait for a retry or a quota.
        active_at: the time of the last outcome, or of the beginning of the run.
        folded_at: the time of the last fold.
        ending: the caller asked to stop, or the run has failed.
        claims_left: how many deliveries `limit` still permits; None without a limit.
        exhausted: the last claim found fewer deliveries than it asked for.
        just_folded: the last step was a Fold.
        next_retry: when the next deferred delivery is due, or None; those of closed time zones do
            not count.
    """

    backlog: Backlog
    forecast: Forecast
    batch: int
    low_water: int
    max_wait: float
    active_at: float
    folded_at: float
    ending: bool = False
    claims_left: int | None = None
    exhausted: bool = False
    just_folded: bool = False
    next_retry: float | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """Claim up to `limit` deliveries and put them into the queue."""

    limit: int


@dataclass(frozen=True, slots=True)
class Fold:
    """Write the transitions of the journal into the database."""


class Reason(StrEnum):
    """The reason why a run waits or stops."""

    OUTCOMES = "outcomes"
    RATE = "rate"
    RETRY = "retry"
    REQUESTED = "requested"
    FINISHED = "finished"
    QUOTA = "quota"
    HOURS = "hours"


@dataclass(frozen=True, slots=True)
class Wait:
    """Sleep until fewer than `low_water` deliveries wait, or for a tick.

    If the reason is RATE, RETRY or HOURS, the run continues at `until` (seconds since 1970).
    """

    low_water: int
    reason: Reason = Reason.OUTCOMES
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class Stop:
    """End the run. If a quota is used up, it permits more at `until` (seconds since 1970)."""

    reason: Reason
    until: float = 0.0


def next_step(state: RunState, now: float) -> Claim | Fold | Wait | Stop:
    """Decide what a run does next. The first case that applies decides:

    | Case                                                            | Step                   |
    |-----------------------------------------------------------------|------------------------|
    | the caller asked to stop, or the run has failed                 | Stop, requested        |
    | the queue runs low, the limit leaves some, and the store has    | Claim                  |
    | more: the last claim was full, or a deferred delivery is due    |                        |
    | all is settled, and the limit is reached                        | Stop, finished         |
    | all is settled, no deferred delivery is due within max_wait,    | Stop, finished         |
    | and no time zone with deliveries is to open                     |                        |
    | transitions have been in the journal alone for long enough      | Fold                   |
    | deliveries wait, and the quota allows none within max_wait      | Stop, quota            |
    | deliveries wait, and none may be sent for a while               | Wait for the rate      |
    | all is settled, and a time zone with deliveries opens next      | Wait for the hours     |
    | all is settled, and a deferred delivery is due within max_wait  | Wait for the retry     |
    | anything else: messages are being sent                          | Wait for outcomes      |

    A claim comes first, because workers may run out of deliveries. A Fold never follows a Fold:
    with a simulated clock, which may be a thousand times as fast, one would always be due. When the
    store has no more deliveries, `low_water` of the step is 0, so that the queue does not wake the
    run for each delivery that a worker takes.
    """
    if state.ending:
        return Stop(Reason.REQUESTED)
    low = state.backlog.waiting <= state.low_water
    if low and (claim := _claim(state, now)):
        return claim
    if state.backlog.idle and not _worth_waiting(state):
        return Stop(Reason.FINISHED)
    if now - state.folded_at >= _FOLD_AFTER and not state.just_folded:
        return Fold()
    return _wait(state, now, low_water=0 if low else state.low_water)


def _claim(state: RunState, now: float) -> Claim | None:
    """Return a claim that fills the queue; None if it would find no delivery."""
    wanted = state.batch - state.backlog.waiting
    if state.claims_left is not None:
        wanted = min(wanted, state.claims_left)
    due = state.next_retry is not None and state.next_retry <= now
    return Claim(wanted) if wanted > 0 and (due or not state.exhausted) else None


def _worth_waiting(state: RunState) -> bool:
    """Whether a deferred delivery may still be claimed, and is due soon enough.

    The hours of a time zone are worth any wait.
    """
    if state.claims_left == 0:
        return False
    if state.forecast.opens_at is not None:
        return True
    if state.next_retry is None:
        return False
    return state.next_retry <= state.active_at + state.max_wait


def _wait(state: RunState, now: float, *, low_water: int) -> Wait | Stop:
    if state.backlog.waiting and state.forecast.ready_at > now + _LONG_WAIT:
        if state.forecast.quota_until > now + state.max_wait:
            return Stop(Reason.QUOTA, state.forecast.quota_until)
        return Wait(low_water, Reason.RATE, state.forecast.ready_at)
    if state.backlog.idle:
        opens, retry = state.forecast.opens_at, state.next_retry
        if opens is not None and (retry is None or opens <= retry):
            return Wait(low_water, Reason.HOURS, opens)
        if retry is not None:
            return Wait(low_water, Reason.RETRY, retry)
    return Wait(low_water)


# --- the loop


@dataclass(slots=True)
class _LoopState:
    """The variables of the loop: what it has claimed and written, and what it waits for."""

    batch: int
    claims_left: int | None
    to_send: int = 0
    exhausted: bool = False
    just_folded: bool = False
    began_at: float = 0.0
    folded_at: float = 0.0
    noted_at: float = 0.0
    leave_at: float = math.inf
    waiting_for: str = ""
    watch: Watch | None = None
    changes: int = 0

    @property
    def low_water(self) -> int:
        """The number of deliveries in the queue at which more are claimed."""
        return self.batch // 2


class Run:
    """One run of one campaign. Call `execute`, or iterate over `steps`, once.

    Args:
        store: the ledger of the campaign.
        messages: makes the messages.
        server: the server to send to.
        limits: the limits of the run.
        campaign: the name of the campaign.
        credentials: the log-in, or None; a function is asked for it before each connection.
        usage: the record in which the rates are counted; None keeps it in memory.
        keep: keeps copies of sent messages.
        listener: called with each event at once.
        clock: seconds since 1970; None means the machine's clock.
        check_seconds: the seconds of the check before the run.
        connect: makes the transport of each connection.
        further: returns the domains of a message's further recipients, which the rates count; None
            if no message has any.

    Raises:
        LedgerError: the record of what the account has used cannot be read.
    """

    def __init__(
        self,
        store: Store,
        messages: MessageSource,
        server: Server,
        limits: Limits,
        *,
        campaign: str,
        credentials: CredentialSource = None,
        usage: Quotas | None = None,
        keep: Keep = keep_none,
        listener: Listener | None = None,
        clock: Clock | None = None,
        check_seconds: float = 0.0,
        connect: Callable[[Server], Transport] = SocketTransport.connect,
        further: Further | None = None,
    ) -> None:
        self._store = store
        self._limits = limits
        self._campaign = campaign
        self._check_seconds = check_seconds
        self._clock = clock or wall_clock()
        self._throttle = Throttle(
            limits.rates,
            limits.domain_rates,
            connections=limits.connections,
            account=limits.account,
            usage=usage,
        )
        self._stop = StopRequest()
        self._aside = SetAside()
        self._queue = Queue(self._throttle, self._clock, self._stop, further)
        self._monitor = Monitor(self._queue, self._throttle, listener)
        in_flight = limits.connections * limits.window
        self._loop = _LoopState(claim_size(self._throttle.interval, in_flight), limits.limit)
        if limits.schedule is not None:
            self._loop.watch = Watch(limits.schedule, store)
        make_client = partial(Client, server, credentials, window=limits.window, connect=connect)
        services = self._services(messages, server, make_client, keep)
        workers = [Worker(number, services) for number in range(limits.connections)]
        self._workers = [
            (one, threading.Thread(target=one.work, name=f"worker-{one.number}", daemon=True))
            for one in workers
        ]

    def _services(
        self,
        messages: MessageSource,
        server: Server,
        make_client: Callable[..., Client],
        keep: Keep,
    ) -> Services:
        """Make the objects that the workers share."""
        connector = Connector(
            lambda announce: make_client(on_terminator=announce),
            self._queue,
            self._throttle,
            clock=self._clock,
            rules=self._limits.rules,
            host=server.host,
            report=self._monitor.report,
        )
        return Services(
            queue=self._queue,
            messages=messages,
            connect=connector.connect,
            connections=connector,
            apply=self._store.apply,
            report=self._monitor.report,
            clock=self._clock,
            limits=self._limits,
            interval=self._throttle.interval,
            keep=keep,
            stop=self._stop,
            aside=self._aside,
        )

    # --- for the caller

    def stop(self) -> None:
        """Finish the messages in flight and end. A second call abandons them.

        From the first call on, no message is begun and no connection is opened. It takes no lock,
        so a signal handler may call it.
        """
        self._stop.request()

    @property
    def giving_up(self) -> bool:
        """Whether the messages in flight are being abandoned."""
        return self._stop.abandon

    def execute(self, progress: Callable[[Progress], None] = lambda _: None) -> Summary:
        """Run to the end. `progress` is called about ten times a second until the run stops."""
        last: Event | None = None
        with contextlib.closing(self.steps()) as steps:
            for events in steps:
                last = events[-1] if events else last
                if not self._queue.closed:
                    progress(self.progress())
        progress(self.progress())
        assert isinstance(last, Ended)
        return last.summary

    def progress(self) -> Progress:
        """Return the present progress."""
        counts, now = self._monitor.counts(), self._clock()
        return Progress(
            states=self._store.counts(),
            to_send=self._loop.to_send,
            done=counts.done,
            sent=counts.sent,
            failed=counts.failed,
            seconds=max(now - counts.started_at, 0.0) if counts.started_at else 0.0,
            connections=self._throttle.connections(now),
            waiting_for=self._loop.waiting_for or counts.trouble,
            slowed_to=self._throttle.per_second,
            slowed_by=counts.slowed_by,
        )

    def steps(self) -> Generator[tuple[Event, ...], None, None]:
        """Run to the end, and yield the events of each step, about ten times a second.

        The last event is `Ended`, with the summary. Leaving the iteration early stops the run: the
        iterator's `close` returns after the messages in flight are finished.
        """
        try:
            yield from self._send()
            yield from self._finish()
        finally:
            for _ in self._finish():
                pass
            self._release_claims()
        self._monitor.end(Ended(self._clock(), self._summary()))
        yield self._monitor.collect()

    # --- the loop

    def _send(self) -> Iterator[tuple[Event, ...]]:
        """Observe, decide and act until nothing is left to do, or something fails."""
        try:
            self._begin()
            while True:
                now = self._clock()
                self._store.renew(_WORKER, now)
                step = next_step(self._observe(now), now)
                match step:
                    case Claim():
                        self._claim(step, now)
                    case Fold():
                        self._fold(now)
                    case Wait():
                        self._wait(step, now)
                    case Stop():
                        self._raise_if_quota_used_up(step, now)
                        return
                yield self._monitor.collect()
        except MailmergeError as error:
            self._monitor.fail(error)

    def _begin(self) -> None:
        if self._limits.in_doubt == "resend":
            self._store.resend_in_doubt()
        elif self._limits.in_doubt == "assume-sent":
            self._store.assume_sent()
        loop, left = self._loop, self._limits.limit
        loop.began_at = self._clock()
        claimable = self._store.claimable()
        loop.to_send = claimable if left is None else min(claimable, left)
        self._queue.low_water = loop.low_water
        self._monitor.emit(
            Began(loop.began_at, self._campaign, loop.to_send, self._limits.connections)
        )
        for _, thread in self._workers:
            thread.start()

    def _observe(self, now: float) -> RunState:
        """Return the present state.

        The queue is read before the store. A worker records a deferred delivery before the queue
        counts it as settled, so if the queue is idle, `next_retry` covers all deferred deliveries.
        """
        if self._store.failure is not None:
            raise self._store.failure
        watch = self._loop.watch
        if watch is not None and (watch.look(now) or now >= self._queue.open.until):
            _obey(watch, self._loop, self._queue, self._store)
        loop, backlog = self._loop, self._queue.backlog()
        active_at = max(self._monitor.counts().last_outcome_at, loop.began_at)
        waits = _outlook(loop, self._store, now, active_at + self._limits.wait, idle=backlog.idle)
        forecast = self._throttle.forecast(now) if backlog.waiting else Forecast(now, now)
        return RunState(
            backlog=backlog,
            forecast=replace(forecast, opens_at=waits.opens_at),
            batch=loop.batch,
            low_water=loop.low_water,
            max_wait=self._limits.wait,
            active_at=active_at,
            folded_at=loop.folded_at,
            ending=self._stop.requested or self._monitor.failure is not None,
            claims_left=loop.claims_left,
            exhausted=loop.exhausted,
            just_folded=loop.just_folded,
            next_retry=due_at(waits.next_retry, now),
        )

    def _claim(self, step: Claim, now: float) -> None:
        self._note_timing()
        closed = self._loop.watch.closed if self._loop.watch is not None else frozenset[str]()
        deliveries = self._store.claim(_WORKER, step.limit, now, closed)
        loop = self._loop
        loop.changes += 1
        loop.exhausted = len(deliveries) < step.limit
        if not deliveries:
            self._queue.wait_for_attention(_TICK)
            return
        loop.folded_at = now  # a claim writes the journal's transitions, too
        if loop.claims_left is not None:
            loop.claims_left -= len(deliveries)
        self._queue.low_water = loop.low_water
        self._queue.put(deliveries)

    def _fold(self, now: float) -> None:
        self._note_timing()
        self._store.flush()
        self._loop.folded_at = now
        self._loop.just_folded = True

    def _note_timing(self) -> None:
        """Write the duration of the run so far into the store, for `status`."""
        counts = self._monitor.counts()
        if counts.last_outcome_at != self._loop.noted_at:
            self._loop.noted_at = counts.last_outcome_at
            self._store.note_run(counts.seconds, self._check_seconds)

    def _wait(self, step: Wait, now: float) -> None:
        zone = self._loop.watch.zone if self._loop.watch is not None else ""
        before, what = self._loop.waiting_for, _in_words(step, now, zone)
        self._loop.waiting_for = what
        self._loop.just_folded = False
        if what and what != before:
            self._monitor.emit(Waiting(now, what))
        self._queue.low_water = step.low_water
        self._queue.wait_for_attention(_TICK)

    def _raise_if_quota_used_up(self, step: Stop, now: float) -> None:
        if step.reason is Reason.QUOTA:
            hint = tr("send again after {until} to continue", until=_time_of_day(step.until, now))
            raise RunStopped(
                tr("the account's limit for today is used up"), hint=hint, code="quota"
            )

    def _finish(self) -> Iterator[tuple[Event, ...]]:
        """Let the workers finish the messages in flight and send QUIT.

        A worker that is still connecting is left alone after a moment, and at once after a request
        to stop: it may wait for minutes for a server that does not answer. The same holds after a
        second request for a worker that waits for the reply to QUIT. Such a worker has no
        delivery, and gets none, because the queue is closed. Its thread ends with its wait.
        """
        self._queue.close()
        self._loop.leave_at = min(self._loop.leave_at, time.monotonic() + _LAST_CONNECTIONS)
        for worker, thread in self._workers:
            while thread.is_alive() and not _may_leave(worker, self._stop, self._loop.leave_at):
                thread.join(_TICK)
                self._guarded(partial(self._store.renew, _WORKER, self._clock()))
                if self._store.failure is None:
                    self._guarded(self._store.flush)
                yield self._monitor.collect()

    def _release_claims(self) -> None:
        """End the claims of deliveries that were not sent, and write everything."""
        if self._store.failure is None:
            self._note_timing()
            left = [delivery.id for delivery in self._queue.clear()]
            self._guarded(partial(self._store.release, left))
            if self._aside:
                self._guarded(self._release_set_aside)
            self._guarded(self._store.flush)
        self._guarded(self._throttle.close)

    def _release_set_aside(self) -> None:
        """End the claims of what is set aside; the check, which found no fault, is to be repeated.

        Raises:
            LedgerError: the ledger cannot be written.
        """
        self._store.apply(self._aside.released(self._clock()))
        self._store.remember_check("")

    def _guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except MailmergeError as error:
            self._monitor.fail(error)

    def _summary(self) -> Summary:
        counts, states = self._monitor.counts(), by_name(self._store.counts())
        unmade = _count_unmade(self._store)
        stopped = self._stop.requested
        return Summary(
            campaign=self._campaign,
            states=states,
            sent=counts.sent,
            seconds=counts.seconds,
            check_seconds=self._check_seconds,
            error=self._monitor.failure or ending(states, stopped=stopped, unmade=unmade),
            unmade=unmade,
            copies_refused=counts.copies_refused,
        )


def _obey(watch: Watch, loop: _LoopState, queue: Queue, store: Store) -> None:
    """Give back what is claimed and not sent in time zones that have closed."""
    late = queue.clear(OpenZones(watch.closed, watch.until))
    if late:
        store.release([one.id for one in late])
        if loop.claims_left is not None:
            loop.claims_left += len(late)
    loop.exhausted = False
    loop.changes += 1


def _outlook(
    loop: _LoopState, store: Store, now: float, retry_until: float, *, idle: bool
) -> Outlook:
    """Return the next retry, and when the next time zone opens."""
    retry, watch = store.next_retry(), loop.watch
    if watch is None or not watch.closed:
        return Outlook(retry)
    if not idle and (retry is None or retry > now):
        return Outlook(retry)
    version = retry_until, loop.claims_left, loop.changes
    return watch.outlook(now, retry_until, version, idle=idle)


def _may_leave(worker: Worker, stop: StopRequest, leave_at: float) -> bool:
    """Whether a run may end at `leave_at` (monotonic seconds) although this worker still waits."""
    late = stop.requested or time.monotonic() >= leave_at
    return (worker.connecting and late) or (worker.quitting and stop.abandon)


def _count_unmade(store: Store) -> int:
    """Return the number of recipients without a message; 0 if the ledger cannot be used."""
    if store.failure is not None:
        return 0  # the failure is the error of the run
    with contextlib.suppress(LedgerError):
        return store.unmade()
    return 0


def _in_words(step: Wait, now: float, zone: str) -> str:
    """The reason of a wait in words; "" while messages are being sent.

    `zone` is the time zone that opens next.
    """
    match step.reason:
        case Reason.RATE:
            return tr(
                "the rate limit: next message at {until}", until=_time_of_day(step.until, now)
            )
        case Reason.RETRY:
            return tr(
                "deferred recipients: next retry at {until}", until=_time_of_day(step.until, now)
            )
        case Reason.HOURS:
            until = _time_of_day(step.until, now)
            if not zone:
                return tr("the sending hours: they begin at {until}", until=until)
            return tr("the sending hours of {zone}: they begin at {until}", zone=zone, until=until)
        case _:
            return ""


def _time_of_day(at: float, now: float) -> str:
    moment = local_time(at)
    return f"{moment:%H:%M:%S}" if at - now < _HALF_A_DAY else f"{moment:%Y-%m-%d %H:%M}"
