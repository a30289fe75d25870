"""Moving an open connection on: replies for whoever asked, outcomes for the caller."""

from __future__ import annotations

import pytest

from mailmerge.smtp import TIMEOUTS, Connection, Server, SocketTransport, Verdict
from mailmerge.smtp.driver import Driver, Inbox
from mailmerge.smtp.errors import ConnectionLost
from mailmerge.smtp.patience import Patience
from tests.scripted_server import Close, Reply, Rule, When, serve
from tests.scripted_server import Stage as At
from tests.smtp.conversation import NO_CHUNKING, local
from tests.smtp.machine import GO_AHEAD, message, ready, written


def driver_for(server: Server, inbox: Inbox) -> tuple[Connection, Driver]:
    connection = Connection()
    transport = SocketTransport.connect(server)
    patience = Patience(server, TIMEOUTS, lambda: 0.0)
    return connection, Driver(connection, transport, patience, lambda token: None, inbox)


def test_the_inbox_sorts_outcomes_from_answers() -> None:
    machine, inbox = ready(), Inbox()
    machine.submit(message(1))
    written(machine)
    machine.receive_data(GO_AHEAD)
    written(machine)
    machine.receive_data(b"250 queued\r\n")
    machine.session.quit()
    machine.receive_data(b"221 bye\r\n")
    inbox.collect(machine)
    assert [outcome.verdict for outcome in inbox.outcomes] == [Verdict.SENT]
    assert [reply.code for reply in inbox.answers] == [221]


def test_ask_waits_for_one_reply_and_keeps_it() -> None:
    inbox = Inbox()
    with serve(offer=NO_CHUNKING) as server:
        connection, driver = driver_for(local(server.port), inbox)
        assert driver.ask().code == 220
        connection.session.hello("client.example.org")
        reply = driver.ask()
        assert (reply.code, inbox.last_reply) == (250, reply)
        driver.close()


def test_a_refusal_says_more_than_the_end_behind_it() -> None:
    with serve(Rule(When(At.GREETING), (Reply(554, "no"), Close()))) as server:
        _, driver = driver_for(local(server.port), Inbox())
        assert driver.ask().code == 554
        driver.close()


def test_a_yes_before_the_end_is_worth_nothing() -> None:
    with serve(Rule(When(At.GREETING), (Reply(220, "hello"), Close()))) as server:
        connection, driver = driver_for(local(server.port), Inbox())
        server.wait_for_end()
        driver.receiver.read_all()
        assert connection.session.closed
        with pytest.raises(ConnectionLost, match="closed"):
            driver.ask()
        driver.close()


def test_work_ends_with_an_outcome_or_in_time() -> None:
    inbox = Inbox()
    with serve(offer=NO_CHUNKING) as server:
        connection, driver = driver_for(local(server.port), inbox)
        driver.ask()
        connection.session.hello("client.example.org")
        driver.ask()
        driver.work(None)
        assert inbox.outcomes == [], "nothing is in flight"
        connection.submit(message(1))
        driver.work(None)
        assert [outcome.token for outcome in inbox.outcomes] == [1]
        driver.close()
