"""What a spreadsheet may cost, and the errors of one that costs more.

A file of a few kilobytes can describe a sheet of 17 thousand million cells: a cell far away, a row
that is repeated, a text that a million cells share. So every reader counts what it takes before it
takes it. The bounds hold for files of up to 10 MB and grow with the file beyond that: a large file
has a right to more, and a small one cannot take more than its share.

The cost that is counted is that of this program: 8 bytes for each place of a column, and the size
of each text that is not shared. Empty places below the last text of a column, and right of the last
column, take nothing.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from mailmerge.errors import SpreadsheetError
from mailmerge.language import tr
from mailmerge.wording import size_in_words

COLUMNS = 16_384
"""The most columns of a table, in every format: those of Excel."""

ROWS = 1_048_576
"""The most rows of a sheet: those of Excel and LibreOffice."""

CELL_CHARACTERS = 131_072
"""The most characters of a cell, in every format."""

_SMALL_FILE = 10 << 20
_CELLS = 2_500_000
_TAGS = 10_000_000
_MEMORY = 128 << 20
_UNPACKED = 512 << 20
_MOST_UNPACKED = 1 << 30
PLACE_BYTES = 8
"""Bytes of a place in a column, without its text."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the file of a workbook may cost.

    Attributes:
        cells: cells and rows of all its sheets, empty ones included.
        tags: tags of its XML.
        memory: bytes of the cells that are kept.
        unpacked: bytes of all its parts.
    """

    cells: int
    tags: int
    memory: int
    unpacked: int

    @classmethod
    def of(cls, size: int) -> Bounds:
        """The bounds for a file of `size` bytes."""
        share = max(size, _SMALL_FILE) / _SMALL_FILE
        return cls(
            int(_CELLS * share),
            int(_TAGS * share),
            int(_MEMORY * share),
            min(int(_UNPACKED * share), _MOST_UNPACKED),
        )


class Budget:
    """Counts what the cells of a workbook cost while they are read."""

    def __init__(self, bounds: Bounds, file: str) -> None:
        """`file` is the name in messages; a reader adds the sheet it reads."""
        self.file = file
        self.bounds = bounds
        self._cells = bounds.cells
        self._tags = bounds.tags
        self._memory = bounds.memory

    def cell(self, count: int = 1) -> None:
        """Count cells, whether they have a text or not.

        Raises:
            SpreadsheetError: the sheet has too many of them.
        """
        self._cells -= count
        if self._cells < 0:
            raise too_large(
                tr("has more than {cells:,} cells, empty ones included", cells=self.bounds.cells),
                self.file,
            )

    def tags(self, count: int) -> None:
        """Count tags of XML.

        Raises:
            SpreadsheetError: the workbook has too many of them.
        """
        self._tags -= count
        if self._tags < 0:
            raise too_large(
                tr("has more than {tags:,} tags of XML", tags=self.bounds.tags), self.file
            )

    def places(self, count: int) -> None:
        """Count places in columns."""
        self.memory(count * PLACE_BYTES)

    def text(self, text: str) -> None:
        """Count a text that no other cell shares."""
        self.memory(sys.getsizeof(text))

    def memory(self, size: int) -> None:
        """Count bytes.

        Raises:
            SpreadsheetError: the cells take too many of them.
        """
        self._memory -= size
        if self._memory < 0:
            most = size_in_words(self.bounds.memory)
            raise too_large(
                tr("has cells that take more than {most} of memory", most=most), self.file
            )


def too_large(what: str, file: str, row: int | None = None) -> SpreadsheetError:
    """The error of a file that costs more than its bounds; `what` continues "the sheet"."""
    return SpreadsheetError(
        tr("the sheet {what}", what=what),
        file=file,
        row=row,
        hint=tr("delete what does not belong to the table, or save the sheet as CSV (UTF-8)"),
        code="sheet-too-large",
    )


def outside(place: str, file: str, row: int | None = None) -> SpreadsheetError:
    """The error of a cell or row whose place cannot be in a sheet."""
    return SpreadsheetError(
        tr(
            '"{place}" is not a place in a sheet of {rows:,} rows and {columns:,} columns',
            place=place[:40],
            rows=ROWS,
            columns=COLUMNS,
        ),
        file=file,
        row=row,
        hint=tr("open it in Excel or LibreOffice and save it again"),
        code="cell-outside",
    )


def too_long(place: str, file: str, row: int | None, column: str = "") -> SpreadsheetError:
    """The error of a cell with too many characters."""
    return SpreadsheetError(
        tr(
            "{place} has more than {cell_characters:,} characters",
            place=place,
            cell_characters=CELL_CHARACTERS,
        ),
        file=file,
        row=row,
        column=column,
        hint=tr("shorten the text of the cell"),
        code="cell-too-long",
    )
