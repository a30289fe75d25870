"""Batches of cells -> rows: the part that all formats of spreadsheets share.

The module of a format opens a file as a `Table`: the header, the notices about the file, and the
cells in batches of some thousand rows, column by column. So one operation on a column does the work
for thousands of rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import final

from mailmerge.errors import Problem, SpreadsheetError
from mailmerge.language import tr
from mailmerge.recipients.columns import Header

BATCH_ROWS = 8192
"""Rows in one batch of a format: enough to be fast, with little memory."""

_BATCH_CELLS = 1 << 20


def batch_rows(columns: int) -> int:
    """Rows in one batch of a table with so many columns: fewer where it is very wide."""
    return max(1, min(BATCH_ROWS, _BATCH_CELLS // max(columns, 1)))


@final
@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row: its number as the user sees it (the header of a sheet is row 1), and its cells."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Batch:
    """Some consecutive rows: their numbers, their cells by column, and their problems.

    A row with a problem of severity "error" is left out, whether it is in `columns` or not; a
    warning leaves its row in. `blank` counts rows without any text that are not in `columns`.
    `characters` is at least the length of all texts together; 0 says that it is not known.
    """

    numbers: Sequence[int]
    columns: Sequence[Sequence[str]]
    problems: Sequence[Problem] = ()
    blank: int = 0
    characters: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """An open spreadsheet: its name in messages, its header, and a way to read its batches.

    `locale` is the language of the numbers of a workbook, such as "de-DE"; "" for other files.

    Each call of `batches` reads the file from its first row. It raises SpreadsheetError if the file
    cannot be read beyond some row.
    """

    file: str
    header: Header
    batches: Callable[[], Iterator[Batch]]
    notices: tuple[Problem, ...] = ()
    locale: str = ""


# Invisible characters, and signs of damage: C0 without tab, CR and LF; DEL and C1; zero-width and
# bidirectional controls; the replacement character; lone surrogates.
_SUSPECT = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069\ufffd"
    "\ud800-\udfff]"
)
_SEARCHED = 1 << 23


class RowReader:
    """Turns the batches of a table into rows and problems, in the order of the sheet.

    Rows without any text are ignored; `blank` counts them.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self.blank = 0

    def __iter__(self) -> Iterator[SheetRow | Problem]:
        self.blank = 0
        for batch in self._table.batches():
            self.blank += batch.blank
            problems = [*batch.problems, *self._invisible(batch)]
            if problems:
                yield from self._merged(batch, problems)
            else:
                yield from self._rows(batch)

    def _rows(self, batch: Batch) -> Iterator[SheetRow]:
        names = self._table.header.columns
        blank = 0
        for number, cells in zip(batch.numbers, zip(*batch.columns, strict=True), strict=True):
            if not cells[0].strip() and not any(map(str.strip, cells)):
                blank += 1
                continue
            yield SheetRow(number, dict(zip(names, cells)))  # noqa: B905 - `_rows` is the hot loop
        self.blank += blank

    def _merged(self, batch: Batch, problems: list[Problem]) -> Iterator[SheetRow | Problem]:
        """Rows and problems by number; a row with an error is left out."""
        waiting = sorted(problems, key=lambda problem: problem.row or 0)
        refused = {problem.row for problem in problems if problem.severity == "error"}
        for row in self._rows(batch):
            while waiting and (waiting[0].row or 0) <= row.number:
                yield waiting.pop(0)
            if row.number not in refused:
                yield row
        yield from waiting

    def _invisible(self, batch: Batch) -> Iterator[Problem]:
        for name, column in zip(self._table.header.columns, batch.columns, strict=True):
            if not _suspicious(column, batch.characters):
                continue
            for number, cell in zip(batch.numbers, column, strict=True):
                found = _SUSPECT.search(cell)
                if found is not None:
                    yield _about_character(found[0], cell, self._table.file, number, name)


def _suspicious(column: Sequence[str], characters: int) -> bool:
    """Whether any text of a column has such a character; one search is the fastest."""
    if 0 < characters <= _SEARCHED or sum(map(len, column)) <= _SEARCHED:
        return _SUSPECT.search("\n".join(column)) is not None
    # Long texts are few, or many cells share them.
    return any(_SUSPECT.search(text) for text in set(column))


def _about_character(character: str, cell: str, file: str, number: int, column: str) -> Problem:
    sign = f"U+{ord(character):04X}"
    if character == "\0" or "\ud800" <= character <= "\udfff":
        what, hint = (
            tr("the cell contains {sign}, which is not text", sign=sign),
            tr("type the cell again"),
        )
        return Problem("error", "cell-not-text", what, file, number, column, hint)
    if character == "�":
        what = tr("the cell contains U+FFFD: a letter was lost when the file was saved")
        return Problem(
            "warning", "cell-damaged", what, file, number, column, tr("type the cell again")
        )
    before = cell[: cell.index(character)][-20:]
    what = tr(
        "the cell contains the invisible character {sign} after {before!r}",
        sign=sign,
        before=before,
    )
    hint = tr("if it was copied by accident, type the cell again")
    return Problem("warning", "cell-invisible", what, file, number, column, hint)


def no_recipients(file: str, header: Header) -> SpreadsheetError:
    """The error of a table that has a header and no rows below it."""
    return SpreadsheetError(
        tr("there are no rows below the header"),
        file=file,
        row=header.number or None,
        hint=tr("add one row for each recipient"),
        code="no-recipients",
    )
