"""Records with named fields -> a table: for formats that have no header and no columns.

The columns are the names of all records, in the order in which they first appear. A record without
one of the names has an empty cell there. So opening the file reads it once, to collect the names.

A record that cannot be used is a `Problem` in its place: of severity "error", with its row. The row
is skipped and listed, and the records below it are still read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from mailmerge.errors import Problem, SpreadsheetError
from mailmerge.language import tr
from mailmerge.recipients.bounds import CELL_CHARACTERS, COLUMNS, too_large, too_long
from mailmerge.recipients.columns import Header, HeadRow, read_header
from mailmerge.recipients.formats.values import nested_cell
from mailmerge.recipients.input_file import InputFile
from mailmerge.recipients.table import Batch, Table, batch_rows
from mailmerge.settings import RecipientsSection

Record = tuple[int, Mapping[str, str | None]]
"""A row's number, and the text of each field; None where a field has several values."""

_CELLS = 10_000_000


def open_records(
    source: InputFile,
    section: RecipientsSection,
    read: Callable[[], Iterator[Record | Problem]],
    notices: tuple[Problem, ...] = (),
) -> Table:
    """The table of a file of records.

    Each call of `read` yields the records from the first one. A Problem in place of a record
    refuses this row only. `read` raises SpreadsheetError if the rest of the file cannot be read
    either, because the file is damaged or does not have its format.

        Raises:
            SpreadsheetError: from `read`; or there is no usable record, or a column is missing.
    """
    names = _all_names(read(), source)
    header = read_header([HeadRow(0, list(names))] if names else [], section, source.file)
    listed = tuple(names)
    return Table(
        source.file,
        header,
        lambda: _batches(source, header, listed, read),
        (*notices, *header.notices),
    )


def _all_names(records: Iterable[Record | Problem], source: InputFile) -> dict[str, None]:
    """The names of all records, in the order in which they first appear.

    Raises:
        SpreadsheetError: the table of all names and records is far larger than the file.
    """
    names: dict[str, None] = {}
    rows = 0
    for record in records:
        if isinstance(record, Problem):
            continue
        rows += 1
        names.update(dict.fromkeys(record[1]))
        if len(names) > COLUMNS:
            raise SpreadsheetError(
                tr("the records have more than {columns:,} names of fields", columns=COLUMNS),
                file=source.file,
                row=record[0],
                hint=tr("give all records the same names"),
                code="columns-too-many",
            )
    if rows * len(names) > max(_CELLS, source.size):
        what = tr(
            "has {rows:,} records, and {count:,} names that few of them share",
            rows=rows,
            count=len(names),
        )
        raise too_large(what, source.file)
    return names


def _batches(
    source: InputFile,
    header: Header,
    names: tuple[str, ...],
    read: Callable[[], Iterator[Record | Problem]],
) -> Iterator[Batch]:
    """The records as rows, `names` in the order of the columns."""
    source.check_unchanged()
    numbers: list[int] = []
    columns: list[list[str]] = [[] for _ in names]
    problems: list[Problem] = []
    size = batch_rows(len(names))
    for record in read():
        if isinstance(record, Problem):
            problems.append(record)
            continue
        number, fields = record
        numbers.append(number)
        for name, label, column in zip(names, header.columns, columns, strict=True):
            text = fields.get(name, "")
            if text is None:
                problems.append(nested_cell(source.file, number, label))
            elif len(text) > CELL_CHARACTERS:
                problems.append(too_long(tr("the cell"), source.file, number, label).problem)
                text = ""
            column.append(text or "")
        if len(numbers) == size:
            yield Batch(numbers, columns, problems)
            numbers, columns, problems = [], [[] for _ in names], []
    yield Batch(numbers, columns, problems)
    source.check_unchanged()
