"""Parquet -> a table, in batches; needs pyarrow, which the extra `parquet` installs."""

from __future__ import annotations

import math
from collections.abc import Iterator

from mailmerge.errors import SpreadsheetError
from mailmerge.recipients.columns import Header, HeadRow, read_header
from mailmerge.recipients.formats import Format
from mailmerge.recipients.formats.values import nested_cell, plain_text
from mailmerge.recipients.input_file import InputFile, damaged
from mailmerge.recipients.table import BATCH_ROWS, Batch, Table
from mailmerge.settings import RecipientsSection

_SIGNATURE = b"PAR1"


def _open_parquet(source: InputFile, section: RecipientsSection) -> Table:
    """Open a Parquet file; its rows are counted from 1.

    Raises:
        SpreadsheetError: pyarrow is missing, the file is damaged, or a column is missing.
    """
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise SpreadsheetError(
            "this is a Parquet file, and pyarrow is needed to read it",
            file=source.file,
            hint='pip install "mailmerge-toolkit[parquet]", or save the file as CSV',
            code="parquet-missing",
        ) from error
    try:
        with source.open() as stream, parquet.ParquetFile(stream) as opened:
            names = list(opened.schema_arrow.names)
    except (ArrowException, OSError) as error:
        raise damaged(source.file, str(error), "write the file again") from error
    header = read_header([HeadRow(0, names)], section, source.file)
    return Table(source.file, header, lambda: _batches(source, header), header.notices)


def _batches(source: InputFile, header: Header) -> Iterator[Batch]:
    import pandas as pd
    from pyarrow import parquet

    source.check_unchanged()
    first = 1
    with source.open() as stream, parquet.ParquetFile(stream) as opened:
        for part in opened.iter_batches(BATCH_ROWS):
            # Arrow's own kinds: pandas' would make 1.0 of a 1 that has an empty neighbour.
            frame = part.to_pandas(types_mapper=pd.ArrowDtype)
            numbers = range(first, first + len(frame))
            cells = [frame.iloc[:, index].tolist() for index in range(frame.shape[1])]
            nested = [
                nested_cell(source.file, number, name)
                for name, column in zip(header.columns, cells, strict=True)
                for number, cell in zip(numbers, column, strict=True)
                if isinstance(cell, (list, dict, tuple, bytes))
            ]
            yield Batch(numbers, [[_text(cell) for cell in column] for column in cells], nested)
            first += len(frame)
    source.check_unchanged()


def _text(cell: object) -> str:
    import pandas as pd

    if type(cell) is str:
        return cell
    if cell is None or cell is pd.NA or cell is pd.NaT:
        return ""
    if isinstance(cell, float) and math.isnan(cell):
        return ""
    return plain_text(cell)


FORMAT = Format("Parquet", lambda head: head.startswith(_SIGNATURE), _open_parquet)
