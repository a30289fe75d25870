"""The scripted server, seen from raw sockets, from smtplib and from Postfix's smtp-source."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import re
import smtplib
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.smtp import Client, Envelope, Outcome, Transaction
from mailmerge.smtp import Server as ClientServer
from mailmerge.smtp import Verdict as Verdicts
from mailmerge.smtp.errors import SmtpError
from tests import servers
from tests.scripted_server import (
    FOREVER,
    Accept,
    Close,
    Drip,
    Endless,
    Faults,
    Hold,
    Offer,
    Reply,
    Reset,
    Rule,
    Script,
    ScriptedServer,
    Send,
    Settings,
    Sleep,
    Stage,
    Usual,
    Verdict,
    When,
    faults,
    from_json,
    grammar,
    read_journal,
    read_messages,
    read_violations,
    serve,
    server_process,
    to_json,
)
from tests.scripted_server.journal import Counts

CONTENT = (
    b"From: a@example.org\r\nTo: b@example.org\r\nMessage-ID:\r\n <1@example.org>\r\n\r\nText\r\n"
)
HELLO = b"EHLO client.example.org\r\n"
ENVELOPE = b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\n"
_OPEN: list[socket.socket] = []


class Raw:
    """A client that says what it is told, and hears whole replies."""

    def __init__(self, server: ScriptedServer) -> None:
        self.socket: socket.socket = socket.create_connection(
            (server.host, server.port), timeout=10
        )
        self._heard = b""
        _OPEN.append(self.socket)

    def say(self, content: bytes) -> None:
        self.socket.sendall(content)

    def reply(self) -> bytes:
        while not (whole := re.match(rb"(\d{3}-.*\r\n)*\d{3}( .*)?\r\n", self._heard)):
            received = self.socket.recv(4096)
            if not received:
                raise EOFError(self._heard)
            self._heard += received
        self._heard = self._heard[whole.end() :]
        return whole[0]

    def codes(self, count: int) -> list[int]:
        return [int(self.reply()[:3]) for _ in range(count)]

    def rest(self) -> bytes:
        heard = [self._heard]
        while received := self.socket.recv(4096):
            heard.append(received)
        return b"".join(heard)

    def ask(self, content: bytes) -> bytes:
        self.say(content)
        return self.reply()

    def hello(self) -> None:
        assert self.codes(1) == [220]
        assert self.ask(HELLO).startswith(b"250-")

    def send(self, content: bytes = CONTENT) -> int:
        self.hello()
        self.say(ENVELOPE + b"DATA\r\n")
        assert self.codes(3) == [250, 250, 354]
        return int(self.ask(content + b".\r\n")[:3])

    def quit(self) -> None:
        assert self.ask(b"QUIT\r\n").startswith(b"221")
        assert self.rest() == b""
        self.socket.close()


@pytest.fixture(autouse=True)
def every_client_is_closed() -> Iterator[None]:
    yield
    while _OPEN:
        _OPEN.pop().close()


def rule(stage: Stage, *actions: object, **when: object) -> Rule:
    return Rule(When(stage, **when), tuple(actions))  # type: ignore[arg-type]  # as they are given


def kinds(server: ScriptedServer) -> set[str]:
    return {violation.kind for violation in server.violations}


def test_a_message_is_judged_with_its_envelope_and_digest() -> None:
    with serve() as server:
        client = Raw(server)
        assert client.send(b"..dot\r\n" + CONTENT) == 250
        client.quit()
        (counts,) = server.wait_for_end()
    (message,) = server.messages
    unstuffed = b".dot\r\n" + CONTENT
    assert message.verdict is Verdict.ACCEPTED
    assert message.reverse_path == "a@example.org"
    assert message.forward_paths == ("b@example.org",)
    assert message.message_id == "<1@example.org>"
    assert message.to == "b@example.org"
    assert message.content == unstuffed
    assert message.sha256 == hashlib.sha256(unstuffed).hexdigest()
    assert message.size == len(unstuffed)
    assert server.violations == []
    assert counts.commands == {"EHLO": 1, "MAIL": 1, "RCPT": 1, "DATA": 1, "QUIT": 1}
    assert (counts.messages, counts.quit) == (1, True)


def test_the_journal_line_is_written_before_the_reply(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    script = Script(rules=(rule(Stage.END_OF_DATA, Sleep(FOREVER), Usual()),))
    with ScriptedServer(script, journal=journal) as server:
        client = Raw(server)
        client.hello()
        client.say(ENVELOPE + b"DATA\r\n" + CONTENT + b".\r\n")
        servers.wait_until(lambda: bool(read_messages(journal)), "the journal's line")
        client.socket.settimeout(0.05)
        assert client.codes(3) == [250, 250, 354]
        with pytest.raises(TimeoutError):
            client.reply()
        client.socket.close()
    assert read_messages(journal)[0].verdict is Verdict.ACCEPTED


def test_the_journal_reads_back_what_was_recorded(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    with ScriptedServer(journal=journal) as server:
        client = Raw(server)
        client.send(b"bare \n line feed\r\n")
        client.quit()
        server.wait_for_end()
        (message, violation, counts) = (server.messages[0], server.violations[0], server.counts[0])
    events = read_journal(journal)
    assert [type(event).__name__ for event in events] == ["Violation", "Message", "Counts"]
    assert read_violations(journal) == [violation]
    assert read_messages(journal)[0].sha256 == message.sha256
    assert read_messages(journal)[0].content == b""
    assert [event for event in events if isinstance(event, Counts)] == [counts]
    assert read_journal(tmp_path / "none") == []
    with journal.open("a") as beginning:
        beginning.write('{"event": "connection", "connection": 124, "command')
    assert read_journal(journal) == events


def test_pipelined_groups_are_answered_in_few_packets_and_counted() -> None:
    with serve() as server:
        client = Raw(server)
        client.hello()
        group = ENVELOPE + b"DATA\r\n"
        client.say(group)
        assert client.codes(3) == [250, 250, 354]
        for _ in range(5):
            client.say(CONTENT + b".\r\n" + group)
            assert client.codes(4) == [250, 250, 250, 354]
        assert client.ask(CONTENT + b".\r\n").startswith(b"250")
        client.quit()
        (counts,) = server.wait_for_end()
    assert len(server.taken) == 6
    assert counts.round_trips == 9
    assert server.violations == []


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (b"NOOP\r\nNOOP\r\n", "sent-before-reply"),
        (ENVELOPE + b"DATA\r\n" + CONTENT, "sent-before-reply"),
        (b"MAIL FROM:<a@example.org> " + b"x" * 1200 + b"\r\n", "command-too-long"),
        (b"RSET \x07\r\n", "control-in-command"),
        (b"NOOP\n\r\n", "control-in-command"),
        (b"MAIL FROM:<\xc3\xa9@example.org>\r\n", "non-ascii-command"),
        (b"MAIL FROM: a@example.org\r\n", "malformed-path"),
        (b"RCPT TO:<a b\r\n", "malformed-path"),
        (b"RCPT TO:<b@example.org>\r\n", "rcpt-without-mail"),
        (b"MAIL FROM:<> RET=HDRS\r\n", "parameter-not-offered"),
        (b"MAIL FROM:<> SIZE=1 SIZE=1\r\n", "parameter-twice"),
        (ENVELOPE + b"MAIL FROM:<a@example.org>\r\n", "nested-mail"),
        (b"HELLO you\r\n", "unknown-command"),
        (b"EHLO under_score\r\n", "not-a-domain"),
        (b"AUTH PLAIN AGEAYg==\r\n", "auth-in-clear"),
        (ENVELOPE + b"AUTH CRAM-MD5\r\n", "auth-in-transaction"),
        (b"x" * 20_001, "command-without-crlf"),
        (ENVELOPE + b"BDAT 0\r\n", "null-chunk"),
        (ENVELOPE + b"BDAT x\r\n", "malformed-bdat"),
        (ENVELOPE + b"BDAT 2 LAST\r\nabc\r\n", "bytes-after-chunk"),
        (b"MAIL FROM:<>\r\nBDAT 1\r\nx" + b"MAIL FROM:<>\r\n", "no-rset-after-failed-chunk"),
        (ENVELOPE + b"BDAT 5 LAST\r\na\nb\r\n", "bare-cr-or-lf"),
    ],
)
def test_a_broken_rule_of_the_wire_is_recorded(sent: bytes, kind: str) -> None:
    settings = {"offer": Offer(smtputf8=False, dsn=False), "users": {"a": "b"}}
    with serve(**settings) as server:
        client = Raw(server)
        client.hello()
        client.say(sent)
        servers.wait_until(lambda: kind in kinds(server), kind, log=lambda: repr(server.violations))
        client.socket.close()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"a\rb\r\n", "bare-cr-or-lf"),
        (b"a\nb\r\n", "bare-cr-or-lf"),
        (b"a\0b\r\n", "nul-in-content"),
        (b"caf\xc3\xa9\r\n", "eight-bit-content"),
        (b"ok\r\n.dot\r\n", "dot-not-stuffed"),
        (b".dot first\r\n", "dot-not-stuffed"),
        (b"x" * 999 + b"\r\n", "line-too-long"),
        (b".." + b"x" * 998 + b"\r\n", "line-too-long"),
    ],
)
def test_broken_content_is_recorded(content: bytes, kind: str) -> None:
    with serve() as server:
        Raw(server).send(content)
        assert kinds(server) == {kind}


@pytest.mark.parametrize(
    "content", [b"", b"x" * 998 + b"\r\n", b".." + b"x" * 997 + b"\r\n", b"..\r\n"]
)
def test_content_at_the_limits_is_right(content: bytes) -> None:
    with serve() as server:
        Raw(server).send(content)
        assert server.violations == []


@given(st.lists(st.sampled_from([b".", b"a", b"\r\n", b"..", b"\r\n."])).map(b"".join))
def test_unstuffing_undoes_stuffing(content: bytes) -> None:
    lines = content.split(b"\r\n")
    stuffed = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines)
    assert grammar.unstuffed(stuffed) == content
    if not content.startswith(b"\n"):
        assert not list(grammar.content_breaches(stuffed, stuffed=True, eightbit=False))


def test_bytes_before_the_greeting_are_recorded() -> None:
    with serve(settle=0.5) as server:
        client = Raw(server)
        client.say(HELLO)
        client.codes(2)
        assert kinds(server) == {"sent-before-greeting"}


def test_without_pipelining_groups_are_recorded() -> None:
    with serve(offer=Offer(pipelining=False)) as server:
        client = Raw(server)
        client.hello()
        client.say(ENVELOPE)
        client.codes(2)
        assert kinds(server) == {"sent-before-reply"}


def test_a_declared_size_must_be_the_size() -> None:
    with serve() as server:
        client = Raw(server)
        client.hello()
        size = len(CONTENT)
        for declared in (size, size + 1):
            client.say(b"MAIL FROM:<> SIZE=%d\r\nRCPT TO:<b@x.org>\r\nDATA\r\n" % declared)
            assert client.codes(3) == [250, 250, 354]
            client.ask(CONTENT + b".\r\n")
        assert [violation.kind for violation in server.violations] == ["size-mismatch"]


def test_a_message_over_the_limit_is_refused_at_mail_and_at_the_end() -> None:
    with serve(offer=Offer(size=50)) as server:
        client = Raw(server)
        client.hello()
        assert client.ask(b"MAIL FROM:<> SIZE=51\r\n").startswith(b"552")
        client.say(ENVELOPE + b"DATA\r\n")
        client.codes(3)
        assert client.ask(CONTENT + b".\r\n").startswith(b"552")
        assert server.taken == []


def test_content_without_recipients_is_recorded_and_refused() -> None:
    with serve(data_without_recipients=354) as server:
        client = Raw(server)
        client.hello()
        client.say(b"MAIL FROM:<>\r\nDATA\r\n")
        assert client.codes(2) == [250, 354]
        assert client.ask(b".\r\n").startswith(b"554")
        assert server.violations == []
        client.say(b"MAIL FROM:<>\r\nDATA\r\n")
        client.codes(2)
        assert client.ask(CONTENT + b".\r\n").startswith(b"554")
        assert kinds(server) == {"content-without-recipients"}
        assert server.taken == []


def test_a_message_for_nobody_is_never_taken() -> None:
    rules = (rule(Stage.END_OF_DATA, Accept(), Usual()), rule(Stage.RCPT, Reply(550)))
    with serve(*rules, data_without_recipients=354) as server:
        client = Raw(server)
        client.hello()
        client.say(ENVELOPE + b"DATA\r\n")
        assert client.codes(3) == [250, 550, 354]
        assert client.ask(b".\r\n").startswith(b"554")
        client.say(ENVELOPE + b"BDAT 1 LAST\r\nx")
        assert client.codes(3) == [250, 550, 554]
        assert [message.verdict for message in server.messages] == [Verdict.REFUSED] * 2


# CHUNKING


def test_chunks_make_one_message() -> None:
    with serve() as server:
        client = Raw(server)
        client.hello()
        half = len(CONTENT) // 2
        client.say(
            ENVELOPE
            + b"BDAT %d\r\n" % half
            + CONTENT[:half]
            + b"BDAT %d LAST\r\n" % (len(CONTENT) - half)
            + CONTENT[half:]
            + b"RSET\r\n"
            + ENVELOPE
            + b"BDAT 0 LAST\r\n"
        )
        assert client.codes(8) == [250] * 8
        assert [message.content for message in server.taken] == [CONTENT, b""]
        assert server.violations == []


@pytest.mark.parametrize(
    ("chunk", "codes"),
    [("first", [451, 503, 503]), ("middle", [250, 451, 503]), ("last", [250, 250, 451])],
)
def test_a_chunk_can_be_refused(chunk: str, codes: list[int]) -> None:
    with serve(rule(Stage.BDAT, Reply(451), chunk=chunk)) as server:
        client = Raw(server)
        client.hello()
        client.say(ENVELOPE + b"BDAT 1\r\naBDAT 1\r\nbBDAT 1 LAST\r\ncRSET\r\n")
        assert client.codes(6) == [250, 250, *codes, 250]
        assert server.taken == []
        client.say(ENVELOPE + b"DATA\r\n")
        assert client.codes(3) == [250, 250, 354]
        assert server.violations == []


def test_chunks_without_a_transaction_or_recipients_are_refused() -> None:
    with serve() as server:
        client = Raw(server)
        client.hello()
        client.say(b"BDAT 1 LAST\r\nx")
        assert client.codes(1) == [503]
        client.say(b"RSET\r\nMAIL FROM:<>\r\nBDAT 1 LAST\r\nx")
        assert client.codes(3) == [250, 250, 554]
        client.say(b"RSET\r\n" + ENVELOPE + b"BDAT 1\r\nxDATA\r\n")
        assert client.codes(5) == [250, 250, 250, 250, 503]
        assert server.taken == []


# Misbehaviour


@pytest.mark.parametrize("name", sorted(faults.end_of_data_faults()))
def test_every_fault_at_the_end_of_data_keeps_the_record_true(name: str) -> None:
    actions = faults.end_of_data_faults()[name]
    with serve(rule(Stage.END_OF_DATA, *actions)) as server:
        client = Raw(server)
        client.hello()
        client.say(ENVELOPE + b"DATA\r\n")
        client.codes(3)
        client.say(CONTENT + b".\r\n")
        servers.wait_until(lambda: bool(server.messages), "a verdict")
        client.socket.close()
    (message,) = server.messages
    said_so = message.reply_code is not None and message.reply_code // 100 == 2
    assert message.taken == (said_so or Accept() in actions)
    assert (message.verdict is Verdict.ACCEPTED) == said_so


@pytest.mark.parametrize("name", sorted(faults.before_content()))
def test_every_fault_before_content_ends_one_connection_and_spares_the_next(name: str) -> None:
    with serve(faults.before_content()[name]) as server:
        # A reset may be seen as early as the connection is made.
        with pytest.raises((OSError, EOFError, AssertionError)):
            connect_and_send(server)
        assert server.messages == []
        assert Raw(server).send() == 250


def connect_and_send(server: ScriptedServer) -> None:
    first = Raw(server)
    with contextlib.closing(first.socket):
        first.send()


def test_a_reply_can_come_byte_by_byte_or_with_the_next() -> None:
    rules = (
        rule(Stage.NOOP, Drip(0.05), Usual()),
        rule(Stage.RSET, Usual(), Hold()),
        rule(Stage.VRFY, Usual(), Send(b"250 unsolicited\r\n")),
    )
    with serve(*rules) as server:
        client = Raw(server)
        client.hello()
        client.say(b"NOOP\r\n")
        pieces = [client.socket.recv(4096)]
        while not pieces[-1].endswith(b"\n"):
            pieces.append(client.socket.recv(4096))
        assert b"".join(pieces) == b"250 2.0.0 Ok\r\n"
        assert len(pieces) > 1, "a reader that is slow may find several bytes at once"
        client.say(b"RSET\r\n")
        client.socket.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.socket.recv(1)
        client.socket.settimeout(10)
        client.say(b"VRFY a\r\n")
        heard = client.socket.recv(4096)
        assert heard == b"250 2.0.0 Ok\r\n252 2.1.5 Cannot verify, will try\r\n250 unsolicited\r\n"


def test_a_reset_is_a_reset_and_a_close_is_none() -> None:
    rules = (rule(Stage.NOOP, Reset()), rule(Stage.VRFY, Close()))
    with serve(*rules) as server:
        client = Raw(server)
        client.hello()
        client.say(b"NOOP\r\n")
        with pytest.raises(ConnectionResetError):
            client.socket.recv(1)
        client = Raw(server)
        client.hello()
        client.say(b"VRFY a\r\nNOOP\r\nNOOP\r\n")
        assert client.rest() == b""


def test_content_can_be_cut_answered_early_or_left_unread() -> None:
    rules = (
        rule(Stage.CONTENT, Reset(), size=1000, connection=0),
        rule(Stage.CONTENT, Reply(552, "5.3.4 Enough"), size=1000, connection=1),
        rule(Stage.CONTENT, Sleep(FOREVER), size=1, connection=2),
    )
    flood = b"x" * 70 + b"\r\n"
    with serve(*rules, receive_buffer=4096) as server:
        reset, early, unread = (Raw(server) for _ in range(3))
        for client in (reset, early, unread):
            client.hello()
            client.say(ENVELOPE + b"DATA\r\n")
            client.codes(3)
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        with pytest.raises(OSError):
            reset.say(flood * 100_000)
        early.say(flood * 20)
        assert early.codes(1) == [552]
        assert early.ask(b".\r\nNOOP\r\n").startswith(b"250")
        unread.socket.settimeout(0.2)
        with pytest.raises(TimeoutError):
            unread.say(flood * 100_000)
        assert [message.verdict for message in server.messages] == [Verdict.REFUSED]


def test_data_can_be_answered_by_354_and_a_refusal_at_once() -> None:
    with serve(rule(Stage.DATA, Reply(354, "go"), Reply(550, "5.7.1 stop"), Close())) as server:
        client = Raw(server)
        client.hello()
        client.say(ENVELOPE + b"DATA\r\n")
        assert client.codes(4) == [250, 250, 354, 550]
        assert client.rest() == b""
        assert server.messages == []


def test_data_can_be_answered_by_250() -> None:
    with serve(rule(Stage.DATA, Reply(250, "?"))) as server:
        client = Raw(server)
        client.hello()
        client.say(ENVELOPE + b"DATA\r\n")
        assert client.codes(3) == [250, 250, 250]
        assert client.ask(b"NOOP\r\n").startswith(b"250")


def test_a_greylisted_recipient_is_taken_at_the_third_time() -> None:
    with serve(faults.greylist(2, recipient="*@example.org")) as server:
        client = Raw(server)
        client.hello()
        client.say(b"MAIL FROM:<>\r\n" + b"RCPT TO:<a@example.org>\r\n" * 2)
        assert client.codes(3) == [250, 450, 450]
        client.say(b"RCPT TO:<b@example.org>\r\nRCPT TO:<a@example.org>\r\nRCPT TO:<c@x.org>\r\n")
        assert client.codes(3) == [450, 250, 250]


@pytest.mark.parametrize("code", [421, 452, 451, None])
def test_a_connection_takes_so_many_messages_and_no_more(code: int | None) -> None:
    answer = Reply(code, "Too many messages") if code else None
    with serve(faults.messages_per_connection(2, answer)) as server:
        client = Raw(server)
        client.hello()
        for _ in range(2):
            client.say(ENVELOPE + b"DATA\r\n")
            assert client.codes(3) == [250, 250, 354]
            client.ask(CONTENT + b".\r\n")
        client.say(b"MAIL FROM:<>\r\n")
        if code:
            assert client.codes(1) == [code]
        if code in (421, None):
            assert client.rest() == b""
        assert len(server.taken) == 2


def test_421_can_come_while_nothing_happens() -> None:
    with serve(rule(Stage.IDLE, Reply(421, "4.4.2 Idle"), Close(), seconds=0.1)) as server:
        client = Raw(server)
        client.hello()
        assert client.codes(1) == [421]
        assert client.rest() == b""


def test_only_so_many_connections_at_a_time() -> None:
    with serve(max_connections=1) as server:
        first = Raw(server)
        first.hello()
        assert Raw(server).codes(1) == [421]
        first.quit()
        servers.wait_until(lambda: len(server.counts) == 2, "both ends")
        Raw(server).hello()
        assert server.connections == 3


def test_an_endless_reply_ends_at_its_limit() -> None:
    with serve(rule(Stage.NOOP, Endless(b"250-x\r\n", limit=70_000), Close())) as server:
        client = Raw(server)
        client.hello()
        client.say(b"NOOP\r\n")
        assert len(client.rest()) == 70_000


def test_rules_may_wait_for_a_turn_and_be_for_one_sender() -> None:
    with serve(rule(Stage.MAIL, Reply(550), reverse_path="bad@*", skip=1, times=1)) as server:
        client = Raw(server)
        client.hello()
        asked = [b"bad@example.org", b"good@example.org", b"bad@example.org", b"bad@example.org"]
        client.say(b"".join(b"MAIL FROM:<%s>\r\nRSET\r\n" % address for address in asked))
        assert client.codes(8)[::2] == [250, 250, 550, 250]


def test_random_faults_depend_on_the_seed_only() -> None:
    def story(seed: int) -> list[int]:
        menu = (rule(Stage.NOOP, Reply(451)), rule(Stage.NOOP, Reply(550)))
        with ScriptedServer(Script(faults=Faults(seed, 0.5, menu))) as server:
            client = Raw(server)
            client.hello()
            return [int(client.ask(b"NOOP\r\n")[:3]) for _ in range(40)]

    assert story(1) == story(1)
    assert story(1) != story(2)
    assert set(story(1)) == {250, 451, 550}


def test_the_random_menu_leaves_some_messages_through() -> None:
    script = Script(faults=Faults(7, 0.2, faults.random_menu()))
    with ScriptedServer(script) as server:
        for _ in range(150):
            try:
                Raw(server).send()
            except (OSError, EOFError, AssertionError):
                continue
        verdicts = {message.verdict for message in server.messages}
    assert verdicts == set(Verdict)


def test_a_restarted_server_keeps_its_port_and_its_record() -> None:
    with serve() as server:
        first = Raw(server)
        first.send()
        server.restart()
        assert first.rest() == b""
        assert Raw(server).send() == 250
        assert [message.connection for message in server.taken] == [0, 1]


# EHLO, TLS, AUTH


def test_each_extension_can_be_switched_off() -> None:
    nothing = Offer(
        pipelining=False,
        chunking=False,
        eightbitmime=False,
        smtputf8=False,
        dsn=False,
        enhanced_status_codes=False,
        size=None,
        auth=(),
        more=("X-ODD =1",),
    )
    with serve(offer=nothing, users={"a": "b"}, auth_in_clear=True) as server:
        client = Raw(server)
        client.codes(1)
        assert client.ask(HELLO) == b"250-scripted.example.org\r\n250 X-ODD =1\r\n"
        assert client.ask(b"RSET\r\n") == b"250 Ok\r\n"


def test_what_is_offered_can_be_seen() -> None:
    offer = Offer(limits="MAILMAX=10", size=0)
    with serve(offer=offer, users={"a": "b"}, auth_in_clear=True) as server:
        client = smtplib.SMTP(server.host, server.port)
        client.ehlo("client.example.org")
        assert client.esmtp_features == {
            "pipelining": "",
            "chunking": "",
            "8bitmime": "",
            "smtputf8": "",
            "dsn": "",
            "enhancedstatuscodes": "",
            "size": "0",
            "limits": "MAILMAX=10",
            "auth": " PLAIN LOGIN CRAM-MD5 XOAUTH2 OAUTHBEARER",
        }
        client.close()


def test_without_esmtp_there_is_helo() -> None:
    with serve(esmtp=False) as server:
        client = Raw(server)
        client.codes(1)
        assert client.ask(HELLO).startswith(b"500")
        assert client.ask(b"HELO client.example.org\r\n") == b"250 scripted.example.org\r\n"
        assert client.ask(b"STARTTLS\r\n").startswith(b"454")


def test_ehlo_can_be_answered_with_any_lines() -> None:
    odd = "odd.example.org\nauth=PLAIN LOGIN\nsize 12\nSIZE 0\nLIMITS MAILMAX=x"
    with serve(rule(Stage.EHLO, Reply(250, odd))) as server:
        client = Raw(server)
        client.codes(1)
        assert client.ask(HELLO).split(b"\r\n")[1] == b"250-auth=PLAIN LOGIN"


@pytest.mark.parametrize("implicit", [False, True])
def test_tls_is_spoken_and_more_can_be_offered_after_it(
    certificates: servers.Certificates, implicit: bool
) -> None:
    settings = {
        "chain_file": str(certificates.chain_file),
        "implicit_tls": implicit,
        "offer_after_tls": Offer(more=("X-SECRET",)),
        "offer_after_auth": Offer(more=("X-USER",)),
        "users": {"news": "pass word"},
        "auth_required": True,
    }
    context = certificates.client_context()
    with serve(**settings) as server:
        if implicit:
            client: smtplib.SMTP = smtplib.SMTP_SSL("localhost", server.port, context=context)
        else:
            client = smtplib.SMTP("localhost", server.port)
            client.starttls(context=context)
        client.ehlo("client.example.org")
        assert "x-secret" in client.esmtp_features
        assert "starttls" not in client.esmtp_features
        assert client.docmd("STARTTLS")[0] == 503
        assert client.mail("a@example.org")[0] == 530
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("news", "wrong")
        client.login("news", "pass word")
        client.ehlo("client.example.org")
        assert "x-user" in client.esmtp_features
        client.sendmail("a@example.org", ["b@example.org"], CONTENT)
        client.quit()
        assert len(server.taken) == 1
        assert server.violations == []


@pytest.mark.parametrize(
    ("names", "expired", "reason"),
    [(("localhost",), True, "expired"), (("elsewhere.example.org",), False, "mismatch")],
)
def test_a_certificate_can_be_wrong(
    tmp_path: Path, names: tuple[str, ...], expired: bool, reason: str
) -> None:
    wrong = servers.make_certificates(tmp_path, names=names, expired=expired)
    with serve(chain_file=str(wrong.chain_file), implicit_tls=True) as server:
        with pytest.raises(ssl.SSLCertVerificationError, match=reason):
            smtplib.SMTP_SSL("localhost", server.port, context=wrong.client_context())
        assert server.messages == []


def test_bytes_can_be_injected_after_the_220(certificates: servers.Certificates) -> None:
    injected = rule(Stage.STARTTLS, Usual(), Send(b"250 injected\r\n"))
    with serve(injected, chain_file=str(certificates.chain_file)) as server:
        client = Raw(server)
        client.hello()
        client.say(b"STARTTLS\r\n")
        assert client.socket.recv(4096).endswith(b"TLS\r\n250 injected\r\n")


@pytest.mark.parametrize(
    "action", [Reply(454, "4.7.0 Not now"), Close()], ids=["refused", "handshake-closed"]
)
def test_tls_can_fail(certificates: servers.Certificates, action: Reply | Close) -> None:
    stage = Stage.STARTTLS if isinstance(action, Reply) else Stage.TLS
    expected = smtplib.SMTPResponseException if isinstance(action, Reply) else ssl.SSLError
    with serve(rule(stage, action), chain_file=str(certificates.chain_file)) as server:
        client = smtplib.SMTP("localhost", server.port)
        with pytest.raises(expected):
            client.starttls(context=certificates.client_context())
        client.close()


def test_a_tls_connection_can_end_without_notice(certificates: servers.Certificates) -> None:
    settings = {"chain_file": str(certificates.chain_file), "implicit_tls": True}
    with serve(rule(Stage.NOOP, Usual(), Close()), **settings) as server:
        raw = socket.create_connection(("localhost", server.port), timeout=10)
        context = certificates.client_context()
        with context.wrap_socket(
            raw, server_hostname="localhost", suppress_ragged_eofs=False
        ) as client:
            client.recv(4096)
            client.sendall(b"NOOP\r\n")
            assert client.recv(4096).startswith(b"250")
            with pytest.raises(ssl.SSLEOFError):
                client.recv(4096)


def encoded(text: bytes) -> bytes:
    return base64.b64encode(text)


def oauth(user: bytes, token: bytes) -> dict[bytes, bytes]:
    return {
        b"XOAUTH2": b"user=" + user + b"\x01auth=Bearer " + token + b"\x01\x01",
        b"OAUTHBEARER": b"n,a=" + user + b",\x01auth=Bearer " + token + b"\x01\x01",
    }


@pytest.fixture
def doorkeeper() -> Iterator[ScriptedServer]:
    with serve(users={"news": "pass"}, tokens={"news": "token"}, auth_in_clear=True) as server:
        yield server


@pytest.mark.parametrize("secret", [b"pass", b"wrong"])
def test_passwords_are_checked(doorkeeper: ScriptedServer, secret: bytes) -> None:
    expected = b"235" if secret == b"pass" else b"535"
    client = Raw(doorkeeper)
    client.hello()
    assert client.ask(b"AUTH PLAIN " + encoded(b"\0news\0" + secret) + b"\r\n")[:3] == expected
    assert client.ask(b"AUTH PLAIN\r\n") == b"334 \r\n"
    assert client.ask(encoded(b"\0news\0" + secret) + b"\r\n")[:3] == expected
    assert client.ask(b"AUTH LOGIN\r\n") == b"334 " + encoded(b"Username:") + b"\r\n"
    assert client.ask(encoded(b"news") + b"\r\n") == b"334 " + encoded(b"Password:") + b"\r\n"
    assert client.ask(encoded(secret) + b"\r\n")[:3] == expected
    challenge = base64.b64decode(client.ask(b"AUTH CRAM-MD5\r\n")[4:])
    digest = hmac.new(secret, challenge, "md5").hexdigest().encode()
    assert client.ask(encoded(b"news " + digest) + b"\r\n")[:3] == expected
    assert doorkeeper.violations == []


@pytest.mark.parametrize("mechanism", [b"XOAUTH2", b"OAUTHBEARER"])
def test_tokens_are_checked(doorkeeper: ScriptedServer, mechanism: bytes) -> None:
    client = Raw(doorkeeper)
    client.hello()
    right, wrong = (encoded(oauth(b"news", token)[mechanism]) for token in (b"token", b"old"))
    assert client.ask(b"AUTH " + mechanism + b" " + right + b"\r\n").startswith(b"235")
    refusal = client.ask(b"AUTH " + mechanism + b" " + wrong + b"\r\n")
    assert refusal.startswith(b"334 ")
    assert json.loads(base64.b64decode(refusal[4:]))["schemes"] == "bearer"
    assert client.ask(b"AQ==\r\n").startswith(b"535")


def test_an_exchange_can_be_cancelled_and_must_be_base64(doorkeeper: ScriptedServer) -> None:
    client = Raw(doorkeeper)
    client.hello()
    assert client.ask(b"AUTH PLAIN =\r\n").startswith(b"535")
    client.ask(b"AUTH LOGIN\r\n")
    assert client.ask(b"*\r\n").startswith(b"501")
    client.ask(b"AUTH LOGIN\r\n")
    assert client.ask(b"!!!\r\n").startswith(b"501")
    assert client.ask(b"AUTH SCRAM-SHA-1\r\n").startswith(b"504")
    assert kinds(doorkeeper) == {"not-base64"}


def test_the_log_in_can_be_answered_with_anything() -> None:
    rules = (
        rule(Stage.AUTH, Reply(334, "!not base64!"), times=1),
        rule(Stage.AUTH, Reply(454, "4.7.0 Later"), times=1),
        rule(Stage.AUTH, Reply(235, "2.7.0 Come in"), times=1),
        rule(Stage.AUTH, Usual(), Close()),
    )
    settings = {"users": {"news": "pass"}, "auth_in_clear": True, "auth_required": True}
    with serve(*rules, **settings) as server:
        client = Raw(server)
        client.hello()
        login = b"AUTH PLAIN " + encoded(b"\0news\0pass") + b"\r\n"
        assert client.ask(login) == b"334 !not base64!\r\n"
        assert client.ask(b"*\r\n").startswith(b"501")
        assert client.ask(login).startswith(b"454")
        assert client.ask(b"MAIL FROM:<>\r\n").startswith(b"530")
        assert client.ask(login) == b"235 2.7.0 Come in\r\n"
        assert client.ask(b"MAIL FROM:<>\r\nRSET\r\n").startswith(b"250")
        assert client.reply().startswith(b"250")
        assert client.ask(login).startswith(b"235")
        assert client.rest() == b""


# LMTP


def test_lmtp_answers_for_each_recipient_and_may_stop_half_way() -> None:
    rules = (
        rule(Stage.RCPT, Reply(550), recipient="no@*"),
        rule(Stage.END_OF_DATA, Reply(452, "4.2.2 Full"), recipient="full@*"),
        rule(Stage.END_OF_DATA, Close(), recipient="close@*"),
    )
    with serve(*rules, protocol="lmtp") as server:
        client = Raw(server)
        client.codes(1)
        assert client.ask(HELLO).startswith(b"500")
        assert client.ask(b"LHLO client.example.org\r\n").startswith(b"250")
        people = [b"ada", b"no", b"full", b"close", b"never"]
        client.say(b"MAIL FROM:<>\r\n")
        client.say(b"".join(b"RCPT TO:<%s@x.org>\r\n" % person for person in people) + b"DATA\r\n")
        assert client.codes(7) == [250, 250, 550, 250, 250, 250, 354]
        client.say(CONTENT + b".\r\n")
        assert client.codes(2) == [250, 452]
        assert client.rest() == b""
    judged = [(message.forward_paths, message.verdict) for message in server.messages]
    assert judged == [
        (("ada@x.org",), Verdict.ACCEPTED),
        (("full@x.org",), Verdict.REFUSED),
        (("close@x.org",), Verdict.DROPPED),
    ]


def test_lmtp_over_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "lmtp"
    script = Script(Settings(protocol="lmtp"))
    with ScriptedServer(script, unix_socket=path) as server, smtplib.LMTP(str(path)) as client:
        client.sendmail("a@example.org", ["b@example.org"], CONTENT)
        assert len(server.taken) == 1


# Our own client before the judge


def send_through(server: ScriptedServer, window: int, offer: int) -> dict[int, Verdicts]:
    """Send `offer` messages over as many connections as it takes; what the client believes."""
    believed: dict[int, Verdicts] = {}
    for _ in range(500):
        waiting = [token for token in range(offer) if token not in believed]
        if not waiting:
            break
        client = Client(ClientServer(server.host, server.port, "none"), window=window)
        with contextlib.suppress(SmtpError):
            client.open()
            for outcome in outcomes_of(client, waiting):
                if outcome.verdict not in (Verdicts.NOT_SENT, Verdicts.DEFERRED):
                    believed[outcome.token] = outcome.verdict
        client.quit()
    return believed


def outcomes_of(client: Client, waiting: list[int]) -> Iterator[Outcome]:
    while (waiting and client.usable) or client.in_flight:
        while waiting and client.room:
            token = waiting.pop(0)
            content = b"To: p%d@example.org\r\n\r\n.%d\r\n" % (token, token)
            envelope = Envelope("news@example.org", (f"p{token}@example.org",))
            client.submit(Transaction(token, envelope, (content,)))
        yield from client.wait()


@pytest.mark.parametrize("window", [1, 6])
@pytest.mark.parametrize("seed", range(6))
def test_what_our_client_believes_is_what_the_server_did(seed: int, window: int) -> None:
    script = Script(Settings(fsync=False), faults=Faults(seed, 0.1, faults.random_menu()))
    with ScriptedServer(script) as server:
        believed = send_through(server, window, 60)
        taken = [int(message.forward_paths[0][1:].partition("@")[0]) for message in server.taken]
    assert len(believed) == 60
    sent = {token for token, verdict in believed.items() if verdict is Verdicts.SENT}
    in_doubt = {token for token, verdict in believed.items() if verdict is Verdicts.IN_DOUBT}
    assert len(taken) == len(set(taken)), "a recipient got two copies"
    assert sent <= set(taken), "said to be sent, and it was not"
    assert set(taken) - sent <= in_doubt, "taken, and the client does not know"
    assert all(message.to == message.forward_paths[0] for message in server.taken)
    assert server.violations == []
    assert in_doubt, "the menu loses replies, so a recipient must be in doubt"


# Real clients, and a process of its own


@pytest.mark.real
def test_smtp_source_delivers_everything_and_breaks_no_rule() -> None:
    with serve(fsync=False) as server:
        options = ["-m", "60", "-s", "3", "-l", "4000", "-M", "client.example.org"]
        servers.smtp_source(server.port, *options, "-f", "a@example.org", "-t", "b@example.org")
    assert len(server.taken) == 60
    assert {message.forward_paths for message in server.taken} == {("b@example.org",)}
    assert len({message.sha256 for message in server.taken}) > 1
    assert server.violations == []


@pytest.mark.real
def test_postfix_relays_through_the_scripted_server(tmp_path: Path) -> None:
    """Postfix's own smtp(8) pipelines, and comes again after a refusal or a lost connection."""
    rules = (
        rule(Stage.MAIL, Reply(421, "4.3.2 Not now"), Close(), times=1),
        rule(Stage.END_OF_DATA, Close(), times=1),
        rule(Stage.RCPT, Reply(550, "5.1.1 No such person"), recipient="no@*"),
    )
    with serve(*rules) as server:
        extra = {
            "default_transport": f"smtp:[{server.host}]:{server.port}",
            "minimal_backoff_time": "1s",
            "maximal_backoff_time": "1s",
            "queue_run_delay": "1s",
        }
        with servers.postfix(servers.Settings(keep=False, extra=extra)) as postfix:
            with smtplib.SMTP(postfix.host, postfix.port) as client:
                people = ["b@example.org", "no@example.org"]
                client.sendmail("a@example.org", people, b"Subject: relayed\r\n\r\n.dot\r\n")
            servers.wait_until(
                lambda: any(message.reverse_path for message in server.taken),
                "the relayed message",
                log=lambda: postfix.log,
            )
    relayed = [message for message in server.taken if message.reverse_path]
    assert [message.forward_paths for message in relayed] == [("b@example.org",)]
    assert relayed[0].content.endswith(b"Subject: relayed\r\n\r\n.dot\r\n")
    assert kinds(server) <= {"size-mismatch"}


def test_a_process_of_its_own_serves_the_same_script(tmp_path: Path) -> None:
    script = Script(
        Settings(name="own.example.org", users={"a": "b"}),
        (rule(Stage.END_OF_DATA, Accept(), Close(), transaction=(1, 2)),),
        Faults(3, 0.0, (rule(Stage.NOOP, Send(b"\xff"), Sleep(FOREVER)),)),
    )
    assert from_json(to_json(script)) == script
    with server_process(script, tmp_path) as server:
        client = smtplib.SMTP(server.host, server.port)
        client.sendmail("a@example.org", ["b@example.org"], CONTENT)
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.sendmail("a@example.org", ["b@example.org"], CONTENT)
        taken = server.taken
    assert [message.verdict for message in taken] == [Verdict.ACCEPTED, Verdict.WITHHELD]
    assert server.process.returncode == 0
    assert server.violations == []


def test_stopping_does_not_wait_for_a_sleeping_connection() -> None:
    with serve(rule(Stage.NOOP, Sleep(FOREVER))) as server:
        client = Raw(server)
        client.hello()
        client.say(b"NOOP\r\n")
        time.sleep(0.05)
    assert len(server.counts) == 1
    with pytest.raises(TimeoutError):
        server.wait_for_end(2, patience=0.01)
