"""Sockets and TLS: what is written and read, in any state of the other end."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailmerge.errors import ConnectionLost, ServerUnreachable
from mailmerge.smtp import transport
from mailmerge.smtp.transport import Transport, address_literal, connect, connect_unix, tls_context
from tests import servers


@pytest.fixture
def pair() -> Iterator[tuple[Transport, socket.socket]]:
    listener = socket.create_server(("127.0.0.1", 0))
    ours = connect("127.0.0.1", listener.getsockname()[1])
    theirs, _ = listener.accept()
    listener.close()
    with theirs:
        yield ours, theirs
    ours.close()


def all_of(theirs: socket.socket, length: int) -> bytes:
    octets = b""
    while len(octets) < length:
        octets += theirs.recv(65_536)
    return octets


def test_chunks_leave_in_order_and_what_is_left_comes_back(
    pair: tuple[Transport, socket.socket],
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


def test_nothing_to_read_is_not_the_end(pair: tuple[Transport, socket.socket]) -> None:
    ours, theirs = pair
    assert ours.receive() is None
    assert not ours.readable()
    assert not ours.wait(0.01)
    theirs.sendall(b"250 ok\r\n")
    assert ours.wait(None)
    assert ours.receive() == b"250 ok\r\n"
    theirs.close()
    assert ours.wait(10)
    assert ours.receive() == b""


def test_a_broken_connection_is_told(pair: tuple[Transport, socket.socket]) -> None:
    ours, theirs = pair
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    theirs.close()
    assert ours.wait(10)
    with pytest.raises(ConnectionLost, match="reset"):
        ours.receive()
    with pytest.raises(ConnectionLost, match="broke"):
        ours.send([b"QUIT\r\n"])
    assert not ours.local, "nobody is there, so nobody is trusted with a password"


def test_loopback_and_unix_sockets_are_this_machine(
    pair: tuple[Transport, socket.socket],
) -> None:
    ours, _ = pair
    assert ours.local
    assert not ours.secure
    assert ours.tls_version() == ""
    left, right = socket.socketpair()
    with right:
        unix = Transport(left)
        assert unix.local
        unix.close()


@pytest.mark.parametrize(
    ("peer", "ours_alone"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("192.0.2.1", False), ("10.0.0.1", False)],
)
def test_another_machine_is_known_by_its_address(
    pair: tuple[Transport, socket.socket],
    monkeypatch: pytest.MonkeyPatch,
    peer: str,
    ours_alone: bool,
) -> None:
    monkeypatch.setattr(socket.socket, "getpeername", lambda _: (peer, 25))
    assert pair[0].local is ours_alone


def test_small_writes_are_not_put_off(pair: tuple[Transport, socket.socket]) -> None:
    ours, _ = pair
    assert ours._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize(
    ("address", "literal"),
    [
        ("192.0.2.1", "[192.0.2.1]"),
        ("2001:db8::1", "[IPv6:2001:db8::1]"),
        ("fe80::1%eth0", "[IPv6:fe80::1]"),
    ],
)
def test_an_address_is_written_as_a_literal(address: str, literal: str) -> None:
    assert address_literal(address) == literal


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
def test_ehlo_says_a_full_name_or_the_address(
    pair: tuple[Transport, socket.socket], monkeypatch: pytest.MonkeyPatch, host: str, name: str
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    assert pair[0].local_name() == name
    left, right = socket.socketpair()
    with left, right:
        assert Transport(left).local_name() == name


def test_tls_is_at_least_1_2_and_verifies(certificates: servers.Certificates) -> None:
    context = tls_context(str(certificates.ca_file))
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_ca_file_that_is_none_is_explained(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ServerUnreachable, match=r"ca\.pem") as caught:
        tls_context(str(path))
    assert caught.value.problem.code == "ca-file"


def test_a_handshake_that_never_ends_is_given_up(
    pair: tuple[Transport, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "CONNECT_TIMEOUT", 0.1)
    with pytest.raises(ServerUnreachable, match="seconds"):
        pair[0].start_tls(tls_context(""), "localhost")


def test_the_end_without_close_notify_is_an_end(certificates: servers.Certificates) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        accepted, _ = listener.accept()
        wrapped = certificates.server_context().wrap_socket(accepted, server_side=True)
        wrapped.sendall(b"220 hello\r\n")
        wrapped.recv(4)
        socket.socket(fileno=wrapped.detach()).close()

    thread = threading.Thread(target=serve)
    thread.start()
    ours = connect("127.0.0.1", listener.getsockname()[1])
    ours.start_tls(tls_context(str(certificates.ca_file)), "localhost")
    assert ours.secure
    received = b""
    while not received.endswith(b"\r\n"):
        assert ours.wait(10)
        received += ours.receive() or b""
    assert ours.send([b"QU", b"IT"]) == []
    thread.join()
    end = None
    while end is None:
        assert ours.wait(10)
        end = ours.receive()
    assert end == b""
    ours.close()
    listener.close()


@pytest.fixture
def secure_pair(
    pair: tuple[Transport, socket.socket], certificates: servers.Certificates
) -> Iterator[tuple[Transport, ssl.SSLSocket]]:
    ours, theirs = pair
    ours._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
    accepted: list[ssl.SSLSocket] = []

    def shake_hands() -> None:
        context = certificates.server_context()
        accepted.append(context.wrap_socket(theirs, server_side=True))

    thread = threading.Thread(target=shake_hands)
    thread.start()
    ours.start_tls(tls_context(str(certificates.ca_file)), "localhost")
    thread.join()
    with accepted[0]:
        yield ours, accepted[0]


def test_over_tls_what_was_not_taken_comes_back_as_it_was(
    secure_pair: tuple[Transport, ssl.SSLSocket],
) -> None:
    """A clock that restarts at each wake-up would never give up; a copy of the rest costs more
    than the message itself."""
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
        assert tries < 1000, "and that is told"
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
    secure_pair: tuple[Transport, ssl.SSLSocket], monkeypatch: pytest.MonkeyPatch
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


def test_nobody_behind_a_unix_socket_is_explained() -> None:
    with pytest.raises(ServerUnreachable, match="nowhere"):
        connect_unix("/nowhere/at/all")
