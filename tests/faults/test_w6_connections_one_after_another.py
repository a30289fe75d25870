"""Connections opened one after another, and one refused connection was missing for ever."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from mailmerge.engine.events import Event, Opened
from mailmerge.errors import AuthenticationRefused, RemoteProtocolError
from mailmerge.smtp import Credentials
from tests.faults.runs import run
from tests.scripted_server import (
    FOREVER,
    Close,
    Reply,
    Rule,
    ScriptedServer,
    Send,
    Sleep,
    Stage,
    Usual,
    When,
    serve,
)

SLOW = Rule(When(Stage.END_OF_DATA), (Sleep(0.02), Usual()))
LOGIN = Credentials("me", password="right", allow_plain_text=True)


def logins(server: ScriptedServer) -> int:
    """How often a password was sent, or offered."""
    return sum(line.startswith("AUTH") for line in server.commands())


@pytest.mark.parametrize("credentials", [None, LOGIN])
def test_slow_greetings_are_awaited_at_the_same_time(
    tmp_path: Path, credentials: Credentials | None
) -> None:
    greeting = Rule(When(Stage.GREETING), (Sleep(2.0), Usual()))
    seen: list[int] = []
    with serve(greeting, SLOW, users={"me": "right"}, auth_in_clear=True) as server:

        def watch(event: Event) -> None:
            if isinstance(event, Opened):
                seen.append(server.connections)

        observed = run(
            tmp_path / "c", server, 120, connections=8, on_event=watch, credentials=credentials
        )
        carried = [one.messages for one in server.wait_for_end(server.connections)]
    assert observed.states == {"sent": 120}
    assert seen[0] == 8, "all wait for their greeting before the first one is open"
    assert len(carried) == 8
    assert min(carried) > 0


def test_connection_that_was_refused_once_returns(tmp_path: Path) -> None:
    busy = Rule(When(Stage.GREETING, connection=(2, 3)), (Reply(421, "4.3.2 Too busy"), Close()))
    with serve(busy, SLOW) as server:
        seen = run(tmp_path / "c", server, 400, speed=10.0, connections=4)
        carried = [one.messages for one in server.wait_for_end(server.connections)]
    assert seen.states == {"sent": 400}
    assert [one.connections for one in seen.progress if one.done][-1] == 4
    assert len([one for one in carried if one]) == 4, "four connections carry messages"
    assert len(carried) == 5


def test_real_limit_of_connections_is_found_and_kept(tmp_path: Path) -> None:
    """The server permits three. In some minutes it is asked a few times for one more."""
    with serve(SLOW, max_connections=3) as server:
        seen = run(tmp_path / "c", server, 600, speed=60.0, connections=8)
        refused = server.connections - 3
    assert seen.states == {"sent": 600}
    assert 5 <= refused <= 5 + 8
    allowed = Counter(one.connections for one in seen.progress if one.done)
    assert allowed.most_common(1)[0][0] == 3


def test_refused_login_is_tried_once_while_others_wait(tmp_path: Path) -> None:
    greeting = Rule(When(Stage.GREETING), (Sleep(1.5), Usual()))
    wrong = Credentials("me", password="wrong", allow_plain_text=True)
    with serve(greeting, users={"me": "right"}, auth_in_clear=True) as server:
        seen = run(tmp_path / "c", server, 50, connections=8, credentials=wrong)
        assert server.connections == 8
        assert logins(server) == 1
    assert seen.summary is not None
    assert isinstance(seen.summary.error, AuthenticationRefused)
    assert seen.states == {"pending": 50}


def test_refused_login_after_a_success_is_tried_once(tmp_path: Path) -> None:
    locked = Rule(When(Stage.AUTH, connection=(1, 99)), (Reply(535, "5.7.8 Locked"),))
    with serve(locked, SLOW, users={"me": "right"}, auth_in_clear=True) as server:
        seen = run(tmp_path / "c", server, 100, connections=8, credentials=LOGIN)
        assert logins(server) == 2
    assert seen.summary is not None
    assert isinstance(seen.summary.error, AuthenticationRefused)
    assert seen.states["pending"] + seen.states.get("sent", 0) == 100


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_endless_login_is_tried_once(tmp_path: Path, mechanism: str) -> None:
    endless = Rule(When(Stage.AUTH), (Send(b"334 VXNlcm5hbWU6\r\n" * 9), Sleep(FOREVER)))
    credentials = Credentials("me", password="right", mechanism=mechanism, allow_plain_text=True)
    with serve(endless, users={"me": "right"}, auth_in_clear=True) as server:
        seen = run(tmp_path / "c", server, 20, speed=100.0, connections=6, credentials=credentials)
        assert logins(server) == 1
    assert seen.summary is not None
    assert isinstance(seen.summary.error, RemoteProtocolError)
    assert seen.states == {"pending": 20}


def test_login_that_ends_without_a_reply_is_tried_three_times(tmp_path: Path) -> None:
    with serve(
        Rule(When(Stage.AUTH), (Close(),)), users={"me": "right"}, auth_in_clear=True
    ) as server:
        seen = run(tmp_path / "c", server, 20, speed=100.0, connections=6, credentials=LOGIN)
        assert logins(server) == 3
    assert seen.states == {"pending": 20}
