"""Writes several chunks at once: by sendmsg(2), or joined where a platform has no sendmsg.

A group of commands, content and terminator are some ten chunks. One system call for all of them is
one packet, and so one wake-up of the server.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Final

from mailmerge.smtp.content import Chunk

_MAX_CHUNKS: Final = 1024  # IOV_MAX of Linux, macOS and the BSDs
_MAX_JOINED: Final = 65_536  # bytes; more than one write takes from a socket's buffer, as a rule


def send_by_sendmsg(connected: socket.socket, chunks: Sequence[Chunk]) -> int:
    """Write what the kernel takes of the chunks, without a copy; the number of bytes taken.

    Raises:
        OSError: as `socket.sendmsg` does; BlockingIOError where nothing can be taken now.
    """
    return connected.sendmsg(chunks[:_MAX_CHUNKS])


def send_joined(connected: socket.socket, chunks: Sequence[Chunk]) -> int:
    """Write what the kernel takes of the first chunks, joined; the number of bytes taken.

    Raises:
        OSError: as `socket.send` does; BlockingIOError where nothing can be taken now.
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
"""The best way to write several chunks on this platform."""
