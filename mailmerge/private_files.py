"""Files and folders for the user alone, and where they lie: the one owner of this decision.

On POSIX systems a file has mode 0600 and a folder 0700. Windows ignores the mode of a file: it
inherits who may read it from its folder. A folder that is made with 0700 is for the user alone
there, too, since Python 3.12.4; before, it inherits from the folder around it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mailmerge.errors import LedgerError
from mailmerge.portable.files import Mode, flags_for

_FILE_MODE: Final = 0o600
_FOLDER_MODE: Final = 0o700
_STATE_VARIABLE: Final = "MAILMERGE_STATE_HOME"


def open_private(path: Path, mode: Mode) -> int:
    """Open a file of bytes and return its descriptor; a new file is for the user alone.

    `os.fdopen` makes a file object of it. Raises OSError.
    """
    return os.open(path, flags_for(mode), _FILE_MODE)


def make_private_folder(folder: Path) -> Path:
    """Make the folder, and those around it, where there is none yet.

    Raises:
        LedgerError: it cannot be made.
    """
    try:
        folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerError(
            f"the folder cannot be made: {error.strerror}",
            file=folder.name,
            hint="the program must be allowed to write there",
            code="ledger-unwritable",
        ) from error
    return folder


def make_private_file(path: Path) -> None:
    """Make the file where there is none; what is there stays.

    Raises:
        LedgerError: it cannot be made or opened.
    """
    try:
        os.close(open_private(path, "update"))
    except OSError as error:
        raise LedgerError(
            f"cannot be opened: {error.strerror}", file=path.name, code="ledger-unwritable"
        ) from error


def user_state_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The user's folder for what belongs to no single campaign (XDG base directories).

    `MAILMERGE_STATE_HOME` names another one.
    """
    if own := environ.get(_STATE_VARIABLE):
        return Path(own)
    base = environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "mailmerge"
