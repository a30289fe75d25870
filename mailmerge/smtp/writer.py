"""Writes the bytes that a connection hands out, and lets terminators leave.

The rule of the terminator

A message is in doubt from the moment at which the last byte of its end of data may have left
(state.py).
Three things must hold:

1. The client calls `on_terminator` before that byte may leave, so that the caller can record it.
2. The client calls it once for each message, even if writing the terminator takes two attempts.
3. A message is in doubt only if the kernel took that byte. If the connection breaks earlier, the
   message is not sent, and it is safe to send it again.

So `write` repeats these steps:

    a. Write all that was handed out (`flush`). If the socket takes less, stop: the rest is the
       backlog.
    b. If no terminator is held, stop: there is nothing more to write.
    c. Read what the server has sent. If the connection has ended, the held message is not sent.
    d. Call `on_terminator`, unless an earlier attempt has called it.
    e. Release the terminator, and go to a.

Step a does not write short content by itself. The content waits for the terminator and the next
commands, and all of them leave in one write: one wake-up of the server for each message. Such a
write may end anywhere in content, terminator and commands. The kernel reports how many bytes it
took, and `Connection.take_back` holds the terminator again if its last byte was not among them.

All this requires that the client knows exactly which bytes have left. There are three exceptions:

* Over TLS, the kernel may take a part of a record, and the client cannot see which bytes that is.
  So the content leaves first, and the terminator leaves in a write of its own.
* Long content does so even without TLS. If the connection is lost during the long transmission, the
  terminator has certainly not left.
* While streaming, the content of the next message follows the terminator, so nothing can be taken
  back. The terminator certainly has not left only if the write took no byte at all.
"""

from __future__ import annotations

from collections.abc import Callable

from mailmerge.smtp.connection import Connection
from mailmerge.smtp.content import Chunk
from mailmerge.smtp.errors import ConnectionLost
from mailmerge.smtp.receiver import Receiver
from mailmerge.smtp.timeouts import ReplyTimer
from mailmerge.smtp.transport import Transport


class Writer:
    """Writes the bytes of one connection to its transport.

    `_backlog` holds the bytes that were handed out and that the transport has not taken. `_leaving`
    is the token of the message that was announced by `on_terminator` and whose last byte the kernel
    has not taken yet.
    """

    __slots__ = (
        "_backlog",
        "_connection",
        "_leaving",
        "_on_terminator",
        "_receiver",
        "_timer",
        "_transport",
    )

    def __init__(
        self,
        connection: Connection,
        transport: Transport,
        receiver: Receiver,
        timer: ReplyTimer,
        on_terminator: Callable[[int], None],
    ) -> None:
        self._connection = connection
        self._transport = transport
        self._receiver = receiver
        self._timer = timer
        self._on_terminator = on_terminator
        self._backlog: list[Chunk] = []
        self._leaving: int | None = None

    @property
    def blocked(self) -> bool:
        """Whether bytes wait until the transport takes more."""
        return bool(self._backlog)

    @property
    def in_one_write(self) -> bool:
        """Whether the held content is to leave in one write with its terminator."""
        if self._backlog or not self._connection.held_whole:
            return False
        return not self._transport.info.secure

    def write(self) -> None:
        """Write everything, including terminators, until the socket or the server is not ready."""
        connection = self._connection
        while self.in_one_write or self.flush():
            token = connection.held
            if token is None:
                return
            self._receiver.read_if_ready()
            if connection.held != token:
                continue  # the connection has ended, so this message is not sent
            if self._leaving != token:
                self._on_terminator(token)
            connection.release(token)
            self._leaving = token

    def flush(self) -> bool:
        """Write up to the next terminator. Returns whether the kernel took all of it."""
        chunks = self._connection.data_to_send()
        if self._backlog:
            chunks = [] if self._connection.stopped else [*self._backlog, *chunks]
            self._backlog = chunks
        if not chunks:
            return True
        try:
            rest = self._transport.send(chunks)
            if rest is chunks:
                self._timer.check_writing()
        except ConnectionLost as error:
            self._broken(error, chunks)
            return False
        self._backlog = rest
        if rest is not chunks:
            self._timer.begin()
        if self._terminator_was_written:
            self._see_what_left(nothing=rest is chunks)
        return not self._backlog

    def drop(self) -> None:
        """Drop the backlog, so that nothing more is written."""
        self._backlog = []

    @property
    def _terminator_was_written(self) -> bool:
        """Whether the last write included the terminator of `_leaving`."""
        return self._leaving is not None and self._connection.held != self._leaving

    def _see_what_left(self, *, nothing: bool) -> None:
        """Hold the terminator again if the last write left its last byte over."""
        assert self._leaving is not None
        connection = self._connection
        exact = not (self._transport.info.secure or connection.session.terms.streaming)
        if self._backlog and exact:
            self._backlog = connection.take_back(self._leaving, self._backlog)
            held = connection.held == self._leaving
        else:
            held = nothing
        if not held:
            self._leaving = None

    def _broken(self, error: ConnectionLost, chunks: list[Chunk]) -> None:
        """End the connection after a write that failed, and so wrote nothing.

        Replies that arrived before are read first, since they decide outcomes.
        """
        if self._terminator_was_written and not self._transport.info.secure:
            assert self._leaving is not None
            self._connection.take_back(self._leaving, chunks)
        self._backlog = []
        self._receiver.read_all()
        self._connection.connection_lost(error.message)
