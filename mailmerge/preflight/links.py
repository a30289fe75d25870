"""A structure of HTML -> its URLs that contain values, and each recipient's complete URL.

The HTML of a structure is parsed once; a recipient's own links are put together from its pieces.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

_VALUE = "\0"
"""Marks the place of a value in joined static text; no text of HTML can contain it."""

_URL_ATTRIBUTES = frozenset({
    "href", "src", "background", "action", "poster", "cite", "longdesc", "data", "formaction",
})  # fmt: skip

# Possessive, so that a page of odd quotation marks takes no longer than another.
_TAG = re.compile(r"""<([A-Za-z][\w:-]*+)((?:[^<>"']++|"[^"]*+"|'[^']*+')*+)>""")
_ATTRIBUTE = re.compile(r"""(?<![\w:-])([\w:-]++)\s*+=\s*+(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_RAW_TEXT = re.compile(
    r"<(style|script|title|textarea)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class UrlPattern:
    """A URL of a page: the texts before, between and behind the values `first`, `first` + 1, ...

    `element` and `attribute` say where it is, in lower case.
    """

    element: str
    attribute: str
    pieces: tuple[str, ...]
    first: int

    def fill(self, values: tuple[str, ...]) -> str:
        """One recipient's URL; `values` are all values of the structure, as the page has them."""
        url = self.pieces[0]
        for index, piece in enumerate(self.pieces[1:], self.first):
            url += values[index] + piece
        return html.unescape(url).strip()


def url_patterns(static: tuple[str, ...]) -> tuple[UrlPattern, ...]:
    """The URLs of a structure that contain a value, in the order of the page."""
    if len(static) == 1 or any(_VALUE in piece for piece in static):
        return ()
    return tuple(_patterns(_without_raw_text(_VALUE.join(static))))


def _without_raw_text(page: str) -> str:
    """The page without style sheets and scripts, except for the marks of their values."""
    return _RAW_TEXT.sub(lambda found: _VALUE * found[0].count(_VALUE), page)


def _patterns(page: str) -> Iterator[UrlPattern]:
    seen = counted = 0
    for tag in _TAG.finditer(page):
        if _VALUE not in tag[2]:
            continue
        for attribute in _ATTRIBUTE.finditer(page, tag.start(2), tag.end(2)):
            url = attribute[2] or attribute[3] or attribute[4] or ""
            name = attribute[1].lower()
            if _VALUE in url and name in _URL_ATTRIBUTES:
                seen += page.count(_VALUE, counted, attribute.start())
                counted = attribute.start()
                yield UrlPattern(tag[1].lower(), name, tuple(url.split(_VALUE)), seen)
