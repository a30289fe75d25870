"""A ledger has one owner at a time, and its process is known."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailmerge.errors import LedgerError, LedgerHeld
from mailmerge.ledger.lock import Lock, Owner, owner_of, take_lock
from mailmerge.portable.boot import boot_id
from tests.full_disk import small_space
from tests.platforms import assert_private, open_files_stay


def test_a_lock_names_its_owner_until_it_is_released(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    assert owner_of(path) is None
    lock = Lock(path)
    owner = owner_of(path)
    assert owner is not None
    assert (owner.pid, owner.boot_id) == (os.getpid(), boot_id())
    assert str(owner).startswith(f"process {os.getpid()} on ")
    lock.release()
    lock.release()
    assert owner_of(path) is None


def test_a_second_owner_is_refused_and_sees_the_first(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "x.lock")
    with pytest.raises(LedgerHeld, match=f"process {os.getpid()} on "):
        Lock(tmp_path / "x.lock")
    lock.release()
    Lock(tmp_path / "x.lock").release()


def test_an_unreadable_owner_is_an_unknown_one(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    lock = Lock(path)
    path.write_text("not JSON")
    assert owner_of(path) == Owner(0, "an unknown host", "", 0.0)
    with pytest.raises(LedgerHeld, match="is being sent by another process"):
        Lock(path)
    lock.release()


def test_a_lock_is_for_the_user_alone(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "x.lock")
    assert_private(tmp_path / "x.lock")
    lock.release()


def test_a_lock_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be opened"):
        Lock(tmp_path / "nowhere" / "x.lock")


@open_files_stay
def test_a_removed_lock_is_locked_again(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    lock = Lock(path)
    lock.ensure()
    path.unlink()
    assert owner_of(path) is None
    lock.ensure()
    assert owner_of(path) is not None
    with pytest.raises(LedgerHeld):
        Lock(path)
    lock.release()
    Lock(path).release()


@open_files_stay
def test_a_lock_removed_while_it_is_taken_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.lock"
    calls: list[int] = []

    def take(file: int) -> bool:
        if not calls:
            path.unlink()
        calls.append(file)
        return take_lock(file)

    monkeypatch.setattr("mailmerge.ledger.lock.take_lock", take)
    lock = Lock(path)
    assert len(calls) == 2
    with pytest.raises(LedgerHeld):
        Lock(path)
    lock.release()


def test_a_full_disk_costs_only_the_description_of_the_owner(tmp_path: Path) -> None:
    with small_space(0):
        lock = Lock(tmp_path / "x.lock")
    assert owner_of(tmp_path / "x.lock") == Owner(0, "an unknown host", "", 0.0)
    lock.release()


def test_a_child_process_gives_the_file_up(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "x.lock")
    lock.abandon()
    assert owner_of(tmp_path / "x.lock") is None


@open_files_stay
def test_a_lock_that_cannot_be_looked_up_counts_as_held(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    lock = Lock(folder / "x.lock")
    folder.rename(tmp_path / "moved")
    folder.symlink_to(folder)
    lock.ensure()
    lock.release()


@open_files_stay
def test_a_lock_that_was_replaced_and_locked_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    lock = Lock(path)
    path.unlink()
    other = Lock(path)
    with pytest.raises(LedgerHeld, match="the lock file was replaced"):
        lock.ensure()
    other.release()
    lock.ensure()
    lock.release()
