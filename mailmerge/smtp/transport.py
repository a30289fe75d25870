"""Sockets and TLS: the only file that touches the network. Octets in, octets out, without waiting.

`send` and `receive` never block; `wait` is the only place where time passes. So replies are read
while content is written, and two full buffers cannot hold each other up.
"""

from __future__ import annotations

import ipaddress
import select
import socket
import ssl
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

from mailmerge.errors import ConnectionLost, ServerUnreachable
from mailmerge.smtp.command import is_domain

CONNECT_TIMEOUT: Final = 30.0
"""Seconds to wait for a connection and for the TLS handshake."""

RECEIVE_OCTETS: Final = 65_536
_MAX_CHUNKS: Final = 1024  # IOV_MAX of Linux, macOS and the BSDs
_TLS_RECORD: Final = 16_384  # what one TLS record holds at most (RFC 8446, 5.1)

Octets = bytes | memoryview


class Transport:
    """One connected socket, with or without TLS."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._tls: ssl.SSLSocket | None = None
        self._set_up()

    def _set_up(self) -> None:
        self._socket.setblocking(False)
        self._reading = select.poll()
        self._reading.register(self._socket, select.POLLIN)
        self._both = select.poll()
        self._both.register(self._socket, select.POLLIN | select.POLLOUT)

    @property
    def secure(self) -> bool:
        """Whether TLS is there."""
        return self._tls is not None

    @property
    def local(self) -> bool:
        """Whether the other end is this machine: loopback or a Unix socket."""
        if self._socket.family not in {socket.AF_INET, socket.AF_INET6}:
            return True
        try:
            peer = self._socket.getpeername()[0]
        except OSError:  # the other end is gone already
            return False
        return ipaddress.ip_address(peer.partition("%")[0]).is_loopback

    def local_name(self) -> str:
        """What to say in EHLO: this machine's full name, else its address (RFC 5321, 4.1.4)."""
        name = socket.gethostname()
        if "." in name and not name.endswith((".localdomain", ".local")) and is_domain(name):
            return name
        if self._socket.family not in {socket.AF_INET, socket.AF_INET6}:
            return "[127.0.0.1]"
        return address_literal(self._socket.getsockname()[0])

    def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Make the handshake; the certificate must be for `host`.

        Raises:
            ServerUnreachable: there is no TLS there, or the certificate is not trusted.
        """
        self._socket.settimeout(CONNECT_TIMEOUT)
        try:
            self._tls = context.wrap_socket(self._socket, server_hostname=host)
        except (OSError, ValueError) as error:  # ValueError: a host name that cannot be one
            self.close()
            raise _no_tls(error, host) from error
        self._socket = self._tls
        self._set_up()

    def tls_version(self) -> str:
        """Such as "TLSv1.3"; empty without TLS."""
        return (self._tls.version() or "") if self._tls is not None else ""

    def send(self, chunks: list[Octets]) -> list[Octets]:
        """Write what can be written now; what is left comes back, in order.

        Where nothing was taken it is `chunks` itself.

        Raises:
            ConnectionLost: nothing can be written any more.
        """
        try:
            if self._tls is not None:
                return _send_records(self._tls, chunks)
            sent = self._socket.sendmsg(chunks[:_MAX_CHUNKS])
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return chunks
        except OSError as error:
            raise ConnectionLost(f"the connection broke: {error.strerror or error}") from error
        return _rest(chunks, sent)

    def receive(self) -> bytes | None:
        """What has come: octets, nothing (`None`), or the end (empty).

        Raises:
            ConnectionLost: the connection broke.
        """
        try:
            return self._socket.recv(RECEIVE_OCTETS)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except ssl.SSLEOFError:
            return b""  # closed without close_notify: replies have a length of their own
        except OSError as error:
            raise ConnectionLost(f"the connection broke: {error.strerror or error}") from error

    def wait(self, seconds: float | None, *, writing: bool = False) -> bool:
        """Wait until something can be read (or, if `writing`, written); False after `seconds`."""
        if self._tls is not None and self._tls.pending():
            return True
        poll = self._both if writing else self._reading
        return bool(poll.poll(None if seconds is None else max(seconds, 0) * 1000))

    def readable(self) -> bool:
        """Whether something can be read at once."""
        if self._tls is not None and self._tls.pending():
            return True
        return bool(self._reading.poll(0))

    def close(self) -> None:
        """Close the socket; what was not read is lost."""
        self._socket.close()


def connect(host: str, port: int) -> Transport:
    """Connect over TCP to the first of the host's addresses that answers.

    Raises:
        ServerUnreachable: the name is unknown, or nobody answers there.
    """
    try:
        connected = socket.create_connection((host, port), timeout=CONNECT_TIMEOUT)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except socket.gaierror as error:
        raise ServerUnreachable(
            f"the name {host} is not known: {error.strerror}",
            hint="check host in [smtp], and the network",
            code="unknown-host",
        ) from error
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ServerUnreachable(
            f"no connection to {host} port {port}: {reason}",
            hint="check host and port in [smtp]; many networks block port 25, use 465 or 587 there",
            code="no-connection",
        ) from error
    return Transport(connected)


def connect_unix(path: str) -> Transport:
    """Connect to a Unix socket.

    Raises:
        ServerUnreachable: nobody listens there.
    """
    unconnected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        unconnected.settimeout(CONNECT_TIMEOUT)
        unconnected.connect(path)
    except (OSError, ValueError) as error:
        unconnected.close()
        raise ServerUnreachable(
            f"no connection to the socket {path}: {getattr(error, 'strerror', None) or error}",
            hint="check socket in [smtp]",
            code="no-connection",
        ) from error
    return Transport(unconnected)


@lru_cache(maxsize=8)
def tls_context(ca_file: str) -> ssl.SSLContext:
    """Certificates and host names are verified, and TLS is 1.2 at least (RFC 8314, 4; RFC 8997).

    Raises:
        ServerUnreachable: `ca_file` is not there, or holds no certificates.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        raise ServerUnreachable(
            f"{Path(ca_file).name} cannot be read as certificates: {error.strerror or error}",
            hint="ca_file in [smtp] is a PEM file",
            code="ca-file",
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def address_literal(address: str) -> str:
    """`[192.0.2.1]` or `[IPv6:2001:db8::1]` (RFC 5321, 4.1.3)."""
    plain = address.partition("%")[0]
    return f"[IPv6:{plain}]" if ":" in plain else f"[{plain}]"


def _rest(chunks: list[Octets], sent: int) -> list[Octets]:
    """The chunks without their first `sent` octets."""
    if sent == sum(map(len, chunks)):
        return []
    for index, chunk in enumerate(chunks):
        if sent < len(chunk):
            return [memoryview(chunk)[sent:], *chunks[index + 1 :]] if sent else chunks[index:]
        sent -= len(chunk)
    return []


def _send_records(tls: ssl.SSLSocket, chunks: list[Octets]) -> list[Octets]:
    """Write record by record; a record that was not taken comes again, and no shorter than it was,
    as OpenSSL wants it."""
    sent = 0
    for record in _records(chunks):
        try:
            sent += tls.send(record)
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return _rest(chunks, sent) if sent else chunks
    return []


def _records(chunks: list[Octets]) -> Iterator[bytes]:
    """The octets in full records: many small chunks would be many small records."""
    parts: list[Octets] = []
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


def _no_tls(error: OSError | ValueError, host: str) -> ServerUnreachable:
    if isinstance(error, ssl.SSLCertVerificationError):
        return ServerUnreachable(
            f"the certificate of {host} is not trusted: {error.verify_message}",
            hint="check host; for a server with its own authority give ca_file in [smtp]",
            code="certificate",
        )
    if isinstance(error, ssl.SSLError) and error.reason in _NOT_TLS:
        return ServerUnreachable(
            f"{host} does not speak TLS from the start on this port",
            hint='set security = "starttls", or use port 465',
            code="not-tls",
        )
    if isinstance(error, TimeoutError):
        return ServerUnreachable(
            f"the TLS handshake with {host} took more than {CONNECT_TIMEOUT:.0f} seconds",
            hint="check port and security in [smtp]",
            code="tls-handshake",
        )
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
    return ServerUnreachable(
        f"the TLS handshake with {host} failed: {reason}",
        hint="check port and security in [smtp]",
        code="tls-handshake",
    )


_NOT_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNEXPECTED_MESSAGE"})
