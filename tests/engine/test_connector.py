"""Connections of several workers: one attempt at a time, against a scripted server."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest

from mailmerge.engine.connector import Connecting, Connector
from mailmerge.engine.events import Waiting
from mailmerge.engine.queue import Queue
from mailmerge.engine.retry import ReplyRules, no_rules
from mailmerge.engine.throttle import Throttle
from mailmerge.errors import AuthenticationRefused, MailmergeError, RunStopped, ServerUnreachable
from mailmerge.providers.lookup import find_provider
from mailmerge.smtp import Client, Credentials, Server
from tests.engine.clocks import START
from tests.scripted_server import Close, Reply, Rule, Stage, When, serve

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
    credentials: Credentials | None = None
    rules: ReplyRules = no_rules
    reports: list[Connecting | Waiting] = field(default_factory=list)

    def __post_init__(self) -> None:
        clock = SkippingClock()
        self.throttle = Throttle(connections=4)
        self.queue = Queue(self.throttle, clock)
        self.connector = Connector(
            lambda announce: Client(
                Server("127.0.0.1", self.port, "none"), self.credentials, on_terminator=announce
            ),
            self.queue,
            self.throttle,
            clock=clock,
            rules=self.rules,
            report=self.reports.append,
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


def test_first_connection_to_no_server_fails() -> None:
    with serve() as server:
        server.stop()
        bench = Bench(server.port)
        with pytest.raises(ServerUnreachable):
            bench.connect()


def test_refused_login_is_tried_once_by_all_workers() -> None:
    wrong = Credentials("me", password="wrong", allow_plain_text=True)
    with serve(users={"me": "right"}, auth_in_clear=True) as server:
        bench = Bench(server.port, wrong)
        raised: list[MailmergeError] = []

        def work(worker: int) -> None:
            try:
                assert bench.connect(worker) is None
            except MailmergeError as error:
                raised.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert server.connections == 1
    assert [type(error) for error in raised] == [AuthenticationRefused]


def test_provider_rule_stops_at_the_greeting() -> None:
    closed = Rule(When(Stage.GREETING), (Reply(421, "4.7.0 Too many login attempts"), Close()))
    with serve(closed) as server:
        bench = Bench(server.port, rules=find_provider("gmail").action_for)
        with pytest.raises(MailmergeError, match="Too many login attempts"):
            bench.connect()
        assert server.connections == 1


def test_refused_further_connection_caps_the_throttle() -> None:
    with serve(Rule(When(Stage.GREETING, connection=(2, 99)), REFUSED)) as server:
        bench = Bench(server.port)
        clients = [bench.connect(worker) for worker in range(3)]
        assert [client is not None for client in clients] == [True, True, False]
        assert bench.throttle.connections(START) == 2
        for client in clients[:2]:
            assert client is not None
            client.quit()


def test_server_is_given_up_after_eleven_attempts() -> None:
    with serve(Rule(When(Stage.GREETING, connection=(1, 99)), (Close(),))) as server:
        bench = Bench(server.port)
        client = bench.connect()
        assert client is not None
        client.quit()
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
