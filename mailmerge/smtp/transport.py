"""The network: `Transport` is what a client needs of it, `SocketTransport` is one with sockets.

`send` and `receive` never block; only `wait` does. So a client reads replies while it writes
content, and two full buffers cannot block each other.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Protocol, Self

from mailmerge.smtp._gather import send_gathered
from mailmerge.smtp._readiness import readiness_of
from mailmerge.smtp._unix import connect_unix
from mailmerge.smtp.command import is_domain
from mailmerge.smtp.content import Chunk
from mailmerge.smtp.dialing import dial
from mailmerge.smtp.errors import ConnectionLost, ServerUnreachable
from mailmerge.smtp.server import Server
from mailmerge.smtp.state import Stage

_CONNECT_TIMEOUT: Final = 30.0
"""Seconds that connecting may take, and then the TLS handshake."""

_RECEIVE_BYTES: Final = 65_536
_TLS_RECORD: Final = 16_384  # what one TLS record holds at most (RFC 8446, 5.1)

_BROKEN: Final = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError, ssl.SSLEOFError)
"""Errors of a connection that existed. A server that ends one at once may hit any later step of
this side: connecting, asking for addresses, the TLS handshake, reading. It depends on timing, so it
is always the same error, ConnectionLost. A server that refuses the connection is another case:
then there never was one."""


@dataclass(frozen=True, slots=True)
class TransportInfo:
    """Facts about an open connection.

    Attributes:
        local: whether the other end is this machine (loopback, or a Unix socket).
        local_name: the name for EHLO if the settings name none: a domain or an address literal
            (RFC 5321, section 4.1.4).
        tls_version: for example "TLSv1.3"; empty without TLS.
    """

    local: bool
    local_name: str
    tls_version: str = ""

    @property
    def secure(self) -> bool:
        """Whether the connection uses TLS."""
        return bool(self.tls_version)


class Transport(Protocol):
    """One open connection to a server, as the five methods that a `Client` uses.

    Write your own transport to record, to delay, or to use something other than a socket. A chunk
    is `bytes` or a `memoryview` of bytes.
    """

    @property
    def info(self) -> TransportInfo:
        """Facts about the connection; `start_tls` changes them."""
        ...

    def send(self, chunks: list[Chunk]) -> list[Chunk]:
        """Write as much as possible without waiting; return the rest, in order.

        If nothing was written, return the list `chunks` itself. Without TLS the rest must be exact
        to the byte, because it decides whether a message is in doubt.

        Raises:
            ConnectionLost: the connection broke, and this call has written nothing.
        """
        ...

    def receive(self) -> bytes | None:
        """Return received bytes without waiting: None if there are none, b"" at the end.

        Raises:
            ConnectionLost: the connection broke.
        """
        ...

    def wait(self, seconds: float | None, *, writing: bool = False) -> bool:
        """Wait until reading (or, with `writing`, also writing) is possible.

        Returns False after `seconds`. None waits without a limit; 0 or less does not wait.
        """
        ...

    def start_tls(self, host: str, ca_file: str = "") -> None:
        """Make the TLS handshake, and check that the certificate is for `host`.

        `ca_file` is a PEM file of authorities to trust instead of the system's.

        Raises:
            ServerUnreachable: the handshake failed, or the certificate is not trusted. The
                transport is then closed.
            ConnectionLost: the connection broke. The transport is then closed.
        """
        ...

    def close(self) -> None:
        """Close at once, and drop bytes that were not read."""
        ...


class _TlsSocket(ssl.SSLSocket):
    """Closes itself if the connection is reset while Python wraps the socket.

    The wrapper owns the descriptor already when it asks for the peer. For a socket without one it
    reads, and if that fails, Python 3.11 leaves the socket open.
    """

    def getpeername(self) -> Any:
        """Return the address of the peer.

        Raises:
            ConnectionResetError: there is none any more; the socket is then closed.
        """
        try:
            return super().getpeername()
        except OSError as error:
            self.close()
            raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET)) from error


class SocketTransport:
    """A `Transport` over one connected socket; `timeout` (seconds) is for the TLS handshake."""

    def __init__(self, connected: socket.socket, *, timeout: float = _CONNECT_TIMEOUT) -> None:
        self._timeout = timeout
        self._tls: ssl.SSLSocket | None = None
        self.info = TransportInfo(_is_local(connected), _local_name(connected))
        self._use(connected)

    @classmethod
    def connect(cls, server: Server) -> Self:
        """Connect to a Unix socket, or over TCP to the first of the host's addresses that answers.

        Raises:
            ServerUnreachable: the name is unknown, or no server answers.
            ConnectionLost: a server answered, and the connection broke at once.
        """
        if server.socket:
            connected = connect_unix(server.socket, _CONNECT_TIMEOUT)
        else:
            connected = _connect_tcp(server.host, server.port)
        try:
            if not server.socket:
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return cls(connected)
        except OSError as error:
            connected.close()
            raise _broke(error, Stage.CONNECT) from error

    def _use(self, connected: socket.socket) -> None:
        connected.setblocking(False)
        self._socket = connected
        self._readiness = readiness_of(connected)

    def start_tls(self, host: str, ca_file: str = "") -> None:
        """Make the TLS handshake, as `Transport` says."""
        try:
            context = _tls_context(ca_file, ssl.get_default_verify_paths())
            host.encode("idna")  # the wrapper would leak the socket if this failed inside it
            self._socket.settimeout(self._timeout)
            # Two steps: if the handshake fails, the wrapped socket is there to be closed.
            self._socket = self._tls = context.wrap_socket(
                self._socket, server_hostname=host, do_handshake_on_connect=False
            )
            self._tls.do_handshake()
        except (OSError, ValueError) as error:  # ValueError: not a possible host name
            self.close()
            raise _no_tls(error, host, self._timeout) from error
        except ServerUnreachable:
            self.close()
            raise
        self._use(self._tls)
        self.info = replace(self.info, tls_version=self._tls.version() or "TLS")

    def send(self, chunks: list[Chunk]) -> list[Chunk]:
        """Write without waiting, as `Transport` says."""
        try:
            if self._tls is not None:
                return _send_records(self._tls, chunks)
            sent = send_gathered(self._socket, chunks)
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return chunks
        except OSError as error:
            raise _broke(error) from error
        return _rest(chunks, sent)

    def receive(self) -> bytes | None:
        """Return received bytes, as `Transport` says."""
        try:
            return self._socket.recv(_RECEIVE_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except ssl.SSLEOFError:
            return b""  # closed without close_notify: replies have a length of their own
        except OSError as error:
            raise _broke(error) from error

    def wait(self, seconds: float | None, *, writing: bool = False) -> bool:
        """Wait for the socket, as `Transport` says."""
        if self._tls is not None and self._tls.pending():
            return True
        return self._readiness.wait(seconds, writing=writing)

    def close(self) -> None:
        """Close at once, as `Transport` says."""
        self._socket.close()


def _connect_tcp(host: str, port: int) -> socket.socket:
    try:
        return dial(host, port, _CONNECT_TIMEOUT)
    except socket.gaierror as error:
        raise ServerUnreachable(
            f"the name {host} is not known: {error.strerror}",
            code="unknown-host",
            stage=Stage.CONNECT,
        ) from error
    except _BROKEN as error:
        raise _broke(error, Stage.CONNECT) from error
    except (OSError, UnicodeError) as error:
        raise ServerUnreachable(
            f"no connection to {host} port {port}: {_reason(error)}",
            code="no-connection",
            stage=Stage.CONNECT,
        ) from error


def _broke(error: OSError, stage: Stage | None = None) -> ConnectionLost:
    return ConnectionLost(f"the connection broke: {_reason(error)}", stage=stage)


def _reason(error: OSError | ValueError) -> str:
    """Return the reason of an error of a socket in words; UnicodeError is a ValueError."""
    if isinstance(error, ssl.SSLEOFError):
        return "the server closed it"
    return getattr(error, "strerror", None) or str(error)


def _is_ip(connected: socket.socket) -> bool:
    return connected.family in {socket.AF_INET, socket.AF_INET6}


def _is_local(connected: socket.socket) -> bool:
    if not _is_ip(connected):
        return True
    try:
        peer = str(connected.getpeername()[0])
    except OSError:  # the peer has gone: do not trust it with a password
        return False
    return ipaddress.ip_address(peer.partition("%")[0]).is_loopback


def _local_name(connected: socket.socket) -> str:
    """This machine's full name, else its address on this connection (RFC 5321, 4.1.4)."""
    name = socket.gethostname()
    if "." in name and not name.endswith((".localdomain", ".local")) and is_domain(name):
        return name
    if not _is_ip(connected):
        return "[127.0.0.1]"
    return _address_literal(connected.getsockname()[0])


def _address_literal(address: str) -> str:
    """`[192.0.2.1]` or `[IPv6:2001:db8::1]` (RFC 5321, 4.1.3)."""
    plain = address.partition("%")[0]
    return f"[IPv6:{plain}]" if ":" in plain else f"[{plain}]"


@lru_cache(maxsize=8)
def _tls_context(ca_file: str, trusted: object) -> ssl.SSLContext:
    """A context that verifies certificates and names, with TLS 1.2 or later (RFC 8314, 8997).

    `trusted` says where the system's authorities are; SSL_CERT_FILE can change it at any time.
    """
    del trusted  # a part of the key of the cache
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        raise ServerUnreachable(
            f"{Path(ca_file).name} cannot be read as certificates: {error.strerror or error}",
            code="ca-file",
            stage=Stage.TLS,
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = _TlsSocket
    return context


def _rest(chunks: list[Chunk], sent: int) -> list[Chunk]:
    """Return the chunks without their first `sent` bytes."""
    if sent == sum(map(len, chunks)):
        return []
    whole = 0
    while sent >= len(chunks[whole]):
        sent -= len(chunks[whole])
        whole += 1
    if not sent:
        return chunks[whole:]
    return [memoryview(chunks[whole])[sent:], *chunks[whole + 1 :]]


def _send_records(tls: ssl.SSLSocket, chunks: list[Chunk]) -> list[Chunk]:
    """Write record by record; return the rest.

    OpenSSL requires that a record it did not take is offered again, with at least the same bytes.
    The rest starts with that record, and later chunks only make it longer.
    """
    sent = 0
    for record in _records(chunks):
        try:
            sent += tls.send(record)
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return _rest(chunks, sent) if sent else chunks
    return []


def _records(chunks: list[Chunk]) -> Iterator[bytes]:
    """Join chunks into full records, since each small chunk would make a small record."""
    parts: list[Chunk] = []
    room = _TLS_RECORD
    for chunk in chunks:
        left = memoryview(chunk)
        while len(left) >= room:
            yield b"".join([*parts, left[:room]])
            left, parts, room = left[room:], [], _TLS_RECORD
        parts.append(left)
        room -= len(left)
    if room < _TLS_RECORD:
        yield b"".join(parts)


def _no_tls(
    error: OSError | ValueError, host: str, timeout: float
) -> ServerUnreachable | ConnectionLost:
    if isinstance(error, _BROKEN) or getattr(error, "errno", None) == errno.ENOTCONN:
        message = f"the connection broke in the TLS handshake with {host}: {_reason(error)}"
        return ConnectionLost(message, code="tls-handshake", stage=Stage.TLS)
    if isinstance(error, ssl.SSLCertVerificationError):
        message = f"the certificate of {host} is not trusted: {error.verify_message}"
        code = "certificate"
    elif isinstance(error, ssl.SSLError) and error.reason in _NOT_TLS:
        message, code = f"{host} does not speak TLS from the start on this port", "not-tls"
    elif isinstance(error, TimeoutError):
        message = f"the TLS handshake with {host} took more than {timeout:g} seconds"
        code = "tls-handshake"
    else:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        message, code = f"the TLS handshake with {host} failed: {reason}", "tls-handshake"
    return ServerUnreachable(message, code=code, stage=Stage.TLS)


_NOT_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNEXPECTED_MESSAGE"})
