"""Lost connections with messages in doubt: what counts, and when it stops the run."""

from __future__ import annotations

from mailmerge.engine.doubts import Doubts
from mailmerge.errors import RunStopped


def lose(doubts: Doubts, connection: int = 0, messages: int = 1) -> RunStopped | None:
    """Open a connection and lose it with some messages in doubt; the last answer."""
    doubts.opened(connection)
    return drop(doubts, connection, messages)


def drop(doubts: Doubts, connection: int, messages: int = 1) -> RunStopped | None:
    error = None
    for _ in range(messages):
        error = doubts.in_doubt(connection, "the server closed the connection") or error
    return error


def send(doubts: Doubts, messages: int) -> None:
    for _ in range(messages):
        doubts.sent()


def test_third_loss_in_a_row_stops_the_run() -> None:
    doubts = Doubts()
    assert lose(doubts) is None
    assert lose(doubts) is None
    stopped = lose(doubts)
    assert stopped is not None
    assert stopped.problem.code == "doubts"
    assert "3 connections in a row" in str(stopped)
    assert "the server closed the connection" in str(stopped)


def test_one_lost_connection_counts_once_whatever_its_window() -> None:
    doubts = Doubts()
    assert lose(doubts, messages=64) is None
    assert lose(doubts, messages=64) is None
    assert lose(doubts, messages=64) is not None


def test_connections_that_were_open_together_count_once() -> None:
    doubts = Doubts()
    for connection in range(8):
        doubts.opened(connection)
    for connection in range(8):
        assert drop(doubts, connection) is None
    for connection in range(8):
        doubts.opened(connection)
    for connection in range(8):
        assert drop(doubts, connection) is None
    assert lose(doubts) is not None


def test_sent_message_breaks_the_row_and_not_the_share() -> None:
    doubts = Doubts()
    losses = 0
    while lose(doubts) is None:
        losses += 1
        send(doubts, 1)
    assert losses == 9


def test_messages_in_doubt_are_made_up_for_by_twenty_sent() -> None:
    doubts = Doubts()
    for _ in range(1000):
        assert lose(doubts) is None
        send(doubts, 20)
    for _ in range(1000):
        assert lose(doubts, messages=8) is None
        send(doubts, 160)


def test_more_than_one_in_twenty_stops_in_the_end() -> None:
    doubts = Doubts()
    sent = in_doubt = 0
    while lose(doubts) is None:
        send(doubts, 15)
        sent, in_doubt = sent + 15, in_doubt + 1
    assert in_doubt <= sent / 20 + 10


def test_two_losses_never_stop_the_run() -> None:
    doubts = Doubts()
    assert lose(doubts, messages=500) is None
    send(doubts, 1)
    assert lose(doubts, messages=500) is None
