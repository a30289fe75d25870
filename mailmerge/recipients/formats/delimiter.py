"""A sample of text -> the delimiter between its cells.

csv.Sniffer is no help: it takes quadratic time on some texts, and guesses wrongly about doubled
quotation marks. Here each of four delimiters is tried with the csv module on a bounded sample, and
the one that makes a table wins.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from itertools import islice

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
_RECORDS = 200


def choose_delimiter(sample: str, header: str) -> str:
    """The delimiter under which the sample is most of a table; a comma where none makes columns.

    `header` is the name of a column that the table should have: a delimiter that separates it from
    its neighbours wins. The sample should end with a whole line.
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
