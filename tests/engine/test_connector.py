"""Connections of several workers: one attempt at a time, against a scripted server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from mailmerge.engine.connector import Connecting, Connector
from mailmerge.engine.events import Waiting
from mailmerge.engine.queue import Queue
from mailmerge.engine.retry import ReplyRules, no_rules
from mailmerge.engine.throttle import Throttle
from mailmerge.engine.worker import ConnectionEnd
from mailmerge.errors import (
    AuthenticationRefused,
    CampaignError,
    MailmergeError,
    RunStopped,
    ServerUnreachable,
)
from mailmerge.providers.lookup import find_provider
from mailmerge.smtp import Client, Credentials, CredentialSource, Server
from tests.engine.clocks import START, Clock
from tests.engine.test_queue import deliveries
from tests.scripted_server import (
    FOREVER,
    Close,
    Reply,
    Rule,
    Send,
    Sleep,
    Stage,
    Usual,
    When,
    serve,
)

REFUSED = (Reply(421, "4.3.2 Too many connections"), Close())


@dataclass
class SkippingClock:
    """Each reading is `step` seconds later, so that pauses end at once."""

    step: float = 5.0
    now: float = START

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@dataclass
class Bench:
    """A connector and its reports."""

    port: int
    credentials: CredentialSource = None
    rules: ReplyRules = no_rules
    clock: Callable[[], float] = field(default_factory=SkippingClock)
    head_start: float = 60.0
    reports: list[Connecting | Waiting] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.throttle = Throttle(connections=8)
        self.queue = Queue(self.throttle, self.clock)
        self.queue.put(deliveries(20))
        self.connector = Connector(
            lambda announce: Client(
                Server("127.0.0.1", self.port, "none"), self.credentials, on_terminator=announce
            ),
            self.queue,
            self.throttle,
            clock=self.clock,
            rules=self.rules,
            report=self.reports.append,
            head_start=self.head_start,
        )

    def connect(self, worker: int = 0) -> Client | None:
        return self.connector.connect(worker, lambda token: None)

    @property
    def waits(self) -> list[Waiting]:
        return [one for one in self.reports if isinstance(one, Waiting)]


def test_open_client_is_returned_and_the_attempt_reported() -> None:
    with serve() as server:
        bench = Bench(server.port)
        client = bench.connect(worker=2)
        assert client is not None
        assert client.usable
        client.quit()
    [attempt] = bench.reports
    assert isinstance(attempt, Connecting)
    assert attempt.connection == 2


def test_passing_failure_is_retried_and_reported() -> None:
    gone = Rule(When(Stage.GREETING, times=2), (Close(),))
    with serve(gone) as server:
        bench = Bench(server.port)
        client = bench.connect()
        assert client is not None
        client.quit()
        assert server.connections == 3
    assert len(bench.waits) == 2
    assert bench.waits[0].what.startswith("a connection: ")


@dataclass
class Tokens:
    """Gives the log-in, after the errors of `fails`."""

    fails: list[MailmergeError]
    asked: int = 0

    def __call__(self) -> Credentials:
        self.asked += 1
        if self.fails:
            raise self.fails.pop(0)
        return Credentials("me", password="right", allow_plain_text=True)


def test_token_server_that_is_away_for_a_while_is_tried_again() -> None:
    tokens = Tokens([])
    with serve(users={"me": "right"}, auth_in_clear=True) as server:
        bench = Bench(server.port, tokens)
        opened(bench)
        tokens.fails += [ServerUnreachable("no network"), ServerUnreachable("no network")]
        client = bench.connect(worker=1)
        assert client is not None
        client.quit()
        assert server.connections == 2
    assert tokens.asked == 4


@pytest.mark.parametrize(
    "error",
    [AuthenticationRefused("the log-in has expired"), CampaignError("token_command failed")],
)
def test_token_that_cannot_be_had_ends_the_run_once(error: MailmergeError) -> None:
    with serve() as server:
        tokens = Tokens([error])
        bench = Bench(server.port, tokens)
        with pytest.raises(type(error)) as raised:
            bench.connect()
        assert raised.value is error
        assert bench.connect(worker=1) is None
        assert server.connections == 0
    assert tokens.asked == 1


def test_first_connection_to_no_server_fails() -> None:
    with serve() as server:
        server.stop()
        bench = Bench(server.port)
        with pytest.raises(ServerUnreachable):
            bench.connect()


def connect_at_once(bench: Bench, workers: range) -> list[MailmergeError]:
    """Let all these workers connect at the same time; none succeeds. Returns their errors."""
    raised: list[MailmergeError] = []

    def work(worker: int) -> None:
        try:
            assert bench.connect(worker) is None
        except MailmergeError as error:
            raised.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return raised


def test_refused_login_is_tried_once_by_all_workers() -> None:
    wrong = Credentials("me", password="wrong", allow_plain_text=True)
    with serve(users={"me": "right"}, auth_in_clear=True) as server:
        bench = Bench(server.port, wrong)
        raised = connect_at_once(bench, range(4))
        assert server.connections == 1
    assert [type(error) for error in raised] == [AuthenticationRefused]


def test_provider_rule_stops_at_the_greeting() -> None:
    closed = Rule(When(Stage.GREETING), (Reply(421, "4.7.0 Too many login attempts"), Close()))
    with serve(closed) as server:
        bench = Bench(server.port, rules=find_provider("gmail").action_for)
        with pytest.raises(MailmergeError, match="Too many login attempts"):
            bench.connect()
        assert server.connections == 1


def connecting(bench: Bench, workers: range) -> tuple[list[threading.Thread], dict[int, object]]:
    """Start threads that connect; the results are by worker."""
    results: dict[int, object] = {}

    def work(worker: int) -> None:
        results[worker] = bench.connect(worker)

    threads = [threading.Thread(target=work, args=(one,), daemon=True) for one in workers]
    for thread in threads:
        thread.start()
    return threads, results


def wait_until(true: Callable[[], bool]) -> None:
    """Wait for a condition, for at most a minute."""
    for _ in range(6000):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen")


def end(bench: Bench, threads: list[threading.Thread], results: dict[int, object]) -> None:
    """Close the queue, and end the threads and the connections."""
    bench.queue.close()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    for client in results.values():
        if isinstance(client, Client):
            client.quit()


def open_in(results: dict[int, object]) -> int:
    return sum(isinstance(one, Client) for one in list(results.values()))


def test_refused_further_connection_waits_and_is_tried_again_later() -> None:
    """Its worker keeps its thread: the server may only have been busy."""
    clock = Clock()
    refused = Rule(When(Stage.GREETING, connection=(2, 4)), REFUSED)
    with serve(refused) as server:
        bench = Bench(server.port, clock=clock)
        threads, results = connecting(bench, range(3))
        wait_until(lambda: server.connections == 3 and open_in(results) == 2)
        wait_until(lambda: bench.throttle.connections(START) == 2)
        clock.now += 4
        time.sleep(0.3)
        assert server.connections == 3, "it is not asked again at once"
        clock.now += 1.5
        wait_until(lambda: server.connections == 4)
        wait_until(lambda: bench.throttle.connections(clock.now) == 2)
        clock.now += 11
        wait_until(lambda: open_in(results) == 3)
        end(bench, threads, results)
        assert server.connections == 5


def test_connections_are_opened_at_the_same_time() -> None:
    """Each greeting waits until all eight connections are there."""
    with serve(Rule(When(Stage.GREETING), (Sleep(1.0), Usual()))) as server:
        bench = Bench(server.port, head_start=0.0)
        threads, results = connecting(bench, range(8))
        wait_until(lambda: server.connections == 8)
        assert open_in(results) == 0, "none has seen its greeting yet"
        wait_until(lambda: open_in(results) == 8)
        end(bench, threads, results)


def test_first_connection_has_a_head_start() -> None:
    with serve(Rule(When(Stage.GREETING, connection=0), (Sleep(0.5), Usual()))) as server:
        bench = Bench(server.port, head_start=60.0)
        threads, results = connecting(bench, range(4))
        wait_until(lambda: server.connections == 1)
        time.sleep(0.2)
        assert server.connections == 1
        wait_until(lambda: open_in(results) == 4)
        end(bench, threads, results)


def test_each_connection_that_opens_needs_a_delivery() -> None:
    with serve(Rule(When(Stage.GREETING), (Sleep(1.5), Usual()))) as server:
        bench = Bench(server.port, head_start=0.0)
        bench.queue.clear()
        bench.queue.put(deliveries(2))
        threads, results = connecting(bench, range(4))
        wait_until(lambda: server.connections == 2)
        time.sleep(0.3)
        assert server.connections == 2
        end(bench, threads, results)


def test_login_refused_after_a_success_is_not_tried_again() -> None:
    """All connections wait at the log-in, and the second one is refused."""
    credentials = Credentials("me", password="right", allow_plain_text=True)
    refused = Rule(When(Stage.AUTH, connection=(1, 99)), (Reply(535, "5.7.8 Locked"),))
    with serve(refused, users={"me": "right"}, auth_in_clear=True) as server:
        bench = Bench(server.port, credentials)
        first = bench.connect(0)
        assert first is not None
        raised = connect_at_once(bench, range(1, 8))
        first.quit()
        attempts = [line for line in server.commands() if line.startswith("AUTH")]
    assert [type(error) for error in raised] == [AuthenticationRefused]
    assert len(attempts) == 2, "one that succeeded and one that was refused"


def test_endless_login_is_tried_once() -> None:
    credentials = Credentials("me", password="right", allow_plain_text=True)
    endless = Rule(When(Stage.AUTH), (Send(b"334 VXNlcm5hbWU6\r\n" * 20), Sleep(FOREVER)))
    with serve(endless, users={"me": "right"}, auth_in_clear=True) as server:
        bench = Bench(server.port, credentials)
        with pytest.raises(MailmergeError):
            bench.connect()
        assert bench.connect(1) is None
        assert server.connections == 1


def test_later_connection_that_offers_no_log_in_is_tried_again() -> None:
    """One of several machines behind a name lacks it; no secret was sent to that one."""
    credentials = Credentials("me", password="right", allow_plain_text=True)
    without = Rule(When(Stage.EHLO, connection=1), (Reply(250, "other.example.org\nPIPELINING"),))
    no_ehlo = Rule(When(Stage.EHLO, connection=2), (Reply(554, "5.3.2 Not now"),))
    with serve(without, no_ehlo, users={"me": "right"}, auth_in_clear=True) as server:
        bench = Bench(server.port, credentials)
        for _ in range(2):
            client = bench.connect()
            assert client is not None
            client.quit()
            bench.connector.answered(0)
            bench.connector.ended(0, FRUITFUL)
        assert server.connections == 4


def test_first_connection_that_offers_no_log_in_fails() -> None:
    credentials = Credentials("me", password="right", allow_plain_text=True)
    with serve() as server:
        bench = Bench(server.port, credentials)
        with pytest.raises(AuthenticationRefused, match="offers no log-in"):
            bench.connect()


def test_lost_log_in_of_a_restarting_server_is_tried_again() -> None:
    """Only log-ins count as lost log-ins, and not the connections that failed before them."""
    credentials = Credentials("me", password="right", allow_plain_text=True)
    gone = Rule(When(Stage.GREETING, connection=(0, 2)), (Close(),))
    lost = Rule(When(Stage.AUTH, times=2), (Close(),))
    with serve(gone, lost, users={"me": "right"}, auth_in_clear=True) as server:
        bench = Bench(server.port, credentials)
        client = bench.connect()
        assert client is not None
        client.quit()
        assert server.connections == 5


def test_third_log_in_without_a_reply_is_the_last() -> None:
    credentials = Credentials("me", password="right", allow_plain_text=True)
    lost = Rule(When(Stage.AUTH), (Close(),))
    with serve(lost, users={"me": "right"}, auth_in_clear=True) as server:
        bench = Bench(server.port, credentials)
        with pytest.raises(MailmergeError):
            bench.connect()
        assert server.connections == 3


FRUITLESS = ConnectionEnd(0, "the server closed the connection", routine=True)
FRUITFUL = ConnectionEnd(3, "the server closed the connection", routine=True)


def opened(bench: Bench, worker: int = 0) -> None:
    """Open a connection and close it at once; `ended` is up to the caller."""
    client = bench.connect(worker)
    assert client is not None
    client.quit()


def test_connection_that_carried_messages_is_replaced_at_once() -> None:
    clock = Clock()
    with serve() as server:
        bench = Bench(server.port, clock=clock)
        for _ in range(20):
            opened(bench)
            bench.connector.answered(0)
            bench.connector.ended(0, FRUITFUL)
        assert server.connections == 20
    assert bench.waits == []


def test_fruitless_connections_are_tried_after_growing_pauses() -> None:
    with serve() as server:
        bench = Bench(server.port)
        for _ in range(10):
            opened(bench)
            bench.connector.ended(0, FRUITLESS)
        opened(bench)
        with pytest.raises(RunStopped, match="takes connections, but no messages") as stopped:
            bench.connector.ended(0, FRUITLESS)
        assert server.connections == 11
    assert stopped.value.problem.code == "server-gone"
    assert bench.connect(1) is None
    said = [one.what.rpartition("; ")[2] for one in bench.waits]
    assert said[:4] == [
        "trying again in 1 s", "trying again in 2 s", "trying again in 4 s", "trying again in 8 s",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(ConnectionEnd(0, "421 4.7.0 Too fast", slowed=True), id="complaint"),
        pytest.param(ConnectionEnd(0, "421 4.4.2 Idle for too long", idle=True), id="idle"),
    ],
)
def test_connection_whose_end_is_explained_is_replaced_at_once(end: ConnectionEnd) -> None:
    """The throttle answers complaints with pauses for the whole run; an idle end is no failure."""
    with serve() as server:
        bench = Bench(server.port, clock=Clock())
        for _ in range(20):
            opened(bench)
            bench.connector.ended(0, end)
        assert server.connections == 20
    assert bench.waits == []


def test_only_one_worker_tries_while_nothing_is_answered() -> None:
    clock = Clock()
    with serve() as server:
        bench = Bench(server.port, clock=clock, head_start=0.0)
        threads, results = connecting(bench, range(4))
        wait_until(lambda: open_in(results) == 4)
        for thread in threads:
            thread.join(60)
        for worker in range(4):
            client = results[worker]
            assert isinstance(client, Client)
            client.quit()
            bench.connector.ended(worker, FRUITLESS)
        threads, results = connecting(bench, range(4))
        wait_until(lambda: open_in(results) == 1)
        time.sleep(0.3)
        assert server.connections == 5, "the connections broke together: that is one failure"
        [trial] = results
        bench.connector.answered(trial)
        wait_until(lambda: open_in(results) == 4)
        end(bench, threads, results)


def test_worker_whose_connections_fail_pauses_alone() -> None:
    """The other one goes on, and its answers keep the run alive."""
    clock = Clock()
    with serve() as server:
        bench = Bench(server.port, clock=clock)
        opened(bench, 0)
        for number in range(30):
            bench.connector.answered(0)
            opened(bench, 1)
            bench.connector.ended(1, FRUITLESS)
            if number >= 1:
                clock.now += 60
        assert server.connections == 31
    assert bench.waits == []


def test_connection_is_recycled_where_two_were_closed() -> None:
    with serve() as server:
        bench = Bench(server.port, clock=Clock())
        for expected in (None, None, 3):
            assert bench.connector.limit(0) == expected
            opened(bench)
            bench.connector.answered(0)
            bench.connector.ended(0, FRUITFUL)


def test_server_is_given_up_after_eleven_attempts() -> None:
    with serve(Rule(When(Stage.GREETING, connection=(1, 99)), (Close(),))) as server:
        bench = Bench(server.port)
        client = bench.connect()
        assert client is not None
        client.quit()
        bench.connector.ended(0, ConnectionEnd(0))
        with pytest.raises(RunStopped, match="no longer accepts connections") as stopped:
            bench.connect()
        assert server.connections == 12
    assert stopped.value.problem.code == "server-gone"
    assert len(bench.waits) == 10
    assert bench.connect(worker=1) is None, "it was given up for all"


def test_closed_queue_ends_the_pause() -> None:
    with serve(Rule(When(Stage.GREETING), (Close(),))) as server:
        bench = Bench(server.port)
        opened: list[Client | None] = []
        thread = threading.Thread(target=lambda: opened.append(bench.connect()), daemon=True)
        bench.queue.close()
        thread.start()
        thread.join(60)
        assert opened == [None]
        assert server.connections == 0
