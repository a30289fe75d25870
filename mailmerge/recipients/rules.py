"""One row -> a recipient, or a skipped row: the decision about each row by itself.

The rules are values and know neither the file nor the other rows; `duplicates` compares rows with
each other. The first rule that applies decides, in this order: the conditions, the address,
`--only`, the suppression list, the campaigns of `not_in`, the required cells.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from mailmerge.errors import AddressError, MailmergeError, Problem, SpreadsheetError
from mailmerge.language import tr
from mailmerge.recipients.address import Mailbox, loose_identity, parse_mailbox
from mailmerge.recipients.condition import Condition
from mailmerge.recipients.recipient import Recipient, Skipped, SkipReason
from mailmerge.recipients.table import SheetRow


@dataclass(frozen=True, slots=True)
class RowRules:
    """The conditions of a campaign and of a command on each row.

    Attributes:
        file: the spreadsheet's name in messages.
        address: the column that holds the address.
        key: the column that tells recipients apart; the same as `address` unless set.
        required: columns whose cells must not be empty, the key column included.
        parse_names: whether the address cell may hold `Name <address>`.
        conditions: all of them must hold.
        only: the identity of the only mailbox to select; "" for all.
        suppressed: identities that get no message, as `sameness` gives them.
        sent_before: the campaign that each identity was sent before, as `sameness` gives them.
        loose: whether plus-tags and the dots of Gmail make no difference.
        several: what a cell with several addresses means: "", "each" or "together" (several.py).
    """

    file: str
    address: str
    key: str
    required: tuple[str, ...] = ()
    parse_names: bool = False
    conditions: tuple[Condition, ...] = ()
    only: str = ""
    suppressed: frozenset[str] = frozenset()
    sent_before: Mapping[str, str] = field(default_factory=dict)
    loose: bool = False
    several: str = ""

    @property
    def by_address(self) -> bool:
        """Whether the address itself tells recipients apart."""
        return self.key == self.address

    def judge(self, row: SheetRow) -> Recipient | Skipped:
        """Decide about a row: it is a recipient, or it is skipped for a reason."""
        cells = row.cells
        try:
            mailbox = parse_mailbox(cells[self.address], names=self.parse_names)
        except AddressError as error:
            return self.without_mailbox(row, error)
        return self.decide(row, mailbox)

    def decide(self, row: SheetRow, mailbox: Mailbox) -> Recipient | Skipped:
        """Decide about a row with this mailbox: it is a recipient, or it is skipped."""
        cells = row.cells
        if self.conditions:
            skipped = self._filtered(row, mailbox)
            if skipped is not None:
                return skipped
        if self.only and mailbox.identity != self.only:
            return Skipped(row.number, SkipReason.FILTERED, cells, mailbox)
        if self.suppressed or self.sent_before:
            skipped = self._listed(row, mailbox)
            if skipped is not None:
                return skipped
        for column in self.required:
            if not cells[column].strip():
                return self._empty(row, mailbox, column)
        key = mailbox.identity if self.key == self.address else normal_key(cells[self.key])
        return Recipient(row.number, cells, mailbox, key)

    def sameness(self, identity: str) -> str:
        """The text that is equal for two identities of the same mailbox under these rules."""
        return loose_identity(identity) if self.loose else identity

    def _listed(self, row: SheetRow, mailbox: Mailbox) -> Skipped | None:
        """The row as skipped if its address is on the suppression list or was sent before."""
        same = self.sameness(mailbox.identity)
        if same in self.suppressed:
            return Skipped(row.number, SkipReason.SUPPRESSED, row.cells, mailbox)
        campaign = self.sent_before.get(same, "")
        if not campaign:
            return None
        reason = SkipReason.SENT_BEFORE
        return Skipped(row.number, reason, row.cells, mailbox, campaign=campaign)

    def without_mailbox(self, row: SheetRow, error: AddressError) -> Skipped:
        """The row as skipped, because its address cell has this error."""
        skipped = self._filtered(row, None)
        if skipped is not None:
            return skipped
        if self.only:
            return Skipped(row.number, SkipReason.FILTERED, row.cells)
        empty = error.problem.code == "address-empty"
        reason = SkipReason.EMPTY if empty else SkipReason.INVALID
        problem = self._placed(error, row, self.address)
        if empty:
            name = self.address if self.address.isidentifier() else f"row['{self.address}']"
            where = f"where = \"{name} != ''\" under [recipients]"
            hint = tr("fill it in, delete the row, or leave out such rows: {where}", where=where)
            problem = replace(problem, hint=hint)
        elif error.problem.code == "address-no-at":
            name = self.address if self.address.isidentifier() else f"row['{self.address}']"
            where = f"where = \"'@' in {name}\" under [recipients]"
            hint = tr("an address is name@domain; to leave out such rows: {where}", where=where)
            problem = replace(problem, hint=hint)
        return Skipped(row.number, reason, row.cells, None, problem)

    def _filtered(self, row: SheetRow, mailbox: Mailbox | None) -> Skipped | None:
        """The row as skipped if a condition is false or fails; None if all conditions hold."""
        try:
            for condition in self.conditions:
                if not condition.holds(row.cells):
                    return Skipped(row.number, SkipReason.FILTERED, row.cells, mailbox)
        except SpreadsheetError as error:
            problem = self._placed(error, row, "")
            return Skipped(row.number, SkipReason.INVALID, row.cells, mailbox, problem)
        return None

    def _empty(self, row: SheetRow, mailbox: Mailbox, column: str) -> Skipped:
        what, hint = tr("the cell is empty"), tr("fill it in, or delete the row")
        problem = Problem("error", "cell-empty", what, self.file, row.number, column, hint)
        return Skipped(row.number, SkipReason.EMPTY, row.cells, mailbox, problem)

    def _placed(self, error: MailmergeError, row: SheetRow, column: str) -> Problem:
        return replace(error.problem, file=self.file, row=row.number, column=column)


def normal_key(cell: str) -> str:
    """The form in which the cells of a key column are compared: NFKC, single spaces."""
    if cell.isascii() and cell.isalnum():
        return cell
    return " ".join(unicodedata.normalize("NFKC", cell).split())
