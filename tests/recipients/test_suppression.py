"""The suppression list: changed at once or not at all."""

from __future__ import annotations

import os
import stat
from datetime import date
from pathlib import Path

import pytest

from mailmerge.errors import AddressError, SpreadsheetError
from mailmerge.recipients.suppression import SuppressionList
from tests.recipients.conftest import Desk

DAY = date(2026, 11, 23)


def suppressions(desk: Desk) -> SuppressionList:
    return SuppressionList.of(desk.campaign())


def text(desk: Desk) -> str:
    return (desk.folder / "suppressed.csv").read_bytes().decode()


def test_no_file_is_an_empty_list(desk: Desk) -> None:
    assert suppressions(desk).identities() == frozenset()
    desk.put("", "suppressed.csv")
    assert suppressions(desk).entries() == []
    desk.put("email\n", "suppressed.csv")
    assert suppressions(desk).entries() == []


def test_adding_makes_the_file_for_its_owner_only(desk: Desk) -> None:
    added = suppressions(desk).add(["Bob <Bob@X.org>", "bob@x.org"], reason="asked", today=DAY)
    assert added == ["Bob@x.org"]
    assert text(desk) == "email,reason,date\r\nBob@x.org,asked,2026-11-23\r\n"
    mode = stat.S_IMODE((desk.folder / "suppressed.csv").stat().st_mode)
    assert mode == 0o600
    assert suppressions(desk).add(["BOB@x.org"]) == []
    assert suppressions(desk).identities() == {"bob@x.org"}


def test_other_columns_are_kept(desk: Desk) -> None:
    desk.put("note;Email;date\nold friend;a@x.org;2020\n;b@x.org;\n", "suppressed.csv")
    suppressions(desk).add(["c@x.org"], reason="bounced")
    assert suppressions(desk).remove(["B@X.ORG", "z@x.org"]) == ["b@x.org"]
    assert text(desk).splitlines() == [
        "note,email,date,reason",
        "old friend,a@x.org,2020,",
        ",c@x.org,,bounced",
    ]
    assert suppressions(desk).remove(["b@x.org"]) == []


def test_importing_takes_any_spreadsheet_with_its_columns(desk: Desk, tmp_path: Path) -> None:
    suppressions(desk).add(["a@x.org"])
    other = tmp_path / "unsubscribed.csv"
    other.write_bytes("E-Mail;Grund\nA@x.org;x\nb@x.org;möchte nicht\n".encode("cp1252"))
    assert suppressions(desk).add_from(other, "e-mail") == ["b@x.org"]
    entries = suppressions(desk).entries()
    assert [entry.address for entry in entries] == ["a@x.org", "b@x.org"]
    assert entries[1].cells["Grund"] == "möchte nicht"
    other.write_text("")
    with pytest.raises(SpreadsheetError):
        suppressions(desk).add_from(other)


def test_one_wrong_address_changes_nothing(desk: Desk, tmp_path: Path) -> None:
    suppressions(desk).add(["a@x.org"])
    before = text(desk)
    with pytest.raises(AddressError):
        suppressions(desk).add(["b@x.org", "bob"])
    with pytest.raises(AddressError):
        suppressions(desk).remove(["a@x.org", "bob"])
    other = tmp_path / "other.csv"
    other.write_text("email\nc@x.org\nbob\n")
    with pytest.raises(SpreadsheetError) as caught:
        suppressions(desk).add_from(other)
    assert (caught.value.problem.file, caught.value.problem.row) == ("other.csv", 3)
    assert text(desk) == before


def test_a_crash_leaves_the_old_list(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    suppressions(desk).add(["a@x.org"])
    before = text(desk)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SpreadsheetError) as caught:
        suppressions(desk).add(["b@x.org"])
    assert "cannot be written: No space left on device" in str(caught.value)
    assert text(desk) == before
    assert [path.name for path in desk.folder.iterdir()] == ["suppressed.csv"]
