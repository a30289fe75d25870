"""A sheet becomes a table with the numbers that its program shows."""

from __future__ import annotations

import pytest

from mailmerge.errors import Problem
from mailmerge.recipients.table import BATCH_ROWS, SheetRow
from tests.recipients.conftest import Folder
from tests.recipients.workbooks import SHEET, book_of, guests, patched


@pytest.mark.parametrize("count", [BATCH_ROWS, BATCH_ROWS + 1])
def test_more_rows_than_a_batch_keep_their_numbers(folder: Folder, count: int) -> None:
    rows = [[f"p{n}@x.org", n] for n in range(count)]
    book_of(folder, ["email", "n"], *rows)
    last = f'<c r="B{count + 1}" t="n"><v>{count - 1}</v>'
    broken = f'<c r="B{count + 1}" t="e"><v>#N/A</v>'
    patched(folder.path / "recipients.csv", SHEET, (last, broken))
    records = list(folder.open().records())
    numbers = [one.number for one in records if isinstance(one, SheetRow)]
    assert numbers == list(range(2, count + 1))
    assert [one.row for one in records if isinstance(one, Problem)] == [count + 1]


def test_rows_above_the_header_are_skipped_and_counted(folder: Folder) -> None:
    guests(folder.path)
    spreadsheet = folder.open(file="guests.xlsx", skip_rows=2)
    assert spreadsheet.header.number == 3
    assert [row.number for row in spreadsheet.records() if isinstance(row, SheetRow)] == [6]


def test_hidden_rows_are_left_out_if_asked(folder: Folder) -> None:
    guests(folder.path)
    audience = folder.audience(file="guests.xlsx", skip_rows=2, hidden_rows=False)
    assert [result.row for result in audience] == [4, 6]


def test_a_blank_row_above_the_header_is_no_header(folder: Folder) -> None:
    book_of(folder, [], ["email"], ["a@x.org"])
    spreadsheet = folder.open()
    assert spreadsheet.header.number == 2
    assert [row.number for row in spreadsheet.rows()] == [3]


def test_an_empty_margin_is_left_out_on_every_side(folder: Folder) -> None:
    book_of(
        folder, [], ["", "", "email", "n", ""], ["", " ", "a@x.org", "5", ""],
        ["", "", "b@x.org", "x", ""],
    )  # fmt: skip
    spreadsheet = folder.open()
    assert spreadsheet.columns == ("email", "n")
    assert [row.cells["n"] for row in spreadsheet.rows()] == ["5", "x"]


def test_places_beside_a_margin_are_those_of_the_sheet(folder: Folder) -> None:
    book_of(folder, ["", "email", "n"], ["", "a@x.org", 5])
    broken = ('<c r="C2" t="n"><v>5</v>', '<c r="C2" t="e"><v>#N/A</v>')
    patched(folder.path / "recipients.csv", SHEET, broken)
    problem = folder.problem()
    assert (problem.column, problem.message) == ("n", "C2 shows the error #N/A")
    book_of(folder, ["", "email", "email"], ["", "a@x.org", "x"])
    assert folder.problem().message == 'columns B and C are both called "email"'


def test_a_pandas_index_is_left_out_with_a_notice(folder: Folder) -> None:
    book_of(folder, ["", "email"], [0, "a@x.org"], [1, "b@x.org"], [7, "c@x.org"])
    problem = folder.problem()
    assert (problem.severity, problem.code, problem.row) == ("warning", "column-index", 1)
    assert folder.open().columns == ("email",)
    book_of(folder, ["", "email"], [3, "a@x.org"], [1, "b@x.org"])
    assert folder.problem().code == "column-unnamed"
