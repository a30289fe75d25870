"""A server that takes each connection and drops it at MAIL got hundreds of connections a second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mailmerge.errors import RunStopped
from tests.faults.runs import run
from tests.scripted_server import Close, Reply, Reset, Rule, Sleep, Stage, Usual, When, serve
from tests.scripted_server.faults import messages_per_connection

FAST = 200.0
DROPS: dict[str, tuple[Any, ...]] = {
    "close": (Close(),),
    "reset": (Reset(),),
    "421": (Reply(421, "4.3.2 Shutting down"), Close()),
}


@pytest.mark.parametrize("drop", DROPS)
@pytest.mark.parametrize("connections", [1, 8])
def test_run_pauses_and_ends_with_all_recipients_kept(
    tmp_path: Path, drop: str, connections: int
) -> None:
    with serve(Rule(When(Stage.MAIL), DROPS[drop])) as server:
        seen = run(tmp_path / "c", server, 200, speed=FAST, connections=connections)
        assert server.connections <= 10 + 2 * connections
    assert seen.states == {"pending": 200}
    assert seen.summary is not None
    assert isinstance(seen.summary.error, RunStopped)
    assert seen.summary.error.problem.code == "server-gone"


def test_pauses_grow_and_the_user_sees_them(tmp_path: Path) -> None:
    with serve(Rule(When(Stage.MAIL), (Close(),))) as server:
        seen = run(tmp_path / "c", server, 5, speed=FAST)
    assert [one.rpartition("again in ")[2] for one in seen.waits] == [
        "1 s", "2 s", "4 s", "8 s", "16 s", "32 s", "60 s", "60 s", "60 s",
    ]  # fmt: skip
    assert seen.waits[2].startswith("a connection: the server closed the connection")
    assert any("trying again in 60 s" in one.waiting_for for one in seen.progress)


def test_streamed_messages_are_risked_once(tmp_path: Path) -> None:
    """What was streamed to a connection that ends is in doubt: later connections stream less."""
    with serve(Rule(When(Stage.MAIL), (Close(),))) as server:
        seen = run(tmp_path / "c", server, 200, speed=FAST, connections=2, window=8)
        assert server.connections <= 12
    assert seen.states["pending"] + seen.states["in_doubt"] == 200
    assert seen.states["in_doubt"] <= 2 * 8 + 10


def test_dropped_connection_among_successes_costs_no_pause(tmp_path: Path) -> None:
    drops = [
        Rule(When(Stage.MAIL, connection=number, transaction=transaction), (Close(),))
        for number, transaction in enumerate([7, 11, 4])
    ]
    with serve(*drops) as server:
        seen = run(tmp_path / "c", server, 60)
        assert server.connections == 4
    assert seen.states == {"sent": 60}
    assert seen.waits == []


def test_server_that_works_again_gets_all_messages(tmp_path: Path) -> None:
    """One answered message ends the series, so the next drop costs no pause."""
    with serve(Rule(When(Stage.MAIL, skip=40, times=5), (Close(),))) as server:
        seen = run(tmp_path / "c", server, 200, speed=FAST, connections=4)
    assert seen.states == {"sent": 200}
    assert len(seen.waits) <= 4


@pytest.mark.parametrize(("window", "state"), [(1, "deferred"), (8, "in_doubt")])
def test_message_that_ends_each_connection_costs_no_other(
    tmp_path: Path, window: int, state: str
) -> None:
    """A filter before the server may drop the connection when it sees one message."""
    with serve(Rule(When(Stage.RCPT, recipient="u3@*"), (Close(),))) as server:
        seen = run(tmp_path / "c", server, 4, speed=FAST, window=window)
    assert seen.states == {"sent": 3, state: 1}


ANSWERS = [None, Reply(421, "4.3.2 Too many messages"), Reply(452, "4.5.3 Too many messages")]


@pytest.mark.parametrize("answer", ANSWERS)
def test_connections_end_where_the_server_closes_them(tmp_path: Path, answer: Reply | None) -> None:
    """After two closes at the same number, the client ends connections there by itself."""
    with serve(messages_per_connection(10, answer)) as server:
        seen = run(tmp_path / "c", server, 300)
        ended = server.wait_for_end(server.connections)
        asked = [one for one in ended if one.commands.get("MAIL", 0) > 10]
        assert len(asked) == 3, "two that teach the number, and one question after 25 connections"
        assert [one.messages for one in ended] == [10] * 30
    assert seen.states == {"sent": 300}
    assert seen.waits == []


@pytest.mark.parametrize("answer", ANSWERS[:2])
def test_streaming_connections_end_where_the_server_closes_them(
    tmp_path: Path, answer: Reply | None
) -> None:
    """Each close may put streamed messages in doubt, so the server is not asked again."""
    with serve(messages_per_connection(10, answer)) as server:
        seen = run(tmp_path / "c", server, 300, window=8)
        ended = server.wait_for_end(server.connections)
        asked = [one for one in ended if one.commands.get("MAIL", 0) > 10]
    assert len(asked) == (2 if seen.states.get("in_doubt") else 3)
    assert seen.states.get("in_doubt", 0) <= 2 * 7
    assert seen.states["sent"] + seen.states.get("in_doubt", 0) == 300


def test_messages_of_a_closed_connection_keep_their_order(tmp_path: Path) -> None:
    slow = Rule(When(Stage.END_OF_DATA), (Sleep(0.02), Usual()))
    with serve(messages_per_connection(3, None), slow) as server:
        run(tmp_path / "c", server, 30, window=8)
        order = [int(one.to.partition("@")[0][1:]) for one in server.taken]
    assert order == sorted(order)
