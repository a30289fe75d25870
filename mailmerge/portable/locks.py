"""Locks on files: one process at a time holds a file, and the system releases it when that ends.

POSIX has flock(2), which belongs to the open file. Windows locks ranges of bytes, and these locks
are mandatory. So the range there begins far after the content, which stays readable. In both
systems a second descriptor of the same process counts as another holder. The end of the process
releases the lock, even after a crash, so a stale lock cannot exist.

Some file systems have no locks (a network disk without a lock service). There every process gets
the lock. The caller needs a second means where that matters, as the ledger has (ledger/sender.py).
"""

from __future__ import annotations

import errno
import os
import sys
from typing import Any, Final, Protocol

_NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})
"""The errors of a file system that has no locks."""

_LOCKED_BYTE: Final = 1 << 30
"""The offset of the one byte that Windows locks."""


class Locking(Protocol):
    """How a platform locks an open file; `file` is a descriptor. The methods never wait."""

    def lock(self, file: int) -> bool:
        """Take the lock until the descriptor is closed. Returns False if it is held already."""
        ...

    def is_locked(self, file: int) -> bool:
        """Whether another descriptor holds the lock at this moment."""
        ...


class WholeFileLocking:
    """Locks of POSIX systems; `fcntl` is the standard library's module."""

    def __init__(self, fcntl: Any) -> None:
        self._fcntl = fcntl

    def lock(self, file: int) -> bool:
        """Take the lock until the descriptor is closed. Returns False if it is held already."""
        return self._flock(file, self._fcntl.LOCK_EX)

    def is_locked(self, file: int) -> bool:
        """Whether another descriptor holds the lock; else `file` shares it until it is closed."""
        return not self._flock(file, self._fcntl.LOCK_SH)

    def _flock(self, file: int, how: int) -> bool:
        try:
            self._fcntl.flock(file, how | self._fcntl.LOCK_NB)
        except OSError as error:
            return error.errno in _NO_LOCKS
        return True


class RangeLocking:
    """Locks of Windows; `msvcrt` is the standard library's module."""

    def __init__(self, msvcrt: Any) -> None:
        self._msvcrt = msvcrt

    def lock(self, file: int) -> bool:
        """Take the lock until the descriptor is closed. Returns False if it is held already."""
        return self._change(file, self._msvcrt.LK_NBLCK)

    def is_locked(self, file: int) -> bool:
        """Whether another descriptor holds the lock; Windows has no shared lock to try."""
        if not self._change(file, self._msvcrt.LK_NBLCK):
            return True
        self._change(file, self._msvcrt.LK_UNLCK)
        return False

    def _change(self, file: int, how: int) -> bool:
        before = os.lseek(file, 0, os.SEEK_CUR)
        os.lseek(file, _LOCKED_BYTE, os.SEEK_SET)
        try:
            self._msvcrt.locking(file, how, 1)
        except OSError:
            return False
        finally:
            os.lseek(file, before, os.SEEK_SET)
        return True


def system_locking() -> Locking:
    """Return the locks of the present platform."""
    if sys.platform == "win32":
        import msvcrt

        return RangeLocking(msvcrt)
    import fcntl

    return WholeFileLocking(fcntl)
