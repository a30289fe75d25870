"""A binary workbook is read by another process, and what becomes of it is an error here."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import openpyxl
import pytest

from mailmerge.errors import CampaignError, Problem, SpreadsheetError
from mailmerge.recipients.bounds import Bounds, Budget
from mailmerge.recipients.formats.binary_book import BinaryBook
from mailmerge.recipients.formats.markup import Range
from mailmerge.recipients.formats.sheet import SheetEntry
from mailmerge.recipients.input_file import open_input_file
from tests.faults.hostile_sheets import biff, ole, xls_circle, xls_far_cell, xls_noise

PROTECTED = Path(__file__).parents[2] / "data" / "recipients" / "protected.xlsx"


def book_at(path: Path) -> BinaryBook:
    source = open_input_file(path, "r.xls")
    return BinaryBook(source, Budget(Bounds.of(source.size), "r.xls"))


def refused(path: Path) -> Problem:
    with pytest.raises(SpreadsheetError) as caught:
        book_at(path).read("Data")
    return caught.value.problem


def test_cells_are_read_with_their_places(tmp_path: Path) -> None:
    path = tmp_path / "r.xls"
    path.write_bytes(ole(biff((1, 2, 34.3), (3, 4, 5.0))))
    book = book_at(path)
    assert book.sheets == [SheetEntry("Data")]
    assert book.has_cells("Data")
    sheet = book.read("Data")
    assert (sheet.cell(1, 2), sheet.cell(3, 4), sheet.plain) == ("34.3", "5", [])


def test_a_locale_that_is_not_known_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "r.xls"
    path.write_bytes(ole(biff((1, 2, 34.3))))
    source = open_input_file(path, "r.xls")
    book = BinaryBook(source, Budget(Bounds.of(source.size), "r.xls"), "xx")
    with pytest.raises(CampaignError, match="is not known"):
        book.read("Data")


def test_sheets_and_merged_areas_are_listed(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    first = book.active
    assert first is not None
    first["B2"] = "Rome"
    first.merge_cells("B2:B4")
    book.create_sheet("Empty").sheet_state = "hidden"
    book.save(tmp_path / "r.xlsx")
    read = book_at(tmp_path / "r.xlsx")
    assert read.sheets == [SheetEntry("Sheet"), SheetEntry("Empty", visible=False)]
    assert not read.has_cells("Empty")
    assert read.read("Sheet").merged == [Range(1, 1, 3, 1)]


def test_a_reader_that_stops_is_damage(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "r.xls"
    xls_noise(path)
    assert refused(path).code == "file-damaged"
    xls_circle(path)
    assert refused(path).message == "the file is damaged: its sectors form a circle"
    assert capfd.readouterr() == ("", "")


def test_a_far_cell_costs_nothing(tmp_path: Path) -> None:
    xls_far_cell(tmp_path / "r.xls")
    sheet = book_at(tmp_path / "r.xls").read("Data")
    assert (sheet.cell(0, 0), sheet.cell(65_535, 255)) == ("1", "2")
    assert list(sheet.rows or ()) == [0, 65_535]
    assert sum(map(len, sheet.columns)) == 1 + 65_536


def test_an_archive_within_an_xls_file_does_not_make_it_one(tmp_path: Path) -> None:
    """Drawings and themes are archives in the file; one at its end makes it look like a ZIP."""
    path = tmp_path / "r.xls"
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("theme/theme1.xml", "<theme/>")
    path.write_bytes(ole(biff((1, 2, 34.3))) + inner.getvalue())
    assert zipfile.is_zipfile(path)
    assert book_at(path).read("Data").cell(1, 2) == "34.3"


def test_a_protected_file_is_named() -> None:
    assert refused(PROTECTED).code == "file-protected"


def test_a_reader_that_cannot_start_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "r.xls"
    path.write_bytes(ole(biff((1, 2, 34.3))))
    monkeypatch.setenv("PYTHONHOME", str(tmp_path))  # no Python can start with it
    problem = refused(path)
    assert problem.code == "file-damaged"
    assert "save it as .xlsx" in problem.hint
