"""The machine against a server that says anything: its outcomes are true, and the cut is no matter.

The transcripts show each case by hand; here the replies are drawn, and the laws are checked.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailmerge.smtp import (
    Answered,
    Awaited,
    Connection,
    Envelope,
    Outcome,
    Stage,
    Transaction,
    Verdict,
)
from mailmerge.smtp.errors import LocalProtocolError, SmtpError
from mailmerge.smtp.exchange import Event, Trace
from mailmerge.smtp.state import State
from tests.smtp.transcript import Cut, drawn, whole

REPLIES = {
    "MAIL": [250, 250, 250, 250, 451, 452, 550, 421, 354],
    "RCPT": [250, 250, 250, 251, 450, 550, 421],
    "DATA": [354, 354, 354, 354, 451, 554, 421, 250],
    "END": [250, 250, 250, 250, 451, 554, 421, 354],
    "RSET": [250, 250, 250, 250, 421, 502],
}


@dataclass
class DrawnServer:
    """Answers each command with a drawn code, and remembers what it has truly taken."""

    draw: st.DataObject
    polite: bool
    lmtp: bool = False
    taken: set[int] = field(default_factory=set)
    commands: list[str] = field(default_factory=list)
    _unread: bytes = b""
    _content: bytes | None = None
    _chunk: int | None = None
    _accepted: int = 0
    _mail: bool = False
    _gone: bool = False
    _reset_refused: bool = False

    def answer(self, octets: bytes) -> bytes:
        self._unread += octets
        replies = b""
        while not self._gone and (reply := self._next()) is not None:
            replies += reply
        return replies

    @property
    def gone(self) -> bool:
        return self._gone

    def _next(self) -> bytes | None:
        if self._content is not None:
            return self._end_of_data()
        if self._chunk is not None:
            return self._end_of_chunk()
        line, ended, rest = self._unread.partition(b"\r\n")
        if not ended:
            return None
        self._unread = rest
        return self._command(line.decode())

    def _command(self, line: str) -> bytes:
        verb = line.split(maxsplit=1)[0]
        self.commands.append(verb)
        if verb == "BDAT":
            self._chunk = int(line.split()[1])
            return b""
        if verb == "MAIL":
            assert not self._mail or self._reset_refused, "MAIL inside a transaction"
        code = self._code(verb) if self._allowed(verb) else 503
        if verb == "MAIL":
            self._mail, self._accepted = code == 250, 0
            self._reset_refused = False
        elif verb == "RCPT" and code in {250, 251}:
            self._accepted += 1
        elif verb == "RSET":
            self._mail, self._reset_refused = self._mail and code != 250, code != 250
        elif verb == "DATA" and code == 354:
            self._content = b""
        return self._reply(code)

    def _allowed(self, verb: str) -> bool:
        if verb == "RCPT":
            return self._mail
        return verb != "DATA" or (self._mail and (self._accepted > 0 or not self.polite))

    def _end_of_data(self) -> bytes | None:
        found = re.match(rb"((?s:.*?)(?:\A|(?<=\r\n)))\.\r\n", self._unread)
        if found is None:
            return None
        self._unread = self._unread[found.end() :]
        self._content = None
        return self._take(found[1])

    def _end_of_chunk(self) -> bytes | None:
        assert self._chunk is not None
        if len(self._unread) < self._chunk:
            return None
        content, self._unread = self._unread[: self._chunk], self._unread[self._chunk :]
        self._chunk = None
        return self._take(content)

    def _take(self, content: bytes) -> bytes:
        code = self._code("END") if self._mail and self._accepted else 554
        if code == 250:
            self.taken.add(int(content.split()[1]))
        self._mail = False
        return self._reply(code)

    def _code(self, verb: str) -> int:
        codes = REPLIES[verb]
        return self.draw.draw(st.sampled_from(codes), label=verb)

    def _reply(self, code: int) -> bytes:
        self._gone = code == 421
        more = b"%d-and more\r\n" % code if self.draw.draw(st.booleans()) else b""
        return more + b"%d says the server\r\n" % code


def ready(
    window: int = 1, *, caps: bytes = b"PIPELINING", trace: Trace | None = None
) -> Connection:
    machine = Connection(window=window, trace=trace)
    machine.receive_data(b"220 x\r\n")
    machine.session.hello("client.example.org")
    machine.data_to_send()
    machine.receive_data(b"250-x\r\n250-" + caps + b"\r\n250 SIZE 500\r\n")
    machine.events()
    assert machine.session.state is State.READY
    return machine


def message(token: int) -> Transaction:
    envelope = Envelope("news@example.org", (f"p{token}@example.net",))
    return Transaction(token, envelope, (b"Number %d\r\n" % token, b".\r\n"))


def written(machine: Connection, released: list[int]) -> bytes:
    out = b"".join(machine.data_to_send())
    while (token := machine.held) is not None:
        released.append(token)
        machine.release(token)
        out += b"".join(machine.data_to_send())
    return out


def run(
    machine: Connection, server: DrawnServer, count: int, *, cut: Cut = whole
) -> tuple[list[Event], list[int]]:
    """Send `count` messages as far as the connection lets one."""
    events: list[Event] = []
    released: list[int] = []
    token = 0
    while True:
        while token < count and machine.room:
            machine.submit(message(token))
            token += 1
        out = written(machine, released)
        replies = server.answer(out)
        if not out and not replies:
            break
        for piece in cut(replies):
            machine.receive_data(piece)
        if server.gone:
            machine.receive_data(b"")
        events += machine.events()
    machine.connection_lost("over")
    return events + machine.events(), released


ways = st.sampled_from(
    [
        (1, b"PIPELINING"),
        (1, b"8BITMIME"),
        (2, b"PIPELINING\r\n250-CHUNKING"),
        (5, b"PIPELINING\r\n250-CHUNKING"),
    ]
)


@given(st.data(), ways, st.booleans())
@settings(max_examples=300, deadline=None)
def test_whatever_the_server_says_the_outcomes_are_true(
    draw: st.DataObject, way: tuple[int, bytes], polite: bool
) -> None:
    window, caps = way
    machine = ready(window, caps=caps)
    server = DrawnServer(draw, polite)
    events, released = run(machine, server, 6)
    outcomes = [event for event in events if isinstance(event, Outcome)]
    verdicts = {outcome.token: outcome.verdict for outcome in outcomes}
    assert max(Counter(outcome.token for outcome in outcomes).values()) == 1
    assert len(outcomes) == len(verdicts)
    assert machine.in_flight == 0
    sent = {token for token, verdict in verdicts.items() if verdict is Verdict.SENT}
    in_doubt = {token for token, verdict in verdicts.items() if verdict is Verdict.IN_DOUBT}
    assert sent <= server.taken, "sent is what the server took"
    assert server.taken <= sent | in_doubt, "what the server took is sent or in doubt"
    assert sent | in_doubt <= set(released), "and its terminator was announced"
    assert len(in_doubt) <= window


@pytest.mark.parametrize(
    "way", [(1, b"PIPELINING"), (1, b"8BITMIME"), (3, b"PIPELINING\r\n250-CHUNKING")]
)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_replies_cut_anywhere_give_the_same_events(
    way: tuple[int, bytes], data: st.DataObject
) -> None:
    codes: list[int] = []

    class Recorded(DrawnServer):
        def _code(self, verb: str) -> int:
            codes.append(super()._code(verb))
            return codes[-1]

        def _reply(self, code: int) -> bytes:
            self._gone = code == 421
            return b"%d-says\r\n%d the server\r\n" % (code, code)

    class Repeated(Recorded):
        def _code(self, verb: str) -> int:
            return codes.pop(0)

    at_once = run(ready(way[0], caps=way[1]), Recorded(data, polite=False), 4)
    pieces = run(ready(way[0], caps=way[1]), Repeated(data, polite=False), 4, cut=drawn(data))
    assert pieces == at_once


noise = st.lists(
    st.one_of(
        st.binary(max_size=20),
        st.sampled_from([b"250 ok\r\n", b"354 go\r\n", b"421 x\r\n", b"550 no\r\n", b""]),
    ),
    max_size=25,
)


@given(noise, ways)
def test_no_octets_make_it_raise_and_each_message_has_one_outcome(
    pieces: list[bytes], way: tuple[int, bytes]
) -> None:
    machine = ready(way[0], caps=way[1])
    submitted: list[int] = []
    outcomes: list[int] = []
    for number, piece in enumerate(pieces):
        if machine.room:
            machine.submit(message(number))
            submitted.append(number)
        written(machine, [])
        machine.receive_data(piece)
        outcomes += [event.token for event in machine.events() if isinstance(event, Outcome)]
    machine.connection_lost("over")
    outcomes += [event.token for event in machine.events() if isinstance(event, Outcome)]
    assert sorted(outcomes) == submitted
    assert machine.session.failure is None or isinstance(machine.session.failure, SmtpError)


@given(st.lists(st.binary(max_size=30), max_size=8))
def test_no_octets_make_the_handshake_raise(pieces: list[bytes]) -> None:
    machine = Connection()
    for piece in [*pieces, b""]:
        machine.receive_data(piece)
    assert machine.session.closed


def test_the_steady_state_is_one_round_trip_a_message() -> None:
    machine = ready()
    released: list[int] = []
    blocks = 0
    for token in range(50):
        machine.submit(message(token))
        out = written(machine, released)
        replies = b"250 ok\r\n" * out.count(b"\r\n.\r\n") + b"250 ok\r\n250 ok\r\n354 go\r\n"
        machine.receive_data(replies)
        blocks += 1
    written(machine, released)
    machine.receive_data(b"250 ok\r\n")
    sent = [event for event in machine.events() if isinstance(event, Outcome)]
    assert len(sent) == 50
    assert blocks == 50


def test_a_streaming_window_needs_no_reply_at_all() -> None:
    machine = ready(16, caps=b"PIPELINING\r\n250-CHUNKING")
    while machine.room:
        machine.submit(message(machine.in_flight))
    released: list[int] = []
    assert written(machine, released).count(b"BDAT") == 16
    assert released == list(range(16))


def test_static_chunks_are_handed_on_and_not_copied() -> None:
    machine = ready()
    image = b"x" * 70 + b"\r\n"
    machine.submit(Transaction(1, Envelope("", ("a@b.example",)), (image, b"y\r\n")))
    machine.data_to_send()
    machine.receive_data(b"250 ok\r\n250 ok\r\n354 go\r\n")
    assert any(chunk is image for chunk in machine.data_to_send())


def test_what_cannot_be_done_now_is_refused_before_an_octet_is_written() -> None:
    machine = ready()
    with pytest.raises(LocalProtocolError, match="without a recipient"):
        machine.submit(Transaction(1, Envelope("", ()), (b"x\r\n",)))
    with pytest.raises(LocalProtocolError, match="not permitted"):
        machine.session.tls_started()
    with pytest.raises(LocalProtocolError, match="not permitted"):
        machine.session.answer("x")
    with pytest.raises(LocalProtocolError, match="held"):
        machine.release(1)
    machine.submit(message(1))
    machine.submit(message(2))
    machine.submit(message(3))
    with pytest.raises(LocalProtocolError, match="no room"):
        machine.submit(message(4))
    for command in (
        machine.session.quit,
        machine.session.start_tls,
        lambda: machine.session.authenticate("LOGIN", None),
    ):
        with pytest.raises(LocalProtocolError, match="in flight"):
            command()
    assert machine.in_flight == 3


def test_tls_is_not_started_twice_and_nobody_logs_in_twice() -> None:
    machine = ready(caps=b"STARTTLS")
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


def test_a_log_in_has_lines_of_12288_octets_and_no_more() -> None:
    """RFC 4954, 4: AUTH has more than the 512 octets of other commands."""
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


@pytest.mark.parametrize(("octets", "verdict"), [(500, None), (501, Verdict.REJECTED)])
@pytest.mark.parametrize("caps", [b"PIPELINING", b"PIPELINING\r\n250-CHUNKING"])
def test_a_message_may_be_exactly_as_large_as_the_server_says(
    octets: int, verdict: Verdict | None, caps: bytes
) -> None:
    """RFC 1870, 3: CRLF counts, the dots that are stuffed and the terminator do not."""
    machine = ready(2, caps=caps)
    content = (b"." * 98 + b"\r\n") * 4 + b"." * (octets - 402) + b"\r\n"
    machine.submit(Transaction(1, message(1).envelope, (content,)))
    outcomes = [event for event in machine.events() if isinstance(event, Outcome)]
    assert [outcome.verdict for outcome in outcomes] == ([verdict] if verdict else [])
    said = b"".join(machine.data_to_send())
    assert (b" SIZE=%d\r\n" % octets in said) is (verdict is None)


def test_after_421_nothing_leaves_that_was_not_given_out() -> None:
    """The end is waited for, since a later terminator has left; what was to follow it has not."""
    machine = ready(3, caps=b"PIPELINING\r\n250-CHUNKING")
    for token in range(3):
        machine.submit(message(token))
    machine.data_to_send()
    machine.release(0)
    machine.data_to_send()
    machine.release(1)
    machine.receive_data(b"250 ok\r\n250 ok\r\n421 bye\r\n")
    assert (machine.session.closed, machine.stopped, machine.held) == (False, True, None)
    assert machine.data_to_send() == []


def test_what_was_taken_back_is_not_in_doubt() -> None:
    machine = ready()
    machine.submit(message(1))
    machine.submit(message(2))
    machine.data_to_send()
    machine.receive_data(b"250 ok\r\n250 ok\r\n354 go\r\n")
    machine.data_to_send()
    machine.release(1)
    machine.take_back(1, machine.data_to_send())
    assert machine.held == 1
    machine.connection_lost("broken pipe")
    verdicts = [event.verdict for event in machine.events() if isinstance(event, Outcome)]
    assert verdicts == [Verdict.NOT_SENT, Verdict.NOT_SENT]


def group_of(machine: Connection) -> tuple[bytes, int]:
    """Content 1, its terminator and the commands of 2; and where the terminator ends."""
    machine.submit(message(1))
    machine.submit(message(2))
    machine.data_to_send()
    machine.receive_data(b"250 ok\r\n250 ok\r\n354 go\r\n")
    assert machine.held_whole
    machine.release(1)
    group = b"".join(machine.data_to_send())
    return group, group.index(b"\r\n.\r\n") + 5


def test_a_message_is_in_doubt_only_when_its_last_octet_was_taken() -> None:
    group, end = group_of(ready())
    for taken in range(len(group) + 1):
        machine = ready()
        group_of(machine)
        machine.take_back(1, [group[taken:]])
        machine.connection_lost("broken pipe")
        verdicts = [event.verdict for event in machine.events() if isinstance(event, Outcome)]
        first = Verdict.IN_DOUBT if taken >= end else Verdict.NOT_SENT
        assert verdicts == [first, Verdict.NOT_SENT], taken


def test_a_group_taken_in_two_parts_is_the_same_group() -> None:
    group, end = group_of(ready())
    for taken in range(len(group) + 1):
        machine = ready()
        group_of(machine)
        written = group[:taken] + b"".join(machine.take_back(1, [group[taken:]]))
        assert (machine.held == 1) == (taken < end)
        assert not machine.held_whole
        if taken < end:
            assert not written.endswith(b"\r\n.\r\n")
            machine.release(1)
            written += b"".join(machine.data_to_send())
        assert written == group
        machine.receive_data(b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n")
        assert [event.token for event in machine.events() if isinstance(event, Outcome)] == [1]
        assert machine.held == 2


def test_what_was_answered_before_it_left_cannot_be_taken_back() -> None:
    """A server that says 250 too early, on a connection that breaks then: the reply stands."""
    machine = ready(2, caps=b"PIPELINING\r\n250-CHUNKING")
    machine.submit(message(1))
    group = machine.data_to_send()
    machine.release(1)
    group += machine.data_to_send()
    machine.receive_data(b"250 ok\r\n" * 3)
    assert machine.take_back(1, group) == group
    assert machine.held is None


def test_only_short_content_is_released_before_it_is_written() -> None:
    line = b"x" * 62 + b"\r\n"
    for lines, short in [(1024, True), (1025, False)]:  # 65,536 bytes are the bound
        machine = Connection()
        machine.receive_data(b"220 x\r\n")
        machine.session.hello("client.example.org")
        machine.receive_data(b"250-x\r\n250 PIPELINING\r\n")
        machine.submit(Transaction(1, Envelope("", ("a@b.example",)), (line,) * lines))
        machine.data_to_send()
        machine.receive_data(b"250 ok\r\n250 ok\r\n354 go\r\n")
        assert machine.held_whole is short
        machine.data_to_send()
        assert not machine.held_whole


def test_a_refusal_that_came_before_a_terminator_taken_back_counts() -> None:
    machine = ready()
    machine.submit(message(1))
    machine.data_to_send()
    machine.receive_data(b"250 ok\r\n250 ok\r\n354 go\r\n")
    machine.data_to_send()
    machine.release(1)
    machine.take_back(1, machine.data_to_send())
    machine.receive_data(b"552 5.3.4 too big\r\n")
    (outcome,) = [event for event in machine.events() if isinstance(event, Outcome)]
    assert (outcome.verdict, outcome.stage) == (Verdict.REJECTED, Stage.CONTENT)


def test_the_trace_shows_the_dialogue_and_no_secret() -> None:
    lines: list[str] = []
    machine = Connection(trace=lambda who, line, _: lines.append(f"{who}: {line}"))
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


def test_each_line_of_the_trace_names_the_reply_that_it_asks_for_or_is() -> None:
    pairs: list[tuple[str, Awaited | None]] = []
    machine = ready(trace=lambda who, _, awaited: pairs.append((who, awaited)))
    pairs.clear()
    machine.submit(message(1))
    machine.data_to_send()
    machine.receive_data(b"250-ok\r\n250 ok\r\n250 ok\r\n354 go\r\n")
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


def test_what_is_awaited_is_told_for_the_timeouts() -> None:
    machine = Connection()
    seen = [machine.awaited]
    machine.receive_data(b"220 x\r\n")
    seen.append(machine.awaited)
    machine.session.hello("client.example.org")
    seen.append(machine.awaited)
    machine.receive_data(b"250-x\r\n250 PIPELINING\r\n")
    machine.submit(message(1))
    machine.data_to_send()
    for reply in (b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
        seen.append(machine.awaited)
        machine.receive_data(reply)
    seen.append(machine.awaited)
    machine.release(1)
    seen.append(machine.awaited)
    assert seen == [
        Awaited.GREETING,
        None,
        Awaited.HELLO,
        Awaited.MAIL,
        Awaited.RCPT,
        Awaited.DATA,
        None,
        Awaited.CONTENT,
    ]


def test_session_events_are_told_in_order() -> None:
    machine = Connection()
    machine.receive_data(b"220 x\r\n")
    machine.session.hello("client.example.org")
    machine.receive_data(b"502 no\r\n")
    events = [event for event in machine.events() if isinstance(event, Answered)]
    assert [(event.awaited, event.reply.code) for event in events] == [
        (Awaited.GREETING, 220),
        (Awaited.HELLO, 502),
    ]
