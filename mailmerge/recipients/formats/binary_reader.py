"""A program that reads an XLS or XLSB workbook with python-calamine, in a process of its own.

    python -m mailmerge.recipients.formats.binary_reader FILE [SHEET]

It prints JSON, a value on each line: the list of sheets without SHEET, else the cells. A damaged
file can make the reader panic, end its process, or take all memory; so that process is not the one
that sends mail. `BinaryBook` is the other side.
"""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from mailmerge.errors import SpreadsheetError
from mailmerge.portable.limits import limit_process
from mailmerge.recipients.bounds import Bounds, too_large
from mailmerge.recipients.formats.binary_extent import Extent, xls_extents, xlsb_extent
from mailmerge.recipients.formats.compound_file import (
    BrokenChainError,
    CircleError,
    workbook_stream,
)
from mailmerge.recipients.formats.markup import cell_name
from mailmerge.recipients.formats.values import plain_text
from mailmerge.recipients.input_file import damaged

_BASE_MEMORY = 192 << 20
_MEMORY = 192 << 20
_SECONDS = 10
_PART_BYTES = 128 << 20


def _main(arguments: list[str]) -> None:
    """Print the sheets or the cells of a workbook; or the problem that it has."""
    path = Path(arguments[0])
    share = Bounds.of(path.stat().st_size).memory / Bounds.of(0).memory
    limit_process(_BASE_MEMORY + int(_MEMORY * share), int(_SECONDS * share))
    reason = "its reader stopped in the middle"
    try:
        try:
            _check_extents(path)
        except CircleError as error:
            raise damaged("", str(error)) from error
        except BrokenChainError as error:
            reason = str(error)  # perhaps the reader needs only what is there
        lines = _cells(path, arguments[1]) if len(arguments) > 1 else _sheets(path)
        for line in lines:
            _print(line)
    except SpreadsheetError as error:
        _print_error(error)
    except BaseException as error:  # the reader's panics are no Exception
        if type(error).__name__ != "PanicException":
            raise
        _print_error(damaged("", reason))


def _print(value: object) -> None:
    sys.stdout.write(f"{json.dumps(value)}\n")


def _print_error(error: SpreadsheetError) -> None:
    problem = error.problem
    _print({"error": [problem.message, problem.hint, problem.code, problem.row]})


def _check_extents(path: Path) -> None:
    cells = Bounds.of(path.stat().st_size).cells
    for extent in _extents(path):
        if extent.cells > cells:
            row, column = extent.far
            what = f"{extent.sheet} has a cell far from the others: {cell_name(row, column)}"
            raise too_large(what.strip(), "", row + 1)


def _extents(path: Path) -> Iterator[Extent]:
    if not zipfile.is_zipfile(path):
        yield from xls_extents(workbook_stream(path.read_bytes()) or b"")
        return
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.filename.startswith("xl/worksheets/") and entry.filename.endswith(".bin"):
                if entry.file_size > _PART_BYTES:
                    raise too_large("is too large for this format", "")
                yield xlsb_extent(archive.read(entry), Path(entry.filename).stem)


def _sheets(path: Path) -> Iterator[object]:
    """The name of each worksheet, whether it is visible, and whether it has cells."""
    from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    try:
        book = CalamineWorkbook.from_path(str(path))
        sheets = [one for one in book.sheets_metadata if one.typ == SheetTypeEnum.WorkSheet]
        for sheet in sheets:
            visible = sheet.visible == SheetVisibleEnum.Visible
            full = len(sheets) == 1 or book.get_sheet_by_name(sheet.name).height > 0
            yield [sheet.name, visible, full]
    except CalamineError as error:
        raise _refused(error) from error


def _cells(path: Path, name: str) -> Iterator[object]:
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
                yield [index, [(column, _text(value)) for column, value in cells]]
        yield {"merged": sheet.merged_cell_ranges or [], "numbers": sorted(numbers)}
    except CalamineError as error:
        raise _refused(error) from error


def _text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return plain_text(value)


def _refused(error: Exception) -> SpreadsheetError:
    from python_calamine import PasswordError

    if isinstance(error, PasswordError):
        return SpreadsheetError("", code="file-protected")
    return damaged("", str(error)[:200])


if __name__ == "__main__":
    _main(sys.argv[1:])
