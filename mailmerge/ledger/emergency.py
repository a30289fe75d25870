"""Outcomes that the journal could not store: written to another file, read at the next opening.

The first choice is a file next to the ledger. The second is a file in the user's state folder,
which is often on another disk. Both names belong to this campaign alone.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

from mailmerge.errors import LedgerError
from mailmerge.language import tr
from mailmerge.ledger.database import Observer, observed
from mailmerge.ledger.disk_hints import hint_for_unwritable
from mailmerge.ledger.journal_file import decode_all, encode
from mailmerge.ledger.states import Transition
from mailmerge.library_messages import system_reason
from mailmerge.portable.syncing import sync_to_disk
from mailmerge.private_files import make_private_folder, open_private, user_state_folder

_GENERATION: Final = 0


class EmergencyFiles:
    """The emergency files of one campaign, for its ledger in `folder`.

    `secret` is the campaign's secret; the names of the files are derived from it.
    """

    def __init__(self, folder: Path, secret: bytes, observer: Observer | None = None) -> None:
        name = f"emergency-{hashlib.sha256(secret).hexdigest()[:16]}.journal"
        self._paths = (folder / name, user_state_folder() / name)
        self._observer = observer

    def save(self, transition: Transition) -> Path | None:
        """Write a transition into the first file that can be written; return it, or None."""
        with observed(self._observer, "emergency line"):
            return next((path for path in self._paths if _appended(path, transition)), None)

    def read(self) -> list[Transition]:
        """Return the transitions in both files.

        A damaged line is left out: without its outcome, the delivery is in doubt.
        """
        transitions: list[Transition] = []
        for path in self._paths:
            try:
                content = path.read_bytes()
            except OSError:
                continue
            # Each line of the first edition's files has the checksum of a first line.
            found = decode_all(content, _GENERATION).transitions
            transitions += found or decode_all(content, _GENERATION, placed=False).transitions
        return transitions

    def remove(self) -> None:
        """Remove both files, after their transitions were written into the database.

        A place that cannot be looked into has no file that was read.

        Raises:
            LedgerError: a file cannot be removed. It must not remain, because its outcomes would be
                read once more after a later attempt.
        """
        with observed(self._observer, "emergency files removed"):
            for path in self._paths:
                try:
                    path.unlink(missing_ok=True)
                except OSError as error:
                    if os.path.exists(path):  # noqa: PTH110 - Path.exists may raise
                        raise _not_removed(path, error) from error


def _not_removed(path: Path, error: OSError) -> LedgerError:
    return LedgerError(
        tr("cannot be removed: {reason}", reason=system_reason(error)),
        file=path.name,
        hint=hint_for_unwritable(path, error),
        code="ledger-unwritable",
    )


def _appended(path: Path, transition: Transition) -> bool:
    try:
        make_private_folder(path.parent)
        file = open_private(path, "append")
    except (OSError, LedgerError):
        return False
    try:
        line = encode(transition, _GENERATION, os.fstat(file).st_size)
        whole = os.write(file, line) == len(line)
        sync_to_disk(file)
    except OSError:
        return False
    finally:
        os.close(file)
    return whole
