"""An XLSX workbook -> the text that its cells show (ECMA-376, part 1, 18).

Texts are in a table that all sheets share, or in the cell. A number has a style, and the style a
number format. A cell names its place, and nothing in the file bounds that place: so it is checked
here, and `Grid` bounds what far places cost. The declared size of a sheet is never read.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
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
from mailmerge.recipients.formats.grid import Grid
from mailmerge.recipients.formats.markup import Range, SeenCell, cell_name, cell_place
from mailmerge.recipients.formats.office_styles import (
    Styles,
    integer,
    is_text_value,
    read_formats,
    style_names,
)
from mailmerge.recipients.formats.package import Package
from mailmerge.recipients.formats.region import decide_region, language_of_words
from mailmerge.recipients.formats.sheet import Sheet, SheetEntry, in_file
from mailmerge.recipients.formats.xml_stream import ElementReader, read_attributes
from mailmerge.recipients.input_file import damaged

_DIGITS = "0123456789"
_HIDDEN_BYTES = 40
_RANGE_BYTES = _FAULT_BYTES = 150
_MARGIN = " \t\r\n"
# A character that XML cannot hold, as Excel writes it: _x000D_ (ECMA-376, part 1, 22.9.2.19).
_ESCAPED = re.compile("_x00([0-9A-Fa-f]{2})_")


class OfficeOpenBook:
    """One XLSX workbook: its sheets, styles and shared texts.

    Attributes:
        sheets: its worksheets, in their order.
    """

    def __init__(self, archive: zipfile.ZipFile, budget: Budget, locale: str = "") -> None:
        """Read the workbook's directory and styles; `locale` is that under [recipients].

        Raises:
            SpreadsheetError: a part is missing, is not XML, or has too much in it.
            CampaignError: the locale is not known.
        """
        self._package = Package(archive, budget)
        self._budget = budget
        self._file = budget.file
        self._from_1904 = False
        self._parts: dict[str, str] = {}
        main = self._package.main_part()
        self._relations = self._package.relations(main)
        self.sheets = self._read_sheets(main)
        styles = self._related("styles") or self._beside(main, "styles.xml")
        tags = self._attributes(styles, "numFmt", "cellXfs", "xf", "dxfs", "cellStyle")
        self._region = decide_region(locale, list(self._languages(tags)))
        self._formats = read_formats(tags, self._region)
        self._texts: list[str] | None = None

    @property
    def locale(self) -> str:
        """The language and country of its numbers and dates, such as "de-DE"."""
        return self._region.locale.tag

    def has_cells(self, sheet: str) -> bool:
        """Whether any cell of a sheet has a value; a sheet without its part has none."""
        if not self._package.has(self._parts[sheet]):
            return False
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
        self._budget.file = in_file(self._file, sheet)
        if self._texts is None:
            self._texts = self._read_texts()
        grid, found = Grid(self._budget), Sheet(self._file, locale=self._region.locale.tag)
        styles = Styles(self._formats, self._texts, self._region, from_1904=self._from_1904)
        self._parse(sheet, _SheetReader(self._budget, grid, found, styles))
        self._budget.file = self._file
        found.columns, found.rows = grid.columns, grid.rows
        return found

    def _parse(self, sheet: str, reader: ElementReader) -> None:
        with self._package.open(self._parts[sheet]) as part:
            reader.read(part)

    def _attributes(self, part: str, *names: str) -> list[tuple[str, Mapping[str, str]]]:
        if not part:
            return []
        with self._package.open(part) as stream:
            return read_attributes(stream, self._budget, *names)

    def _related(self, kind: str) -> str:
        """The part that the workbook has for something; empty if it has none."""
        found = (one.target for one in self._relations if one.kind == kind)
        return next((part for part in found if self._package.has(part)), "")

    def _beside(self, main: str, name: str) -> str:
        """A part that no relation names, in the place where it usually is; empty if not there."""
        part = posixpath.join(posixpath.dirname(main), name)
        return part if self._package.has(part) else ""

    def _read_sheets(self, main: str) -> list[SheetEntry]:
        """The worksheets, and the part of the archive that holds each."""
        relations = {one.id: one for one in self._relations}
        sheets = []
        for tag, element in self._attributes(main, "workbookPr", "sheet"):
            if tag == "workbookPr" and "date1904" in element:  # an extension has the same name
                self._from_1904 = element["date1904"] in {"1", "true"}
            if tag != "sheet":
                continue
            relation = relations.get(_relation(element))
            if relation is not None and relation.kind != "worksheet":
                continue
            sheet = SheetEntry(
                element.get("name", ""), visible=element.get("state", "visible") == "visible"
            )
            self._parts[sheet.name] = relation.target if relation is not None else ""
            sheets.append(sheet)
        return sheets

    def _languages(self, styles: Sequence[tuple[str, Mapping[str, str]]]) -> Iterator[str]:
        """The languages of the workbook: what its properties say, then its program's own words."""
        for kind, element in (("core-properties", "language"), ("extended-properties", "lpstr")):
            for relation in self._package.relations(""):
                if relation.kind == kind and self._package.has(relation.target):
                    texts = self._words(relation.target, element)
                    yield from texts if element == "language" else [language_of_words(texts)]
        yield language_of_words(list(style_names(styles)))

    def _words(self, part: str, element: str) -> list[str]:
        reader = _WordReader(self._budget, element)
        try:
            with self._package.open(part) as stream:
                reader.read(stream)
        except SpreadsheetError:
            return []  # properties are no part of the table
        return reader.words

    def _read_texts(self) -> list[str]:
        """The texts that cells share."""
        part = self._related("sharedStrings")
        if not part:
            if any(one.kind == "sharedStrings" for one in self._relations):
                raise damaged(self._file, tr("the part with its texts is missing"))
            return []
        reader = _TextReader(self._budget)
        with self._package.open(part) as stream:
            reader.read(stream)
        return reader.texts


def _relation(element: Mapping[str, str]) -> str:
    """The id of the relation of an element; its prefix differs between programs."""
    return next((value for name, value in element.items() if name.endswith(":id")), "")


class _WordReader(ElementReader):
    """Reads the texts of all elements with one name."""

    def __init__(self, budget: Budget, element: str) -> None:
        super().__init__(budget)
        self.words: list[str] = []
        self._element = element

    def start(self, name: str, attributes: dict[str, str]) -> None:  # noqa: ARG002
        self.enter()
        if name.rpartition(":")[2] == self._element:
            self.collect()

    def end(self, name: str) -> None:
        self.leave()
        if name.rpartition(":")[2] == self._element:
            self.pause()
            self.budget.memory(_RANGE_BYTES)
            self.words.append(self.collected().strip())


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

    def __init__(self, budget: Budget, grid: Grid, sheet: Sheet, styles: Styles) -> None:
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
        elif local == "col" and attributes.get("hidden") in {"1", "true"}:
            self.budget.memory(_HIDDEN_BYTES)
            first, last = (integer(attributes.get(name)) - 1 for name in ("min", "max"))
            self._sheet.hidden_columns.append((first, last))
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
            raise outside(tr("row {row}", row=self._row + 1), self.budget.file)
        self._row_digits = str(self._row + 1)
        self._column = -1
        self._in_row = True
        if attributes.get("hidden") in {"1", "true"}:
            self.budget.memory(_HIDDEN_BYTES)
            self._sheet.hidden.append(self._row)

    def _row_number(self, digits: str) -> int:
        number = integer(digits)
        if not 1 <= number <= ROWS:
            raise outside(tr("row {digits}", digits=digits), self.budget.file, self._row + 2)
        return number

    def _start_cell(self, attributes: Mapping[str, str]) -> None:
        self._cells += 1
        name = attributes.get("r")
        if name is None:
            self._column += 1
            if self._column >= COLUMNS:
                raise outside(
                    tr("column {column:,}", column=self._column + 1),
                    self.budget.file,
                    self._row + 1,
                )
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
                text = self._styles.text(self._shared_text(raw), self._style)
                self._grid.put(self._row, self._column, text, shared=True)
        elif self._runs:
            text = self._styles.text(self.whole_text(), self._style)
            self._grid.put(self._row, self._column, text)
        elif raw:
            self._value(kind, raw)
        elif self._formula and kind not in {"str", "inlineStr"}:
            self._fault("", "formula")

    def _value(self, kind: str, raw: str) -> None:
        """A value that is in the cell itself."""
        if kind in {"", "n"}:
            self._number(kind, raw)
        elif kind == "str":
            self._grid.put(self._row, self._column, self._styles.text(raw, self._style))
        elif kind == "b":
            self._put(SeenCell(0, 0, self._truth(raw), regional=self._styles.guessed))
        elif kind == "d":
            self._put(self._styles.date(raw, self._style))
        elif kind == "e":
            self._fault(raw[:40], "error")
        else:
            name = cell_name(self._row, self._column)
            raise damaged(
                self.budget.file,
                tr('{name} has the unknown type "{kind}"', name=name, kind=kind[:20]),
            )

    def _number(self, kind: str, raw: str) -> None:
        seen = self._styles.number(raw, self._style)
        if seen.fault == "number":
            if not kind and is_text_value(raw):
                self._grid.put(self._row, self._column, self._styles.text(raw, self._style))
            else:
                self._fault(seen.text, "number")
            return
        self._put(seen)

    def _truth(self, raw: str) -> str:
        return self._styles.truth[raw not in {"1", "true"}]

    def _put(self, seen: SeenCell) -> None:
        """Write what a number, a date or a truth shows."""
        self._grid.put(self._row, self._column, seen.text, shared=True)
        if not seen.certain or seen.fault:
            self._sheet.note_uncertain(replace(seen, row=self._row, column=self._column))
        if seen.regional and self._sheet.guessed is None:
            self._sheet.guessed = replace(seen, row=self._row, column=self._column)

    def _shared_text(self, raw: str) -> str:
        texts = self._styles.texts
        index = int(raw) if len(raw) < 10 and raw.isascii() and raw.isdigit() else len(texts)
        if index >= len(texts):
            name = cell_name(self._row, self._column)
            raise damaged(
                self.budget.file,
                tr(
                    '{name} refers to the text "{raw}", and the workbook has {count:,}',
                    name=name,
                    raw=raw[:20],
                    count=len(texts),
                ),
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
