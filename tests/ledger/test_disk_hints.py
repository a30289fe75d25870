"""The fix that a user reads if the ledger cannot be written fits the reason."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from mailmerge.errors import LedgerError
from mailmerge.ledger.disk_hints import hint_for_unwritable
from mailmerge.ledger.journal_file import JournalFile, JournalFiles
from tests.platforms import on_posix


def failed(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("number", "fix"),
    [
        (errno.ENOSPC, "free some disk space"),
        (errno.EFBIG, "free some disk space"),
        (errno.EACCES, "writable"),
        (errno.EROFS, "writable"),
        (errno.ENOENT, "moved or removed"),
        (errno.EIO, "check the disk"),
    ],
)
def test_fix_fits_the_error_of_the_system(tmp_path: Path, number: int, fix: str) -> None:
    hint = hint_for_unwritable(tmp_path / "ledger.sqlite", failed(number))
    assert fix in hint
    assert "no recipient is lost" in hint


@on_posix
def test_folder_that_cannot_be_looked_up_still_gets_a_fix() -> None:
    folder = Path("/", "x" * 300)  # the system refuses the name, as it does on a dead disk
    assert "check the disk" in hint_for_unwritable(folder / "ledger.sqlite", failed(errno.EIO))
    assert "writable" in hint_for_unwritable(folder / "ledger.sqlite", reason="readonly database")


def test_missing_folder_was_moved_whatever_the_error(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "ledger.sqlite"
    assert "moved or removed" in hint_for_unwritable(path, failed(errno.EIO))
    assert "moved or removed" in hint_for_unwritable(path, reason="disk I/O error")


def test_reason_of_sqlite_is_understood(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    readonly = "attempt to write a readonly database"
    assert "moved or removed" in hint_for_unwritable(path, reason=readonly)
    path.touch()
    assert "writable" in hint_for_unwritable(path, reason=readonly)
    assert "free some disk space" in hint_for_unwritable(path, reason="database or disk is full")


def test_journal_in_a_moved_folder_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    JournalFile(JournalFiles(folder, "ledger"), 1).close()
    folder.rename(tmp_path / "moved")
    with pytest.raises(LedgerError, match="moved or removed during the run"):
        JournalFile(JournalFiles(folder, "ledger"), 2)
