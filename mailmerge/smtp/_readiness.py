"""Waits until a socket can be read or written: by poll(2), or by select if there is no poll.

poll takes any descriptor; on Unix, select fails for descriptors above 1023.
Windows has only select.
"""

from __future__ import annotations

import select
import socket
from typing import Protocol


class Readiness(Protocol):
    """Waits for one socket."""

    def wait(self, seconds: float | None, *, writing: bool) -> bool:
        """Wait until the socket can be read or, with `writing`, also written.

        Returns False after `seconds`. None waits without a limit. A closed socket is ready at once:
        reading from it raises the error.
        """
        ...


class PollReadiness:
    """Waits by poll(2); each of the two ways of waiting is registered once."""

    def __init__(self, connected: socket.socket) -> None:
        self._reading = select.poll()
        self._reading.register(connected, select.POLLIN)
        self._both = select.poll()
        self._both.register(connected, select.POLLIN | select.POLLOUT)

    def wait(self, seconds: float | None, *, writing: bool) -> bool:
        """Wait as `Readiness` says."""
        poll = self._both if writing else self._reading
        return bool(poll.poll(None if seconds is None else max(seconds, 0) * 1000))


class SelectReadiness:
    """Waits by select, which every platform has."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    def wait(self, seconds: float | None, *, writing: bool) -> bool:
        """Wait as `Readiness` says."""
        if self._socket.fileno() < 0:
            return True
        one = [self._socket]
        limit = None if seconds is None else max(seconds, 0)
        readable, writable, _ = select.select(one, one if writing else [], [], limit)
        return bool(readable or writable)


def readiness_of(connected: socket.socket) -> Readiness:
    """Return the best way to wait for this socket on this platform."""
    return PollReadiness(connected) if hasattr(select, "poll") else SelectReadiness(connected)
