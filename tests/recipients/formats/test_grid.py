"""Cells in any order become columns that cost little."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.errors import SpreadsheetError
from mailmerge.recipients.bounds import Bounds, Budget
from mailmerge.recipients.formats.grid import Grid


def grid_of(*cells: tuple[int, int, str], memory: int = 1 << 20) -> Grid:
    grid = Grid(Budget(Bounds(100, 100, memory, 0), "r.xlsx"))
    for cell in cells:
        grid.put(*cell)
    return grid


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9), st.text("ab", min_size=1))))
def test_the_last_text_of_each_cell_is_kept(cells: list[tuple[int, int, str]]) -> None:
    grid = grid_of(*cells)
    expected = {(row, column): text for row, column, text in cells}
    found = {
        (row, column): text
        for column, texts in enumerate(grid.columns)
        for row, text in enumerate(texts)
        if text
    }
    assert found == expected
    assert list(grid.rows) == sorted({row for row, _ in expected})


@given(
    st.lists(
        st.tuples(
            st.integers(0, 9), st.lists(st.tuples(st.integers(0, 5), st.text("ab", min_size=1)))
        )
    )
)
def test_a_row_is_written_as_its_cells_are(rows: list[tuple[int, list[tuple[int, str]]]]) -> None:
    whole = grid_of()
    for row, cells in rows:
        whole.put_row(row, cells)
    single = grid_of(*((row, column, text) for row, cells in rows for column, text in cells))
    assert whole.columns == single.columns
    assert list(whole.rows) == list(single.rows)


def test_a_row_is_counted_and_within_the_sheet() -> None:
    with pytest.raises(SpreadsheetError, match="of memory"):
        grid_of(memory=3000).put_row(0, [(n, "x" * 100) for n in range(50)])
    with pytest.raises(SpreadsheetError, match='"XFE1" is not a place'):
        grid_of().put_row(0, [(16_384, "x")])
    with pytest.raises(SpreadsheetError, match='"A1048577" is not a place'):
        grid_of().put_row(1_048_576, [(0, "x")])


def test_a_column_ends_with_its_last_text() -> None:
    grid = grid_of((0, 0, "a"), (5, 2, "b"))
    assert grid.columns == [["a"], [], ["", "", "", "", "", "b"]]


def test_white_space_far_below_is_dropped() -> None:
    assert grid_of((0, 0, "a"), (20_000, 0, " "), (3, 1, " ")).columns[0] == ["a"]
    assert grid_of((3, 1, " ")).columns[1][3] == " "


def test_far_places_are_counted() -> None:
    with pytest.raises(SpreadsheetError) as caught:
        grid_of(*((9_000, column, "x") for column in range(100)))
    assert caught.value.problem.code == "sheet-too-large"


def test_a_row_may_be_repeated() -> None:
    grid = grid_of((0, 0, "a"))
    grid.repeat(1, 3, [(0, 1, "x"), (2, 2, "y")])
    assert grid.columns == [
        ["a", "x", "x", "x"],
        [],
        ["", "y", "y", "y"],
        ["", "y", "y", "y"],
    ]
    assert list(grid.rows) == [0, 1, 2, 3]


def test_repetitions_are_counted_before_they_are_written() -> None:
    with pytest.raises(SpreadsheetError):
        grid_of().repeat(0, 1_000_000, [(0, 1, "x")])
