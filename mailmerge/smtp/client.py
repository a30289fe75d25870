"""Drives a connection over a transport: open, submit, wait, quit.

    client = Client(Server("mail.example.org"), Credentials("news", "secret"), on_terminator=mark)
    client.open()
    while client.room: client.submit(...)
    outcomes = client.wait()

Time lives here: each reply has the timeout of RFC 5321, 4.5.3.2. Whatever ends a connection while
transactions are in flight is a value, not an error: each of them gets its outcome.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from mailmerge.smtp.auth import Credentials
from mailmerge.smtp.capabilities import Capabilities
from mailmerge.smtp.connection import Connection
from mailmerge.smtp.content import Chunk
from mailmerge.smtp.errors import ConnectionLost, LocalProtocolError, SmtpError
from mailmerge.smtp.handshake import Handshake, reach
from mailmerge.smtp.reply import Reply
from mailmerge.smtp.server import Server
from mailmerge.smtp.session import Trace
from mailmerge.smtp.state import Awaited, Stage
from mailmerge.smtp.transaction import Envelope, Outcome, Transaction, Verdict
from mailmerge.smtp.transport import SocketTransport, Transport

TIMEOUTS: Final[Mapping[Awaited | None, float]] = MappingProxyType(
    {
        Awaited.GREETING: 300.0,
        Awaited.HELLO: 300.0,
        Awaited.STARTTLS: 300.0,
        Awaited.AUTH: 300.0,
        Awaited.MAIL: 300.0,
        Awaited.RCPT: 300.0,
        Awaited.RSET: 300.0,
        Awaited.DATA: 120.0,
        Awaited.CONTENT: 600.0,
        Awaited.DOT: 600.0,
        Awaited.QUIT: 10.0,
        Awaited.CLOSE: 10.0,
        None: 180.0,  # a block of content that the server does not take
    }
)
"""Seconds without a reply, or without an octet taken, after which a connection is given up
(RFC 5321, 4.5.3.2). A shorter one for the end of data would make duplicates."""

_IMPLICIT_TLS_PORT: Final = 465
_GREETING_ON_TLS_PORT: Final = 20.0
"""Seconds to wait for a greeting in clear text on port 465, where servers wait for TLS."""


def _unheard(token: int) -> None:
    """Nobody wants to be told that the terminator of `token` leaves."""


class Client:
    """One connection to one server, used by one thread.

    `window` is how many transactions may be in flight where the server offers CHUNKING.
    `on_terminator(token)` is called before the last octets of that content may leave; an error it
    raises goes to the caller of `wait` or `push`, and nothing of the terminator leaves. `trace` is
    called with each line of the dialogue as `session.Trace` says. `timeouts` and `clock` (seconds,
    monotonic) are there for tests.
    """

    def __init__(
        self,
        server: Server,
        credentials: Credentials | None = None,
        *,
        window: int = 1,
        on_terminator: Callable[[int], None] = _unheard,
        trace: Trace | None = None,
        timeouts: Mapping[Awaited | None, float] = TIMEOUTS,
        clock: Callable[[], float] = time.monotonic,
        connect: Callable[[Server], Transport] = SocketTransport.connect,
    ) -> None:
        self._connect = connect
        self._server = server
        self._credentials = credentials
        self._on_terminator = on_terminator
        self._timeouts = timeouts
        self._clock = clock
        self._connection = Connection(
            protocol=server.protocol,
            window=window,
            pipelining=server.pipelining,
            chunking=server.chunking,
            trace=trace,
        )
        self._transport: Transport | None = None
        self._backlog: list[Chunk] = []
        self._outcomes: list[Outcome] = []
        self._answers: list[Reply] = []
        self._last_reply: Reply | None = None
        self._leaving: int | None = None  # announced, and its last octet is not with the kernel
        self._since = 0.0
        self._replies = 0

    # What is known

    @property
    def capabilities(self) -> Capabilities:
        """What the server offers; empty before `open`."""
        return self._connection.capabilities

    @property
    def usable(self) -> bool:
        """Whether more transactions may be submitted on this connection, now or later."""
        return self._connection.usable

    @property
    def room(self) -> int:
        """How many transactions may be submitted now."""
        return self._connection.room

    @property
    def in_flight(self) -> int:
        """How many transactions have no outcome yet, or one that `wait` has not given out."""
        return self._connection.in_flight + len(self._outcomes)

    @property
    def streaming(self) -> bool:
        """Whether `window` is in use: transactions follow one another by BDAT."""
        return self._connection.streaming

    @property
    def failure(self) -> SmtpError | None:
        """Why the connection ended, or None while it is there and after a proper end."""
        return self._connection.failure

    @property
    def last_reply(self) -> Reply | None:
        """The last reply to a command of the session: what `open` failed on, if it did."""
        return self._last_reply

    @property
    def tls_version(self) -> str:
        """Such as "TLSv1.3"; empty without TLS."""
        return self._transport.info.tls_version if self._transport is not None else ""

    # What can be done

    def open(self) -> Capabilities:
        """Connect, read the greeting, say EHLO, start TLS and log in.

        Raises:
            ServerUnreachable: no connection, or no TLS that can be trusted.
            ServerRefused: the server does not want this session.
            AuthenticationRefused: the log-in was refused, or must not be sent here.
            RemoteProtocolError: the server does not speak SMTP.
            ConnectionLost: the connection ended, or a reply did not come in time.
            LocalProtocolError: it was opened before.
        """
        if self._transport is not None:
            raise LocalProtocolError("a client opens one connection; make another one")
        self._transport = reach(self._server, self._connect)
        self._since = self._clock()
        try:
            Handshake(self._server, self._connection, self._transport, self._ask).run(
                self._credentials
            )
        except SmtpError:
            self.quit()  # also after a refusal (RFC 5321, 4.1.1.10)
            raise
        except BaseException:
            self.abort()
            raise
        return self.capabilities

    def submit(self, transaction: Transaction) -> None:
        """Take one transaction; `wait` writes it and gives its outcome.

        On a connection that has been lost meanwhile the outcome is NOT_SENT.

        Raises:
            LocalProtocolError: there is no room, or the envelope or the content is malformed.
        """
        if not self._connection.in_flight:
            if not self._connection.closed and self._open_transport.wait(0):
                self._read()  # 421 to an idle connection, or its end
            self._since = self._clock()
        if self._connection.closed:
            reason = str(self.failure or "the connection is closed")
            lost = Outcome(transaction.token, Verdict.NOT_SENT, Stage.MAIL, reason=reason)
            self._outcomes.append(lost)
            return
        self._connection.submit(transaction)

    def impossible(self, envelope: Envelope) -> str:
        """Why this server cannot take such an envelope, as one sentence; or nothing."""
        return self._connection.impossible(envelope)

    def probe(self, envelope: Envelope) -> tuple[Reply, ...]:
        """Try an envelope without a message: MAIL, RCPT until one is refused, and RSET.

        Returns the replies to MAIL and to each RCPT that was tried.

        Raises:
            LocalProtocolError: a path is malformed, the envelope is `impossible` here, transactions
                are under way, or the client is not open.
            RemoteProtocolError: a reply has no meaning there.
            ConnectionLost: the connection ended.
        """
        connection = self._connection
        connection.probe_mail(envelope)
        replies = [self._ask()]
        for path in envelope.forward_paths:
            if not replies[-1].positive:
                break
            connection.probe_recipient(envelope, path)
            replies.append(self._ask())
        if not connection.closed:  # 421 ends the connection (RFC 5321, 3.8)
            connection.probe_end()
            self._ask()
        return tuple(replies)

    def wait(self, timeout: float | None = None) -> list[Outcome]:
        """Write what can be written and read replies, until an outcome is there.

        Returns the outcomes in the order in which they were decided; an empty list after `timeout`
        seconds, or when nothing is in flight. With a `timeout` of 0 it does what can be done now.
        """
        deadline = None if timeout is None else self._clock() + timeout
        self._write()
        self._collect()
        while not self._outcomes and self._connection.in_flight:
            if not self._await(deadline):
                break
            self._collect()
            if not self._outcomes:
                self._write()
                self._collect()
            elif not self._one_write:
                self._flush()  # a long content begins to leave while the caller works
                self._collect()
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    def push(self) -> None:
        """Write what is ready without waiting: the server works while the caller makes a message.

        To be called when the outcomes of the last `wait` are recorded. A content whose successor
        is not submitted yet is left for `wait`, so that both leave in one write.
        """
        if self._connection.successor_waits and self._one_write:
            self._write()

    def quit(self) -> None:
        """Say QUIT, wait a little for the reply, and close. It raises nothing.

        With transactions in flight it is `abort`; `wait` still gives their outcomes.
        """
        if self._transport is None or self._connection.closed or self._connection.in_flight:
            self.abort()
            return
        try:
            self._connection.quit()
            self._next_reply()
        except SmtpError:
            pass  # the mail is delivered; how the server says good-bye changes nothing
        finally:
            self.abort()

    def abort(self) -> None:
        """Close at once; what is in flight is NOT_SENT or IN_DOUBT, and `wait` says which.

        What the server has said before is read first: a message that it took is SENT.
        """
        if self._transport is not None:
            self._read_what_is_there()
        self._connection.connection_lost("the connection was given up")
        self._collect()
        self._backlog = []
        if self._transport is not None:
            self._transport.close()

    # How it is done

    @property
    def _open_transport(self) -> Transport:
        if self._transport is None:
            raise LocalProtocolError("the client is not open")
        return self._transport

    def _ask(self) -> Reply:
        """The reply to one command of the session; `last_reply` keeps it."""
        reply = self._last_reply = self._next_reply()
        return reply

    def _next_reply(self) -> Reply:
        """Write, and wait for the reply to one command of the session."""
        while True:
            self._flush()
            self._collect()
            if self._answers:
                reply = self._answers.pop(0)
                # A refusal says more than the end that follows it; a yes is worth nothing then.
                if self.failure is None or reply.transient or reply.permanent:
                    return reply
            if self._connection.closed:
                raise self._explained(self.failure or ConnectionLost("the connection is closed"))
            self._await(None)

    def _explained(self, failure: SmtpError) -> SmtpError:
        if self._wrong_port and isinstance(failure, ConnectionLost) and not self._server.socket:
            return ConnectionLost(failure.message, code="tls-port", stage=Stage.GREETING)
        return failure

    def _collect(self) -> None:
        for event in self._connection.events():
            if isinstance(event, Outcome):
                self._outcomes.append(event)
            else:
                self._answers.append(event.reply)

    # The rule of the terminator. The caller is told before its last octet may leave, and a message
    # is in doubt only when the kernel has taken that octet; what one write took, the kernel says.
    # A short content leaves in one write with its terminator and the next commands: it is one
    # wake-up of the server. A long one, or one over TLS, where records hide what has left, goes
    # first, and the terminator in a write of its own: a connection that is lost during a long
    # transmission is certainly lost before the terminator.

    @property
    def _one_write(self) -> bool:
        """Whether content is held that leaves in one write with its terminator."""
        if self._backlog or not self._connection.held_whole:
            return False
        return not self._open_transport.info.secure

    def _write(self) -> None:
        """Write everything, terminators too, until the socket or the server must be waited for."""
        connection = self._connection
        while self._one_write or self._flush():
            token = connection.held
            if token is None:
                return
            if self._open_transport.wait(0):
                self._read()  # the connection may be gone: then this message is not in doubt
                if connection.held != token:
                    continue
            if self._leaving != token:
                self._on_terminator(token)
            connection.release(token)
            self._leaving = token

    def _flush(self) -> bool:
        """Write up to the next terminator; whether all of it is with the kernel."""
        chunks = self._connection.data_to_send()
        if self._backlog:
            chunks = [] if self._connection.stopped else [*self._backlog, *chunks]
            self._backlog = chunks
        if not chunks:
            return True
        try:
            self._backlog = self._open_transport.send(chunks)
            if self._backlog is chunks:
                self._check_patience()
        except ConnectionLost as error:
            self._broke_while_writing(error, chunks)
            return False
        nothing = self._backlog is chunks
        if not nothing:
            self._since = self._clock()
        if self._terminator_was_written:
            self._see_what_left(nothing=nothing)
        return not self._backlog

    @property
    def _terminator_was_written(self) -> bool:
        """Whether the terminator of `_leaving` is in what was written last."""
        return self._leaving is not None and self._connection.held != self._leaving

    def _see_what_left(self, *, nothing: bool) -> None:
        """Hold the terminator again, if its last octet is in what is left of a write."""
        assert self._leaving is not None
        can_tell = not (self._open_transport.info.secure or self._connection.streaming)
        if self._backlog and can_tell:
            self._backlog = self._connection.take_back(self._leaving, self._backlog)
            held = self._connection.held == self._leaving
        else:
            held = nothing
        if not held:
            self._leaving = None

    def _check_patience(self) -> None:
        allowed = self._timeouts[None]
        if self._clock() - self._since >= allowed:
            raise ConnectionLost(_late("taking of content", allowed))

    def _broke_while_writing(self, error: ConnectionLost, chunks: list[Chunk]) -> None:
        """Nothing of this write left; what the server has said before is read first."""
        if self._terminator_was_written and not self._open_transport.info.secure:
            assert self._leaving is not None
            self._connection.take_back(self._leaving, chunks)
        self._backlog = []
        self._read_what_is_there()
        self._connection.connection_lost(error.message)

    def _read(self) -> bool:
        """Take what has come; False where nothing has."""
        connection = self._connection
        try:
            octets = self._open_transport.receive()
        except ConnectionLost as error:
            connection.connection_lost(error.message)
            return True
        if octets is None:
            return False
        connection.receive_data(octets)
        if connection.replies != self._replies:
            self._replies = connection.replies
            self._since = self._clock()
        return True

    def _read_what_is_there(self) -> None:
        while not self._connection.closed and self._open_transport.wait(0) and self._read():
            pass

    def _await(self, deadline: float | None) -> bool:
        """Wait for the server; False when the caller's `deadline` has come."""
        writing = bool(self._backlog)
        if not writing and self._read():
            return True  # a server that is near has answered already
        allowed = self._allowed(None if writing else self._connection.awaited)
        due = self._since + allowed
        until = due if deadline is None else min(due, deadline)
        if self._open_transport.wait(until - self._clock(), writing=writing):
            self._read()
            return True
        now = self._clock()
        if now >= due:
            what = "taking of content" if writing else self._connection.awaited or "reply"
            self._connection.connection_lost(_late(what, allowed))
            return True
        return deadline is None or now < deadline

    def _allowed(self, awaited: Awaited | None) -> float:
        allowed = self._timeouts[awaited]
        if awaited is Awaited.GREETING and self._wrong_port:
            return min(_GREETING_ON_TLS_PORT, allowed)
        return allowed

    @property
    def _wrong_port(self) -> bool:
        return self._server.port == _IMPLICIT_TLS_PORT and self._server.security != "tls"


def _late(what: str, allowed: float) -> str:
    return f"{what} did not come within {allowed:g} seconds"
