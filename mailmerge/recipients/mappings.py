"""Mappings in code -> a table: the recipients of a program that has no file.

The mappings are read once, into the texts of their cells, so that a generator will do and a later
change of a mapping changes nothing. The columns are all names of all mappings, in the order in
which they first appear. The rows are numbered from 1.

A value of a type that has no one text as a cell is a mistake of the program and not of the data. So
it raises at once, with its row and column, and no row is skipped for it.
"""

from __future__ import annotations

import datetime as dt
import numbers
import sys
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from mailmerge.errors import CampaignError, SpreadsheetError
from mailmerge.language import marked, tr
from mailmerge.recipients.columns import HeadRow, read_header
from mailmerge.recipients.formats.values import plain_text
from mailmerge.recipients.table import BATCH_ROWS, Batch, Table
from mailmerge.settings import RecipientsSection

_FILE = "recipients"
"""What messages call them, where they would name a file."""

_EXAMPLE = marked('pass mappings such as {"email": "bob@example.org", "name": "Bob"}')


def open_mappings(rows: object, section: RecipientsSection) -> Table:
    """The table of an iterable of mappings from column names to values.

    A value is a text, a number, a date or time, True, False, or None for an empty cell.

    Raises:
        CampaignError: `rows` is no such iterable, or a name or a value has another type.
        SpreadsheetError: there are no rows, a name cannot be one, or a column is missing.
    """
    cells = [_cells(number, row) for number, row in enumerate(_iterated(rows), 1)]
    names = list(dict.fromkeys(name for row in cells for name in row))
    if not names:
        raise SpreadsheetError(
            tr("there are no recipients"), file=_FILE, hint=tr(_EXAMPLE), code="no-recipients"
        )
    header = read_header([HeadRow(0, names)], section, _FILE)
    return Table(_FILE, header, lambda: _batches(cells, names), header.notices)


def _batches(cells: list[dict[str, str]], names: list[str]) -> Iterator[Batch]:
    for start in range(0, len(cells), BATCH_ROWS):
        part = cells[start : start + BATCH_ROWS]
        numbers_of_rows = range(start + 1, start + 1 + len(part))
        yield Batch(numbers_of_rows, [[row.get(name, "") for row in part] for name in names])


def _iterated(rows: object) -> Iterator[object]:
    # A single mapping would iterate over its names, and bytes over numbers.
    if isinstance(rows, (Mapping, bytes, bytearray)) or not isinstance(rows, Iterable):
        raise _wrong(
            tr("a path or an iterable of mappings is needed, found {rows}", rows=_type(rows))
        )
    return iter(rows)


def _cells(number: int, row: object) -> dict[str, str]:
    if not isinstance(row, Mapping):
        raise _wrong(tr("a row is a mapping, found {row}", row=_type(row)), number)
    return {_name(name, number): _text(value, number, name) for name, value in row.items()}


def _name(name: object, number: int) -> str:
    if not isinstance(name, str):
        raise _wrong(tr("the name of a column is a text, found {name!r}", name=name), number)
    return str.__str__(name)


def _text(value: object, number: int, column: str) -> str:
    """The text of a value: that of a cell in a file that has no number formats."""
    if isinstance(value, str):
        return str.__str__(value)  # a plain one: Markup would count as HTML in a template
    if _is_empty(value):
        return ""
    if isinstance(value, (bool, dt.date, dt.time)):
        return plain_text(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, numbers.Real):
        return plain_text(float(value))
    raise _wrong(
        tr("a cell is a text, a number, a date or None, found {value}", value=_type(value)),
        number,
        column,
        tr("write it as one text"),
    )


def _is_empty(value: object) -> bool:
    """Whether it is None, or what pandas and numpy have in its place: NaN, NaT, NA."""
    if value is None:
        return True
    pandas = sys.modules.get("pandas")  # a program that has such a value has imported it
    if pandas is not None and (value is pandas.NA or value is pandas.NaT):
        return True
    return isinstance(value, (float, Decimal)) and value != value  # noqa: PLR0124 - NaN


def _type(value: object) -> str:
    return type(value).__name__


def _wrong(what: str, row: int | None = None, column: str = "", hint: str = "") -> CampaignError:
    hint = hint or tr(_EXAMPLE)
    return CampaignError(what, file=_FILE, row=row, column=column, hint=hint, code="wrong-value")
