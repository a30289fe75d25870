"""Parquet -> a table, in batches; needs pyarrow, which the extra `parquet` installs."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mailmerge.errors import Problem, SpreadsheetError
from mailmerge.language import tr
from mailmerge.recipients.bounds import CELL_CHARACTERS, Bounds, too_large, too_long
from mailmerge.recipients.columns import Header, HeadRow, read_header
from mailmerge.recipients.formats import Format
from mailmerge.recipients.formats.values import nested_cell, plain_text
from mailmerge.recipients.input_file import InputFile, damaged
from mailmerge.recipients.table import BATCH_ROWS, Batch, Table, batch_rows
from mailmerge.settings import RecipientsSection
from mailmerge.wording import size_in_words

_SIGNATURE = b"PAR1"
_CELLS = 10_000_000
_CELLS_FOR_A_BYTE = 16
_TEXTS = re.compile(r"(dictionary<values=)?(large_)?(string|binary)\b.*")
_TEXT_BYTES = 4 * CELL_CHARACTERS  # UTF-8
_BATCH_BYTES = 8 << 20
_GROUPS = 10_000
_TABLE_BYTES = 1 << 30
_TABLE_FILE = 10 << 20
_OUT_OF_RANGE = object()


def _open_parquet(source: InputFile, section: RecipientsSection) -> Table:
    """Open a Parquet file; its rows are counted from 1.

    Raises:
        SpreadsheetError: pyarrow is missing, the file is damaged, or a column is missing.
    """
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise SpreadsheetError(
            tr("this is a Parquet file, and pyarrow is needed to read it"),
            file=source.file,
            hint=tr('pip install "mailmerge-toolkit[parquet]", or save the file as CSV'),
            code="parquet-missing",
        ) from error
    with source.open() as stream, _damage(source.file), parquet.ParquetFile(stream) as opened:
        names = list(opened.schema_arrow.names)
        texts = [one.name for one in opened.schema_arrow if _TEXTS.fullmatch(str(one.type))]
        _check_size(opened.metadata, source)
    header = read_header([HeadRow(0, names)], section, source.file)
    widest = _longest_texts(source, texts)
    return Table(source.file, header, lambda: _batches(source, header, widest), header.notices)


@contextmanager
def _damage(file: str) -> Iterator[None]:
    """Turn errors of pyarrow into a SpreadsheetError."""
    from pyarrow import ArrowException

    try:
        yield
    except (ArrowException, OSError, MemoryError) as error:
        raise damaged(file, str(error)[:200], tr("write the file again")) from error


def _check_size(metadata: Any, source: InputFile) -> None:
    """Refuse a table far larger than its file: a value repeated a million times takes no byte."""
    rows, columns = metadata.num_rows, metadata.num_columns
    groups = metadata.num_row_groups
    cells = rows * columns
    if cells > max(_CELLS, _CELLS_FOR_A_BYTE * source.size) or groups > _GROUPS:
        what = tr(
            "has {rows:,} rows of {columns:,} columns, in a file of {size:,} bytes",
            rows=rows,
            columns=columns,
            size=source.size,
        )
        raise too_large(what, source.file)
    most = Bounds.of(source.size).memory
    if any(metadata.row_group(index).total_byte_size > most for index in range(groups)):
        raise too_large(
            tr("has rows that take more than {most}", most=size_in_words(most)), source.file
        )


def _longest_texts(source: InputFile, names: list[str]) -> int:
    """The bytes of a row that has the longest text of each column.

    Rows share texts in a dictionary, one for each group of rows; its texts are measured before any
    row is read, because each row has a text of its own then.
    """
    import pyarrow.compute as pc
    from pyarrow import parquet

    widest = 1
    with (
        source.open() as stream,
        _damage(source.file),
        parquet.ParquetFile(stream, read_dictionary=names) as opened,
    ):
        for group in range(opened.num_row_groups if names else 0):
            first = next(opened.iter_batches(1, row_groups=[group], columns=names), None)
            longest = [
                (pc.max(pc.binary_length(column.dictionary)).as_py() or 0, name)
                for name, column in zip(names, first.columns, strict=True)
            ] if first else []  # fmt: skip
            for length, name in longest:
                if length > _TEXT_BYTES:
                    raise too_long(
                        tr("a cell of the column {name!r}", name=name), source.file, None
                    )
            widest = max(widest, sum(length for length, _ in longest))
    return widest


def _batches(source: InputFile, header: Header, widest: int) -> Iterator[Batch]:
    from pyarrow import parquet

    source.check_unchanged()
    size = max(1, min(batch_rows(len(header.columns)), _BATCH_BYTES // widest))
    first = 1
    left = _TABLE_BYTES * max(1, source.size // _TABLE_FILE)
    with source.open() as stream, _damage(source.file), parquet.ParquetFile(stream) as opened:
        for part in opened.iter_batches(size):
            left -= max(part.nbytes, len(part) * widest if size < BATCH_ROWS else 0)
            if left < 0:
                raise too_large(tr("has texts far larger than the file"), source.file, first)
            yield _batch(part, header, source.file, first)
            first += len(part)
    source.check_unchanged()


def _batch(part: Any, header: Header, file: str, first: int) -> Batch:
    numbers = range(first, first + len(part))
    columns: list[list[str]] = []
    problems: list[Problem] = []
    for name, column in zip(header.columns, part.columns, strict=True):
        cells = _cells(column)
        for number, cell in zip(numbers, cells, strict=True):
            if isinstance(cell, (list, dict, tuple, bytes)):
                problems.append(nested_cell(file, number, name))
            elif cell is _OUT_OF_RANGE or (isinstance(cell, float) and math.isinf(cell)):
                problems.append(_out_of_range(file, number, name))
        columns.append([_text(cell) for cell in cells])
    return Batch(numbers, columns, problems)


def _cells(column: Any) -> list[object]:
    """The values of a column; a date that Python does not know is `_OUT_OF_RANGE`."""
    import pandas as pd

    if hasattr(column, "dictionary_decode"):
        column = column.dictionary_decode()
    try:
        # Arrow's own kinds: pandas' would make 1.0 of a 1 that has an empty neighbour.
        return list(column.to_pandas(types_mapper=pd.ArrowDtype).tolist())
    except (ValueError, OverflowError, ArithmeticError):
        return [_value(cell) for cell in column]


def _value(cell: Any) -> object:
    try:
        return cell.as_py()
    except (ValueError, OverflowError, ArithmeticError):
        return _OUT_OF_RANGE


def _out_of_range(file: str, row: int, column: str) -> Problem:
    what, hint = (
        tr("the cell has a number or a date that is out of range"),
        tr("write it as a text"),
    )
    return Problem("error", "number-invalid", what, file, row, column, hint)


def _text(cell: object) -> str:
    import pandas as pd

    if type(cell) is str:
        return cell
    if cell is None or cell is pd.NA or cell is pd.NaT or cell is _OUT_OF_RANGE:
        return ""
    if isinstance(cell, float) and math.isnan(cell):
        return ""
    return plain_text(cell)


FORMAT = Format("Parquet", lambda head: head.startswith(_SIGNATURE), _open_parquet)
