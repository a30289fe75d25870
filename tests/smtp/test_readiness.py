"""Waiting for a socket: both implementations agree."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from mailmerge.smtp._readiness import PollReadiness, Readiness, SelectReadiness, readiness_of

WAYS = [PollReadiness, SelectReadiness] if hasattr(select, "poll") else [SelectReadiness]


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        yield ours, theirs


@pytest.mark.parametrize("way", WAYS)
def test_a_socket_is_readable_when_something_came(
    ends: tuple[socket.socket, socket.socket], way: Callable[[socket.socket], Readiness]
) -> None:
    ours, theirs = ends
    readiness = way(ours)
    assert not readiness.wait(0, writing=False)
    assert not readiness.wait(-1, writing=False), "a time that is over does not wait"
    theirs.sendall(b"x")
    assert readiness.wait(0, writing=False)
    assert readiness.wait(None, writing=False)
    assert ours.recv(9) == b"x"
    theirs.close()
    assert readiness.wait(10, writing=False), "the end is readable too"


@pytest.mark.parametrize("way", WAYS)
def test_a_socket_is_writable_until_its_buffer_is_full(
    ends: tuple[socket.socket, socket.socket], way: Callable[[socket.socket], Readiness]
) -> None:
    ours, theirs = ends
    readiness = way(ours)
    assert readiness.wait(0, writing=True)
    with pytest.raises(BlockingIOError):
        sum(ours.send(b"x" * 65_536) for _ in range(1000))
    assert not readiness.wait(0, writing=True)
    theirs.sendall(b"x")
    assert readiness.wait(0, writing=True), "what came can be read meanwhile"


@pytest.mark.parametrize("way", WAYS)
def test_waiting_ends_after_its_time(
    ends: tuple[socket.socket, socket.socket], way: Callable[[socket.socket], Readiness]
) -> None:
    since = time.monotonic()
    assert not way(ends[0]).wait(0.05, writing=False)
    assert 0.04 < time.monotonic() - since < 60


@pytest.mark.parametrize("way", WAYS)
def test_closed_socket_is_ready_at_once(
    ends: tuple[socket.socket, socket.socket], way: Callable[[socket.socket], Readiness]
) -> None:
    readiness = way(ends[0])
    ends[0].close()
    assert readiness.wait(10, writing=False)
    assert readiness.wait(10, writing=True)


def test_poll_is_used_where_it_exists(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert type(readiness_of(ends[0])) is WAYS[0]
    monkeypatch.delattr(select, "poll", raising=False)
    assert type(readiness_of(ends[0])) is SelectReadiness
