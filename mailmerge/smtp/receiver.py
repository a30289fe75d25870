"""Reads what the server says, and waits for it."""

from __future__ import annotations

from mailmerge.smtp.connection import Connection
from mailmerge.smtp.errors import ConnectionLost
from mailmerge.smtp.patience import Patience
from mailmerge.smtp.transport import Transport


class Receiver:
    """Hands what comes over a transport to a connection."""

    __slots__ = ("_connection", "_patience", "_transport")

    def __init__(self, connection: Connection, transport: Transport, patience: Patience) -> None:
        self._connection = connection
        self._transport = transport
        self._patience = patience

    def read(self) -> bool:
        """Take what has come; False where nothing has."""
        try:
            received = self._transport.receive()
        except ConnectionLost as error:
            self._connection.connection_lost(error.message)
            return True
        if received is None:
            return False
        if self._connection.receive_data(received):
            self._patience.begin()
        return True

    def read_if_ready(self) -> None:
        """Take what has come, if anything has."""
        if self._transport.wait(0):
            self.read()

    def read_all(self) -> None:
        """Take everything that has come: what the server said before an end counts."""
        while not self._connection.session.closed and self._transport.wait(0) and self.read():
            pass

    def wait(self, deadline: float | None, *, writing: bool) -> bool:
        """Wait for the server, or until more can be written; False when `deadline` has come.

        What does not come in time ends the connection.
        """
        if not writing and self.read():
            return True  # a server that is near has answered already
        awaited = None if writing else self._connection.awaited
        due = self._patience.due(awaited)
        until = due if deadline is None else min(due, deadline)
        if self._transport.wait(until - self._patience.now(), writing=writing):
            self.read()
            return True
        now = self._patience.now()
        if now >= due:
            self._connection.connection_lost(self._patience.late(awaited))
            return True
        return deadline is None or now < deadline
