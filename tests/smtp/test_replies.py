"""Replies to a transaction: what each means, and when the connection is used up or ends."""

from __future__ import annotations

import pytest

from mailmerge.smtp import Connection, Envelope, Stage, Transaction, Verdict
from mailmerge.smtp.errors import RemoteProtocolError, ServerRefused
from tests.smtp.machine import GO_AHEAD, STREAMING, message, outcomes, ready, written


def answered(machine: Connection, replies: bytes) -> None:
    written(machine)
    machine.receive_data(replies)


def test_250_to_the_end_of_data_means_sent() -> None:
    machine = ready()
    machine.submit(message(1))
    answered(machine, GO_AHEAD)
    answered(machine, b"250 queued\r\n")
    (outcome,) = outcomes(machine)
    assert (outcome.verdict, outcome.stage) == (Verdict.SENT, Stage.CONTENT)


@pytest.mark.parametrize(
    ("replies", "verdict", "stage"),
    [
        (b"550 no\r\n503 no\r\n503 no\r\n", Verdict.REJECTED, Stage.MAIL),
        (b"451 later\r\n503 no\r\n503 no\r\n", Verdict.DEFERRED, Stage.MAIL),
        (b"250 ok\r\n550 no\r\n503 no\r\n", Verdict.REJECTED, Stage.RCPT),
        (b"250 ok\r\n450 later\r\n503 no\r\n", Verdict.DEFERRED, Stage.RCPT),
        (b"250 ok\r\n250 ok\r\n451 later\r\n", Verdict.DEFERRED, Stage.DATA),
    ],
)
def test_the_first_refusal_decides(replies: bytes, verdict: Verdict, stage: Stage) -> None:
    machine = ready()
    machine.submit(message(1))
    answered(machine, replies)
    (outcome,) = outcomes(machine)
    assert (outcome.verdict, outcome.stage) == (verdict, stage)
    assert machine.usable


def test_4yz_to_mail_after_a_message_uses_up_the_connection() -> None:
    """ "Too many messages on this connection" is no verdict about the messages."""
    machine = ready()
    machine.submit(message(1))
    answered(machine, GO_AHEAD)
    machine.submit(message(2))
    machine.submit(message(3))
    answered(machine, b"250 queued\r\n452 too many messages\r\n503 no\r\n503 no\r\n")
    results = {outcome.token: outcome.verdict for outcome in outcomes(machine)}
    assert results == {1: Verdict.SENT, 2: Verdict.NOT_SENT, 3: Verdict.NOT_SENT}
    assert not machine.usable
    assert not machine.session.closed


def test_354_without_a_recipient_is_answered_with_a_lone_dot() -> None:
    """RFC 2920, 3.1: a server may say 354 although it accepted no recipient."""
    machine = ready()
    machine.submit(message(1))
    answered(machine, b"250 ok\r\n550 no\r\n354 go\r\n")
    assert written(machine) == b".\r\n"
    machine.receive_data(b"554 no valid recipients\r\n")
    (outcome,) = outcomes(machine)
    assert (outcome.verdict, outcome.stage) == (Verdict.REJECTED, Stage.RCPT)


def test_a_refusal_in_the_middle_of_the_content_counts() -> None:
    machine = ready()
    machine.submit(message(1))
    machine.data_to_send()
    machine.receive_data(GO_AHEAD)
    machine.receive_data(b"552 5.3.4 too big\r\n")
    (outcome,) = outcomes(machine)
    assert (outcome.verdict, outcome.stage) == (Verdict.REJECTED, Stage.CONTENT)
    assert isinstance(machine.session.failure, ServerRefused)
    assert machine.session.failure.code == "early-reply"


@pytest.mark.parametrize("reply", [b"250 ok\r\n", b"354 go\r\n"])
def test_a_reply_to_nothing_ends_the_session(reply: bytes) -> None:
    machine = ready()
    machine.receive_data(reply)
    assert isinstance(machine.session.failure, RemoteProtocolError)
    assert machine.session.failure.code == "miscount"


def test_421_to_mail_does_not_count_as_an_attempt() -> None:
    machine = ready()
    machine.submit(message(1))
    answered(machine, b"421 4.3.2 shutting down\r\n")
    (outcome,) = outcomes(machine)
    assert (outcome.verdict, outcome.stage) == (Verdict.NOT_SENT, Stage.MAIL)
    assert machine.session.closed


@pytest.mark.parametrize("announced", [True, False])
def test_after_421_and_a_proper_end_later_messages_are_not_sent(announced: bool) -> None:
    """RFC 5321, 3.8. If the connection breaks instead, the outcome is unknown."""
    machine = ready(3, offers=STREAMING)
    for token in (1, 2):
        machine.submit(message(token))
    written(machine)
    machine.receive_data(b"250 ok\r\n250 ok\r\n421 bye\r\n")
    if announced:
        machine.receive_data(b"")
    else:
        machine.connection_lost("reset by peer")
    results = {outcome.token: outcome.verdict for outcome in outcomes(machine)}
    assert results == {1: Verdict.DEFERRED, 2: Verdict.NOT_SENT if announced else Verdict.IN_DOUBT}


def test_rset_follows_a_transaction_that_was_left_open() -> None:
    machine = ready()
    machine.submit(message(1))
    answered(machine, b"250 ok\r\n550 no\r\n503 no\r\n")
    machine.submit(message(2))
    assert written(machine).startswith(b"RSET\r\nMAIL")
    machine.receive_data(b"502 what?\r\n")
    assert isinstance(machine.session.failure, RemoteProtocolError)


def test_lmtp_answers_once_for_each_recipient() -> None:
    machine = Connection(protocol="lmtp")
    machine.receive_data(b"220 x\r\n")
    machine.session.hello("client.example.org")
    machine.receive_data(b"250-x\r\n250 PIPELINING\r\n")
    paths = ("a@x.example", "b@x.example", "c@x.example")
    machine.submit(Transaction(1, Envelope("", paths), (b"x\r\n",)))
    answered(machine, b"250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n354 go\r\n")
    answered(machine, b"452 full\r\n")
    assert outcomes(machine) == []
    machine.receive_data(b"250 delivered\r\n")
    (outcome,) = outcomes(machine)
    assert outcome.verdict is Verdict.SENT
    assert [path for path, _ in outcome.refused] == ["b@x.example", "a@x.example"]
