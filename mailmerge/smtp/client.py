"""Drives a connection over a transport: open, submit, wait, quit.

    client = Client(Server("mail.example.org"), Credentials("news", "secret"), on_terminator=record)
    client.open()
    while client.room: client.submit(...)
    outcomes = client.wait()

Time lives here: each reply has the timeout of RFC 5321, 4.5.3.2. What ends a connection while
transactions are in flight is a value, not an error: each of them gets its outcome.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from mailmerge.smtp.auth import Credentials
from mailmerge.smtp.capabilities import Capabilities
from mailmerge.smtp.connection import Connection
from mailmerge.smtp.driver import Driver, Inbox
from mailmerge.smtp.errors import ConnectionLost, LocalProtocolError, SmtpError
from mailmerge.smtp.exchange import Trace
from mailmerge.smtp.handshake import Handshake, reach
from mailmerge.smtp.patience import TIMEOUTS, Patience, Timeouts, clear_text_on_tls_port
from mailmerge.smtp.reply import Reply
from mailmerge.smtp.server import Server
from mailmerge.smtp.state import Stage
from mailmerge.smtp.transaction import Envelope, Outcome, Transaction, Verdict
from mailmerge.smtp.transport import SocketTransport, Transport


def _not_recorded(token: int) -> None:
    """Do nothing when the terminator of `token` leaves."""


class Client:
    """One connection to one server, used by one thread.

    `window` is how many transactions may be in flight where the server offers CHUNKING.
    `on_terminator(token)` is called before the last bytes of that content may leave; an error it
    raises goes to the caller of `wait` or `push`, and nothing of the terminator leaves. `trace` is
    called with each line of the dialogue ("C" or "S", the line without secrets, the reply awaited).
    `connect` makes the transport. `timeouts` and `clock` (seconds, monotonic) are there for tests.
    """

    def __init__(
        self,
        server: Server,
        credentials: Credentials | None = None,
        *,
        window: int = 1,
        on_terminator: Callable[[int], None] = _not_recorded,
        trace: Trace | None = None,
        connect: Callable[[Server], Transport] = SocketTransport.connect,
        timeouts: Timeouts = TIMEOUTS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        self._credentials = credentials
        self._on_terminator = on_terminator
        self._connect = connect
        self._patience = Patience(server, timeouts, clock)
        self._connection = Connection(
            protocol=server.protocol,
            window=window,
            pipelining=server.pipelining,
            chunking=server.chunking,
            trace=trace,
        )
        self._inbox = Inbox()
        self._driver: Driver | None = None

    # What is known

    @property
    def capabilities(self) -> Capabilities:
        """What the server offers; empty before `open`."""
        return self._connection.session.capabilities

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
        return self._connection.in_flight + len(self._inbox.outcomes)

    @property
    def failure(self) -> SmtpError | None:
        """Why the connection ended, or None while it is there and after a proper end."""
        return self._connection.session.failure

    @property
    def last_reply(self) -> Reply | None:
        """The last reply to a command of the session: what `open` failed on, if it did."""
        return self._inbox.last_reply

    @property
    def tls_version(self) -> str:
        """Such as "TLSv1.3"; empty without TLS."""
        return self._driver.transport.info.tls_version if self._driver is not None else ""

    # What can be done

    def open(self) -> Capabilities:
        """Connect, read the greeting, say EHLO, start TLS and log in.

        Raises:
            ServerUnreachable: no connection, or no TLS that can be trusted.
            ServerRefused: the server refuses this session.
            AuthenticationRefused: the log-in was refused, or must not be sent here.
            RemoteProtocolError: the server does not speak SMTP.
            ConnectionLost: the connection ended, or a reply did not come in time.
            LocalProtocolError: it was opened before.
        """
        if self._driver is not None:
            raise LocalProtocolError("a client opens one connection; make another one")
        transport = reach(self._server, self._connect)
        self._driver = Driver(
            self._connection, transport, self._patience, self._on_terminator, self._inbox
        )
        self._patience.begin()
        try:
            handshake = Handshake(
                self._server, self._connection.session, transport, self._driver.ask
            )
            handshake.run(self._credentials)
        except SmtpError as error:
            self.quit()  # also after a refusal (RFC 5321, 4.1.1.10)
            if isinstance(error, ConnectionLost) and clear_text_on_tls_port(self._server):
                # A server that waits for TLS says nothing to a client that waits for its greeting.
                raise ConnectionLost(error.message, code="tls-port", stage=Stage.TLS) from error
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
        connection = self._connection
        if not connection.in_flight:
            if not connection.session.closed:
                self._open_driver.receiver.read_if_ready()  # 421 to an idle connection, or its end
            self._patience.begin()
        if connection.session.closed:
            reason = str(self.failure or "the connection is closed")
            lost = Outcome(transaction.token, Verdict.NOT_SENT, Stage.MAIL, reason=reason)
            self._inbox.outcomes.append(lost)
            return
        connection.submit(transaction)

    def impossible(self, envelope: Envelope) -> str:
        """Why this server cannot take such an envelope, as one sentence; or nothing."""
        return self._connection.session.terms.impossible(envelope)

    def probe(self, envelope: Envelope) -> tuple[Reply, ...]:
        """Try an envelope without a message: MAIL, RCPT until one is refused, and RSET.

        Returns the replies to MAIL and to each RCPT that was tried.

        Raises:
            LocalProtocolError: a path is malformed, the envelope is `impossible` here, transactions
                are under way, or the client is not open.
            RemoteProtocolError: a reply has no meaning there.
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
        """Write what can be written and read replies, until an outcome is there.

        Returns the outcomes in the order in which they were decided; an empty list after `timeout`
        seconds, or when nothing is in flight. With a `timeout` of 0 it does what can be done now.
        """
        if self._driver is not None:
            self._driver.work(timeout)
        inbox = self._inbox
        outcomes, inbox.outcomes = inbox.outcomes, []
        return outcomes

    def push(self) -> None:
        """Write what is ready without waiting: the server works while the caller makes a message.

        To be called when the outcomes of the last `wait` are recorded. A content whose successor
        is not submitted yet is left for `wait`, so that both leave in one write.
        """
        if self._connection.successor_waits:
            writer = self._open_driver.writer
            if writer.in_one_write:
                writer.write()

    def quit(self) -> None:
        """Say QUIT, wait a little for the reply, and close. It raises nothing.

        With transactions in flight it is `abort`; `wait` still gives their outcomes.
        """
        driver, session = self._driver, self._connection.session
        if driver is None or session.closed or self._connection.in_flight:
            self.abort()
            return
        try:
            session.quit()
            driver.next_reply()
        except SmtpError:
            pass  # the mail is delivered; how the server says good-bye changes nothing
        finally:
            self.abort()

    def abort(self) -> None:
        """Close at once; what is in flight is NOT_SENT or IN_DOUBT, and `wait` says which.

        What the server has said before is read first: a message that it took is SENT.
        """
        if self._driver is not None:
            self._driver.receiver.read_all()
        self._connection.connection_lost("the connection was given up")
        self._inbox.collect(self._connection)
        if self._driver is not None:
            self._driver.close()

    @property
    def _open_driver(self) -> Driver:
        if self._driver is None:
            raise LocalProtocolError("the client is not open")
        return self._driver
