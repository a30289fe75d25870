"""A client against servers on real sockets: its outcomes match what the server did."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mailmerge.smtp import (
    Client,
    Envelope,
    Server,
    Stage,
    Verdict,
)
from mailmerge.smtp.errors import (
    LocalProtocolError,
    RemoteProtocolError,
    ServerUnreachable,
)
from mailmerge.smtp.state import Awaited
from tests.platforms import needs_unix_sockets
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
from tests.smtp.conversation import (
    NO_CHUNKING,
    SENDER,
    WAYS,
    local,
    message,
    send,
    short,
    ways,
)
from tests.smtp.transports import Wrapped


@ways
def test_every_message_arrives_once_and_unchanged(offer: Offer, window: int) -> None:
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


def test_streaming_is_all_bdat_without_needless_rset() -> None:
    with serve() as server:
        send(local(server.port), 64, window=16)
        (counts,) = server.wait_for_end()
        assert counts.messages == counts.commands["BDAT"] == 64
        assert counts.commands["RSET"] < 64
        assert "DATA" not in counts.commands


@ways
@pytest.mark.parametrize("fault", sorted(end_of_data_faults()))
def test_outcomes_at_the_end_of_data_are_true(offer: Offer, window: int, fault: str) -> None:
    actions = end_of_data_faults()[fault]
    rule = Rule(When(At.END_OF_DATA, transaction=2), actions)
    silent = fault in {"taken-and-silent", "unknown-code", "no-code", "left-out", "with-the-next"}
    timeouts = short(*[Awaited.CONTENT] * silent)
    with serve(rule, offer=offer) as server:
        run = send(local(server.port), 6, window=window, timeouts=timeouts)
        taken = {int(one.message_id.strip("<>").partition("@")[0]) for one in server.taken}
        sent, in_doubt = run.tokens(Verdict.SENT), run.tokens(Verdict.IN_DOUBT)
        assert sent <= taken
        assert taken <= sent | in_doubt
        assert len(in_doubt) <= window
        assert {0, 1} <= sent
        if fault in {"deferred", "refused", "refused-421", "late", "split", "multi-line"}:
            assert not in_doubt


AWAITED = {At.MAIL: Awaited.MAIL, At.RCPT: Awaited.RCPT, At.DATA: Awaited.DATA}


@ways
@pytest.mark.parametrize("at", [At.MAIL, At.RCPT, At.DATA])
@pytest.mark.parametrize("ending", ["close", "reset", "421", "garbage", "silence"])
def test_an_end_before_the_content_leaves_no_doubt(
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
    timeouts = short(*[AWAITED[at]] * (ending == "silence"))
    with serve(Rule(When(at, transaction=2), endings[ending]), offer=offer) as server:
        run = send(local(server.port), 6, window=window, timeouts=timeouts)
        taken = {int(one.message_id.strip("<>").partition("@")[0]) for one in server.taken}
        assert run.tokens(Verdict.SENT) <= taken == {0, 1}
        if window == 1:
            assert run.tokens(Verdict.SENT) == {0, 1}
            assert not run.tokens(Verdict.IN_DOUBT)


@pytest.mark.parametrize("ending", [Close(), Reset(), Reply(421, "4.3.2 bye")])
def test_a_loss_within_the_content_is_not_sent(ending: Close | Reset | Reply) -> None:
    rule = Rule(When(At.CONTENT, size=100_000), (ending, Close()))
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


def test_two_full_buffers_do_not_block_each_other() -> None:
    """The client does not read long replies, and the server does not read content."""
    long = Reply(250, "\n".join(["2.1.5 " + "y" * 400] * 100))
    rules = (Rule(When(At.RCPT), (long,)), Rule(When(At.MAIL), (long,)))
    with serve(*rules, receive_buffer=4096, send_buffer=4096) as server:
        run = send(local(server.port), 60, window=60)
        assert run.tokens(Verdict.SENT) == set(range(60))
        server.wait_for_end()
        assert server.violations == []


def test_a_server_that_stops_reading_ends_the_connection() -> None:
    rule = Rule(When(At.CONTENT, size=1000), (Sleep(FOREVER),))
    with serve(rule, offer=NO_CHUNKING, receive_buffer=4096) as server:
        client = Client(local(server.port), timeouts=short(None))
        client.open()
        client.submit(message(1, padding=(b"x" * 70 + b"\r\n") * 140_000))
        (outcome,) = client.wait()
        assert outcome.verdict is Verdict.NOT_SENT
        assert "took no data" in outcome.reason
        client.abort()


def test_a_message_taken_without_a_reply_is_in_doubt() -> None:
    rule = Rule(When(At.END_OF_DATA), (Accept(), Close()))
    with serve(rule, offer=NO_CHUNKING) as server:
        run = send(local(server.port), 3)
        assert run.verdicts() == {0: Verdict.IN_DOUBT, 1: Verdict.NOT_SENT, 2: Verdict.NOT_SENT}
        assert len(server.taken) == 1


@pytest.mark.parametrize("code", [452, 451, 450])
def test_too_many_messages_reply_counts_no_attempt(code: int) -> None:
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


def test_end_of_an_idle_connection_is_noticed_without_a_message() -> None:
    for goodbye in ((Reply(421, "4.4.2 idle"), Close()), (Close(),)):
        with serve(Rule(When(At.IDLE, seconds=0.05), goodbye), offer=NO_CHUNKING) as server:
            client = Client(local(server.port))
            client.open()
            client.notice_end()
            usable = [client.usable]
            server.wait_for_end()
            client.notice_end()
            assert [*usable, client.usable] == [True, False]
            assert client.failure is not None
            client.quit()


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
        client.submit(message(2))
        assert [(one.token, one.verdict) for one in client.wait()] == [(2, Verdict.NOT_SENT)]
        client.quit()


def test_mailmax_is_obeyed() -> None:
    with serve(offer=Offer(limits="MAILMAX=3", chunking=False)) as server:
        run = send(local(server.port), 10)
        assert run.tokens(Verdict.SENT) == {0, 1, 2}
        assert len(run.outcomes) == 3


def test_rcptmax_is_obeyed() -> None:
    with serve(offer=Offer(limits="RCPTMAX=2")) as server:
        client = Client(local(server.port))
        client.open()
        paths = tuple(f"p{number}@example.net" for number in range(3))
        one = message(1)
        client.submit(replace(one, envelope=replace(one.envelope, forward_paths=paths)))
        (outcome,) = client.wait()
        assert (outcome.verdict, outcome.reply) == (Verdict.REJECTED, None)
        assert "3 recipients, and the server takes 2" in outcome.reason
        client.submit(replace(one, envelope=replace(one.envelope, forward_paths=paths[:2])))
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
def test_a_probe_ends_at_the_first_refusal(stage: At, code: int, said: list[str]) -> None:
    with serve(Rule(When(stage), (Reply(code, "no"),))) as server:
        client = Client(local(server.port))
        client.open()
        replies = client.probe(Envelope(SENDER, ("a@example.net", "b@example.net")))
        assert [reply.code for reply in replies] == [250] * (len(replies) - 1) + [code]
        client.quit()
        server.wait_for_end()
        assert [line.split(maxsplit=1)[0] for line in server.commands()[1:]] == said


def test_an_impossible_envelope_is_not_probed() -> None:
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
def test_354_to_a_probe_ends_the_connection(stage: At) -> None:
    with serve(Rule(When(stage), (Reply(354, "go"),))) as server:
        client = Client(local(server.port))
        client.open()
        with pytest.raises(RemoteProtocolError, match="354"):
            client.probe(Envelope(SENDER, ("a@example.net",)))
        assert not client.usable
        client.quit()


def test_a_malformed_path_ends_a_probe_in_order() -> None:
    """The first path was accepted, the second cannot be written. The client still sends QUIT."""
    with serve() as server:
        client = Client(local(server.port))
        with pytest.raises(LocalProtocolError, match="not open"):
            client.probe(Envelope(SENDER, ("a@example.net",)))
        client.open()
        with pytest.raises(LocalProtocolError, match="not one mailbox"):
            client.probe(Envelope(SENDER, ("a@example.net", "b")))
        client.quit()
        server.wait_for_end()
        assert server.commands()[1:] == ["QUIT"]


def test_pipelining_and_chunking_can_be_switched_off() -> None:
    with serve() as server:
        send(local(server.port, chunking=False), 3, window=5)
        send(local(server.port, pipelining=False), 3, window=5)
        first, second = sorted(server.wait_for_end(2), key=lambda counts: counts.connection)
        assert "BDAT" not in first.commands
        assert "BDAT" not in second.commands
        assert second.round_trips > first.round_trips


def test_wait_returns_in_time_and_can_continue() -> None:
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


def leave_the_reply_unread(client: Client, wire: list[Wrapped], announced: list[int]) -> None:
    """Send one message, and leave its reply unread in the socket."""
    client.open()
    client.submit(message(1))
    while not announced:
        assert client.wait(0) == []
    assert wire[0].wait(10), "the reply has come"


def test_a_reply_that_came_counts_before_the_timeout() -> None:
    """A machine that slept wakes up after the deadline, and the reply is in the buffer."""
    now = [0.0]
    announced: list[int] = []
    wire: list[Wrapped] = []

    def connect(server: Server) -> Wrapped:
        wire.append(Wrapped(server))
        return wire[0]

    rule = Rule(When(At.END_OF_DATA), (Sleep(0.2), Usual()))
    with serve(rule, offer=NO_CHUNKING) as server:
        client = Client(
            local(server.port),
            clock=lambda: now[0],
            on_terminator=announced.append,
            connect=connect,
        )
        leave_the_reply_unread(client, wire, announced)
        now[0] = 1e6
        (outcome,) = client.wait()
        assert outcome.verdict is Verdict.SENT
        client.quit()


def test_a_reply_that_came_counts_at_an_abort() -> None:
    """A second Ctrl-C while the 250 is in the socket: the message was accepted."""
    announced: list[int] = []
    wire: list[Wrapped] = []

    def connect(server: Server) -> Wrapped:
        wire.append(Wrapped(server))
        return wire[0]

    rule = Rule(When(At.END_OF_DATA), (Sleep(0.2), Usual()))
    with serve(rule, offer=NO_CHUNKING) as server:
        client = Client(local(server.port), on_terminator=announced.append, connect=connect)
        leave_the_reply_unread(client, wire, announced)
        client.abort()
        assert [outcome.verdict for outcome in client.wait()] == [Verdict.SENT]


def test_abort_before_open_does_nothing() -> None:
    client = Client(local(1))
    client.abort()
    assert client.wait() == []


def test_an_error_in_on_terminator_holds_the_terminator() -> None:
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


def test_an_interrupted_open_closes_the_connection() -> None:
    """Ctrl-C while the client waits for the greeting."""

    class Interrupted(Wrapped):
        def wait(self, seconds: float | None, *, writing: bool = False) -> bool:
            if seconds:
                raise KeyboardInterrupt
            return False

        def close(self) -> None:
            closed.append(True)
            super().close()

    closed: list[bool] = []
    with serve(Rule(When(At.GREETING), (Sleep(FOREVER),))) as server:
        client = Client(local(server.port), connect=Interrupted)
        with pytest.raises(KeyboardInterrupt):
            client.open()
        assert closed
        assert not client.usable


def test_quit_with_mail_in_flight_is_an_abort() -> None:
    with serve(offer=NO_CHUNKING) as server:
        client = Client(local(server.port))
        client.open()
        client.submit(message(1))
        client.quit()
        assert [outcome.verdict for outcome in client.wait()] == [Verdict.NOT_SENT]


@pytest.mark.parametrize("actions", [(Reply(500, "what?"),), (Close(),), (Sleep(FOREVER),)])
def test_the_reply_to_quit_does_not_matter(actions: tuple[Reply | Close, ...]) -> None:
    with serve(Rule(When(At.QUIT), actions)) as server:
        client = Client(local(server.port), timeouts=short(Awaited.QUIT))
        client.open()
        client.quit()
        client.quit()
        assert not client.usable


def test_a_client_opens_once_and_sends_only_then() -> None:
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
        with pytest.raises(LocalProtocolError, match="opened before"):
            client.open()
        client.quit()


def test_two_replies_in_one_packet_are_two_replies() -> None:
    rule = Rule(When(At.END_OF_DATA), (Reply(250, "2.0.0 held back"), Hold()))
    with serve(rule, offer=NO_CHUNKING) as server:
        client = Client(local(server.port))
        client.open()
        client.submit(message(0))
        client.submit(message(1))
        outcomes = client.wait()
        assert [(outcome.token, outcome.verdict) for outcome in outcomes] == [(0, Verdict.SENT)]
        client.abort()


@needs_unix_sockets
def test_lmtp_over_a_unix_socket_answers_by_recipient(tmp_path: Path) -> None:
    path = tmp_path / "lmtp"
    script = Script(
        Settings(protocol="lmtp"),
        (Rule(When(At.END_OF_DATA, recipient="p1@*"), (Reply(452, "4.2.2 full"),)),),
    )
    with ScriptedServer(script, unix_socket=path):
        run = send(local(0, protocol="lmtp", socket=str(path), security="starttls"), 3, window=4)
    assert run.verdicts() == {0: Verdict.SENT, 1: Verdict.DEFERRED, 2: Verdict.SENT}


def test_lmtp_on_port_25_is_refused() -> None:
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
def test_an_unreachable_server_is_named(server: object, says: str) -> None:
    with pytest.raises(ServerUnreachable) as caught:
        Client(server).open()  # type: ignore[arg-type]  # a Server
    assert says in str(caught.value)
