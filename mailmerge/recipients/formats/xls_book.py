"""An XLS workbook of Excel 5 to 2003 -> the text that its cells show ([MS-XLS]).

The records of the workbook come first: sheets, formats, styles (XF), shared texts. Those of a sheet
follow: rows with their flags, cells with the number of their style. The numbers of cells are shown
as `number_format` says, as in XLSX. Only records that matter to a table are read; what they refer
to is checked, because a damaged file may refer to anything.
"""

from __future__ import annotations

import struct
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from math import isfinite

from mailmerge.errors import SpreadsheetError
from mailmerge.language import tr
from mailmerge.recipients.formats.markup import Range, SeenCell, cell_name
from mailmerge.recipients.formats.number_format import (
    GENERAL,
    Region,
    built_in_format,
)
from mailmerge.recipients.formats.office_styles import Styles
from mailmerge.recipients.formats.region import decide_region, language_of_country
from mailmerge.recipients.formats.xls_records import (
    CutOffError,
    TextReader,
    codec_of,
    records,
)
from mailmerge.recipients.input_file import damaged

_BEGIN, _END = 0x809, 0x0A
_PASSWORD, _DATES, _CODE_PAGE, _COUNTRY = 0x2F, 0x22, 0x42, 0x8C
_BOUND_SHEET, _TEXTS, _FORMAT, _STYLE = 0x85, 0xFC, 0x41E, 0xE0
_ROW, _COLUMNS, _MERGED, _STRING = 0x208, 0x7D, 0xE5, 0x207
_SHARED, _NUMBER, _PACKED, _SEVERAL = 0xFD, 0x203, 0x27E, 0xBD
_TRUTH, _LABEL, _RICH_LABEL = 0x205, 0x204, 0xD6
_FORMULAS = frozenset({0x06, 0x206, 0x406})
_EXCEL_97 = 0x600
_WORKSHEET = 0
_HIDDEN_ROW = 0x20
_ERRORS = {
    0: "#NULL!", 7: "#DIV/0!", 15: "#VALUE!", 23: "#REF!", 29: "#NAME?", 36: "#NUM!", 42: "#N/A",
    43: "#GETTING_DATA",
}  # fmt: skip
_CELL = struct.Struct("<HHH").unpack_from
_DOUBLE = struct.Struct("<d").unpack_from
_INTEGER = struct.Struct("<i").unpack_from
_SHORT = struct.Struct("<H").unpack_from
_LONG = struct.Struct("<I").unpack_from
_PAIRS = struct.Struct("<HH").unpack_from
_AREA = struct.Struct("<4H").unpack_from
_COLUMN = struct.Struct("<5H").unpack_from


@dataclass(frozen=True, slots=True)
class _XlsSheet:
    """A worksheet in the directory of the workbook: where its records start."""

    name: str
    visible: bool
    start: int


@dataclass(slots=True)
class SheetNotes:
    """What was noticed in a sheet besides the texts of its cells.

    Attributes:
        hidden: the rows that the sheet hides.
        hidden_columns: the columns that it hides: the first and the last of each run.
        merged: the areas of merged cells.
        faults: the cells that have no text.
        uncertain: the first cell of each column that Excel may show differently.
        guessed: the first cell that would look different in another region, if that is a guess.
    """

    hidden: list[int] = field(default_factory=list)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    merged: list[Range] = field(default_factory=list)
    faults: list[SeenCell] = field(default_factory=list)
    uncertain: dict[int, SeenCell] = field(default_factory=dict)
    guessed: SeenCell | None = None


class XlsBook:
    """One XLS workbook.

    Attributes:
        sheets: its worksheets, in their order.
        region: whose numbers and dates it shows.
    """

    def __init__(self, stream: bytes, locale: str) -> None:
        """Read the directory and the styles; `locale` is that under [recipients].

        Raises:
            SpreadsheetError: the workbook is protected, damaged, or of Excel 2 to 4.
            CampaignError: the locale is not known.
        """
        self._stream = stream
        self._globals = _Globals(stream)
        try:
            self._globals.read()
        except (CutOffError, struct.error, IndexError) as error:
            raise damaged("", tr("it is cut off")) from error
        self.sheets: Sequence[_XlsSheet] = self._globals.sheets
        self.region = decide_region(locale, [language_of_country(self._globals.country)])

    def has_cells(self, sheet: _XlsSheet) -> bool:
        """Whether any cell of a sheet has a value."""
        try:
            kinds = (kind for kind, _, _ in records(self._stream, sheet.start))
            depth = self._globals.depth_at(sheet.start)
            return any(kind in _CELLS for kind in _until_end(kinds, depth))
        except CutOffError:
            return True

    def rows(
        self, sheet: _XlsSheet, notes: SheetNotes
    ) -> Iterator[tuple[int, list[tuple[int, str]]]]:
        """The texts of each row: its number, and (column, text) for each cell that has one.

        A row may come in several pieces; `notes` is filled on the way.

        Raises:
            SpreadsheetError: the sheet is cut off, or refers to what is not there.
        """
        found = self._globals
        styles = Styles(
            found.codes(self.region), found.texts, self.region, from_1904=found.from_1904
        )
        try:
            yield from _SheetReader(self._stream, found, styles, notes).rows(sheet.start)
        except (CutOffError, struct.error, IndexError) as error:
            raise damaged("", tr("it is cut off")) from error


def _until_end(kinds: Iterator[int], depth: int) -> Iterator[int]:
    """The kinds of the records of one sheet, without those of a chart in it."""
    for kind in kinds:
        depth += (kind == _BEGIN) - (kind == _END)
        if kind == _END and depth <= 0:
            return
        if depth == 1:
            yield kind


_USUAL = frozenset({_SHARED, _NUMBER, _PACKED})
_CELLS = frozenset({_SHARED, _NUMBER, _PACKED, _SEVERAL, _TRUTH, _LABEL, _RICH_LABEL, *_FORMULAS})


class _Globals:
    """The records before those of the sheets."""

    def __init__(self, stream: bytes) -> None:
        self._stream = stream
        self.modern = True
        self.codec = "cp1252"
        self.country = 0
        self.from_1904 = False
        self.sheets: list[_XlsSheet] = []
        self.texts: list[str] = []
        self._formats: dict[int, str] = {}
        self._styles: list[int] = []

    def read(self) -> None:
        """Read them."""
        stream = self._stream
        if stream[:1] == b"\x09" and stream[1:2] in b"\x00\x02\x04":
            raise _too_old("")
        if len(stream) < 8 or _SHORT(stream, 0)[0] != _BEGIN:
            raise damaged("", tr("it has no workbook in it"))
        self.modern = _SHORT(stream, 4)[0] >= _EXCEL_97
        handlers = {
            _CODE_PAGE: self._code_page, _DATES: self._dates, _COUNTRY: self._land,
            _FORMAT: self._format, _STYLE: self._style, _BOUND_SHEET: self._sheet,
            _TEXTS: self._shared_texts,
        }  # fmt: skip
        for kind, body, end in records(stream, 0):
            if kind == _PASSWORD:
                raise SpreadsheetError("", code="file-protected")
            if kind == _END:
                break
            handler = handlers.get(kind)
            if handler is not None:
                handler(body, end)

    def depth_at(self, start: int) -> int:
        """0 where a sheet starts with its first record; some programs name the place behind it."""
        return int(self._stream[start : start + 2] != _BEGIN.to_bytes(2, "little"))

    def codes(self, region: Region) -> list[str]:
        """The number format of each cell style."""
        return [
            self._formats.get(number) or built_in_format(number, region) for number in self._styles
        ] or [GENERAL]

    def _code_page(self, body: int, _: int) -> None:
        self.codec = codec_of(_SHORT(self._stream, body)[0])

    def _dates(self, body: int, _: int) -> None:
        self.from_1904 = _SHORT(self._stream, body)[0] == 1

    def _land(self, body: int, _: int) -> None:
        self.country = _SHORT(self._stream, body + 2)[0]

    def _style(self, body: int, _: int) -> None:
        self._styles.append(_SHORT(self._stream, body + 2)[0])

    def _format(self, body: int, end: int) -> None:
        (number,) = _SHORT(self._stream, body)
        if self.modern:
            code = TextReader(self._stream, body + 2, end).text()
        else:
            length = self._stream[body + 2]
            code = self._stream[body + 3 : body + 3 + length].decode(self.codec, "replace")
        self._formats[number] = code

    def _sheet(self, body: int, end: int) -> None:
        (start,) = _LONG(self._stream, body)
        state, kind, length = self._stream[body + 4], self._stream[body + 5], self._stream[body + 6]
        if kind != _WORKSHEET:
            return
        raw = self._stream[body + 7 : end]
        if not self.modern:
            name = raw[:length].decode(self.codec, "replace")
        elif raw[0] & 1:
            name = raw[1 : 1 + 2 * length].decode("utf-16-le", "replace")
        else:
            name = raw[1 : 1 + length].decode("latin-1")
        self.sheets.append(_XlsSheet(name, not state & 3, start))

    def _shared_texts(self, body: int, end: int) -> None:
        (count,) = _LONG(self._stream, body + 4)
        reader = TextReader(self._stream, body, end)
        reader.skip(8)
        texts = self.texts
        while not reader.at_end():  # some programs count more than there are, or none
            texts.append(reader.text())
            if len(texts) == count:
                return
        if count and not texts:
            raise CutOffError


class _SheetReader:
    """Reads the records of one sheet."""

    def __init__(self, stream: bytes, book: _Globals, styles: Styles, notes: SheetNotes) -> None:
        self._stream = stream
        self._book = book
        self._styles = styles
        self._notes = notes
        self._changes_texts = styles.changes_texts
        self._shown: dict[tuple[float, int], str | None] = {}
        self._waiting: tuple[int, int, int] | None = None

    def rows(self, start: int) -> Iterator[tuple[int, list[tuple[int, str]]]]:
        """The texts of each row, in the order of the file; a row may come in several pieces."""
        place, cells = -1, list[tuple[int, str]]()
        for row, column, text in self._cells(start):
            if row != place:
                if cells:
                    yield place, cells
                place, cells = row, []
            if text:
                cells.append((column, text))
        if cells:
            yield place, cells

    def _cells(self, start: int) -> Iterator[tuple[int, int, str]]:
        """Row, column and text of each cell.

        A sheet may have millions of them, and nearly all are of three kinds: those are read here.
        """
        stream, number, shared = self._stream, self._number, self._shared
        depth = self._book.depth_at(start)
        for kind, body, end in records(stream, start):
            if kind in _USUAL and depth == 1:
                row, column, style = _CELL(stream, body)
                if kind == _SHARED:
                    text = shared(row, column, style, _LONG(stream, body + 6)[0])
                elif kind == _NUMBER:
                    text = number(row, column, style, _DOUBLE(stream, body + 6)[0])
                else:
                    text = number(row, column, style, _unpacked(stream, body + 6))
                yield row, column, text
            elif kind == _BEGIN:
                depth += 1
            elif kind == _END:
                depth -= 1
                if depth <= 0:
                    return
            elif depth == 1:  # else it is in a chart
                yield from self._unusual(kind, body, end)

    def _unusual(self, kind: int, body: int, end: int) -> Iterator[tuple[int, int, str]]:
        """The cells in a record of any other kind; most kinds have none."""
        if kind == _STRING and self._waiting is not None:
            row, column, style = self._waiting
            yield row, column, self._styles.text(self._text(body, end), str(style))
            self._waiting = None
        elif kind in _FORMULAS:
            self._waiting = yield from self._formula(body)
        else:
            yield from self._other(kind, body, end)

    def _other(self, kind: int, body: int, end: int) -> Iterator[tuple[int, int, str]]:
        stream = self._stream
        if kind == _SEVERAL:
            row, column = _PAIRS(stream, body)
            for at in range(body + 4, end - 7, 6):
                (style,) = _SHORT(stream, at)
                yield row, column, self._number(row, column, style, _unpacked(stream, at + 2))
                column += 1
        elif kind == _ROW:
            if _SHORT(stream, body + 12)[0] & _HIDDEN_ROW:
                self._notes.hidden.append(_SHORT(stream, body)[0])
        elif kind == _COLUMNS:
            first, last, _, _, flags = _COLUMN(stream, body)
            if flags & 1:
                self._notes.hidden_columns.append((first, last))
        elif kind == _MERGED:
            for at in range(body + 2, end - 7, 8):
                top, bottom, left, right = _AREA(stream, at)
                self._notes.merged.append(Range(top, left, bottom, right))
        elif kind in _CELLS:
            yield self._single(kind, body, end)

    def _single(self, kind: int, body: int, end: int) -> tuple[int, int, str]:
        """A cell that has a record of its own."""
        stream = self._stream
        row, column, style = _CELL(stream, body)
        if kind == _TRUTH:
            text = self._truth(row, column, stream[body + 6], is_error=stream[body + 7] == 1)
        else:
            text = self._styles.text(self._text(body + 6, end), str(style))
        return row, column, text

    def _formula(
        self, body: int
    ) -> Generator[tuple[int, int, str], None, tuple[int, int, int] | None]:
        """The result of a formula; returns the place of one whose text comes in the next record."""
        stream = self._stream
        row, column, style = _CELL(stream, body)
        if _SHORT(stream, body + 12)[0] != 0xFFFF:
            number = _DOUBLE(stream, body + 6)[0]
            yield row, column, self._number(row, column, style, number)
            return None
        kind, value = stream[body + 6], stream[body + 8]
        if kind in {1, 2}:
            yield row, column, self._truth(row, column, value, is_error=kind == 2)
        return (row, column, style) if kind == 0 else None

    def _shared(self, row: int, column: int, style: int, index: int) -> str:
        """A text that cells share."""
        texts = self._book.texts
        if index >= len(texts):
            what = tr(
                '{name} refers to the text "{index}", and the workbook has {count:,}',
                name=cell_name(row, column),
                index=index,
                count=len(texts),
            )
            raise damaged("", what)
        return self._styles.text(texts[index], str(style)) if self._changes_texts else texts[index]

    def _text(self, body: int, end: int) -> str:
        if self._book.modern:
            return TextReader(self._stream, body, end).text()
        (length,) = _SHORT(self._stream, body)
        raw = self._stream[body + 2 : min(body + 2 + length, end)]
        return raw.decode(self._book.codec, "replace")

    def _truth(self, row: int, column: int, value: int, *, is_error: bool) -> str:
        if is_error:
            text = _ERRORS.get(value) or tr("an error")
            self._notes.faults.append(SeenCell(row, column, text, fault="error"))
            return ""
        text = self._styles.truth[not value]
        if self._styles.guessed and self._notes.guessed is None:
            self._notes.guessed = SeenCell(row, column, text, regional=True)
        return text

    def _number(self, row: int, column: int, style: int, value: float) -> str:
        key = value, style
        text = self._shown.get(key)
        if text is None:
            if not isfinite(value):
                self._notes.faults.append(SeenCell(row, column, repr(value), fault="number"))
                return ""
            shown = self._styles.show_finite(value, style)
            text = shown.text
            known = not (shown.regional and self._styles.guessed) or self._notes.guessed is not None
            if shown.certain and known and abs(value) < _LARGE:
                if len(self._shown) < _REMEMBERED:
                    self._shown[key] = text
            else:
                self._note(self._styles.seen(shown, value, row, column))
        return text

    def _note(self, seen: SeenCell) -> None:
        if not seen.certain or seen.fault:
            self._notes.uncertain.setdefault(seen.column, seen)
        if seen.regional and self._notes.guessed is None:
            self._notes.guessed = seen


_REMEMBERED = 100_000
_LARGE = 1e15


def _unpacked(stream: bytes, at: int) -> float:
    """A number in four bytes: 30 bits of an integer or of a double, perhaps in hundredths."""
    (packed,) = _INTEGER(stream, at)
    if packed & 2:
        value = float(packed >> 2)
    else:
        value = float(_DOUBLE(struct.pack("<iI", 0, packed & 0xFFFFFFFC), 0)[0])
    return value / 100 if packed & 1 else value


def _too_old(file: str) -> SpreadsheetError:
    """The error of a workbook of Excel 2, 3 or 4."""
    return SpreadsheetError(
        tr("this is a workbook of Excel 2, 3 or 4, which is too old to be read"),
        file=file,
        hint=tr("open it in LibreOffice and save it as .xlsx"),
        code="format-unknown",
    )
