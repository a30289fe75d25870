"""Recipients -> those whose key is new, and the rows that repeat an earlier one.

What counts as the same recipient. The key is the address, compared by `Mailbox.identity`, or the
column `key`, compared in Unicode form NFKC without outer and doubled white space. Then `dedupe`
decides:

* `exact`: a second row with the same key is an error that names the first. Where only the case of
  the local part differs (`Bob@` and `bob@`), it is a warning, and the second row is skipped.
* `loose`: plus-tags and the dots of Gmail make no difference either; such a second row is an error.
* `off`: every row gets a message. The second row of a key gets the key with `#2`, and so on, so
  that the ledger can tell them apart.

A set of a million texts takes 150 MB. So each key is kept as a 64-bit digest with the row that had
it first: 16 bytes a recipient. Two keys of a million share a digest with a probability of 3 in
10^8. Keys are compared a batch at a time, because numpy is only quick for many at once.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from mailmerge.errors import Problem
from mailmerge.recipients.recipient import Recipient, Skipped, SkipReason
from mailmerge.recipients.rules import RowRules

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BUCKETS = 8  # sorted apart, so that adding to one never copies all
_RECENT = 1 << 15
_SPELLING_BITS = 24
_SPELLING_MASK = (1 << _SPELLING_BITS) - 1

# White space of a kind that `normal_key` takes away, so that no cell can hold such a key.
_AGAIN = "\u00a0#"

RowResult = Recipient | Skipped | Problem
"""What an audience yields for a row; a `Problem` belongs to a row that is not skipped for it."""


class Deduplicator:
    """Skips the rows that repeat an earlier recipient; one for each pass over the rows."""

    def __init__(self, rules: RowRules, *, keep_all: bool = False) -> None:
        """Start without any recipient. With `keep_all`, repeated rows get keys of their own."""
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

    def _sameness(self, recipients: list[Recipient]) -> list[str]:
        """What makes two recipients the same: the key, or what `loose` leaves of an address."""
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
            return replace(recipient, key=f"{recipient.key}{_AGAIN}{number}")
        problem = self._problem(recipient, earlier)
        return Skipped(
            recipient.row, SkipReason.DUPLICATE, recipient.cells, recipient.mailbox, problem
        )

    def _problem(self, recipient: Recipient, earlier: Earlier) -> Problem:
        file, column = self._rules.file, self._rules.key
        shown = recipient.cells[column].strip()
        if self._rules.by_address and not self._rules.loose and not earlier.same_spelling:
            what = f'"{shown}" is already in row {earlier.row}, in other case: this row is skipped'
            hint = "delete one of the rows"
            return Problem("warning", "duplicate-case", what, file, recipient.row, column, hint)
        what = f'"{shown}" is already in row {earlier.row}'
        if self._rules.by_address:
            hint = "delete one of the rows, or set key to a column that tells them apart"
        else:
            hint = "delete one of the rows, or choose another key column"
        return Problem("error", "duplicate", what, file, recipient.row, column, hint)


@dataclass(frozen=True, slots=True)
class Earlier:
    """The row that had the same key first, and whether it was spelt the same."""

    row: int
    same_spelling: bool


def _wide_digest(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little", signed=True)


class FirstRows:
    """Remembers which row had each key first.

    The newest claims are in a dictionary, which is quick; from time to time they move into sorted
    arrays, which are small.
    """

    def __init__(
        self, recent: int = _RECENT, *, short_hash: bool = sys.hash_info.width < 64
    ) -> None:
        """Start without any key.

        `recent` is how many keys the dictionary holds at most. With `short_hash`, the hashes of
        this Python are too short to be digests.
        """
        import numpy as np

        self._most_recent = recent
        # SipHash with a secret of this process, where it has 64 bits: quick, and the author of a
        # list cannot plan a collision.
        self._digest = _wide_digest if short_hash else hash
        self._recent: dict[int, int] = {}
        self._digests: list[NDArray[np.int64]] = [np.empty(0, np.int64) for _ in range(_BUCKETS)]
        self._places: list[NDArray[np.int64]] = [np.empty(0, np.int64) for _ in range(_BUCKETS)]
        spans = range(1, _BUCKETS)
        self._edges = np.array([(n << 64) // _BUCKETS - (1 << 63) for n in spans], np.int64)

    def claim(
        self, keys: Sequence[str], spellings: Sequence[str], rows: Sequence[int]
    ) -> dict[int, Earlier]:
        """Claim keys in their order; new ones are remembered.

        Args:
            keys: what makes two recipients the same.
            spellings: the same keys as the cells spell them.
            rows: the numbers of the rows, in ascending order; no row makes two claims.

        Returns:
            For the index of each key that was claimed before, the row that had it first.
        """
        digests = list(map(self._digest, keys))
        spelt = [self._digest(spelling) & _SPELLING_MASK for spelling in spellings]
        places = [row << _SPELLING_BITS | mark for row, mark in zip(rows, spelt, strict=True)]
        self._recent.update(self._long_known(digests))
        repeated = {}
        for index, (digest, place) in enumerate(zip(digests, places, strict=True)):
            first = self._recent.setdefault(digest, place)
            if first != place:
                repeated[index] = _earlier(first, spelt[index])
        if len(self._recent) >= self._most_recent:
            self._move()
        return repeated

    def _long_known(self, digests: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Those of the digests that are in the arrays, and the rows that had them first."""
        import numpy as np

        wanted = np.sort(np.fromiter(digests, np.int64, len(digests)))
        for number, part in self._shares(wanted):
            known = self._digests[number]
            if len(known):
                where = np.searchsorted(known, wanted[part])
                found = known[np.minimum(where, len(known) - 1)] == wanted[part]
                if found.any():
                    firsts = self._places[number][where[found]]
                    yield from zip(wanted[part][found].tolist(), firsts.tolist(), strict=True)

    def _shares(self, digests: NDArray[np.int64]) -> Iterator[tuple[int, slice]]:
        """For each bucket that some of the sorted digests belong to, which of them do."""
        import numpy as np

        edges = np.searchsorted(digests, self._edges).tolist()
        bounds = zip([0, *edges], [*edges, len(digests)], strict=True)
        return ((n, slice(*pair)) for n, pair in enumerate(bounds) if pair[0] < pair[1])

    def _move(self) -> None:
        """Put the newest claims into the arrays; one that is there already stays as it is."""
        import numpy as np

        digests = np.fromiter(self._recent, np.int64, len(self._recent))
        order = np.argsort(digests)
        digests = digests[order]
        places = np.fromiter(self._recent.values(), np.int64, len(order))[order]
        self._recent = {}
        for number, part in self._shares(digests):
            known = self._digests[number]
            where = np.searchsorted(known, digests[part])
            new = np.append(known, digests[-1:])[where] != digests[part]
            new |= where == len(known)
            self._digests[number] = np.insert(known, where[new], digests[part][new])
            moved = np.insert(self._places[number], where[new], places[part][new])
            self._places[number] = moved


def _earlier(place: int, spelt: int) -> Earlier:
    return Earlier(place >> _SPELLING_BITS, place & _SPELLING_MASK == spelt)
