"""Drives a connection over a transport: open, submit, wait, quit.

    client = Client(Server("mail.example.org"), Credentials("news", "secret"), on_terminator=record)
    client.open()
    while client.room: client.submit(...)
    outcomes = client.wait()

The client applies the timeouts of RFC 5321, section 4.5.3.2. If the connection ends while
transactions are in flight, that is not an exception: each of them gets its outcome.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext

from mailmerge.smtp.auth import CredentialSource
from mailmerge.smtp.capabilities import Capabilities
from mailmerge.smtp.connection import Connection
from mailmerge.smtp.driver import Driver, EventBuffer
from mailmerge.smtp.errors import ConnectionLost, LocalProtocolError, SmtpError
from mailmerge.smtp.exchange import Trace
from mailmerge.smtp.handshake import Handshake, LoginTurn, connect_transport
from mailmerge.smtp.reply import Reply
from mailmerge.smtp.server import Server
from mailmerge.smtp.state import Stage
from mailmerge.smtp.timeouts import TIMEOUTS, ReplyTimer, Timeouts, clear_text_on_tls_port
from mailmerge.smtp.transaction import Envelope, Outcome, Transaction, Verdict
from mailmerge.smtp.transport import SocketTransport, Transport


def _not_recorded(token: int) -> None:
    """Default of `on_terminator`: do nothing."""


class Client:
    """One connection to one server, used by one thread.

    Args:
        server: the server, and how to connect to it.
        credentials: the log-in, or None for a server that asks for none; a function is asked for
            it when the connection is opened.
        window: the maximum number of transactions in flight if the server offers CHUNKING.
        on_terminator: called with a token before the last bytes of that message may leave. An
            exception from it reaches the caller of `wait` or `push`, and the terminator stays here.
        trace: called with each line of the dialogue: "C" or "S", the line without secrets, and the
            reply that it asks for or belongs to.
        connect: makes the transport.
        timeouts: seconds for each reply; for tests.
        clock: monotonic seconds; for tests.

    Attributes:
        server: the server of this connection.
    """

    def __init__(
        self,
        server: Server,
        credentials: CredentialSource = None,
        *,
        window: int = 1,
        on_terminator: Callable[[int], None] = _not_recorded,
        trace: Trace | None = None,
        connect: Callable[[Server], Transport] = SocketTransport.connect,
        timeouts: Timeouts = TIMEOUTS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.server = server
        self._credentials = credentials
        self._on_terminator = on_terminator
        self._connect = connect
        self._timer = ReplyTimer(server, timeouts, clock)
        self._connection = Connection(
            protocol=server.protocol,
            window=window,
            pipelining=server.pipelining,
            chunking=server.chunking,
            trace=trace,
        )
        self._buffer = EventBuffer()
        self._driver: Driver | None = None

    # --- the state of the connection

    @property
    def capabilities(self) -> Capabilities:
        """The extensions that the server offers; empty before `open`."""
        return self._connection.session.capabilities

    @property
    def usable(self) -> bool:
        """Whether more transactions may be submitted on this connection, now or later."""
        return self._connection.usable

    @property
    def room(self) -> int:
        """The number of transactions that may be submitted now."""
        return self._connection.room

    @property
    def in_flight(self) -> int:
        """The number of submitted transactions whose outcome `wait` has not returned yet."""
        return self._connection.in_flight + len(self._buffer.outcomes)

    @property
    def ready(self) -> int:
        """The number of outcomes that `wait` returns at once."""
        return len(self._buffer.outcomes)

    @property
    def failure(self) -> SmtpError | None:
        """Why the connection ended; None while it is open, and after QUIT."""
        return self._connection.session.failure

    @property
    def last_reply(self) -> Reply | None:
        """The last reply to a command of the session, for example the one that made `open` fail."""
        return self._buffer.last_reply

    @property
    def tls_version(self) -> str:
        """The version of TLS, for example "TLSv1.3"; empty without TLS."""
        return self._driver.transport.info.tls_version if self._driver is not None else ""

    # --- actions

    def open(self, login_turn: LoginTurn = nullcontext) -> Capabilities:
        """Connect, read the greeting, send EHLO, start TLS and log in.

        Returns the extensions that the server offers. The log-in happens inside a context of
        `login_turn`. With it, a program that opens several connections can let them log in one
        after another. An exception that the context raises on entry reaches the caller; the session
        then ends with QUIT, and no secret was sent.

        Raises:
            ServerUnreachable: there is no connection, or no TLS that can be trusted.
            ServerRefused: the server refuses this session.
            AuthenticationRefused: the server refused the log-in, or it must not be sent there.
            RemoteProtocolError: the server does not speak SMTP.
            ConnectionLost: the connection ended, or a reply did not come in time.
            LocalProtocolError: `open` was called before.
        """
        if self._driver is not None:
            raise LocalProtocolError(
                "this client was opened before; make a new one for each connection"
            )
        # Asked first: a server does not wait long for a client that fetches a token.
        source = self._credentials
        credentials = source() if callable(source) else source
        transport = connect_transport(self.server, self._connect)
        self._driver = Driver(
            self._connection, transport, self._timer, self._on_terminator, self._buffer
        )
        self._timer.begin()
        try:
            handshake = Handshake(
                self.server, self._connection.session, transport, self._driver.ask
            )
            handshake.run(credentials, login_turn)
        except Exception as error:
            self.quit()  # also after a refusal (RFC 5321, 4.1.1.10)
            if isinstance(error, ConnectionLost) and clear_text_on_tls_port(self.server):
                # The server waits for TLS while the client waits for the greeting.
                raise ConnectionLost(error.message, code="tls-port", stage=Stage.TLS) from error
            raise
        except BaseException:
            self.abort()
            raise
        return self.capabilities

    def submit(self, transaction: Transaction) -> None:
        """Accept one transaction; `wait` sends it and returns its outcome.

        If the connection has ended meanwhile, the outcome is NOT_SENT. If the server cannot take
        the message at all (`Connection.submit`), the outcome is ready at once.

        Raises:
            LocalProtocolError: `room` is 0, or the envelope or the content is malformed.
        """
        connection = self._connection
        if not connection.in_flight:
            if not connection.session.closed:
                self._open_driver.receiver.read_if_ready()  # 421 to an idle connection, or its end
            self._timer.begin()
        if connection.session.closed:
            reason = str(self.failure or "the connection is closed")
            lost = Outcome(transaction.token, Verdict.NOT_SENT, Stage.MAIL, reason=reason)
            self._buffer.outcomes.append(lost)
            return
        connection.submit(transaction)
        if connection.has_events:  # the server cannot take this message, so it has its outcome
            self._buffer.collect(connection)

    def impossible(self, envelope: Envelope) -> str:
        """One sentence that says why this server cannot take the envelope, or ""."""
        return self._connection.session.terms.impossible(envelope)

    def probe(self, envelope: Envelope) -> tuple[Reply, ...]:
        """Try an envelope without a message: send MAIL, RCPT until one is refused, and RSET.

        Returns the replies to MAIL and to each RCPT.

        Raises:
            LocalProtocolError: a path is malformed, the envelope is `impossible` for this server,
                transactions are in flight, or the client is not open.
            RemoteProtocolError: a reply has no meaning at its point.
            ConnectionLost: the connection ended.
        """
        probe = self._connection.probe
        ask = self._open_driver.ask
        probe.mail(envelope)
        replies = [ask()]
        for path in envelope.forward_paths:
            if not replies[-1].positive:
                break
            probe.recipient(envelope, path)
            replies.append(ask())
        if not self._connection.session.closed:  # 421 ends the connection (RFC 5321, 3.8)
            probe.reset()
            ask()
        return tuple(replies)

    def wait(self, timeout: float | None = None) -> list[Outcome]:
        """Write what can be written and read replies, until there is an outcome.

        Returns the outcomes in the order in which they were decided. The list is empty after
        `timeout` seconds, or if nothing is in flight. With a `timeout` of 0 it never waits.
        """
        if self._driver is not None:
            self._driver.work(timeout)
        buffer = self._buffer
        outcomes, buffer.outcomes = buffer.outcomes, []
        return outcomes

    def notice_end(self) -> None:
        """Read what has arrived while nothing is in flight: 421, or the end of the connection.

        `usable` is then False. A server that closes idle connections is noticed before the next
        message is submitted.
        """
        if self._driver is not None and not self._connection.in_flight:
            self._driver.receiver.read_all()

    def push(self) -> None:
        """Write what is ready without waiting, so that the server works while the caller does.

        Call it when the outcomes of the last `wait` are recorded and before making the next
        message. Content without a submitted successor stays for `wait`, so that both leave in one
        write.
        """
        if self._connection.successor_waits:
            writer = self._open_driver.writer
            if writer.in_one_write:
                writer.write()

    def quit(self) -> None:
        """Send QUIT, wait a short time for the reply, and close. It raises nothing.

        With transactions in flight it is the same as `abort`; `wait` still returns their outcomes.
        """
        driver, session = self._driver, self._connection.session
        if driver is None or session.closed or self._connection.in_flight:
            self.abort()
            return
        try:
            session.quit()
            driver.next_reply()
        except SmtpError:
            pass  # every outcome is known; the reply to QUIT changes nothing
        finally:
            self.abort()

    def abort(self) -> None:
        """Close at once; `wait` returns NOT_SENT or IN_DOUBT for each transaction in flight.

        Replies that have arrived are read first, so a message that the server took is SENT.
        """
        if self._driver is not None:
            self._driver.receiver.read_all()
        self._connection.connection_lost("the connection was given up")
        self._buffer.collect(self._connection)
        if self._driver is not None:
            self._driver.close()

    @property
    def _open_driver(self) -> Driver:
        if self._driver is None:
            raise LocalProtocolError("the client is not open; call open() first")
        return self._driver
