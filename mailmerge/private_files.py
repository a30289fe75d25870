"""Where state is kept: the campaign's own folder and the user's, both for nobody else to read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from mailmerge.errors import LedgerError

STATE_VARIABLE = "MAILMERGE_STATE_HOME"


def make_private_folder(folder: Path) -> Path:
    """Make the folder with mode 0700 where there is none yet.

    Raises:
        LedgerError: it cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerError(
            f"the folder cannot be made: {error.strerror}",
            file=folder.name,
            hint="the program must be allowed to write there",
            code="ledger-unwritable",
        ) from error
    return folder


def make_private_file(path: Path) -> None:
    """Make the file where there is none, for the user alone (mode 0600).

    Raises:
        LedgerError: it cannot be made or opened.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise LedgerError(
            f"cannot be opened: {error.strerror}", file=path.name, code="ledger-unwritable"
        ) from error


def user_state_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The user's folder for what belongs to no single campaign (XDG base directories).

    `MAILMERGE_STATE_HOME` names another one.
    """
    if own := environ.get(STATE_VARIABLE):
        return Path(own)
    base = environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "mailmerge"
