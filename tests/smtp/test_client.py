"""The client against servers on real sockets: what it says of a message is what the server did."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from mailmerge.smtp import (
    TIMEOUTS,
    Awaited,
    Client,
    Credentials,
    Envelope,
    Stage,
    Transaction,
    Verdict,
)
from mailmerge.smtp.errors import (
    AuthenticationRefused,
    ConnectionLost,
    LocalProtocolError,
    RemoteProtocolError,
    ServerRefused,
    ServerUnreachable,
    SmtpError,
)
from tests import servers
from tests.scripted_server import (
    FOREVER,
    Accept,
    Action,
    Close,
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
    Usual,
    When,
    serve,
)
from tests.scripted_server import Stage as At
from tests.scripted_server.faults import end_of_data_faults
from tests.smtp.conversation import SENDER, local, message, send
from tests.smtp.transports import Chunks, Recorder, Remote, Wrapped, sending

SHORT = dict.fromkeys(TIMEOUTS, 0.3)
NO_CHUNKING = Offer(chunking=False)
ONE_BY_ONE = Offer(pipelining=False, chunking=False)
WAYS = {
    "one by one": (ONE_BY_ONE, 1),
    "pipelining": (NO_CHUNKING, 1),
    "streaming": (Offer(), 5),
}
ways = pytest.mark.parametrize(("offer", "window"), WAYS.values(), ids=WAYS.keys())


@ways
def test_every_message_arrives_once_and_as_it_was(offer: Offer, window: int) -> None:
    with serve(offer=offer) as server:
        run = send(local(server.port), 25, window=window)
        assert run.tokens(Verdict.SENT) == set(range(25))
        assert run.announced == list(range(25))
        server.wait_for_end()
        assert server.violations == []
        for token, taken in enumerate(server.taken):
            assert taken.forward_paths == (f"p{token}@example.net",)
            assert taken.message_id.strip("<>") == f"{token}@example.org"
            assert taken.content == b"".join(message(token).content)


def test_the_steady_state_is_one_round_trip_a_message() -> None:
    with serve(offer=NO_CHUNKING) as server:
        send(local(server.port), 40)
        (counts,) = server.wait_for_end()
        assert counts.messages == 40
        assert counts.round_trips <= 40 + 5
        assert counts.commands.get("RSET", 0) == counts.commands.get("NOOP", 0) == 0
        assert counts.quit


def test_streaming_is_all_bdat_and_no_needless_reset() -> None:
    with serve() as server:
        send(local(server.port), 64, window=16)
        (counts,) = server.wait_for_end()
        assert counts.messages == counts.commands["BDAT"] == 64
        assert counts.commands["RSET"] < 64
        assert "DATA" not in counts.commands


@ways
@pytest.mark.parametrize("fault", sorted(end_of_data_faults()))
def test_what_happens_at_the_end_of_data_is_told_truly(
    offer: Offer, window: int, fault: str
) -> None:
    actions = end_of_data_faults()[fault]
    rule = Rule(When(At.END_OF_DATA, transaction=2), actions)
    with serve(rule, offer=offer) as server:
        run = send(local(server.port), 6, window=window, timeouts=SHORT)
        taken = {int(one.message_id.strip("<>").partition("@")[0]) for one in server.taken}
        sent, in_doubt = run.tokens(Verdict.SENT), run.tokens(Verdict.IN_DOUBT)
        assert sent <= taken
        assert taken <= sent | in_doubt
        assert len(in_doubt) <= window
        assert {0, 1} <= sent
        if fault in {"deferred", "refused", "refused-421", "late", "split", "multi-line"}:
            assert not in_doubt


@ways
@pytest.mark.parametrize("at", [At.MAIL, At.RCPT, At.DATA])
@pytest.mark.parametrize("ending", ["close", "reset", "421", "garbage", "silence"])
def test_what_ends_before_the_content_is_not_in_doubt(
    offer: Offer, window: int, at: At, ending: str
) -> None:
    if at is At.DATA and window > 1:
        pytest.skip("there is no DATA with BDAT")
    endings: dict[str, tuple[Action, ...]] = {
        "close": (Close(),),
        "reset": (Reset(),),
        "421": (Reply(421, "4.3.2 Shutting down"), Close()),
        "garbage": (Send(b"\xff\xfe\x00garbage\r\n"), Close()),
        "silence": (Sleep(FOREVER),),
    }
    with serve(Rule(When(at, transaction=2), endings[ending]), offer=offer) as server:
        run = send(local(server.port), 6, window=window, timeouts=SHORT)
        taken = {int(one.message_id.strip("<>").partition("@")[0]) for one in server.taken}
        assert run.tokens(Verdict.SENT) <= taken == {0, 1}
        if window == 1:
            assert run.tokens(Verdict.SENT) == {0, 1}
            assert not run.tokens(Verdict.IN_DOUBT)


@pytest.mark.parametrize("ending", [Close(), Reset(), Reply(421, "4.3.2 bye")])
def test_lost_in_the_middle_of_the_content_is_not_sent(ending: Close | Reset | Reply) -> None:
    rule = Rule(When(At.CONTENT, octets=100_000), (ending, Close()))
    with serve(rule, offer=NO_CHUNKING, receive_buffer=4096) as server:
        announced: list[int] = []
        client = Client(local(server.port), on_terminator=announced.append)
        client.open()
        client.submit(message(1, padding=(b"x" * 70 + b"\r\n") * 140_000))
        (outcome,) = client.wait()
        assert outcome.verdict is Verdict.NOT_SENT
        assert outcome.stage is Stage.CONTENT
        assert announced == []
        assert not client.usable
        client.quit()


def test_both_buffers_may_be_full_and_nobody_waits_for_ever() -> None:
    """Long replies that nobody reads, and content that nobody takes: they must move together."""
    long = Reply(250, "\n".join(["2.1.5 " + "y" * 400] * 100))
    rules = (Rule(When(At.RCPT), (long,)), Rule(When(At.MAIL), (long,)))
    with serve(*rules, receive_buffer=4096, send_buffer=4096) as server:
        run = send(local(server.port), 60, window=60)
        assert run.tokens(Verdict.SENT) == set(range(60))
        server.wait_for_end()
        assert server.violations == []


def test_a_server_that_stops_reading_is_given_up_and_nothing_is_in_doubt() -> None:
    rule = Rule(When(At.CONTENT, octets=1000), (Sleep(FOREVER),))
    with serve(rule, offer=NO_CHUNKING, receive_buffer=4096) as server:
        client = Client(local(server.port), timeouts=SHORT)
        client.open()
        client.submit(message(1, padding=(b"x" * 70 + b"\r\n") * 140_000))
        (outcome,) = client.wait()
        assert outcome.verdict is Verdict.NOT_SENT
        assert "content" in outcome.reason
        client.abort()


def test_no_reply_is_waited_for_shorter_than_the_rfc_says() -> None:
    """RFC 5321, 4.5.3.2: a client that gives up earlier makes duplicates."""
    named = {
        Awaited.GREETING: 5,
        Awaited.MAIL: 5,
        Awaited.RCPT: 5,
        Awaited.DATA: 2,
        None: 3,  # a block of data
        Awaited.CONTENT: 10,
    }
    assert {awaited: TIMEOUTS[awaited] for awaited in named} == {
        awaited: minutes * 60.0 for awaited, minutes in named.items()
    }
    assert set(TIMEOUTS) == {*Awaited, None}
    client = Client(local(25))
    assert {client._allowed(awaited) for awaited in (Awaited.MAIL, Awaited.RCPT)} == {300.0}


def test_a_connection_that_is_gone_is_noticed_before_the_terminator() -> None:
    """Its end lies in the socket: the caller is not told, and the message is not in doubt."""
    announced: list[int] = []
    with serve(Rule(When(At.DATA), (Usual(), Close())), offer=NO_CHUNKING) as server:
        client = Client(local(server.port), on_terminator=announced.append)
        client.open()
        client.submit(message(1))
        assert client._wire.writer.flush(), "MAIL, RCPT and DATA have left, and nothing was read"
        server.wait_for_end()
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
    """A server that refuses long content and resets: the write breaks, the reply says why."""

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


def test_wake_ups_without_progress_do_not_put_off_the_timeout() -> None:
    """A socket that can always be written to and never takes an octet; each look costs a second."""
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
        assert "taking of content did not come within 180 seconds" in outcome.reason


@pytest.mark.parametrize("code", [452, 451, 450])
def test_too_many_messages_on_this_connection_cost_no_message_a_try(code: int) -> None:
    rule = Rule(When(At.MAIL, transaction=(3, 1000)), (Reply(code, "4.5.3 Too many messages"),))
    for offer, window in WAYS.values():
        with serve(rule, offer=offer) as server:
            client = Client(local(server.port), window=window)
            client.open()
            outcomes = []
            token = 0
            while client.in_flight or (client.room and token < 9):
                while client.room and token < 9:
                    client.submit(message(token))
                    token += 1
                outcomes += client.wait()
            assert not client.usable
            client.quit()
            verdicts = {outcome.token: outcome.verdict for outcome in outcomes}
            assert {verdicts[token] for token in range(3)} == {Verdict.SENT}
            assert {verdicts[token] for token in verdicts if token > 2} == {Verdict.NOT_SENT}


def test_421_to_an_idle_connection_costs_nothing() -> None:
    idle = Rule(When(At.IDLE, seconds=0.05), (Reply(421, "4.4.2 idle"), Close()))
    with serve(idle, offer=NO_CHUNKING) as server:
        client = Client(local(server.port))
        client.open()
        client.submit(message(0))
        assert [outcome.verdict for outcome in client.wait()] == [Verdict.SENT]
        server.wait_for_end()
        client.submit(message(1))
        (outcome,) = client.wait()
        assert outcome.verdict is Verdict.NOT_SENT
        assert "idle" in outcome.reason
        assert not client.usable
        client.quit()


def test_mailmax_is_kept_without_asking_for_more() -> None:
    with serve(offer=Offer(limits="MAILMAX=3", chunking=False)) as server:
        run = send(local(server.port), 10)
        assert run.tokens(Verdict.SENT) == {0, 1, 2}
        assert len(run.outcomes) == 3


def test_a_message_for_more_people_than_the_server_takes_is_not_sent() -> None:
    with serve(offer=Offer(limits="RCPTMAX=2")) as server:
        client = Client(local(server.port))
        client.open()
        people = tuple(f"p{number}@example.net" for number in range(3))
        one = message(1)
        client.submit(replace(one, envelope=replace(one.envelope, forward_paths=people)))
        (outcome,) = client.wait()
        assert (outcome.verdict, outcome.reply) == (Verdict.REJECTED, None)
        assert "3 recipients, and the server takes 2" in outcome.reason
        client.submit(replace(one, envelope=replace(one.envelope, forward_paths=people[:2])))
        assert client.wait()[0].verdict is Verdict.SENT
        client.quit()
        assert [line for line in server.commands() if "p2@" in line] == []


@pytest.mark.parametrize(
    ("stage", "code", "said"),
    [
        (At.MAIL, 550, ["MAIL", "RSET", "QUIT"]),
        (At.RCPT, 450, ["MAIL", "RCPT", "RSET", "QUIT"]),
        (At.RCPT, 421, ["MAIL", "RCPT"]),
    ],
)
def test_an_envelope_is_tried_up_to_the_first_refusal(
    stage: At, code: int, said: list[str]
) -> None:
    with serve(Rule(When(stage), (Reply(code, "no"),))) as server:
        client = Client(local(server.port))
        client.open()
        replies = client.probe(Envelope(SENDER, ("a@example.net", "b@example.net")))
        assert [reply.code for reply in replies] == [250] * (len(replies) - 1) + [code]
        client.quit()
        server.wait_for_end()
        assert [line.split(maxsplit=1)[0] for line in server.commands()[1:]] == said


def test_an_envelope_that_the_server_cannot_take_is_not_tried() -> None:
    """SMTPUTF8 must not be sent where it is not offered (RFC 6531, 3.4)."""
    envelope = Envelope(SENDER, ("jürgen@example.net",), smtputf8=True)
    with serve(offer=Offer(smtputf8=False)) as server:
        client = Client(local(server.port))
        client.open()
        assert "no SMTPUTF8" in client.impossible(envelope)
        with pytest.raises(LocalProtocolError, match="no SMTPUTF8"):
            client.probe(envelope)
        assert client.impossible(Envelope(SENDER, ("a@example.net",))) == ""
        assert [reply.code for reply in client.probe(Envelope(SENDER, ("a@example.net",)))] == [
            *(250, 250)
        ]
        client.quit()
        server.wait_for_end()
        assert server.violations == []
        assert not any("SMTPUTF8" in line or "rgen" in line for line in server.commands())


@pytest.mark.parametrize("stage", [At.MAIL, At.RCPT])
def test_a_probe_that_is_answered_as_data_is_ends_the_connection(stage: At) -> None:
    with serve(Rule(When(stage), (Reply(354, "go"),))) as server:
        client = Client(local(server.port))
        client.open()
        with pytest.raises(RemoteProtocolError, match="354"):
            client.probe(Envelope(SENDER, ("a@example.net",)))
        assert not client.usable
        client.quit()


def test_pipelining_and_chunking_can_be_left_unused() -> None:
    with serve() as server:
        send(local(server.port, chunking=False), 3, window=5)
        send(local(server.port, pipelining=False), 3, window=5)
        first, second = sorted(server.wait_for_end(2), key=lambda counts: counts.connection)
        assert "BDAT" not in first.commands
        assert "BDAT" not in second.commands
        assert second.round_trips > first.round_trips


@pytest.mark.parametrize("name", ["build_box.corp.example", "müller.example.org", "10.0.0.5"])
def test_a_machine_whose_name_is_no_domain_greets_with_its_address(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: name)
    with serve() as server:
        client = Client(local(server.port, local_name=""))
        client.open()
        client.quit()
        assert server.commands()[0] == "EHLO [127.0.0.1]"
        assert server.violations == []


def test_a_configured_name_that_is_no_domain_is_refused() -> None:
    with serve() as server, pytest.raises(LocalProtocolError, match="build_box"):
        Client(local(server.port, local_name="build_box.corp.example")).open()


def test_helo_is_said_where_ehlo_is_unknown() -> None:
    with serve(esmtp=False) as server:
        run = send(local(server.port), 3)
        assert run.tokens(Verdict.SENT) == {0, 1, 2}
        server.wait_for_end()
        assert server.commands()[:2] == [
            "EHLO client.example.org",
            "HELO client.example.org",
        ]


def test_a_server_that_wants_no_hello_is_refused() -> None:
    rules = (Rule(When(At.EHLO), (Reply(550, "no"),)), Rule(When(At.HELO), (Reply(550, "no"),)))
    with serve(*rules) as server, pytest.raises(ServerRefused, match=r"client\.example\.org"):
        Client(local(server.port)).open()


@pytest.mark.parametrize(
    ("actions", "error", "says"),
    [
        ((Reply(554, "no service"), Close()), ServerRefused, "refuses this session"),
        ((Reply(421, "4.3.2 too busy"), Close()), ServerRefused, "does not take mail now"),
        ((Reply(450, "4.3.2 later"),), ServerRefused, "later"),
        ((Close(),), ConnectionLost, "closed"),
        ((Reset(),), SmtpError, "reset by peer"),
        ((Send(b"HTTP/1.1 400 Bad Request\r\n\r\n"),), RemoteProtocolError, "web-server"),
        ((Send(b"x" * 20_000),), RemoteProtocolError, "without an end"),
        ((Send(b"\x15\x03\x01\x00\x02\x02\x16\n"),), RemoteProtocolError, "tls-server"),
        ((Sleep(FOREVER),), ConnectionLost, "greeting"),
        ((Send(b"220-slow\r\n"), Sleep(FOREVER)), ConnectionLost, "greeting"),
    ],
)
def test_a_greeting_that_is_none_is_explained(
    actions: tuple[Reply | Close | Send, ...], error: type[SmtpError], says: str
) -> None:
    with serve(Rule(When(At.GREETING), actions)) as server:
        client = Client(local(server.port), timeouts=SHORT)
        with pytest.raises(error) as caught:
            client.open()
        assert says in f"{caught.value} {caught.value.code}"
        assert not client.usable
        assert client.wait() == []


NEWS = Credentials("news", "right", allow_plain_text=True)
REFUSALS: dict[str, tuple[Rule | None, Credentials | None, int]] = {
    "greeting 554": (Rule(When(At.GREETING), (Reply(554, "no service"),)), None, 554),
    "greeting 450": (Rule(When(At.GREETING), (Reply(450, "later"),)), None, 450),
    "EHLO 450": (Rule(When(At.EHLO), (Reply(450, "later"),)), None, 450),
    "AUTH 535": (None, replace(NEWS, password="wrong"), 535),
    "AUTH 454": (Rule(When(At.AUTH), (Reply(454, "later"),)), NEWS, 454),
    "no such mechanism": (None, replace(NEWS, mechanism="cram-md5"), 250),
    "no name to log in": (None, replace(NEWS, username="\udcff"), 250),
    "no token": (None, replace(NEWS, mechanism="xoauth2"), 250),
    "no password in clear": (None, replace(NEWS, allow_plain_text=False), 250),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_session_that_does_not_open_ends_with_quit(refusal: str) -> None:
    """RFC 5321, 4.1.1.10: the client must say QUIT before it closes, also after a refusal."""
    rule, credentials, code = REFUSALS[refusal]
    settings = {"users": {"news": "right"}, "auth_in_clear": True, "offer": Offer(auth=("PLAIN",))}
    with serve(*([rule] if rule else []), **settings) as server:
        client = Client(local(server.port), credentials)
        with pytest.raises((ServerRefused, AuthenticationRefused)):
            client.open()
        (counts,) = server.wait_for_end()
        assert counts.quit
    assert client.last_reply is not None
    assert client.last_reply.code == code, "what open failed on, not the good-bye"
    assert client._connection.session.closed


def test_a_server_that_refuses_and_says_no_good_bye_is_not_waited_for() -> None:
    rules = (
        Rule(When(At.GREETING), (Reply(554, "no service"),)),
        Rule(When(At.QUIT), (Sleep(FOREVER),)),
    )
    with serve(*rules) as server:
        client = Client(local(server.port), timeouts=SHORT)
        with pytest.raises(ServerRefused, match="no service"):
            client.open()
        assert server.commands() == ["QUIT"]


def test_a_connection_that_has_ended_is_not_said_good_bye_to() -> None:
    rule = Rule(When(At.EHLO), (Reply(421, "4.3.2 bye"), Sleep(FOREVER)))
    with serve(rule) as server:
        with pytest.raises(ServerRefused, match="bye"):
            Client(local(server.port), timeouts=SHORT).open()
        assert server.commands() == ["EHLO client.example.org"]


def test_a_drip_of_octets_does_not_put_off_the_timeout() -> None:
    with scripted(b"220 x\r\n250 x\r\n", drip=b"2") as port:
        client = Client(local(port), timeouts=SHORT)
        client.open()
        client.submit(message(1))
        (outcome,) = client.wait()
        assert outcome.verdict is Verdict.NOT_SENT
        assert "within" in outcome.reason
        client.abort()


@contextmanager
def scripted(octets: bytes, *, drip: bytes = b"") -> Iterator[int]:
    """Says `octets`, then one of `drip` every 50 ms until the client is gone."""
    listener = socket.create_server(("127.0.0.1", 0))
    stopping = threading.Event()

    def run() -> None:
        connected, _ = listener.accept()
        with connected:
            greeting, _, rest = octets.partition(b"\n")
            connected.sendall(greeting + b"\n")
            connected.recv(1000)
            connected.sendall(rest)
            while drip and not stopping.wait(0.05):
                try:
                    connected.sendall(drip)
                except OSError:
                    return

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        stopping.set()
        thread.join()
        listener.close()


def test_wait_comes_back_in_time_and_goes_on_later() -> None:
    rule = Rule(When(At.END_OF_DATA, transaction=0), (Sleep(0.3),))
    with serve(rule, offer=NO_CHUNKING) as server:
        client = Client(local(server.port))
        client.open()
        client.submit(message(1))
        assert client.wait(0) == []
        assert client.wait(0.01) == []
        assert client.in_flight == 1
        client.abort()
        (outcome,) = client.wait()
        assert outcome.verdict in {Verdict.IN_DOUBT, Verdict.NOT_SENT}


def until_the_reply_lies_in_the_socket(client: Client, announced: list[int]) -> None:
    """Send one message, and leave its reply unread; `announced` are the client's terminators."""
    client.open()
    client.submit(message(1))
    while not announced:
        assert client.wait(0) == []
    assert client._wire is not None
    assert client._wire.transport.wait(10), "the reply has come"


def test_what_was_read_late_counts_before_the_timeout() -> None:
    """A machine that slept wakes up after the deadline: the reply lies in the buffer."""
    now = [0.0]
    announced: list[int] = []
    rule = Rule(When(At.END_OF_DATA), (Sleep(0.2), Usual()))
    with serve(rule, offer=NO_CHUNKING) as server:
        client = Client(local(server.port), clock=lambda: now[0], on_terminator=announced.append)
        until_the_reply_lies_in_the_socket(client, announced)
        now[0] = 1e6
        (outcome,) = client.wait()
        assert outcome.verdict is Verdict.SENT
        client.quit()


def test_what_the_server_has_said_counts_when_the_connection_is_given_up() -> None:
    """A second Ctrl-C while the 250 lies in the socket: the message was delivered."""
    announced: list[int] = []
    rule = Rule(When(At.END_OF_DATA), (Sleep(0.2), Usual()))
    with serve(rule, offer=NO_CHUNKING) as server:
        client = Client(local(server.port), on_terminator=announced.append)
        until_the_reply_lies_in_the_socket(client, announced)
        client.abort()
        assert [outcome.verdict for outcome in client.wait()] == [Verdict.SENT]


def test_a_client_that_was_never_open_is_given_up_in_silence() -> None:
    client = Client(local(1))
    client.abort()
    assert client.wait() == []


def test_an_error_of_the_caller_at_the_terminator_keeps_it_from_leaving() -> None:
    def refuse(token: int) -> None:
        raise OSError(f"disk full at {token}")

    with serve(offer=NO_CHUNKING) as server:
        client = Client(local(server.port), on_terminator=refuse)
        client.open()
        client.submit(message(1))
        with pytest.raises(OSError, match="disk full at 1"):
            client.wait()
        client.abort()
        assert [outcome.verdict for outcome in client.wait()] == [Verdict.NOT_SENT]
        server.wait_for_end()
        assert server.taken == []


def test_quit_with_mail_in_flight_is_an_abort() -> None:
    with serve(offer=NO_CHUNKING) as server:
        client = Client(local(server.port))
        client.open()
        client.submit(message(1))
        client.quit()
        assert [outcome.verdict for outcome in client.wait()] == [Verdict.NOT_SENT]


@pytest.mark.parametrize("actions", [(Reply(500, "what?"),), (Close(),), (Sleep(FOREVER),)])
def test_how_the_server_says_good_bye_is_no_matter(actions: tuple[Reply | Close, ...]) -> None:
    with serve(Rule(When(At.QUIT), actions)) as server:
        client = Client(local(server.port), timeouts=SHORT)
        client.open()
        client.quit()
        client.quit()
        assert not client.usable


def test_a_client_opens_once_and_only_an_open_one_sends() -> None:
    with serve() as server:
        client = Client(local(server.port))
        assert client.room == 0
        assert client.tls_version == ""
        assert client.failure is None
        with pytest.raises(LocalProtocolError, match="not open"):
            client.submit(message(1))
        client.quit()
        client = Client(local(server.port))
        client.open()
        assert client.last_reply is not None
        assert not client.streaming
        with pytest.raises(LocalProtocolError, match="one connection"):
            client.open()
        client.quit()


def test_two_replies_in_one_packet_are_two_replies() -> None:
    rule = Rule(When(At.END_OF_DATA), (Reply(250, "2.0.0 held back"), Hold()))
    with serve(rule, offer=NO_CHUNKING) as server:
        client = Client(local(server.port), timeouts=SHORT)
        client.open()
        client.submit(message(0))
        client.submit(message(1))
        outcomes = client.wait()
        assert [(outcome.token, outcome.verdict) for outcome in outcomes] == [(0, Verdict.SENT)]
        client.abort()


# The rule of the terminator


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
def test_the_caller_is_told_once_and_before_the_terminator_leaves(
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


def test_content_that_is_long_leaves_before_the_caller_is_told(wire: Recorder) -> None:
    with serve(offer=NO_CHUNKING) as server:
        long = message(7, padding=(b"x" * 70 + b"\r\n") * 2000)
        send_over(wire, server.port, long)
    assert wire.written_before(7).endswith(b".end\r\n")
    assert wire.writes[-1] == b".\r\n"


def test_over_tls_the_terminator_is_a_write_of_its_own(
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
def test_in_doubt_is_what_was_taken_up_to_the_last_octet_of_the_terminator(
    wire: Recorder, place: int, most: int
) -> None:
    """The connection dies `place` octets behind the end of the first terminator."""
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


def test_while_streaming_a_terminator_of_which_nothing_left_is_not_in_doubt() -> None:
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
def test_whatever_the_kernel_takes_the_outcomes_are_true(
    offer: Offer, window: int, seed: int
) -> None:
    """Writes that take nothing, a few octets or everything, and a connection that dies in one."""
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
    assert len(run.announced) == len(set(run.announced)), "told once"
    if window == 1:
        assert in_doubt == set(taken) - sent, "what the kernel took is known to the octet"


@pytest.mark.parametrize("reply", [b"250 2.0.0 Ok\r\n", b"552 5.3.4 too much\r\n"])
def test_a_reply_to_what_never_left_is_not_believed(reply: bytes) -> None:
    """The terminator is released and the kernel takes nothing: then it has not left."""

    def send(transport: Wrapped, chunks: Chunks) -> Chunks:
        return chunks if b".end\r\n" in chunks else transport.real.send(chunks)

    rule = Rule(When(At.DATA), (Usual(), Sleep(0.05), Send(reply)))
    announced: list[int] = []
    with serve(rule, offer=NO_CHUNKING) as server:
        client = Client(
            local(server.port),
            on_terminator=announced.append,
            timeouts=SHORT,
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


def test_a_push_never_waits_and_leaves_alone_what_can_go_with_its_successor(wire: Recorder) -> None:
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


# TLS


def tls_settings(certificates: servers.Certificates, **more: object) -> dict[str, object]:
    return {"chain_file": str(certificates.chain_file), **more}


@pytest.mark.parametrize("security", ["tls", "starttls"])
@ways
def test_mail_goes_over_tls(
    certificates: servers.Certificates, security: str, offer: Offer, window: int
) -> None:
    settings = tls_settings(certificates, implicit_tls=security == "tls", offer=offer)
    with serve(**settings) as server:
        target = local(server.port, security=security, ca_file=str(certificates.ca_file))
        run = send(target, 12, window=window)
        assert run.tokens(Verdict.SENT) == set(range(12))
        assert server.violations == []


def test_a_large_message_goes_over_tls(certificates: servers.Certificates) -> None:
    settings = tls_settings(certificates, implicit_tls=True, receive_buffer=4096)
    with serve(**settings) as server:
        target = local(server.port, security="tls", ca_file=str(certificates.ca_file))
        client = Client(target)
        client.open()
        assert client.tls_version.startswith("TLSv1.")
        large = message(1, padding=(b"x" * 70 + b"\r\n") * 40_000)
        client.submit(large)
        (outcome,) = client.wait()
        assert outcome.verdict is Verdict.SENT
        assert server.taken[0].content == b"".join(large.content)
        client.quit()


def test_capabilities_of_before_tls_are_forgotten(certificates: servers.Certificates) -> None:
    settings = tls_settings(
        certificates, offer=Offer(size=10), offer_after_tls=Offer(size=1000, pipelining=False)
    )
    with serve(**settings) as server:
        target = local(server.port, security="starttls", ca_file=str(certificates.ca_file))
        client = Client(target)
        capabilities = client.open()
        assert capabilities.size == 1000
        assert not capabilities.pipelining
        client.quit()


def test_octets_behind_the_220_of_starttls_end_the_session(
    certificates: servers.Certificates,
) -> None:
    rule = Rule(When(At.STARTTLS), (Send(b"220 go\r\n250 injected\r\n"), Sleep(FOREVER)))
    with serve(rule, **tls_settings(certificates)) as server:
        target = local(server.port, security="starttls", ca_file=str(certificates.ca_file))
        with pytest.raises(RemoteProtocolError) as caught:
            Client(target).open()
        assert caught.value.code == "starttls-injection"


@pytest.mark.parametrize(
    ("actions", "error"),
    [
        ((Reply(454, "4.7.0 TLS not available"),), ServerRefused),
        ((Reply(220, "go"), Close()), ServerUnreachable),
        ((Close(),), ConnectionLost),
    ],
)
def test_nothing_goes_in_clear_when_tls_fails(
    certificates: servers.Certificates,
    actions: tuple[Reply | Close, ...],
    error: type[SmtpError],
) -> None:
    settings = tls_settings(certificates, users={"news": "secret"}, auth_in_clear=True)
    with serve(Rule(When(At.STARTTLS), actions), **settings) as server:
        target = local(server.port, security="starttls", ca_file=str(certificates.ca_file))
        with pytest.raises(error):
            Client(target, Credentials("news", "secret", allow_plain_text=True)).open()
        assert not any("AUTH" in command or "MAIL" in command for command in server.commands())


def test_starttls_that_is_not_offered_ends_the_session() -> None:
    with serve(users={"news": "secret"}, auth_in_clear=True) as server:
        target = local(server.port, security="starttls")
        with pytest.raises(ServerRefused, match="STARTTLS") as caught:
            Client(target, Credentials("news", "secret", allow_plain_text=True)).open()
        assert caught.value.code == "no-starttls"
        server.wait_for_end()
        assert server.commands() == ["EHLO client.example.org", "QUIT"]


def test_a_certificate_must_be_trusted(certificates: servers.Certificates) -> None:
    with serve(**tls_settings(certificates, implicit_tls=True)) as server:
        with pytest.raises(ServerUnreachable, match="not trusted") as caught:
            Client(local(server.port, security="tls")).open()
        assert caught.value.code == "certificate"


def test_an_expired_certificate_is_not_trusted(tmp_path: Path) -> None:
    expired = servers.make_certificates(tmp_path, expired=True)
    with serve(**tls_settings(expired, implicit_tls=True)) as server:
        target = local(server.port, security="tls", ca_file=str(expired.ca_file))
        with pytest.raises(ServerUnreachable, match="expired"):
            Client(target).open()


def test_a_certificate_for_another_host_is_not_trusted(tmp_path: Path) -> None:
    other = servers.make_certificates(tmp_path, names=("mail.example.org",))
    with serve(**tls_settings(other, implicit_tls=True)) as server:
        target = local(server.port, security="tls", ca_file=str(other.ca_file))
        with pytest.raises(ServerUnreachable, match="not trusted") as caught:
            Client(target).open()
        assert caught.value.code == "certificate"


def test_tls_to_a_port_that_speaks_clear_text_is_explained() -> None:
    with serve() as server, pytest.raises(ServerUnreachable) as caught:
        Client(local(server.port, security="tls")).open()
    assert caught.value.code == "not-tls"


def test_clear_text_to_port_465_is_explained() -> None:
    client = Client(local(465))
    explained = client._explained(ConnectionLost("the greeting did not come"))
    assert explained.code == "tls-port"
    assert client._allowed(Awaited.GREETING) < TIMEOUTS[Awaited.GREETING]
    assert client._allowed(Awaited.CONTENT) == TIMEOUTS[Awaited.CONTENT]
    assert TIMEOUTS[Awaited.CONTENT] >= 600


# Log-in


@pytest.mark.parametrize("mechanism", ["", "plain", "login", "cram-md5"])
def test_a_password_logs_in(certificates: servers.Certificates, mechanism: str) -> None:
    trace: list[str] = []
    settings = tls_settings(certificates, users={"news": "s3cr3t"}, auth_required=True)
    with serve(**settings) as server:
        target = local(server.port, security="starttls", ca_file=str(certificates.ca_file))
        credentials = Credentials("news", "s3cr3t", mechanism=mechanism)
        client = Client(
            target, credentials, trace=lambda who, line, _: trace.append(f"{who} {line}")
        )
        client.open()
        client.submit(message(1))
        assert [outcome.verdict for outcome in client.wait()] == [Verdict.SENT]
        client.quit()
    assert not any("s3cr3t" in line or "czNjcjN0" in line for line in trace)
    assert "C AUTH PLAIN ****" in trace or mechanism in {"login", "cram-md5"}
    assert "s3cr3t" not in repr(credentials)


@pytest.mark.parametrize("mechanism", ["", "xoauth2", "oauthbearer"])
@pytest.mark.parametrize("length", [20, 2000])
def test_a_token_logs_in(certificates: servers.Certificates, mechanism: str, length: int) -> None:
    token = "t" * length
    settings = tls_settings(certificates, tokens={"news@example.org": token}, auth_required=True)
    with serve(**settings) as server:
        target = local(server.port, security="starttls", ca_file=str(certificates.ca_file))
        client = Client(target, Credentials("news@example.org", token=token, mechanism=mechanism))
        client.open()
        client.quit()
        assert server.violations == []


@pytest.mark.parametrize("mechanism", ["plain", "login", "cram-md5", "xoauth2", "oauthbearer"])
def test_a_wrong_secret_is_refused_once(certificates: servers.Certificates, mechanism: str) -> None:
    settings = tls_settings(certificates, users={"news": "right"}, tokens={"news": "right"})
    with serve(**settings) as server:
        target = local(server.port, security="starttls", ca_file=str(certificates.ca_file))
        wrong = Credentials("news", "wrong", mechanism=mechanism)
        if "oauth" in mechanism:
            wrong = Credentials("news", token="wrong", mechanism=mechanism)
        client = Client(target, wrong)
        with pytest.raises(AuthenticationRefused) as caught:
            client.open()
        assert "535" in str(caught.value)
        assert "wrong" not in str(caught.value)
        assert client.last_reply is not None
        assert client.last_reply.code == 535
        server.wait_for_end()
        assert sum(command.startswith("AUTH") for command in server.commands()) == 1


@pytest.mark.parametrize(
    ("actions", "error", "says"),
    [
        ((Reply(454, "4.7.0 Temporary failure"),), ServerRefused, "could not check"),
        ((Reply(534, "5.7.9 too weak"),), AuthenticationRefused, "534"),
        ((Send(b"334 ***\r\n"),), RemoteProtocolError, "base64"),
        ((Close(),), ConnectionLost, "closed"),
        ((Reply(421, "4.7.0 bye"), Close()), ServerRefused, "421"),
    ],
)
def test_what_else_auth_may_be_answered(
    certificates: servers.Certificates,
    actions: tuple[Reply | Send | Close, ...],
    error: type[SmtpError],
    says: str,
) -> None:
    settings = tls_settings(certificates, users={"news": "right"})
    with serve(Rule(When(At.AUTH), actions), **settings) as server:
        target = local(server.port, security="starttls", ca_file=str(certificates.ca_file))
        with pytest.raises(error) as caught:
            Client(target, Credentials("news", "right")).open()
        assert says in str(caught.value)


def test_a_question_too_many_is_cancelled(certificates: servers.Certificates) -> None:
    rule = Rule(When(At.AUTH), (Send(b"334 \r\n"),))
    settings = tls_settings(certificates, users={"news": "right"})
    with serve(rule, **settings) as server:
        target = local(server.port, security="starttls", ca_file=str(certificates.ca_file))
        with pytest.raises(AuthenticationRefused, match="refused"):
            Client(target, Credentials("news", "right")).open()
        assert server.commands()[-2:] == ["*", "QUIT"]


@pytest.mark.parametrize(
    ("mechanism", "challenge"),
    [("plain", "***"), ("cram-md5", "***"), ("cram-md5", "")],
)
def test_a_challenge_that_is_none_is_cancelled(
    certificates: servers.Certificates, mechanism: str, challenge: str
) -> None:
    """RFC 4954, 4: the client cancels with `*`, and then it says good-bye."""
    rule = Rule(When(At.AUTH), (Reply(334, challenge),))
    with serve(rule, **tls_settings(certificates, users={"news": "right"})) as server:
        target = local(server.port, security="starttls", ca_file=str(certificates.ca_file))
        with pytest.raises(RemoteProtocolError, match="challenge"):
            Client(target, Credentials("news", "right", mechanism=mechanism)).open()
        assert server.wait_for_end()[0].quit


@pytest.mark.parametrize("mechanism", ["xoauth2", "oauthbearer"])
def test_the_refusal_of_a_token_is_told_also_where_its_error_is_not_base64(
    certificates: servers.Certificates, mechanism: str
) -> None:
    rule = Rule(When(At.AUTH), (Reply(334, '{"status":"401"}'),))
    with serve(rule, **tls_settings(certificates, tokens={"news": "right"})) as server:
        target = local(server.port, security="starttls", ca_file=str(certificates.ca_file))
        with pytest.raises(AuthenticationRefused) as caught:
            Client(target, Credentials("news", token="old", mechanism=mechanism)).open()
        assert '"501 5.7.0 Authentication cancelled" ({"status":"401"})' in str(caught.value)
        assert server.wait_for_end()[0].quit


def test_a_server_that_asks_for_ever_is_left() -> None:
    rules = (
        Rule(When(At.AUTH), (Send(b"334 \r\n"),)),
        Rule(When(At.UNKNOWN, times=20), (Send(b"334 \r\n"),)),
    )
    with serve(*rules, users={"news": "right"}, auth_in_clear=True) as server:
        with pytest.raises(RemoteProtocolError, match="334"):
            Client(local(server.port), replace(NEWS, mechanism="plain")).open()
        assert server.commands()[2:] == ["*"]


def test_an_unknown_mechanism_is_followed_by_the_next_one(
    certificates: servers.Certificates,
) -> None:
    rule = Rule(When(At.AUTH, times=1), (Reply(504, "5.5.4 what?"),))
    with serve(rule, **tls_settings(certificates, users={"news": "right"})) as server:
        target = local(server.port, security="starttls", ca_file=str(certificates.ca_file))
        client = Client(target, Credentials("news", "right"))
        client.open()
        client.quit()
        said = [line.split()[1] for line in server.commands() if line.startswith("AUTH")]
        assert said == ["PLAIN", "LOGIN"]


def test_a_password_never_goes_in_clear_unless_the_person_says_so() -> None:
    with serve(users={"news": "secret"}, auth_in_clear=True) as server:
        with pytest.raises(AuthenticationRefused, match="no TLS"):
            Client(local(server.port), Credentials("news", "secret")).open()
        server.wait_for_end()
        assert not any("AUTH" in command for command in server.commands())
        client = Client(local(server.port), Credentials("news", "secret", allow_plain_text=True))
        client.open()
        client.quit()


def test_a_password_goes_in_clear_to_this_machine_only() -> None:
    """`allow_plain_text` is for a server on this machine, and for no other."""
    with serve(users={"news": "right"}, auth_in_clear=True) as server:
        with pytest.raises(AuthenticationRefused, match="no TLS") as caught:
            Client(local(server.port), NEWS, connect=Remote).open()
        assert caught.value.code == "plain-text-login"
        server.wait_for_end()
        assert server.commands() == ["EHLO client.example.org", "QUIT"]


def test_a_server_without_log_in_is_named(certificates: servers.Certificates) -> None:
    with serve(**tls_settings(certificates)) as server:
        target = local(server.port, security="starttls", ca_file=str(certificates.ca_file))
        with pytest.raises(AuthenticationRefused, match="no log-in"):
            Client(target, Credentials("news", "right")).open()


# LMTP


def test_lmtp_over_a_unix_socket_has_one_reply_for_each_recipient(tmp_path: Path) -> None:
    path = tmp_path / "lmtp"
    script = Script(
        Settings(protocol="lmtp"),
        (Rule(When(At.END_OF_DATA, recipient="p1@*"), (Reply(452, "4.2.2 full"),)),),
    )
    with ScriptedServer(script, unix_socket=path):
        run = send(local(0, protocol="lmtp", socket=str(path), security="starttls"), 3, window=4)
    assert run.verdicts() == {0: Verdict.SENT, 1: Verdict.DEFERRED, 2: Verdict.SENT}


def test_lmtp_is_not_for_port_25() -> None:
    with pytest.raises(LocalProtocolError, match="25"):
        Client(local(25, protocol="lmtp")).open()


@pytest.mark.parametrize(
    ("server", "says"),
    [
        (local(1), "no connection to 127.0.0.1 port 1"),
        (local(1, host="no-such-host.invalid"), "not known"),
        (local(0, socket="/nowhere/lmtp"), "/nowhere/lmtp"),
        (local(1, host="a" * 300), ""),
    ],
)
def test_nobody_there_is_explained(server: object, says: str) -> None:
    with pytest.raises(ServerUnreachable) as caught:
        Client(server).open()  # type: ignore[arg-type]  # a Server
    assert says in str(caught.value)


def test_a_message_taken_and_never_said_so_is_in_doubt() -> None:
    rule = Rule(When(At.END_OF_DATA), (Accept(), Close()))
    with serve(rule, offer=NO_CHUNKING) as server:
        run = send(local(server.port), 3)
        assert run.verdicts() == {0: Verdict.IN_DOUBT, 1: Verdict.NOT_SENT, 2: Verdict.NOT_SENT}
        assert len(server.taken) == 1
