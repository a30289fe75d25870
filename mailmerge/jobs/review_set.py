"""Many messages -> the review set: a few that together take every branch of the template.

Two recipients whose messages take the same branches of a template share its structure. Structures
differ in pieces of static text: a piece that an `{% if %}` leaves out, or that a loop repeats. So
the features of a structure are its pieces, each with the number of times that it occurs: none, one,
or several. The review set is a greedy set cover of all features that are not in every structure.
The extremes are added: the longest subject, the most empty cells, the largest message, and the
first message that cannot be made.

Memory is bounded: only the first 400 different structures are compared. If a template has more,
these show most of its branches.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Literal

from mailmerge.errors import InputError
from mailmerge.messages import MessageFactory
from mailmerge.recipients.recipient import Recipient
from mailmerge.rendering.content import Content, Structure

_CUT = re.compile(r"(?=<)|\n")
_TAG = re.compile(r"<[a-zA-Z][^\s>]*")

SAMPLE_SIZE: Final = 20_000
"""Messages that are examined, evenly spaced over a longer list."""

_Reason = Literal["branches", "subject", "empty", "largest", "refused"]
_Pieces = Counter[str]
_Feature = tuple[str, int]


@dataclass(frozen=True, slots=True)
class ReviewedRow:
    """A row of the review set and the reasons for it, each with a number (of characters, cells).

    The number is 0 where the reason has none.
    """

    key: str
    row: int
    reasons: tuple[tuple[_Reason, int], ...]


@dataclass(slots=True)
class ReviewSet:
    """Takes one message after the other, and chooses at the end.

    `separate_structures` says whether the structure cache is off, so that each message has its own
    structure; then messages are compared by their HTML tags and the number of each.
    `most_structures` bounds the memory. `most_branches` bounds the rows chosen for the branches:
    more rows would only add combinations of branches.
    """

    separate_structures: Callable[[], bool] = lambda: False
    most_structures: int = 400
    most_branches: int = 10
    _variants: dict[object, tuple[str, int, _Pieces]] = field(default_factory=dict)
    _kept: list[tuple[Structure, Structure | None]] = field(default_factory=list)
    _extremes: dict[_Reason, tuple[int, str, int]] = field(default_factory=dict)

    def add(self, key: str, row: int, cells: Iterable[str], content: Content, size: int) -> None:
        """Take the message of one recipient into account; `size` is in bytes."""
        self._note_extreme("subject", len(content.subject), key, row)
        self._note_extreme("empty", sum(not cell for cell in cells), key, row)
        self._note_extreme("largest", size, key, row)
        if len(self._variants) >= self.most_structures:
            return
        variant, pieces = self._variant(content)
        if variant not in self._variants:
            html = content.html.structure if content.html else None
            # Variants are told apart by id(), which is unique only among living objects.
            self._kept.append((content.text.structure, html))
            self._variants[variant] = key, row, _pieces(content) if pieces is None else pieces

    def add_failure(self, key: str, row: int) -> None:
        """Take a message into account that cannot be made; the first one is chosen."""
        self._extremes.setdefault("refused", (0, key, row))

    def chosen(self) -> tuple[ReviewedRow, ...]:
        """The review set in the order of the rows."""
        reasons: dict[tuple[int, str], list[tuple[_Reason, int]]] = {}
        for key, row in _cover(list(self._variants.values()), self.most_branches):
            reasons.setdefault((row, key), []).append(("branches", 0))
        for reason, (number, key, row) in self._extremes.items():
            if number or reason == "refused":
                shown = 0 if reason == "largest" else number
                reasons.setdefault((row, key), []).append((reason, shown))
        return tuple(
            ReviewedRow(key, row, tuple(why)) for (row, key), why in sorted(reasons.items())
        )

    def _note_extreme(self, reason: _Reason, number: int, key: str, row: int) -> None:
        if number > self._extremes.get(reason, (-1, "", 0))[0]:
            self._extremes[reason] = (number, key, row)

    def _variant(self, content: Content) -> tuple[object, _Pieces | None]:
        html = content.html.structure if content.html else None
        if not self.separate_structures():
            return (id(content.text.structure), id(html)), None
        tags = Counter(_TAG.findall(str(content.html))) if content.html else Counter()
        return frozenset(tags.items()), tags


def review_keys(
    recipients: Iterable[Recipient], messages: MessageFactory, step: int = 1
) -> frozenset[str]:
    """The keys of the review set; only each `step`-th recipient is examined."""
    chosen = ReviewSet(lambda: bool(messages.slow_because))
    for recipient in islice(recipients, 0, None, step):
        try:
            message = messages.sample(recipient)
        except InputError:
            continue  # the check has said why, and the row is left out
        cells = recipient.cells.values()
        chosen.add(recipient.key, recipient.row, cells, message.content, message.size)
    return frozenset(one.key for one in chosen.chosen())


def _cover(variants: list[tuple[str, int, _Pieces]], most: int) -> list[tuple[str, int]]:
    """At most `most` (key, row) whose features together are all features; greedy.

    The first one is taken if all variants have the same features.
    """
    pieces = set().union(*(counted.keys() for _, _, counted in variants))
    candidates = [(key, row, _features(counted, pieces)) for key, row, counted in variants]
    common = set.intersection(*(features for _, _, features in candidates)) if candidates else set()
    missing = set().union(*(features for _, _, features in candidates)) - common
    taken: list[tuple[str, int]] = []
    while missing and len(taken) < most:
        key, row, features = max(candidates, key=lambda one: (len(one[2] & missing), -one[1]))
        taken.append((key, row))
        missing -= features
    return taken or [(key, row) for key, row, _ in variants[:1]]


def _features(counted: _Pieces, pieces: set[str]) -> set[_Feature]:
    """How often each piece occurs: 0, 1, or 2 for more than once."""
    return {(piece, min(counted[piece], 2)) for piece in pieces}


def _pieces(content: Content) -> _Pieces:
    structures = [content.text.structure, *([content.html.structure] if content.html else [])]
    return Counter(
        stripped
        for structure in structures
        for static in structure.static
        for piece in _CUT.split(static)
        if (stripped := piece.strip())
    )
