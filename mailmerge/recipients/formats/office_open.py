"""An XLSX workbook -> the text that its cells show (ECMA-376, part 1, 18).

Texts are in a table that all sheets share, or in the cell. A number has a style, and the style a
number format. A cell names its place, and nothing in the file bounds that place: so it is checked
here, and `Grid` bounds what far places cost. The declared size of a sheet is never read.
"""

from __future__ import annotations

import math
import posixpath
import re
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import IO, Literal

from mailmerge.errors import SpreadsheetError
from mailmerge.recipients.bounds import (
    CELL_CHARACTERS,
    COLUMNS,
    ROWS,
    Budget,
    outside,
    too_long,
)
from mailmerge.recipients.formats.grid import Grid
from mailmerge.recipients.formats.markup import Range, SeenCell, cell_name, cell_place
from mailmerge.recipients.formats.number_format import GENERAL, built_in_format, show_number
from mailmerge.recipients.formats.sheet import Sheet, SheetEntry
from mailmerge.recipients.formats.xml_stream import ElementReader, read_attributes
from mailmerge.recipients.input_file import damaged

_DIGITS = "0123456789"
_DIGITS_KEPT = 15  # of an IEEE 754 double, and what Excel itself promises
_LONGEST_FORMAT = 1024  # Excel allows 255
_REMEMBERED = 50_000
_HIDDEN_BYTES = 40
_RANGE_BYTES = _FAULT_BYTES = 150
_MARGIN = " \t\r\n"
# A character that XML cannot hold, as Excel writes it: _x000D_ (ECMA-376, part 1, 22.9.2.19).
_ESCAPED = re.compile("_x00([0-9A-Fa-f]{2})_")
_NUMBER = re.compile(r"[ \t\r\n]*[+-]?([0-9]++\.?[0-9]*+|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t\r\n]*")
_NO_NUMBER = frozenset({"nan", "inf", "infinity"})


class OfficeOpenBook:
    """One XLSX workbook: its sheets, styles and shared texts.

    Attributes:
        sheets: its worksheets, in their order.
    """

    def __init__(self, archive: zipfile.ZipFile, budget: Budget) -> None:
        """Read the workbook's directory and styles.

        Raises:
            SpreadsheetError: a part is missing, is not XML, or has too much in it.
        """
        self._archive = archive
        self._budget = budget
        self._file = budget.file
        self._names = {name.casefold(): name for name in archive.namelist()}
        self._from_1904 = False
        self._parts: dict[str, str] = {}
        self._texts_part = ""
        self.sheets = self._read_sheets()
        self._formats = self._read_formats()
        self._texts: list[str] | None = None

    def has_cells(self, sheet: str) -> bool:
        """Whether any cell of a sheet has a value."""
        try:
            self._parse(sheet, _FirstCell(self._budget))
        except _Found:
            return True
        return False

    def read(self, sheet: str) -> Sheet:
        """Read a sheet.

        Raises:
            SpreadsheetError: it is damaged or too large, or a cell is outside of it.
        """
        self._budget.file = f"{self._file}, sheet {sheet}"
        if self._texts is None:
            self._texts = self._read_texts()
        grid, found = Grid(self._budget), Sheet(self._file)
        styles = _Styles(self._formats, self._texts, from_1904=self._from_1904)
        self._parse(sheet, _SheetReader(self._budget, grid, found, styles))
        self._budget.file = self._file
        found.columns, found.rows = grid.columns, grid.rows
        return found

    def _parse(self, sheet: str, reader: ElementReader) -> None:
        with self._open(self._parts[sheet]) as part:
            reader.read(part)

    def _open(self, part: str) -> IO[bytes]:
        known = self._names.get(part.casefold())
        if known is None:
            raise damaged(self._file, f"the part {part[:100]} is missing")
        return self._archive.open(known)

    def _attributes(self, part: str, *names: str) -> list[tuple[str, Mapping[str, str]]]:
        with self._open(part) as stream:
            return read_attributes(stream, self._budget, *names)

    def _read_sheets(self) -> list[SheetEntry]:
        """The worksheets, and the part of the archive that holds each."""
        roots = (
            part.get("Target", "").lstrip("/")
            for _, part in self._attributes("_rels/.rels", "Relationship")
            if part.get("Type", "").endswith("/officeDocument")
        )
        book = next(roots, "")
        folder, name = posixpath.split(book)
        relations = {
            part.get("Id"): part
            for tag, part in self._attributes(f"{folder}/_rels/{name}.rels", "Relationship")
            if tag == "Relationship"
        }
        shared = (r for r in relations.values() if r.get("Type", "").endswith("/sharedStrings"))
        self._texts_part = next((self._target(folder, relation) for relation in shared), "")
        sheets = []
        for tag, element in self._attributes(book, "workbookPr", "sheet"):
            if tag == "workbookPr":
                self._from_1904 = element.get("date1904", "0") in {"1", "true"}
            if tag != "sheet":
                continue
            relation = relations.get(_relation(element), {})
            if not relation.get("Type", "/worksheet").endswith("/worksheet"):
                continue
            sheet = SheetEntry(
                element.get("name", ""), visible=element.get("state", "visible") == "visible"
            )
            self._parts[sheet.name] = self._target(folder, relation)
            sheets.append(sheet)
        return sheets

    @staticmethod
    def _target(folder: str, relation: Mapping[str, str]) -> str:
        """The part that a relation of the workbook leads to."""
        return posixpath.normpath(posixpath.join("/", folder, relation.get("Target", "")))[1:]

    def _read_formats(self) -> list[str]:
        """The number format of each cell style, in their order."""
        part = "xl/styles.xml"
        if part not in self._names:
            return [GENERAL]
        own: dict[int, str] = {}
        styles: list[int] = []
        inside = False
        for tag, element in self._attributes(part, "numFmt", "cellXfs", "xf"):
            if tag == "numFmt":
                code = element.get("formatCode", GENERAL)
                own[_integer(element.get("numFmtId"))] = (
                    code if len(code) <= _LONGEST_FORMAT else ""
                )
            elif tag.endswith("cellXfs"):
                inside = tag == "cellXfs"
            elif tag == "xf" and inside:
                styles.append(_integer(element.get("numFmtId")))
        return [own.get(number) or built_in_format(number) for number in styles] or [GENERAL]

    def _read_texts(self) -> list[str]:
        """The texts that cells share."""
        if not self._texts_part:
            return []
        reader = _TextReader(self._budget)
        with self._open(self._texts_part) as stream:
            reader.read(stream)
        return reader.texts


def _relation(element: Mapping[str, str]) -> str:
    """The id of the relation of an element; its prefix differs between programs."""
    return next((value for name, value in element.items() if name.endswith(":id")), "")


def _integer(text: str | None) -> int:
    """A number of a style; 0, which is General, if it is missing or not one."""
    return int(text) if text and len(text) < 10 and text.isascii() and text.isdigit() else 0


class _Styles:
    """What the cells of all sheets share: number formats and texts."""

    def __init__(self, formats: list[str], texts: list[str], *, from_1904: bool) -> None:
        self.texts = texts
        self._formats = formats
        self._from_1904 = from_1904
        self._shown: dict[tuple[str, str], SeenCell] = {}

    def number(self, raw: str, style: str) -> SeenCell:
        """What a number shows, as a cell at row 0 and column 0."""
        key = raw, style
        shown = self._shown.get(key)
        if shown is None:
            if len(self._shown) >= _REMEMBERED:
                self._shown.clear()
            shown = self._shown[key] = self._show(raw, style)
        return shown

    def _show(self, raw: str, style: str) -> SeenCell:
        value = float(raw) if _NUMBER.fullmatch(raw) else math.nan
        if not math.isfinite(value):
            return SeenCell(0, 0, raw[:40], fault="number")
        if not value:
            raw = "0"  # 1e-999999999 is none that Decimal can calculate with
        index = _integer(style)
        code = self._formats[index] if index < len(self._formats) else GENERAL
        shown = show_number(raw, code, from_1904=self._from_1904)
        fault: Literal["", "digits"] = "digits" if abs(value) >= 10**_DIGITS_KEPT else ""
        return SeenCell(0, 0, shown.text, shown.certain, fault)


class _TextReader(ElementReader):
    """Reads texts: `si` in the table of shared texts, and `is` in a cell.

    A text is a run, or several runs with a format each; phonetic runs show how it is read, and are
    no part of it. White space around a run counts only if the run says so.
    """

    def __init__(self, budget: Budget) -> None:
        super().__init__(budget)
        self.texts: list[str] = []
        self._runs: list[str] = []
        self._characters = 0
        self._phonetic = 0
        self._run_open = False
        self._kept = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if name == "t":
            self.start_run(attributes)
        elif name == "rPh":
            self.phonetic(1)
        self.enter()

    def end(self, name: str) -> None:
        self.leave()
        name = name.rpartition(":")[2]
        if name == "t":
            self.end_run()
        elif name == "rPh":
            self.phonetic(-1)
        elif name == "si":
            text = self.whole_text()
            self.budget.text(text)
            self.budget.places(1)
            self.texts.append(text)

    def phonetic(self, step: int) -> None:
        """Enter or leave a phonetic run."""
        self._phonetic += step

    def start_run(self, attributes: Mapping[str, str]) -> None:
        """Start to collect a run."""
        if not self._phonetic:
            self._kept = attributes.get("xml:space") == "preserve"
            self._run_open = True
            self.collect()

    def end_run(self) -> None:
        """Keep the run that was collected."""
        if self._run_open:
            self._run_open = False
            self.pause()
            text = self.collected()
            if not self._kept:
                text = text.strip(_MARGIN)
            if text:
                self._runs.append(_unescaped(text))
                self._characters += len(text)
                if self._characters > CELL_CHARACTERS:
                    raise self.too_long()

    def whole_text(self) -> str:
        """The text of the runs since the last call."""
        text = self._runs[0] if len(self._runs) == 1 else "".join(self._runs)
        self._runs.clear()
        self._characters = 0
        return text


def _unescaped(text: str) -> str:
    """A text with the characters that XML cannot hold."""
    if "_x00" not in text:
        return text
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)


def _is_text(raw: str) -> bool:
    """Whether a value without a type is a text, as some programs write it: no number at all."""
    word = raw.strip(f"{_MARGIN}+-").lower()
    return word not in _NO_NUMBER and not _NUMBER.fullmatch(raw)


class _Found(Exception):
    """A cell with a value was found."""


class _FirstCell(ElementReader):
    """Stops at the first cell with a value."""

    def start(self, name: str, attributes: dict[str, str]) -> None:  # noqa: ARG002
        self.enter()
        if name.rpartition(":")[2] in {"v", "is"}:
            raise _Found

    def end(self, name: str) -> None:  # noqa: ARG002 - only the depth matters
        self.leave()


@lru_cache(maxsize=COLUMNS)
def _column(letters: str) -> int | None:
    """The column with these letters, counted from 0; None if a sheet has none."""
    place = cell_place(f"{letters.upper()}1")
    return place[1] if place is not None and place[1] < COLUMNS else None


class _SheetReader(_TextReader):
    """Reads the rows, cells and merged areas of a worksheet."""

    def __init__(self, budget: Budget, grid: Grid, sheet: Sheet, styles: _Styles) -> None:
        super().__init__(budget)
        self._grid = grid
        self._sheet = sheet
        self._styles = styles
        self._in_row = self._in_cell = self._formula = False
        self._row = self._column = -1
        self._row_digits = ""
        self._cells = 0
        self._kind = self._style = ""

    # -- tags ---------------------------------------------------------------------------------

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c" and self._in_row and not self._in_cell:
            self._start_cell(attributes)
        elif name == "v" and self._in_cell:
            if self._kind != "inlineStr":
                self.collect()
        else:
            self._start_other(name.rpartition(":")[2], name, attributes)

    def _start_other(self, local: str, name: str, attributes: dict[str, str]) -> None:
        if local != name and local in {"c", "v"}:
            self.start(local, attributes)
        elif local == "row" and not self._in_row:
            self._start_row(attributes)
        elif local == "t" and self._in_cell:
            self.start_run(attributes)
        elif local == "f":
            self._formula = True
        elif local == "rPh":
            self.phonetic(1)
        elif local == "mergeCell":
            self._merge(attributes.get("ref", ""))
        if local not in {"c", "v"}:
            self.enter()

    def end(self, name: str) -> None:
        if name == "v":
            self.pause()
        elif name == "c":
            if self._in_cell:
                self._end_cell()
        else:
            self._end_other(name.rpartition(":")[2])

    def _end_other(self, local: str) -> None:
        if local in {"c", "v"}:
            self.end(local)
            return
        self.leave()
        if local == "row":
            self._in_row = False
            self.budget.cell(self._cells)
            self._cells = 0
        elif local == "t":
            self.end_run()
        elif local == "rPh":
            self.phonetic(-1)

    # -- places -------------------------------------------------------------------------------

    def _start_row(self, attributes: Mapping[str, str]) -> None:
        self.budget.cell()
        number = attributes.get("r")
        self._row = self._row + 1 if number is None else self._row_number(number) - 1
        if self._row >= ROWS:
            raise outside(f"row {self._row + 1}", self.budget.file)
        self._row_digits = str(self._row + 1)
        self._column = -1
        self._in_row = True
        if attributes.get("hidden") in {"1", "true"}:
            self.budget.memory(_HIDDEN_BYTES)
            self._sheet.hidden.append(self._row)

    def _row_number(self, digits: str) -> int:
        number = _integer(digits)
        if not 1 <= number <= ROWS:
            raise outside(f"row {digits}", self.budget.file, self._row + 2)
        return number

    def _start_cell(self, attributes: Mapping[str, str]) -> None:
        self._cells += 1
        name = attributes.get("r")
        if name is None:
            self._column += 1
            if self._column >= COLUMNS:
                raise outside(f"column {self._column + 1:,}", self.budget.file, self._row + 1)
        else:
            letters = name.rstrip(_DIGITS)
            column = _column(letters)
            if column is None:
                raise outside(name, self.budget.file, self._row + 1)
            self._column = column
            digits = name[len(letters) :]
            if digits != self._row_digits:
                self._row = self._row_number(digits) - 1
                self._row_digits = str(self._row + 1)
        self._kind = attributes.get("t", "")
        self._style = attributes.get("s", "0")
        self._in_cell = True
        self._formula = False

    def _merge(self, reference: str) -> None:
        first, _, last = reference.partition(":")
        start, end = cell_place(first), cell_place(last or first)
        if start and end:
            self.budget.memory(_RANGE_BYTES)
            self._sheet.merged.append(Range(*start, *end))

    # -- values -------------------------------------------------------------------------------

    def _end_cell(self) -> None:
        self._in_cell = False
        raw = self.collected() if self.pieces else ""
        kind = self._kind
        if kind == "s":
            if raw:
                self._grid.put(self._row, self._column, self._shared_text(raw), shared=True)
        elif self._runs:
            self._grid.put(self._row, self._column, self.whole_text())
        elif raw:
            self._value(kind, raw)
        elif self._formula and kind not in {"str", "inlineStr"}:
            self._fault("", "formula")

    def _value(self, kind: str, raw: str) -> None:
        """A value that is in the cell itself."""
        if kind in {"", "n"}:
            self._number(kind, raw)
        elif kind == "str":
            self._grid.put(self._row, self._column, raw)
        elif kind == "b":
            text = "TRUE" if raw in {"1", "true"} else "FALSE"
            self._grid.put(self._row, self._column, text, shared=True)
        elif kind == "d":
            self._grid.put(self._row, self._column, raw.removesuffix("T00:00:00"))
        elif kind == "e":
            self._fault(raw[:40], "error")
        else:
            name = cell_name(self._row, self._column)
            raise damaged(self.budget.file, f'{name} has the unknown type "{kind[:20]}"')

    def _number(self, kind: str, raw: str) -> None:
        seen = self._styles.number(raw, self._style)
        if seen.fault == "number":
            if not kind and _is_text(raw):
                self._grid.put(self._row, self._column, raw)
            else:
                self._fault(seen.text, "number")
            return
        self._grid.put(self._row, self._column, seen.text, shared=True)
        if not seen.certain or seen.fault:
            self._sheet.note_uncertain(replace(seen, row=self._row, column=self._column))

    def _shared_text(self, raw: str) -> str:
        texts = self._styles.texts
        index = int(raw) if len(raw) < 10 and raw.isascii() and raw.isdigit() else len(texts)
        if index >= len(texts):
            name = cell_name(self._row, self._column)
            raise damaged(
                self.budget.file,
                f'{name} refers to the text "{raw[:20]}", and the workbook has {len(texts):,}',
            )
        return texts[index]

    def _fault(self, text: str, fault: Literal["formula", "error", "number"]) -> None:
        self.budget.memory(_FAULT_BYTES)
        self._sheet.faults.append(SeenCell(self._row, self._column, text, fault=fault))

    def too_long(self) -> SpreadsheetError:
        if not self._in_cell:
            return super().too_long()
        name = cell_name(self._row, self._column)
        return too_long(name, self.budget.file, self._row + 1)
