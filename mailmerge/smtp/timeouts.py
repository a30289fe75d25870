"""How long a client waits: a timeout for each reply, and one for content that is not taken."""

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
        None: 180.0,  # the server takes no byte of the content
    }
)
"""Seconds after which a connection is given up if no complete reply arrives, or if the server takes
no byte (key None). RFC 5321, section 4.5.3.2, sets the values of MAIL, RCPT, DATA, the content and
the greeting. A shorter timeout for the end of data would cause duplicates (RFC 1047)."""

_IMPLICIT_TLS_PORT: Final = 465
_GREETING_ON_TLS_PORT: Final = 20.0
"""Seconds to wait for a greeting in clear text on port 465, where servers wait for TLS."""


class ReplyTimer:
    """Measures how long the next reply, or the next write, is overdue.

    The time restarts with each complete reply, and whenever the server takes bytes. Single bytes of
    a reply do not restart it. `clock` is monotonic, in seconds.
    """

    __slots__ = ("_clock", "_since", "_timeouts", "_wrong_port")

    def __init__(self, server: Server, timeouts: Timeouts, clock: Callable[[], float]) -> None:
        self._timeouts = timeouts
        self._clock = clock
        self._since = 0.0
        self._wrong_port = clear_text_on_tls_port(server)

    def begin(self) -> None:
        """Restart the time."""
        self._since = self._clock()

    def now(self) -> float:
        """The present time of the clock, in seconds."""
        return self._clock()

    def due(self, awaited: Awaited | None) -> float:
        """The time at which `awaited` is late; None stands for a write."""
        return self._since + self._allowed(awaited)

    def check_writing(self) -> None:
        """Check the time after a write that took no byte.

        Raises:
            ConnectionLost: the server has taken nothing for too long.
        """
        if self._clock() >= self.due(None):
            raise ConnectionLost(self.late(None))

    def late(self, awaited: Awaited | None) -> str:
        """One sentence about what is late."""
        seconds = f"{self._allowed(awaited):g} seconds"
        if awaited is None:
            return f"the server took no data for {seconds}"
        return f"{awaited} did not come within {seconds}"

    def _allowed(self, awaited: Awaited | None) -> float:
        allowed = self._timeouts[awaited]
        if awaited is Awaited.GREETING and self._wrong_port:
            return min(_GREETING_ON_TLS_PORT, allowed)
        return allowed


def clear_text_on_tls_port(server: Server) -> bool:
    """Whether the settings ask for clear text on port 465, where servers speak TLS at once."""
    return server.port == _IMPLICIT_TLS_PORT and server.security != "tls" and not server.socket
