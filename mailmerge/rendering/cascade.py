"""The rules that match an element -> its `style` attribute, and what must stay in a `<style>`.

The theory (css-cascade-4, 6). For one property of one element the declarations are ordered: those
of rules by specificity and place, above them those of the style attribute, above them the important
ones of rules, above them the important ones of the style attribute. Inlining moves normal
declarations of rules up into the style attribute. Two things can go wrong.

1. *Among inlined declarations.* A style attribute has an order and no specificity. So the
   declarations of an element are written in the order of the cascade, each as it was written: the
   browser then decides as before, also between shorthands and longhands, and between a value and
   its fallback. A declaration is left out only if a later one of another rule surely overrides it.

2. *Between inlined declarations and rules that stay* (`@media`, `:hover`, rules for one client). A
   rule that stays would lose against an inlined declaration that it beats. It is *raised*: it gets
   `!important`. But then it also wins where it has to lose. So whatever beats a raised declaration
   is raised in turn: a rule is kept beside the inlined declaration, with `!important`, and the two
   are again ordered by specificity; a declaration of the style attribute gets `!important` there.
   Each declaration is raised once at most, so this ends. A declaration that stays and was written
   with `!important` may now lose to a raised one of a more specific rule. It is *boosted*: a copy
   of its rule follows, with an id that no element has, and so with a higher specificity. What
   beats it is important too, and is boosted in turn. An inlined one that was written with
   `!important` may lose in the same way. If nothing else beats it, it keeps `!important` in the
   style attribute; if something does, it is boosted, because nothing beats a style attribute.

A declaration with `!important` that is inlined loses it: Outlook drops such declarations. Only
where a rule that stays would win because of that, it is kept in one of the two ways.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from mailmerge.rendering.colors import with_legacy_colors
from mailmerge.rendering.properties import is_known_everywhere, overlap, overrides
from mailmerge.rendering.stylesheet import Declaration, parse_declarations

MOST_STEPS = 1_000_000
"""Comparisons of declarations for one page; a usual page takes some thousands."""


class TooManyStyles(ValueError):
    """A page has so many rules that match so many elements that nothing is inlined."""


class Rank(NamedTuple):
    """The place of a declaration in the cascade; a greater one wins."""

    layer: int
    specificity: tuple[int, int, int]
    order: int
    place: int


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """The declarations of one rule for one of its selectors.

    Attributes:
        declarations: in their order.
        specificity: that of the selector.
        order: the place of the rule among all rules of the page.
        stays: whether it stays in a `<style>`, because its selector is not static.
    """

    declarations: tuple[Declaration, ...]
    specificity: tuple[int, int, int] = (0, 0, 0)
    order: int = 0
    stays: bool = False


class Applied(NamedTuple):
    """A declaration that applies to an element: of a block, or of its style attribute (None)."""

    block: Block | None
    declaration: Declaration
    rank: Rank

    @property
    def key(self) -> tuple[int, int]:
        """Identifies the declaration of a block."""
        return id(self.block), self.rank.place


def of_block(block: Block) -> list[Applied]:
    """The declarations of a block with their ranks."""
    return [
        Applied(block, one, Rank(2 if one.important else 0, block.specificity, block.order, index))
        for index, one in enumerate(block.declarations)
    ]


def of_attribute(style: str) -> list[Applied]:
    """The declarations of a style attribute with their ranks."""
    return [
        Applied(None, one, Rank(3 if one.important else 1, (0, 0, 0), 0, index))
        for index, one in enumerate(parse_declarations(style))
    ]


@dataclass(slots=True)
class Raised:
    """What has to be raised.

    Attributes:
        declarations: of blocks, by `Applied.key`: they stay in a `<style>` with `!important`.
        boosted: those of them that need a higher specificity.
        important: for an element, the ranks of its declarations that keep or get `!important` in
            the style attribute.
    """

    declarations: set[tuple[int, int]] = field(default_factory=set)
    boosted: set[tuple[int, int]] = field(default_factory=set)
    important: dict[int, set[Rank]] = field(default_factory=lambda: defaultdict(set))


class Cascade:
    """All declarations of a page, by element; elements are known by a number.

    Attributes:
        of_element: for each element the declarations that can be inlined.
    """

    def __init__(self) -> None:
        self.of_element: dict[int, list[Applied]] = defaultdict(list)
        self._staying: dict[int, list[Applied]] = defaultdict(list)
        self._elements: dict[int, Sequence[int]] = {}
        self._steps = 0

    def add(self, block: Block, elements: Sequence[int]) -> None:
        """Add a block and the elements that its selector matches, or may match if it stays.

        Raises:
            TooManyStyles: there are too many declarations.
        """
        applied = of_block(block)
        self._count(len(applied) * len(elements))
        self._elements[id(block)] = elements
        where = self._staying if block.stays else self.of_element
        for element in elements:
            where[element] += applied

    def add_attribute(self, element: int, style: str) -> None:
        """Add the style attribute of an element."""
        self.of_element[element] += of_attribute(style)

    def raise_needed(self, first: Iterable[Applied] = ()) -> Raised:
        """What must be raised so that the page looks the same; `first` is raised in any case.

        Raises:
            TooManyStyles: the comparison takes too many steps.
        """
        raised = Raised()
        waiting: list[Applied] = []
        for applied in [*first, *self._first()]:
            if applied.key not in raised.declarations:
                raised.declarations.add(applied.key)
                waiting.append(applied)
        while waiting:
            for other in self._beating(waiting.pop(), raised):
                raised.declarations.add(other.key)
                waiting.append(other)
        return raised

    def _first(self) -> Iterator[Applied]:
        """Declarations that stay, and that are important or beat an inlined one."""
        for element, staying in self._staying.items():
            inlined = self.of_element.get(element, ())
            for applied in staying:
                self._count(len(inlined) + 1)
                if applied.declaration.important or any(
                    other.rank < applied.rank
                    and overlap(other.declaration.name, applied.declaration.name)
                    for other in inlined
                ):
                    yield applied

    def _beating(self, applied: Applied, raised: Raised) -> Iterator[Applied]:
        """The declarations that beat a raised one and are not raised yet."""
        name = applied.declaration.name
        for element in self._elements[id(applied.block)]:
            inlined = self.of_element.get(element, ())
            staying = self._staying.get(element, ())
            self._count(len(inlined) + len(staying))
            for other in (*inlined, *staying):
                if other.rank <= applied.rank or not overlap(other.declaration.name, name):
                    continue
                if other.block is None:
                    if not _loses_to_important(other, inlined):
                        raised.important[element].add(other.rank)
                    continue
                if other.key not in raised.declarations:
                    yield other
                # Both are important now, and by specificity the wrong one may win.
                if not _needs_boost(other, applied, raised):
                    continue
                if other.block.stays or _is_beaten(other, inlined, staying):
                    raised.boosted.add(other.key)
                    yield other
                else:
                    raised.important[element].add(other.rank)

    def _count(self, steps: int) -> None:
        self._steps += steps
        if self._steps > MOST_STEPS:
            raise TooManyStyles


def _needs_boost(other: Applied, applied: Applied, raised: Raised) -> bool:
    """Whether an important declaration would lose to one that was raised or boosted."""
    if other.key in raised.boosted or other.rank.layer != 2:
        return False
    return applied.key in raised.boosted or other.rank[1:] < applied.rank[1:]


def _is_beaten(one: Applied, inlined: Sequence[Applied], staying: Sequence[Applied]) -> bool:
    """Whether another declaration of an element beats this one: it must not be important there."""
    return any(
        other.rank > one.rank and overlap(other.declaration.name, one.declaration.name)
        for other in (*inlined, *staying)
    )


def _loses_to_important(attribute: Applied, inlined: Sequence[Applied]) -> bool:
    """Whether a declaration of a style attribute is important, or loses to one that is."""
    return attribute.declaration.important or any(
        other.rank.layer == 3 and overlap(other.declaration.name, attribute.declaration.name)
        for other in inlined
    )


def write_style(applied: Iterable[Applied], style: str, important: set[Rank]) -> str:
    """A style attribute: the declarations of rules around those that the author wrote.

    Args:
        applied: the declarations of rules, with resolved values.
        style: the style attribute as written.
        important: the declarations that have `!important`.
    """
    ordered = sorted(applied, key=lambda one: one.rank)
    below = [one for one in ordered if one.rank.layer == 0]
    above = [one for one in ordered if one.rank.layer == 2]
    written = of_attribute(style)
    kept = _without_overridden(sorted([*below, *written, *above], key=lambda one: one.rank))
    first = _all_texts(kept, 0, important)
    last = _all_texts(kept, 2, important)
    if any(one.rank in important for one in written):
        own = "; ".join(_text(one, important) for one in written)
    elif first or last:
        own = style.strip().rstrip("; \n\t")
    else:
        return style
    return "; ".join([*first, *([own] if own else []), *last])


def _without_overridden(applied: Sequence[Applied]) -> list[Applied]:
    """Leave out what a later declaration of another rule surely overrides."""
    kept: list[Applied] = []
    later: dict[tuple[str, int], Applied] = {}
    repeated: set[str] = set()
    for one in reversed(applied):
        declaration = one.declaration
        if one.block is not None and str(declaration) in repeated:
            continue
        repeated.add(str(declaration))
        if any(
            other.block is not one.block
            and overrides(other.declaration.name, other.declaration.value, declaration.name)
            for other in later.values()
        ):
            continue
        kept.append(one)
        if is_known_everywhere(declaration.name, declaration.value):
            later.setdefault((declaration.name, id(one.block)), one)
    return kept[::-1]


def _all_texts(applied: Sequence[Applied], layer: int, important: set[Rank]) -> list[str]:
    """The declarations of one layer, each new colour after one that more clients know."""
    texts: list[str] = []
    met: set[tuple[str, int]] = set()
    for one in applied:
        declaration = one.declaration
        key = (declaration.name, id(one.block))
        if one.rank.layer == layer:
            fallback = None if key in met else with_legacy_colors(declaration.value)
            if fallback is not None and not declaration.is_custom:
                before = one._replace(declaration=Declaration(declaration.name, fallback))
                texts.append(_text(before, important))
            texts.append(_text(one, important))
        met.add(key)
    return texts


def _text(one: Applied, important: set[Rank]) -> str:
    raised = one.rank in important or one.rank.layer == 3
    return f"{one.declaration} !important" if raised else str(one.declaration)
