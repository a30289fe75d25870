"""An OpenDocument spreadsheet -> the text that its cells show (OASIS OpenDocument 1.3, part 3).

All sheets are in one part, and a cell holds both its value and the text that the program showed
when it saved the file. A cell, a row and a space may say that they are repeated, any number of
times: a kilobyte can describe a sheet that is full to its last cell. So repetitions are counted
before they are written out. Those without a text only move the place of the cells after them.
"""

from __future__ import annotations

import re
import zipfile
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from mailmerge.errors import SpreadsheetError
from mailmerge.language import tr
from mailmerge.recipients.bounds import (
    CELL_CHARACTERS,
    COLUMNS,
    ROWS,
    Budget,
    outside,
    too_long,
)
from mailmerge.recipients.formats.document_styles import DocumentStyles, whole_number
from mailmerge.recipients.formats.grid import Grid
from mailmerge.recipients.formats.markup import Range, SeenCell, cell_name
from mailmerge.recipients.formats.number_format import plain_number
from mailmerge.recipients.formats.sheet import Sheet, SheetEntry, in_file
from mailmerge.recipients.formats.xml_stream import ElementReader
from mailmerge.recipients.input_file import damaged

_CELLS = frozenset({"table:table-cell", "table:covered-table-cell"})
# Elements in a cell with a text of their own that is not the cell's.
_ASIDE = ("office:annotation", "draw:", "svg:", "form:", "text:ruby-text")
_STYLES = "styles.xml"
_NOTE_BYTES = 150
_HIDDEN_BYTES = 40


class OpenDocumentBook:
    """One ODS workbook. All its sheets are read at once, because one part holds all of them."""

    def __init__(self, archive: zipfile.ZipFile, budget: Budget) -> None:
        """Read all sheets.

        Raises:
            SpreadsheetError: the file is damaged or too large, or a cell is outside of its sheet.
        """
        reader = _DocumentReader(budget, _read_styles(archive, budget))
        with archive.open("content.xml") as part:
            reader.read(part)
        self.sheets: Sequence[SheetEntry] = reader.sheets
        self._read = reader.found

    def has_cells(self, sheet: str) -> bool:
        """Whether any cell of a sheet has a value."""
        found = self._read[sheet]
        return bool(found.columns or found.faults)

    def read(self, sheet: str) -> Sheet:
        """The sheet with this name."""
        return self._read[sheet]


def _read_styles(archive: zipfile.ZipFile, budget: Budget) -> DocumentStyles:
    """The styles that the cells of the document refer to, besides those of its own part."""
    styles = DocumentStyles()
    if _STYLES in archive.namelist():
        with archive.open(_STYLES) as part:
            _StyleReader(budget, styles).read(part)
    return styles


class _StyleReader(ElementReader):
    """Reads a part that has only styles."""

    def __init__(self, budget: Budget, styles: DocumentStyles) -> None:
        super().__init__(budget)
        self._styles = styles

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.enter()
        self.budget.memory(self._styles.add(name, attributes))

    def end(self, name: str) -> None:  # noqa: ARG002 - only the depth matters
        self.leave()


@dataclass(slots=True)
class _Table:
    """A table while it is read.

    Attributes:
        row, column: the place of the next cell, from 0; behind a repetition it may be anywhere.
        described: the columns that were described so far.
        styles: the style that the cells of a run of columns have: (last column, name).
        attributes: those of the row.
        texts: the texts of the row: (first column, number of columns, text).
        notes: the cells of the row that have no text.
    """

    sheet: Sheet
    grid: Grid
    row: int = 0
    column: int = 0
    described: int = 0
    styles: list[tuple[int, str]] = field(default_factory=list)
    attributes: Mapping[str, str] = field(default_factory=dict)
    texts: list[tuple[int, int, str]] = field(default_factory=list)
    notes: list[SeenCell] = field(default_factory=list)

    def style_of_column(self) -> str:
        """The style that the cells of the next cell's column have; "" if they have none."""
        place = bisect_left(self.styles, (self.column, ""))
        return self.styles[place][1] if place < len(self.styles) else ""


class _DocumentReader(ElementReader):
    """Reads tables, rows and cells; a table in a cell, and a note at it, are passed over."""

    def __init__(self, budget: Budget, styles: DocumentStyles) -> None:
        super().__init__(budget)
        self._styles = styles
        self.sheets: list[SheetEntry] = []
        self.found: dict[str, Sheet] = {}
        self._file = budget.file
        self._style = ""
        self._invisible: set[str] = set()
        self._inside = False
        self._table = _Table(Sheet(budget.file), Grid(budget))
        self._cell: Mapping[str, str] | None = None
        self._paragraphs = 0
        self._spaces = 0
        self._aside = 0

    # -- tags ---------------------------------------------------------------------------------

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.enter()
        if self._aside:
            self._aside += 1
        elif self._cell is not None:
            self._start_in_cell(name, attributes)
        elif name in _CELLS and self._inside:
            self._cell = attributes
            self._paragraphs = self._spaces = 0
        elif name == "table:table-column" and self._inside:
            self._note_columns(attributes)
        elif name == "table:table-row":
            self._table.attributes = attributes
            self._table.column = 0
        elif name == "table:table":
            self._start_table(attributes)
        elif name == "style:style":
            self._style = attributes.get("style:name", "")
            self.budget.memory(self._styles.add(name, attributes))
        elif name.startswith("number:") and not self._inside:
            self.budget.memory(self._styles.add(name, attributes))
        elif name == "style:table-properties" and attributes.get("table:display") == "false":
            self.budget.memory(_NOTE_BYTES)
            self._invisible.add(self._style)

    def end(self, name: str) -> None:
        self.leave()
        if self._aside:
            self._aside -= 1
        elif name in _CELLS and self._cell is not None:
            self._end_cell(self._cell)
            self._cell = None
        elif name == "text:p" and self._cell is not None:
            self.pause()
        elif name == "table:table-row" and self._inside:
            self._end_row()
        elif name == "table:table":
            self._end_table()

    def _start_in_cell(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "text:p":
            if self._paragraphs:
                self.pieces.append("\n")
            self._paragraphs += 1
            self.collect()
        elif name == "text:s":
            self._add_spaces(attributes.get("text:c", "1"))
        elif name == "text:tab":
            self.pieces.append("\t")
        elif name == "text:line-break":
            self.pieces.append("\n")
        elif name.startswith(_ASIDE) or name == "table:table":
            self._aside = 1

    def _add_spaces(self, count: str) -> None:
        """Add a run of spaces, which is an element of its own (6.1.3)."""
        spaces = _count(count)
        self._spaces += CELL_CHARACTERS + 1 if spaces is None else spaces
        if self._spaces > CELL_CHARACTERS:
            raise self.too_long()
        self.pieces.append(" " * (spaces or 0))

    # -- tables, rows and cells -----------------------------------------------------------------

    def _note_columns(self, attributes: Mapping[str, str]) -> None:
        table = self._table
        first = table.described
        table.described += self._repeated(attributes, "table:number-columns-repeated", "a column")
        self.budget.memory(_NOTE_BYTES)
        style = attributes.get("table:default-cell-style-name", "")
        table.styles.append((table.described - 1, style))
        if attributes.get("table:visibility", "visible") != "visible":
            self.budget.memory(_NOTE_BYTES)
            table.sheet.hidden_columns.append((first, table.described - 1))

    def _start_table(self, attributes: Mapping[str, str]) -> None:
        name = attributes.get("table:name", "")
        self.budget.memory(_NOTE_BYTES * 4)
        self._inside = True
        self._table = _Table(Sheet(self._file), Grid(self.budget))
        self.budget.file = in_file(self._file, name[:40])
        visible = attributes.get("table:style-name") not in self._invisible
        if name not in self.found:
            self.sheets.append(SheetEntry(name, visible))
        self.found[name] = self._table.sheet

    def _end_table(self) -> None:
        if self._inside:
            self._inside = False
            self._table.sheet.columns, self._table.sheet.rows = (
                self._table.grid.columns,
                self._table.grid.rows,
            )
            self.budget.file = self._file

    def _end_row(self) -> None:
        table = self._table
        row = table.attributes
        repeated = self._repeated(row, "table:number-rows-repeated")
        hidden = row.get("table:visibility", "visible") != "visible"
        if table.texts or table.notes or (hidden and table.row < ROWS):
            self._write_row(repeated, hidden=hidden)
        table.row += repeated
        table.texts, table.notes = [], []

    def _write_row(self, repeated: int, *, hidden: bool) -> None:
        table = self._table
        if not (table.texts or table.notes):
            repeated = min(repeated, ROWS - table.row)
        if table.row + repeated > ROWS:
            times = tr(
                "row {row}, repeated {repeated:,} times", row=table.row + 1, repeated=repeated
            )
            raise outside(times, self.budget.file, table.row + 1)
        self.budget.cell(repeated if table.texts else 1)
        if hidden:
            self.budget.memory(repeated * _HIDDEN_BYTES)
            self._table.sheet.hidden.extend(range(table.row, table.row + repeated))
        self._table.grid.repeat(table.row, repeated, table.texts)
        for note in table.notes:
            self._note(note, repeated)

    def _note(self, seen: SeenCell, repeated: int) -> None:
        self.budget.memory(repeated * _NOTE_BYTES)
        self._table.sheet.faults.extend(
            SeenCell(seen.row + more, seen.column, seen.text, fault=seen.fault)
            for more in range(repeated)
        )

    def _end_cell(self, cell: Mapping[str, str]) -> None:
        self.budget.cell()
        table = self._table
        where = cell_name(min(table.row, ROWS), min(table.column, COLUMNS))
        columns = self._repeated(cell, "table:number-columns-repeated", where)
        self._merge(cell, where)
        text, fault = self._value(cell, self.collected() if self.pieces else "")
        if text or fault:
            if table.column + columns > COLUMNS:
                times = (
                    tr("{where}, repeated {columns:,} times", where=where, columns=columns)
                    if columns > 1
                    else where
                )
                raise outside(times, self.budget.file, min(table.row + 1, ROWS))
            self.budget.cell(columns)
            if fault in ("width", "textless"):
                seen = SeenCell(table.row, table.column, text, certain=False, fault=fault)
                table.sheet.note_uncertain(seen)
                table.texts.append((table.column, columns, text))
            elif fault:
                self.budget.memory(columns * _NOTE_BYTES)
                table.notes += [
                    SeenCell(table.row, table.column + more, text, fault=fault)
                    for more in range(columns)
                ]
            else:
                table.texts.append((table.column, columns, text))
        table.column += columns

    def _merge(self, cell: Mapping[str, str], where: str) -> None:
        rows = self._repeated(cell, "table:number-rows-spanned", where)
        columns = self._repeated(cell, "table:number-columns-spanned", where)
        if rows > 1 or columns > 1:
            top, left = self._table.row, self._table.column
            self.budget.memory(_NOTE_BYTES)
            self._table.sheet.merged.append(Range(top, left, top + rows - 1, left + columns - 1))

    def _repeated(self, attributes: Mapping[str, str], name: str, where: str = "") -> int:
        """A count in the attributes of the cell `where`, or else of the row."""
        count = _count(attributes.get(name, "1"))
        if not count:
            given = attributes[name][:20]
            raise damaged(
                self.budget.file,
                tr(
                    '{where} says {name}="{given}"',
                    where=where or tr("row {row}", row=self._table.row + 1),
                    name=name.partition(":")[2],
                    given=given,
                ),
            )
        return count

    def _value(
        self, cell: Mapping[str, str], text: str
    ) -> tuple[str, Literal["", "formula", "error", "width", "textless"]]:
        """The text of a cell, and why it has none or another one."""
        if cell.get("calcext:value-type") == "error":
            return text[:40] or tr("an error"), "error"
        kind = cell.get("office:value-type")
        if not kind:
            return ("", "formula") if "table:formula" in cell and not text else (text, "")
        if kind == "string":
            return cell.get("office:string-value", text), ""
        if text and not text.strip("#"):  # the column was too narrow for the value
            return _bare_value(cell), "width"
        if text:
            if kind == "float" and self._is_general(cell):
                text = whole_number(text, cell.get("office:value", ""), self._styles.point)
            return text, ""
        value = _bare_value(cell)
        return value, "textless" if value and kind != "boolean" else ""

    def _is_general(self, cell: Mapping[str, str]) -> bool:
        """Whether a cell has the format General: its own style, that of its row or its column."""
        table = self._table
        style = cell.get("table:style-name") or table.attributes.get(
            "table:default-cell-style-name"
        )
        if not style:
            style = table.style_of_column()
        return self._styles.is_general(style)

    def too_long(self) -> SpreadsheetError:
        table = self._table
        name = cell_name(min(table.row, ROWS), min(table.column, COLUMNS))
        return too_long(name, self.budget.file, min(table.row + 1, ROWS))


def _count(digits: str) -> int | None:
    """A number of repetitions; None if it is not one."""
    if not digits.isascii() or not digits.isdigit():
        return None
    return int(digits) if len(digits) < 19 else 10**18


def _bare_value(cell: Mapping[str, str]) -> str:
    """The value of a cell whose program saved no text for it."""
    number = cell.get("office:value")
    if number and cell.get("office:value-type") == "percentage":
        return f"{plain_number(_hundredfold(number))[:CELL_CHARACTERS]}%"
    if number:
        return plain_number(number)[:CELL_CHARACTERS]
    duration = _DURATION.fullmatch(cell.get("office:time-value", ""))
    if duration is not None:
        hours, minutes, seconds = (duration[name] or "0" for name in ("h", "m", "s"))
        return f"{duration['sign']}{int(hours):02d}:{int(minutes):02d}:{seconds.zfill(2)}"
    value = cell.get("office:date-value") or cell.get("office:time-value")
    value = value or cell.get("office:boolean-value", "").upper()
    return value.removesuffix("T00:00:00")[:CELL_CHARACTERS]


def _hundredfold(number: str) -> str:
    """A share in percent; what is no number stays as it is."""
    try:
        value = Decimal(number)
        return str(value.scaleb(2)) if value.is_finite() else number
    except ArithmeticError:
        return number


_DURATION = re.compile(
    r"(?P<sign>-?)PT(?:(?P<h>\d{1,9})H)?(?:(?P<m>\d{1,9})M)?(?:(?P<s>\d{1,9})(?:\.\d*)?S)?"
)
