"""One sheet of a workbook -> columns of text, as the user sees them."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mailmerge.errors import Problem, SpreadsheetError
from mailmerge.language import listed, tr
from mailmerge.recipients.bounds import Bounds, too_large
from mailmerge.recipients.columns import HeadRow
from mailmerge.recipients.formats.markup import Range, SeenCell
from mailmerge.recipients.input_file import InputFile
from mailmerge.settings import RecipientsSection


@dataclass(frozen=True, slots=True)
class SheetEntry:
    """A sheet in the directory of its workbook: its name, and whether the program shows it."""

    name: str
    visible: bool = True


class Book(Protocol):
    """An open workbook of any format."""

    @property
    def sheets(self) -> Sequence[SheetEntry]:
        """The worksheets, in their order."""
        ...

    def has_cells(self, sheet: str) -> bool:
        """Whether any cell of the sheet with this name has a value."""
        ...

    def read(self, sheet: str) -> Sheet:
        """Read the sheet with this name.

        Raises:
            SpreadsheetError: it is damaged or too large, or a cell is outside of it.
        """
        ...


@dataclass(slots=True)
class Sheet:
    """A sheet as columns of text, and what was noticed while reading it.

    Rows and columns are counted from 0. A column may end before the last row: the cells below its
    end are empty.

    Attributes:
        file: the file in messages, with the sheet's name where the workbook has several.
        columns: the texts of each column.
        rows: the rows that have a text, in ascending order; None if all have one.
        hidden: the rows that the sheet hides.
        hidden_columns: the columns that it hides: the first and the last of each run.
        merged: the areas of merged cells.
        faults: the cells that have no text.
        uncertain: for each column, the first cell that Excel may show differently.
        plain: the columns with numbers or dates whose format was not read.
        locale: the locale whose numbers and dates the cells show.
        guessed: the first cell that would look different in another locale, if that is a guess.
        left: how many columns at the left edge were dropped; places count them.
    """

    file: str
    columns: list[list[str]] = field(default_factory=list)
    rows: Sequence[int] | None = None
    hidden: list[int] = field(default_factory=list)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    merged: list[Range] = field(default_factory=list)
    faults: list[SeenCell] = field(default_factory=list)
    uncertain: dict[int, SeenCell] = field(default_factory=dict)
    plain: list[int] = field(default_factory=list)
    locale: str = ""
    guessed: SeenCell | None = None
    left: int = 0

    @property
    def height(self) -> int:
        """The number of rows, up to the last one with a text."""
        return max(map(len, self.columns), default=0)

    def cell(self, row: int, column: int) -> str:
        """The text of a cell; empty outside of the sheet."""
        column -= self.left
        if not 0 <= column < len(self.columns) or row >= len(self.columns[column]):
            return ""
        return self.columns[column][row]

    def row(self, index: int) -> list[str]:
        """The cells of one row."""
        return [column[index] if index < len(column) else "" for column in self.columns]

    def rows_from(self, first: int) -> Sequence[int]:
        """The rows with a text, from row `first` on."""
        if self.rows is None:
            return range(first, self.height)
        return [row for row in self.rows if row >= first]

    def drop_left(self, count: int) -> None:
        """Leave out columns at the left edge; the places of cells stay those of the sheet."""
        del self.columns[:count]
        self.left += count

    def note_uncertain(self, seen: SeenCell) -> None:
        """Keep the first uncertain cell of each column."""
        self.uncertain.setdefault(seen.column, seen)


def load_sheet(
    source: InputFile, section: RecipientsSection, book: Book
) -> tuple[Sheet, tuple[Problem, ...]]:
    """Read the sheet that `section` names; also return the notices about the choice.

    Raises:
        SpreadsheetError: the workbook is damaged or too large, or the choice is not clear.
    """
    name, several, notices = _choose_sheet(book, section.sheet, source.file)
    sheet = book.read(name)
    sheet.file = in_file(source.file, name) if several else source.file
    source.check_unchanged()
    return sheet, notices


def in_file(file: str, sheet: str) -> str:
    """The place of a problem in one of several sheets of a file."""
    return tr("{file}, sheet {sheet}", file=file, sheet=sheet)


def _choose_sheet(book: Book, wanted: str, file: str) -> tuple[str, bool, tuple[Problem, ...]]:
    """The sheet to read, whether there are others, and which hidden ones are not read."""
    names = [sheet.name for sheet in book.sheets]
    if wanted:
        found = [name for name in names if name.casefold() == wanted.casefold()]
        if not found:
            raise _which_sheet(
                tr(
                    'there is no sheet "{wanted}"; there are {names}',
                    wanted=wanted,
                    names=_listed(names),
                ),
                file,
            )
        return found[0], len(names) > 1, ()
    if len(names) == 1:
        return names[0], False, ()
    full = [sheet for sheet in book.sheets if book.has_cells(sheet.name)]
    visible = [sheet.name for sheet in full if sheet.visible]
    hidden = [sheet.name for sheet in full if not sheet.visible]
    if len(visible) > 1:
        raise _which_sheet(
            tr("there are several sheets: {visible}", visible=_listed(visible)), file
        )
    if not visible and not hidden:
        raise SpreadsheetError(tr("the file is empty"), file=file, code="file-empty")
    chosen = (visible or hidden)[0]
    return chosen, len(full) > 1, _hidden_sheets([name for name in hidden if name != chosen], file)


def _listed(names: Sequence[str]) -> str:
    shown = listed(f'"{name[:40]}"' for name in names[:_LISTED])
    return (
        tr("{shown} and {count} more", shown=shown, count=len(names) - _LISTED)
        if len(names) > _LISTED
        else shown
    )


_LISTED = 20


def _hidden_sheets(names: Sequence[str], file: str) -> tuple[Problem, ...]:
    if not names:
        return ()
    shown = listed(name[:40] for name in names[:_LISTED])
    what = tr("hidden sheets are not read: {shown}", shown=shown)
    hint = tr('to read one, set sheet = "..." under [recipients]')
    return (Problem("warning", "sheet-hidden", what, file, hint=hint),)


def _which_sheet(what: str, file: str) -> SpreadsheetError:
    hint = tr('set sheet = "..." under [recipients]')
    return SpreadsheetError(what, file=file, hint=hint, code="sheet-choice")


def drop_empty_columns(sheet: Sheet, header: HeadRow) -> None:
    """Remove columns at both edges that have neither a name nor any text below it."""

    def empty(index: int, name: str) -> bool:
        below = sheet.columns[index][header.number :]
        return not name.strip() and not any(cell.strip() for cell in below)

    while sheet.columns and empty(-1, header.cells[len(sheet.columns) - 1]):
        sheet.columns.pop()
    margin = 0
    while margin < len(sheet.columns) and empty(margin, header.cells[margin]):
        margin += 1
    sheet.drop_left(margin)


def fill_merged(sheet: Sheet, bounds: Bounds) -> None:
    """Write the text of merged cells into all of them.

    Raises:
        SpreadsheetError: they are more than the sheet may have.
    """
    height, left = sheet.height, bounds.cells
    filled: set[int] = set()
    for area in sheet.merged:
        text = sheet.cell(area.top, area.left)
        rows = range(area.top, min(area.bottom + 1, height))
        columns = sheet.columns[
            max(area.left - sheet.left, 0) : max(area.right + 1 - sheet.left, 0)
        ]
        if not columns or not rows:
            continue
        for column in columns:
            end = rows.stop if text else min(rows.stop, len(column))
            left -= max(end - rows.start, 0)
            if left < 0:
                what = tr("has merged areas of more than {cells:,} cells", cells=bounds.cells)
                raise too_large(what, sheet.file, area.top + 1)
            if end > rows.start:
                column.extend([""] * (end - len(column)))
                column[rows.start : end] = [text] * (end - rows.start)
        if text:
            filled.update(rows)
    if sheet.rows is not None and filled:
        sheet.rows = array("I", sorted(filled.union(sheet.rows)))


def protected(file: str) -> SpreadsheetError:
    """The error of a file that a password protects."""
    return SpreadsheetError(
        tr("the file is protected by a password"),
        file=file,
        hint=tr("open it in Excel or LibreOffice and save it without one"),
        code="file-protected",
    )
