"""Why a file of the ledger cannot be written -> what the user can do about it."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_AGAIN: Final = "and send again; no recipient is lost"
_FREE_SPACE: Final = f"free some disk space {_AGAIN}"
_MOVED: Final = f"the folder was moved or removed during the run: use it where it is now, {_AGAIN}"
_DENIED: Final = f"make the folder and its files writable for you, {_AGAIN}"
_FAILING: Final = f"check the disk or the network drive, {_AGAIN}"

_HINTS: Final[Mapping[int, str]] = {
    errno.ENOENT: _MOVED,
    errno.ENOTDIR: _MOVED,
    errno.ESTALE: _MOVED,
    errno.EACCES: _DENIED,
    errno.EPERM: _DENIED,
    errno.EROFS: _DENIED,
    errno.EIO: _FAILING,
    errno.ENODEV: _FAILING,
    errno.ENXIO: _FAILING,
}


def hint_for_unwritable(path: Path, error: OSError | None = None, reason: str = "") -> str:
    """Return the fix for a file that cannot be written.

    `error` is the error of the system, or None if there was none: a write was cut short. `reason`
    is the text of SQLite, which has no error number.
    """
    if _is_missing(path.parent):
        return _MOVED
    if error is not None and error.errno is not None:
        return _HINTS.get(error.errno, _FREE_SPACE)
    if "readonly" in reason:
        return _MOVED if _is_missing(path) else _DENIED
    return _FREE_SPACE


def _is_missing(path: Path) -> bool:
    """Whether there is certainly nothing at a path; a disk may not answer."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False
