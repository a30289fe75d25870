"""Writes what a connection gives out, and lets terminators leave.

The rule of the terminator

A message is in doubt from the moment when the last byte of its end of data may have left
(state.py). Three things must hold:

1. `on_terminator` is called before that byte may leave, so that the caller can record it.
2. It is called once for each message, even if the terminator has to be written in two attempts.
3. A message is in doubt only where the kernel has taken that byte. A connection that breaks earlier
   leaves the message not sent, and it can be sent again safely.

So `write` repeats these steps:

    a. Write all that was given out (`flush`). Stop if the socket takes less: the rest is the
       backlog.
    b. Stop if no terminator is held: there is nothing more to write.
    c. Read what the server has said. If the connection is gone, its message is simply not sent.
    d. Call `on_terminator`, unless an earlier attempt did.
    e. Release the terminator, and go to a.

A short content is not written in step a by itself: it waits for the terminator and the next
commands, and leaves with them in one write. That is one wake-up of the server for each message.
Then a write may end anywhere in content, terminator and commands; the kernel says how many bytes it
took, and `Connection.take_back` holds the terminator again if its last byte was not among them.

This needs to know to the byte what has left. Over TLS, records hide it: a record may be taken in
part. So over TLS, and for content that is long anyway, the content goes first and the terminator in
a write of its own. A connection that is lost during a long transmission is then certainly lost
before the terminator. While streaming nothing can be taken back either, since the next content
stands behind the terminator; only a write of which nothing left is known to have left nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from mailmerge.smtp.connection import Connection
from mailmerge.smtp.content import Chunk
from mailmerge.smtp.errors import ConnectionLost
from mailmerge.smtp.patience import Patience
from mailmerge.smtp.receiver import Receiver
from mailmerge.smtp.transport import Transport


class Writer:
    """Writes what a connection gives out.

    `backlog` is what was given out and not taken by the transport. `leaving` is the token of the
    message that was announced, and whose last byte is not with the kernel yet.
    """

    __slots__ = (
        "_backlog",
        "_connection",
        "_leaving",
        "_on_terminator",
        "_patience",
        "_receiver",
        "_transport",
    )

    def __init__(
        self,
        connection: Connection,
        transport: Transport,
        receiver: Receiver,
        patience: Patience,
        on_terminator: Callable[[int], None],
    ) -> None:
        self._connection = connection
        self._transport = transport
        self._receiver = receiver
        self._patience = patience
        self._on_terminator = on_terminator
        self._backlog: list[Chunk] = []
        self._leaving: int | None = None

    @property
    def blocked(self) -> bool:
        """Whether something waits until the transport takes more."""
        return bool(self._backlog)

    @property
    def in_one_write(self) -> bool:
        """Whether content is held that leaves in one write with its terminator."""
        if self._backlog or not self._connection.held_whole:
            return False
        return not self._transport.info.secure

    def write(self) -> None:
        """Write everything, terminators too, until the socket or the server must be waited for."""
        connection = self._connection
        while self.in_one_write or self.flush():
            token = connection.held
            if token is None:
                return
            self._receiver.read_if_ready()
            if connection.held != token:
                continue  # the connection is gone: this message is not in doubt
            if self._leaving != token:
                self._on_terminator(token)
            connection.release(token)
            self._leaving = token

    def flush(self) -> bool:
        """Write up to the next terminator; whether all of it is with the kernel."""
        chunks = self._connection.data_to_send()
        if self._backlog:
            chunks = [] if self._connection.stopped else [*self._backlog, *chunks]
            self._backlog = chunks
        if not chunks:
            return True
        try:
            rest = self._transport.send(chunks)
            if rest is chunks:
                self._patience.check_writing()
        except ConnectionLost as error:
            self._broken(error, chunks)
            return False
        self._backlog = rest
        if rest is not chunks:
            self._patience.begin()
        if self._terminator_was_written:
            self._see_what_left(nothing=rest is chunks)
        return not self._backlog

    def drop(self) -> None:
        """Forget the backlog: nothing more is written."""
        self._backlog = []

    @property
    def _terminator_was_written(self) -> bool:
        """Whether the terminator of `leaving` was in what was written last."""
        return self._leaving is not None and self._connection.held != self._leaving

    def _see_what_left(self, *, nothing: bool) -> None:
        """Hold the terminator again, if its last byte is in what a write left over."""
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
        """A write failed, so nothing of it left; what the server has said before is read first."""
        if self._terminator_was_written and not self._transport.info.secure:
            assert self._leaving is not None
            self._connection.take_back(self._leaving, chunks)
        self._backlog = []
        self._receiver.read_all()
        self._connection.connection_lost(error.message)
