"""One worker with a real client and a scripted server; the store only records calls."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import pytest

from mailmerge.engine.events import Closed, Opened, Waiting
from mailmerge.engine.limits import Limits
from mailmerge.engine.making import SetAside
from mailmerge.engine.queue import Queue
from mailmerge.engine.stopping import StopRequest
from mailmerge.engine.throttle import Throttle
from mailmerge.engine.worker import (
    Failed,
    OnTerminator,
    Services,
    Settled,
    Worker,
)
from mailmerge.errors import (
    AssetError,
    LedgerError,
    MailmergeError,
    ServerUnreachable,
    TemplateError,
)
from mailmerge.ledger.states import Delivery, State, Transition
from mailmerge.smtp import Client, Envelope, Server, Transaction
from tests.engine.clocks import START, Clock
from tests.engine.test_queue import deliveries
from tests.scripted_server import (
    FOREVER,
    Accept,
    Close,
    Reply,
    Rule,
    ScriptedServer,
    Sleep,
    Stage,
    When,
    serve,
)

PATIENCE = 60.0


@dataclass
class Bench:
    """A worker, and its transitions, reports and copies in order."""

    server: ScriptedServer | None = None
    limits: Limits = field(default_factory=Limits)
    refuse_to_write: frozenset[State] = frozenset()
    broken: frozenset[int] = frozenset()
    connect_error: MailmergeError | None = None
    done: list[tuple[str, Any]] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)
    stop: StopRequest = field(default_factory=StopRequest)
    interval: float = 0.0
    aside: SetAside = field(default_factory=SetAside)

    def __post_init__(self) -> None:
        self.throttle = Throttle(self.limits.rates)
        self.queue = Queue(self.throttle, self.clock)
        services = Services(
            queue=self.queue,
            messages=self,
            connect=self.connect,
            apply=self.apply,
            report=self.report,
            clock=self.clock,
            limits=self.limits,
            interval=self.interval,
            keep=lambda transaction, at: self.done.append(("keep", transaction.token)),
            stop=self.stop,
            aside=self.aside,
        )
        self.worker = Worker(0, services)

    def transaction(self, delivery: Delivery) -> Transaction:
        if delivery.id in self.broken:
            raise TemplateError("name is undefined", file="body.txt")
        self.done.append(("make", delivery.id))
        content = f"Subject: {delivery.id}\r\n\r\nHello\r\n".encode()
        envelope = Envelope("news@example.org", (delivery.mailbox.forward_path,))
        return Transaction(delivery.id, envelope, (content,))

    def connect(self, worker: int, on_terminator: OnTerminator) -> Client | None:
        if self.connect_error is not None:
            raise self.connect_error
        if self.server is None:
            return None
        server = Server("127.0.0.1", self.server.port, "none")
        client = Client(server, window=self.limits.window, on_terminator=on_terminator)
        client.open()
        return client

    def apply(self, transitions: Sequence[Transition]) -> list[Transition]:
        for one in transitions:
            if one.state in self.refuse_to_write:
                raise LedgerError("disk full")
            self.done.append((one.state.value, one.delivery_id))
        return list(transitions)

    def report(self, report: Settled | Failed | Opened | Closed | Waiting) -> None:
        self.done.append((type(report).__name__, report))
        if isinstance(report, Failed):
            self.queue.close()

    def work(self, *given: Delivery, until: int | None = None) -> Self:
        """Let the worker send deliveries, and close the queue when this many are settled."""
        enough = len(given) if until is None else until
        self.queue.put(list(given))
        thread = threading.Thread(target=self.worker.work, daemon=True)
        thread.start()
        for _ in range(int(PATIENCE / 0.01)):
            thread.join(0.01)
            if not thread.is_alive() or len(self.settled) >= enough:
                break
        self.queue.close()
        thread.join(PATIENCE)
        assert not thread.is_alive()
        return self

    @property
    def settled(self) -> list[Settled]:
        return [what for kind, what in list(self.done) if kind == "Settled"]

    def kinds(self, number: int) -> list[str]:
        """Return the actions for one delivery, in order."""
        return [kind for kind, what in self.done if kind != "make" and number_of(what) == number]


class DefectiveBench(Bench):
    """Its message source has a defect."""

    def transaction(self, delivery: Delivery) -> Transaction:
        raise ZeroDivisionError


def number_of(what: object) -> object:
    return what.delivery.id if isinstance(what, Settled) else what


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with serve() as running:
        yield running


def test_writes_come_in_the_order_of_the_promise(server: ScriptedServer) -> None:
    """`sending` before the outcome, the outcome before its report, the report before the copy."""
    bench = Bench(server).work(*deliveries(3))
    for number in range(3):
        assert bench.kinds(number) == ["sending", "sent", "Settled", "keep"]
    assert bench.done[0][0] == "Opened"
    closed = bench.done[-1][1]
    assert isinstance(closed, Closed)
    assert (closed.connection, closed.messages, closed.reason) == (0, 3, "")
    assert len(server.taken) == 3
    assert server.wait_for_end()[0].quit


def test_unwritten_sending_keeps_the_message_here(server: ScriptedServer) -> None:
    bench = Bench(server, refuse_to_write=frozenset({State.SENDING})).work(*deliveries(2))
    assert server.taken == []
    failed = bench.done[-1][1]
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, LedgerError)
    assert "sent" not in [kind for kind, _ in bench.done]


def test_transition_counts_attempts_and_doubts() -> None:
    rules = (
        Rule(When(Stage.RCPT, recipient="u0@*"), (Reply(450, "4.2.1 Later"),)),
        Rule(When(Stage.END_OF_DATA, recipient="u1@*"), (Accept(), Close())),
    )
    with serve(*rules) as server:
        bench = Bench(server).work(*deliveries(2))
    recorded = [one.transition for one in bench.settled]
    assert recorded == [
        Transition(
            0, State.DEFERRED, bench.clock.now, attempts=1, retry_at=bench.clock.now + 300,
            stage="rcpt", reply="450 4.2.1 Later",
        ),
        Transition(1, State.IN_DOUBT, bench.clock.now, attempts=1, doubts=1, stage="content",
                   reply=recorded[1].reply if recorded[1] else ""),
    ]  # fmt: skip
    assert recorded[1] is not None
    assert recorded[1].reply


def test_accepted_message_has_the_id_of_the_server() -> None:
    rules = (
        Rule(When(Stage.END_OF_DATA, recipient="u0@*"), (Reply(250, "2.0.0 Ok: queued as A1"),)),
        Rule(When(Stage.END_OF_DATA, recipient="u1@*"), (Reply(550, "5.7.1 queued as B2"),)),
    )
    with serve(*rules) as server:
        bench = Bench(server).work(*deliveries(2))
    assert [one.transition.server_id for one in bench.settled if one.transition] == ["A1", ""]


def test_message_that_cannot_be_made_counts_no_attempt(server: ScriptedServer) -> None:
    bench = Bench(server, broken=frozenset({1})).work(*deliveries(3))
    skipped = next(one.transition for one in bench.settled if one.delivery.id == 1)
    assert skipped is not None
    assert (skipped.state, skipped.attempts) == (State.SKIPPED, 0)
    assert "name is undefined" in skipped.reply
    assert bench.kinds(1) == ["skipped", "Settled"]
    assert len(server.taken) == 2


def test_untransmitted_message_goes_over_the_next_connection() -> None:
    gone = Rule(When(Stage.MAIL, transaction=1, times=1), (Close(),))
    with serve(gone) as server:
        bench = Bench(server).work(*deliveries(2), until=3)
        assert server.connections == 2
    back = next(one for one in bench.settled if one.transition is None)
    assert back.delivery.id == 1
    assert back.decision.recycle
    assert bench.kinds(1) == ["Settled", "sending", "sent", "Settled", "keep"]


def test_announced_message_that_never_left_is_claimed_again() -> None:
    """What was streamed behind a 421 was announced, and the server has not read it."""
    leaving = Rule(When(Stage.END_OF_DATA, times=1), (Sleep(0.2), Reply(421, "4.3.2 Bye"), Close()))
    with serve(leaving) as server:
        bench = Bench(server, Limits(window=4)).work(*deliveries(4), until=7)
    announced_twice = [n for n in range(4) if bench.kinds(n).count("sending") == 2]
    assert announced_twice
    for number in announced_twice:
        assert bench.kinds(number) == [
            "sending", "claimed", "Settled", "sending", "sent", "Settled", "keep",
        ]  # fmt: skip


def test_connection_ends_after_the_allowed_number_of_messages(server: ScriptedServer) -> None:
    bench = Bench(server, Limits(messages_per_connection=2)).work(*deliveries(5))
    carried = [what.messages for kind, what in bench.done if kind == "Closed"]
    assert carried == [2, 2, 1]
    assert [one.quit for one in server.wait_for_end(3)] == [True] * 3


def test_worker_that_is_not_needed_ends_without_a_report() -> None:
    bench = Bench().work(*deliveries(1))
    assert bench.done == []


def test_worker_without_work_opens_no_connection(server: ScriptedServer) -> None:
    bench = Bench(server).work()
    assert bench.done == []
    assert server.connections == 0


def test_failed_connection_is_reported() -> None:
    error = ServerUnreachable("no such host")
    bench = Bench(connect_error=error).work(*deliveries(1))
    assert bench.done == [("Failed", Failed(error))]


def test_unexpected_error_is_reported_with_its_cause(server: ScriptedServer) -> None:
    bench = DefectiveBench(server).work(*deliveries(1))
    failed = bench.done[-1][1]
    assert isinstance(failed, Failed)
    assert "ZeroDivisionError" in str(failed.error)
    assert isinstance(failed.error.__cause__, ZeroDivisionError)


def test_closed_queue_finishes_what_is_in_flight() -> None:
    slow = Rule(When(Stage.END_OF_DATA), (Sleep(0.3), Reply(250, "2.0.0 Ok")))
    with serve(slow) as server:
        bench = Bench(server).work(*deliveries(5), until=1)
    kinds = [kind for kind, _ in bench.done]
    assert 1 <= kinds.count("sent") == kinds.count("sending") < 5
    assert len(bench.queue.clear()) == 5 - kinds.count("sent")


def test_lost_message_of_an_ending_run_is_not_deferred() -> None:
    """Nothing shows whether the message or the end of the run is the reason."""
    delivery, other = deliveries(2)
    with serve(Rule(When(Stage.MAIL), (Sleep(0.3), Close()))) as server:
        bench = Bench(server)
        bench.queue.put([delivery])
        for _ in range(2):
            bench.queue.take(0)
            bench.queue.put_back(delivery, blamed=delivery)
        bench.queue.put([other])
        bench.queue.take(1)
        bench.queue.take(1)
        bench.queue.settle(answered=True)
        assert bench.queue.blame(delivery) == 2
        bench.queue.put_back(delivery)
        thread = threading.Thread(target=bench.worker.work, daemon=True)
        thread.start()
        for _ in range(int(PATIENCE / 0.01)):
            if ("make", 0) in bench.done:
                break
            thread.join(0.01)
        bench.queue.close()
        thread.join(PATIENCE)
    assert bench.kinds(0) == ["Settled"]
    assert bench.queue.clear() == [delivery]


def test_abandoned_message_is_in_doubt() -> None:
    silent = Rule(When(Stage.END_OF_DATA), (Accept(), Sleep(FOREVER)))
    with serve(silent) as server:
        bench = Bench(server)
        bench.stop.request()
        assert bench.stop.requested
        assert not bench.stop.abandon
        bench.queue.put(deliveries(1))
        thread = threading.Thread(target=bench.worker.work, daemon=True)
        thread.start()
        for _ in range(int(PATIENCE / 0.01)):
            if server.messages:
                break
            thread.join(0.01)
        bench.stop.request()
        bench.queue.close()
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert bench.kinds(0) == ["sending", "in_doubt", "Settled"]


def test_idle_connection_is_closed_after_half_a_minute(server: ScriptedServer) -> None:
    bench = Bench(server)
    bench.queue.put(deliveries(1))
    thread = threading.Thread(target=bench.worker.work, daemon=True)
    thread.start()
    while not bench.settled:
        thread.join(0.01)
    thread.join(0.5)
    assert not [kind for kind, _ in bench.done if kind == "Closed"]
    bench.clock.now += 31
    assert server.wait_for_end()[0].quit
    bench.queue.put(deliveries(1, first=1))
    while len(bench.settled) < 2:
        thread.join(0.01)
    bench.queue.close()
    thread.join(PATIENCE)
    assert server.connections == 2


@pytest.mark.parametrize(("interval", "ahead"), [(0.0, 4), (1.0, 1)])
def test_slow_rate_keeps_one_message_in_flight(interval: float, ahead: int) -> None:
    """The worker takes no delivery in advance, which a stop would leave claimed and unsent."""
    slow = Rule(When(Stage.END_OF_DATA), (Sleep(0.05), Reply(250, "2.0.0 Ok")))
    with serve(slow) as server:
        bench = Bench(server, Limits(window=4), interval=interval).work(*deliveries(4))
    in_flight, most = 0, 0
    for kind, _ in bench.done:
        in_flight += (kind == "make") - (kind == "Settled")
        most = max(most, in_flight)
    assert most == ahead


MISSING = AssetError("there is no such file", file="terms.pdf", code="asset-missing")


@dataclass
class MissingFileBench(Bench):
    """A file that the messages of some recipients need is missing for a number of looks."""

    missing_for: dict[int, int] = field(default_factory=dict)

    def transaction(self, delivery: Delivery) -> Transaction:
        left = self.missing_for.get(delivery.id, 0)
        if left:
            self.missing_for[delivery.id] = left - 1
            raise MISSING
        return super().transaction(delivery)

    @property
    def waits(self) -> list[Waiting]:
        return [what for kind, what in self.done if kind == "Waiting"]


def test_missing_file_is_looked_for_again(server: ScriptedServer) -> None:
    bench = MissingFileBench(server, missing_for={1: 2}).work(*deliveries(3))
    assert len(server.taken) == 3
    assert [one.what for one in bench.waits] == [f"a file: {MISSING}"] * 2
    assert not bench.aside


def test_recipient_of_a_missing_file_is_set_aside_without_an_outcome(
    server: ScriptedServer,
) -> None:
    bench = MissingFileBench(server, missing_for={1: 99}).work(*deliveries(3), until=2)
    assert len(server.taken) == 2
    assert bench.kinds(1) == []
    assert [one.delivery_id for one in bench.aside.released(START)] == [1]
    assert bench.queue.backlog().idle


def test_three_missing_files_in_a_row_end_the_run(server: ScriptedServer) -> None:
    bench = MissingFileBench(server, missing_for=dict.fromkeys(range(9), 99))
    bench.work(*deliveries(9))
    [failed] = [what for kind, what in bench.done if kind == "Failed"]
    assert "3 messages in a row could not be made; terms.pdf" in str(failed.error)
    assert len(bench.queue.clear()) == 6


def test_second_request_lets_no_end_of_data_leave(server: ScriptedServer) -> None:
    bench = Bench(server)
    bench.stop.request()
    bench.stop.request()
    bench.work(*deliveries(3), until=0)
    assert server.taken == []
    assert "sending" not in [kind for kind, _ in bench.done]
