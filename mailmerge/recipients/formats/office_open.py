"""The markup of an XLSX workbook -> the text that its cells show (ECMA-376, part 1, 18)."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

from lxml import etree

from mailmerge.recipients.formats.archive import read_elements
from mailmerge.recipients.formats.markup import Layout, Range, SeenCell, cell_place
from mailmerge.recipients.formats.number_format import GENERAL, built_in_format, show_number

_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_STRICT_RELATION = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"
_DIGITS = "0123456789"
_FAR = 1 << 20
_DIGITS_KEPT = 15  # of an IEEE 754 double, and what Excel itself promises


class OfficeOpenMarkup:
    """One XLSX workbook: its styles, and the layout of any of its sheets."""

    def __init__(self, archive: zipfile.ZipFile, file: str) -> None:
        """Read the workbook's directory and styles.

        Raises:
            SpreadsheetError: a part is not XML.
            KeyError: a part is missing.
        """
        self._archive = archive
        self._file = file
        self._from_1904 = False
        self._parts = dict(self._sheets())
        self._formats = self._read_formats()

    def layout(self, sheet: str) -> Layout:
        """The layout of a sheet; its lists are complete after its cells."""
        layout = Layout()
        layout.cells = self._cells(self._parts[sheet], layout)
        return layout

    def _elements(self, part: str, *tags: str) -> Iterator[etree._Element]:
        with self._archive.open(part) as stream:
            yield from read_elements(stream, self._file, *(f"{{*}}{tag}" for tag in tags))

    def _sheets(self) -> Iterator[tuple[str, str]]:
        """The name of each sheet, and the part of the archive that holds it."""
        book = next(
            part.get("Target", "").lstrip("/")
            for part in self._elements("_rels/.rels", "Relationship")
            if part.get("Type", "").endswith("/officeDocument")
        )
        folder, name = posixpath.split(book)
        targets = {
            part.get("Id"): part.get("Target", "")
            for part in self._elements(f"{folder}/_rels/{name}.rels", "Relationship")
        }
        for element in self._elements(book, "workbookPr", "sheet"):
            if element.tag.endswith("}workbookPr"):
                self._from_1904 = element.get("date1904", "0") in {"1", "true"}
                continue
            target = targets[element.get(_RELATION) or element.get(_STRICT_RELATION)]
            yield (
                element.get("name", ""),
                posixpath.normpath(posixpath.join("/", folder, target))[1:],
            )

    def _read_formats(self) -> list[str]:
        """The number format of each cell style, in their order."""
        part = "xl/styles.xml"
        if part not in self._archive.namelist():
            return [GENERAL]
        own: dict[int, str] = {}
        styles: list[int] = []
        for element in self._elements(part, "numFmt", "cellXfs"):
            if element.tag.endswith("}numFmt"):
                own[int(element.get("numFmtId", "0"))] = element.get("formatCode", GENERAL)
            else:
                styles = [int(style.get("numFmtId", "0")) for style in element]
        return [own.get(number) or built_in_format(number) for number in styles] or [GENERAL]

    def _cells(self, part: str, layout: Layout) -> Iterator[SeenCell]:
        number = -1
        for element in self._elements(part, "row", "mergeCell"):
            if element.tag.endswith("}mergeCell"):
                layout.merged.extend(_range(element.get("ref", "")))
                continue
            number = int(element.get("r", number + 2)) - 1
            if element.get("hidden") in {"1", "true"}:
                layout.hidden.append(number)
            yield from self._row(element, number)

    def _row(self, row: etree._Element, number: int) -> Iterator[SeenCell]:
        column = -1
        for cell in row:
            name = cell.get("r")
            column = _column(name.rstrip(_DIGITS)) if name else column + 1
            kind = cell.get("t", "n")
            if kind in {"s", "inlineStr"}:
                continue
            raw, formula = "", False
            for child in cell:
                if child.tag[-2:] == "}v":
                    raw = child.text or ""
                elif child.tag[-2:] == "}f":
                    formula = True
            if raw or (formula and kind != "str"):
                seen = self._seen(number, column, kind, raw, cell.get("s", "0"))
                if seen is not None:
                    yield seen

    def _seen(self, row: int, column: int, kind: str, raw: str, style: str) -> SeenCell | None:
        if not raw:
            return SeenCell(row, column, "", fault="formula")
        if kind == "n":
            return self._number(row, column, raw, style)
        if kind == "b":
            return SeenCell(row, column, "TRUE" if raw in {"1", "true"} else "FALSE")
        if kind == "e":
            return SeenCell(row, column, raw, fault="error")
        return SeenCell(row, column, raw.removesuffix("T00:00:00")) if kind == "d" else None

    def _number(self, row: int, column: int, raw: str, style: str) -> SeenCell:
        index = int(style)
        code = self._formats[index] if index < len(self._formats) else GENERAL
        shown = show_number(raw, code, from_1904=self._from_1904)
        fault: Literal["", "digits"] = "digits" if abs(float(raw)) >= 10**_DIGITS_KEPT else ""
        return SeenCell(row, column, shown.text, shown.certain, fault)


@lru_cache(maxsize=1000)
def _column(letters: str) -> int:
    """The column with these letters, counted from 0; far outside if they are not a name."""
    place = cell_place(f"{letters}1")
    return place[1] if place else _FAR


def _range(reference: str) -> list[Range]:
    first, _, last = reference.partition(":")
    start, end = cell_place(first), cell_place(last or first)
    return [Range(*start, *end)] if start and end else []
