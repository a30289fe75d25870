"""Ledger -> who got it: a table, a JSON document, and the person's own spreadsheet given back.

Cells and replies come from strangers. In a spreadsheet a text that a program would take for a
formula gets an apostrophe in front; on a terminal no control character is shown.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from mailmerge.campaign import Campaign
from mailmerge.errors import CampaignError
from mailmerge.ledger.interface import Record
from mailmerge.ledger.states import Delivery, Standing, State
from mailmerge.reports.xlsx import write_workbook
from mailmerge.wording import one_line

OUTCOME_COLUMNS = ("status", "time", "reply", "message-id")
FAILED = frozenset({State.REJECTED, State.DEFERRED})

_WORDS = {
    State.PENDING: "still to be sent to",
    State.SENT: "taken by the server",
    State.REJECTED: "refused for good",
    State.DEFERRED: "refused for now; the next send tries again",
    State.IN_DOUBT: "may or may not have got it (docs/delivery.md)",
    State.SKIPPED: "not to be sent to",
}
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def to_json(campaign: Campaign, standing: Standing, *, holder: str = "") -> dict[str, Any]:
    """The document that `status --json` prints; every state is there, also at 0."""
    return {
        "campaign": campaign.name,
        "total": sum(standing.states.values()),
        "states": {state.value: count for state, count in standing.states.items()},
        "seconds": round(standing.seconds, 3),
        "check_seconds": round(standing.check_seconds, 3),
        "sending": holder,
    }


def table(states: Mapping[State, int]) -> str:
    """Counts and what they mean, one state a line; states at 0 are left out, except sent."""
    shown = [state for state in states if states[state] or state is State.SENT]
    width = max(len(f"{states[state]:,}") for state in shown)
    lines = [f"{states[state]:>{width},}  {state:<9}  {_WORDS[state]}" for state in shown]
    return "\n".join([*lines, f"{sum(states.values()):>{width},}  in all"])


def unfinished(people: Iterable[Delivery], most: int = 20) -> Iterator[str]:
    """One line for each of the first people who were not reached: row, address, state, reply."""
    shown = 0
    for one in people:
        if one.state in FAILED or one.state is State.IN_DOUBT:
            if shown == most:
                yield "... and more: --export FILE.csv lists everybody"
                return
            shown += 1
            yield one_line(f"row {one.row}  {one.address}  {one.state}  {one.reply}")


def neutral(text: str) -> str:
    """The text for a cell that no spreadsheet program runs (CWE-1236)."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def export(record: Record, path: Path) -> int:
    """Write everybody to `path` (.csv or .xlsx) and count them.

    It is the person's own spreadsheet: their columns in their order, their rows in theirs, with
    the columns status, time, reply and message-id behind them.

    Raises:
        CampaignError: the file has another ending, or cannot be written.
        LedgerError: the ledger cannot be read.
    """
    writers = {".csv": _write_csv, ".xlsx": _write_xlsx}
    if path.suffix.lower() not in writers:
        raise CampaignError(
            f"{path.name} is neither .csv nor .xlsx", hint="name the file so", code="export"
        )
    people = iter(record.iterate())
    first = next(people, None)
    columns = list(first.cells) if first else []
    taken = {column.casefold() for column in columns}
    names = [f"mailmerge {name}" if name in taken else name for name in OUTCOME_COLUMNS]
    rows = _Counted(_row(one, columns) for one in _chained(first, people))
    _guarded(path, lambda: writers[path.suffix.lower()](path, [*columns, *names], rows))
    return rows.count


def export_failed(record: Record, path: Path) -> int:
    """Write those who were rejected or deferred as a spreadsheet that can be sent to again.

    Raises:
        CampaignError: the file cannot be written.
        LedgerError: the ledger cannot be read.
    """
    failed = [one for one in record.iterate() if one.state in FAILED]
    columns = list(failed[0].cells) if failed else []
    rows = ([one.cells.get(column, "") for column in columns] for one in failed)
    _guarded(path, lambda: _write_csv(path, columns, rows))
    return len(failed)


class _Counted:
    """Rows that are counted as they go by."""

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
    """The local time with its offset, to the second (ISO 8601)."""
    return "" if at is None else datetime.fromtimestamp(at).astimezone().isoformat(" ", "seconds")


def _guarded(path: Path, write: Callable[[], None]) -> None:
    try:
        write()
    except OSError as error:
        raise CampaignError(
            f"{path.name} cannot be written: {error.strerror}", code="export"
        ) from error


def _private(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)


def _write_csv(path: Path, columns: list[str], rows: Iterable[list[str]]) -> None:
    # The mark of UTF-8 is for Excel, which reads anything else in the machine's old code page.
    with os.fdopen(_private(path), "w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([neutral(_plain(column)) for column in columns])
        writer.writerows([neutral(_plain(cell)) for cell in row] for row in rows)


def _plain(cell: str) -> str:
    """The cell without what a terminal obeys; its lines and tabs stay."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", cell)


def _write_xlsx(path: Path, columns: list[str], rows: Iterable[list[str]]) -> None:
    with os.fdopen(_private(path), "wb") as file:
        write_workbook(file, columns, rows)
