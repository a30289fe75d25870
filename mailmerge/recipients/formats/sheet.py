"""One sheet of a workbook -> columns of text, as the user sees them.

pandas and python-calamine read the values, but a sheet shows more than values: 00123 is the number
123 with a format, 34.30 is 34.3. If the file format keeps its markup in XML, the markup is read
too, and every number and date becomes the text that the sheet shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from mailmerge.errors import Problem, SpreadsheetError
from mailmerge.recipients.columns import HeadRow
from mailmerge.recipients.formats.markup import Layout, Range, SeenCell
from mailmerge.recipients.formats.values import plain_text
from mailmerge.recipients.input_file import InputFile, damaged
from mailmerge.settings import RecipientsSection

if TYPE_CHECKING:
    import pandas as pd


class Markup(Protocol):
    """The markup of a workbook: how its sheets look."""

    def layout(self, sheet: str) -> Layout:
        """The layout of the sheet with this name."""
        ...


@dataclass(slots=True)
class Sheet:
    """A sheet as columns of text, and what was noticed while reading it.

    Rows and columns are counted from 0.

    Attributes:
        file: the file in messages, with the sheet's name where the workbook has several.
        columns: the texts of each column.
        hidden: the rows that the sheet hides.
        merged: the areas of merged cells.
        faults: the cells that have no text.
        uncertain: for each column, the first cell that Excel may show differently.
        plain: the columns with numbers or dates whose format was not read.
    """

    file: str
    columns: list[list[str]]
    hidden: list[int] = field(default_factory=list)
    merged: list[Range] = field(default_factory=list)
    faults: list[SeenCell] = field(default_factory=list)
    uncertain: dict[int, SeenCell] = field(default_factory=dict)
    plain: list[int] = field(default_factory=list)

    @property
    def height(self) -> int:
        """The number of rows."""
        return len(self.columns[0]) if self.columns else 0

    def row(self, index: int) -> list[str]:
        """The cells of one row."""
        return [column[index] for column in self.columns]


def load_sheet(
    source: InputFile, section: RecipientsSection, markup: Markup | None
) -> tuple[Sheet, tuple[Problem, ...]]:
    """Read the sheet that `section` names; also return the notices about the choice.

    Raises:
        SpreadsheetError: the workbook is damaged or protected, or the choice is not clear.
    """
    import pandas as pd

    with _calamine_errors(source.file), pd.ExcelFile(source.path, engine="calamine") as workbook:
        name, several, notices = _choose_sheet(workbook, section.sheet, source.file)
        frame = pd.read_excel(
            workbook,
            sheet_name=name,
            header=None,
            dtype=object,
            keep_default_na=False,
            na_filter=False,
        )
        # Each call of get_sheet_by_name reads the whole sheet.
        merged = () if markup else workbook.book.get_sheet_by_name(name).merged_cell_ranges or ()
    file = f"{source.file}, sheet {name}" if several else source.file
    sheet = Sheet(file, [])
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
    """The sheet to read, whether there are others, and which hidden ones are not read."""
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
    hint = 'to read one, set sheet = "..." under [recipients]'
    return (Problem("warning", "sheet-hidden", what, file, hint=hint),)


def _which_sheet(what: str, file: str) -> SpreadsheetError:
    hint = 'set sheet = "..." under [recipients]'
    return SpreadsheetError(what, file=file, hint=hint, code="sheet-choice")


def _apply(layout: Layout, sheet: Sheet) -> None:
    """Replace values with the texts that the sheet shows."""
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


def drop_empty_columns(sheet: Sheet, header: HeadRow) -> None:
    """Remove columns at the right edge that have neither a name nor any text below it."""
    while sheet.columns and not header.cells[len(sheet.columns) - 1].strip():
        if any(cell.strip() for cell in sheet.columns[-1][header.number :]):
            return
        sheet.columns.pop()


def fill_merged(sheet: Sheet) -> None:
    """Write the text of merged cells into all of them."""
    for area in sheet.merged:
        columns = sheet.columns[area.left : area.right + 1]
        if not columns or area.top >= sheet.height:
            continue
        text = columns[0][area.top]
        for column in columns:
            for row in range(area.top, min(area.bottom + 1, sheet.height)):
                column[row] = text


@contextmanager
def _calamine_errors(file: str) -> Iterator[None]:
    """Turn errors of python-calamine into a SpreadsheetError."""
    from python_calamine import CalamineError, PasswordError

    try:
        yield
    except PasswordError as error:
        raise protected(file) from error
    except CalamineError as error:
        raise damaged(file, str(error)) from error


def protected(file: str) -> SpreadsheetError:
    """The error of a file that a password protects."""
    return SpreadsheetError(
        "the file is protected by a password",
        file=file,
        hint="open it in Excel or LibreOffice and save it without one",
        code="file-protected",
    )
