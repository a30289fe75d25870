"""Driving an open connection: replies to commands of the session, and outcomes."""

from __future__ import annotations

import pytest

from mailmerge.smtp import TIMEOUTS, Connection, Server, SocketTransport, Verdict
from mailmerge.smtp.driver import Driver, EventBuffer
from mailmerge.smtp.errors import ConnectionLost
from mailmerge.smtp.timeouts import ReplyTimer
from tests.scripted_server import Close, Reply, Rule, When, serve
from tests.scripted_server import Stage as At
from tests.smtp.conversation import NO_CHUNKING, local
from tests.smtp.machine import GO_AHEAD, message, ready, written


def driver_for(server: Server, buffer: EventBuffer) -> tuple[Connection, Driver]:
    connection = Connection()
    transport = SocketTransport.connect(server)
    timer = ReplyTimer(server, TIMEOUTS, lambda: 0.0)
    return connection, Driver(connection, transport, timer, lambda token: None, buffer)


def test_the_buffer_sorts_outcomes_from_answers() -> None:
    machine, buffer = ready(), EventBuffer()
    machine.submit(message(1))
    written(machine)
    machine.receive_data(GO_AHEAD)
    written(machine)
    machine.receive_data(b"250 queued\r\n")
    machine.session.quit()
    machine.receive_data(b"221 bye\r\n")
    buffer.collect(machine)
    assert [outcome.verdict for outcome in buffer.outcomes] == [Verdict.SENT]
    assert [reply.code for reply in buffer.answers] == [221]


def test_ask_waits_for_one_reply_and_keeps_it() -> None:
    buffer = EventBuffer()
    with serve(offer=NO_CHUNKING) as server:
        connection, driver = driver_for(local(server.port), buffer)
        assert driver.ask().code == 220
        connection.session.hello("client.example.org")
        reply = driver.ask()
        assert (reply.code, buffer.last_reply) == (250, reply)
        driver.close()


def test_a_refusal_is_returned_even_if_the_connection_ended() -> None:
    with serve(Rule(When(At.GREETING), (Reply(554, "no"), Close()))) as server:
        _, driver = driver_for(local(server.port), EventBuffer())
        assert driver.ask().code == 554
        driver.close()


def test_a_positive_reply_before_the_end_is_an_error() -> None:
    with serve(Rule(When(At.GREETING), (Reply(220, "hello"), Close()))) as server:
        connection, driver = driver_for(local(server.port), EventBuffer())
        server.wait_for_end()
        driver.receiver.read_all()
        assert connection.session.closed
        with pytest.raises(ConnectionLost, match="closed"):
            driver.ask()
        driver.close()


def test_work_ends_with_an_outcome_or_in_time() -> None:
    buffer = EventBuffer()
    with serve(offer=NO_CHUNKING) as server:
        connection, driver = driver_for(local(server.port), buffer)
        driver.ask()
        connection.session.hello("client.example.org")
        driver.ask()
        driver.work(None)
        assert buffer.outcomes == [], "nothing is in flight"
        connection.submit(message(1))
        driver.work(None)
        assert [outcome.token for outcome in buffer.outcomes] == [1]
        driver.close()
