"""The list of those who are never written to: changed at once or not at all."""

from __future__ import annotations

import os
import stat
from datetime import date
from pathlib import Path

import pytest

from mailmerge.errors import AddressError, SpreadsheetError
from mailmerge.recipients.suppression import (
    add_suppressions,
    import_suppressions,
    list_suppressions,
    read_suppressions,
    remove_suppressions,
)
from tests.recipients.conftest import Desk

DAY = date(2026, 11, 23)


def text(desk: Desk) -> str:
    return (desk.folder / "suppressed.csv").read_bytes().decode()


def test_no_file_is_an_empty_list(desk: Desk) -> None:
    assert read_suppressions(desk.campaign()) == frozenset()
    desk.put("", "suppressed.csv")
    assert list_suppressions(desk.campaign()) == []
    desk.put("email\n", "suppressed.csv")
    assert list_suppressions(desk.campaign()) == []


def test_adding_makes_the_file_for_its_owner_only(desk: Desk) -> None:
    campaign = desk.campaign()
    added = add_suppressions(campaign, ["Bob <Bob@X.org>", "bob@x.org"], reason="asked", today=DAY)
    assert added == ["Bob@x.org"]
    assert text(desk) == "email,reason,date\r\nBob@x.org,asked,2026-11-23\r\n"
    mode = stat.S_IMODE((desk.folder / "suppressed.csv").stat().st_mode)
    assert mode == 0o600
    assert add_suppressions(campaign, ["BOB@x.org"]) == []
    assert read_suppressions(campaign) == {"bob@x.org"}


def test_other_columns_are_kept(desk: Desk) -> None:
    desk.put("note;Email;date\nold friend;a@x.org;2020\n;b@x.org;\n", "suppressed.csv")
    campaign = desk.campaign()
    add_suppressions(campaign, ["c@x.org"], reason="bounced")
    assert remove_suppressions(campaign, ["B@X.ORG", "z@x.org"]) == ["b@x.org"]
    assert text(desk).splitlines() == [
        "note,email,date,reason",
        "old friend,a@x.org,2020,",
        ",c@x.org,,bounced",
    ]
    assert remove_suppressions(campaign, ["b@x.org"]) == []


def test_importing_takes_any_spreadsheet_with_its_columns(desk: Desk, tmp_path: Path) -> None:
    add_suppressions(desk.campaign(), ["a@x.org"])
    other = tmp_path / "unsubscribed.csv"
    other.write_bytes("E-Mail;Grund\nA@x.org;x\nb@x.org;möchte nicht\n".encode("cp1252"))
    assert import_suppressions(desk.campaign(), other, "e-mail") == ["b@x.org"]
    entries = list_suppressions(desk.campaign())
    assert [entry.address for entry in entries] == ["a@x.org", "b@x.org"]
    assert entries[1].cells["Grund"] == "möchte nicht"
    other.write_text("")
    with pytest.raises(SpreadsheetError):
        import_suppressions(desk.campaign(), other)


def test_one_wrong_address_changes_nothing(desk: Desk, tmp_path: Path) -> None:
    campaign = desk.campaign()
    add_suppressions(campaign, ["a@x.org"])
    before = text(desk)
    with pytest.raises(AddressError):
        add_suppressions(campaign, ["b@x.org", "bob"])
    with pytest.raises(AddressError):
        remove_suppressions(campaign, ["a@x.org", "bob"])
    other = tmp_path / "other.csv"
    other.write_text("email\nc@x.org\nbob\n")
    with pytest.raises(SpreadsheetError) as caught:
        import_suppressions(campaign, other)
    assert (caught.value.problem.file, caught.value.problem.row) == ("other.csv", 3)
    assert text(desk) == before


def test_a_crash_leaves_the_old_list(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = desk.campaign()
    add_suppressions(campaign, ["a@x.org"])
    before = text(desk)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SpreadsheetError) as caught:
        add_suppressions(campaign, ["b@x.org"])
    assert "cannot be written: No space left on device" in str(caught.value)
    assert text(desk) == before
    assert [path.name for path in desk.folder.iterdir()] == ["suppressed.csv"]
