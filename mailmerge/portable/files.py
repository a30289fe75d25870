"""Files by their descriptors: how they are opened, written in place, and given their space.

A descriptor of `os.open` is never inherited by a program that is started later: Python sees to it
on every platform (PEP 446).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final, Literal

Mode = Literal["create", "write", "append", "update"]
"""What a file is opened for:

* `create`: write a file that must not be there yet
* `write`: write a new file, or an old one from its beginning
* `append`: write behind what is there
* `update`: read, and write anywhere in what is there
"""

_FLAGS: Final[dict[str, int]] = {
    "create": os.O_WRONLY | os.O_CREAT | os.O_EXCL,
    "write": os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
    "append": os.O_WRONLY | os.O_CREAT | os.O_APPEND,
    "update": os.O_RDWR | os.O_CREAT,
}


def flags_for(mode: Mode, system: Any = os) -> int:
    """The flags of `os.open` for a binary file; Windows would translate line ends otherwise."""
    return _FLAGS[mode] | int(getattr(system, "O_BINARY", 0))


def seek_and_write(file: int, content: bytes, offset: int) -> int:
    """Write bytes at a place of a file where there is no pwrite(2); how many. Raises OSError.

    The position of the file moves, so that only one thread at a time may write.
    """
    os.lseek(file, offset, os.SEEK_SET)
    return os.write(file, content)


write_at: Callable[[int, bytes, int], int] = getattr(os, "pwrite", seek_and_write)
"""Write bytes at a place of a file: descriptor, bytes, offset; how many. Raises OSError."""


def reserve(file: int, start: int, end: int, system: Any = os) -> None:
    """Give a file its space on the disk up to `end`; from `start` on it holds zeros.

    Nothing may be written behind `start` yet: where the system has no call for it (macOS, Windows),
    zeros are written there. Raises OSError where the disk is full.
    """
    if hasattr(system, "posix_fallocate"):
        system.posix_fallocate(file, 0, end)
        return
    while start < end:
        start += write_at(file, bytes(end - start), start)
