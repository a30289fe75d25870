"""Values of Python -> the text of a cell, for files without the format of a number or date."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from mailmerge.errors import Problem
from mailmerge.language import tr
from mailmerge.recipients.formats.number_format import plain_number

_LONGEST_POWER = 20


def plain_text(value: object) -> str:
    """The text of a value: dates as in ISO 8601, numbers without an exponent, TRUE and FALSE."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return _without_exponent(plain_number(repr(value)))
    if isinstance(value, dt.timedelta):
        return _duration(value)
    if isinstance(value, dt.datetime):
        return value.isoformat(" ") if value.time() != dt.time() else value.date().isoformat()
    return str(value)


def _without_exponent(text: str) -> str:
    """A number written out, unless that would be very long."""
    if "E" not in text:
        return text
    number = Decimal(text)
    return f"{number:f}" if abs(number.adjusted()) <= _LONGEST_POWER else text


def _duration(value: dt.timedelta) -> str:
    """A duration in hours, minutes and seconds: `255:10:10`."""
    sign, seconds = ("-", -value) if value < dt.timedelta() else ("", value)
    whole = round(seconds.total_seconds())
    return f"{sign}{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def nested_cell(file: str, row: int, column: str) -> Problem:
    """The problem of a cell that contains several values."""
    what, hint = tr("the cell contains a list or a structure"), tr("write one text for each column")
    return Problem("error", "cell-nested", what, file, row, column, hint)
