"""The workers' reports -> counts, the throttle, the end of the run, and events.

Workers report from their own threads, and the monitor reacts before `report` returns. So the worker
takes its next delivery at the new speed, or takes none. If the run's own thread collected the
reports later, a server that refuses everything would refuse hundreds of messages in the meantime.

Each event goes to two places: at once to a listener (the log of `--log-json`, which must have the
last events before a crash), and to a list that the caller of the run gets by `collect`.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, replace

from mailmerge.engine import events
from mailmerge.engine.backoff import COOL_DOWNS_IN_VAIN
from mailmerge.engine.connector import Connecting
from mailmerge.engine.doubts import Doubts
from mailmerge.engine.events import (
    Closed,
    DeliveryEvent,
    Event,
    Listener,
    Opened,
    Recovered,
    Slowed,
    Waiting,
)
from mailmerge.engine.queue import Queue
from mailmerge.engine.retry import Decision, Refusals
from mailmerge.engine.throttle import Slowing, Throttle
from mailmerge.engine.worker import Failed, Settled
from mailmerge.errors import MailmergeError, RunStopped
from mailmerge.language import marked, tr
from mailmerge.ledger.refused_copies import count_of
from mailmerge.ledger.states import State
from mailmerge.library_messages import system_reason
from mailmerge.smtp import Verdict
from mailmerge.wording import duration_in_words


@dataclass(slots=True)
class Counts:
    """The counts of a run so far. Times are in seconds since 1970; 0 means not yet.

    Attributes:
        started_at: the first attempt to connect.
        last_outcome_at: the last outcome.
        done: the number of recorded outcomes.
        sent: how many of them were sent.
        failed: how many of them were rejected or in doubt.
        trouble: why connections cannot be opened; "" when one works again.
        slowed_by: the reply that slowed the run down; "" at full speed.
        copies_refused: the number of copies that the server refused.
    """

    started_at: float = 0.0
    last_outcome_at: float = 0.0
    done: int = 0
    sent: int = 0
    failed: int = 0
    trouble: str = ""
    slowed_by: str = ""
    copies_refused: int = 0

    @property
    def seconds(self) -> float:
        """The seconds from the first attempt to connect to the last outcome."""
        return max(self.last_outcome_at - self.started_at, 0.0) if self.last_outcome_at else 0.0


class Monitor:
    """Reacts to the reports of the workers. Safe from any thread."""

    def __init__(self, queue: Queue, throttle: Throttle, listener: Listener | None = None) -> None:
        self._queue = queue
        self._throttle = throttle
        self._listener = listener
        self._lock = threading.Lock()
        self._counts = Counts()
        self._refusals = Refusals()
        self._doubts = Doubts()
        self._events: deque[Event] = deque()
        self._log_deliveries = events.logs_deliveries()
        self._failure: MailmergeError | None = None

    # --- called by the run

    @property
    def failure(self) -> MailmergeError | None:
        """The first reason why the run cannot continue, or None."""
        return self._failure

    def counts(self) -> Counts:
        """Return a copy of the present counts."""
        with self._lock:
            return replace(self._counts)

    def collect(self) -> tuple[Event, ...]:
        """Return the events since the last call, in order."""
        return tuple(self._events.popleft() for _ in range(len(self._events)))

    def emit(self, event: Event) -> None:
        """Publish an event. If the listener cannot write it, the run ends."""
        if self._log_deliveries or not isinstance(event, DeliveryEvent):
            events.log(event)
        self._events.append(event)
        if self._listener is None:
            return
        try:
            self._listener(event)
        except OSError as error:
            self._listener = None
            self.fail(
                RunStopped(
                    tr("the event log cannot be written: {reason}", reason=system_reason(error)),
                    hint=tr("free some disk space, or send without --log-json"),
                    code="no-log",
                )
            )

    def end(self, event: Event) -> None:
        """Publish the last event. The listener gets no other afterwards."""
        self.emit(event)
        self._listener = None

    def fail(self, error: MailmergeError) -> None:
        """End the run: the queue hands out no more deliveries. The first error is kept."""
        with self._lock:
            self._failure = self._failure or error
        self._queue.close()

    # --- called by workers

    def report(self, report: Settled | Failed | Connecting | Opened | Closed | Waiting) -> None:
        """Process one report of a worker."""
        match report:
            case Settled():
                self._settled(report)
            case Failed():
                self.fail(report.error)
            case Connecting():
                with self._lock:
                    self._counts.started_at = self._counts.started_at or report.at
            case Opened():
                self._set_trouble("")
                with self._lock:
                    self._doubts.opened(report.connection)
                self.emit(report)
            case Waiting():
                self._set_trouble(report.what)
                self.emit(report)
            case Closed():
                self.emit(report)

    def _set_trouble(self, what: str) -> None:
        with self._lock:
            self._counts.trouble = what

    def _settled(self, report: Settled) -> None:
        decision, transition = report.decision, report.transition
        with self._lock:
            counts = self._counts
            counts.last_outcome_at = report.at
            if transition is not None:
                counts.done += 1
                counts.sent += transition.state is State.SENT
                counts.failed += transition.state in _FAILED
                counts.trouble = ""
                if transition.copies_refused:
                    counts.copies_refused += count_of(transition.copies_refused)
            refused = self._refusals.note(report.outcome, decision)
            doubtful = self._doubts_after(report)
        if transition is not None:
            self.emit(events.delivery_event(report.delivery, transition))
        if doubtful is not None:
            self.fail(doubtful)
        self._adapt(decision, report.at)
        if reason := decision.stop or refused:
            hint = tr(_KEPT if decision.stop else _RETRIED)
            self.fail(RunStopped(reason, hint=hint, code="server-refuses"))

    def _doubts_after(self, report: Settled) -> MailmergeError | None:
        """Count an outcome. Returns the error that ends the run if there is too much doubt."""
        if report.outcome.verdict is Verdict.SENT:
            self._doubts.sent()
        elif report.outcome.verdict is Verdict.IN_DOUBT:
            return self._doubts.in_doubt(report.connection, report.decision.reply)
        return None

    def _adapt(self, decision: Decision, now: float) -> None:
        """Tell the throttle what an outcome says about the speed, and publish what changes."""
        if decision.state is State.SENT:
            if self._throttle.accepted(now):
                self._recovered(now)
        elif decision.cool_down:
            self._throttle.settled(now)
            self._cool_down(decision, now)
        elif decision.slow:
            self._complained(decision, now)
        else:
            self._throttle.settled(now)

    def _complained(self, decision: Decision, now: float) -> None:
        slowing = self._throttle.complained(now)
        if slowing is None:
            return
        if slowing.per_second is None:
            self._recovered(now)
        else:
            self._slowed(slowing, decision.reply, now, code="server-busy")

    def _cool_down(self, decision: Decision, now: float) -> None:
        helps = self._throttle.cool_down(now, decision.cool_down)
        slowing = Slowing(decision.cool_down, self._throttle.per_second, in_vain=not helps)
        self._slowed(slowing, decision.reply, now, code="server-refuses")

    def _slowed(self, slowing: Slowing, reply: str, now: float, *, code: str) -> None:
        """Publish that the run slows down. If pauses do not help, it ends with this code."""
        with self._lock:
            self._counts.slowed_by = reply
        self.emit(Slowed(now, reply, slowing.seconds, slowing.per_second))
        if slowing.in_vain:
            pause = duration_in_words(slowing.seconds)
            reason = tr(
                "{count} pauses of {pause} did not help: {reply}",
                count=COOL_DOWNS_IN_VAIN,
                pause=pause,
                reply=reply,
            )
            self.fail(RunStopped(reason, hint=tr(_KEPT), code=code))

    def _recovered(self, now: float) -> None:
        with self._lock:
            self._counts.slowed_by = ""
        self.emit(Recovered(now))


_RETRIED = marked(
    "fix the cause, then send again with --retry rejected to include those that were refused"
)
_KEPT = marked("no recipient is lost: fix the cause and send again")


_FAILED = frozenset({State.REJECTED, State.IN_DOUBT})
