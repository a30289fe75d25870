"""Outcomes that the journal could not take: written where there is room, read at the next opening.

The file beside the ledger comes first, then one in the user's state folder, which is often on
another disk. Both carry a name that only this ledger has.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from mailmerge.errors import LedgerError
from mailmerge.ledger.journal import decode_all, encode
from mailmerge.ledger.states import Transition
from mailmerge.private_files import make_private_folder, user_state_folder

_GENERATION = 0


def _paths(folder: Path, secret: bytes) -> Iterator[Path]:
    name = f"emergency-{hashlib.sha256(secret).hexdigest()[:16]}.journal"
    yield folder / name
    yield user_state_folder() / name


def save(folder: Path, secret: bytes, mark: Transition) -> Path | None:
    """Write a mark where it can be written; None where that is nowhere."""
    for path in _paths(folder, secret):
        if _appended(path, encode(mark, _GENERATION)):
            return path
    return None


def _appended(path: Path, line: bytes) -> bool:
    try:
        make_private_folder(path.parent)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except (OSError, LedgerError):
        return False
    try:
        whole = os.write(file, line) == len(line)
        os.fsync(file)
    except OSError:
        return False
    finally:
        os.close(file)
    return whole


def read(folder: Path, secret: bytes) -> list[Transition]:
    """The marks of both files."""
    marks: list[Transition] = []
    for path in _paths(folder, secret):
        if path.exists():
            marks += decode_all(path.read_bytes(), _GENERATION)
    return marks


def remove(folder: Path, secret: bytes) -> None:
    """Forget both files: the ledger holds what they held."""
    for path in _paths(folder, secret):
        path.unlink(missing_ok=True)
