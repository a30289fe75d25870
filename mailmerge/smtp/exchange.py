"""Commands out, replies in: the state that a session and its transactions share. Sans-IO.

A reply is matched to its command by counting, and in no other way (RFC 2920, section 3.1). So there
is one queue of the replies that the server owes, and one list of the bytes to write.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from mailmerge.smtp.content import Chunk
from mailmerge.smtp.errors import RemoteProtocolError, ServerRefused
from mailmerge.smtp.progress import Progress
from mailmerge.smtp.reader import ReplyReader
from mailmerge.smtp.reply import Reply
from mailmerge.smtp.state import Awaited
from mailmerge.smtp.transaction import Outcome

Trace: TypeAlias = Callable[[str, str, Awaited | None], None]
"""Called with "C" (client) or "S" (server), one line of the dialogue without secrets, and the reply
that the line asks for or belongs to (None for a reply that no command asked for)."""

HIDDEN: Final = "****"
"""Replaces a secret in a trace."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An event: the reply to one command of the session."""

    awaited: Awaited
    reply: Reply


Event: TypeAlias = Answered | Outcome

_Owed: TypeAlias = tuple[Awaited, Progress | None]
"""A reply that the server owes, and the transaction whose command it answers (None for a command of
the session)."""


class Exchange:
    """The bytes to write, the replies that are due, and the events that were not collected yet.

    Attributes:
        reader: turns received bytes into replies.
        out: the bytes to write, as chunks that are never copied.
        owed: the replies that the server owes, in order.
        events: the events since the last call of `Connection.events`.
        trace: called with each line of the dialogue, or None.
    """

    __slots__ = ("events", "out", "owed", "reader", "trace")

    def __init__(self, trace: Trace | None) -> None:
        self.reader = ReplyReader()
        self.out: list[Chunk] = []
        self.owed: deque[_Owed] = deque([(Awaited.GREETING, None)])
        self.events: list[Event] = []
        self.trace = trace

    def send(
        self, line: bytes, awaited: Awaited, progress: Progress | None = None, *, shown: str = ""
    ) -> None:
        """Hand out one command; the trace shows `shown` in place of a line that holds a secret."""
        self.out.append(line)
        self.owed.append((awaited, progress))
        if self.trace is not None:
            self.trace("C", shown or line[:-2].decode(), awaited)

    def trace_reply(self, reply: Reply) -> None:
        """Pass a received reply to the trace, with the command that it answers."""
        if self.trace is not None:
            awaited = self.owed[0][0] if self.owed else None
            for line in _lines_of(reply):
                self.trace("S", line, awaited)

    def stop(self) -> None:
        """Write nothing more, and expect no more replies."""
        self.owed.clear()
        self.out.clear()


def _lines_of(reply: Reply) -> Sequence[str]:
    """The lines of a reply with their codes, as the server sent them."""
    *before, last = reply.lines
    return [*(f"{reply.code}-{line}" for line in before), f"{reply.code} {last}".rstrip()]


def unexpected(reply: Reply, awaited: Awaited) -> RemoteProtocolError:
    """The error of a reply whose first digit has no meaning at this point."""
    return RemoteProtocolError(
        f'the server sent "{reply}" as {awaited}, which SMTP does not allow',
        code="unexpected-reply",
        reply=reply,
        awaited=awaited,
    )


def closing_error(reply: Reply) -> ServerRefused:
    """The error of a 421: the server ends the session."""
    return ServerRefused(
        f'the server closes the connection: "{reply}"', code="closing", reply=reply
    )
