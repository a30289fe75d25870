"""HTML text -> its tree, and edits of the text: a page is never written from its tree.

The law of the HTML pipeline: rendered in a browser, the page that is sent equals the page that was
written. A serialiser cannot keep it, because a tree does not hold all that was written: conditional
comments of the form `<![if !mso]>`, the case and the order of attributes, references such as
`&zwnj;`, end tags that were left out. So the tree is only read. Whatever has to change is an edit
of the source at a known position (`Edits`), and everything else stays, byte for byte.

The tree is that of the WHATWG standard (HTML, 13.2), as browsers make it, whose trees are not
deeper than 512 elements: deeper ones stand beside each other. It comes with the source position of
each tag and each attribute. The parser was chosen by measuring, on 2 cores and Python 3.11; a page
has 97 KB with 33 KB of styles:

| library | page | 100,000 nested elements | positions | `<![if]>` | wheels |
|---|---|---|---|---|---|
| turbohtml 1.15 | 0.3 ms; positions 4 ms | 15 ms | tags, attributes | in the source | all systems |
| selectolax 1.0 (lexbor) | 0.4 ms | 60 s | none | becomes a comment | all systems |
| justhtml 3.16 | 25 ms | not tried | errors only | becomes a comment | pure Python |
| html5lib 1.1 | 74 ms | not tried | none | becomes a comment | pure Python, of 2020 |
| lxml 6.1 (libxml2) | 2 ms | cut off at 255 | lines | becomes a comment | HTML 4: other trees |
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias, TypeGuard

import turbohtml

Element: TypeAlias = turbohtml.Element
Node: TypeAlias = turbohtml.Node

_DECLARATION = re.compile(r"\s*<\?xml\b[^>]*>\s*", re.IGNORECASE)
_LINE_END = re.compile(r"\r\n?")
_COMMENT = re.compile(r"<!--(?:-?>|(?P<text>.*?)(?:--!?>|\Z))", re.DOTALL)
UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that an HTML parser keeps, and that XML does not allow."""

RAW_TEXT_ELEMENTS = frozenset(
    ("style", "script", "xmp", "iframe", "noembed", "noframes", "plaintext")
)
"""Elements whose text holds no markup and no character references."""

_ESCAPABLE_RAW_TEXT = ("title", "textarea")


class EmptyPage(ValueError):
    """A page holds no element, and no text that would become one."""


@dataclass(frozen=True, slots=True)
class Document:
    """An HTML text and its tree.

    Attributes:
        source: the text, with LF at the ends of lines and without an XML declaration. The positions
            of the tree refer to it.
        tree: the tree; it is only read.
    """

    source: str
    tree: turbohtml.Document


def parse(html: str) -> Document:
    """Parse an HTML text.

    Raises:
        EmptyPage: it holds no element, and no text that would become one.
    """
    source = html.removeprefix("\ufeff")
    if "\r" in source:
        source = _LINE_END.sub("\n", source)
    declaration = _DECLARATION.match(source)
    if declaration:
        source = source[declaration.end() :]
    tree = turbohtml.parse(source, source_locations=True, allow_declarative_shadow_roots=False)
    if not tree.text.strip() and not any(is_written(element) for element in tree.iter_elements()):
        raise EmptyPage
    return Document(source, tree)


def nodes_of(document: Document) -> Iterator[Node]:
    """All nodes in the order of the tree: elements, texts and comments."""
    return iter(document.tree.descendants)


def elements_of(document: Document, *names: str) -> list[Element]:
    """The elements in the order of the tree; those with these names, if any are given."""
    if len(names) == 1:
        return list(document.tree.find_all(names[0]))
    elements = document.tree.iter_elements()
    return [element for element in elements if not names or element.tag in names]


def is_element(node: Node) -> TypeGuard[turbohtml.Element]:
    """Whether a node is an element."""
    return isinstance(node, turbohtml.Element)


def is_html(element: Element) -> bool:
    """Whether it is an element of HTML, and not one of svg or math that has such a name."""
    return element.namespace is turbohtml.Namespace.HTML


def is_svg(element: Element) -> bool:
    """Whether it is an element of svg."""
    return element.namespace is turbohtml.Namespace.SVG


def is_comment(node: Node) -> TypeGuard[turbohtml.Comment]:
    """Whether a node is a comment; `<![if !mso]>` is one, too."""
    return isinstance(node, turbohtml.Comment)


def is_text(node: Node) -> TypeGuard[turbohtml.Text]:
    """Whether a node is text."""
    return isinstance(node, turbohtml.Text)


def is_written(element: Element) -> bool:
    """Whether the start tag of an element stands in the source; a parser adds others."""
    return element.source_location is not None


def attribute(element: Element, name: str) -> str | None:
    """The value of an attribute; None if the element has none of this name."""
    value = element.attrs.get(name)
    if isinstance(value, list):
        value = element.attr(name)
    return value if value is None else str(value)


def attributes_of(element: Element) -> list[tuple[str, str]]:
    """The names and values of an element's attributes."""
    return [
        (name, value if isinstance(value, str) else (attribute(element, name) or ""))
        for name, value in element.attrs.items()
    ]


def text_of(element: Element) -> str:
    """All text within an element, in the order of the document."""
    return str(element.text)


def start_of(element: Element) -> int:
    """Where the start tag begins in the source; the element must be written there."""
    location = element.source_location
    assert location is not None
    return location.start_tag.start_offset


def content_of(document: Document, element: Element) -> tuple[int, int]:
    """Where the content of an element such as `<style>` begins and ends in the source."""
    location = element.source_location
    assert location is not None
    start = location.start_tag.end_offset
    if location.end_tag is not None:
        return start, location.end_tag.start_offset
    # In an svg the next element of HTML ends it, and no more is known of its end.
    return start, len(document.source) if is_html(element) else start


def extent_of(document: Document, element: Element) -> tuple[int, int]:
    """Where an element such as `<style>` begins and ends in the source, with its tags."""
    location = element.source_location
    assert location is not None
    end = location.end_tag.end_offset if location.end_tag else content_of(document, element)[1]
    return location.start_tag.start_offset, end


def comments_of(document: Document) -> Iterator[tuple[int, int]]:
    """Where the text of each comment `<!-- ... -->` begins and ends in the source."""
    if "<!--" not in document.source:
        return
    raw = _raw_extents(document)
    position = 0
    while found := _COMMENT.search(document.source, position):
        position = found.end()
        outer = next((end for start, end in raw if start <= found.start() < end), None)
        if outer is not None:
            position = outer
        elif found["text"] is not None:
            yield found.span("text")


def _raw_extents(document: Document) -> list[tuple[int, int]]:
    """The parts of the source where `<!--` begins no comment: raw text, and tags."""
    names = (*RAW_TEXT_ELEMENTS, *_ESCAPABLE_RAW_TEXT)
    extents = []
    for element in document.tree.iter_elements():
        location = element.source_location
        if location is None:
            continue
        tag = location.start_tag.start_offset, location.start_tag.end_offset
        if element.tag in names and is_html(element):
            extents.append(extent_of(document, element))
        elif "<!--" in document.source[slice(*tag)]:
            extents.append(tag)
    return extents


class Edits:
    """Changes of a document's source, collected and then applied together."""

    def __init__(self, document: Document) -> None:
        self._source = document.source
        self._edits: list[tuple[int, int, str]] = []

    def __bool__(self) -> bool:
        return bool(self._edits)

    def replace(self, start: int, end: int, text: str) -> None:
        """Put a text in place of a part of the source; parts must not overlap."""
        self._edits.append((start, end, text))

    def insert(self, position: int, text: str) -> None:
        """Insert a text; texts for one position stay in the order of the calls."""
        self._edits.append((position, position, text))

    def set_attribute(self, element: Element, name: str, value: str) -> None:
        """Write an attribute into the start tag of an element, in its old place if it has one."""
        location = element.source_location
        assert location is not None
        written = f'{name}="{_escape(value)}"'
        span = location.attrs.get(name)
        if span is not None:
            before = self._source[span.start_offset : span.start_offset + len(name)]
            self.replace(span.start_offset, span.end_offset, before + written[len(name) :])
            return
        spans = location.attrs.values()
        end = max((one.end_offset for one in spans), default=0)
        if not end:
            end = location.start_tag.start_offset + 1 + len(element.tag)
        self.insert(self._after_repeated(end, location.start_tag.end_offset), " " + written)

    def _after_repeated(self, position: int, end: int) -> int:
        """Behind attributes that are written twice: only their first occurrence has a span."""
        rest = self._source[position : end - 1]
        if not rest.strip(" \t\n\f/"):
            return position
        return end - 2 if rest.endswith("/") else end - 1

    def applied(self) -> str:
        """The source with all edits."""
        pieces: list[str] = []
        position = 0
        for start, end, text in sorted(self._edits, key=lambda edit: edit[:2]):
            assert position <= start
            pieces += [self._source[position:start], text]
            position = end
        pieces.append(self._source[position:])
        return "".join(pieces)


def _escape(value: str) -> str:
    return (
        value.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
    )
