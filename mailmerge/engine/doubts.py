"""Lost connections that left messages in doubt -> when a run must stop. Nothing here does I/O.

A message is in doubt if its end has left and no reply has come. That is rare: a server restarts, a
network fails. But a server, a proxy or a virus scanner may take each message and go without reply,
or answer each end of data with garbage. Such a run would put every recipient in doubt, and nothing
but the server's log could tell who has the message. So doubt has two bounds.

What counts is the loss of a connection, not the message: a connection with a window of 64 may leave
64 messages in doubt when it is lost once. And connections that were open at the same time count
once, because they fail together when a server restarts. So a loss counts only if its connection was
opened after the loss that counted before it.

1. *In a row.* Three losses, without one message sent between the first and the last, stop the run.
   One loss is an accident. A server that restarts may cause a second one, as its connections come
   back one after another. A third one, after a new connection and with nothing sent, has a cause
   that stays. So at most 3 x connections x window messages are in doubt.
2. *By share.* A message that is sent now and then does not make this pattern harmless. Each message
   in doubt is made up for by twenty messages that are sent after it. If ten are not made up for,
   from at least three losses, the run stops. So, in the long run, at most one message in twenty is
   in doubt. A connection that is lost now and then, among thousands of messages, never stops a run.
"""

from __future__ import annotations

from typing import Final

from mailmerge.errors import RunStopped
from mailmerge.language import tr
from mailmerge.library_messages import smtp_message
from mailmerge.wording import counted

_LOSSES: Final = 3
"""Losses that stop the run, without a message sent between them or not made up for."""

_MESSAGES: Final = 10
"""Messages in doubt, not made up for, that stop the run."""

_SENT_FOR_ONE: Final = 20
"""Messages that must be sent to make up for one in doubt."""


class Doubts:
    """Counts lost connections and messages in doubt. Not thread-safe: the monitor has a lock."""

    def __init__(self) -> None:
        self._losses = 0
        self._seen: dict[int, int] = {}
        self._in_a_row = 0
        self._open_losses = 0
        self._owed = 0

    def opened(self, connection: int) -> None:
        """Note that a connection was opened."""
        self._seen[connection] = self._losses

    def sent(self) -> None:
        """Note that a message was sent."""
        if self._owed:
            self._in_a_row = 0
            self._owed -= 1
            if not self._owed:
                self._open_losses = 0

    def in_doubt(self, connection: int, reason: str) -> RunStopped | None:
        """Note a message in doubt on this connection. Returns the error that ends the run."""
        self._owed += _SENT_FOR_ONE
        if self._seen.get(connection, 0) == self._losses:
            self._losses += 1
            self._in_a_row += 1
            self._open_losses += 1
        if self._in_a_row >= _LOSSES:
            return _stopped(
                tr(
                    "{connections} in a row ended without a reply to the end of a message: "
                    "{reason}",
                    connections=counted(self._in_a_row, "connection"),
                    reason=smtp_message(reason),
                )
            )
        left = -(-self._owed // _SENT_FOR_ONE)
        if self._open_losses >= _LOSSES and left >= _MESSAGES:
            return _stopped(
                tr(
                    "{connections} ended without a reply and left too many messages in doubt: "
                    "{reason}",
                    connections=counted(self._open_losses, "connection"),
                    reason=smtp_message(reason),
                )
            )
        return None


def _stopped(what: str) -> RunStopped:
    return RunStopped(
        what,
        hint=tr(
            "look in the server's log for the Message-IDs of the recipients in doubt before you "
            "use --in-doubt; a proxy, firewall or virus scanner on the way may end the connections"
        ),
        code="doubts",
    )
