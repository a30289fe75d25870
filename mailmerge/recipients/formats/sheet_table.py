"""A sheet -> a table: its header, its rows in batches, and the problems of both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from mailmerge.errors import Problem, SpreadsheetError
from mailmerge.language import tr
from mailmerge.recipients.bounds import Bounds
from mailmerge.recipients.columns import (
    Header,
    HeadRow,
    column_letters,
    index_notice,
    read_header,
    starts_with_index,
)
from mailmerge.recipients.formats.markup import cell_name
from mailmerge.recipients.formats.sheet import (
    Book,
    Sheet,
    drop_empty_columns,
    fill_merged,
    load_sheet,
)
from mailmerge.recipients.formats.sheet_problems import row_problems, sheet_notices
from mailmerge.recipients.formats.sheet_shape import shape_notices
from mailmerge.recipients.input_file import InputFile
from mailmerge.recipients.table import Batch, Table, batch_rows
from mailmerge.settings import RecipientsSection

_HEAD = 20


def open_sheet(source: InputFile, section: RecipientsSection, book: Book, bounds: Bounds) -> Table:
    """Open one sheet of a workbook.

    Raises:
        SpreadsheetError: the workbook is damaged, protected or too large, or its sheet or header is
            not clear.
    """
    sheet, notices = load_sheet(source, section, book)
    head = [
        HeadRow(index + 1, sheet.row(index))
        for index in range(section.skip_rows, min(section.skip_rows + _HEAD, sheet.height))
    ]
    head = [line for line in head if line.filled]
    if head:
        drop_empty_columns(sheet, head[0])
        edge = sheet.left + len(sheet.columns)
        head = [HeadRow(one.number, one.cells[:edge]).without_left(sheet.left) for one in head]
    indexed: tuple[Problem, ...] = ()
    if starts_with_index(head):
        indexed = (index_notice(head[0], sheet.file),)
        sheet.drop_left(1)
        head = [line.without_left(1) for line in head]
    header = _read_header(head, section, sheet)
    if section.fill_merged:
        fill_merged(sheet, bounds)
    found = row_problems(sheet, header, section)
    notices = (*notices, *indexed, *header.notices, *sheet_notices(sheet, header, section))
    notices = (*notices, *shape_notices(sheet, header, section))
    return Table(
        sheet.file,
        header,
        lambda: _batches(sheet, header, section, found),
        notices,
        sheet.locale,
    )


def _read_header(head: Sequence[HeadRow], section: RecipientsSection, sheet: Sheet) -> Header:
    """Read the header; a text in a column without a name is named by its cell."""
    try:
        return read_header(head, section, sheet.file)
    except SpreadsheetError as error:
        stray = _stray_cell(sheet, head[0]) if error.problem.code == "column-unnamed" else None
        if stray is None:
            raise
        row, column = stray
        what = tr(
            "column {column} has no name, but {row} has text",
            column=column_letters(column),
            row=cell_name(row, column),
        )
        problem = replace(error.problem, message=what, row=row + 1)
        problem = replace(problem, hint=tr("name the column, or delete the text"))
        raise SpreadsheetError.from_problem(problem) from error


def _stray_cell(sheet: Sheet, header: HeadRow) -> tuple[int, int] | None:
    """The first text below the header in a column without a name."""
    for column, texts in enumerate(sheet.columns, sheet.left):
        if not header.cells[column - sheet.left].strip():
            below = islice(enumerate(texts), header.number, None)
            row = next((row for row, text in below if text.strip()), None)
            if row is not None:
                return row, column
    return None


def _batches(
    sheet: Sheet, header: Header, section: RecipientsSection, problems: Sequence[Problem]
) -> Iterator[Batch]:
    left_out = set() if section.hidden_rows else set(sheet.hidden)
    rows = sheet.rows_from(header.number)
    if left_out:
        rows = [row for row in rows if row not in left_out]
    blank = sheet.height - header.number - len(left_out.intersection(
        range(header.number, sheet.height))) - len(rows)  # fmt: skip
    waiting = list(problems)
    size = batch_rows(len(sheet.columns))
    for start in range(0, max(len(rows), 1), size):
        chosen = rows[start : start + size]
        last = start + size >= len(rows)
        here = [p for p in waiting if last or (p.row or 0) <= chosen[-1] + 1]
        waiting = waiting[len(here) :]
        columns = [_chosen(column, chosen) for column in sheet.columns]
        yield Batch([index + 1 for index in chosen], columns, here, blank if last else 0)


def _chosen(column: Sequence[str], rows: Sequence[int]) -> list[str]:
    """The texts of some rows; a column may end before the last of them."""
    if rows and rows[-1] < len(column):
        return [column[row] for row in rows]
    end = len(column)
    return [column[row] if row < end else "" for row in rows]
