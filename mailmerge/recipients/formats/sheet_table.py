"""A sheet -> a table: its header, its rows in batches, and the problems of both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mailmerge.errors import Problem
from mailmerge.recipients.columns import Header, HeadRow, read_header
from mailmerge.recipients.formats.sheet import (
    Markup,
    Sheet,
    drop_empty_columns,
    fill_merged,
    load_sheet,
)
from mailmerge.recipients.formats.sheet_problems import row_problems, sheet_notices
from mailmerge.recipients.input_file import InputFile
from mailmerge.recipients.table import BATCH_ROWS, Batch, Table
from mailmerge.settings import RecipientsSection

_HEAD = 20


def open_sheet(source: InputFile, section: RecipientsSection, markup: Markup | None) -> Table:
    """Open one sheet of a workbook; `markup` is None if the file format keeps it in binary form.

    Raises:
        SpreadsheetError: the workbook is damaged or protected, or its sheet or header is not clear.
    """
    sheet, notices = load_sheet(source, section, markup)
    head = [
        HeadRow(index + 1, sheet.row(index))
        for index in range(section.skip_rows, min(section.skip_rows + _HEAD, sheet.height))
    ]
    head = [line for line in head if line.filled]
    if head:
        drop_empty_columns(sheet, head[0])
        head = [HeadRow(line.number, line.cells[: len(sheet.columns)]) for line in head]
    header = read_header(head, section, sheet.file)
    if section.fill_merged:
        fill_merged(sheet)
    found = row_problems(sheet, header, section)
    notices = (*notices, *header.notices, *sheet_notices(sheet, header, section))
    return Table(sheet.file, header, lambda: _batches(sheet, header, section, found), notices)


def _batches(
    sheet: Sheet, header: Header, section: RecipientsSection, problems: Sequence[Problem]
) -> Iterator[Batch]:
    left_out = set() if section.hidden_rows else set(sheet.hidden)
    indexes = [row for row in range(header.number, sheet.height) if row not in left_out]
    waiting = list(problems)
    for start in range(0, max(len(indexes), 1), BATCH_ROWS):
        chosen = indexes[start : start + BATCH_ROWS]
        last = start + BATCH_ROWS >= len(indexes)
        here = [p for p in waiting if last or (p.row or 0) <= chosen[-1] + 1]
        waiting = waiting[len(here) :]
        columns = [[column[index] for index in chosen] for column in sheet.columns]
        yield Batch([index + 1 for index in chosen], columns, here)
