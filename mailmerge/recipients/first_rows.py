"""Keys of many recipients -> the row that had each key first, in 16 bytes per recipient.

A set of a million texts takes 150 MB, this table takes 16 MB. It keeps each key as a 64-bit digest,
with the row that had it first. Among a million keys, two share a digest with a probability of 3 in
10^8.

The newest keys are in a dictionary. When it is full, they move into sorted numpy arrays, in which a
binary search finds a whole batch of keys at once. There are eight arrays, each for an eighth of the
digests, because inserting into an array copies all of it. Keys of a batch that are found in an
array return to the dictionary, so that the rest of the work looks in one place only.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BUCKETS = 8
_RECENT = 1 << 15
# A row and the digest of its key's spelling share 64 bits.
_SPELLING_BITS = 24
_SPELLING_MASK = (1 << _SPELLING_BITS) - 1


@dataclass(frozen=True, slots=True)
class Earlier:
    """The row that had the same key first, and whether the spelling was the same."""

    row: int
    same_spelling: bool


def _wide_digest(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little", signed=True)


class FirstRows:
    """Remembers which row had each key first."""

    def __init__(
        self, recent: int = _RECENT, *, short_hash: bool = sys.hash_info.width < 64
    ) -> None:
        """Start empty.

        `recent` is the largest number of keys in the dictionary. `short_hash` says that the hashes
        of this Python are too short to be digests.
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
            keys: texts that are equal for two rows of the same recipient.
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
        """The digests that are in the arrays, each with the place that had it first."""
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
        """The buckets of sorted digests, each with the slice of digests that belong to it."""
        import numpy as np

        edges = np.searchsorted(digests, self._edges).tolist()
        bounds = zip([0, *edges], [*edges, len(digests)], strict=True)
        return ((n, slice(*pair)) for n, pair in enumerate(bounds) if pair[0] < pair[1])

    def _move(self) -> None:
        """Move the newest claims into the arrays; a digest that is there stays as it is."""
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
