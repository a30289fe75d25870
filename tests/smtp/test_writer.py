"""The rule of the terminator: announced once before it leaves, and in doubt only after that."""

from __future__ import annotations

import random

import pytest

from mailmerge.smtp import (
    Client,
    Server,
    Transaction,
    Verdict,
)
from mailmerge.smtp.errors import (
    ConnectionLost,
)
from mailmerge.smtp.state import Awaited
from tests import servers
from tests.scripted_server import (
    FOREVER,
    Close,
    Offer,
    Reply,
    Rule,
    Send,
    Sleep,
    Usual,
    When,
    serve,
)
from tests.scripted_server import Stage as At
from tests.smtp.conversation import (
    NO_CHUNKING,
    ONE_BY_ONE,
    local,
    message,
    send,
    short,
    tls_settings,
    ways,
)
from tests.smtp.transports import Chunks, Deaf, Recorder, Wrapped, sending


@pytest.fixture
def wire() -> Recorder:
    return Recorder()


def send_over(wire: Recorder, port: int, *messages: Transaction) -> dict[int, Verdict]:
    client = Client(local(port), on_terminator=wire.log.append, connect=wire.connect)
    client.open()
    wire.log.clear()
    waiting = list(messages)
    verdicts = {}
    while client.in_flight or (waiting and client.room):
        client.push()
        while waiting and client.room:
            client.submit(waiting.pop(0))
        verdicts.update({outcome.token: outcome.verdict for outcome in client.wait()})
    client.abort()
    return verdicts


def test_a_lost_connection_is_noticed_in_time() -> None:
    """The end is in the socket: `on_terminator` is not called, and nothing is in doubt."""
    announced: list[int] = []
    wire: list[Deaf] = []

    def connect(server: Server) -> Deaf:
        wire.append(Deaf(server))
        return wire[0]

    with serve(Rule(When(At.DATA), (Usual(), Close())), offer=NO_CHUNKING) as server:
        client = Client(local(server.port), on_terminator=announced.append, connect=connect)
        client.open()
        client.submit(message(1))
        wire[0].deaf = True
        assert client.wait(0) == [], "MAIL, RCPT and DATA have left, and nothing was read"
        server.wait_for_end()
        wire[0].deaf = False
        assert [outcome.verdict for outcome in client.wait()] == [Verdict.NOT_SENT]
        client.abort()
    assert announced == []


def test_a_backlog_is_not_written_after_421() -> None:
    writes: list[int] = []

    def send(transport: Wrapped, chunks: Chunks) -> Chunks:
        whole = b"".join(chunks)
        if not whole.startswith(b"MAIL") and not writes:
            return transport.real.send(chunks)
        first = len(b"MAIL FROM:<news@example.org> SIZE=0000\r\n")
        writes.append(len(whole))
        if writes == [len(whole)]:
            rest = transport.send_some(chunks, first)
            assert transport.wait(10), "the 421 has come"
            return rest
        return transport.real.send(chunks)

    rule = Rule(When(At.MAIL), (Reply(421, "4.3.2 bye"), Sleep(FOREVER)))
    with serve(rule) as server:
        client = Client(local(server.port), window=3, connect=sending(send))
        client.open()
        for token in range(2):
            client.submit(message(token))
        outcomes = client.wait()
        client.abort()
        outcomes += client.wait()
    assert {outcome.verdict for outcome in outcomes} == {Verdict.NOT_SENT}
    assert len(writes) == 1


def test_replies_are_read_when_a_write_breaks() -> None:
    """A server refuses long content and resets: the write fails, and the reply gives the reason."""

    def send(transport: Wrapped, chunks: Chunks) -> Chunks:
        if sum(map(len, chunks)) < 100_000:
            return transport.real.send(chunks)
        assert transport.wait(10), "the reply has come"
        raise ConnectionLost("the connection broke: Broken pipe")

    rule = Rule(When(At.DATA), (Usual(), Sleep(0.1), Send(b"552 5.3.4 too big\r\n")))
    with serve(rule, offer=NO_CHUNKING) as server:
        client = Client(local(server.port), connect=sending(send))
        client.open()
        client.submit(message(1, padding=(b"x" * 70 + b"\r\n") * 2000))
        (outcome,) = client.wait()
        client.abort()
    assert outcome.verdict is Verdict.REJECTED
    assert str(outcome.reply) == "552 5.3.4 too big"


def test_wake_ups_without_progress_do_not_delay_the_timeout() -> None:
    """A socket is always writable and takes nothing; each reading of the clock takes a second."""
    now = [0.0]
    tries: list[int] = []

    def clock() -> float:
        now[0] += 1.0
        return now[0]

    def send(transport: Wrapped, chunks: Chunks) -> Chunks:
        if bytes(chunks[0]).startswith(b"EHLO"):
            return transport.real.send(chunks)
        tries.append(len(chunks))
        assert len(tries) < 1000, "it would never be given up"
        return chunks

    with serve(offer=NO_CHUNKING) as server:
        client = Client(local(server.port), clock=clock, connect=sending(send))
        client.open()
        client.submit(message(1))
        try:
            (outcome,) = client.wait()
        finally:
            client.abort()
        assert outcome.verdict is Verdict.NOT_SENT
        assert "the server took no data for 180 seconds" in outcome.reason


def test_short_messages_take_one_write_each(wire: Recorder) -> None:
    with serve(offer=NO_CHUNKING) as server:
        send_over(wire, server.port, *map(message, range(10)))
        server.wait_for_end()
        assert len(server.taken) == 10
    envelope, *groups = wire.writes
    assert envelope.startswith(b"MAIL")
    assert envelope.endswith(b"DATA\r\n")
    assert len(groups) == 10
    assert all(b"\r\n.\r\nMAIL" in group for group in groups[:-1])


@pytest.mark.parametrize("offer", [NO_CHUNKING, ONE_BY_ONE], ids=["pipelining", "one by one"])
@pytest.mark.parametrize("most", [1, 3, 1000, 1 << 30])
@pytest.mark.parametrize("lines", [3, 2000])
def test_on_terminator_is_called_once_before_it_leaves(
    wire: Recorder, offer: Offer, most: int, lines: int
) -> None:
    if lines > 1000 > most:
        pytest.skip("too many writes")
    wire.most = most
    with serve(offer=offer) as server:
        sent = [message(token, padding=(b"x" * 70 + b"\r\n") * lines) for token in range(3)]
        assert set(send_over(wire, server.port, *sent).values()) == {Verdict.SENT}
        server.wait_for_end()
        assert [taken.content for taken in server.taken] == [b"".join(t.content) for t in sent]
    assert [entry for entry in wire.log if isinstance(entry, int)] == [0, 1, 2]
    for token in range(3):
        assert wire.written_before(token).count(b"\r\n.\r\n") == token


def test_long_content_leaves_before_on_terminator(wire: Recorder) -> None:
    with serve(offer=NO_CHUNKING) as server:
        long = message(7, padding=(b"x" * 70 + b"\r\n") * 2000)
        send_over(wire, server.port, long)
    assert wire.written_before(7).endswith(b".end\r\n")
    assert wire.writes[-1] == b".\r\n"


def test_over_tls_the_terminator_is_its_own_write(
    certificates: servers.Certificates, wire: Recorder
) -> None:
    settings = tls_settings(certificates, implicit_tls=True, offer=NO_CHUNKING)
    with serve(**settings) as server:
        target = local(server.port, security="tls", ca_file=str(certificates.ca_file))
        client = Client(target, on_terminator=wire.log.append, connect=wire.connect)
        client.open()
        client.submit(message(7))
        client.push()
        assert [outcome.verdict for outcome in client.wait()] == [Verdict.SENT]
        client.quit()
    assert wire.written_before(7).endswith(b".end\r\n")


@pytest.mark.parametrize("most", [40, 1 << 30])
@pytest.mark.parametrize("place", [-100, -4, -3, -2, -1, 0, 1, 20])
def test_doubt_begins_with_the_last_byte_of_the_terminator(
    wire: Recorder, place: int, most: int
) -> None:
    """The connection breaks `place` bytes after the end of the first terminator."""
    end = len(b"".join(message(0).content)) + len(b"..\r\n")  # one dot is stuffed
    wire.most = most
    wire.left_to_live = end + place
    with serve(offer=NO_CHUNKING) as server:
        verdicts = send_over(wire, server.port, message(0), message(1))
        server.wait_for_end()
        taken = {int(one.message_id.strip("<>").partition("@")[0]) for one in server.taken}
    assert taken == ({0} if place >= 0 else set())
    assert verdicts[0] in ({Verdict.IN_DOUBT, Verdict.SENT} if taken else {Verdict.NOT_SENT})
    assert verdicts[1] is Verdict.NOT_SENT


def test_an_unwritten_terminator_of_a_stream_is_not_in_doubt() -> None:
    writes: list[bytes] = []

    def write(transport: Wrapped, chunks: Chunks) -> Chunks:
        writes.append(b"".join(chunks))
        if writes[-1] != b"\n":
            return transport.real.send(chunks)
        if writes.count(b"\n") < 3:
            return chunks
        raise transport.break_down()

    announced: list[int] = []
    with serve() as server:
        client = Client(
            local(server.port),
            window=2,
            on_terminator=announced.append,
            connect=sending(write),
        )
        client.open()
        client.submit(message(1))
        (outcome,) = client.wait()
        client.abort()
        assert server.taken == []
    assert outcome.verdict is Verdict.NOT_SENT
    assert announced == [1]


@ways
@pytest.mark.parametrize("seed", range(6))
def test_outcomes_are_true_for_any_partial_write(offer: Offer, window: int, seed: int) -> None:
    """Writes take nothing, a few bytes or everything, and the connection breaks during one."""
    drawn = random.Random(seed)
    dead: list[Wrapped] = []

    def write(transport: Wrapped, chunks: Chunks) -> Chunks:
        whole = b"".join(chunks)
        most = drawn.choice([0, 1, 3, 40, 1000, 5000])
        if transport in dead or (b"Message-ID" in whole and drawn.random() < 0.05):
            dead.append(transport)
            raise transport.break_down()
        return transport.send_some(chunks, most)

    with serve(offer=offer) as server:
        run = send(local(server.port), 12, window=window, connect=sending(write))
        server.wait_for_end()
        taken = [int(one.message_id.strip("<>").partition("@")[0]) for one in server.taken]
        assert server.violations == []
    sent, in_doubt = run.tokens(Verdict.SENT), run.tokens(Verdict.IN_DOUBT)
    assert len(run.verdicts()) == len(run.outcomes)
    assert len(taken) == len(set(taken))
    assert sent <= set(taken) <= sent | in_doubt
    assert sent | in_doubt <= set(run.announced)
    assert len(run.announced) == len(set(run.announced)), "called once"
    if window == 1:
        assert in_doubt == set(taken) - sent, "what the kernel took is known to the byte"


@pytest.mark.parametrize("reply", [b"250 2.0.0 Ok\r\n", b"552 5.3.4 too much\r\n"])
def test_a_reply_to_an_unsent_terminator_is_not_sent(reply: bytes) -> None:
    """The terminator is released, and the kernel takes nothing, so it has not left."""

    def send(transport: Wrapped, chunks: Chunks) -> Chunks:
        return chunks if b".end\r\n" in chunks else transport.real.send(chunks)

    rule = Rule(When(At.DATA), (Usual(), Sleep(0.05), Send(reply)))
    announced: list[int] = []
    with serve(rule, offer=NO_CHUNKING) as server:
        client = Client(
            local(server.port),
            on_terminator=announced.append,
            timeouts=short(None, Awaited.CONTENT),
            connect=sending(send),
        )
        client.open()
        client.submit(message(1))
        client.submit(message(2))
        verdicts = {}
        while client.in_flight:
            verdicts.update({outcome.token: outcome.verdict for outcome in client.wait()})
        client.abort()
        assert server.taken == []
    refused = Verdict.REJECTED if reply.startswith(b"5") else Verdict.NOT_SENT
    assert verdicts == {1: refused, 2: Verdict.NOT_SENT}
    assert announced == [1]
    assert not client.usable


def test_push_leaves_content_for_its_successor(wire: Recorder) -> None:
    with serve(offer=NO_CHUNKING) as server:
        client = Client(local(server.port), on_terminator=wire.log.append, connect=wire.connect)
        client.open()
        for token in range(3):
            client.submit(message(token))
        assert [outcome.token for outcome in client.wait()] == [0]
        wire.log.clear()
        client.push()
        assert wire.log[0] == 1
        assert b"MAIL FROM" in wire.writes[0]
        client.push()
        assert len(wire.log) == 2
        assert [outcome.token for outcome in client.wait()] == [1]
        client.push()
        assert len(wire.log) == 2, "message 2 has no successor yet"
        client.abort()
