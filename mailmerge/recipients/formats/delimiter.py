"""A sample of text -> the delimiter between its cells.

csv.Sniffer cannot be used: it takes quadratic time on some texts, and misreads doubled quotation
marks. So the csv module parses a bounded sample with each of four delimiters, and the one that
gives the most regular table wins.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from itertools import islice

from mailmerge.language import marked

DELIMITERS = {
    ",": marked("comma"),
    ";": marked("semicolon"),
    "\t": marked("tab"),
    "|": marked("vertical bar"),
}
"""The signs between cells, and their names."""

_RECORDS = 200


def choose_delimiter(sample: str, header: str) -> str:
    """The delimiter that makes the sample the most regular table; a comma if none makes columns.

    `header` is the name of a column that the table should have: a delimiter that separates it from
    its neighbours comes first. The sample should end with a whole line.
    """
    return max(DELIMITERS, key=lambda delimiter: _merit(sample, delimiter, header.casefold()))


def _merit(sample: str, delimiter: str, header: str) -> tuple[bool, bool, float, int]:
    records = _parse(sample, delimiter)
    if not records:
        return False, False, 0.0, 0
    widths = Counter(len(record) for record in records)
    width, often = widths.most_common(1)[0]
    if width == 1:
        return _has(records, header), False, 0.0, 1
    return _has(records, header), len(records[0]) == width, often / len(records), width


def _parse(sample: str, delimiter: str) -> list[list[str]]:
    records: list[list[str]] = []
    try:
        for record in islice(
            csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter), _RECORDS
        ):
            if record:
                records.append(record)  # noqa: PERF401 - keeps what was read before an error
    except csv.Error:
        pass
    return records


def _has(records: list[list[str]], header: str) -> bool:
    first = islice(records, 20)
    return any(cell.strip().casefold() == header for record in first for cell in record)
