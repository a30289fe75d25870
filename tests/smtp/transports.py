"""Transports for tests: each wraps a real socket, and records or changes its bytes."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace

from mailmerge.smtp import Server, SocketTransport, TransportInfo
from mailmerge.smtp.errors import ConnectionLost

Chunks = list[bytes | memoryview]


class Wrapped:
    """A transport that delegates to a real one over TCP; the others derive from it."""

    def __init__(self, server: Server) -> None:
        self.connected = socket.create_connection((server.host, server.port))
        self.connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.real = SocketTransport(self.connected)

    @property
    def info(self) -> TransportInfo:
        return self.real.info

    def send(self, chunks: Chunks) -> Chunks:
        return self.real.send(chunks)

    def receive(self) -> bytes | None:
        return self.real.receive()

    def wait(self, seconds: float | None, *, writing: bool = False) -> bool:
        return self.real.wait(seconds, writing=writing)

    def start_tls(self, host: str, ca_file: str = "") -> None:
        self.real.start_tls(host, ca_file)

    def close(self) -> None:
        self.real.close()

    def break_down(self) -> ConnectionLost:
        """End our direction: the server reads the end, and its replies can still be read."""
        self.connected.shutdown(socket.SHUT_WR)
        return ConnectionLost("the connection broke")

    def send_some(self, chunks: Chunks, most: int) -> Chunks:
        """Write at most `most` bytes and return the rest; with 0 take nothing."""
        if not most:
            return chunks
        whole = b"".join(chunks)
        assert self.real.send([whole[:most]]) == []
        return [whole[most:]] if most < len(whole) else []


Send = Callable[[Wrapped, Chunks], Chunks]


def sending(send: Send) -> Callable[[Server], Wrapped]:
    """For `Client(connect=...)`: a transport whose writes are this function."""

    class Changed(Wrapped):
        def send(self, chunks: Chunks) -> Chunks:
            return send(self, chunks)

    return Changed


class Remote(Wrapped):
    """A transport whose server seems to be on another machine."""

    @property
    def info(self) -> TransportInfo:
        return replace(self.real.info, local=False)


class Recorder:
    """Makes transports that take as many bytes as a test wants, and records the writes.

    `log` holds each write as it was taken, and what else a test appends to it. `most` bounds what
    one write takes. After `left_to_live` bytes of content and what follows it, the connection is
    dead.
    """

    def __init__(self) -> None:
        self.log: list[bytes | int] = []
        self.most = 1 << 30
        self.left_to_live: int | None = None
        self._content = False

    def connect(self, server: Server) -> Wrapped:
        return sending(self._send)(server)

    def _send(self, transport: Wrapped, chunks: Chunks) -> Chunks:
        whole = b"".join(chunks)
        most = self.most
        if self.left_to_live is not None and (self._content or b"Message-ID" in whole):
            self._content = True
            if not self.left_to_live:
                raise transport.break_down()
            most = min(most, self.left_to_live)
            self.left_to_live -= min(most, len(whole))
        self.log.append(whole[:most])
        return transport.send_some([whole], most)

    @property
    def writes(self) -> list[bytes]:
        """What was written, one write after the other."""
        return [entry for entry in self.log if isinstance(entry, bytes)]

    def written_before(self, token: int) -> bytes:
        """Return all bytes that were written before `token` was logged."""
        before = self.log[: self.log.index(token)]
        return b"".join(entry for entry in before if isinstance(entry, bytes))


class Deaf(Wrapped):
    """A transport that reads nothing while `deaf` is set, so that bytes stay in the socket."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.deaf = False

    def receive(self) -> bytes | None:
        return None if self.deaf else self.real.receive()

    def wait(self, seconds: float | None, *, writing: bool = False) -> bool:
        return (not self.deaf or writing) and self.real.wait(seconds, writing=writing)
