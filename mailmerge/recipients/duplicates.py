"""Recipients -> those whose key is new, and the rows that repeat an earlier one.

Two rows are the same recipient if their keys are equal. The key is the address, compared by
`Mailbox.identity`, or the cell of the column `key`, compared in Unicode form NFKC with single
spaces. Then `dedupe` decides:

* `exact`: a second row with the same key is an error that names the first. Where only the case of
  the local part differs (`Bob@` and `bob@`), it is a warning, and the second row is skipped.
* `loose`: plus-tags and the dots of Gmail make no difference either; such a second row is an error.
* `off`: every row gets a message. The second row of a key gets the key with `#2`, and so on, so
  that the ledger can tell them apart.

`first_rows` remembers the keys. It is fast only in batches, so recipients come in batches.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from mailmerge.errors import Problem
from mailmerge.language import tr
from mailmerge.recipients.first_rows import Earlier, FirstRows
from mailmerge.recipients.recipient import Recipient, Skipped, SkipReason
from mailmerge.recipients.rules import RowRules
from mailmerge.recipients.several import claimed_keys

# The rules remove this kind of white space from keys, so no cell can contain such a key.
_REPEAT_MARK = "\u00a0#"

RowResult = Recipient | Skipped | Problem
"""What an audience yields for a row. A `Problem` does not skip its row."""


class Deduplicator:
    """Skips the rows that repeat an earlier recipient; one for each pass over the rows."""

    def __init__(self, rules: RowRules, *, keep_all: bool = False) -> None:
        """Start empty. With `keep_all`, repeated rows get keys of their own."""
        self._rules = rules
        self._keep_all = keep_all
        self._first_rows = FirstRows()
        self._again: Counter[str] = Counter()

    def without_duplicates(self, batch: Sequence[RowResult]) -> Iterator[RowResult]:
        """The batch in its order, with `Skipped` in the place of recipients that repeat one."""
        recipients = [result for result in batch if type(result) is Recipient]
        repeated = self._first_rows.claim(
            self._sameness(recipients),
            self._spellings(recipients),
            [recipient.row for recipient in recipients],
        )
        if self._rules.several == "together":
            repeated = self._claim_further(recipients) | repeated
        if not repeated:
            yield from batch
            return
        index = -1
        for result in batch:
            index += type(result) is Recipient
            if type(result) is Recipient and index in repeated:
                yield self._repeated(result, repeated[index])
            else:
                yield result

    def _claim_further(self, recipients: list[Recipient]) -> dict[int, Earlier]:
        """Claim the further addresses of cells whose addresses get one message."""
        further = [
            (index, key, spelling, recipient.row)
            for index, recipient in enumerate(recipients)
            for key, spelling in claimed_keys(self._rules, recipient)
        ]
        if not further:
            return {}
        indexes, keys, spellings, rows = zip(*further, strict=True)
        same = [self._rules.sameness(key) for key in keys]
        found = self._first_rows.claim(same, spellings, rows)
        return {indexes[at]: earlier for at, earlier in found.items()}

    def _sameness(self, recipients: list[Recipient]) -> list[str]:
        """The text that two rows of the same recipient share: the key, or its loose identity."""
        keys = [recipient.key for recipient in recipients]
        if self._rules.loose and self._rules.by_address:
            return [self._rules.sameness(key) for key in keys]
        return keys

    def _spellings(self, recipients: list[Recipient]) -> list[str]:
        if self._rules.by_address:
            return [recipient.mailbox.address for recipient in recipients]
        return [recipient.key for recipient in recipients]

    def _repeated(self, recipient: Recipient, earlier: Earlier) -> Recipient | Skipped:
        if self._keep_all:
            self._again[recipient.key] += 1
            number = self._again[recipient.key] + 1
            return replace(recipient, key=f"{recipient.key}{_REPEAT_MARK}{number}")
        problem = self._problem(recipient, earlier)
        return Skipped(
            recipient.row, SkipReason.DUPLICATE, recipient.cells, recipient.mailbox, problem
        )

    def _problem(self, recipient: Recipient, earlier: Earlier) -> Problem:
        file, column = self._rules.file, self._rules.key
        shown = recipient.cells[column].strip()
        exact = not self._rules.loose and not self._rules.several
        if self._rules.by_address and exact and not earlier.same_spelling:
            what = tr(
                '"{shown}" is already in row {row}, in other case: this row is skipped',
                shown=shown,
                row=earlier.row,
            )
            hint = tr("delete one of the rows")
            return Problem("warning", "duplicate-case", what, file, recipient.row, column, hint)
        what = tr('"{shown}" is already in row {row}', shown=shown, row=earlier.row)
        if self._rules.by_address:
            hint = tr("delete one of the rows, or set key to a column that tells them apart")
        else:
            hint = tr("delete one of the rows, or choose another key column")
        return Problem("error", "duplicate", what, file, recipient.row, column, hint)
