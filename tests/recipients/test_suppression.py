"""The suppression list: changed at once or not at all."""

from __future__ import annotations

import os
import threading
import time
from datetime import date
from pathlib import Path

import pytest

from mailmerge.errors import AddressError, SpreadsheetError
from mailmerge.recipients.suppression import SuppressionList
from tests.platforms import assert_private
from tests.recipients.conftest import Folder

DAY = date(2026, 11, 23)


def suppressions(folder: Folder) -> SuppressionList:
    return SuppressionList.of(folder.campaign())


def text(folder: Folder) -> str:
    return (folder.path / "suppressed.csv").read_bytes().decode()


def test_no_file_is_an_empty_list(folder: Folder) -> None:
    assert suppressions(folder).identities() == frozenset()
    folder.put("", "suppressed.csv")
    assert suppressions(folder).entries() == []
    folder.put("email\n", "suppressed.csv")
    assert suppressions(folder).entries() == []


def test_adding_makes_the_file_for_its_owner_only(folder: Folder) -> None:
    added = suppressions(folder).add(["Bob <Bob@X.org>", "bob@x.org"], reason="asked", today=DAY)
    assert added == ["Bob@x.org"]
    assert text(folder) == "email,reason,date\r\nBob@x.org,asked,2026-11-23\r\n"
    assert_private(folder.path / "suppressed.csv")
    assert suppressions(folder).add(["BOB@x.org"]) == []
    assert suppressions(folder).identities() == {"bob@x.org"}


def test_other_columns_are_kept(folder: Folder) -> None:
    folder.put("note;Email;date\nold friend;a@x.org;2020\n;b@x.org;\n", "suppressed.csv")
    suppressions(folder).add(["c@x.org"], reason="bounced")
    assert suppressions(folder).remove(["B@X.ORG", "z@x.org"]) == ["b@x.org"]
    assert text(folder).splitlines() == [
        "note,email,date,reason",
        "old friend,a@x.org,2020,",
        ",c@x.org,,bounced",
    ]
    assert suppressions(folder).remove(["b@x.org"]) == []


def test_importing_takes_any_spreadsheet_with_its_columns(folder: Folder, tmp_path: Path) -> None:
    suppressions(folder).add(["a@x.org"])
    other = tmp_path / "unsubscribed.csv"
    other.write_bytes("E-Mail;Grund\nA@x.org;x\nb@x.org;möchte nicht\n".encode("cp1252"))
    assert suppressions(folder).add_from(other, "e-mail") == ["b@x.org"]
    entries = suppressions(folder).entries()
    assert [entry.address for entry in entries] == ["a@x.org", "b@x.org"]
    assert entries[1].cells["Grund"] == "möchte nicht"
    other.write_text("")
    with pytest.raises(SpreadsheetError):
        suppressions(folder).add_from(other)


def test_one_wrong_address_changes_nothing(folder: Folder, tmp_path: Path) -> None:
    suppressions(folder).add(["a@x.org"])
    before = text(folder)
    with pytest.raises(AddressError):
        suppressions(folder).add(["b@x.org", "bob"])
    with pytest.raises(AddressError):
        suppressions(folder).remove(["a@x.org", "bob"])
    other = tmp_path / "other.csv"
    other.write_text("email\nc@x.org\nbob\n")
    with pytest.raises(SpreadsheetError) as caught:
        suppressions(folder).add_from(other)
    assert (caught.value.problem.file, caught.value.problem.row) == ("other.csv", 3)
    assert text(folder) == before


def test_a_change_waits_for_that_of_another_program(folder: Folder) -> None:
    taken, changed = threading.Event(), list[float]()

    def hold() -> None:
        with suppressions(folder).locked():
            taken.set()
            time.sleep(0.2)
            changed.append(time.monotonic())

    holder = threading.Thread(target=hold)
    holder.start()
    taken.wait(20)
    suppressions(folder).add(["bob@x.org"])
    added = time.monotonic()
    holder.join()
    assert added >= changed[0]
    assert suppressions(folder).identities() == {"bob@x.org"}


def test_a_list_that_another_program_keeps_locked_is_an_error(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with suppressions(folder).locked():
        now = iter(range(0, 1000, 6))
        monkeypatch.setattr(time, "monotonic", lambda: next(now))
        with pytest.raises(SpreadsheetError, match="another program is changing it"):
            suppressions(folder).add(["bob@x.org"])
        monkeypatch.undo()


def test_a_list_whose_folder_is_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpreadsheetError) as caught:
        SuppressionList(tmp_path / "file" / "suppressed.csv").add(["bob@x.org"])
    assert caught.value.problem.hint


def test_a_crash_leaves_the_old_list(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    suppressions(folder).add(["a@x.org"])
    before = text(folder)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SpreadsheetError) as caught:
        suppressions(folder).add(["b@x.org"])
    assert "cannot be written: No space left on device" in str(caught.value)
    assert text(folder) == before
    assert [path.name for path in folder.path.iterdir()] == ["suppressed.csv"]


def test_lock_file_that_cannot_be_removed_while_open_goes_after_it(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows removes no file that is open."""
    tries: list[str] = []
    unlink = Path.unlink

    def windows(path: Path, missing_ok: bool = False) -> None:
        tries.append(path.name)
        if tries.count(".suppressed.csv.lock") == 1:
            raise PermissionError(13, "Permission denied")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", windows)
    suppressions(folder).add(["a@x.org"])
    assert tries.count(".suppressed.csv.lock") == 2
    assert [path.name for path in folder.path.iterdir()] == ["suppressed.csv"]
