"""A program that reads an XLS or XLSB workbook in a process of its own.

    python -m mailmerge.recipients.formats.binary_reader FILE LOCALE [SHEET]

It prints JSON, a value on each line: the cells of SHEET, many rows on each line, then what was
noticed. Without SHEET it prints the list of sheets; if there is only one, its cells follow, so that
most workbooks need one process. XLS is read by `xls_book`, XLSB by python-calamine. A damaged file
can make a reader panic, end its process, or take all memory; so that process is not the one that
sends mail. `BinaryBook` is the other side.
"""

from __future__ import annotations

import json
import os
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import astuple
from functools import partial
from pathlib import Path

from mailmerge.errors import MailmergeError, SpreadsheetError
from mailmerge.language import from_environment, tr, use
from mailmerge.portable.limits import limit_process
from mailmerge.recipients.bounds import Bounds, too_large
from mailmerge.recipients.formats.binary_extent import Extent, xlsb_extent
from mailmerge.recipients.formats.compound_file import BrokenChainError, workbook_stream
from mailmerge.recipients.formats.markup import cell_name
from mailmerge.recipients.formats.values import plain_text
from mailmerge.recipients.formats.xls_book import SheetNotes, XlsBook
from mailmerge.recipients.input_file import damaged

# The name of the part that holds a protected file of any format, as an OLE2 directory writes it.
_PROTECTED = "EncryptedPackage".encode("utf-16-le")
_BASE_MEMORY = 192 << 20
_MEMORY = 192 << 20
_SECONDS = 10
_PART_BYTES = 128 << 20
_BATCH = 100

_Entry = tuple[str, bool, bool]
_Line = tuple[int, list[tuple[int, str]]] | dict[str, object]


def _main(arguments: list[str]) -> None:
    """Print the sheets or the cells of a workbook; or the problem that it has."""
    path = Path(arguments[0])
    use(from_environment(os.environ))
    share = Bounds.of(path.stat().st_size).memory / Bounds.of(0).memory
    limit_process(_BASE_MEMORY + int(_MEMORY * share), int(_SECONDS * share))
    try:
        for line in _lines(path, *arguments[1:]):
            _print(line)
    except MailmergeError as error:
        _print_error(error)
    except BaseException as error:  # the reader's panics are no Exception
        if type(error).__name__ != "PanicException":
            raise
        _print_error(damaged("", tr("its reader stopped in the middle")))


def _lines(path: Path, locale: str, sheet: str | None = None) -> Iterator[object]:
    if _is_archive(path):
        _check_extents(path)
        sheets: list[_Entry] = [] if sheet else list(_sheets(path))
        cells = partial(_cells, path)
    else:
        book = XlsBook(_stream(path), locale)
        sheets = [] if sheet else _xls_sheets(book)
        cells = partial(_xls_cells, book)
    if sheet is None:
        yield {"sheets": sheets}
        sheet = sheets[0][0] if len(sheets) == 1 else None
    if sheet is not None:
        yield from _batched(cells(sheet))


def _batched(lines: Iterator[_Line]) -> Iterator[object]:
    """Many rows on each line: a line of JSON costs more than what is in it."""
    batch: list[_Line] = []
    for line in lines:
        if isinstance(line, dict):
            yield batch
            yield line
            return
        batch.append(line)
        if len(batch) == _BATCH:
            yield batch
            batch = []


def _xls_sheets(book: XlsBook) -> list[_Entry]:
    """The name of each worksheet, whether it is visible, and whether it has cells."""
    return [
        (one.name, one.visible, len(book.sheets) == 1 or book.has_cells(one))
        for one in book.sheets
    ]  # fmt: skip


def _is_archive(path: Path) -> bool:
    """Whether the file begins as a ZIP file does; one may also be within an XLS file."""
    with path.open("rb") as stream:
        return stream.read(2) == b"PK"


def _stream(path: Path) -> bytes:
    """The stream of an XLS workbook; Excel 5 and older programs write it without an OLE2 file."""
    data = path.read_bytes()
    if data[:1] == b"\x09":
        return data
    if _PROTECTED in data:
        raise SpreadsheetError("", code="file-protected")
    try:
        return workbook_stream(data) or b""
    except BrokenChainError as error:
        raise damaged("", str(error)) from error


def _xls_cells(book: XlsBook, name: str) -> Iterator[_Line]:
    sheet = next(one for one in book.sheets if one.name == name)
    notes = SheetNotes()
    yield from book.rows(sheet, notes)
    yield {
        "merged": [((one.top, one.left), (one.bottom, one.right)) for one in notes.merged],
        "numbers": [],
        "hidden": notes.hidden,
        "hidden_columns": notes.hidden_columns,
        "faults": [astuple(seen) for seen in notes.faults],
        "uncertain": [astuple(seen) for seen in notes.uncertain.values()],
        "guessed": astuple(notes.guessed) if notes.guessed else None,
        "locale": book.region.locale.tag,
    }


def _print(value: object) -> None:
    sys.stdout.write(f"{json.dumps(value)}\n")


def _print_error(error: MailmergeError) -> None:
    problem = error.problem
    _print({"error": [problem.message, problem.hint, problem.code, problem.row]})


def _check_extents(path: Path) -> None:
    cells = Bounds.of(path.stat().st_size).cells
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.filename.startswith("xl/worksheets/") and entry.filename.endswith(".bin"):
                if entry.file_size > _PART_BYTES:
                    raise too_large(tr("is too large for this format"), "")
                _check_extent(xlsb_extent(archive.read(entry), Path(entry.filename).stem), cells)


def _check_extent(extent: Extent, cells: int) -> None:
    if extent.cells > cells:
        row, column = extent.far
        what = tr(
            "{sheet} has a cell far from the others: {place}",
            sheet=extent.sheet,
            place=cell_name(row, column),
        )
        raise too_large(what.strip(), "", row + 1)


def _sheets(path: Path) -> Iterator[_Entry]:
    """The name of each worksheet, whether it is visible, and whether it has cells."""
    from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    try:
        book = CalamineWorkbook.from_path(str(path))
        sheets = [one for one in book.sheets_metadata if one.typ == SheetTypeEnum.WorkSheet]
        for sheet in sheets:
            visible = sheet.visible == SheetVisibleEnum.Visible
            full = len(sheets) == 1 or book.get_sheet_by_name(sheet.name).height > 0
            yield sheet.name, visible, full
    except (CalamineError, OSError) as error:
        raise damaged("", str(error)[:200]) from error


def _cells(path: Path, name: str) -> Iterator[_Line]:
    """The cells of each row that has any, then the merged areas and the columns of numbers."""
    from python_calamine import CalamineError, CalamineWorkbook

    numbers: set[int] = set()
    try:
        sheet = CalamineWorkbook.from_path(str(path)).get_sheet_by_name(name)
        left = (sheet.start or (0, 0))[1]
        for index, row in enumerate(sheet.iter_rows() if sheet.start else ()):
            cells = [(left + n, value) for n, value in enumerate(row) if value != ""]
            numbers.update(column for column, value in cells if type(value) is not str)
            if cells:
                yield index, [(column, _text(value)) for column, value in cells]
        yield {"merged": sheet.merged_cell_ranges or [], "numbers": sorted(numbers)}
    except (CalamineError, OSError) as error:
        raise damaged("", str(error)[:200]) from error


def _text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return plain_text(value)


if __name__ == "__main__":
    _main(sys.argv[1:])
