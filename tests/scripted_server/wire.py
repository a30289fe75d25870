"""One connection's bytes: lines, counted bytes and content in; replies out, in few packets.

Replies are collected and written when the server has to wait for input, as RFC 2920, 3.2 asks.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable

_BLOCK = 65_536
_TERMINATOR = b"\r\n.\r\n"


class Gone(Exception):
    """The connection is over."""


class Wire:
    """A socket with buffers for both directions."""

    def __init__(self, connection: socket.socket, stopping: threading.Event) -> None:
        self._socket = connection
        self._stopping = stopping
        self._incoming = bytearray()
        self._outgoing = bytearray()
        self._answered = False
        self.round_trips = 0
        self.tls = False

    def write(self, content: bytes) -> None:
        """Collect bytes for the next packet."""
        self._outgoing += content

    def take_unwritten(self) -> bytes:
        """Take back what was collected and not yet written."""
        unwritten = bytes(self._outgoing)
        self._outgoing.clear()
        return unwritten

    def flush(self) -> None:
        """Write what was collected."""
        if self._outgoing:
            self._answered = True
            unwritten = self.take_unwritten()
            try:
                self._socket.sendall(unwritten)
            except (OSError, ValueError) as error:
                raise Gone from error

    def drip(self, content: bytes, *, size: int, pause: float) -> None:
        """Write a few bytes at a time."""
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(content), size):
            self.write(content[start : start + size])
            self.flush()
            self.sleep(pause)

    def sleep(self, seconds: float) -> None:
        """Let time pass; ends at once when the server stops."""
        if self._stopping.wait(min(seconds, threading.TIMEOUT_MAX)):
            raise Gone

    def pending(self, settle: float = 0.0) -> bool:
        """Whether the client has sent bytes that were not read yet."""
        if self._incoming or (isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()):
            return True
        try:
            readable, _, _ = select.select([self._socket], [], [], settle)
            return bool(readable) and bool(self._peek())
        except (OSError, ValueError):
            return False

    def _peek(self) -> bytes:
        if isinstance(self._socket, ssl.SSLSocket):
            # A TLS record may be no data at all (a session ticket, an alert): read to find out.
            self._socket.setblocking(False)
            try:
                self._incoming += self._socket.recv(_BLOCK)
            except ssl.SSLWantReadError:
                pass
            finally:
                self._socket.setblocking(True)
            return bytes(self._incoming)
        return self._socket.recv(1, socket.MSG_PEEK)

    def buffered(self) -> bytes:
        """What was read from the socket and not yet used."""
        return bytes(self._incoming)

    def read_line(self, limit: int, *, idle: Callable[[float], float] | None = None) -> bytes:
        """One line with its CRLF; without one when `limit` bytes came first.

        `idle` is asked for the seconds after which it wants to be called again.
        """
        searched = 0
        while (end := self._incoming.find(b"\r\n", searched)) < 0:
            if len(self._incoming) > limit:
                return self._take(len(self._incoming))
            searched = max(0, len(self._incoming) - 1)
            self._receive(idle)
        return self._take(end + 2)

    def read_exactly(self, count: int, seen: Callable[[int], None]) -> bytes:
        """Exactly `count` bytes; `seen` is called with how many have come whenever some have."""
        seen(min(count, len(self._incoming)))
        while len(self._incoming) < count:
            self._receive()
            seen(min(count, len(self._incoming)))
        return self._take(count)

    def read_content(self, seen: Callable[[int], None]) -> bytes:
        """Content up to the final dot (RFC 5321, 4.1.1.4), still stuffed, with its last CRLF."""
        self._incoming[:0] = b"\r\n"
        searched = 0
        while (end := self._incoming.find(_TERMINATOR, searched)) < 0:
            seen(len(self._incoming) - 2)
            searched = max(0, len(self._incoming) - len(_TERMINATOR))
            self._receive()
        content = self._take(end + 2)[2:]
        self._take(len(_TERMINATOR) - 2)
        return content

    def _take(self, count: int) -> bytes:
        taken = bytes(self._incoming[:count])
        del self._incoming[:count]
        return taken

    def _receive(self, idle: Callable[[float], float] | None = None) -> None:
        """Write what is waiting, then read at least one byte."""
        self.flush()
        self.round_trips += self._answered
        self._answered = False
        try:
            if idle is not None:
                self._wait(idle)
            received = self._socket.recv(_BLOCK)
        except (OSError, ValueError) as error:
            raise Gone from error
        if not received:
            raise Gone
        self._incoming += received

    def _wait(self, idle: Callable[[float], float]) -> None:
        if isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
            return
        since = time.monotonic()
        while True:
            pause = idle(time.monotonic() - since)
            self.flush()
            if select.select([self._socket], [], [], min(pause, 3600))[0]:
                return

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Shake hands as the server; what was read before is forgotten."""
        self._incoming.clear()
        try:
            # The socket first, the handshake after: `interrupt` must find the socket in use.
            secured = context.wrap_socket(
                self._socket, server_side=True, do_handshake_on_connect=False
            )
            self._socket = secured
            secured.do_handshake()
        except (OSError, ValueError) as error:
            raise Gone from error
        self.tls = True

    def close(self, *, notify: bool = False) -> None:
        """End with FIN. What the client still sends is read away, or the kernel would send RST."""
        with contextlib.suppress(OSError, ValueError, Gone):
            self.flush()
            if notify and isinstance(self._socket, ssl.SSLSocket):
                self._socket.settimeout(1)
                self._socket.unwrap()
            raw = socket.socket(fileno=self._socket.detach())
            raw.settimeout(1)
            self._socket = raw
            raw.shutdown(socket.SHUT_WR)
            while raw.recv(_BLOCK):
                pass
        self.abandon()

    def reset(self) -> None:
        """End with RST."""
        with contextlib.suppress(OSError, ValueError, Gone):
            self.flush()
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.abandon()

    def abandon(self) -> None:
        """Give the socket back in any state."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def interrupt(self) -> None:
        """Wake the thread that reads or writes here; called by another thread."""
        with contextlib.suppress(OSError, ValueError):
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
