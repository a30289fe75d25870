"""A sheet is chosen, read and brought into the form that the user sees."""

from __future__ import annotations

from array import array
from pathlib import Path

import pytest

from mailmerge.errors import Problem, SpreadsheetError
from mailmerge.recipients.bounds import Bounds
from mailmerge.recipients.columns import HeadRow
from mailmerge.recipients.formats.markup import Range, SeenCell
from mailmerge.recipients.formats.sheet import (
    Sheet,
    SheetEntry,
    drop_empty_columns,
    fill_merged,
    load_sheet,
)
from mailmerge.recipients.input_file import open_input_file
from mailmerge.settings import RecipientsSection
from tests.recipients.conftest import Folder
from tests.recipients.workbooks import book_of


def sheet_of(*rows: list[str]) -> Sheet:
    return Sheet("r.xlsx", [list(column) for column in zip(*rows, strict=True)])


class Shown:
    """A book with these sheets, of which each has these columns."""

    def __init__(self, *names: str, hidden: tuple[str, ...] = ()) -> None:
        self.sheets = [SheetEntry(name, name not in hidden) for name in names]

    def has_cells(self, sheet: str) -> bool:
        return sheet != "Empty"

    def read(self, sheet: str) -> Sheet:
        return Sheet("r.xlsx", [[sheet]])


def load(folder: Path, book: Shown, **section: str) -> tuple[Sheet, tuple[Problem, ...]]:
    (folder / "r.xlsx").write_bytes(b"x")
    source = open_input_file(folder / "r.xlsx", "r.xlsx")
    return load_sheet(source, RecipientsSection.model_validate(section), book)


def test_a_sheet_has_rows_and_a_height() -> None:
    sheet = sheet_of(["email", "n"], ["a@x.org", "1"])
    assert (sheet.height, sheet.row(1)) == (2, ["a@x.org", "1"])
    assert Sheet("r.xlsx", []).height == 0


def test_a_column_may_end_before_the_last_row() -> None:
    sheet = Sheet("r.xlsx", [["email"], ["n", "", "5"], []], array("I", [0, 2]))
    assert (sheet.height, sheet.row(2), sheet.cell(2, 0), sheet.cell(9, 9)) == (
        3,
        ["", "5", ""],
        "",
        "",
    )
    assert list(sheet.rows_from(1)) == [2]
    assert list(sheet_of(["email"], ["a"]).rows_from(1)) == [1]


def test_the_first_uncertain_cell_of_a_column_is_kept() -> None:
    sheet = Sheet("r.xlsx")
    first, second = SeenCell(1, 2, "2", certain=False), SeenCell(2, 2, "4", fault="digits")
    sheet.note_uncertain(first)
    sheet.note_uncertain(second)
    assert sheet.uncertain == {2: first}


def test_one_of_several_sheets_must_be_named(tmp_path: Path) -> None:
    book = Shown("Guests", "Staff")
    with pytest.raises(SpreadsheetError) as caught:
        load(tmp_path, book)
    assert caught.value.problem.message == 'there are several sheets: "Guests", "Staff"'
    sheet, _ = load(tmp_path, book, sheet="STAFF")
    assert (sheet.file, sheet.columns) == ("r.xlsx, sheet Staff", [["Staff"]])
    with pytest.raises(SpreadsheetError) as caught:
        load(tmp_path, book, sheet="Other")
    assert caught.value.problem.code == "sheet-choice"


def test_the_only_sheet_with_cells_is_read(tmp_path: Path) -> None:
    assert load(tmp_path, Shown("Empty", "Guests"))[0].columns == [["Guests"]]
    sheet, notices = load(tmp_path, Shown("Guests", "Old", hidden=("Old",)))
    assert sheet.columns == [["Guests"]]
    assert [notice.message for notice in notices] == ["hidden sheets are not read: Old"]
    with pytest.raises(SpreadsheetError) as caught:
        load(tmp_path, Shown("Empty", "Empty"))
    assert caught.value.problem.code == "file-empty"


def test_a_list_of_many_sheets_is_short(tmp_path: Path) -> None:
    with pytest.raises(SpreadsheetError) as caught:
        load(tmp_path, Shown(*(f"S{n}" for n in range(1000))))
    assert caught.value.problem.message.endswith('"S19" and 980 more')


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
    fill_merged(sheet, Bounds.of(0))
    assert sheet.columns[1] == ["city", "Rome", "Rome", ""]


def test_merged_areas_that_cover_each_other_are_refused() -> None:
    sheet = sheet_of(*(["x", "y"] for _ in range(2_000)))
    sheet.merged = [Range(0, 0, 1_999, 1)] * 1_001
    with pytest.raises(SpreadsheetError) as caught:
        fill_merged(sheet, Bounds.of(0))
    assert caught.value.problem.code == "sheet-too-large"


def test_merged_cells_below_the_end_of_a_column_are_filled() -> None:
    sheet = Sheet("r.xlsx", [["email", "a", "b"], ["city", "Rome"]], array("I", [0, 1, 2]))
    sheet.merged = [Range(1, 1, 2, 1)]
    fill_merged(sheet, Bounds.of(0))
    assert (sheet.columns[1], list(sheet.rows_from(0))) == (["city", "Rome", "Rome"], [0, 1, 2])


def test_a_column_with_text_needs_a_name(folder: Folder) -> None:
    assert book_of(folder, ["email", "", " "], ["a@x.org", "", " "]).open().columns == ("email",)
    problem = book_of(folder, ["email", "", ""], ["a@x.org", "x", ""]).problem()
    assert problem.code == "column-unnamed"
    assert "column B" in problem.message
