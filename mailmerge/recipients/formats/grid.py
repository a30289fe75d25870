"""Cells in any order -> columns of text that cost no more than the text in them.

A column is a list that ends with its last text: one text in row 1,048,576 makes one column long,
and all other columns stay as short as they are. Every place is counted before it is taken.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import repeat
from sys import getsizeof

from mailmerge.recipients.bounds import COLUMNS, PLACE_BYTES, ROWS, Budget, outside
from mailmerge.recipients.formats.markup import cell_name

# White space this many rows below the last text of its column is left over from editing.
_FAR_ROWS = 10_000
_COLUMN_BYTES = 64


class Grid:
    """The texts of a sheet; rows and columns count from 0.

    Attributes:
        columns: the texts of each column, from row 0 to the last one of that column.
    """

    def __init__(self, budget: Budget) -> None:
        """Start empty; `budget` counts what is kept."""
        self.columns: list[list[str]] = []
        self._budget = budget
        self._rows = array("I")
        self._row = -1
        self._sorted = True

    @property
    def rows(self) -> Sequence[int]:
        """The rows that have a text, in ascending order."""
        return self._rows if self._sorted else array("I", sorted(set(self._rows)))

    def put(self, row: int, column: int, text: str, *, shared: bool = False) -> None:
        """Write a text into a cell; `shared` says that other cells keep the same object.

        White space far below the last text of its column is dropped.

        Raises:
            SpreadsheetError: the sheet takes too much memory.
        """
        if column >= len(self.columns):
            more = column + 1 - len(self.columns)
            self._budget.memory(more * _COLUMN_BYTES)
            self.columns.extend([] for _ in range(more))
        cells = self.columns[column]
        gap = row - len(cells)
        if gap > _FAR_ROWS and not text.strip():
            return
        if not shared:
            self._budget.text(text)
        if gap < 0:
            cells[row] = text
        else:
            self._budget.places(gap + 1)
            if gap:
                cells.extend(repeat("", gap))
            cells.append(text)
        if row != self._row:
            self._sorted = self._sorted and row > self._row
            self._row = row
            self._rows.append(row)
            self._budget.memory(self._rows.itemsize)

    def put_row(self, row: int, cells: Iterable[tuple[int, str]]) -> None:
        """Write the texts of a row, each with its column: the same as `put`, and quicker.

        Raises:
            SpreadsheetError: a place is outside of any sheet, or they take too much memory.
        """
        columns, size = self.columns, 0
        width = len(columns)
        for column, text in cells:
            if column < width and len(columns[column]) == row == self._row:
                columns[column].append(text)
                size += getsizeof(text) + PLACE_BYTES
            else:
                if row >= ROWS or column >= COLUMNS:
                    raise outside(cell_name(row, column), self._budget.file, row + 1)
                self.put(row, column, text)
                width = len(columns)
        self._budget.memory(size)

    def repeat(self, row: int, count: int, cells: Sequence[tuple[int, int, str]]) -> None:
        """Write the same row `count` times, from `row` on.

        `cells` are its texts: (first column, number of columns, text), without empty ones.
        """
        for first, columns, text in cells:
            for column in range(first, first + columns):
                self.put(row, column, text, shared=column > first)
                if count > 1 and len(self.columns[column]) == row + 1:
                    self._budget.places(count - 1)
                    self.columns[column].extend(repeat(text, count - 1))
        if cells and count > 1:
            self._budget.memory((count - 1) * self._rows.itemsize)
            self._rows.extend(range(row + 1, row + count))
            self._row = row + count - 1
