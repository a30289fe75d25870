"""The two results of a row of the spreadsheet: a recipient, or a skipped row with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, final

from mailmerge.errors import Problem
from mailmerge.recipients.address import Mailbox


class Row(NamedTuple):
    """One row of a group: its number as the spreadsheet shows it, and all of its cells."""

    number: int
    cells: Mapping[str, str]


@final
@dataclass(frozen=True, slots=True)
class Recipient:
    """One row, or one group of rows, that gets a message.

    Attributes:
        row: the row's number as the spreadsheet shows it; the first one of a group.
        cells: the text of every column, by the column's name; for a group, of those columns alone
            that have the same text in all of its rows.
        mailbox: the address.
        key: the normalised text that identifies this recipient in the ledger.
        rows: the rows of a group in the order of the spreadsheet; empty without `group_by`.
    """

    row: int
    cells: Mapping[str, str]
    mailbox: Mailbox
    key: str
    rows: tuple[Row, ...] = ()

    @property
    def all_rows(self) -> tuple[Row, ...]:
        """The rows of the group; the only row of a recipient without a group."""
        return self.rows or (Row(self.row, self.cells),)


class SkipReason(StrEnum):
    """Why a row gets no message."""

    DUPLICATE = "duplicate"
    """An earlier row has the same key."""
    SUPPRESSED = "suppressed"
    """The address is on the suppression list."""
    FILTERED = "filtered"
    """`where`, `--where` or `--only` leaves the row out."""
    EMPTY = "empty"
    """The address, the key or a required cell is empty."""
    SENT_BEFORE = "sent-before"
    """The address was sent a campaign of `not_in`."""
    INVALID = "invalid"
    """The row cannot be read, its address is not one mailbox, or `where` fails on it."""


@final
@dataclass(frozen=True, slots=True)
class Skipped:
    """One row that gets no message.

    `cells` is empty where the row could not be read; `mailbox` is None where the row has none.
    `problem` is None where nothing is wrong with the row (it is suppressed or filtered). `campaign`
    is the name of the campaign that its address was sent before, or "".
    """

    row: int
    reason: SkipReason
    cells: Mapping[str, str] = field(default_factory=dict)
    mailbox: Mailbox | None = None
    problem: Problem | None = None
    campaign: str = ""

    @property
    def number(self) -> int:
        """The row's number as the spreadsheet shows it; the same as `row`."""
        return self.row
