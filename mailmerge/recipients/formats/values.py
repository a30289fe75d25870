"""Values of Python -> the text of a cell, for files without the format of a number or date."""

from __future__ import annotations

import datetime as dt

from mailmerge.errors import Problem
from mailmerge.recipients.formats.number_format import GENERAL, show_number


def plain_text(value: object) -> str:
    """The text of a value: dates as in ISO 8601, numbers without an exponent, TRUE and FALSE."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return show_number(repr(value), GENERAL).text
    if isinstance(value, dt.datetime):
        return value.isoformat(" ") if value.time() != dt.time() else value.date().isoformat()
    return str(value)


def nested_cell(file: str, row: int, column: str) -> Problem:
    """The problem of a cell that contains several values."""
    what, hint = "the cell contains a list or a structure", "write one text for each column"
    return Problem("error", "cell-nested", what, file, row, column, hint)
