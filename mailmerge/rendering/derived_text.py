"""The plain text of all pages of one structure, laid out once.

Laying out a page (plaintext.py) takes some milliseconds; writing values into a text takes
microseconds. So the page of a structure is laid out once, with placeholders, and the values of
each recipient are written into the result. The law, checked by test_page_law.py: the text of a
recipient is the text that `text_of_page` makes of the recipient's page.

What can go wrong, and the answer:

1. A value changes the layout around it: a blank value leaves an empty line, a value with a space
   at its end makes two spaces, a value with a soft hyphen may vanish. Such values are *unsteady*.
   They get no placeholder; there is one layout for each combination of them.
2. The target of a link is shown if it says more than the link's text, which depends on the values
   in both. This is decided for each recipient beforehand, and is part of the key of a layout.
3. The layout depends on values in another way: columns of a table are as wide as their cells. So
   each new layout is tested, with the values of the recipient and with long unusual values. If the
   text differs from that of the page, this structure is laid out for each recipient, and `reason`
   says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from mailmerge.language import tr
from mailmerge.rendering.cache import BoundedCache
from mailmerge.rendering.escaping import percent_escape
from mailmerge.rendering.links import bracketed, links_of, shows_target, surely_shows_target
from mailmerge.rendering.placeholders import Placeholders
from mailmerge.rendering.plaintext import DecidedLinks, text_of_page
from mailmerge.rendering.structure import Body, Structure

_TEXTS_TO_A_LAYOUT = 20  # with fewer texts per layout, `reason` is set
_TARGET_FOLLOWS = "\U0010fffc"  # stands after a placeholder in the target of a link
_LONG = "long " * 12 + "end"
_PREFORMATTED = re.compile(r"<pre\b|white-space", re.IGNORECASE)
_INNER_SPACE = re.compile(r"\s{2,}|[^\S ]")
_UNSTEADY_CHARACTER = re.compile(
    "[\u00ad\u034f\u061c\u200b-\u200f\u2007\u2060\ufeff\U0010fffc\U0010fffd\x00-\x08\x0e-\x1f]"
)

_Unsteady: TypeAlias = tuple[tuple[int, str], ...]
_Key: TypeAlias = tuple[_Unsteady, tuple[bool, ...]]


@dataclass(frozen=True, slots=True)
class _Layout:
    """A text with places for values.

    `slots` are the values in the order of the text, and whether each stands in a link's target.
    """

    structure: Structure
    slots: tuple[tuple[int, bool], ...]

    def fill(self, values: Sequence[str]) -> Body:
        """The text of one recipient."""
        written = [
            bracketed(percent_escape(values[index])) if in_target else _single_spaced(values[index])
            for index, in_target in self.slots
        ]
        return Body(self.structure, tuple(written))


class _NoLayout:
    """The text cannot be laid out once: it depends on the values."""


class DerivedText:
    """Makes the plain text of each page of one structure. Thread-safe.

    Attributes:
        reason: why the text is laid out for each recipient; "" if it is laid out once.
    """

    def __init__(
        self,
        static: tuple[str, ...],
        indices: tuple[int, ...],
        escapers: tuple[Callable[[str], str], ...],
        placeholders: Placeholders,
        limit: int,
    ) -> None:
        """Prepare to lay out the page.

        Args:
            static: the texts of the page; see `Structure`.
            indices: the value after each text but the last.
            escapers: how each of these values is written into the page.
            placeholders: the words for values that are in no other text.
            limit: how many layouts are kept.
        """
        self.reason = ""
        self._static = static
        self._indices = indices
        self._escapers = escapers
        self._placeholders = placeholders
        self._limit = limit
        self._keeps_spaces = any(_PREFORMATTED.search(text) for text in static)
        self._layouts: BoundedCache[_Key, _Layout | _NoLayout] = BoundedCache(limit)
        self._links = list(self._links_with_values())

    @property
    def kept(self) -> int:
        """How many layouts are kept."""
        return len(self._layouts)

    def fill(self, values: Sequence[str], page: Body) -> Body:
        """The text of one recipient's page."""
        unsteady = _unsteady(values, self._indices, keeps_spaces=self._keeps_spaces)
        key = (unsteady, self._shown_targets(values))
        layout = self._layouts.get(key, lambda: self._make(values, *key))
        if isinstance(layout, _NoLayout):
            return Body(Structure((text_of_page(str(page)),)))
        return layout.fill(values)

    def _shown_targets(self, values: Sequence[str]) -> tuple[bool, ...]:
        """For each link that depends on values: whether its target is shown."""
        if not self._links:
            return ()
        return tuple([shows_target(*link) for link in self._filled_links(values)])

    def _filled_links(self, values: Sequence[str]) -> list[tuple[str, str]]:
        words = self._placeholders
        return [
            (
                words.replace(text, {index: values[index] for index in words.within(text)}),
                words.replace(
                    target,
                    {index: percent_escape(values[index]) for index in words.within(target)},
                ),
            )
            for text, target in self._links
        ]

    def _page(self, values: Mapping[int, str]) -> str:
        """The page with some values, and the placeholders of all others."""
        text = [self._static[0]]
        for index, escape, after in zip(
            self._indices, self._escapers, self._static[1:], strict=True
        ):
            value = values.get(index)
            text += [self._placeholders.word(index) if value is None else escape(value), after]
        return "".join(text)

    def _links_with_values(self) -> Iterator[tuple[str, str]]:
        """The links whose values decide whether the target is shown."""
        for text, target in links_of(self._page({})) if self._indices else ():
            text_start, target_start = (
                self._placeholders.split(part)[0][0] for part in (text, target)
            )
            has_values = self._placeholders.within(text + target)
            if has_values and not surely_shows_target(text_start, target_start):
                yield text, target

    def _make(
        self, values: Sequence[str], unsteady: _Unsteady, shown: tuple[bool, ...]
    ) -> _Layout | _NoLayout:
        layout = self._tried(values, unsteady, shown)
        many = self._layouts.made + 1 > max(self._limit, self._layouts.asked // _TEXTS_TO_A_LAYOUT)
        if many or isinstance(layout, _NoLayout):
            self.reason = tr("the layout of the text that is made from the HTML depends on the row")
        return layout

    def _tried(
        self, values: Sequence[str], unsteady: _Unsteady, shown: tuple[bool, ...]
    ) -> _Layout | _NoLayout:
        """The layout, if it gives the text of the page for these values and for unusual ones."""
        fixed = dict(unsteady)
        words = [fixed.get(i, self._placeholders.word(i)) for i in range(len(values))]
        layout = self._split(self._text(words, shown))
        if not layout.slots and not self._indices:
            return layout
        strange = [fixed.get(i, f"{i} & <&lt;> é {_LONG}") for i in range(len(values))]
        for tried in (values, strange):
            if str(layout.fill(tried)) != self._text(tried, shown):
                return _NoLayout()
        return layout

    def _text(self, values: Sequence[str], shown: tuple[bool, ...]) -> str:
        """The text of the page with these values, some of which may be placeholders."""
        decided: DecidedLinks = dict(zip(self._filled_links(values), shown, strict=True))
        return text_of_page(self._page(dict(enumerate(values))), decided, self._mark_target)

    def _mark_target(self, target: str) -> str:
        return self._placeholders.pattern.sub(rf"\g<0>{_TARGET_FOLLOWS}", target)

    def _split(self, text: str) -> _Layout:
        pieces, indices = self._placeholders.split(text)
        in_target = [piece.startswith(_TARGET_FOLLOWS) for piece in pieces[1:]]
        static = tuple(piece.removeprefix(_TARGET_FOLLOWS) for piece in pieces)
        return _Layout(Structure(static), tuple(zip(indices, in_target, strict=True)))


def _unsteady(values: Sequence[str], indices: tuple[int, ...], *, keeps_spaces: bool) -> _Unsteady:
    """The values that could change the layout: blank ones, and those with spaces at an end.

    Where the page `keeps_spaces`, so can those with more than one space in a row.
    """
    joined = "".join(values)
    if not joined.isprintable() or keeps_spaces or "\u034f" in joined:
        return tuple(
            [
                (i, values[i])
                for i in sorted(set(indices))
                if _is_unsteady(values[i]) or (keeps_spaces and _INNER_SPACE.search(values[i]))
            ]
        )
    return tuple(
        [
            (i, value)
            for i, value in enumerate(values)
            if not value or value[0] == " " or value[-1] == " "
        ]
    )


def _is_unsteady(value: str) -> bool:
    return not value or value != value.strip() or _UNSTEADY_CHARACTER.search(value) is not None


def _single_spaced(value: str) -> str:
    return " ".join(value.split()) if _INNER_SPACE.search(value) else value
