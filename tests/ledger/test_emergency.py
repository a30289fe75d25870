"""Outcomes find a place when the journal has none."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.errors import LedgerError
from mailmerge.ledger.emergency import EmergencyFiles
from mailmerge.ledger.states import State, Transition
from tests.platforms import assert_private

SENT = Transition(1, State.SENT, 1.0, 1, 0, None, "content", "250 Ok")


def test_the_first_file_is_next_to_the_ledger(tmp_path: Path) -> None:
    files = EmergencyFiles(tmp_path, b"secret")
    saved = files.save(SENT)
    assert saved is not None
    assert saved.parent == tmp_path
    assert_private(saved)
    assert files.read() == [SENT]


def test_the_second_file_is_in_the_users_folder(tmp_path: Path, state_home: Path) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_text("")
    saved = EmergencyFiles(blocked / "folder", b"secret").save(SENT)
    assert saved is not None
    assert saved.parent == state_home


def test_both_files_are_read_and_removed(tmp_path: Path, state_home: Path) -> None:
    EmergencyFiles(tmp_path / "gone" / "x", b"secret").save(SENT)
    files = EmergencyFiles(tmp_path, b"secret")
    files.save(SENT)
    EmergencyFiles(state_home, b"secret").save(SENT)
    assert files.read() == [SENT, SENT]
    files.remove()
    assert files.read() == []


def test_another_campaign_has_other_files(tmp_path: Path) -> None:
    EmergencyFiles(tmp_path, b"secret").save(SENT)
    assert EmergencyFiles(tmp_path, b"another").read() == []


def test_saving_without_a_writable_file_does_not_raise(tmp_path: Path, state_home: Path) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_text("")
    state_home.rmdir()
    state_home.write_text("a file where the folder should be")
    assert EmergencyFiles(blocked / "folder", b"secret").save(SENT) is None


def test_a_place_that_is_no_folder_has_nothing_to_remove(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MAILMERGE_STATE_HOME", str(tmp_path / "file"))
    files = EmergencyFiles(tmp_path, b"secret")
    files.save(SENT)
    files.remove()
    assert files.read() == []


def test_a_file_that_cannot_be_removed_is_one_clear_error(tmp_path: Path) -> None:
    files = EmergencyFiles(tmp_path, b"secret")
    path = files.save(SENT)
    assert path is not None
    path.unlink()
    path.mkdir()  # which unlink(2) refuses
    with pytest.raises(LedgerError, match=f"{path.name}: cannot be removed"):
        files.remove()


def test_saving_and_removing_are_observed(tmp_path: Path) -> None:
    seen: list[str] = []
    files = EmergencyFiles(tmp_path, b"secret", seen.append)
    files.save(SENT)
    files.remove()
    assert seen == [
        "before emergency line",
        "after emergency line",
        "before emergency files removed",
        "after emergency files removed",
    ]
