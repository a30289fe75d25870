"""The markup of an OpenDocument spreadsheet -> the text that its cells show.

The format is OASIS OpenDocument 1.3, part 3. Its cells hold both the value and the text that the
program showed when it saved the file.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator

from lxml import etree

from mailmerge.recipients.formats.archive import read_elements
from mailmerge.recipients.formats.markup import Layout, Range, SeenCell

_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_CALCEXT = "{urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0}"
# A row or cell that is repeated more often than this is the empty rest of the sheet.
_REPEATED = 10_000


class OpenDocumentMarkup:
    """One ODS workbook: the layout of any of its sheets."""

    def __init__(self, archive: zipfile.ZipFile, file: str) -> None:
        """Keep the open archive; nothing is read yet."""
        self._archive = archive
        self._file = file

    def layout(self, sheet: str) -> Layout:
        """The layout of a sheet; its lists are complete after its cells."""
        layout = Layout()
        layout.cells = self._cells(sheet, layout)
        return layout

    def _cells(self, sheet: str, layout: Layout) -> Iterator[SeenCell]:
        number = 0
        with self._archive.open("content.xml") as part:
            for row in read_elements(part, self._file, f"{_TABLE}table-row"):
                if _table_name(row) != sheet:
                    continue
                repeated = int(row.get(f"{_TABLE}number-rows-repeated", "1"))
                for _ in range(repeated if repeated < _REPEATED else 0):
                    if row.get(f"{_TABLE}visibility", "visible") != "visible":
                        layout.hidden.append(number)
                    yield from _row(row, number, layout)
                    number += 1


def _table_name(row: etree._Element) -> str:
    """The name of the table that a row belongs to."""
    table = next(row.iterancestors(f"{_TABLE}table"), None)
    return "" if table is None else table.get(f"{_TABLE}name", "")


def _row(row: etree._Element, number: int, layout: Layout) -> Iterator[SeenCell]:
    column = 0
    for cell in row.iterchildren(f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"):
        rows = int(cell.get(f"{_TABLE}number-rows-spanned", "1"))
        columns = int(cell.get(f"{_TABLE}number-columns-spanned", "1"))
        if rows * columns > 1:
            end = number + rows - 1, column + columns - 1
            layout.merged.append(Range(number, column, *end))
        repeated = int(cell.get(f"{_TABLE}number-columns-repeated", "1"))
        kind = cell.get(f"{_OFFICE}value-type", "")
        formula = cell.get(f"{_TABLE}formula") is not None
        if (kind and kind != "string") or formula:
            for place in range(column, column + min(repeated, _REPEATED)):
                seen = _seen(cell, kind, number, place)
                if seen is not None:
                    yield seen
        column += repeated


def _seen(cell: etree._Element, kind: str, row: int, column: int) -> SeenCell | None:
    text = "\n".join(_paragraph(part) for part in cell.iterchildren(f"{_TEXT}p"))
    if cell.get(f"{_CALCEXT}value-type") == "error":
        return SeenCell(row, column, text or "an error", fault="error")
    if not kind:
        return SeenCell(row, column, "", fault="formula")
    return SeenCell(row, column, text) if text and kind != "string" else None


def _paragraph(part: etree._Element) -> str:
    """The text of a paragraph; runs of spaces are elements of their own (6.1.3)."""
    pieces = [part.text or ""]
    for child in part:
        if child.tag == f"{_TEXT}s":
            pieces.append(" " * int(child.get(f"{_TEXT}c", "1")))
        else:
            pieces.append(_paragraph(child))
        pieces.append(child.tail or "")
    return "".join(pieces)
