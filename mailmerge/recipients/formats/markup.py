"""The cells of a worksheet as the sheet shows them: values that all formats of workbooks share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from mailmerge.recipients.columns import column_letters


@dataclass(frozen=True, slots=True)
class SeenCell:
    """The text that the sheet shows in a cell of numbers or dates; row and column count from 0.

    `fault` says why its text is not reliable: `formula` was never calculated, `error` shows an
    error such as #N/A, `number` is none that a sheet can hold, `digits` has more digits than the
    program that saved it can keep, `width` is #### in a column that was too narrow, `textless` is a
    value that was saved without the text that it shows, `country` has the decimal signs of another
    country than the sheet. `regional` says that its text is right only for a region that was
    guessed.
    """

    row: int
    column: int
    text: str
    certain: bool = True
    fault: Literal["", "formula", "error", "number", "digits", "width", "textless", "country"] = ""
    regional: bool = False


@dataclass(frozen=True, slots=True)
class Range:
    """Some merged cells, all four borders included, counted from 0."""

    top: int
    left: int
    bottom: int
    right: int

    def __str__(self) -> str:
        return f"{cell_name(self.top, self.left)}:{cell_name(self.bottom, self.right)}"


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
