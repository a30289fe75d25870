"""Reads what the server sends, and waits for it."""

from __future__ import annotations

from mailmerge.smtp.connection import Connection
from mailmerge.smtp.errors import ConnectionLost
from mailmerge.smtp.timeouts import ReplyTimer
from mailmerge.smtp.transport import Transport


class Receiver:
    """Passes the bytes of a transport to its connection."""

    __slots__ = ("_connection", "_timer", "_transport")

    def __init__(self, connection: Connection, transport: Transport, timer: ReplyTimer) -> None:
        self._connection = connection
        self._transport = transport
        self._timer = timer

    def read(self) -> bool:
        """Read once without waiting. Returns False if nothing has arrived."""
        try:
            received = self._transport.receive()
        except ConnectionLost as error:
            self._connection.connection_lost(error.message)
            return True
        if received is None:
            return False
        if self._connection.receive_data(received):
            self._timer.begin()
        return True

    def read_if_ready(self) -> None:
        """Read once if something has arrived."""
        if self._transport.wait(0):
            self.read()

    def read_all(self) -> None:
        """Read everything that has arrived: replies before the end of a connection count."""
        while not self._connection.session.closed and self._transport.wait(0) and self.read():
            pass

    def wait(self, deadline: float | None, *, writing: bool) -> bool:
        """Wait until the server sends, or until more can be written.

        Returns False at `deadline` (by the timer's clock, in seconds). A reply that is late ends
        the connection.
        """
        if not writing and self.read():
            return True  # a nearby server has answered already
        awaited = None if writing else self._connection.awaited
        due = self._timer.due(awaited)
        until = due if deadline is None else min(due, deadline)
        if self._transport.wait(until - self._timer.now(), writing=writing):
            self.read()
            return True
        now = self._timer.now()
        if now >= due:
            self._connection.connection_lost(self._timer.late(awaited))
            return True
        return deadline is None or now < deadline
