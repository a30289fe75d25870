"""The exchange: the replies owed, and a trace without secrets."""

from __future__ import annotations

from mailmerge.smtp import Awaited, Connection, Reply
from mailmerge.smtp.exchange import Exchange, closing_error, unexpected
from tests.smtp.machine import GO_AHEAD, message, ready


def test_the_greeting_is_the_first_reply_owed() -> None:
    exchange = Exchange(None)
    exchange.send(b"EHLO x\r\n", Awaited.HELLO)
    assert [awaited for awaited, _ in exchange.owed] == [Awaited.GREETING, Awaited.HELLO]
    assert exchange.out == [b"EHLO x\r\n"]
    exchange.stop()
    assert not exchange.owed
    assert not exchange.out


def test_the_trace_shows_the_dialogue_and_no_secret() -> None:
    lines: list[str] = []
    machine = Connection(trace=lambda side, line, _: lines.append(f"{side}: {line}"))
    machine.receive_data(b"220 x\r\n")
    machine.session.hello("client.example.org")
    machine.receive_data(b"250-x\r\n250-PIPELINING\r\n250 AUTH PLAIN LOGIN\r\n")
    machine.session.authenticate("LOGIN", None)
    machine.receive_data(b"334 VXNlcm5hbWU6\r\n")
    machine.session.answer("c2VjcmV0")
    machine.receive_data(b"334 UGFzc3dvcmQ6\r\n")
    machine.session.answer("*")
    machine.receive_data(b"501 5.7.0 cancelled\r\n")
    machine.session.authenticate("PLAIN", "AGEAc2VjcmV0")
    machine.receive_data(b"235 2.7.0 ok\r\n")
    machine.submit(message(1))
    machine.data_to_send()
    machine.receive_data(b"250 ok\r\n550 no\r\n354 go\r\n554 no\r\n")
    assert not any("c2VjcmV0" in line for line in lines)
    assert lines == [
        "S: 220 x",
        "C: EHLO client.example.org",
        "S: 250-x",
        "S: 250-PIPELINING",
        "S: 250 AUTH PLAIN LOGIN",
        "C: AUTH LOGIN",
        "S: 334 VXNlcm5hbWU6",
        "C: ****",
        "S: 334 UGFzc3dvcmQ6",
        "C: *",
        "S: 501 5.7.0 cancelled",
        "C: AUTH PLAIN ****",
        "S: 235 2.7.0 ok",
        "C: MAIL FROM:<news@example.org>",
        "C: RCPT TO:<p1@example.net>",
        "C: DATA",
        "S: 250 ok",
        "S: 550 no",
        "S: 354 go",
        "C: .",
        "S: 554 no",
    ]


def test_each_line_of_the_trace_names_its_reply() -> None:
    pairs: list[tuple[str, Awaited | None]] = []
    machine = ready(trace=lambda side, _, awaited: pairs.append((side, awaited)))
    pairs.clear()
    machine.submit(message(1))
    machine.data_to_send()
    machine.receive_data(b"250-ok\r\n" + GO_AHEAD)
    machine.data_to_send()
    machine.release(1)
    machine.receive_data(b"250 ok\r\n421 bye\r\n")
    envelope = [Awaited.MAIL, Awaited.RCPT, Awaited.DATA]
    assert pairs == [
        *(("C", awaited) for awaited in envelope),
        *(("S", awaited) for awaited in (Awaited.MAIL, *envelope)),
        *(("C", Awaited.CONTENT), ("C", Awaited.CONTENT), ("S", Awaited.CONTENT)),
        ("S", None),
    ]


def test_errors_about_replies_carry_the_reply() -> None:
    reply = Reply(354, ("go",))
    error = unexpected(reply, Awaited.MAIL)
    assert (error.code, error.reply, error.awaited) == ("unexpected-reply", reply, Awaited.MAIL)
    assert str(error) == 'the server sent "354 go" as the reply to MAIL, which SMTP does not allow'
    assert closing_error(Reply(421, ("bye",))).code == "closing"
