"""Why a file of the ledger cannot be written -> what the user can do about it."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mailmerge.language import marked, tr

_FREE_SPACE: Final = marked("free some disk space and send again; no recipient is lost")
_MOVED: Final = marked(
    "the folder was moved or removed during the run: use it where it is now, and send again; no "
    "recipient is lost"
)
_DENIED: Final = marked(
    "make the folder and its files writable for you, and send again; no recipient is lost"
)
_FAILING: Final = marked(
    "check the disk or the network drive, and send again; no recipient is lost"
)

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
    return tr(_hint(path, error, reason))


def _hint(path: Path, error: OSError | None, reason: str) -> str:
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
