"""A page with placeholders -> where each value stands, and how it must be written there.

A placeholder is a word that stands for a value while a page goes through the parser and premailer.
Where a value could change more than the text of its own place, it gets no placeholder: it is
*stubborn*, and belongs to the structure.
"""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple
from urllib.parse import quote

from markupsafe import escape

from mailmerge.rendering.document import (
    RAW_TEXT_ELEMENTS,
    Document,
    Element,
    attributes_of,
    is_comment,
    is_element,
)
from mailmerge.rendering.folder import is_local
from mailmerge.rendering.images import IMAGE_ATTRIBUTES


class Place(Enum):
    """What a value is part of."""

    TEXT = "text"
    ATTRIBUTE = "attribute"
    URL = "url"
    COMMENT = "comment"


# libxml2 percent-escapes these attributes when it writes HTML, and leaves these characters alone.
_URL_ATTRIBUTES = frozenset(("href", "action", "src"))
_KEPT_IN_URL = "\"#$%&+,/:;<=>?@[\\]^`{|}-_.!~*'()"
_ESCAPED_IN_URL = re.compile(r"""[^\w"#$%&+,/:;<=>?@\[\\\]^`{|}\-.!~*'()]""", re.ASCII)
_REMOTE = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:|//)", re.IGNORECASE)


class Placeholders:
    """Words for the values of a page: one shape, so that they are found again in any text."""

    def __init__(self) -> None:
        self._stem = "zq" + "".join(secrets.choice("bcdfghjkmnpqrstvwx") for _ in range(10))
        self.pattern = re.compile(self._stem + r"(\d{6})z")

    def word(self, index: int) -> str:
        """The word that stands for the value `index`."""
        return f"{self._stem}{index:06d}z"

    def within(self, text: str) -> list[int]:
        """The values for which words stand in a text."""
        return [int(number) for number in self.pattern.findall(text)]

    def split(self, text: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """The texts between the words, and the values for which the words stand."""
        pieces = self.pattern.split(text)
        return tuple(pieces[::2]), tuple(map(int, pieces[1::2]))

    def first(self, text: str) -> list[tuple[int, bool]]:
        """The values before which a text has nothing but spaces and other values.

        With each goes whether a space follows it: it would be the first one, were the value empty.
        """
        pieces, indices = self.split(text)
        behind = [piece[:1].isspace() for piece in pieces[1:]]
        return list(zip(indices, behind, strict=True))[: _blanks(pieces)]

    def last(self, text: str) -> list[tuple[int, bool]]:
        """The values behind which a text has nothing but spaces and other values.

        With each goes whether a space stands before it.
        """
        pieces, indices = self.split(text)
        before = [piece[-1:].isspace() for piece in pieces[:-1]]
        return list(zip(indices, before, strict=True))[::-1][: _blanks(pieces[::-1])]

    def replace(self, text: str, values: Mapping[int, str]) -> str:
        """The text with some of its words replaced."""
        return self.pattern.sub(lambda found: values.get(int(found[1]), found[0]), text)


def _blanks(texts: Sequence[str]) -> int:
    """How many texts are blank before the first one that is not."""
    return sum(1 for _ in itertools.takewhile(lambda text: not text.strip(), texts))


def is_plain(text: str) -> bool:
    """Whether a value is written as it is, in any place but one: "'" is escaped in attributes."""
    # Four searches for one character each take a tenth of the time of one for any of four.
    return not ("&" in text or "<" in text or ">" in text or '"' in text)


def write_text(value: str) -> str:
    """A value as the text of an element; one with a CR in it is part of the structure."""
    if is_plain(value):
        return value
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def write_attribute(value: str) -> str:
    """A value within an attribute.

    libxml2 puts an attribute between single quotes where its text holds double ones.
    """
    return write_text(value).replace('"', "&quot;").replace("'", "&#39;")


def is_remote(url_start: str) -> bool:
    """Whether a URL that begins so is none of a file, whatever follows."""
    return _REMOTE.match(url_start) is not None and not is_local(url_start)


def may_stand_in_url(text: str) -> bool:
    """Whether libxml2 writes a value within a URL as it is."""
    return not _ESCAPED_IN_URL.search(text)


def percent_escaped(value: str) -> str:
    """A value within a URL, as libxml2 writes it: other scripts and spaces as octets of UTF-8."""
    if may_stand_in_url(value):
        return value
    return quote(value, safe=_KEPT_IN_URL)


def write_url(value: str) -> str:
    """A value within an attribute that is a URL."""
    return write_attribute(percent_escaped(value))


def write_comment(value: str) -> str:
    """A value within a comment: text that nothing decodes, as the template escaped it."""
    return write_text(value).replace('"', "&#34;").replace("'", "&#39;")


WRITERS: Mapping[Place, Callable[[str], str]] = {
    Place.TEXT: write_text,
    Place.ATTRIBUTE: write_attribute,
    Place.URL: write_url,
    Place.COMMENT: write_comment,
}


class Writing(NamedTuple):
    """How values are written in their places, and what a parser then reads there."""

    write: Callable[[Place, str], str]
    read: Callable[[Place, str], str]


def _read(place: Place, value: str) -> str:
    return write_comment(value) if place is Place.COMMENT else value  # nothing decodes comments


def _read_of_ours(place: Place, value: str) -> str:
    return percent_escaped(value) if place is Place.URL else _read(place, value)


BY_TEMPLATE = Writing(lambda _, value: str(escape(value)), _read)
BY_US = Writing(lambda place, value: WRITERS[place](value), _read_of_ours)


@dataclass(frozen=True, slots=True)
class Survey:
    """Where the values of a page stand.

    `leading` are those before which a URL has nothing but spaces and other values, and whether a
    space follows; `remote` is the first of them where the URL is an image's. `stubborn` tells for a
    value why it has no place.
    """

    places: Mapping[int, Place]
    leading: dict[int, bool]
    remote: frozenset[int]
    stubborn: Mapping[int, str]


@dataclass(slots=True)
class _Finder:
    placeholders: Placeholders
    depends: Callable[[str], bool]
    places: dict[int, Place]
    leading: dict[int, bool]
    remote: set[int]
    stubborn: dict[int, str]

    def text(self, text: str | None, owner: Element) -> None:
        for index in self.placeholders.within(text or ""):
            if owner.tag in RAW_TEXT_ELEMENTS:
                self.stubborn[index] = f"a value stands in {self._shown(owner)}"
            else:
                self.places[index] = Place.TEXT

    def tail(self, element: Element) -> None:
        parent = element.getparent()
        if parent is None:
            return
        self.text(element.tail, parent)
        if element.tag == "style":  # premailer drops it where it is blank, and we where it is not
            behind = self.placeholders.within(element.tail or "")
            self.stubborn |= dict.fromkeys(behind, "a value stands behind </style>")

    def _shown(self, element: Element) -> str:
        return "an element" if self.placeholders.within(element.tag) else f"<{element.tag}>"

    def comment(self, text: str) -> None:
        for index in self.placeholders.within(text):
            self.places[index] = Place.COMMENT
        for url in re.findall(r"""(?:src|background)\s*=\s*["']([^"']*)""", text, re.IGNORECASE):
            self._image(url, "a conditional comment")

    def attribute(self, element: Element, name: str, value: str) -> None:
        owner = self._shown(element)
        for index in self.placeholders.within(name):
            self.stubborn[index] = f"a value stands in the name of an attribute of {owner}"
        shown = f"the attribute {name} of {owner}"
        indices = self.placeholders.within(value)
        if not indices:
            return
        place = Place.URL if _is_url(element, name) else Place.ATTRIBUTE
        for index in indices:
            if self.depends(name):
                self.stubborn[index] = f"a value stands in {shown}, on which styles depend"
            elif element.tag in ("style", "link", "meta"):
                self.stubborn[index] = f"a value stands in {shown}"
            self.places[index] = place
        if name in IMAGE_ATTRIBUTES:
            if self.placeholders.pattern.match(value) and place is Place.URL:
                self.remote.add(indices[0])
            else:
                self._image(value, shown)
        if place is Place.URL:
            self.leading |= dict(self.placeholders.first(value))

    def _image(self, url: str, where: str) -> None:
        found = self.placeholders.pattern.search(url)
        if found and not is_remote(url[: found.start()]):
            for index in self.placeholders.within(url):
                self.stubborn[index] = f"an image of {where} depends on the row"


def _is_url(element: Element, name: str) -> bool:
    return name in _URL_ATTRIBUTES or (name == "name" and element.tag == "a")


def survey(
    document: Document,
    placeholders: Placeholders,
    expected: set[int],
    depends: Callable[[str], bool],
) -> Survey:
    """Find where each expected value stands; `depends` says whether styles do on an attribute."""
    finder = _Finder(placeholders, depends, {}, {}, set(), {})
    for node in _nodes(document):
        if is_comment(node):
            finder.comment(node.text or "")
        elif is_element(node):
            for index in placeholders.within(node.tag):
                finder.stubborn[index] = "a value stands in the name of an element"
            finder.text(node.text, node)
            for name, value in attributes_of(node):
                finder.attribute(node, name, value)
        finder.tail(node)
    for index in expected - finder.places.keys() - finder.stubborn.keys():
        finder.stubborn[index] = "a value stands where the parser of HTML expects none"
    return Survey(finder.places, finder.leading, frozenset(finder.remote), finder.stubborn)


def _nodes(document: Document) -> Iterator[Element]:
    root = document.tree.getroot()
    yield from root.itersiblings(preceding=True)
    yield from root.iter()
    yield from root.itersiblings()
