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

_BUCKETS = 32  # sorted apart, so that adding to one never copies all
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
    """Remembers who had each key first."""

    def __init__(self) -> None:
        import numpy as np

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
            rows: where they stand, in ascending order.

        Returns:
            For the index of each key that was there before, who had it first.
        """
        import numpy as np

        digests = np.fromiter(map(_digest, keys), np.int64, len(keys))
        spelt = np.fromiter(map(_digest, spellings), np.int64, len(keys)) & _SPELLING_MASK
        places = np.fromiter(rows, np.int64, len(keys)) << _SPELLING_BITS | spelt
        distinct, first, inverse = np.unique(digests, return_index=True, return_inverse=True)
        firsts = places[first]
        new = np.ones(len(distinct), np.bool_)
        for number, bounds in self._shares(distinct):
            self._visit(number, distinct[bounds], firsts[bounds], new[bounds])
        repeated = np.flatnonzero(~new[inverse] | (first[inverse] != np.arange(len(keys))))
        return {
            index: _earlier(int(firsts[inverse[index]]), int(spelt[index]))
            for index in repeated.tolist()
        }

    def _shares(self, distinct: NDArray[np.int64]) -> Iterator[tuple[int, slice]]:
        """For each bucket that some of the sorted digests belong to, which of them do."""
        import numpy as np

        edges = np.searchsorted(distinct, self._edges).tolist()
        bounds = zip([0, *edges], [*edges, len(distinct)], strict=True)
        return ((n, slice(*pair)) for n, pair in enumerate(bounds) if pair[0] < pair[1])

    def _visit(
        self,
        number: int,
        digests: NDArray[np.int64],
        firsts: NDArray[np.int64],
        new: NDArray[np.bool_],
    ) -> None:
        """Look sorted digests up in a bucket: fill in who had the old ones first, add the new."""
        import numpy as np

        known, places = self._digests[number], self._places[number]
        where = np.searchsorted(known, digests)
        if len(known):
            np.not_equal(known[np.minimum(where, len(known) - 1)], digests, out=new)
            firsts[~new] = places[where[~new]]
        self._digests[number] = np.insert(known, where[new], digests[new])
        self._places[number] = np.insert(places, where[new], firsts[new])


def _earlier(place: int, spelt: int) -> Earlier:
    return Earlier(place >> _SPELLING_BITS, place & _SPELLING_MASK == spelt)
