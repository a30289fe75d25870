"""The session: which command may follow which, and the lines of its commands."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mailmerge.smtp import Answered, Awaited, Connection
from mailmerge.smtp.errors import LocalProtocolError, RemoteProtocolError, ServerRefused
from mailmerge.smtp.state import State
from tests.smtp.machine import message, ready


def test_replies_are_events_in_order() -> None:
    machine = Connection()
    machine.receive_data(b"220 x\r\n")
    machine.session.hello("client.example.org")
    machine.receive_data(b"502 no\r\n")
    events = [event for event in machine.events() if isinstance(event, Answered)]
    assert [(event.awaited, event.reply.code) for event in events] == [
        (Awaited.GREETING, 220),
        (Awaited.HELLO, 502),
    ]


def test_lmtp_says_lhlo_and_helo_offers_nothing() -> None:
    machine = Connection(protocol="lmtp")
    machine.receive_data(b"220 x\r\n")
    machine.session.hello("client.example.org")
    assert machine.data_to_send() == [b"LHLO client.example.org\r\n"]
    machine = Connection()
    machine.receive_data(b"220 x\r\n")
    machine.session.hello("client.example.org", extended=False)
    machine.receive_data(b"250-x\r\n250 PIPELINING\r\n")
    assert machine.session.capabilities.keywords == {}
    assert machine.session.state is State.READY


COMMANDS: dict[str, Callable[[Connection], None]] = {
    "tls_started": lambda machine: machine.session.tls_started(),
    "answer": lambda machine: machine.session.answer("x"),
    "hello": lambda machine: machine.session.hello("client.example.org"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_out_of_turn_is_refused(command: str) -> None:
    machine = ready()
    with pytest.raises(LocalProtocolError, match="not permitted while ready"):
        COMMANDS[command](machine)
    assert machine.data_to_send() == []


@pytest.mark.parametrize("command", ["quit", "start_tls", "authenticate", "probe"])
def test_no_command_stands_inside_a_transaction(command: str) -> None:
    """RFC 4954, 4: AUTH is not permitted during a mail transaction, and nor are other commands."""
    machine = ready()
    machine.submit(message(1))
    calls: dict[str, Callable[[], None]] = {
        "quit": machine.session.quit,
        "start_tls": machine.session.start_tls,
        "authenticate": lambda: machine.session.authenticate("LOGIN", None),
        "probe": lambda: machine.probe.mail(message(2).envelope),
    }
    with pytest.raises(LocalProtocolError, match="while transactions are in flight"):
        calls[command]()
    assert machine.in_flight == 1


def test_the_session_is_ready_again_after_the_last_outcome() -> None:
    machine = ready(offers=b"8BITMIME")
    states = []
    machine.submit(message(1))
    states.append(machine.session.state)
    machine.data_to_send()
    machine.receive_data(b"550 no\r\n")
    states.append(machine.session.state)
    assert states == [State.BUSY, State.READY]
    machine.session.quit()


def test_tls_and_log_in_happen_once() -> None:
    machine = ready(offers=b"STARTTLS")
    machine.session.start_tls()
    machine.receive_data(b"220 go\r\n")
    machine.session.tls_started()
    assert machine.session.capabilities.keywords == {}
    machine.session.hello("client.example.org")
    machine.receive_data(b"250 x\r\n")
    with pytest.raises(LocalProtocolError, match="RFC 3207"):
        machine.session.start_tls()
    machine.session.authenticate("PLAIN", "AGEAYg==")
    machine.receive_data(b"235 ok\r\n")
    with pytest.raises(LocalProtocolError, match="RFC 4954"):
        machine.session.authenticate("PLAIN", "AGEAYg==")


@pytest.mark.parametrize("behind", [b"250 injected\r\n", b"2", b"\r\n"])
def test_bytes_behind_the_220_of_starttls_end_the_session(behind: bytes) -> None:
    machine = ready(offers=b"STARTTLS")
    machine.session.start_tls()
    machine.receive_data(b"220 go\r\n" + behind)
    assert isinstance(machine.session.failure, RemoteProtocolError)
    assert machine.session.failure.code == "starttls-injection"


def test_auth_lines_have_at_most_12288_bytes() -> None:
    """RFC 4954, 4: a line of AUTH may have more than the 512 bytes of other commands."""
    machine = ready()
    room = 12_288 - len("AUTH PLAIN \r\n")
    with pytest.raises(LocalProtocolError, match="the limit is 12288"):
        machine.session.authenticate("PLAIN", "x" * (room + 1))
    machine.session.authenticate("PLAIN", "x" * room)
    assert len(b"".join(machine.data_to_send())) == 12_288
    machine.receive_data(b"334 \r\n")
    with pytest.raises(LocalProtocolError, match="the limit is 12288"):
        machine.session.answer("x" * 12_287)
    machine.session.answer("x" * 12_286)
    assert len(b"".join(machine.data_to_send())) == 12_288


def test_421_ends_a_session_with_an_error() -> None:
    machine = ready()
    machine.session.authenticate("LOGIN", None)
    machine.receive_data(b"421 4.3.2 bye\r\n")
    failure = machine.session.failure
    assert isinstance(failure, ServerRefused)
    assert (failure.code, failure.reply and failure.reply.code) == ("closing", 421)


def test_quit_ends_a_session_without_a_failure() -> None:
    machine = ready()
    machine.session.quit()
    assert machine.data_to_send() == [b"QUIT\r\n"]
    machine.receive_data(b"221 bye\r\n")
    assert machine.session.closed
    assert machine.session.failure is None


def test_a_session_ends_once() -> None:
    machine = ready()
    machine.connection_lost("broken pipe")
    machine.connection_lost("again")
    assert str(machine.session.failure) == "broken pipe"
