"""A workbook of texts that spreadsheet programs read, and that holds no formula."""

from __future__ import annotations

import io
from typing import Any

import openpyxl
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.reports.xlsx import write_workbook


def read_back(columns: list[str], rows: list[list[str]]) -> Any:
    file = io.BytesIO()
    write_workbook(file, columns, rows)
    return openpyxl.load_workbook(io.BytesIO(file.getvalue())).active


def test_all_cells_are_strings() -> None:
    rows = [["=HYPERLINK(1)", "007", 'a "quoted"\nline'], ["+1", "1e5", "2026-11-26"]]
    sheet = read_back(["a", "b", "c"], rows)
    cells = list(sheet.iter_rows(min_row=2))
    assert [[cell.value for cell in row] for row in cells] == rows
    assert {cell.data_type for row in cells for cell in row} <= {"s", "inlineStr"}


def test_a_text_like_a_formula_stays_text_after_editing() -> None:
    sheet = read_back(["a", "b"], [["=1+1", "plain"]])
    formula, plain = next(sheet.iter_rows(min_row=2))
    assert (formula.quotePrefix, plain.quotePrefix) == (True, False)


def test_long_cells_are_cut() -> None:
    sheet = read_back(["a"], [["x" * 40_000]])
    assert len(sheet["A2"].value) == 32_767


@given(st.lists(st.text(max_size=40), min_size=1, max_size=5))
def test_any_text_makes_a_workbook_that_can_be_read(cells: list[str]) -> None:
    sheet = read_back(["column"] * len(cells), [cells])
    assert sheet.max_row == 2
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
