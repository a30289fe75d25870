"""All rows of the spreadsheet, as the page lists, searches and steps through them.

The list is held in memory: per row a name, a key and one case-folded text. The page requests a part
of it at a time, so that 100,000 rows are as fast as ten.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mailmerge.recipients.address import Mailbox
from mailmerge.recipients.recipient import Recipient

PAGE_LENGTH = 50


class RowStatus(StrEnum):
    """Whether a row gets a message, or why not. Problems are found later and do not change it."""

    RECIPIENT = ""
    DUPLICATE = "duplicate"
    SUPPRESSED = "suppressed"
    LEFT_OUT = "left-out"
    UNREADABLE = "unreadable"


RowFilter = Sequence[int] | RowStatus | None
"""Some row numbers in ascending order, or the rows of one status, or all rows."""


@dataclass(frozen=True, slots=True)
class RecipientRow:
    """One row as the page lists it; `number` is its number in the spreadsheet.

    `key` is the recipient's key if the row gets a message. Any other row has a key of its own,
    because a duplicate has the same recipient's key as the row before it. `after` is the kind of
    mail that came back, such as `bounced`, or "". A group is one entry: `group` has its rows, and
    each of the `cells` has the different texts of all of them.
    """

    key: str
    number: int
    name: str
    cells: tuple[str, ...]
    mailbox: Mailbox | None
    status: RowStatus = RowStatus.RECIPIENT
    note: str = ""
    after: str = ""
    group: Recipient | None = None

    @property
    def address(self) -> str:
        """The normalised address, or "" if the row has none."""
        return self.mailbox.address if self.mailbox else ""


@dataclass(frozen=True, slots=True)
class ListPage:
    """A page of a search result: `offset` hits come before it, `total` is the number of hits."""

    rows: tuple[RecipientRow, ...]
    offset: int
    total: int


class RecipientList:
    """The rows in the order of the spreadsheet, with their columns."""

    def __init__(self, columns: Sequence[str] = (), rows: Iterable[RecipientRow] = ()) -> None:
        self.columns = tuple(columns)
        self._rows = list(rows)
        self._texts = [_folded(row) for row in self._rows]
        self._numbers = [row.number for row in self._rows]
        self._positions = {
            row.key: position for position, row in reversed(list(enumerate(self._rows)))
        }
        self.counts = dict.fromkeys(RowStatus, 0)
        self.after_counts = Counter(row.after for row in self._rows if row.after)
        for row in self._rows:
            self.counts[row.status] += 1

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[RecipientRow]:
        return iter(self._rows)

    def find(self, key: str) -> RecipientRow | None:
        """The row with this key."""
        position = self._positions.get(key)
        return None if position is None else self._rows[position]

    def at_row(self, number: int) -> RecipientRow | None:
        """The row with this number, or else the next one, or else the last one."""
        if not self._rows:
            return None
        return self._rows[min(bisect_left(self._numbers, number), len(self._rows) - 1)]

    def page(
        self, search: str = "", *, among: RowFilter = None, offset: int = 0, around: str = ""
    ) -> ListPage:
        """A page of the rows whose cells contain every word of `search`, in any case.

        With `around`, it is the page with the row of this key, if the search finds that row.
        """
        hits = self._hits(search, among)
        if around:
            offset = self._offset_of(hits, around, offset)
        offset = max(0, min(offset, len(hits) - 1)) // PAGE_LENGTH * PAGE_LENGTH
        shown = tuple(self._rows[hit] for hit in hits[offset : offset + PAGE_LENGTH])
        return ListPage(shown, offset, len(hits))

    def neighbours(
        self, key: str, search: str = "", *, among: RowFilter = None
    ) -> tuple[RecipientRow | None, RecipientRow | None]:
        """The rows before and after the row with this key, among those that the search finds."""
        position = self._positions.get(key, 0)
        hits = self._hits(search, among)
        at = bisect_left(hits, position)
        after = at + 1 if at < len(hits) and hits[at] == position else at
        before = self._rows[hits[at - 1]] if at > 0 else None
        return before, self._rows[hits[after]] if after < len(hits) else None

    def _hits(self, search: str, among: RowFilter) -> Sequence[int]:
        positions = self._filtered(among)
        texts = self._texts
        for word in search.casefold().split():
            positions = [at for at in positions if word in texts[at]]
        return positions

    def _filtered(self, among: RowFilter) -> Sequence[int]:
        if among is None:
            return range(len(self._rows))
        if isinstance(among, RowStatus):
            return [at for at, row in enumerate(self._rows) if row.status is among]
        return [at for number in among if (at := self._position_of(number)) is not None]

    def _position_of(self, number: int) -> int | None:
        position = bisect_left(self._numbers, number)
        found = position < len(self._numbers) and self._numbers[position] == number
        return position if found else None

    def _offset_of(self, hits: Sequence[int], key: str, otherwise: int) -> int:
        position = self._positions.get(key)
        if position is None:
            return otherwise
        at = bisect_left(hits, position)
        return at if at < len(hits) and hits[at] == position else otherwise


_WHOLE_NAMES = (
    "name",
    "full name",
    "full_name",
    "fullname",
    "姓名",
    "名字",
    "nom",
    "nombre",
    "contact",
)
_FIRST_NAMES = (
    "first name",
    "first_name",
    "firstname",
    "given name",
    "prénom",
    "prenom",
    "vorname",
    "first",
    "名",
)
_LAST_NAMES = (
    "last name",
    "last_name",
    "lastname",
    "surname",
    "family name",
    "nachname",
    "last",
    "姓",
)


def name_columns(columns: Sequence[str]) -> tuple[int, ...]:
    """The positions of the columns with a recipient's name, by their usual titles; () if none."""
    folded = [column.strip().casefold() for column in columns]
    first, last = _first_of(folded, _FIRST_NAMES), _first_of(folded, _LAST_NAMES)
    if first is not None and last is not None:
        return (first, last)
    whole = _first_of(folded, _WHOLE_NAMES)
    return next(((position,) for position in (whole, first, last) if position is not None), ())


def _first_of(folded: Sequence[str], names: Sequence[str]) -> int | None:
    return next((folded.index(name) for name in names if name in folded), None)


def _folded(row: RecipientRow) -> str:
    return "\n".join((*row.cells, row.address)).casefold()
