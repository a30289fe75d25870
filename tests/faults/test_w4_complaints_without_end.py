"""A server that complains about the speed halves it for minutes, or for ever, and ends no run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mailmerge.engine.events import Event, Recovered, Slowed
from mailmerge.engine.monitor import Monitor
from mailmerge.engine.queue import NotYet, Queue
from mailmerge.engine.retry import decide
from mailmerge.engine.throttle import Throttle
from mailmerge.engine.worker import Settled
from mailmerge.errors import RunStopped
from mailmerge.ledger.states import Transition
from mailmerge.smtp import Outcome, Reply, Stage, Verdict
from tests import scripted_server as scripted
from tests.engine.clocks import START, Clock
from tests.engine.hidden_limits import Server, changing, everything, nothing
from tests.engine.test_queue import deliveries
from tests.faults.runs import run

COMPLAINT = Reply(451, ("4.7.1 Too many messages",), "4.7.1")
ACCEPTED = Reply(250, ("2.0.0 Ok",), "2.0.0")


@dataclass
class Simulation:
    """A queue, throttle and monitor with one connection, on a clock that goes on with each step."""

    server: Server
    per_second: float = 200.0
    complaint: Reply = COMPLAINT
    stage: Stage = Stage.CONTENT
    clock: Clock = field(default_factory=Clock)
    accepted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        throttle = Throttle()
        self.queue = Queue(throttle, self.clock)
        self.monitor = Monitor(self.queue, throttle, self.events.append)

    def run(self, seconds: float) -> None:
        """Send until this many seconds have passed, or the run has ended."""
        numbers = iter(range(10**9))
        while self.clock() < START + seconds and not self.queue.closed:
            if not self.queue.backlog().waiting:
                self.queue.put(deliveries(500, first=500 * next(numbers)))
            self._step()

    def _step(self) -> None:
        taken = self.queue.take(0)
        if isinstance(taken, NotYet):
            self.clock.now = max(taken.until or 0.0, self.clock.now)
            return
        self.clock.now += 1 / self.per_second
        now = self.clock()
        accepts = self.server(now - START)
        verdict = Verdict.SENT if accepts else Verdict.DEFERRED
        reply = ACCEPTED if accepts else self.complaint
        outcome = Outcome(taken.id, verdict, self.stage, reply)
        decision = decide(outcome, attempts=0, returned=self.queue.blame(taken))
        (self.accepted if accepts else self.refused).append(now - START)
        state = decision.state
        transition = Transition(taken.id, state, now, reply=str(reply)) if state else None
        self.monitor.report(Settled(now, taken, outcome, decision, transition))
        if transition is None:
            self.queue.put_last(taken)
        else:
            self.queue.settle()

    def reached(self, first: float, end: float) -> float:
        """The accepted messages per second between two times."""
        return sum(first <= at < end for at in self.accepted) / (end - first)

    def of(self, kind: type[Event]) -> Iterator[Event]:
        return (one for one in self.events if isinstance(one, kind))


def once(at: float) -> Server:
    """A server that complains once, about the first message from this time on."""
    left = [True]

    def accepts(now: float) -> bool:
        complains = now >= at and left.pop() if left else False
        if now < at and not left:
            left.append(True)
        return not complains

    return accepts


@pytest.mark.parametrize("at", [0.0, 8.0])
def test_one_complaint_does_not_slow(at: float) -> None:
    simulation = Simulation(once(at))
    simulation.run(30)
    assert len(simulation.refused) == 1
    assert simulation.reached(at, at + 10) >= 0.98 * 200
    assert not list(simulation.of(Slowed))


def test_full_speed_within_15_seconds_of_a_bad_minute() -> None:
    simulation = Simulation(changing(20, everything, changing(80, nothing, everything)))
    simulation.run(110)
    assert simulation.reached(95, 110) >= 0.95 * 200
    assert list(simulation.of(Slowed))
    assert len(list(simulation.of(Recovered))) == 1
    assert not simulation.queue.closed


@pytest.mark.parametrize(
    ("stage", "reply"),
    [
        (Stage.MAIL, Reply(451, ("4.3.0 Try again later",), "4.3.0")),
        (Stage.MAIL, Reply(450, ("Not now",), None)),
        (Stage.CONTENT, Reply(452, ("4.3.1 Insufficient storage",), "4.3.1")),
        (Stage.RCPT, COMPLAINT),
        (Stage.CONTENT, Reply(421, ("4.7.0 Try again later",), "4.7.0")),
    ],
)
def test_server_that_only_complains_ends_the_run(stage: Stage, reply: Reply) -> None:
    """After few messages, each of which is pending or deferred, and within half an hour."""
    simulation = Simulation(nothing, complaint=reply, stage=stage)
    simulation.run(1800)
    error = simulation.monitor.failure
    assert isinstance(error, RunStopped)
    assert error.problem.code == "server-busy"
    assert str(reply) in str(error)
    assert len(simulation.refused) < 60
    assert simulation.clock() - START > 900, "an overload of ten minutes is survived"


def test_complaints_with_successes_between_them_never_end_the_run() -> None:
    turns = iter(range(10**9))
    simulation = Simulation(lambda _: next(turns) % 2 == 0)
    simulation.run(600)
    assert not simulation.queue.closed
    assert len(simulation.accepted) > 100


@pytest.mark.parametrize(
    ("connections", "closing"),
    [
        (4, True),
        pytest.param(1, False, marks=pytest.mark.long),
        pytest.param(1, True, marks=pytest.mark.long),
        pytest.param(4, False, marks=pytest.mark.long),
    ],
)
def test_real_run_against_such_a_server_ends(
    tmp_path: Path, connections: int, *, closing: bool
) -> None:
    """Also if each complaint closes its connection: the run pauses, and opens a bounded number."""
    end = (scripted.Close(),) if closing else ()
    text = "4.7.0 Too fast, try again later"
    reply = scripted.Reply(421 if closing else 451, text)
    with scripted.serve(scripted.Rule(scripted.When(scripted.Stage.RCPT), (reply, *end))) as server:
        seen = run(tmp_path / "c", server, 100, speed=500.0, connections=connections)
        assert server.connections <= 60 * connections
    assert seen.summary is not None
    assert isinstance(seen.summary.error, RunStopped)
    assert seen.summary.error.problem.code == "server-busy"
    assert seen.states.get("pending", 0) + seen.states.get("deferred", 0) == 100
