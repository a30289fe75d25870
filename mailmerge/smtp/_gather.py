"""Writes several chunks at once: by sendmsg(2), or joined if a platform has no sendmsg.

Commands, content and terminator are about ten chunks. One system call for all of them makes one
packet, and so one wake-up of the server.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Final

from mailmerge.smtp.content import Chunk

_MAX_CHUNKS: Final = 1024  # IOV_MAX of Linux, macOS and the BSDs
_MAX_JOINED: Final = 65_536  # bytes; usually more than a socket's buffer takes in one write


def send_by_sendmsg(connected: socket.socket, chunks: Sequence[Chunk]) -> int:
    """Write chunks without a copy; return the number of bytes that the kernel took.

    Raises:
        OSError: as `socket.sendmsg` does; BlockingIOError if the kernel takes nothing now.
    """
    return connected.sendmsg(chunks[:_MAX_CHUNKS])


def send_joined(connected: socket.socket, chunks: Sequence[Chunk]) -> int:
    """Join the first chunks and write them; return the number of bytes that the kernel took.

    Raises:
        OSError: as `socket.send` does; BlockingIOError if the kernel takes nothing now.
    """
    if len(chunks) == 1:
        return connected.send(chunks[0])
    joined: list[Chunk] = []
    room = _MAX_JOINED
    for chunk in chunks:
        joined.append(chunk if len(chunk) <= room else memoryview(chunk)[:room])
        room -= len(chunk)
        if room <= 0:
            break
    return connected.send(b"".join(joined))


send_gathered: Final[Callable[[socket.socket, Sequence[Chunk]], int]] = (
    send_by_sendmsg if hasattr(socket.socket, "sendmsg") else send_joined
)
"""Write several chunks in the best way of this platform."""
