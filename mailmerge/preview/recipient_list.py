"""Rows of the spreadsheet -> the list of people that the page searches and turns over.

The list is held in memory once (a name, a key and one folded text per person) and asked for a page
at a time, so that 100,000 people are as quick as ten.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mailmerge.recipients.address import Mailbox

PAGE_LENGTH = 50


class Mark(StrEnum):
    """What becomes of a row. A problem is found later than the others and does not live here."""

    MEANT = ""
    DUPLICATE = "duplicate"
    SUPPRESSED = "suppressed"
    LEFT_OUT = "left-out"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Person:
    """One row as the page lists it.

    `key` is the person's key where the row is meant, and otherwise a name of its own: a duplicate
    shares its key with the row that is meant.
    """

    key: str
    row: int
    name: str
    cells: tuple[str, ...]
    mailbox: Mailbox | None
    mark: Mark = Mark.MEANT
    note: str = ""

    @property
    def address(self) -> str:
        """The mailbox for people to read; "" where the row has none."""
        return self.mailbox.address if self.mailbox else ""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a search: `offset` counts the hits before it, `total` all of them."""

    people: tuple[Person, ...]
    offset: int
    total: int


class People:
    """All people of the campaign in the order of their rows."""

    def __init__(self, columns: Sequence[str], people: Iterable[Person]) -> None:
        self.columns = tuple(columns)
        self._people = list(people)
        self._texts = [_folded(person) for person in self._people]
        self._rows = [person.row for person in self._people]
        self._positions = {
            person.key: position for position, person in reversed(list(enumerate(self._people)))
        }
        self.counts = dict.fromkeys(Mark, 0)
        for person in self._people:
            self.counts[person.mark] += 1

    def __len__(self) -> int:
        return len(self._people)

    def __iter__(self) -> Iterator[Person]:
        return iter(self._people)

    def find(self, key: str) -> Person | None:
        """The person of this key."""
        position = self._positions.get(key)
        return None if position is None else self._people[position]

    def at_row(self, row: int) -> Person | None:
        """The person of this row, or of the nearest row after it; the last one at the end."""
        if not self._people:
            return None
        return self._people[min(bisect_left(self._rows, row), len(self._people) - 1)]

    def page(
        self,
        search: str = "",
        *,
        among: Sequence[int] | None = None,
        mark: Mark | None = None,
        offset: int = 0,
        around: str = "",
    ) -> Page:
        """A page of those in whose cells every word of `search` stands, whatever its case.

        `among` restricts the search to rows (in ascending order), `mark` to one mark. With
        `around`, it is the page on which that person stands, if that person is found at all.
        """
        hits = self._hits(search, among, mark)
        if around:
            offset = self._offset_of(hits, around, offset)
        offset = max(0, min(offset, len(hits) - 1)) // PAGE_LENGTH * PAGE_LENGTH
        shown = tuple(self._people[hit] for hit in hits[offset : offset + PAGE_LENGTH])
        return Page(shown, offset, len(hits))

    def neighbours(
        self,
        key: str,
        search: str = "",
        *,
        among: Sequence[int] | None = None,
        mark: Mark | None = None,
    ) -> tuple[Person | None, Person | None]:
        """Who stands before and after this person among those found."""
        position = self._positions.get(key, 0)
        hits = self._hits(search, among, mark)
        at = bisect_left(hits, position)
        after = at + 1 if at < len(hits) and hits[at] == position else at
        before = self._people[hits[at - 1]] if at > 0 else None
        return before, self._people[hits[after]] if after < len(hits) else None

    def _hits(self, search: str, among: Sequence[int] | None, mark: Mark | None) -> Sequence[int]:
        positions: Sequence[int] = range(len(self._people))
        if among is not None:
            positions = [at for row in among if (at := self._at(row)) is not None]
        if mark is not None:
            positions = [at for at in positions if self._people[at].mark is mark]
        texts = self._texts
        for word in search.casefold().split():
            positions = [at for at in positions if word in texts[at]]
        return positions

    def _at(self, row: int) -> int | None:
        position = bisect_left(self._rows, row)
        found = position < len(self._rows) and self._rows[position] == row
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
    """Which columns say what a person is called, by their usual names; () where none does."""
    folded = [column.strip().casefold() for column in columns]
    for names in (_FIRST_NAMES, _LAST_NAMES):
        if not any(name in folded for name in names):
            break
    else:
        return (_first_of(folded, _FIRST_NAMES), _first_of(folded, _LAST_NAMES))
    for names in (_WHOLE_NAMES, _FIRST_NAMES, _LAST_NAMES):
        if any(name in folded for name in names):
            return (_first_of(folded, names),)
    return ()


def _first_of(folded: Sequence[str], names: Sequence[str]) -> int:
    return next(folded.index(name) for name in names if name in folded)


def _folded(person: Person) -> str:
    return "\n".join((*person.cells, person.address)).casefold()
