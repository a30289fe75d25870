"""Ledger -> the user's own spreadsheet: with the outcome of each row, or the failed rows alone.

Cells and replies come from outside, and a spreadsheet program runs some texts as formulas
(CWE-1236). The same cells must come back unchanged if the file is sent to again: with an apostrophe
in front, `-x@example.org` is another mailbox. No CSV file can do both, so there are two kinds:

* XLSX: if the campaign's spreadsheet is a workbook that has not changed since, the export is this
  workbook with more columns (original.py). Otherwise every cell is stored as text by its type. It
  is safe to open, and it is unchanged. Times are real dates, and rejected rows are red.
* CSV of `export`: to look at. A text that may be taken for a formula gets an apostrophe in front,
  and control characters are replaced.
* CSV of `export_failed`: to send to. Every cell is unchanged. It is written as campaign.toml says
  that the campaign's spreadsheet is read (encoding, delimiter, skip_rows).
"""

from __future__ import annotations

import codecs
import csv
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from mailmerge.errors import CampaignError, SpreadsheetError
from mailmerge.language import tr
from mailmerge.ledger.examination import Salvaged
from mailmerge.ledger.interface import Deliveries
from mailmerge.ledger.refused_copies import in_words
from mailmerge.ledger.states import Delivery, State, reported_state
from mailmerge.library_messages import hint_for_held, smtp_message, system_reason
from mailmerge.portable.clock import local_time
from mailmerge.private_files import open_private
from mailmerge.recipients.input_file import find_campaign_file
from mailmerge.recipients.recipient import Row
from mailmerge.reports.original import OriginalWorkbook, open_original
from mailmerge.reports.status import FAILED
from mailmerge.reports.xlsx import Cell, write_workbook
from mailmerge.settings import RecipientsSection, Settings

_OUTCOME_COLUMNS: Final = ("status", "time", "reply", "message-id", "server_id")
_AFTER_COLUMNS: Final = ("after", "after_at", "after_reason")
_COPIES_COLUMN: Final = "copies_refused"
"""A further column of an export of a campaign of which copies were refused."""

_SALVAGED_COLUMNS: Final = (
    "row", "address", "status", "time", "reply", "message-id", "server_id", "copies_refused",
    "date", "damaged",
)  # fmt: skip
_FORMULA: Final = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\u2212")
"""Signs with which a formula begins, with the full-width forms that East Asian versions accept."""

_SPACE: Final = ("\t", "\r", "\n", "\0")
"""Characters that some programs drop before they look for a formula."""

_LONGEST_XLSX_CELL: Final = 32_767
_SHEET: Final = "recipients"
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

_REASON: Final = "mailmerge reason"
"""The column of `export_failed` that says why; the name is none of a user's own columns."""

_Write = Callable[[Path, list[str], Iterable[Sequence[Cell]]], None]


def refuse_existing(path: Path) -> None:
    """Raise CampaignError if there is such a file."""
    if path.exists():
        raise CampaignError(
            tr("{name} exists already", name=path.name),
            hint=tr("choose another name, or add --force to replace it"),
            code="export",
        )


def export(ledger: Deliveries, path: Path, campaign: Settings | None = None) -> int:
    """Write all rows to `path` (.csv or .xlsx), and return their number.

    Each row of a group has the outcome of the group's message.

    The file has the columns and rows of the user's spreadsheet in the same order, followed by the
    columns status, time, reply, message-id, server_id, after, after_at and after_reason, and
    copies_refused if the server refused copies. If the spreadsheet of `campaign` is a workbook and
    has not changed, an .xlsx file is a copy of it with these columns.

    Raises:
        CampaignError: the file name has another ending, it is the campaign's spreadsheet, or the
            file cannot be written.
        LedgerError: the ledger cannot be read.
    """
    write = _writer_for(path)
    source = _source_of(campaign)
    if source is not None and _is_same(source, path):
        raise CampaignError(
            tr("{name} is the campaign's own spreadsheet", name=path.name),
            hint=tr("choose another name for the export"),
            code="export",
        )
    columns = _columns(ledger.iterate())
    taken = {column.casefold() for column in columns}
    outcome: tuple[str, ...] = (*_OUTCOME_COLUMNS, *_AFTER_COLUMNS)
    if any(one.copies_refused for one in ledger.iterate()):
        outcome += (_COPIES_COLUMN,)
    names = [f"mailmerge {name}" if name in taken else name for name in outcome]
    if campaign is not None and source is not None and path.suffix.lower() == ".xlsx":
        deliveries, cells = dict[int, Delivery](), dict[int, Mapping[str, str]]()
        one_for_each_row = True
        for one, row in _rows_of(ledger.iterate()):
            one_for_each_row &= row.number not in deliveries
            deliveries[row.number], cells[row.number] = one, row.cells
        original = open_original(source, campaign.recipients, cells) if one_for_each_row else None
        if original is not None:
            _write(partial(_write_original, original, deliveries), path, names, ())
            return len(deliveries)
    rows = _Counted(
        _row(one, row.cells, columns, len(outcome)) for one, row in _rows_of(ledger.iterate())
    )
    _write(write, path, [*columns, *names], rows)
    return rows.count


def _source_of(campaign: Settings | None) -> Path | None:
    if campaign is None or campaign.recipients.file == "-":
        return None
    try:
        return find_campaign_file(campaign.folder, campaign.recipients.file)
    except SpreadsheetError:
        return None


def _is_same(source: Path, path: Path) -> bool:
    try:
        return path.samefile(source)
    except OSError:  # one of them does not exist
        return False


def _write_original(
    original: OriginalWorkbook,
    deliveries: Mapping[int, Delivery],
    path: Path,
    names: list[str],
    _: Iterable[Sequence[Cell]],
) -> None:
    outcomes = {row: _outcome(one)[: len(names)] for row, one in deliveries.items()}
    rejected = {row for row, one in deliveries.items() if one.state is State.REJECTED}
    original.add(names, outcomes, rejected)
    with os.fdopen(open_private(path, "write"), "wb") as file:
        original.save(file)


def export_failed(ledger: Deliveries, path: Path, section: RecipientsSection | None = None) -> int:
    """Write the rows that were refused or could not be made, for another send; return their number.

    No cell is changed; the reason stands in a last column. A path that ends in .xlsx makes a
    workbook, any other a CSV file. `section` says how the campaign reads its spreadsheet.

    Raises:
        CampaignError: the file cannot be written, or a cell does not fit into it.
        LedgerError: the ledger cannot be read.
    """
    section = section or RecipientsSection()
    failed = [one for one in ledger.iterate() if one.state in FAILED or one.unmade]
    columns = [column for column in _columns(failed) if column != _REASON]
    rows = [
        [*(row.cells.get(column, "") for column in columns), _neutral(smtp_message(one.reply))]
        for one, row in _rows_of(failed)
    ]
    columns.append(_REASON)
    if path.suffix.lower() == ".xlsx":
        rows = [[*row[:-1], row[-1][:_LONGEST_XLSX_CELL]] for row in rows]
        _refuse_long_cells(path, rows)
        _write(partial(_write_xlsx, section=section), path, columns, rows)
    else:
        _write(partial(_write_unchanged, section=section), path, columns, rows)
    return len(rows)


def _rows_of(deliveries: Iterable[Delivery]) -> Iterator[tuple[Delivery, Row]]:
    """Each row with its delivery, in the order of the spreadsheet."""
    grouped: list[tuple[Delivery, Row]] = []
    for one in deliveries:
        if one.rows:
            grouped += [(one, row) for row in one.rows]
        else:
            yield one, Row(one.row, one.cells)
    yield from sorted(grouped, key=lambda pair: pair[1].number)


def _columns(deliveries: Iterable[Delivery]) -> list[str]:
    """All columns, in their order; a column that was added later is in some rows only."""
    columns: dict[str, None] = {}
    for one in deliveries:
        cells = one.all_rows[0].cells
        if cells.keys() != columns.keys():
            columns |= dict.fromkeys(cells)
    return list(columns)


def _refuse_long_cells(path: Path, rows: Iterable[list[str]]) -> None:
    for row in rows:
        if any(len(cell) > _LONGEST_XLSX_CELL for cell in row):
            raise CampaignError(
                tr(
                    "{name} cannot be written: a cell has more than {limit:,} characters",
                    name=path.name,
                    limit=_LONGEST_XLSX_CELL,
                ),
                hint=tr("use a file name that ends in .csv"),
                code="export",
            )


def export_salvaged(rows: Iterable[Salvaged], path: Path) -> int:
    """Write what can be read of a damaged ledger to `path` (.csv or .xlsx); return the rows.

    Raises:
        CampaignError: the file name has another ending, or the file cannot be written.
    """
    counted = _Counted(
        [
            str(one.row or ""), one.address, one.state, _time(one.changed_at), one.reply,
            one.message_id, one.server_id, in_words(one.copies_refused), _time(one.date),
            "" if one.whole else "yes",
        ]
        for one in rows
    )  # fmt: skip
    _write(_writer_for(path), path, list(_SALVAGED_COLUMNS), counted)
    return counted.count


class _Counted:
    """Counts rows while they are iterated over."""

    def __init__(self, rows: Iterable[Sequence[Cell]]) -> None:
        self._rows = rows
        self.count = 0

    def __iter__(self) -> Iterator[Sequence[Cell]]:
        for row in self._rows:
            self.count += 1
            yield row


def _writer_for(path: Path) -> _Write:
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        raise CampaignError(
            tr("{name} is neither .csv nor .xlsx", name=path.name),
            hint=tr("use a file name with one of these endings"),
            code="export",
        )
    return write


def _row(one: Delivery, cells: Mapping[str, str], columns: list[str], outcome: int) -> list[Cell]:
    """The cells of a row, and the first `outcome` columns of its outcome."""
    return [*(cells.get(column, "") for column in columns), *_outcome(one)[:outcome]]


def _outcome(one: Delivery) -> list[Cell]:
    after = one.after
    came_back: list[Cell] = ["", "", ""]
    if after is not None:
        came_back = [after.kind, _time(after.at), after.reason]
    reply = smtp_message(one.reply)
    state = reported_state(one.state).value
    outcome = [state, _time(one.changed_at), reply, one.message_id, one.server_id]
    return [*outcome, *came_back, smtp_message(in_words(one.copies_refused))]


def _time(at: float | None) -> Cell:
    """Return the moment in local time, to the second; "" without one."""
    try:
        return "" if at is None else local_time(round(at))
    except (ValueError, OverflowError, OSError):  # of a damaged ledger
        return ""


def _text(cell: Cell) -> str:
    """Return a cell as text; a moment with its offset (ISO 8601)."""
    return cell if isinstance(cell, str) else cell.isoformat(" ", "seconds")


def _write(write: _Write, path: Path, columns: list[str], rows: Iterable[Sequence[Cell]]) -> None:
    try:
        write(path, columns, rows)
    except (OSError, UnicodeEncodeError) as error:
        reason, hint = str(error), tr("choose a folder that you may write to")
        if isinstance(error, OSError):
            reason, hint = system_reason(error), hint_for_held(error, hint)
        raise CampaignError(
            tr("{name} cannot be written: {reason}", name=path.name, reason=reason),
            hint=hint,
            code="export",
        ) from error


def _write_csv(path: Path, columns: list[str], rows: Iterable[Sequence[Cell]]) -> None:
    # Without a byte order mark, Excel reads the file in the machine's legacy code page.
    file = os.fdopen(open_private(path, "write"), "w", encoding="utf-8-sig", newline="")
    with file:
        writer = csv.writer(file)
        writer.writerow([_neutral(column) for column in columns])
        writer.writerows([_neutral(_text(cell)) for cell in row] for row in rows)


def _write_unchanged(
    path: Path, columns: list[str], rows: Iterable[Sequence[Cell]], *, section: RecipientsSection
) -> None:
    codec = section.encoding or "utf-8"
    codec = "utf-8-sig" if codecs.lookup(codec).name == "utf-8" else codec
    file = os.fdopen(open_private(path, "write"), "w", encoding=codec, newline="")
    with file:
        file.write("\r\n" * section.skip_rows)
        # Quotes around every cell: so no cell can be taken for a delimiter, a line or a blank row.
        writer = csv.writer(file, delimiter=section.delimiter or ",", quoting=csv.QUOTE_ALL)
        writer.writerow(columns)
        # The reason is the last cell. It is to be read only, so it may lose a character.
        for *cells, reason in rows:
            writer.writerow([*cells, _text(reason).encode(codec, "replace").decode(codec)])


def _write_xlsx(
    path: Path,
    columns: list[str],
    rows: Iterable[Sequence[Cell]],
    *,
    section: RecipientsSection | None = None,
) -> None:
    section = section or RecipientsSection()
    status = next((name for name in ("mailmerge status", "status") if name in columns), "")
    at = columns.index(status) if status else -1
    with os.fdopen(open_private(path, "write"), "wb") as file:
        write_workbook(
            file,
            columns,
            rows,
            sheet=section.sheet or _SHEET,
            skip=section.skip_rows,
            coloured=lambda row: at >= 0 and row[at] == State.REJECTED,
        )


_WRITERS: Final[Mapping[str, _Write]] = {".csv": _write_csv, ".xlsx": _write_xlsx}


def _neutral(cell: str) -> str:
    """Return the cell as text that is neither a formula nor a control of a terminal."""
    plain = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", cell)
    is_formula = cell.startswith(_SPACE) or plain.lstrip().startswith(_FORMULA)
    return f"'{plain}" if is_formula else plain
