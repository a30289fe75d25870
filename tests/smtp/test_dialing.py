"""One connection to a host with several addresses."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from mailmerge.smtp.dialing import Address, dial, first_connected, silent_addresses

DEAD: Address = ("192.0.2.1", 25)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        yield server


def connecting(alive: Address, release: threading.Event) -> object:
    def connect(address: Address) -> socket.socket:
        if address == DEAD:
            release.wait(10)
            raise TimeoutError("timed out")
        return socket.create_connection(alive)

    return connect


def test_a_dead_first_address_costs_a_fraction_of_a_second(listener: socket.socket) -> None:
    alive, release = listener.getsockname(), threading.Event()
    started = time.monotonic()
    connected, winner, silent = first_connected([DEAD, alive], connecting(alive, release))  # type: ignore[arg-type]  # of these types
    release.set()
    assert time.monotonic() - started < 2
    assert (winner, silent) == (alive, [DEAD])
    connected.close()


def test_the_last_error_is_raised_if_no_address_answers() -> None:
    def refuse(address: Address) -> socket.socket:
        raise ConnectionRefusedError(111, f"refused {address[0]}")

    with pytest.raises(ConnectionRefusedError):
        first_connected([DEAD, ("192.0.2.2", 25)], refuse)


def test_a_connection_that_comes_too_late_is_closed(listener: socket.socket) -> None:
    alive, release = listener.getsockname(), threading.Event()
    late: list[socket.socket] = []

    def connect(address: Address) -> socket.socket:
        if address == DEAD:
            release.wait(10)
            late.append(socket.create_connection(alive))
            return late[0]
        return socket.create_connection(alive)

    connected, _, _ = first_connected([DEAD, alive], connect, head_start=0.01)
    release.set()
    for _ in range(200):
        if late and late[0].fileno() == -1:
            break
        time.sleep(0.01)
    assert late[0].fileno() == -1
    connected.close()


def test_the_address_that_answered_is_the_first_of_the_next_connection(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = listener.getsockname()[1]
    entries = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.9", port)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: entries)
    create, tried = socket.create_connection, []

    def creating(address: Address, timeout: float) -> socket.socket:
        tried.append(address[0])
        if address[0] == "127.0.0.9":
            raise ConnectionRefusedError
        return connect_plainly(address)

    def connect_plainly(address: Address) -> socket.socket:
        made = socket.socket()
        made.connect(address)
        return made

    monkeypatch.setattr(socket, "create_connection", creating)
    dial("two.example", port, 5).close()
    assert silent_addresses("two.example", port) == ("127.0.0.9",)
    tried.clear()
    dial("two.example", port, 5).close()
    assert tried == ["127.0.0.1"]
    monkeypatch.setattr(socket, "create_connection", create)
