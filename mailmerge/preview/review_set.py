"""Many messages -> the few that stand for them all.

Two people whose messages took the same branches of a template share its structure. What structures
differ in are pieces of static text: one that only an `{% if %}` writes, or that a loop wrote twice.
The review set is a greedy cover of those differences, with the extremes added to it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from mailmerge.rendering.content import Content, Structure

COVERED_WAYS = 10
"""People taken for the branches; what a larger set would add are combinations, not branches."""

WAYS_LOOKED_AT = 400
"""Different structures that are compared; a template with more has most branches among these."""

Cause = Literal["branches", "subject", "empty", "largest", "refused"]

_CUT = re.compile(r"(?=<)|\n")
_TAG = re.compile(r"<[a-zA-Z][^\s>]*")


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A person of the review set, and why: each cause with its number (characters, cells), or 0."""

    key: str
    row: int
    causes: tuple[tuple[Cause, int], ...]


@dataclass(slots=True)
class Review:
    """Looks at one message after the other; memory is bounded by WAYS_LOOKED_AT structures.

    `steps_aside` says whether the structure cache does not apply, so that each message has a
    structure of its own; then the tags that it has, and how often, stand for it.
    """

    steps_aside: Callable[[], bool] = lambda: False
    _ways: dict[object, tuple[str, int, Counter[str]]] = field(default_factory=dict)
    _kept: list[tuple[Structure, Structure | None]] = field(default_factory=list)
    _extremes: dict[Cause, tuple[int, str, int]] = field(default_factory=dict)

    def look(self, key: str, row: int, cells: Iterable[str], content: Content, size: int) -> None:
        """Take one person's message into account; `size` is in octets."""
        self._extreme("subject", len(content.subject), key, row)
        self._extreme("empty", sum(not cell for cell in cells), key, row)
        self._extreme("largest", size, key, row)
        if len(self._ways) >= WAYS_LOOKED_AT:
            return
        way, pieces = self._way(content)
        if way not in self._ways:
            html = content.html.structure if content.html else None
            # Identities are only unique among the living.
            self._kept.append((content.text.structure, html))
            self._ways[way] = (key, row, pieces if pieces is not None else _pieces(content))

    def refuse(self, key: str, row: int) -> None:
        """A person whose message cannot be made; the first one is worth a look."""
        self._extremes.setdefault("refused", (0, key, row))

    def chosen(self) -> tuple[Reviewed, ...]:
        """The review set in the order of the rows."""
        causes: dict[tuple[int, str], list[tuple[Cause, int]]] = {}
        for key, row in cover(list(self._ways.values())):
            causes.setdefault((row, key), []).append(("branches", 0))
        for cause, (number, key, row) in self._extremes.items():
            if number or cause == "refused":
                shown = 0 if cause == "largest" else number
                causes.setdefault((row, key), []).append((cause, shown))
        return tuple(Reviewed(key, row, tuple(why)) for (row, key), why in sorted(causes.items()))

    def _extreme(self, cause: Cause, number: int, key: str, row: int) -> None:
        if number > self._extremes.get(cause, (-1, "", 0))[0]:
            self._extremes[cause] = (number, key, row)

    def _way(self, content: Content) -> tuple[object, Counter[str] | None]:
        html = content.html.structure if content.html else None
        if not self.steps_aside():
            return (id(content.text.structure), id(html)), None
        tags = Counter(_TAG.findall(str(content.html))) if content.html else Counter()
        return frozenset(tags.items()), tags


def cover(ways: list[tuple[str, int, Counter[str]]]) -> list[tuple[str, int]]:
    """The few whose pieces together are all pieces: absent, once, and more often.

    Greedy, at most COVERED_WAYS; the first person is taken where nobody differs.
    """
    everywhere = _common(ways)
    pieces = set().union(*(way[2].keys() for way in ways))
    open_ways = [(key, row, _features(counted, pieces) - everywhere) for key, row, counted in ways]
    missing = set().union(*(features for _, _, features in open_ways))
    taken: list[tuple[str, int]] = []
    while missing and len(taken) < COVERED_WAYS:
        key, row, features = max(open_ways, key=lambda way: (len(way[2] & missing), -way[1]))
        taken.append((key, row))
        missing -= features
    return taken or [(key, row) for key, row, _ in ways[:1]]


def _features(counted: Counter[str], pieces: set[str]) -> set[tuple[str, int]]:
    return {(piece, min(counted[piece], 2)) for piece in pieces}


def _common(ways: list[tuple[str, int, Counter[str]]]) -> set[tuple[str, int]]:
    """Features of every way: they tell nobody apart."""
    if not ways:
        return set()
    pieces = set().union(*(way[2].keys() for way in ways))
    return set.intersection(*(_features(counted, pieces) for _, _, counted in ways))


def _pieces(content: Content) -> Counter[str]:
    structures = [content.text.structure, *([content.html.structure] if content.html else [])]
    return Counter(
        stripped
        for structure in structures
        for static in structure.static
        for piece in _CUT.split(static)
        if (stripped := piece.strip())
    )
