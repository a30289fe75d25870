"""Moves an open connection on: writes, reads, and sorts what has happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mailmerge.smtp.connection import Connection
from mailmerge.smtp.errors import ConnectionLost
from mailmerge.smtp.patience import Patience
from mailmerge.smtp.receiver import Receiver
from mailmerge.smtp.reply import Reply
from mailmerge.smtp.transaction import Outcome
from mailmerge.smtp.transport import Transport
from mailmerge.smtp.writer import Writer


@dataclass(slots=True)
class Inbox:
    """What has happened on a connection, sorted.

    `outcomes` wait for the caller of `Client.wait`, `answers` are replies to commands of the
    session. `last_reply` is the last of these that was waited for.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    answers: list[Reply] = field(default_factory=list)
    last_reply: Reply | None = None

    def collect(self, connection: Connection) -> None:
        """Take the events of a connection."""
        for event in connection.events():
            if isinstance(event, Outcome):
                self.outcomes.append(event)
            else:
                self.answers.append(event.reply)


class Driver:
    """A connection over its transport."""

    def __init__(
        self,
        connection: Connection,
        transport: Transport,
        patience: Patience,
        on_terminator: Callable[[int], None],
        inbox: Inbox,
    ) -> None:
        self.transport = transport
        self.receiver = Receiver(connection, transport, patience)
        self.writer = Writer(connection, transport, self.receiver, patience, on_terminator)
        self._connection = connection
        self._patience = patience
        self._inbox = inbox

    def work(self, timeout: float | None) -> None:
        """Write and read until there is an outcome, nothing is in flight, or the time is up."""
        connection, inbox, writer = self._connection, self._inbox, self.writer
        deadline = None if timeout is None else self._patience.now() + timeout
        writer.write()
        inbox.collect(connection)
        while not inbox.outcomes and connection.in_flight:
            if not self.receiver.wait(deadline, writing=writer.blocked):
                break
            inbox.collect(connection)
            if not inbox.outcomes:
                writer.write()
                inbox.collect(connection)
            elif not writer.in_one_write:
                writer.flush()  # a long content begins to leave while the caller works
                inbox.collect(connection)

    def ask(self) -> Reply:
        """Write, and wait for the reply to one command of the session; `last_reply` keeps it.

        Raises:
            SmtpError: the connection ended.
        """
        reply = self._inbox.last_reply = self.next_reply()
        return reply

    def next_reply(self) -> Reply:
        """The reply to one command of the session, as `ask` gets it."""
        connection, inbox = self._connection, self._inbox
        while True:
            self.writer.flush()
            inbox.collect(connection)
            if inbox.answers:
                reply = inbox.answers.pop(0)
                # A refusal says more than the end that follows it; a positive reply is of no use
                # then.
                if connection.session.failure is None or reply.transient or reply.permanent:
                    return reply
            if connection.session.closed:
                raise connection.session.failure or ConnectionLost("the connection is closed")
            self.receiver.wait(None, writing=self.writer.blocked)

    def close(self) -> None:
        """Close at once; nothing more is written."""
        self.writer.drop()
        self.transport.close()
