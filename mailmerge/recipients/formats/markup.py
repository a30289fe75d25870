"""The cells of a worksheet as the sheet shows them: values that XLSX and OpenDocument share.

python-calamine reads values and ignores their formats. So one module for each format reads the
markup again, and gives the text that the sheet shows in each cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from mailmerge.recipients.columns import column_letters


@dataclass(frozen=True, slots=True)
class SeenCell:
    """The text that the sheet shows in a cell of numbers or dates; row and column count from 0.

    `fault` says why its text is not reliable: `formula` was never calculated, `error` shows an
    error such as #N/A, `digits` has more digits than the program that saved it can keep.
    """

    row: int
    column: int
    text: str
    certain: bool = True
    fault: Literal["", "formula", "error", "digits"] = ""


@dataclass(frozen=True, slots=True)
class Range:
    """Some merged cells, all four borders included, counted from 0."""

    top: int
    left: int
    bottom: int
    right: int

    def __str__(self) -> str:
        return f"{cell_name(self.top, self.left)}:{cell_name(self.bottom, self.right)}"


@dataclass(slots=True)
class Layout:
    """The layout of a worksheet. `hidden` and `merged` are complete after `cells` has ended."""

    hidden: list[int] = field(default_factory=list)
    merged: list[Range] = field(default_factory=list)
    cells: Iterator[SeenCell] = field(default_factory=lambda: iter(()))


def cell_name(row: int, column: int) -> str:
    """What a sheet calls a cell: row 0, column 2 is C1."""
    return f"{column_letters(column)}{row + 1}"


_CELL = re.compile(r"\$?([A-Z]{1,3})\$?([0-9]{1,7})")


def cell_place(name: str) -> tuple[int, int] | None:
    """Row and column of a cell's name, counted from 0; None if it is not a name."""
    match = _CELL.fullmatch(name)
    if match is None:
        return None
    column = 0
    for letter in match[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(match[2]) - 1, column - 1
