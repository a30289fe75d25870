"""How long a client waits: one timeout for each reply, and one for content that is not taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from mailmerge.smtp.errors import ConnectionLost
from mailmerge.smtp.server import Server
from mailmerge.smtp.state import Awaited

Timeouts: TypeAlias = Mapping[Awaited | None, float]

TIMEOUTS: Final[Timeouts] = MappingProxyType(
    {
        Awaited.GREETING: 300.0,
        Awaited.HELLO: 300.0,
        Awaited.STARTTLS: 300.0,
        Awaited.AUTH: 300.0,
        Awaited.MAIL: 300.0,
        Awaited.RCPT: 300.0,
        Awaited.RSET: 300.0,
        Awaited.DATA: 120.0,
        Awaited.CONTENT: 600.0,
        Awaited.DOT: 600.0,
        Awaited.QUIT: 10.0,
        Awaited.CLOSE: 10.0,
        None: 180.0,  # a block of content that the server does not take
    }
)
"""Seconds without a whole reply, or without a byte taken, after which a connection is given up
(RFC 5321, 4.5.3.2). A shorter one for the end of data would make duplicates."""

_IMPLICIT_TLS_PORT: Final = 465
_GREETING_ON_TLS_PORT: Final = 20.0
"""Seconds to wait for a greeting in clear text on port 465, where servers wait for TLS."""


class Patience:
    """The timeout that is running.

    It starts again with each whole reply, and whenever the server takes something. Single bytes of
    a reply do not put it off. `clock` is monotonic, in seconds.
    """

    __slots__ = ("_clock", "_since", "_timeouts", "_wrong_port")

    def __init__(self, server: Server, timeouts: Timeouts, clock: Callable[[], float]) -> None:
        self._timeouts = timeouts
        self._clock = clock
        self._since = 0.0
        self._wrong_port = clear_text_on_tls_port(server)

    def begin(self) -> None:
        """Start again."""
        self._since = self._clock()

    def now(self) -> float:
        """The time of the clock."""
        return self._clock()

    def due(self, awaited: Awaited | None) -> float:
        """When `awaited` is late; None is the taking of content."""
        return self._since + self._allowed(awaited)

    def check_writing(self) -> None:
        """Look at the time after a write of which nothing was taken.

        Raises:
            ConnectionLost: nothing was taken for too long.
        """
        if self._clock() >= self.due(None):
            raise ConnectionLost(self.late(None))

    def late(self, awaited: Awaited | None) -> str:
        """What did not come in time, in words."""
        what = awaited or "taking of content"
        return f"{what} did not come within {self._allowed(awaited):g} seconds"

    def _allowed(self, awaited: Awaited | None) -> float:
        allowed = self._timeouts[awaited]
        if awaited is Awaited.GREETING and self._wrong_port:
            return min(_GREETING_ON_TLS_PORT, allowed)
        return allowed


def clear_text_on_tls_port(server: Server) -> bool:
    """Whether the server's settings say clear text where servers speak TLS from the start."""
    return server.port == _IMPLICIT_TLS_PORT and server.security != "tls" and not server.socket
