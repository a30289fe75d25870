"""Drives an open connection: writes, reads, and sorts the events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mailmerge.smtp.connection import Connection
from mailmerge.smtp.errors import ConnectionLost
from mailmerge.smtp.receiver import Receiver
from mailmerge.smtp.reply import Reply
from mailmerge.smtp.timeouts import ReplyTimer
from mailmerge.smtp.transaction import Outcome
from mailmerge.smtp.transport import Transport
from mailmerge.smtp.writer import Writer


@dataclass(slots=True)
class EventBuffer:
    """The events of a connection, sorted by kind.

    `outcomes` wait for the caller of `Client.wait`. `answers` are the replies to commands of the
    session, and `last_reply` is the last of them that `Driver.ask` returned.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    answers: list[Reply] = field(default_factory=list)
    last_reply: Reply | None = None

    def collect(self, connection: Connection) -> None:
        """Collect and sort the new events of a connection."""
        for event in connection.events():
            if isinstance(event, Outcome):
                self.outcomes.append(event)
            else:
                self.answers.append(event.reply)


class Driver:
    """A connection together with its transport."""

    def __init__(
        self,
        connection: Connection,
        transport: Transport,
        timer: ReplyTimer,
        on_terminator: Callable[[int], None],
        buffer: EventBuffer,
    ) -> None:
        self.transport = transport
        self.receiver = Receiver(connection, transport, timer)
        self.writer = Writer(connection, transport, self.receiver, timer, on_terminator)
        self._connection = connection
        self._timer = timer
        self._buffer = buffer

    def work(self, timeout: float | None) -> None:
        """Write and read until there is an outcome, nothing is in flight, or the time is up."""
        connection, buffer, writer = self._connection, self._buffer, self.writer
        deadline = None if timeout is None else self._timer.now() + timeout
        writer.write()
        buffer.collect(connection)
        while not buffer.outcomes and connection.in_flight:
            if not self.receiver.wait(deadline, writing=writer.blocked):
                break
            buffer.collect(connection)
            if not buffer.outcomes:
                writer.write()
                buffer.collect(connection)
            elif not writer.in_one_write:
                writer.flush()  # long content starts to leave while the caller works
                buffer.collect(connection)

    def ask(self) -> Reply:
        """Write, wait for the reply to one command of the session, and keep it as `last_reply`.

        Raises:
            SmtpError: the connection ended.
        """
        reply = self._buffer.last_reply = self.next_reply()
        return reply

    def next_reply(self) -> Reply:
        """Do the same as `ask`, without changing `last_reply`."""
        connection, buffer = self._connection, self._buffer
        while True:
            self.writer.flush()
            buffer.collect(connection)
            if buffer.answers:
                reply = buffer.answers.pop(0)
                # A refusal explains more than the end of the connection behind it. A positive reply
                # is useless if the connection has ended.
                if connection.session.failure is None or reply.transient or reply.permanent:
                    return reply
            if connection.session.closed:
                raise connection.session.failure or ConnectionLost("the connection is closed")
            self.receiver.wait(None, writing=self.writer.blocked)

    def close(self) -> None:
        """Close at once, and drop what was not written."""
        self.writer.drop()
        self.transport.close()
