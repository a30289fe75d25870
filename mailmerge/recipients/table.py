"""Batches of cells -> rows: what every kind of spreadsheet has in common.

A format's own module opens a file as a `Table`: the header, what there is to say about it, and the
cells in batches of some thousand rows, column by column, so that what is the same for every row is
done once for many.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import final

from mailmerge.errors import Problem, SpreadsheetError
from mailmerge.recipients.columns import Header


@final
@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row: its number as the person sees it (the header of a sheet is row 1), and its cells."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Batch:
    """Some consecutive rows: their numbers, their cells by column, and what is wrong among them.

    A problem of severity "error" belongs to a row that is not in `columns`; a warning may belong to
    one that is. `blank` counts rows without any text that are not in `columns`.
    """

    numbers: Sequence[int]
    columns: Sequence[Sequence[str]]
    problems: Sequence[Problem] = ()
    blank: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """An open spreadsheet: `file` for messages, its header, and a way to read its batches."""

    file: str
    header: Header
    batches: Callable[[], Iterator[Batch]]
    notices: tuple[Problem, ...] = ()


# What nobody sees in a cell, and what tells of damage: C0 without tab, CR and LF; DEL and C1;
# zero-width and bidirectional controls; the replacement character; lone surrogates.
_SUSPECT = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069\ufffd"
    "\ud800-\udfff]"
)


class RowReader:
    """Turns the batches of a table into rows and problems, in the order of the sheet.

    `blank` counts the rows without any text, which are passed over.
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
            if not cells[0].strip() and not "".join(cells).strip():
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
            if _SUSPECT.search("\n".join(column)) is None:
                continue
            for number, cell in zip(batch.numbers, column, strict=True):
                found = _SUSPECT.search(cell)
                if found is not None:
                    yield _about_character(found[0], cell, self._table.file, number, name)


def _about_character(character: str, cell: str, file: str, number: int, column: str) -> Problem:
    sign = f"U+{ord(character):04X}"
    if character == "\0" or "\ud800" <= character <= "\udfff":
        what, hint = f"the cell holds {sign}, which is no text", "type the cell anew"
        return Problem("error", "cell-not-text", what, file, number, column, hint)
    if character == "�":
        what = "the cell holds U+FFFD, the sign of a letter that was lost when the file was saved"
        return Problem("warning", "cell-damaged", what, file, number, column, "type the cell anew")
    before = cell[: cell.index(character)][-20:]
    what = f"the cell holds the invisible character {sign} after {before!r}"
    hint = "if it came along by copying, type the cell anew"
    return Problem("warning", "cell-invisible", what, file, number, column, hint)


def no_recipients(file: str, header: Header) -> SpreadsheetError:
    """The error of a table that has a header and nobody below it."""
    return SpreadsheetError(
        "there is nobody below the header",
        file=file,
        row=header.number or None,
        hint="add one row for each recipient",
        code="no-recipients",
    )
