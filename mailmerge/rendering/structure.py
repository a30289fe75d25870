"""Pieces of a rendered template -> what is the same for everyone (structure) and what is not.

A template that is run yields pieces: constants of its source, and outputs. Where two people take
the same branches the constants are the same, so that the expensive work on them is done once.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import unescape
from typing import Generic, TypeAlias, TypeVar

from markupsafe import escape

from mailmerge.rendering.marking import Cell


@dataclass(frozen=True, slots=True)
class RelatedImage:
    """A local image that the HTML shows (RFC 2387).

    `path` is relative to the campaign folder; `reference` is its Content-ID without the angle
    brackets (RFC 2392), or its Content-Location (RFC 2557).
    """

    path: str
    reference: str


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Structure:
    """What is the same in every text that took the same branches of a template.

    `static` holds one text more than there are values: static[0] value[0] static[1] ... It is
    compared by identity, so that later stages compile each structure once.
    """

    static: tuple[str, ...]
    images: tuple[RelatedImage, ...] = ()


@dataclass(frozen=True, slots=True)
class Body:
    """One person's text: a structure, and the values written as their places want them."""

    structure: Structure
    values: tuple[str, ...] = ()

    def __str__(self) -> str:
        static = self.structure.static
        woven = [piece for pair in zip(static, self.values, strict=False) for piece in pair]
        return "".join([*woven, static[-1]])


Key: TypeAlias = tuple[str, ...]
"""What a template yielded, with the mark in place of every value."""

Literals: TypeAlias = tuple[tuple[int, str], ...]
"""Values that belong to the structure after all: the index of each, and the value."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What one run of a template yielded: the pieces that are its structure, and the values."""

    key: Key
    values: tuple[str, ...]

    def static(self, mark: str) -> tuple[str, ...]:
        """The texts before, between and behind the values."""
        static = [""]
        for piece in self.key:
            if piece == mark:
                static.append("")
            else:
                static[-1] += piece
        return tuple(static)

    def written(self, *, escaped: bool) -> list[str]:
        """The values as the template wrote them."""
        return [str(escape(str(value))) if escaped else value for value in self.values]


def cut(pieces: Iterable[str], mark: str, *, escaped: bool) -> Cut:
    """Part the pieces that a marking template yields.

    The constants among the pieces are the same objects each time, whose hashes Python keeps: a
    structure is found without reading its text. Values are as they were before any escaping;
    `escaped` says whether marked text is HTML.
    """
    key: list[str] = []
    values: list[str] = []
    for piece in pieces:
        if type(piece) is Cell:
            key.append(mark)
            values.append(piece)
        elif mark in piece:
            _cut_marked(piece, mark, key, values, escaped=escaped)
        else:
            key.append(piece)
    return Cut(tuple(key), tuple(values))


def _cut_marked(piece: str, mark: str, key: list[str], values: list[str], *, escaped: bool) -> None:
    for index, part in enumerate(str(piece).split(mark)):
        if index % 2 == 0:
            key.append(part)
            continue
        value = unescape(part) if escaped else part
        if escaped and str(escape(value)) != part:
            # A filter went over the escaped text: it is markup now.
            key.append(part)
        else:
            key.append(mark)
            values.append(value)


def woven(key: Key, mark: str, values: Sequence[str]) -> str:
    """The text of a key with its values put back."""
    following = iter(values)
    return "".join([next(following) if piece is mark or piece == mark else piece for piece in key])


F = TypeVar("F")


class StructureCache(Generic[F]):
    """The forms of the latest structures, found by key and literals; made where they are not there.

    Lanes share it: looking up takes no lock, making does, so that no form is made twice.
    """

    def __init__(self, bound: int) -> None:
        self.bound = bound
        self.made = 0
        self._forms: OrderedDict[tuple[Key, Literals], F] = OrderedDict()
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._forms)

    def get(self, key: Key, literals: Literals, make: Callable[[], F]) -> F:
        """The form of a structure, made by `make` where it is not known yet."""
        place = (key, literals)
        try:
            self._forms.move_to_end(place)
            return self._forms[place]
        except KeyError:
            pass
        with self._lock:
            form = self._forms.get(place)
            if form is None:
                form = self._forms[place] = make()
                self.made += 1
                while len(self._forms) > self.bound:
                    self._forms.popitem(last=False)
            return form
