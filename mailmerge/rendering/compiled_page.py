"""One structure of a page, compiled: the values of a recipient are written into it.

A structure has one of two results. Either some of its values must be structural
(`StructuralValues`): then the page is looked up again, with those values as part of the key. Or
it is compiled (`CompiledPage`), and then the values of most recipients fit. Values of a
recipient that do not fit (structure.py, case 4) become structural in turn.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from mailmerge.rendering.derived_text import DerivedText
from mailmerge.rendering.escaping import (
    ESCAPERS,
    HtmlContext,
    escape_attribute,
    may_stand_in_url,
    needs_no_escaping,
    percent_escape,
)
from mailmerge.rendering.locations import is_remote
from mailmerge.rendering.structure import Body, Structure

# The parser of HTML drops or changes these, each in its own way.
_CHANGED_BY_PARSER = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]|[\U0001fffe\U0001ffff]"
)
_DROPPED_IN_URL = re.compile(r"[\t\n\r]")


@dataclass(frozen=True, slots=True)
class Slots:
    """The places of the values in a compiled page, in the order of the page.

    A value may have several slots, or none.

    Attributes:
        indices: for each slot, the index of its value.
        escapers: for each slot, the function that escapes its value.
        in_attributes: the slots within an attribute.
        in_urls: of these, the slots within a URL.
        in_comments: whether any slot is in a comment.
    """

    indices: tuple[int, ...] = ()
    escapers: tuple[Callable[[str], str], ...] = ()
    in_attributes: tuple[int, ...] = ()
    in_urls: tuple[int, ...] = ()
    in_comments: bool = False

    @classmethod
    def of(cls, indices: tuple[int, ...], contexts: tuple[HtmlContext, ...]) -> Slots:
        """The slots of these values, each with its context."""
        attributes = (HtmlContext.ATTRIBUTE, HtmlContext.URL)
        return cls(
            indices,
            tuple(ESCAPERS[context] for context in contexts),
            tuple(slot for slot, context in enumerate(contexts) if context in attributes),
            tuple(slot for slot, context in enumerate(contexts) if context is HtmlContext.URL),
            HtmlContext.COMMENT in contexts,
        )


class ValueRule(NamedTuple):
    """A property that these values, by index, must not have if a compiled page is to fit them."""

    breaks: Callable[[str], bool]
    indices: tuple[int, ...]


def is_blank(value: str) -> bool:
    """Whether white space around a value could collapse."""
    return not value.strip()


def starts_with_space(value: str) -> bool:
    """Whether a URL that begins with this value would lose a space."""
    return value[:1].isspace()


def ends_with_space(value: str) -> bool:
    """Whether a page that ends with this value would lose a space."""
    return value[-1:].isspace()


def may_be_file(value: str) -> bool:
    """Whether the URL of an image that begins with this value may be that of a file."""
    return not is_remote(value)


def ends_comment(value: str) -> bool:
    """Whether a comment that contains this value may end early (HTML, 13.1.6)."""
    return "--" in value or value.startswith("-") or value.endswith("-")


@dataclass(frozen=True, slots=True, eq=False)
class CompiledPage:
    """A structure that values are written into.

    Attributes:
        text: makes the plain text of the page; None if a template makes it.
    """

    structure: Structure
    slots: Slots = field(default_factory=Slots)
    rules: tuple[ValueRule, ...] = ()
    text: DerivedText | None = None

    def unfit(self, values: tuple[str, ...]) -> tuple[int, ...]:
        """The values that cannot be written into this structure, in ascending order."""
        unfit = [
            index for breaks, indices in self.rules for index in indices if breaks(values[index])
        ]
        joined = "".join(values)
        if not joined.isprintable():
            if "\r" in joined:  # it may be half of a line end
                return tuple(sorted(set(self.slots.indices)))
            slots = self.slots
            unfit += [i for i in slots.indices if _CHANGED_BY_PARSER.search(values[i])]
            in_urls = [slots.indices[slot] for slot in slots.in_urls]
            unfit += [index for index in in_urls if _DROPPED_IN_URL.search(values[index])]
        return tuple(sorted(set(unfit))) if unfit else ()

    def fill(self, values: tuple[str, ...]) -> Body:
        """The page of one recipient; its values must fit."""
        return Body(self.structure, tuple(self._escaped(values)))

    def _escaped(self, values: tuple[str, ...]) -> list[str]:
        """The values as they are written in their slots.

        This is the inner loop of rendering. Most values need no escaping, and one test of all of
        them together shows that.
        """
        slots = self.slots
        joined = "".join(values)
        if slots.in_comments or not needs_no_escaping(joined):
            pairs = zip(slots.escapers, slots.indices)  # noqa: B905 - of one length, and `strict` costs time
            return [escape(values[index]) for escape, index in pairs]
        written = [values[index] for index in slots.indices]
        if "'" in joined:
            for slot in slots.in_attributes:
                written[slot] = escape_attribute(written[slot])
        if not may_stand_in_url("".join([written[slot] for slot in slots.in_urls])):
            for slot in slots.in_urls:
                written[slot] = percent_escape(written[slot])
        return written


@dataclass(frozen=True, slots=True)
class StructuralValues:
    """The values, by their index, that must be structural before a structure can be compiled."""

    indices: tuple[int, ...]


PageResult: TypeAlias = CompiledPage | StructuralValues
