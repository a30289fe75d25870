"""The campaign's files at one moment -> its rows, and the message of each row on request.

A broken file does not end the preview: the page shows the problem and everything else until the
file is fixed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mailmerge.errors import InputError, LedgerError, MailmergeError, Problem, SpreadsheetError
from mailmerge.language import listed, tr, trn
from mailmerge.ledger.ledger import Ledger
from mailmerge.messages import message_factory
from mailmerge.preview.messages import ShownMessage, ShownMessages
from mailmerge.preview.recipient_list import (
    RecipientList,
    RecipientRow,
    RowStatus,
    name_columns,
)
from mailmerge.recipients.audience import Audience, Recipient, Skipped, SkipReason
from mailmerge.recipients.collection import Recipients
from mailmerge.reports.sent_before import without_sent_before
from mailmerge.settings import Settings, load_settings

_STATUSES = {
    SkipReason.DUPLICATE: RowStatus.DUPLICATE,
    SkipReason.SUPPRESSED: RowStatus.SUPPRESSED,
    SkipReason.FILTERED: RowStatus.LEFT_OUT,
    SkipReason.SENT_BEFORE: RowStatus.LEFT_OUT,
    SkipReason.EMPTY: RowStatus.UNREADABLE,
    SkipReason.INVALID: RowStatus.UNREADABLE,
}

_ROWS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class CampaignSnapshot:
    """The campaign at one moment.

    If campaign.toml or the spreadsheet is broken, the other values come from the snapshot before.

    Attributes:
        campaign: the settings; None if they could never be read.
        rows: all rows of the spreadsheet.
        messages: makes the messages; None if the campaign is broken.
        broken: why the campaign cannot be read or rendered; None if it can.
        generation: the number of this snapshot.
        stamp: identifies the input of the rows, which are read again only if it has changed.
    """

    campaign: Settings | None = None
    rows: RecipientList = field(default_factory=RecipientList)
    messages: ShownMessages | None = None
    broken: Problem | None = None
    generation: int = 0
    stamp: tuple[object, ...] = ()

    def recipient(self, row: RecipientRow) -> Recipient | None:
        """The recipient in this row; None if the row gets no message."""
        if row.mailbox is None or row.status is not RowStatus.RECIPIENT:
            return None
        return row.group or Recipient(row.number, self.cells(row), row.mailbox, row.key)

    def cells(self, row: RecipientRow) -> Mapping[str, str]:
        """The cells of the row by column."""
        return dict(zip(self.rows.columns, row.cells, strict=False))

    def message(self, row: RecipientRow) -> ShownMessage | Problem | None:
        """The message of the row, or why it cannot be made; None if the row gets no message."""
        recipient = self.recipient(row)
        if recipient is None:
            return None
        if self.messages is None:
            return self.broken
        try:
            return self.messages.find(recipient)
        except InputError as error:
            problem = error.problem
            return replace(problem, row=row.number) if problem.row is None else problem


def take_snapshot(where: Path, before: CampaignSnapshot) -> CampaignSnapshot:
    """Read the files that have changed since the snapshot `before`; an error goes to `broken`."""
    snapshot = replace(before, generation=before.generation + 1, broken=None)
    try:
        campaign = load_settings(where)
        snapshot = replace(snapshot, campaign=campaign)
        after = _read_after(campaign)
        stamp = (*_stamp(campaign), frozenset(after.items()))
        if before.stamp != stamp:
            snapshot = replace(snapshot, rows=_read_rows(campaign, after), stamp=stamp)
        return replace(snapshot, messages=ShownMessages(message_factory(campaign)))
    except MailmergeError as error:
        return replace(snapshot, messages=None, broken=error.problem)


def _read_after(campaign: Settings) -> dict[str, str]:
    """What came back by mail, by the identity of the address; nothing if the ledger is unreadable.

    The preview does not need the ledger, and other commands say what is wrong with it.
    """
    try:
        ledger = Ledger.read(campaign)
        return {} if ledger is None else ledger.came_back()
    except LedgerError:
        return {}


def _read_rows(campaign: Settings, after: Mapping[str, str]) -> RecipientList:
    """Every row with its status; `after` is what came back, by the identity of the address.

    Raises:
        SpreadsheetError: the file cannot be read.
        CampaignError: a condition or a column of campaign.toml is wrong.
    """
    recipients = Recipients.of(campaign, without_sent_before(campaign))
    audience = recipients.audience()
    found = _rows(audience, recipients.columns, after)
    if campaign.recipients.group_by:  # groups come after the rows that are skipped
        found = iter(sorted(found, key=lambda row: row.number))
    rows = RecipientList(recipients.columns, found)
    if audience.broken is not None:
        raise SpreadsheetError.from_problem(audience.broken)
    return rows


def _rows(
    audience: Audience, columns: tuple[str, ...], after: Mapping[str, str]
) -> Iterator[RecipientRow]:
    names = name_columns(columns)
    for result in audience:
        if isinstance(result, Problem):
            continue
        cells = _cells(result, columns)
        name = " ".join(cells[at] for at in names if cells and cells[at]).strip()
        if isinstance(result, Recipient):
            row = RecipientRow(result.key, result.row, name, cells, result.mailbox)
            if result.rows:
                row = replace(row, note=_rows_note(result), group=result)
        else:
            row = _skipped_row(result, name, cells)
        kind = after.get(row.mailbox.identity, "") if row.mailbox else ""
        yield replace(row, after=kind) if kind else row


def _cells(result: Recipient | Skipped, columns: tuple[str, ...]) -> tuple[str, ...]:
    """The cells to show: those of a row, or the different texts of the rows of a group."""
    if isinstance(result, Recipient) and result.rows:
        texts = ({row.cells[column]: None for row in result.rows} for column in columns)
        return tuple("; ".join(one) for one in texts)
    return tuple(result.cells[column] for column in columns) if result.cells else ()


def _rows_note(group: Recipient) -> str:
    numbers = [str(row.number) for row in group.rows]
    shown = listed([*numbers[:_ROWS_SHOWN], "..."] if len(numbers) > _ROWS_SHOWN else numbers)
    return trn("{count:,} row: {numbers}", "{count:,} rows: {numbers}", len(numbers), numbers=shown)


def _skipped_row(skipped: Skipped, name: str, cells: tuple[str, ...]) -> RecipientRow:
    # No recipient's key contains a no-break space, so this one is unique (`normal_key`).
    key = tr("row\xa0{row}", row=skipped.row)
    note = skipped.problem.message if skipped.problem else ""
    if skipped.campaign:
        note = tr('already sent "{campaign}"', campaign=skipped.campaign)
    status = _STATUSES[skipped.reason]
    return RecipientRow(key, skipped.row, name, cells, skipped.mailbox, status, note)


def _stamp(campaign: Settings) -> tuple[object, ...]:
    section = campaign.recipients
    files = (campaign.folder / section.file, campaign.folder / section.suppress)
    return (section, campaign.folder, *map(_file_stamp, files))


def _file_stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
