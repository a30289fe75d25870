"""Commands out, replies in: what a session and its transactions share.

Replies belong to commands by counting, and by nothing else (RFC 2920, 3.1). So there is one queue
of the replies that the server owes, whoever asked, and one list of the bytes to write.
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
"""Called with "C" or "S", one line of the dialogue, and the reply that it asks for or belongs to
(None for a reply to nothing); secrets are hidden before."""

HIDDEN: Final = "****"
"""Stands for a secret in a trace."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An event: the reply to one command of the session."""

    awaited: Awaited
    reply: Reply


Event: TypeAlias = Answered | Outcome

_Owed: TypeAlias = tuple[Awaited, Progress | None]
"""A reply that the server owes, and the transaction whose command it answers; None for a command of
the session."""


class Exchange:
    """The wire as a connection sees it.

    `out` is what is to be written, in chunks that are never copied. `owed` are the replies that the
    server owes, in order. `events` is what has happened and was not given out yet.
    """

    __slots__ = ("events", "out", "owed", "reader", "trace")

    def __init__(self, trace: Trace | None) -> None:
        self.reader = ReplyReader()
        self.out: list[Chunk] = []
        self.owed: deque[_Owed] = deque([(Awaited.GREETING, None)])
        self.events: list[Event] = []
        self.trace = trace

    def say(
        self, line: bytes, awaited: Awaited, progress: Progress | None = None, *, shown: str = ""
    ) -> None:
        """Give out one command; `shown` is what the trace shows of one that holds a secret."""
        self.out.append(line)
        self.owed.append((awaited, progress))
        if self.trace is not None:
            self.trace("C", shown or line[:-2].decode(), awaited)

    def trace_reply(self, reply: Reply) -> None:
        """Tell the trace what the next reply owed is, or a reply to nothing."""
        if self.trace is not None:
            awaited = self.owed[0][0] if self.owed else None
            for line in _lines_of(reply):
                self.trace("S", line, awaited)

    def stop(self) -> None:
        """Nothing more is to be written, and no reply is waited for."""
        self.owed.clear()
        self.out.clear()


def _lines_of(reply: Reply) -> Sequence[str]:
    """A reply as its lines were on the wire."""
    *before, last = reply.lines
    return [*(f"{reply.code}-{line}" for line in before), f"{reply.code} {last}".rstrip()]


def unexpected(reply: Reply, awaited: Awaited) -> RemoteProtocolError:
    """The server answered with a digit that has no meaning there."""
    return RemoteProtocolError(
        f'"{reply}" cannot be {awaited}', code="unexpected-reply", reply=reply, awaited=awaited
    )


def closing_error(reply: Reply) -> ServerRefused:
    """421: the server ends the session."""
    return ServerRefused(
        f'the server closes the connection: "{reply}"', code="closing", reply=reply
    )
