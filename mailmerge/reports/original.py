"""The user's own workbook, with the outcome of each row in new columns at its right.

openpyxl keeps formats, widths, colours, formulas and the other sheets. It does not keep charts and
drawings. Rows are found by their numbers, so the sheet must still be the one that was read. This is
checked first: the reader of spreadsheets must give the same cells as the ledger has. A workbook
that has changed since, or that openpyxl cannot read, is not used.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from copy import copy
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

from mailmerge.errors import MailmergeError
from mailmerge.recipients.spreadsheet import Spreadsheet, read_spreadsheet
from mailmerge.reports.xlsx import RED, Cell
from mailmerge.settings import RecipientsSection

_LARGEST: Final = 30 << 20
"""The bytes of a workbook that is read into memory, where it takes about fifty times as much."""

_LONGEST_CELL: Final = 32_767
_NOT_XML = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]")
_MOMENT: Final = "yyyy-mm-dd hh:mm:ss"
_WIDTHS: Final = (12, 20, 40, 30)


class OriginalWorkbook:
    """A workbook that was read as the spreadsheet of a campaign, opened for writing a copy."""

    def __init__(self, book: Any, sheet: Any, header: int, width: int) -> None:
        self._book = book
        self._sheet = sheet
        self._header = header
        self._last = width

    def add(
        self, names: Sequence[str], outcomes: Mapping[int, Sequence[Cell]], rejected: set[int]
    ) -> None:
        """Put columns with these names at the right: the cells of each row, by its number.

        The rows whose numbers are in `rejected` become red, except for cells with a colour.
        """
        from openpyxl.styles import PatternFill
        from openpyxl.utils import get_column_letter

        red = PatternFill("solid", fgColor=RED)
        for at, name in enumerate(names, self._last + 1):
            self._set(self._header, at, name, like=self._last)
            width = _WIDTHS[(at - self._last - 1) % len(_WIDTHS)]
            self._sheet.column_dimensions[get_column_letter(at)].width = width
        for number, values in outcomes.items():
            for at, value in enumerate(values, self._last + 1):
                self._set(number, at, value)
            if number in rejected:
                for cell in range(1, self._last + len(names) + 1):
                    _colour(self._sheet.cell(number, cell), red)

    def save(self, file: BinaryIO) -> None:
        """Write the workbook."""
        self._book.save(file)

    def _set(self, row: int, column: int, value: Cell, like: int = 0) -> None:
        cell = self._sheet.cell(row, column)
        if isinstance(value, datetime):
            cell.value = value.astimezone().replace(tzinfo=None)
            cell.number_format = _MOMENT
        else:
            cell.value = _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", value)[:_LONGEST_CELL] or None
            if cell.value is not None:
                cell.data_type = "s"  # never a formula
        if like:
            pattern = self._sheet.cell(row, like)
            cell.font, cell.fill = copy(pattern.font), copy(pattern.fill)
            cell.border, cell.alignment = copy(pattern.border), copy(pattern.alignment)


def _colour(cell: Any, fill: Any) -> None:
    if cell.__class__.__name__ != "MergedCell" and cell.fill.fill_type is None:
        cell.fill = fill


def open_original(
    path: Path, section: RecipientsSection, cells: Mapping[int, Mapping[str, str]]
) -> OriginalWorkbook | None:
    """Open the workbook `path`, of which the ledger has these cells, by the numbers of the rows.

    Returns None if it is no XLSX file, is too large, or has other cells.
    """
    try:
        if not zipfile.is_zipfile(path) or path.stat().st_size > _LARGEST:
            return None
        read = read_spreadsheet(path, section)
        now = {row.number: row.cells for row in read.rows() if row.number in cells}
    except (OSError, MailmergeError):
        return None
    if any(now.get(number) != dict(row) for number, row in cells.items()):
        return None
    return _load(path, section, read)


def _load(path: Path, section: RecipientsSection, read: Spreadsheet) -> OriginalWorkbook | None:
    import openpyxl

    try:
        with warnings.catch_warnings(), path.open("rb") as file:  # it does not close a damaged one
            warnings.simplefilter("ignore")  # about parts that it does not keep
            book = openpyxl.load_workbook(file)
    except Exception:  # noqa: BLE001 - it raises whatever its parser meets; the ledger has the cells
        return None
    header = read.header.number
    # As the reader of spreadsheets does: a hidden sheet only if no other one fits.
    for sheet in sorted(book.worksheets, key=lambda one: one.sheet_state != "visible"):
        named = section.sheet and sheet.title.casefold() == section.sheet.casefold()
        if named or (not section.sheet and _has_header(sheet, header, read.columns)):
            return OriginalWorkbook(book, sheet, header, _used_width(sheet))
    return None


def _has_header(sheet: Any, number: int, columns: Sequence[str]) -> bool:
    texts = {" ".join(str(cell.value).split()) for cell in sheet[number] if cell.value is not None}
    return all(" ".join(column.split()) in texts for column in columns)


def _used_width(sheet: Any) -> int:
    """Return the number of the last column that has a value; formats alone do not count."""
    return max(
        (cell.column for row in sheet.iter_rows() for cell in row if cell.value is not None),
        default=0,
    )
