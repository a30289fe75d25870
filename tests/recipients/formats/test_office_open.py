"""The markup of XLSX gives the text that Excel shows in each cell."""

from __future__ import annotations

import datetime as dt
import zipfile

import openpyxl
import pytest

from mailmerge.errors import SpreadsheetError
from mailmerge.recipients.formats.markup import Layout, Range, SeenCell
from mailmerge.recipients.formats.office_open import OfficeOpenMarkup
from tests.recipients.conftest import Folder
from tests.recipients.workbooks import SHEET, book_of, guests, patched


def layout_of(folder: Folder, name: str = "recipients.csv", sheet: str = "Sheet") -> Layout:
    """The layout of a sheet, with its cells gone through."""
    with zipfile.ZipFile(folder.path / name) as archive:
        layout = OfficeOpenMarkup(archive, name).layout(sheet)
        layout.cells = iter(list(layout.cells))
    return layout


def test_each_cell_has_the_text_that_its_format_shows(folder: Folder) -> None:
    guests(folder.path)
    layout = layout_of(folder, "guests.xlsx", "Guests")
    seen = {(cell.row, cell.column): cell for cell in layout.cells}
    assert [seen[3, column].text for column in (1, 2, 3, 4, 5)] == [
        "00123",
        "34.30",
        "02.01.2026",
        "12.5%",
        "TRUE",
    ]
    assert seen[3, 6] == SeenCell(3, 6, "", fault="formula")
    assert (3, 7) not in seen  # a text is as pandas reads it
    assert layout.hidden == [4]


def test_merged_areas_are_found(folder: Folder) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet["B2"] = "Rome"
    sheet.merge_cells("B2:B3")
    book.save(folder.path / "recipients.csv")
    layout = layout_of(folder)
    assert layout.merged == [Range(1, 1, 2, 1)]


def test_a_large_number_has_lost_digits(folder: Folder) -> None:
    book_of(folder, ["email", "n"], ["a@x.org", 9007199254740993])
    (cell,) = layout_of(folder).cells
    assert (cell.row, cell.column, cell.fault) == (1, 1, "digits")


def test_an_unknown_sheet_or_a_broken_part_is_an_error(folder: Folder) -> None:
    book_of(folder, ["email"], ["a@x.org"])
    with pytest.raises(KeyError):
        layout_of(folder, sheet="Other")
    patched(folder.path / "recipients.csv", SHEET, ("</sheetData>", ""))
    with pytest.raises(SpreadsheetError) as caught:
        layout_of(folder)
    assert caught.value.problem.code == "file-damaged"


def test_a_style_that_is_missing_is_general(folder: Folder) -> None:
    book_of(folder, ["email", "n"], ["a@x.org", 34.3])
    patched(folder.path / "recipients.csv", SHEET, ('<c r="B2" t="n">', '<c r="B2" t="n" s="99">'))
    (cell,) = layout_of(folder).cells
    assert (cell.text, cell.certain) == ("34.3", True)


def test_an_error_in_a_cell_is_an_error(folder: Folder) -> None:
    book_of(folder, ["email", "n"], ["a@x.org", 5], ["b@x.org", 6])
    patched(
        folder.path / "recipients.csv",
        SHEET,
        ('<c r="B2" t="n"><v>5</v>', '<c r="B2" t="e"><v>#N/A</v>'),
    )
    problem = folder.problem()
    assert (problem.code, problem.row, problem.column) == ("cell-error", 2, "n")
    assert problem.message == "B2 shows the error #N/A"


def test_cells_without_names_follow_the_last_one(folder: Folder) -> None:
    book_of(folder, ["email", "n"], ["a@x.org", 5], ["b@x.org", 6])
    changes = [(f' r="{name}"', "") for name in ("A1", "B1", "A2", "B2", "A3", "B3", "1", "2", "3")]
    patched(folder.path / "recipients.csv", SHEET, *changes)
    assert [p.cells["n"] for p in folder.recipients()] == ["5", "6"]


def test_dates_may_be_iso_or_from_1904(folder: Folder) -> None:
    book_of(folder, ["email", "day"], ["a@x.org", 5], ["b@x.org", dt.date(2026, 1, 2)])
    path = folder.path / "recipients.csv"
    patched(path, SHEET, ('<c r="B2" t="n"><v>5</v>', '<c r="B2" t="d"><v>2026-01-01T00:00:00</v>'))
    patched(path, "xl/workbook.xml", ("<workbookPr/>", '<workbookPr date1904="1"/>'))
    assert [p.cells["day"] for p in folder.recipients()] == ["2026-01-01", "2030-01-03"]
