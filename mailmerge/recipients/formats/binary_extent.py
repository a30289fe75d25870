"""How far the cells of XLS and XLSB sheets reach, from their records ([MS-XLS], [MS-XLSB]).

The reader of these formats makes a grid from the first cell to the last, so one far cell costs as
much as a full sheet. Each cell is a record that starts with its place. This module reads the places
before that reader sees the file, and no values.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_BOUND_SHEET = 0x85
_BEGIN = frozenset({0x809, 0x409, 0x209, 0x09})
_CELLS = frozenset(
    {0x06, 0x206, 0x406, 0x203, 0x03, 0x204, 0x04, 0x205, 0x05, 0x27E, 0x7E, 0xFD, 0xD6, 0xBD}
)
_SEVERAL = 0xBD  # several numbers in a row: its last field is the last column
_ROW_HEADER = 0
_FIRST_CELL, _LAST_CELL = 2, 11  # without 1, an empty cell


@dataclass(slots=True)
class Extent:
    """The cells of a sheet; rows and columns count from 0.

    Attributes:
        sheet: the name of the sheet.
        start: where the records of the sheet begin.
        far: row and column of the cell that is farthest from the first one.
    """

    sheet: str
    start: int = 0
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


def xls_extents(stream: bytes) -> list[Extent]:
    """The extents of all sheets in the stream of an XLS workbook."""
    names: dict[int, str] = {}
    extents: list[Extent] = []
    position = 0
    while position + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, position)
        body = position + 4
        if kind in _CELLS and extents and size >= 4:
            row, column = struct.unpack_from("<HH", stream.ljust(body + 4), body)
            if kind == _SEVERAL and body + size <= len(stream):
                (column,) = struct.unpack_from("<H", stream, body + size - 2)
            extents[-1].add(row, column)
        elif kind in _BEGIN:
            extents.append(Extent(names.get(position, ""), position))
        elif kind == _BOUND_SHEET and body + 8 <= len(stream):
            (begin,) = struct.unpack_from("<I", stream, body)
            names[begin] = _sheet_name(stream[body + 6 : body + size])
        position = body + size
    return extents


def _sheet_name(raw: bytes) -> str:
    """The name of a sheet: its length, a flag for two bytes a character, and its characters."""
    length, wide = raw[0], raw[1] & 1
    text = raw[2 : 2 + length * (1 + wide)]
    return text.decode("utf-16-le" if wide else "latin-1", "replace")


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
