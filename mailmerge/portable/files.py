"""Files by their descriptors: opening, writing at an offset, and reserving disk space.

Child processes never inherit a descriptor of `os.open`: Python ensures it on every platform (PEP
446).
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Literal

Mode = Literal["create", "write", "append", "update"]
"""How a file is opened:

* `create`: write a new file; an existing file is an error
* `write`: write a new file, or replace the content of an existing one
* `append`: write at the end
* `update`: read and write anywhere, and keep existing content
"""

_FLAGS: Final[dict[str, int]] = {
    "create": os.O_WRONLY | os.O_CREAT | os.O_EXCL,
    "write": os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
    "append": os.O_WRONLY | os.O_CREAT | os.O_APPEND,
    "update": os.O_RDWR | os.O_CREAT,
}


def flags_for(mode: Mode, system: Any = os) -> int:
    """Return the flags of `os.open` for a binary file; Windows would translate line ends else."""
    return _FLAGS[mode] | int(getattr(system, "O_BINARY", 0))


def open_below(folder: str, parts: Sequence[str], system: Any = os) -> int:
    """Open a file below a folder for reading, and return its descriptor.

    `folder` and `parts` have no symbolic links: if a part has become one since the caller resolved
    the path, it is not followed, and the call fails. It never waits for the writer of a pipe.
    Windows cannot open a file relative to a folder, so there only the last part is certain.

    Raises:
        OSError: the file cannot be opened, or a part of its path is a link.
    """
    flags = os.O_RDONLY | getattr(system, "O_BINARY", 0) | getattr(system, "O_NONBLOCK", 0)
    if not hasattr(system, "O_NOFOLLOW") or os.open not in system.supports_dir_fd:
        return _open_no_link(Path(folder, *parts), flags)
    # O_PATH needs no permission to list the folder.
    to_pass = getattr(system, "O_PATH", os.O_RDONLY) | system.O_DIRECTORY
    at = os.open(folder, to_pass)
    try:
        for part in parts[:-1]:
            below = os.open(part, to_pass | system.O_NOFOLLOW, dir_fd=at)
            os.close(at)
            at = below
        return os.open(parts[-1] if parts else ".", flags | system.O_NOFOLLOW, dir_fd=at)
    finally:
        os.close(at)


def _open_no_link(path: Path, flags: int) -> int:
    """Open a file by its path, and fail if a link was opened."""
    file = os.open(path, flags)
    try:
        same = os.path.samestat(os.fstat(file), path.lstat())
    except OSError:
        same = False
    if not same:
        os.close(file)
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    return file


def seek_and_write(file: int, content: bytes, offset: int) -> int:
    """Write bytes at an offset without pwrite(2). Returns how many. Raises OSError.

    This moves the position of the file, so only one thread at a time may write.
    """
    os.lseek(file, offset, os.SEEK_SET)
    return os.write(file, content)


write_at: Callable[[int, bytes, int], int] = getattr(os, "pwrite", seek_and_write)
"""`write_at(descriptor, bytes, offset)` returns the number of written bytes. Raises OSError."""


Identity = tuple[int, int]
"""The number of the device and the number of the file on it, which a rename does not change."""


def file_identity(file: int | Path, platform: str = sys.platform) -> Identity | None:
    """Return the identity of the file with this descriptor or path; None if there is no such file.

    Windows removes or replaces no file that is open in the way of this program, so all files have
    the same identity there. So they have on a file system without such numbers.

    Raises OSError if the path cannot be looked up.
    """
    try:
        found = os.fstat(file) if isinstance(file, int) else file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return (0, 0) if platform == "win32" else (found.st_dev, found.st_ino)


def may_be_held(error: OSError, platform: str = sys.platform) -> bool:
    """Whether the reason of an error may be that another program has the file open.

    Windows refuses to open or to replace such a file if the other program allows no sharing, as
    Excel does. The runtime library of C makes "permission denied" of each such refusal.
    """
    return platform == "win32" and isinstance(error, PermissionError)


def reserve(file: int, start: int, end: int, system: Any = os) -> None:
    """Reserve disk space for a file up to byte `end`; the bytes from `start` on are zeros.

    There must be no content after `start`: without posix_fallocate (macOS, Windows), this function
    writes zeros there. Raises OSError if the disk is full.
    """
    if hasattr(system, "posix_fallocate"):
        system.posix_fallocate(file, 0, end)
        return
    while start < end:
        start += write_at(file, bytes(end - start), start)
