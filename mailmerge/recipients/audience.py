"""Rows -> recipients: select by `where`, drop the suppressed, find the duplicates.

Nothing is lost on the way: a row becomes a recipient, or a problem in its place, or it is counted
as suppressed, as left out by a condition, or as a duplicate.

Who is the same person. The key is the address, compared by `Mailbox.identity`, or the column `key`,
compared in Unicode form NFKC without outer and doubled white space. Then by `dedupe`:

* `exact`: a second row with the same key is an error that names the first. Where only the case of
  the local part differs (`Bob@` and `bob@`), it is a warning, and the second row is left out.
* `loose`: plus-tags and the dots of Gmail make no difference either; such a second row is an error.
* `off`: every row is written to. The second row of a key gets the key with `#2`, and so on, so
  that the ledger can tell them apart.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from itertools import islice

from mailmerge.campaign import Campaign
from mailmerge.errors import (
    AddressError,
    CampaignError,
    MailmergeError,
    Problem,
    SpreadsheetError,
)
from mailmerge.recipients.address import Mailbox, loose_identity, parse_mailbox
from mailmerge.recipients.condition import Condition
from mailmerge.recipients.duplicates import Earlier, FirstRows
from mailmerge.recipients.spreadsheet import Row, Spreadsheet
from mailmerge.recipients.suppression import (
    add_suppressions,
    import_suppressions,
    list_suppressions,
    read_suppressions,
    remove_suppressions,
)

__all__ = [
    "Audience",
    "Recipient",
    "Selection",
    "add_suppressions",
    "import_suppressions",
    "list_suppressions",
    "read_suppressions",
    "remove_suppressions",
]

_BATCH = 512


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person of the spreadsheet.

    `row` is the row's own number as the person sees it, `cells` the text of every column by its
    name, `key` the normalised identity under which the ledger keeps this person.
    """

    row: int
    cells: Mapping[str, str]
    mailbox: Mailbox
    key: str


@dataclass(frozen=True, slots=True)
class Selection:
    """What a command narrows a campaign's audience to, on top of campaign.toml's own `where`.

    `where` is a condition like that of campaign.toml, `only` one address, `limit` a number of
    recipients.
    """

    where: str = ""
    only: str = ""
    limit: int | None = None


class _Passed(Enum):
    """Why a row is nobody who is written to, and no problem either."""

    SUPPRESSED = "suppressed"
    LEFT_OUT = "left out"


_Judged = Recipient | Problem | _Passed


class Audience:
    """The people who are meant. Iterate as often as wanted; each time the spreadsheet is read anew.

    Attributes:
        suppressed: rows of people on the suppression list, in the last iteration so far.
        left_out: rows that `where`, `--where` or `--only` left out.
        duplicates: rows that are somebody again.
    """

    def __init__(
        self,
        campaign: Campaign,
        spreadsheet: Spreadsheet,
        selection: Selection | None = None,
        *,
        suppressed: frozenset[str] | None = None,
    ) -> None:
        """Understand what is wanted, before any row is read.

        `suppressed` are the identities of the suppression list, where it has been read already.

        Raises:
            CampaignError: `where` is no condition or names an unknown column, or `only` no address.
            SpreadsheetError: a column is missing, or the suppression list cannot be read.
        """
        section = campaign.recipients
        self.suppressed = self.left_out = self.duplicates = 0
        self._section = section
        self._spreadsheet = spreadsheet
        self._selection = selection or Selection()
        self._address = spreadsheet.column(section.address)
        self._key = spreadsheet.column(section.key_column)
        self._by_address = self._key == self._address
        needed = [spreadsheet.column(name) for name in section.required]
        self._needed = needed if self._by_address else [*needed, self._key]
        self._names = section.parse_names
        self._conditions = [
            Condition(text, spreadsheet.columns)
            for text in (section.where, self._selection.where)
            if text.strip()
        ]
        self._only = _only_identity(self._selection.only)
        self._loose = section.dedupe == "loose"
        if suppressed is None:
            suppressed = read_suppressions(campaign)
        self._suppressions = (
            frozenset(map(loose_identity, suppressed)) if self._loose else suppressed
        )

    def __iter__(self) -> Iterator[Recipient | Problem]:
        """Recipients and problems in the order of the sheet; a broken file ends with a problem."""
        self.suppressed = self.left_out = self.duplicates = 0
        people = errors = 0
        limit = self._selection.limit
        for judged in self._judged() if limit != 0 else ():
            if type(judged) is Recipient:
                people += 1
                yield judged
                if people == limit:
                    return
            elif isinstance(judged, Problem):
                errors += judged.severity == "error"
                yield judged
            elif judged is _Passed.SUPPRESSED:
                self.suppressed += 1
            else:
                self.left_out += 1
        if not people and not errors and self.left_out and not self.suppressed:
            yield self._nobody()

    def _nobody(self) -> Problem:
        only = self._selection.only
        what = f'nobody has the address "{only}"' if only else "the condition leaves nobody"
        hint = "look for a slip in it" if only else "check where under [recipients], and --where"
        return Problem("error", "nobody-selected", what, self._spreadsheet.file, hint=hint)

    def _judged(self) -> Iterator[_Judged]:
        """Every row's verdict; a batch at a time, because looking for duplicates is cheaper so."""
        first_rows = FirstRows()
        again: Counter[str] = Counter()
        for batch in _in_batches(self._records()):
            judged = [self._judge(item) if isinstance(item, Row) else item for item in batch]
            yield from self._without_duplicates(judged, first_rows, again)

    def _records(self) -> Iterator[Row | Problem]:
        try:
            yield from self._spreadsheet.records()
        except SpreadsheetError as error:
            yield error.problem

    def _judge(self, row: Row) -> _Judged:
        """What becomes of a row, looked at alone."""
        cells = row.cells
        mailbox = self._meant(row)
        if not isinstance(mailbox, Mailbox):
            return mailbox
        for column in self._needed:
            if not cells[column].strip():
                return self._empty(row, column)
        key = mailbox.identity if self._by_address else normal_key(cells[self._key])
        return Recipient(row.number, cells, mailbox, key)

    def _meant(self, row: Row) -> Mailbox | Problem | _Passed:
        """The row's mailbox, if this person is to be written to."""
        try:
            for condition in self._conditions:
                if not condition.holds(row.cells):
                    return _Passed.LEFT_OUT
            mailbox = parse_mailbox(row.cells[self._address], names=self._names)
        except AddressError as error:
            return _Passed.LEFT_OUT if self._only else self._placed(error, row, self._address)
        except SpreadsheetError as error:
            return self._placed(error, row, "")
        if self._only and mailbox.identity != self._only:
            return _Passed.LEFT_OUT
        return _Passed.SUPPRESSED if self._is_suppressed(mailbox) else mailbox

    def _is_suppressed(self, mailbox: Mailbox) -> bool:
        if not self._suppressions:
            return False
        identity = loose_identity(mailbox.identity) if self._loose else mailbox.identity
        return identity in self._suppressions

    def _placed(self, error: MailmergeError, row: Row, column: str) -> Problem:
        return replace(error.problem, file=self._spreadsheet.file, row=row.number, column=column)

    def _empty(self, row: Row, column: str) -> Problem:
        what, hint = "the cell is empty", "fill it in, or delete the row"
        file = self._spreadsheet.file
        return Problem("error", "cell-empty", what, file, row.number, column, hint)

    # -- duplicates -------------------------------------------------------------------------------

    def _without_duplicates(
        self, judged: list[_Judged], first_rows: FirstRows, again: Counter[str]
    ) -> Iterator[_Judged]:
        people = [verdict for verdict in judged if type(verdict) is Recipient]
        repeated = first_rows.claim(
            self._sameness(people), self._spellings(people), [person.row for person in people]
        )
        if not repeated:
            yield from judged
            return
        index = -1
        for verdict in judged:
            index += type(verdict) is Recipient
            if type(verdict) is Recipient and index in repeated:
                yield self._somebody_again(verdict, repeated[index], again)
            else:
                yield verdict

    def _sameness(self, people: list[Recipient]) -> list[str]:
        """What makes two people the same: the key, or what `loose` leaves of an address."""
        keys = [person.key for person in people]
        return list(map(loose_identity, keys)) if self._loose and self._by_address else keys

    def _spellings(self, people: list[Recipient]) -> list[str]:
        if self._by_address:
            return [person.mailbox.address for person in people]
        return [person.key for person in people]

    def _somebody_again(
        self, person: Recipient, earlier: Earlier, again: Counter[str]
    ) -> Recipient | Problem:
        if self._section.dedupe == "off":
            again[person.key] += 1
            return replace(person, key=f"{person.key}{_AGAIN}{again[person.key] + 1}")
        self.duplicates += 1
        file, shown = self._spreadsheet.file, person.cells[self._key].strip()
        if self._by_address and not self._loose and not earlier.same_spelling:
            what = f'"{shown}" stands in row {earlier.row} already, in other case: left out here'
            hint = "delete one of the rows"
            return Problem("warning", "duplicate-case", what, file, person.row, self._key, hint)
        what = f'"{shown}" stands in row {earlier.row} already'
        return Problem("error", "duplicate", what, file, person.row, self._key, self._mend())

    def _mend(self) -> str:
        if self._by_address:
            return "delete one of the rows, or set key to a column that tells them apart"
        return "delete one of the rows, or choose another key column"


# White space of a kind that `normal_key` takes away, so that no cell can hold such a key.
_AGAIN = "\u00a0#"


def normal_key(cell: str) -> str:
    """The form in which the cells of a key column are compared: NFKC, single spaces."""
    if cell.isascii() and cell.isalnum():
        return cell
    return " ".join(unicodedata.normalize("NFKC", cell).split())


def _only_identity(only: str) -> str:
    if not only:
        return ""
    try:
        return parse_mailbox(only, names=True).identity
    except AddressError as error:
        what = f"--only: {error.problem.message}"
        raise CampaignError(what, hint=error.problem.hint, code=error.problem.code) from error


def _in_batches(records: Iterator[Row | Problem]) -> Iterator[list[Row | Problem]]:
    while batch := list(islice(records, _BATCH)):
        yield batch
