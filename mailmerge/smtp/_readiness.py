"""Waits until a socket can be read or written: by poll(2), or by select where there is no poll.

poll has no limit on the number of a descriptor; select fails above 1023 on Unix. Windows has select
alone.
"""

from __future__ import annotations

import select
import socket
from typing import Protocol


class Readiness(Protocol):
    """Waits for one socket."""

    def wait(self, seconds: float | None, *, writing: bool) -> bool:
        """Wait until it can be read or, if `writing`, written; False after `seconds`.

        None waits without an end. A closed socket is ready at once: to read it says what is wrong.
        """
        ...


class PollReadiness:
    """By poll(2), registered once for each way of waiting."""

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
    """By select, which every platform has."""

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
    """The best way to wait for this socket on this platform."""
    return PollReadiness(connected) if hasattr(select, "poll") else SelectReadiness(connected)
