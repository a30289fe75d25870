"""A connection against a server that sends any reply: its outcomes are true for any packets.

The transcripts show each case by hand. Here the replies are random, and the laws are checked.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailmerge.smtp import Awaited, Connection, Envelope, Outcome, Transaction, Verdict
from mailmerge.smtp.errors import LocalProtocolError, SmtpError
from mailmerge.smtp.exchange import Event
from tests.smtp.machine import GO_AHEAD, STREAMING, message, ready, written
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
    """Answers each command with a random code, and remembers which messages it accepted."""

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

    def answer(self, received: bytes) -> bytes:
        self._unread += received
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
        code = self.code(verb) if self._allowed(verb) else 503
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
        code = self.code("END") if self._mail and self._accepted else 554
        if code == 250:
            self.taken.add(int(content.split()[1]))
        self._mail = False
        return self._reply(code)

    def code(self, verb: str) -> int:
        codes = REPLIES[verb]
        return self.draw.draw(st.sampled_from(codes), label=verb)

    def _reply(self, code: int) -> bytes:
        self._gone = code == 421
        more = b"%d-and more\r\n" % code if self.draw.draw(st.booleans()) else b""
        return more + b"%d says the server\r\n" % code


def run(
    machine: Connection, server: DrawnServer, count: int, *, cut: Cut = whole
) -> tuple[list[Event], list[int]]:
    """Send `count` messages, until the connection accepts no more."""
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
        (2, STREAMING),
        (5, STREAMING),
    ]
)


@given(st.data(), ways, st.booleans())
@settings(max_examples=300, deadline=None)
def test_outcomes_are_true_for_any_replies(
    draw: st.DataObject, way: tuple[int, bytes], polite: bool
) -> None:
    window, offers = way
    machine = ready(window, offers=offers)
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


@pytest.mark.parametrize("way", [(1, b"PIPELINING"), (1, b"8BITMIME"), (3, STREAMING)])
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_replies_cut_anywhere_give_the_same_events(
    way: tuple[int, bytes], data: st.DataObject
) -> None:
    codes: list[int] = []

    class Recorded(DrawnServer):
        def code(self, verb: str) -> int:
            codes.append(super().code(verb))
            return codes[-1]

        def _reply(self, code: int) -> bytes:
            self._gone = code == 421
            return b"%d-says\r\n%d the server\r\n" % (code, code)

    class Repeated(Recorded):
        def code(self, verb: str) -> int:
            return codes.pop(0)

    at_once = run(ready(way[0], offers=way[1]), Recorded(data, polite=False), 4)
    pieces = run(ready(way[0], offers=way[1]), Repeated(data, polite=False), 4, cut=drawn(data))
    assert pieces == at_once


noise = st.lists(
    st.one_of(
        st.binary(max_size=20),
        st.sampled_from([b"250 ok\r\n", b"354 go\r\n", b"421 x\r\n", b"550 no\r\n", b""]),
    ),
    max_size=25,
)


@given(noise, ways)
def test_noise_never_raises_and_each_message_has_one_outcome(
    pieces: list[bytes], way: tuple[int, bytes]
) -> None:
    machine = ready(way[0], offers=way[1])
    submitted: list[int] = []
    results: list[int] = []
    for number, piece in enumerate(pieces):
        if machine.room:
            machine.submit(message(number))
            submitted.append(number)
        written(machine)
        machine.receive_data(piece)
        results += [event.token for event in machine.events() if isinstance(event, Outcome)]
    machine.connection_lost("over")
    results += [event.token for event in machine.events() if isinstance(event, Outcome)]
    assert sorted(results) == submitted
    failure = machine.session.failure
    assert failure is None or isinstance(failure, SmtpError)


@given(st.lists(st.binary(max_size=30), max_size=8))
def test_noise_instead_of_a_greeting_never_raises(pieces: list[bytes]) -> None:
    machine = Connection()
    for piece in [*pieces, b""]:
        machine.receive_data(piece)
    assert machine.session.closed


def test_the_number_of_whole_replies_is_returned() -> None:
    machine = ready()
    machine.submit(message(1))
    machine.data_to_send()
    assert machine.receive_data(b"250 ok\r\n250-o") == 1
    assert machine.receive_data(b"k\r\n250 ok\r\n354 go\r\n") == 2
    assert machine.receive_data(b"") == 0
    assert machine.receive_data(b"250 too late\r\n") == 0


def test_a_transaction_without_a_recipient_is_refused() -> None:
    machine = ready()
    with pytest.raises(LocalProtocolError, match="without a recipient"):
        machine.submit(Transaction(1, Envelope("", ()), (b"x\r\n",)))
    assert machine.in_flight == 0
    assert machine.data_to_send() == []


def test_room_depends_on_the_way_of_sending() -> None:
    machine = ready()
    assert machine.room == 3
    for token in (1, 2, 3):
        machine.submit(message(token))
    assert (machine.room, machine.in_flight) == (0, 3)
    with pytest.raises(LocalProtocolError, match="no room"):
        machine.submit(message(4))
    assert machine.in_flight == 3


def test_mailmax_bounds_the_room() -> None:
    machine = ready(offers=b"PIPELINING\r\n250-LIMITS MAILMAX=2")
    assert machine.room == 2
    machine.submit(message(1))
    machine.submit(message(2))
    assert machine.room == 0
    assert not machine.usable


@pytest.mark.parametrize(("size", "verdict"), [(500, None), (501, Verdict.REJECTED)])
@pytest.mark.parametrize("offers", [b"PIPELINING", STREAMING])
def test_a_message_may_be_as_large_as_the_server_says(
    size: int, verdict: Verdict | None, offers: bytes
) -> None:
    """RFC 1870, 3: CRLF counts; the dots that are doubled and the terminator do not."""
    machine = ready(2, offers=offers)
    content = (b"." * 98 + b"\r\n") * 4 + b"." * (size - 402) + b"\r\n"
    machine.submit(Transaction(1, message(1).envelope, (content,)))
    results = [event for event in machine.events() if isinstance(event, Outcome)]
    assert [outcome.verdict for outcome in results] == ([verdict] if verdict else [])
    said = b"".join(machine.data_to_send())
    assert (b" SIZE=%d\r\n" % size in said) is (verdict is None)


def test_8_bit_content_declares_itself() -> None:
    machine = ready(offers=b"PIPELINING\r\n250-8BITMIME")
    envelope = message(1).envelope
    machine.submit(Transaction(1, envelope, ("grüße\r\n".encode(),)))
    assert b" BODY=8BITMIME" in b"".join(machine.data_to_send())


def test_awaited_names_the_reply_that_is_due() -> None:
    machine = Connection()
    seen = [machine.awaited]
    machine.receive_data(b"220 x\r\n")
    seen.append(machine.awaited)
    machine.session.hello("client.example.org")
    seen.append(machine.awaited)
    machine.receive_data(b"250-x\r\n250 PIPELINING\r\n")
    machine.submit(message(1))
    machine.data_to_send()
    for reply in GO_AHEAD.splitlines(keepends=True):
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
