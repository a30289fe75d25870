"""The files of the marks: written, locked, found by path, and pruned."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from mailmerge.errors import LedgerHeld
from mailmerge.ledger.lock import Owner, take_lock
from mailmerge.ledger.marks import Mark, Marks, key_hash
from mailmerge.portable.locks import system_locking
from tests.platforms import assert_private

OWNER = Owner(7, "here", "boot", 1.0)


@pytest.fixture
def marks(tmp_path: Path) -> Marks:
    return Marks(tmp_path / "marks")


def test_a_mark_is_found_again(marks: Marks, tmp_path: Path) -> None:
    mark = Mark("a", "/x", "/y", 3, {"1": 2, "2": 5}, 9.0, True, ("h",), OWNER)
    file = marks.open("a")
    assert file.mark is None
    file.write(mark)
    file.close()
    again = marks.open("a")
    assert again.mark == mark
    assert mark.total == 7
    again.close()
    assert_private(tmp_path / "marks", tmp_path / "marks" / "a.mark")


def test_a_shorter_mark_replaces_a_longer_one(marks: Marks) -> None:
    file = marks.open("a")
    file.write(Mark("a", "/" + "x" * 500, beat=1))
    file.write(Mark("a", "/x", beat=2))
    file.close()
    again = marks.open("a")
    assert again.mark == Mark("a", "/x", beat=2)
    again.close()


@pytest.mark.parametrize("content", [b"", b"\0" * 300, b"{}\n", b"[1]\n", b'{"owner": 1}\n'])
def test_a_damaged_mark_is_no_mark(marks: Marks, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "marks").mkdir()
    (tmp_path / "marks" / "a.mark").write_bytes(content)
    file = marks.open("a")
    assert file.mark is None
    file.close()


def test_an_open_mark_refuses_a_copy_of_the_ledger(marks: Marks) -> None:
    file = marks.open("a")
    file.write(Mark("a", "/the/first", owner=OWNER))
    with pytest.raises(LedgerHeld, match=r"process 7 on here, since .*, from /the/first"):
        marks.open("a")
    file.close()
    marks.open("a").close()


def test_a_process_that_looks_at_a_mark_does_not_keep_its_ledger_out(
    marks: Marks, tmp_path: Path
) -> None:
    """To look whether a mark is locked takes the lock for a moment."""
    marks.open("one").close()
    [path] = tmp_path.rglob("one.mark")
    looking = os.open(path, os.O_RDONLY)
    assert not system_locking().is_locked(looking)
    threading.Timer(0.05, os.close, [looking]).start()
    marks.open("one").close()


def test_the_ledger_that_was_at_a_path_is_known(marks: Marks, tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    file = marks.open("a")
    file.write(Mark("a", str(path), beat=4))
    marks.remember(path, "a")
    with pytest.raises(LedgerHeld):
        marks.another_at(path, "b")
    file.close()
    found = marks.another_at(path, "b")
    assert found is not None
    assert found.beat == 4
    assert marks.another_at(path, "a") is None, "the same one"
    assert marks.another_at(tmp_path / "y.sqlite", "b") is None


def test_a_ledger_that_was_moved_is_not_missed(marks: Marks, tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    file = marks.open("a")
    marks.remember(path, "a")
    file.write(Mark("a", str(tmp_path / "elsewhere.sqlite")))
    file.close()
    assert marks.another_at(path, "b") is None


def test_old_marks_are_pruned_and_open_ones_are_kept(marks: Marks, tmp_path: Path) -> None:
    held = marks.open("held")
    os.utime(tmp_path / "marks" / "held.mark", (1, 1))
    for number in range(600):
        file = marks.open(f"m{number}")
        file.write(Mark(f"m{number}", f"/gone/{number}"))
        file.close()
        marks.remember(tmp_path / str(number), f"m{number}")
    names = {path.name for path in (tmp_path / "marks").iterdir()}
    assert "held.mark" in names
    assert "m599.mark" in names
    assert len(names) <= 2 * 513
    held.close()


def test_a_mark_pruned_while_it_is_opened_is_made_again(
    marks: Marks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def take(file: int) -> bool:
        if not calls:
            (tmp_path / "marks" / "a.mark").unlink()
        calls.append(file)
        return take_lock(file)

    monkeypatch.setattr("mailmerge.ledger.marks.take_lock", take)
    file = marks.open("a")
    file.write(Mark("a", "/x"))
    with pytest.raises(LedgerHeld):
        marks.open("a")
    file.abandon()
    again = marks.open("a")
    assert (len(calls), again.mark) == (4, Mark("a", "/x"))
    again.close()


def test_hashes_of_keys_belong_to_one_ledger() -> None:
    assert key_hash("a", "x@example.org") == key_hash("a", "x@example.org")
    assert key_hash("a", "x@example.org") != key_hash("b", "x@example.org")
