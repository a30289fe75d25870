"""Reports of workers: counts, speed, the end of the run, and events in their order."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import pytest

from mailmerge.engine.connector import Connecting
from mailmerge.engine.events import (
    Closed,
    DeliveryEvent,
    Event,
    InDoubt,
    Listener,
    Opened,
    Recovered,
    Rejected,
    Sent,
    Slowed,
    Waiting,
)
from mailmerge.engine.monitor import Monitor
from mailmerge.engine.queue import Queue
from mailmerge.engine.retry import decide
from mailmerge.engine.throttle import Throttle
from mailmerge.engine.worker import Failed, Settled
from mailmerge.errors import LedgerError, RunStopped
from mailmerge.ledger.states import Transition
from mailmerge.smtp import Outcome, Reply, Stage, Verdict
from tests.engine.clocks import START, Clock
from tests.engine.test_queue import delivery

VERDICTS = {2: Verdict.SENT, 4: Verdict.DEFERRED, 5: Verdict.REJECTED}


@dataclass
class Bench:
    """A monitor with its queue and throttle."""

    listener: Listener | None = None
    throttle: Throttle = field(default_factory=lambda: Throttle(connections=3))

    def __post_init__(self) -> None:
        self.queue = Queue(self.throttle, Clock())
        self.monitor = Monitor(self.queue, self.throttle, self.listener)

    def answer(self, text: str, at: float = START, stage: Stage = Stage.CONTENT) -> None:
        """Report a server's reply to one message."""
        code, _, words = text.partition(" ")
        status = words.split(" ")[0]
        said = Reply(int(code), (words,), status if status.count(".") == 2 else None)
        self.report(Outcome(1, VERDICTS[int(code) // 100], stage, said), at)

    def report(self, outcome: Outcome, at: float = START) -> None:
        decision = decide(outcome, attempts=0)
        transition = (
            Transition(1, decision.state, at, stage=str(outcome.stage), reply=decision.reply)
            if decision.state is not None
            else None
        )
        self.monitor.report(Settled(at, delivery(1), outcome, decision, transition))

    def kinds(self) -> list[type[Event]]:
        return [type(one) for one in self.monitor.collect()]


def test_outcomes_are_counted_by_what_the_store_recorded() -> None:
    bench = Bench()
    for text in ("250 Ok", "550 5.1.1 No", "450 4.2.1 Later"):
        bench.answer(text)
    bench.report(Outcome(1, Verdict.IN_DOUBT, Stage.CONTENT, reason="lost"), START + 5)
    bench.report(Outcome(1, Verdict.NOT_SENT, Stage.MAIL, reason="lost"), START + 6)
    counts = bench.monitor.counts()
    assert (counts.done, counts.sent, counts.failed) == (4, 1, 2)
    assert counts.last_outcome_at == START + 6


def test_seconds_are_from_the_first_attempt_to_the_last_outcome() -> None:
    bench = Bench()
    assert bench.monitor.counts().seconds == 0.0
    bench.monitor.report(Connecting(START, 0))
    bench.monitor.report(Connecting(START + 1, 1))
    assert bench.monitor.counts().seconds == 0.0
    bench.answer("250 Ok", START + 3)
    assert bench.monitor.counts().seconds == 3.0


def test_events_are_collected_once_and_in_their_order() -> None:
    bench = Bench()
    bench.monitor.report(Opened(START, 0, "server"))
    bench.answer("250 Ok")
    bench.answer("550 5.1.1 No such user")
    bench.report(Outcome(1, Verdict.IN_DOUBT, Stage.CONTENT, reason="lost"))
    bench.monitor.report(Closed(START, 0, 3, ""))
    assert bench.kinds() == [Opened, Sent, Rejected, InDoubt, Closed]
    assert bench.kinds() == []


def test_untransmitted_message_is_no_event() -> None:
    bench = Bench()
    bench.report(Outcome(1, Verdict.NOT_SENT, Stage.MAIL, reason="lost"))
    assert bench.kinds() == []


def test_complaints_halve_the_speed_before_the_report_returns() -> None:
    bench = Bench()
    bench.monitor.report(Connecting(START, 0))
    for number in range(100):
        bench.answer("250 Ok", START + number / 10)
    for _ in range(2):
        bench.answer("451 4.7.1 Too fast", START + 10)
    bench.monitor.collect()
    assert bench.throttle.per_second is None
    bench.answer("451 4.7.1 Too fast", START + 10)
    assert bench.throttle.per_second == pytest.approx(5.0, rel=0.1)
    [slowed] = bench.monitor.collect()
    assert slowed == Slowed(START + 10, "451 4.7.1 Too fast", 0.0, bench.throttle.per_second)
    assert bench.monitor.counts().slowed_by == "451 4.7.1 Too fast"


@pytest.mark.parametrize(
    "text",
    [
        "421 4.3.2 Shutting down",
        "421 4.4.2 Timeout",
        "421 4.4.5 Too many messages on this connection",
        "421 Bye",
        "450 4.2.1 Mailbox busy",
    ],
)
def test_reply_that_is_no_complaint_never_slows(text: str) -> None:
    bench = Bench()
    for _ in range(50):
        bench.answer(text)
    assert bench.throttle.per_second is None
    assert Slowed not in bench.kinds()


def test_full_speed_again_is_an_event() -> None:
    bench = Bench()
    for _ in range(6):
        bench.answer("451 4.7.1 Too fast")
    assert bench.monitor.counts().slowed_by
    bench.monitor.collect()
    for number in range(1500):
        bench.answer("250 Ok", START + 1 + number)
    assert bench.kinds().count(Recovered) == 1
    assert bench.monitor.counts().slowed_by == ""


def test_server_that_only_complains_ends_the_run() -> None:
    """Three suspensions of five minutes, with a few more complaints after each."""
    bench = Bench()
    now = START
    while not bench.queue.closed:
        now = max(now, bench.throttle.ready_at(now))
        assert bench.throttle.take(now)
        bench.answer("451 4.7.1 Try again later", now)
        assert now < START + 1800
    error = bench.monitor.failure
    assert isinstance(error, RunStopped)
    assert error.problem.code == "server-busy"
    assert "3 pauses of 5 minutes did not help: 451 4.7.1 Try again later" in str(error)


def test_cool_down_pauses_the_throttle_and_is_an_event() -> None:
    bench = Bench()
    bench.answer("421 4.7.28 Unusual rate")
    assert bench.throttle.ready_at(START) == START + 600
    assert bench.throttle.connections(START) == 1
    slowed = bench.monitor.collect()[-1]
    assert slowed == Slowed(START, "421 4.7.28 Unusual rate", 600.0, None)
    assert not bench.queue.closed


def test_fourth_cool_down_in_a_row_ends_the_run() -> None:
    bench = Bench()
    for number in range(3):
        bench.answer("421 4.7.28 Unusual rate", START + 600 * number)
        assert bench.monitor.failure is None
    bench.answer("421 4.7.28 Unusual rate", START + 1800)
    assert isinstance(bench.monitor.failure, RunStopped)
    assert "3 pauses of 10 minutes did not help: 421 4.7.28" in str(bench.monitor.failure)
    assert bench.queue.closed


def test_sent_message_shows_that_the_cool_down_helped() -> None:
    bench = Bench()
    for number in range(10):
        bench.answer("421 4.7.28 Unusual rate", START + 600 * number)
        bench.answer("250 Ok", START + 600 * number + 599)
    assert bench.monitor.failure is None


def test_reply_that_asks_to_stop_closes_the_queue() -> None:
    bench = Bench()
    bench.answer("530 5.7.0 Authentication required")
    assert bench.queue.closed
    assert bench.monitor.failure is not None
    assert bench.monitor.failure.problem.code == "server-refuses"
    assert "Authentication required" in str(bench.monitor.failure)


def test_equal_refusals_close_the_queue() -> None:
    bench = Bench()
    for number in range(10):
        assert not bench.queue.closed
        bench.answer(f"554 5.7.1 <u{number}@example.org>: Relay access denied", stage=Stage.RCPT)
    assert bench.queue.closed
    assert "10 messages in a row" in str(bench.monitor.failure)


def test_first_reason_to_end_the_run_is_kept() -> None:
    bench = Bench()
    first, second = LedgerError("first"), LedgerError("second")
    bench.monitor.report(Failed(first))
    bench.monitor.fail(second)
    assert bench.monitor.failure is first
    assert bench.queue.closed


def test_connection_trouble_is_shown_until_one_works() -> None:
    bench = Bench()
    for works in (Opened(START, 0, "server"), None):
        bench.monitor.report(Waiting(START, "a connection: gone"))
        assert bench.monitor.counts().trouble == "a connection: gone"
        if works is None:
            bench.answer("250 Ok")
        else:
            bench.monitor.report(works)
        assert bench.monitor.counts().trouble == ""


def test_listener_gets_every_event_at_once() -> None:
    heard: list[Event] = []
    bench = Bench(heard.append)
    bench.answer("250 Ok")
    assert [type(one) for one in heard] == [Sent]


def test_listener_that_cannot_write_ends_the_run_once() -> None:
    calls: list[Event] = []

    def full(event: Event) -> None:
        calls.append(event)
        raise OSError(28, os.strerror(28))

    bench = Bench(full)
    bench.answer("250 Ok")
    bench.answer("250 Ok")
    assert len(calls) == 1
    assert isinstance(calls[0], DeliveryEvent)
    assert bench.monitor.failure is not None
    assert bench.monitor.failure.problem.code == "no-log"
    assert bench.kinds() == [Sent, Sent]


def test_counts_are_a_copy() -> None:
    bench = Bench()
    before = bench.monitor.counts()
    bench.answer("250 Ok")
    assert before.done == 0
    assert bench.monitor.counts().sent == 1
