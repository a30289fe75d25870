"""Selectors -> the elements of a page that they match, by number.

turbohtml matches (selectors-4). Elements are numbered in the order of the tree. The content of
`<template>` is not part of a page and has no numbers.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from functools import cached_property

import turbohtml

from mailmerge.rendering.cascade import TooManyStyles
from mailmerge.rendering.document import (
    Document,
    Element,
    attribute,
    comments_of,
    is_element,
    is_written,
)
from mailmerge.rendering.selectors import Selector, analyse, loosened

_FORMATTING = frozenset(
    [
        "a",
        "b",
        "big",
        "code",
        "em",
        "font",
        "i",
        "nobr",
        "s",
        "small",
        "strike",
        "strong",
        "tt",
        "u",
    ]
)  # HTML, 13.2.4.3
_WITHOUT_STYLE = frozenset(
    ["head", "title", "meta", "link", "style", "script", "base", "noscript", "template"]
)
_WRITTEN_ATTRIBUTES = frozenset(("style", "width", "height", "bgcolor", "align", "valign"))
"""Attributes that inlining adds: a rule that reads them would match more elements afterwards."""

_KNOWN_ATTRIBUTES = _WRITTEN_ATTRIBUTES | frozenset(
    ["class", "id", "href", "src", "alt", "title", "lang", "dir", "name", "type", "role", "border"]
)
"""Attributes that authors write, so that a selector with them is not one for a client."""

_CLASSES_IN_COMMENT = re.compile(r"""\bclass\s*=\s*["']?([^"'>]*)""", re.IGNORECASE)
_IDS_IN_COMMENT = re.compile(r"""\bid\s*=\s*["']?([^"'>\s]*)""", re.IGNORECASE)
_TAGS_IN_COMMENT = re.compile(r"<([a-z][\w:-]*)", re.IGNORECASE)
_CLIENT_CLASS = re.compile(
    r"\.(?:External|ReadMsg|Mso|WordSection|Apple|apple|ios|iOS|Singleton|moz|yshortcuts|yahoo|yiv|"
    r"y_|ymail|aol|gmail|gs\Z|hP\Z|ii\Z|gt\Z|im\Z|a6S\Z|aBn\Z|adL\Z|h5\Z|msg|message|mail|rps_|x_|ecx|"
    r"outlook|Outlook|owa|samsung|web-?de|gmx|orange|comcast|libero|thread|show_|superhuman|hey|"
    r"protonmail|proton|blue|edge|dark|ox-|t-online|naver|qq)",
    re.IGNORECASE,
)
_LONGEST_SECONDS = 1.5
_MOST_VISITS = 100_000_000
"""Elements that all selectors of a page may visit, in about a second."""

_MOST_RELATIONS = 2_000_000
"""Steps of one selector with `:has()`, which looks at all elements from each element."""


class Matcher:
    """The elements of a page, numbered.

    Attributes:
        elements: all elements in the order of the tree.
        originals: for an element that the parser repeated (`<b>1<p>2</b>3`), the written one.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.elements: list[Element] = list(document.tree.iter_elements())
        if document.tree.find("template") is not None:
            self.elements = [one for one in self.elements if not _is_in_template(one)]
        self._numbers = {element: number for number, element in enumerate(self.elements)}
        self._known: dict[str, tuple[int, ...] | None] = {}
        self._own_names: set[str] = set()
        self._expected: set[str] = set()
        self._seconds = 0.0

    @cached_property
    def originals(self) -> dict[int, int]:
        """The written element of each repeated one."""
        found: dict[int, int] = {}
        last: dict[str, list[int]] = {}
        for number, element in enumerate(self.elements):
            if element.tag not in _FORMATTING:
                continue
            if is_written(element):
                last.setdefault(element.tag, []).append(number)
                continue
            candidates = reversed(last.get(element.tag, []))
            same = (one for one in candidates if self.elements[one].attrs == element.attrs)
            original = next(same, None)
            if original is not None:
                found[number] = original
        return found

    @cached_property
    def names(self) -> frozenset[str]:
        """The classes and ids of the page, as selectors write them."""
        names: set[str] = set()
        for element in self.elements:
            names.update(f".{name}" for name in (attribute(element, "class") or "").split())
            identifier = attribute(element, "id")
            if identifier:
                names.add(f"#{identifier}")
        return frozenset(self._folded(names))

    @cached_property
    def tags(self) -> frozenset[str]:
        """The names of the elements of the page."""
        return frozenset(element.tag.lower() for element in self.elements)

    @cached_property
    def _in_comments(self) -> tuple[frozenset[str], frozenset[str]]:
        """Classes and ids, and names of elements, in conditional comments."""
        names: set[str] = set()
        tags: set[str] = set()
        for start, end in comments_of(self.document):
            text = self.document.source[start:end]
            if not text.lstrip().startswith("[if"):
                continue
            for classes in _CLASSES_IN_COMMENT.findall(text):
                names.update(f".{name}" for name in classes.split())
            names.update(f"#{name}" for name in _IDS_IN_COMMENT.findall(text))
            tags.update(tag.lower() for tag in _TAGS_IN_COMMENT.findall(text))
        return frozenset(self._folded(names)), frozenset(tags)

    @cached_property
    def has_quirks(self) -> bool:
        """Whether classes match in any case: the page has quirks (selectors-4, 5.3)."""
        doctype = next((one for one in self.document.tree.children if _is_doctype(one)), None)
        return doctype is None

    def _folded(self, names: set[str]) -> set[str]:
        return {name.lower() for name in names} if self.has_quirks else names

    def match(self, selector: str) -> tuple[int, ...] | None:
        """The elements that a static selector matches; None if it cannot be read.

        Raises:
            TooManyStyles: matching takes too long.
        """
        if selector not in self._known:
            if ":has(" in selector and len(self.elements) ** 2 > _MOST_RELATIONS:
                raise TooManyStyles
            started = time.process_time()
            self._known[selector] = self._matched(selector)
            self._seconds += time.process_time() - started
            if self._seconds > _LONGEST_SECONDS:
                raise TooManyStyles
        return self._known[selector]

    def _matched(self, selector: str) -> tuple[int, ...] | None:
        try:
            found: Sequence[Element] = self.document.tree.select(selector)
        except turbohtml.SelectorSyntaxError:
            return None
        return tuple(self._numbers[one] for one in found if one in self._numbers)

    def may_match(self, selector: Selector) -> bool:
        """Whether the page has every class, id and element that a selector names."""
        return self.names.issuperset(self._folded(set(selector.names))) and self.tags.issuperset(
            selector.tags
        )

    def in_comments(self, selector: Selector) -> bool:
        """Whether a selector may match within a conditional comment, which only Outlook reads."""
        names, tags = self._in_comments
        if not tags:
            return False
        subject = analyse(selector.subject)
        return (
            names.issuperset(self._folded(set(subject.names)))
            and tags.issuperset(subject.tags)
            and (self.names | names).issuperset(self._folded(set(selector.names)))
            and (self.tags | tags).issuperset(selector.tags)
        )

    def is_for_clients(self, selector: Selector) -> bool:
        """Whether a selector that matches nothing is written for what a mail program adds.

        That is an attribute, an id, a class of a known mail program, or a class that the style
        sheets name only as an element around others, such as `.Wrapper p`. Another rule for a class
        that the page does not have is left out: a style sheet that serves many pages has hundreds
        of them.
        """
        if self._would_match(selector):
            return False
        if selector.attributes or self._has_marks(selector):
            return True
        missing = self._folded(set(selector.names)) - self.names
        if not missing:
            return bool(selector.tags - self.tags) and bool(selector.names)
        around = self._folded({selector.outermost}) - self._own_names
        return around == missing and bool(self.match(selector.inner))

    def _would_match(self, selector: Selector) -> bool:
        """Whether a selector that matches nothing may match what inlining writes.

        A style attribute that is written here has no space behind a colon: so the selector
        `[style*="margin: 16px 0"]`, for what Samsung's client writes, does not match it.
        """
        names = selector.attributes & _WRITTEN_ATTRIBUTES
        return bool(names) and not (names == {"style"} and ": " in selector.text)

    def _has_marks(self, selector: Selector) -> bool:
        """Whether a selector names an attribute, an id or a class that only a client adds."""
        if selector.attributes - _KNOWN_ATTRIBUTES:
            return True
        missing = self._folded(set(selector.names)) - self.names
        return any(name.startswith("#") or _CLIENT_CLASS.match(name) for name in missing)

    def reached_by_clients(self, selector: Selector) -> tuple[int, ...]:
        """The elements that a selector may match once a client has added its marks.

        A client adds attributes to any element, and classes and ids only around the page.
        """
        if not self._has_marks(selector) or self._would_match(selector):
            return ()
        subject = loosened(selector.subject, self._is_known)
        found = self.match(subject) or ()
        names = analyse(selector.subject).names
        if self.names.issuperset(self._folded(set(names))):
            return found
        return tuple(one for one in found if self.elements[one].tag in ("html", "body"))

    def note(self, selectors: Iterable[Selector]) -> None:
        """Note the selectors of the style sheets, and the names that they give to elements.

        Raises:
            TooManyStyles: matching them would take too long, on any machine.
        """
        for selector in selectors:
            names = self._folded(set(selector.names))
            self._own_names |= names - self._folded({selector.outermost})
            if self.names.issuperset(names) and self.tags.issuperset(selector.tags):
                self._expected.add(selector.reach)
        if len(self._expected) * len(self.elements) > _MOST_VISITS:
            raise TooManyStyles

    def _is_known(self, name: str) -> bool:
        return self.names.issuperset(self._folded({name}))

    def can_have_style(self, number: int) -> bool:
        """Whether a style attribute of this element has any effect."""
        return self.elements[number].tag not in _WITHOUT_STYLE

    def parent_of(self, number: int) -> int | None:
        """The number of the parent; None for the root."""
        parent = self.elements[number].parent
        return self._numbers.get(parent) if parent is not None and is_element(parent) else None


def _is_in_template(element: Element) -> bool:
    return any(isinstance(one, turbohtml.DocumentFragment) for one in element.ancestors)


def _is_doctype(node: turbohtml.Node) -> bool:
    return isinstance(node, turbohtml.Doctype)
