"""How far the cells of XLSB sheets reach, from their records ([MS-XLSB]).

The reader of this format makes a grid from the first cell to the last, so one far cell costs as
much as a full sheet. Each cell is a record that starts with its place. This module reads the places
before that reader sees the file, and no values.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_ROW_HEADER = 0
_FIRST_CELL, _LAST_CELL = 2, 11  # without 1, an empty cell


@dataclass(slots=True)
class Extent:
    """The cells of a sheet; rows and columns count from 0.

    Attributes:
        sheet: the name of the sheet.
        far: row and column of the cell that is farthest from the first one.
    """

    sheet: str
    top: int = 1 << 32
    left: int = 1 << 32
    bottom: int = -1
    right: int = -1
    far: tuple[int, int] = (0, 0)

    @property
    def cells(self) -> int:
        """How many cells a grid around all of them has."""
        return max(self.bottom - self.top + 1, 0) * max(self.right - self.left + 1, 0)

    def add(self, row: int, column: int) -> None:
        """Note a cell."""
        if row > self.bottom or column > self.right:
            self.bottom, self.right = max(row, self.bottom), max(column, self.right)
            self.far = row, column
        self.top, self.left = min(row, self.top), min(column, self.left)


def xlsb_extent(part: bytes, sheet: str) -> Extent:
    """The extent of one sheet of an XLSB workbook."""
    extent = Extent(sheet)
    row = 0
    for kind, body in _xlsb_records(part):
        if kind == _ROW_HEADER and body + 4 <= len(part):
            (row,) = struct.unpack_from("<I", part, body)
        elif _FIRST_CELL <= kind <= _LAST_CELL and body + 4 <= len(part):
            extent.add(row, *struct.unpack_from("<I", part, body))
    return extent


def _xlsb_records(part: bytes) -> Iterator[tuple[int, int]]:
    """The kind of each record, and where its content starts; numbers have 7 bits in each byte."""
    position, end = 0, len(part)
    while position < end:
        kind = part[position]
        position += 1
        if kind & 0x80 and position < end:
            kind = kind & 0x7F | (part[position] & 0x7F) << 7
            position += 1
        size = shift = 0
        while position < end:
            byte = part[position]
            position += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80 or shift == 28:
                break
        yield kind, position
        position += size
