"""Writing several chunks at once: both implementations write the same bytes in the same order."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence

import pytest

from mailmerge.smtp._gather import send_by_sendmsg, send_gathered, send_joined
from mailmerge.smtp.content import Chunk

HAS_SENDMSG = hasattr(socket.socket, "sendmsg")
WAYS = [send_by_sendmsg, send_joined] if HAS_SENDMSG else [send_joined]
Send = Callable[[socket.socket, Sequence[Chunk]], int]


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        yield ours, theirs


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "chunks",
    [
        [b"a"],
        [b"ab", memoryview(b"xcdx")[1:3], b"", b"e"],
        [b"%d\n" % number for number in range(3000)],
        [b"first", memoryview(bytes(range(256)) * 1000), b"last"],
    ],
)
def test_chunks_are_written_in_order(
    ends: tuple[socket.socket, socket.socket], way: Send, chunks: list[Chunk]
) -> None:
    ours, theirs = ends
    rest = memoryview(b"".join(chunks))
    left = list(chunks)
    received = b""
    while left:
        sent = way(ours, left)
        assert sent > 0
        while len(received) < len(b"".join(chunks)) - len(rest) + sent:
            received += theirs.recv(65_536)
        rest = rest[sent:]
        left = [rest] if rest else []
    assert received == b"".join(chunks)


@pytest.mark.parametrize("way", WAYS)
def test_a_full_buffer_raises_blocking_io_error(
    ends: tuple[socket.socket, socket.socket], way: Send
) -> None:
    chunks = [b"x" * 40_000, b"y" * 40_000]
    with pytest.raises(BlockingIOError):
        sum(way(ends[0], chunks) for _ in range(1000))


def test_many_chunks_are_joined_up_to_a_bound(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    assert send_joined(ours, [b"x" * 100] * 2000) == 65_536
    assert set(theirs.recv(10)) == set(b"x")


def test_sendmsg_is_used_where_it_exists() -> None:
    assert send_gathered is WAYS[0]
