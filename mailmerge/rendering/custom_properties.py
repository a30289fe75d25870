"""`var()` in an inlined value -> its value, where the page alone decides it (css-variables-1).

Mail programs that remove `<style>` leave an inlined `var(--x)` without a value, and many do not
know custom properties at all. So the value is put in its place. The custom properties themselves
are not inlined; their rules stay in a `<style>`, for the rules there that use them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from mailmerge.rendering.cascade import Applied
from mailmerge.rendering.stylesheet import split_list

_VAR = re.compile(r"(?<![\w-])var\(", re.IGNORECASE)
_NAME = re.compile(r"\s*(--[\w\-\u0080-\U0010ffff]*)\s*\Z")
_KEYWORDS = frozenset(("initial", "inherit", "unset", "revert", "revert-layer"))
_DEEPEST = 16
_LONGEST = 10_000


class CustomProperties:
    """The custom properties of all elements of a page, as far as they are static."""

    def __init__(
        self, of_element: Mapping[int, Sequence[Applied]], parent_of: Callable[[int], int | None]
    ) -> None:
        """Take the declarations of each element, and its parent; None for the root."""
        self._of_element = of_element
        self._parent_of = parent_of
        self._own: dict[int, dict[str, str]] = {}

    def resolve(self, value: str, element: int) -> str | None:
        """A value with every `var()` replaced; None if one of them has no value."""
        return self._resolve(value, element, 0)

    def with_fallbacks(self, value: str, element: int) -> str:
        """A value in which each `var()` has its present value as its fallback, as far as known."""
        pieces: list[str] = []
        position = 0
        for found in _VAR.finditer(value):
            end = _closing(value, found.end())
            name = _NAME.match(split_list(value[found.end() : end])[0])
            known = None if name is None else self._value_of(name[1], element, 0)
            if name is not None and known is not None and found.start() >= position:
                pieces += [value[position : found.start()], f"var({name[1]}, {known})"]
                position = end + 1
        return "".join([*pieces, value[position:]])

    def _resolve(self, value: str, element: int, depth: int) -> str | None:
        if depth > _DEEPEST or len(value) > _LONGEST:
            return None
        while found := _VAR.search(value):
            end = _closing(value, found.end())
            name, *fallback = split_list(value[found.end() : end])
            named = _NAME.match(name)
            if named is None or len(value) > _LONGEST:
                return None
            replacement = self._value_of(named[1], element, depth)
            if replacement is None and fallback:
                replacement = self._resolve(",".join(fallback).strip(), element, depth + 1)
            if replacement is None:
                return None
            value = value[: found.start()] + replacement + value[end + 1 :]
        return value.strip()

    def _value_of(self, name: str, element: int, depth: int) -> str | None:
        """The value of a property for an element, inherited where it has none of its own."""
        at: int | None = element
        while at is not None:
            value = self._declared(at).get(name)
            if value is not None and value.lower() not in ("inherit", "unset", "revert"):
                if value.lower() == "initial":
                    return None
                return self._resolve(value, at, depth + 1)
            at = self._parent_of(at)
        return None

    def _declared(self, element: int) -> dict[str, str]:
        own = self._own.get(element)
        if own is None:
            custom = [one for one in self._of_element.get(element, ()) if one.declaration.is_custom]
            custom.sort(key=lambda one: one.rank)
            own = {one.declaration.name: one.declaration.value for one in custom}
            self._own[element] = own
        return own


def may_have_no_value(value: str) -> bool:
    """Whether a custom property with this declared value may be as if it were not declared."""
    return uses_custom_properties(value) or value.strip().lower() in _KEYWORDS


def uses_custom_properties(value: str) -> bool:
    """Whether a value holds a `var()`."""
    return "var(" in value.lower()


def names_used(value: str) -> list[str]:
    """The custom properties that a value names, and those of its fallbacks."""
    return re.findall(r"--[\w\-\u0080-\U0010ffff]*", value)


def _closing(value: str, position: int) -> int:
    depth = 1
    for index in range(position, len(value)):
        depth += {"(": 1, ")": -1}.get(value[index], 0)
        if depth == 0:
            return index
    return len(value)
