"""Unix sockets, for platforms that have them."""

from __future__ import annotations

import socket
from typing import Final

from mailmerge.smtp.errors import ServerUnreachable
from mailmerge.smtp.state import Stage

_FAMILY: Final[int | None] = getattr(socket, "AF_UNIX", None)


def connect_unix(path: str, timeout: float, *, family: int | None = _FAMILY) -> socket.socket:
    """Connect to the Unix socket at `path`; `timeout` is in seconds.

    Raises:
        ServerUnreachable: no server listens there, or this platform has no Unix sockets.
    """
    if family is None:
        raise ServerUnreachable(
            f"no connection to the socket {path}: Python has no Unix sockets on this system",
            code="no-unix-sockets",
            stage=Stage.CONNECT,
        )
    unconnected = socket.socket(family, socket.SOCK_STREAM)
    try:
        unconnected.settimeout(timeout)
        unconnected.connect(path)
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL
        unconnected.close()
        raise ServerUnreachable(
            f"no connection to the socket {path}: {getattr(error, 'strerror', None) or error}",
            code="no-unix-connection",
            stage=Stage.CONNECT,
        ) from error
    return unconnected
