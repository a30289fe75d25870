"""Timeouts: never shorter than the RFC says, and started again only by progress."""

from __future__ import annotations

import pytest

from mailmerge.smtp import TIMEOUTS, Awaited, Server
from mailmerge.smtp.errors import ConnectionLost
from mailmerge.smtp.patience import Patience, clear_text_on_tls_port

HERE = Server("127.0.0.1", 25, "none")


def test_no_timeout_is_shorter_than_the_rfc_says() -> None:
    """RFC 5321, 4.5.3.2: a client that gives up earlier makes duplicates."""
    minutes = {
        Awaited.GREETING: 5,
        Awaited.MAIL: 5,
        Awaited.RCPT: 5,
        Awaited.DATA: 2,
        None: 3,  # a block of data
        Awaited.CONTENT: 10,
    }
    patience = Patience(HERE, TIMEOUTS, lambda: 0.0)
    assert {awaited: patience.due(awaited) for awaited in minutes} == {
        awaited: 60.0 * number for awaited, number in minutes.items()
    }
    assert set(TIMEOUTS) == {*Awaited, None}


def test_begin_starts_the_timeout_again() -> None:
    now = [100.0]
    patience = Patience(HERE, TIMEOUTS, lambda: now[0])
    patience.begin()
    assert patience.due(Awaited.DATA) == 220.0
    now[0] = 150.0
    assert patience.due(Awaited.DATA) == 220.0
    patience.begin()
    assert (patience.due(Awaited.DATA), patience.now()) == (270.0, 150.0)


def test_content_that_is_not_taken_is_given_up() -> None:
    now = [0.0]
    patience = Patience(HERE, TIMEOUTS, lambda: now[0])
    now[0] = 179.9
    patience.check_writing()
    now[0] = 180.0
    with pytest.raises(ConnectionLost, match="taking of content did not come within 180 seconds"):
        patience.check_writing()


def test_what_is_late_is_named() -> None:
    patience = Patience(HERE, dict.fromkeys(TIMEOUTS, 0.5), lambda: 0.0)
    assert patience.late(Awaited.MAIL) == "the reply to MAIL did not come within 0.5 seconds"


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
    patience = Patience(server, TIMEOUTS, lambda: 0.0)
    assert clear_text_on_tls_port(server) is wrong
    assert patience.due(Awaited.GREETING) == (20.0 if wrong else 300.0)
    assert patience.due(Awaited.CONTENT) == 600.0
