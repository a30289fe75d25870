"""XLSX, XLS and OpenDocument -> a table: pandas and python-calamine read the values.

Values alone are not what the person sees: 00123 is the number 123 in a format, 34.30 is 34.3. For
XLSX and OpenDocument the markup is read once more and every number and date is shown as the sheet
shows it. An XLS file does not give that away here, and a notice says so.
"""

from __future__ import annotations

import datetime as dt
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from mailmerge.campaign import RecipientsSection
from mailmerge.errors import Problem, SpreadsheetError
from mailmerge.recipients.columns import Header, HeadRow, read_header
from mailmerge.recipients.formats.archive import check_archive
from mailmerge.recipients.formats.markup import Layout, Range, Seen, cell_name
from mailmerge.recipients.formats.number_format import GENERAL, show_number
from mailmerge.recipients.formats.office_open import OfficeOpenMarkup
from mailmerge.recipients.formats.open_document import OpenDocumentMarkup
from mailmerge.recipients.input_file import InputFile
from mailmerge.recipients.table import Batch, Table

if TYPE_CHECKING:
    import pandas as pd

_BATCH = 8192
_HEAD = 20
_MIMETYPE = "application/vnd.oasis.opendocument.spreadsheet"
# "EncryptedPackage", as an OLE2 directory writes it: how Office wraps what a password protects.
_PROTECTED = "EncryptedPackage".encode("utf-16-le")


class _Markup(Protocol):
    def layout(self, sheet: str) -> Layout: ...


@dataclass(slots=True)
class _Sheet:
    """A sheet as columns of text, and what was found on the way.

    `faults` are the cells that have no text: row (counted from 0) -> problem.
    """

    file: str
    columns: list[list[str]]
    hidden: list[int] = field(default_factory=list)
    merged: list[Range] = field(default_factory=list)
    faults: list[Seen] = field(default_factory=list)
    uncertain: dict[int, Seen] = field(default_factory=dict)
    plain: list[int] = field(default_factory=list)

    @property
    def height(self) -> int:
        return len(self.columns[0]) if self.columns else 0

    def row(self, index: int) -> list[str]:
        return [column[index] for column in self.columns]


def open_workbook(source: InputFile, section: RecipientsSection) -> Table:
    """Open an XLSX, XLSB or OpenDocument workbook.

    Raises:
        SpreadsheetError: it is protected, damaged, a bomb or no spreadsheet, or its sheet or its
            header is not clear.
    """
    names = check_archive(source)
    with source.open() as stream, zipfile.ZipFile(stream) as archive:
        markup: _Markup | None
        if "xl/workbook.xml" in names:
            markup = _office_open(archive, source.file)
        elif "xl/workbook.bin" in names:
            markup = None
        elif "content.xml" in names and _is_spreadsheet(archive):
            _refuse_protected_document(archive, source.file)
            markup = OpenDocumentMarkup(archive, source.file)
        else:
            raise _no_spreadsheet(source.file, names)
        return _open(source, section, markup)


def open_old_workbook(source: InputFile, section: RecipientsSection) -> Table:
    """Open an OLE2 file: an XLS workbook, or a protected one of any kind.

    Raises:
        SpreadsheetError: as for `open_workbook`.
    """
    with source.open() as stream:
        while block := stream.read(1 << 20):
            if _PROTECTED in block:
                raise _protected(source.file)
            if len(block) == 1 << 20:
                stream.seek(-len(_PROTECTED), 1)
    return _open(source, section, None)


def _office_open(archive: zipfile.ZipFile, file: str) -> OfficeOpenMarkup:
    try:
        return OfficeOpenMarkup(archive, file)
    except (KeyError, StopIteration, ValueError) as error:
        raise _damaged(file, f"a part is missing ({error})") from error


def _is_spreadsheet(archive: zipfile.ZipFile) -> bool:
    if "mimetype" not in archive.namelist():
        return False
    return archive.read("mimetype").decode("ascii", "replace").strip().startswith(_MIMETYPE)


def _refuse_protected_document(archive: zipfile.ZipFile, file: str) -> None:
    manifest = "META-INF/manifest.xml"
    if manifest in archive.namelist() and b":encryption-data" in archive.read(manifest):
        raise _protected(file)


def _open(source: InputFile, section: RecipientsSection, markup: _Markup | None) -> Table:
    with _understood(source.file):
        sheet, notices = _load(source, section, markup)
    head = [
        HeadRow(index + 1, sheet.row(index))
        for index in range(section.skip_rows, min(section.skip_rows + _HEAD, sheet.height))
    ]
    head = [line for line in head if line.filled]
    if head:
        _drop_empty_columns(sheet, head[0])
        head = [HeadRow(line.number, line.cells[: len(sheet.columns)]) for line in head]
    header = read_header(head, section, sheet.file)
    if section.fill_merged:
        _fill_merged(sheet)
    found = _problems(sheet, header, section)
    notices = (*notices, *header.notices, *_notices(sheet, header, section))
    return Table(sheet.file, header, lambda: _batches(sheet, header, section, found), notices)


# -- reading --------------------------------------------------------------------------------------


def _load(
    source: InputFile, section: RecipientsSection, markup: _Markup | None
) -> tuple[_Sheet, tuple[Problem, ...]]:
    import pandas as pd

    with pd.ExcelFile(source.path, engine="calamine") as workbook:
        name, several, notices = _choose_sheet(workbook, section.sheet, source.file)
        frame = pd.read_excel(
            workbook,
            sheet_name=name,
            header=None,
            dtype=object,
            keep_default_na=False,
            na_filter=False,
        )
        # Every look at a sheet reads it whole.
        merged = () if markup else workbook.book.get_sheet_by_name(name).merged_cell_ranges or ()
    file = f"{source.file}, sheet {name}" if several else source.file
    sheet = _Sheet(file, [])
    for index in range(frame.shape[1]):
        cells = frame[index].tolist()
        if markup is None and any(type(cell) is not str for cell in cells):
            sheet.plain.append(index)
        sheet.columns.append([c if type(c) is str else plain_text(c) for c in cells])
    sheet.merged = [Range(*start, *end) for start, end in merged]
    if markup is not None:
        _apply(markup.layout(name), sheet)
    source.check_unchanged()
    return sheet, notices


def _choose_sheet(
    workbook: pd.ExcelFile, wanted: str, file: str
) -> tuple[str, bool, tuple[Problem, ...]]:
    """The sheet to read, whether there are others, and which hidden ones are passed over."""
    from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    book: CalamineWorkbook = workbook.book
    sheets = [s for s in book.sheets_metadata if s.typ == SheetTypeEnum.WorkSheet]
    names = [sheet.name for sheet in sheets]
    if wanted:
        found = [name for name in names if name.casefold() == wanted.casefold()]
        if not found:
            shown = ", ".join(f'"{name}"' for name in names)
            raise _which_sheet(f'there is no sheet "{wanted}"; there are {shown}', file)
        return found[0], len(names) > 1, ()
    if len(names) == 1:
        return names[0], False, ()
    full = [sheet for sheet in sheets if book.get_sheet_by_name(sheet.name).height]
    visible = [sheet.name for sheet in full if sheet.visible == SheetVisibleEnum.Visible]
    hidden = [sheet.name for sheet in full if sheet.visible != SheetVisibleEnum.Visible]
    if len(visible) > 1:
        shown = ", ".join(f'"{name}"' for name in visible)
        raise _which_sheet(f"there are several sheets: {shown}", file)
    if not visible and not hidden:
        raise SpreadsheetError("the file is empty", file=file, code="file-empty")
    chosen = (visible or hidden)[0]
    return chosen, len(full) > 1, _hidden_sheets([name for name in hidden if name != chosen], file)


def _hidden_sheets(names: Sequence[str], file: str) -> tuple[Problem, ...]:
    if not names:
        return ()
    what = f"hidden sheets are not read: {', '.join(names)}"
    hint = 'sheet = "..." under [recipients] reads one'
    return (Problem("warning", "sheet-hidden", what, file, hint=hint),)


def _which_sheet(what: str, file: str) -> SpreadsheetError:
    hint = 'set sheet = "..." under [recipients]'
    return SpreadsheetError(what, file=file, hint=hint, code="sheet-choice")


def plain_text(value: object) -> str:
    """A value whose look is not known: dates as ISO 8601 has them, numbers without an exponent."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return show_number(repr(value), GENERAL).text
    if isinstance(value, dt.datetime):
        return value.isoformat(" ") if value.time() != dt.time() else value.date().isoformat()
    return str(value)


def _apply(layout: Layout, sheet: _Sheet) -> None:
    """Put the texts that a person sees in the place of the values."""
    height, width = sheet.height, len(sheet.columns)
    for seen in layout.cells:
        if seen.row >= height or seen.column >= width:
            if seen.fault == "formula":
                sheet.faults.append(seen)
            continue
        if seen.fault in {"formula", "error"}:
            sheet.faults.append(seen)
            continue
        sheet.columns[seen.column][seen.row] = seen.text
        if not seen.certain or seen.fault:
            sheet.uncertain.setdefault(seen.column, seen)
    sheet.hidden, sheet.merged = layout.hidden, layout.merged


def _drop_empty_columns(sheet: _Sheet, header: HeadRow) -> None:
    """Take away columns at the right edge that have neither a name nor any text below it."""
    while sheet.columns and not header.cells[len(sheet.columns) - 1].strip():
        if any(cell.strip() for cell in sheet.columns[-1][header.number :]):
            return
        sheet.columns.pop()


def _fill_merged(sheet: _Sheet) -> None:
    for area in sheet.merged:
        columns = sheet.columns[area.left : area.right + 1]
        if not columns or area.top >= sheet.height:
            continue
        text = columns[0][area.top]
        for column in columns:
            for row in range(area.top, min(area.bottom + 1, sheet.height)):
                column[row] = text


# -- judging --------------------------------------------------------------------------------------


def _problems(sheet: _Sheet, header: Header, section: RecipientsSection) -> list[Problem]:
    """What is wrong with single rows below the header, in their order."""
    left_out = set() if section.hidden_rows else set(sheet.hidden)
    found = [
        _fault(seen, sheet, header)
        for seen in sheet.faults
        if seen.row >= header.number and seen.row not in left_out
        and seen.column < len(header.columns)
    ]  # fmt: skip
    if not section.fill_merged:
        found += [
            _merged(area, sheet, header)
            for area in sheet.merged
            if area.bottom >= header.number - 1 and _holds_text(area, sheet)
        ]
    return sorted(found, key=lambda problem: problem.row or 0)


def _holds_text(area: Range, sheet: _Sheet) -> bool:
    if area.left >= len(sheet.columns) or area.top >= sheet.height:
        return False
    return bool(sheet.columns[area.left][area.top].strip())


def _fault(seen: Seen, sheet: _Sheet, header: Header) -> Problem:
    name, column = cell_name(seen.row, seen.column), header.columns[seen.column]
    if seen.fault == "formula":
        what = f"the formula in {name} is not calculated"
        hint, code = "open the file in Excel or LibreOffice and save it", "formula-not-calculated"
    else:
        what, hint, code = (
            f"{name} shows the error {seen.text}",
            "correct the formula",
            "cell-error",
        )
    return Problem("error", code, what, sheet.file, seen.row + 1, column, hint)


def _merged(area: Range, sheet: _Sheet, header: Header) -> Problem:
    what = f"the cells {area} are merged: only the first of them has a text"
    hint = "unmerge them, or set fill_merged = true under [recipients]"
    row, column = max(area.top, header.number - 1) + 1, header.columns[area.left]
    return Problem("error", "cells-merged", what, sheet.file, row, column, hint)


def _notices(sheet: _Sheet, header: Header, section: RecipientsSection) -> Iterator[Problem]:
    hidden = [row + 1 for row in sheet.hidden if header.number <= row < sheet.height]
    if hidden:
        shown = ", ".join(map(str, hidden[:10])) + (" ..." if len(hidden) > 10 else "")
        done = "included" if section.hidden_rows else "left out"
        hint = (
            f"hidden_rows = {str(not section.hidden_rows).lower()} under [recipients] changes that"
        )
        what = f"hidden rows are {done}: {len(hidden)} ({shown})"
        yield Problem("warning", "rows-hidden", what, sheet.file, hint=hint)
    for column, seen in sorted(sheet.uncertain.items()):
        if column < len(header.columns):
            yield _uncertain(seen, sheet, header.columns[column])
    plain = [header.columns[column] for column in sheet.plain if column < len(header.columns)]
    if plain:
        what = f"numbers and dates are read without their format, in {', '.join(plain)}"
        hint = "where 00123 or 34.30 matters, save the file as .xlsx"
        yield Problem("warning", "number-format", what, sheet.file, hint=hint)


def _uncertain(seen: Seen, sheet: _Sheet, column: str) -> Problem:
    name = cell_name(seen.row, seen.column)
    if seen.fault == "digits":
        what = f'{name} is read as "{seen.text}": a number keeps no more than 15 digits'
        hint = "make the column text and type such numbers anew"
        return Problem("warning", "digits-lost", what, sheet.file, seen.row + 1, column, hint)
    what = f'{name} is read as "{seen.text}", and may look otherwise in the sheet'
    hint = (
        "choose a format that is the same everywhere, such as yyyy-mm-dd, or make the column text"
    )
    return Problem("warning", "number-format", what, sheet.file, seen.row + 1, column, hint)


def _batches(
    sheet: _Sheet, header: Header, section: RecipientsSection, problems: Sequence[Problem]
) -> Iterator[Batch]:
    left_out = set() if section.hidden_rows else set(sheet.hidden)
    indexes = [row for row in range(header.number, sheet.height) if row not in left_out]
    waiting = list(problems)
    for start in range(0, max(len(indexes), 1), _BATCH):
        chosen = indexes[start : start + _BATCH]
        last = start + _BATCH >= len(indexes)
        here = [p for p in waiting if last or (p.row or 0) <= chosen[-1] + 1]
        waiting = waiting[len(here) :]
        columns = [[column[index] for index in chosen] for column in sheet.columns]
        yield Batch([index + 1 for index in chosen], columns, here)


# -- refusing -------------------------------------------------------------------------------------


@contextmanager
def _understood(file: str) -> Iterator[None]:
    """Say in words what python-calamine raises."""
    from python_calamine import CalamineError, PasswordError

    try:
        yield
    except PasswordError as error:
        raise _protected(file) from error
    except CalamineError as error:
        raise _damaged(file, str(error)) from error


def _protected(file: str) -> SpreadsheetError:
    return SpreadsheetError(
        "the file is protected by a password",
        file=file,
        hint="open it in Excel or LibreOffice and save it without one",
        code="file-protected",
    )


def _damaged(file: str, reason: str) -> SpreadsheetError:
    return SpreadsheetError(
        f"the file is damaged: {reason}",
        file=file,
        hint="open it in Excel or LibreOffice and save it anew",
        code="file-damaged",
    )


def _no_spreadsheet(file: str, names: frozenset[str]) -> SpreadsheetError:
    if any(name.endswith(".iwa") for name in names):
        what, hint = "this is a Numbers document", "export it from Numbers as Excel or CSV"
    elif "word/document.xml" in names:
        what, hint = "this is a Word document", "save its table as a spreadsheet"
    else:
        what, hint = "this is a ZIP file without a spreadsheet's parts", "unpack it first"
    return SpreadsheetError(what, file=file, hint=hint, code="format-unknown")
