"""Timeouts: never shorter than RFC 5321 says, and restarted only by progress."""

from __future__ import annotations

import pytest

from mailmerge.smtp import TIMEOUTS, Awaited, Server
from mailmerge.smtp.errors import ConnectionLost
from mailmerge.smtp.timeouts import ReplyTimer, clear_text_on_tls_port

HERE = Server("127.0.0.1", 25, "none")


def test_no_timeout_is_shorter_than_rfc_5321_requires() -> None:
    """RFC 5321, 4.5.3.2: a client that gives up earlier makes duplicates."""
    minutes = {
        Awaited.GREETING: 5,
        Awaited.MAIL: 5,
        Awaited.RCPT: 5,
        Awaited.DATA: 2,
        None: 3,  # a block of data
        Awaited.CONTENT: 10,
    }
    timer = ReplyTimer(HERE, TIMEOUTS, lambda: 0.0)
    assert {awaited: timer.due(awaited) for awaited in minutes} == {
        awaited: 60.0 * number for awaited, number in minutes.items()
    }
    assert set(TIMEOUTS) == {*Awaited, None}


def test_begin_starts_the_timeout_again() -> None:
    now = [100.0]
    timer = ReplyTimer(HERE, TIMEOUTS, lambda: now[0])
    timer.begin()
    assert timer.due(Awaited.DATA) == 220.0
    now[0] = 150.0
    assert timer.due(Awaited.DATA) == 220.0
    timer.begin()
    assert (timer.due(Awaited.DATA), timer.now()) == (270.0, 150.0)


def test_untaken_content_ends_the_connection() -> None:
    now = [0.0]
    timer = ReplyTimer(HERE, TIMEOUTS, lambda: now[0])
    now[0] = 179.9
    timer.check_writing()
    now[0] = 180.0
    with pytest.raises(ConnectionLost, match="the server took no data for 180 seconds"):
        timer.check_writing()


def test_what_is_late_is_named() -> None:
    timer = ReplyTimer(HERE, dict.fromkeys(TIMEOUTS, 0.5), lambda: 0.0)
    assert timer.late(Awaited.MAIL) == "the reply to MAIL did not come within 0.5 seconds"


@pytest.mark.parametrize(
    ("server", "wrong"),
    [
        (Server("mail.example.org", 465, "none"), True),
        (Server("mail.example.org", 465, "starttls"), True),
        (Server("mail.example.org", 465, "tls"), False),
        (Server("mail.example.org", 587, "starttls"), False),
        (Server(port=465, socket="/run/lmtp"), False),
    ],
)
def test_a_greeting_on_port_465_is_awaited_for_20_seconds(server: Server, wrong: bool) -> None:
    timer = ReplyTimer(server, TIMEOUTS, lambda: 0.0)
    assert clear_text_on_tls_port(server) is wrong
    assert timer.due(Awaited.GREETING) == (20.0 if wrong else 300.0)
    assert timer.due(Awaited.CONTENT) == 600.0
