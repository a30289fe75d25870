"""Keys of many people -> which of them were there before: 16 octets a person, a batch at a time.

A set of a million texts takes 150 MB, this takes 16. Each key is kept as a 64-bit digest, with the
row that had it first. Two keys of a million share a digest with a probability of 3 in 10^8.
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

_BUCKETS = 8  # sorted apart, so that adding to one never copies all
_RECENT = 1 << 15
_SPELLING_BITS = 24
_SPELLING_MASK = (1 << _SPELLING_BITS) - 1


@dataclass(frozen=True, slots=True)
class Earlier:
    """The row that had the same key first, and whether it was spelt the same."""

    row: int
    same_spelling: bool


def _wide_digest(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little", signed=True)


# SipHash with a secret of this process, where it has 64 bits: quick, and nobody can plan a
# collision.
_digest = hash if sys.hash_info.width == 64 else _wide_digest


class FirstRows:
    """Remembers who had each key first.

    The newest claims are in a dictionary, which is quick; from time to time they move into sorted
    arrays, which are small.
    """

    def __init__(self) -> None:
        import numpy as np

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
            keys: what makes two people the same.
            spellings: the same keys as they were spelt.
            rows: where they stand, in ascending order; no row makes two claims.

        Returns:
            For the index of each key that was there before, who had it first.
        """
        digests = list(map(_digest, keys))
        spelt = [_digest(spelling) & _SPELLING_MASK for spelling in spellings]
        places = [row << _SPELLING_BITS | mark for row, mark in zip(rows, spelt, strict=True)]
        self._recent.update(self._long_known(digests))
        repeated = {}
        for index, (digest, place) in enumerate(zip(digests, places, strict=True)):
            first = self._recent.setdefault(digest, place)
            if first != place:
                repeated[index] = _earlier(first, spelt[index])
        if len(self._recent) >= _RECENT:
            self._move()
        return repeated

    def _long_known(self, digests: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Those of the digests that are in the arrays, and who had them first."""
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
