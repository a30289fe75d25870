"""Sockets and TLS: writing and reading in every state of the other end."""

from __future__ import annotations

import contextlib
import gc
import socket
import ssl
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from mailmerge.smtp import Client, Server, SocketTransport
from mailmerge.smtp.errors import ConnectionLost, ServerUnreachable, SmtpError
from tests import servers
from tests.platforms import needs_resets, needs_unix_sockets


def connect_to(port: int) -> SocketTransport:
    return SocketTransport.connect(Server("127.0.0.1", port))


@pytest.fixture
def pair() -> Iterator[tuple[SocketTransport, socket.socket]]:
    listener = socket.create_server(("127.0.0.1", 0))
    ours = connect_to(listener.getsockname()[1])
    theirs, _ = listener.accept()
    listener.close()
    with theirs:
        yield ours, theirs
    ours.close()


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a TCP connection over loopback."""
    listener = socket.create_server(("127.0.0.1", 0))
    ours = socket.create_connection(listener.getsockname())
    theirs, _ = listener.accept()
    listener.close()
    with ours, theirs:
        yield ours, theirs


def all_of(theirs: socket.socket, length: int) -> bytes:
    received = b""
    while len(received) < length:
        received += theirs.recv(65_536)
    return received


def reset(connected: socket.socket) -> None:
    """Close with RST instead of FIN."""
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connected.close()


def test_chunks_leave_in_order_and_the_rest_comes_back(
    pair: tuple[SocketTransport, socket.socket],
) -> None:
    ours, theirs = pair
    chunks: list[bytes | memoryview] = [b"%07d\n" % number for number in range(3000)]
    chunks.append(memoryview(b"x" * 8_000_000))
    whole = b"".join(chunks)
    received: list[bytes] = []
    rest = ours.send(chunks)
    assert rest, "so much cannot be written at once"
    reading = threading.Thread(target=lambda: received.append(all_of(theirs, len(whole))))
    reading.start()
    while rest:
        assert ours.wait(10, writing=True)
        rest = ours.send(rest)
    reading.join()
    assert received == [whole]


def test_a_full_buffer_takes_nothing(pair: tuple[SocketTransport, socket.socket]) -> None:
    ours, _ = pair
    chunks: list[bytes | memoryview] = [b"x" * 1_000_000]
    tries = 0
    while (rest := ours.send(chunks)) is not chunks:
        tries += 1
        assert tries < 1000, "they do not read, so that some time nothing is taken"
        chunks = [*rest, b"y" * 1_000_000]
    assert not ours.wait(0, writing=True)


def test_nothing_to_read_is_not_the_end(pair: tuple[SocketTransport, socket.socket]) -> None:
    ours, theirs = pair
    assert ours.receive() is None
    assert not ours.wait(0)
    assert not ours.wait(0.01)
    theirs.sendall(b"250 ok\r\n")
    assert ours.wait(None)
    assert ours.receive() == b"250 ok\r\n"
    theirs.close()
    assert ours.wait(10)
    assert ours.receive() == b""


@needs_resets
def test_a_broken_connection_raises(pair: tuple[SocketTransport, socket.socket]) -> None:
    ours, theirs = pair
    reset(theirs)
    assert ours.wait(10)
    with pytest.raises(ConnectionLost, match=r"reset|forcibly"):
        ours.receive()
    with pytest.raises(ConnectionLost, match="broke"):
        ours.send([b"QUIT\r\n"])


@needs_resets
def test_a_peer_that_is_gone_is_not_trusted_as_local(
    sockets: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = sockets
    reset(theirs)
    with pytest.raises(OSError, match=r"reset|forcibly"):
        ours.recv(1)
    transport = SocketTransport(ours)
    assert not transport.info.local, "no password goes there in clear text"


def test_loopback_is_local(pair: tuple[SocketTransport, socket.socket]) -> None:
    info = pair[0].info
    assert info.local
    assert not info.secure
    assert info.tls_version == ""


@needs_unix_sockets
def test_a_unix_socket_is_local() -> None:
    left, right = socket.socketpair()
    with left, right:
        info = SocketTransport(left).info
    assert info.local


@pytest.mark.parametrize(
    ("peer", "local"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("192.0.2.1", False), ("10.0.0.1", False)],
)
def test_another_machine_is_known_by_its_address(
    sockets: tuple[socket.socket, socket.socket],
    monkeypatch: pytest.MonkeyPatch,
    peer: str,
    local: bool,
) -> None:
    monkeypatch.setattr(socket.socket, "getpeername", lambda _: (peer, 25))
    assert SocketTransport(sockets[0]).info.local is local


def test_small_writes_are_not_delayed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nagle's algorithm would hold a command back until the last reply is acknowledged."""
    connected: list[socket.socket] = []
    create = socket.create_connection

    def creating(address: tuple[str, int], timeout: float) -> socket.socket:
        connected.append(create(address, timeout))
        return connected[-1]

    monkeypatch.setattr(socket, "create_connection", creating)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        transport = connect_to(listener.getsockname()[1])
        assert connected[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        transport.close()


@pytest.mark.parametrize(
    ("address", "literal"),
    [
        ("192.0.2.1", "[192.0.2.1]"),
        ("2001:db8::1", "[IPv6:2001:db8::1]"),
        ("fe80::1%eth0", "[IPv6:fe80::1]"),
    ],
)
def test_an_address_is_written_as_a_literal(
    sockets: tuple[socket.socket, socket.socket],
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    literal: str,
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "laptop")
    monkeypatch.setattr(socket.socket, "getsockname", lambda _: (address, 25))
    assert SocketTransport(sockets[0]).info.local_name == literal


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("mail.example.org", "mail.example.org"),
        ("laptop", "[127.0.0.1]"),
        ("localhost.localdomain", "[127.0.0.1]"),
        ("laptop.local", "[127.0.0.1]"),
        ("build_box.corp.example", "[127.0.0.1]"),
        ("müller.example.org", "[127.0.0.1]"),
        ("10.0.0.5", "[127.0.0.1]"),
        ("mail..example.org", "[127.0.0.1]"),
        ("-mail.example.org", "[127.0.0.1]"),
        ("mail.example.org-", "[127.0.0.1]"),
        ("x" * 64 + ".example.org", "[127.0.0.1]"),
        (".".join(["x" * 63] * 4) + "x", "[127.0.0.1]"),
        (".".join(["x" * 51] * 5), "[127.0.0.1]"),
        (".".join(["x" * 63] * 4), ".".join(["x" * 63] * 4)),
        ("mail.example.org\n", "[127.0.0.1]"),
        ("xn--mller-kva.example.org", "xn--mller-kva.example.org"),
        ("3com.example", "3com.example"),
    ],
)
def test_the_local_name_is_a_full_name_or_the_address(
    sockets: tuple[socket.socket, socket.socket],
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    name: str,
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    assert SocketTransport(sockets[0]).info.local_name == name
    if hasattr(socket, "AF_UNIX"):
        left, right = socket.socketpair()
        with left, right:
            assert SocketTransport(left).info.local_name == name


def test_a_missing_server_is_explained() -> None:
    with pytest.raises(ServerUnreachable, match="port 1:") as caught:
        connect_to(1)
    assert caught.value.code == "no-connection"
    with pytest.raises(ServerUnreachable, match="not known") as caught:
        SocketTransport.connect(Server("no-such-host.invalid", 25))
    assert caught.value.code == "unknown-host"


@pytest.fixture
def resetting() -> Iterator[int]:
    """The port of a server that resets each connection as soon as it is accepted."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                connected, _ = listener.accept()
            except OSError:
                return
            reset(connected)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    with contextlib.suppress(OSError):  # Windows has no connection to shut down
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


@needs_resets
@pytest.mark.parametrize("security", ["none", "tls"])
def test_reset_is_the_same_error_whenever_it_comes(
    resetting: int, security: Literal["none", "tls"]
) -> None:
    """It may hit any step of this side: connecting, the TLS handshake, the first reading."""
    kinds = set()
    for _ in range(50):
        with pytest.raises(SmtpError) as caught:
            Client(Server("127.0.0.1", resetting, security)).open()
        kinds.add(type(caught.value))
    assert kinds == {ConnectionLost}


def test_end_in_the_tls_handshake_is_a_lost_connection(
    sockets: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = sockets
    theirs.close()
    with pytest.raises(ConnectionLost, match="in the TLS handshake with localhost") as caught:
        SocketTransport(ours).start_tls("localhost")
    assert caught.value.code == "tls-handshake"


@pytest.mark.parametrize(
    ("host", "error"), [("localhost", ConnectionLost), ("a..example", ServerUnreachable)]
)
def test_no_socket_is_left_open_where_tls_cannot_begin(
    sockets: tuple[socket.socket, socket.socket], host: str, error: type[SmtpError]
) -> None:
    """A reset before Python wraps the socket, and a name that no certificate can have."""
    ours, theirs = sockets
    reset(theirs)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with pytest.raises(error) as caught:
            SocketTransport(ours).start_tls(host)
        assert ours.fileno() == -1, "the transport owns it"
        del caught
        gc.collect()
    assert [str(one.message) for one in warned] == []


# TLS


def shake_hands(
    theirs: socket.socket, certificates: servers.Certificates, version: ssl.TLSVersion | None = None
) -> list[ssl.SSLSocket]:
    """Run the server's side of the handshake; return "" if it fails."""
    context = certificates.server_context()
    if version is not None:
        context.minimum_version = context.maximum_version = version
    try:
        return [context.wrap_socket(theirs, server_side=True)]
    except OSError:
        return []


@pytest.fixture
def secure_pair(
    sockets: tuple[socket.socket, socket.socket], certificates: servers.Certificates
) -> Iterator[tuple[SocketTransport, ssl.SSLSocket]]:
    connected, theirs = sockets
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
    ours = SocketTransport(connected)
    accepted: list[ssl.SSLSocket] = []
    thread = threading.Thread(target=lambda: accepted.extend(shake_hands(theirs, certificates)))
    thread.start()
    ours.start_tls("localhost", str(certificates.ca_file))
    thread.join()
    with accepted[0]:
        yield ours, accepted[0]
    ours.close()


def test_info_tells_whether_tls_is_used(
    secure_pair: tuple[SocketTransport, ssl.SSLSocket],
) -> None:
    info = secure_pair[0].info
    assert info.secure
    assert info.tls_version.startswith("TLSv1.")
    assert info.local


@pytest.fixture
def secure_context(
    sockets: tuple[socket.socket, socket.socket],
    certificates: servers.Certificates,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> list[ssl.SSLContext]:
    """Return the context of a handshake."""
    made: list[ssl.SSLContext] = []
    create = ssl.create_default_context

    def creating(cafile: str) -> ssl.SSLContext:
        made.append(create(cafile=cafile))
        return made[-1]

    monkeypatch.setattr(ssl, "create_default_context", creating)
    own = tmp_path / "authority.pem"  # a file that no other test has used
    own.write_bytes(certificates.ca_file.read_bytes())
    connected, theirs = sockets
    accepted: list[ssl.SSLSocket] = []
    thread = threading.Thread(target=lambda: accepted.extend(shake_hands(theirs, certificates)))
    thread.start()
    transport = SocketTransport(connected)
    transport.start_tls("localhost", str(own))
    thread.join()
    transport.close()
    accepted[0].close()
    return made


def tls_error(
    sockets: tuple[socket.socket, socket.socket],
    certificates: servers.Certificates,
    *,
    host: str = "localhost",
    ca_file: str = "",
    version: ssl.TLSVersion | None = None,
) -> ServerUnreachable:
    """Return the error of a handshake that must fail."""
    connected, theirs = sockets
    thread = threading.Thread(target=shake_hands, args=(theirs, certificates, version))
    thread.start()
    with pytest.raises(ServerUnreachable) as caught:
        SocketTransport(connected).start_tls(host, ca_file)
    thread.join()
    return caught.value


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of an old TLS, which is the point
def test_tls_1_1_is_refused(
    sockets: tuple[socket.socket, socket.socket], certificates: servers.Certificates
) -> None:
    """RFC 8996: TLS 1.0 and 1.1 must not be used."""
    error = tls_error(
        sockets, certificates, ca_file=str(certificates.ca_file), version=ssl.TLSVersion.TLSv1_1
    )
    assert error.code in {"tls-handshake", "not-tls"}


def test_an_unknown_authority_is_not_trusted(
    sockets: tuple[socket.socket, socket.socket], certificates: servers.Certificates
) -> None:
    error = tls_error(sockets, certificates)
    assert error.code == "certificate"


def test_a_certificate_for_another_host_is_not_trusted(
    sockets: tuple[socket.socket, socket.socket], certificates: servers.Certificates
) -> None:
    error = tls_error(
        sockets, certificates, host="mail.example.org", ca_file=str(certificates.ca_file)
    )
    assert error.code == "certificate"


def test_the_context_verifies_and_asks_for_tls_1_2(
    secure_context: list[ssl.SSLContext],
) -> None:
    """RFC 8996 forbids TLS 1.0 and 1.1; not every build of OpenSSL refuses them by itself."""
    (context,) = secure_context
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_that_holds_no_authority_is_explained(
    pair: tuple[SocketTransport, socket.socket], tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ServerUnreachable, match=r"ca\.pem") as caught:
        pair[0].start_tls("localhost", str(path))
    assert caught.value.code == "ca-file"


def test_a_handshake_that_never_ends_is_given_up(
    sockets: tuple[socket.socket, socket.socket],
) -> None:
    with pytest.raises(ServerUnreachable, match=r"more than 0\.1 seconds") as caught:
        SocketTransport(sockets[0], timeout=0.1).start_tls("localhost")
    assert caught.value.code == "tls-handshake"


def test_end_without_close_notify_is_an_end(
    secure_pair: tuple[SocketTransport, ssl.SSLSocket],
) -> None:
    ours, theirs = secure_pair
    theirs.sendall(b"220 hello\r\n")
    received = b""
    while not received.endswith(b"\r\n"):
        assert ours.wait(10)
        received += ours.receive() or b""
    assert ours.send([b"QU", b"IT"]) == []
    assert theirs.recv(4) == b"QUIT"
    socket.socket(fileno=theirs.detach()).close()
    end = None
    while end is None:
        assert ours.wait(10)
        end = ours.receive()
    assert end == b""


def test_over_tls_the_rest_comes_back_without_a_copy(
    secure_pair: tuple[SocketTransport, ssl.SSLSocket],
) -> None:
    """If nothing was taken it is the same list, so that an attempt restarts no timeout."""
    ours, theirs = secure_pair
    small: list[bytes | memoryview] = [b"%07d\n" % number for number in range(3000)]
    large = bytes(range(256)) * 16_000
    last = b"the end"
    rest = ours.send([*small, large, last])
    assert len(rest) == 2
    assert isinstance(rest[0], memoryview)
    assert rest[0].obj is large, "a view, and no copy"
    assert rest[1] is last
    tries = 0
    while (again := ours.send(rest)) is not rest:
        tries += 1
        assert again, "they do not read, so that some time nothing is taken"
        assert tries < 1000, "and that is visible"
        rest = again
    whole = b"".join([*small, large, last, b"more"])
    received: list[bytes] = []
    reading = threading.Thread(target=lambda: received.append(all_of(theirs, len(whole))))
    reading.start()
    rest = [*rest, b"more"]
    while rest:
        assert ours.wait(10, writing=True)
        rest = ours.send(rest)
    reading.join()
    assert received == [whole]


def test_over_tls_small_chunks_go_in_full_records(
    secure_pair: tuple[SocketTransport, ssl.SSLSocket], monkeypatch: pytest.MonkeyPatch
) -> None:
    records: list[int] = []
    real = ssl.SSLSocket.send

    def send(this: ssl.SSLSocket, record: bytes) -> int:
        records.append(len(record))
        return real(this, record)

    monkeypatch.setattr(ssl.SSLSocket, "send", send)
    ours, theirs = secure_pair
    small: list[bytes | memoryview] = [b"x" * 1000] * 20
    assert ours.send([*small, b"y" * 14_000]) == []
    assert records == [16_384, 16_384, 34_000 - 2 * 16_384]
    assert all_of(theirs, 34_000) == b"x" * 20_000 + b"y" * 14_000
    assert ours.send([]) == []
