"""A sheet is chosen, read and brought into the form that the user sees."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from mailmerge.errors import SpreadsheetError
from mailmerge.recipients.columns import HeadRow
from mailmerge.recipients.formats.markup import Layout, Range, SeenCell
from mailmerge.recipients.formats.sheet import Sheet, drop_empty_columns, fill_merged, load_sheet
from mailmerge.recipients.input_file import open_input_file
from mailmerge.settings import RecipientsSection
from tests.recipients.conftest import Folder
from tests.recipients.workbooks import book_of


def sheet_of(*rows: list[str]) -> Sheet:
    return Sheet("r.xlsx", [list(column) for column in zip(*rows, strict=True)])


class Shown:
    """Markup that shows these cells."""

    def __init__(self, *cells: SeenCell) -> None:
        self._cells = cells

    def layout(self, sheet: str) -> Layout:
        return Layout([7], [Range(0, 0, 1, 0)], iter(self._cells))


def load(folder: Folder, *shown: SeenCell) -> Sheet:
    source = open_input_file(folder.path / "recipients.csv", "r.xlsx")
    return load_sheet(source, RecipientsSection(), Shown(*shown))[0]


def test_a_sheet_has_rows_and_a_height() -> None:
    sheet = sheet_of(["email", "n"], ["a@x.org", "1"])
    assert (sheet.height, sheet.row(1)) == (2, ["a@x.org", "1"])
    assert Sheet("r.xlsx", []).height == 0


def test_shown_texts_replace_values(folder: Folder) -> None:
    book_of(folder, ["email", "n"], ["a@x.org", 34.3])
    sheet = load(folder, SeenCell(1, 1, "34.30"))
    assert sheet.row(1) == ["a@x.org", "34.30"]
    assert (sheet.hidden, sheet.merged) == ([7], [Range(0, 0, 1, 0)])
    assert (sheet.uncertain, sheet.faults, sheet.plain) == ({}, [], [])


def test_faults_and_uncertain_cells_are_kept(folder: Folder) -> None:
    book_of(folder, ["email", "n", "m"], ["a@x.org", 1, 2], ["b@x.org", 3, 4])
    wrong = SeenCell(1, 1, "#N/A", fault="error")
    first, second = SeenCell(1, 2, "2", certain=False), SeenCell(2, 2, "4", fault="digits")
    outside = SeenCell(9, 9, "", fault="formula")
    sheet = load(folder, wrong, first, second, outside, SeenCell(9, 9, "x"))
    assert sheet.faults == [wrong, outside]
    assert sheet.uncertain == {2: first}
    assert sheet.row(1)[1] == "1"


def test_without_markup_values_are_plain_with_a_notice(folder: Folder) -> None:
    book_of(folder, ["email", "n", "name"], ["a@x.org", 34.3, "Ann"])
    source = open_input_file(folder.path / "recipients.csv", "r.xlsx")
    sheet, notices = load_sheet(source, RecipientsSection(), None)
    assert sheet.row(1) == ["a@x.org", "34.3", "Ann"]
    assert (sheet.plain, notices) == ([1], ())


@pytest.fixture
def two_sheets(tmp_path: Path) -> Path:
    book = openpyxl.Workbook()
    first = book.active
    assert first is not None
    first.title = "Guests"
    first.append(["email"])
    book.create_sheet("Staff").append(["email"])
    path = tmp_path / "r.xlsx"
    book.save(path)
    return path


def test_one_of_several_sheets_must_be_named(two_sheets: Path) -> None:
    source = open_input_file(two_sheets, "r.xlsx")
    with pytest.raises(SpreadsheetError) as caught:
        load_sheet(source, RecipientsSection(), None)
    assert caught.value.problem.message == 'there are several sheets: "Guests", "Staff"'
    sheet, _ = load_sheet(source, RecipientsSection(sheet="STAFF"), None)
    assert sheet.file == "r.xlsx, sheet Staff"
    with pytest.raises(SpreadsheetError) as caught:
        load_sheet(source, RecipientsSection(sheet="Other"), None)
    assert caught.value.problem.code == "sheet-choice"


def test_a_file_that_is_no_workbook_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "r.xlsx"
    path.write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(SpreadsheetError) as caught:
        load_sheet(open_input_file(path, "r.xlsx"), RecipientsSection(), None)
    assert caught.value.problem.code == "file-damaged"


def test_empty_columns_at_the_edge_are_dropped() -> None:
    sheet = sheet_of(["email", "", " "], ["a@x.org", "", ""])
    drop_empty_columns(sheet, HeadRow(1, sheet.row(0)))
    assert sheet.columns == [["email", "a@x.org"]]
    sheet = sheet_of(["email", "", ""], ["a@x.org", "x", ""])
    drop_empty_columns(sheet, HeadRow(1, sheet.row(0)))
    assert len(sheet.columns) == 2


def test_the_text_of_merged_cells_is_written_into_all() -> None:
    sheet = sheet_of(["email", "city"], ["a", "Rome"], ["b", ""], ["c", ""])
    sheet.merged = [Range(1, 1, 2, 1), Range(9, 0, 9, 0), Range(0, 5, 1, 6)]
    fill_merged(sheet)
    assert sheet.columns[1] == ["city", "Rome", "Rome", ""]


def test_a_column_with_text_needs_a_name(folder: Folder) -> None:
    assert book_of(folder, ["email", "", " "], ["a@x.org", "", " "]).open().columns == ("email",)
    problem = book_of(folder, ["email", "", ""], ["a@x.org", "x", ""]).problem()
    assert problem.code == "column-unnamed"
    assert "column B" in problem.message
