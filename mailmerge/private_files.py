"""Files and folders for the user alone, and the user's state folder.

On POSIX systems a file gets mode 0600 and a folder 0700. Windows ignores the mode of a file, which
inherits the permissions of its folder. A folder that is made with 0700 is private there, too, since
Python 3.12.4; in older versions it inherits the permissions of its parent.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mailmerge.errors import LedgerError
from mailmerge.language import tr
from mailmerge.portable.files import Mode, flags_for

_FILE_MODE: Final = 0o600
_FOLDER_MODE: Final = 0o700
_STATE_VARIABLE: Final = "MAILMERGE_STATE_HOME"


def open_private(path: Path, mode: Mode) -> int:
    """Open a binary file and return its descriptor; a new file is for the user alone.

    `os.fdopen` turns the descriptor into a file object. Raises OSError.
    """
    return os.open(path, flags_for(mode), _FILE_MODE)


def make_private_folder(folder: Path) -> Path:
    """Make the folder and its parents if they do not exist, and return it.

    Raises:
        LedgerError: the folder cannot be made.
    """
    try:
        folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerError(
            tr("the folder cannot be made: {reason}", reason=error.strerror),
            file=folder.name,
            hint=tr("check the permissions of the folder around it"),
            code="ledger-unwritable",
        ) from error
    return folder


def narrow_folder(folder: Path) -> Path:
    """Take the rights of all other users away from a folder, and return it.

    A file system without modes, and a folder of another user, stay as they are.
    """
    with contextlib.suppress(OSError):
        if folder.stat().st_mode & 0o077:
            folder.chmod(_FOLDER_MODE)
    return folder


def make_private_file(path: Path) -> None:
    """Make an empty file, or leave an existing file unchanged.

    Raises:
        LedgerError: the file cannot be made or opened.
    """
    os.close(open_to_update(path))


def open_to_update(path: Path) -> int:
    """Open a binary file to read and write, make it if necessary, and return its descriptor.

    Raises:
        LedgerError: the file cannot be made or opened.
    """
    try:
        return open_private(path, "update")
    except OSError as error:
        raise LedgerError(
            tr("cannot be opened: {reason}", reason=error.strerror),
            file=path.name,
            hint=tr("check its permissions"),
            code="ledger-unwritable",
        ) from error


def user_state_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the user's folder for files that belong to no campaign (XDG base directories).

    The environment variable `MAILMERGE_STATE_HOME` replaces it.

    Raises:
        LedgerError: the user has no home folder, as in a container that runs as an unknown user.
    """
    if own := environ.get(_STATE_VARIABLE):
        return Path(own)
    if base := environ.get("XDG_STATE_HOME"):
        return Path(base, "mailmerge")
    try:
        return Path.home() / ".local" / "state" / "mailmerge"
    except RuntimeError as error:
        raise LedgerError(
            tr("this user has no home folder, so there is no place for the state folder"),
            hint=tr("set {variable} to a folder that stays", variable=_STATE_VARIABLE),
            code="ledger-unwritable",
        ) from error
