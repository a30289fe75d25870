"""Ledger -> the user's own spreadsheet, with the outcome of each row.

Cells and replies come from outside. If a spreadsheet program would take a text for a formula, it
gets an apostrophe in front. Control characters are replaced (CWE-1236).
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from mailmerge.errors import CampaignError
from mailmerge.ledger.interface import Deliveries
from mailmerge.ledger.states import Delivery
from mailmerge.private_files import open_private
from mailmerge.reports.status import FAILED
from mailmerge.reports.xlsx import write_workbook

_OUTCOME_COLUMNS: Final = ("status", "time", "reply", "message-id")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\0")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

_Write = Callable[[Path, list[str], Iterable[list[str]]], None]


def export(ledger: Deliveries, path: Path) -> int:
    """Write all rows to `path` (.csv or .xlsx), and return their number.

    The file has the columns and rows of the user's spreadsheet in the same order, followed by the
    columns status, time, reply and message-id.

    Raises:
        CampaignError: the file name has another ending, or the file cannot be written.
        LedgerError: the ledger cannot be read.
    """
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        raise CampaignError(
            f"{path.name} is neither .csv nor .xlsx",
            hint="use a file name with one of these endings",
            code="export",
        )
    deliveries = iter(ledger.iterate())
    first = next(deliveries, None)
    columns = list(first.cells) if first else []
    taken = {column.casefold() for column in columns}
    names = [f"mailmerge {name}" if name in taken else name for name in _OUTCOME_COLUMNS]
    rows = _Counted(_row(one, columns) for one in _chained(first, deliveries))
    _write(write, path, [*columns, *names], rows)
    return rows.count


def export_failed(ledger: Deliveries, path: Path) -> int:
    """Write the rejected and deferred rows as a spreadsheet for another send; return their number.

    Raises:
        CampaignError: the file cannot be written.
        LedgerError: the ledger cannot be read.
    """
    failed = [one for one in ledger.iterate() if one.state in FAILED]
    columns = list(failed[0].cells) if failed else []
    rows = ([one.cells.get(column, "") for column in columns] for one in failed)
    _write(_write_csv, path, columns, rows)
    return len(failed)


class _Counted:
    """Counts rows while they are iterated over."""

    def __init__(self, rows: Iterable[list[str]]) -> None:
        self._rows = rows
        self.count = 0

    def __iter__(self) -> Iterator[list[str]]:
        for row in self._rows:
            self.count += 1
            yield row


def _chained(first: Delivery | None, others: Iterable[Delivery]) -> Iterator[Delivery]:
    if first is not None:
        yield first
        yield from others


def _row(one: Delivery, columns: list[str]) -> list[str]:
    cells = [one.cells.get(column, "") for column in columns]
    return [*cells, one.state.value, _time(one.changed_at), one.reply, one.message_id]


def _time(at: float | None) -> str:
    """Return the local time with its offset, to the second (ISO 8601)."""
    return "" if at is None else datetime.fromtimestamp(at).astimezone().isoformat(" ", "seconds")


def _write(write: _Write, path: Path, columns: list[str], rows: Iterable[list[str]]) -> None:
    try:
        write(path, columns, rows)
    except OSError as error:
        raise CampaignError(
            f"{path.name} cannot be written: {error.strerror}",
            hint="choose a folder that you may write to",
            code="export",
        ) from error


def _write_csv(path: Path, columns: list[str], rows: Iterable[list[str]]) -> None:
    # Without a byte order mark, Excel reads the file in the machine's legacy code page.
    file = os.fdopen(open_private(path, "write"), "w", encoding="utf-8-sig", newline="")
    with file:
        writer = csv.writer(file)
        writer.writerow([_neutral(column) for column in columns])
        writer.writerows([_neutral(cell) for cell in row] for row in rows)


def _write_xlsx(path: Path, columns: list[str], rows: Iterable[list[str]]) -> None:
    with os.fdopen(open_private(path, "write"), "wb") as file:
        write_workbook(file, columns, rows)


_WRITERS: Final[Mapping[str, _Write]] = {".csv": _write_csv, ".xlsx": _write_xlsx}


def _neutral(cell: str) -> str:
    """Return the cell as text that is neither a formula nor a control of a terminal."""
    plain = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", cell)
    return f"'{plain}" if plain.startswith(_FORMULA) else plain
