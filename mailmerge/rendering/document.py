"""HTML text <-> its tree, with what libxml2 does not keep: the doctype as written, and `&nbsp;`.

lxml gives no public names to the types of its nodes: `_Element`, `_ElementTree` and `_Comment`
are used here, under names of our own, and nowhere else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias, cast

from lxml import etree

Element: TypeAlias = etree._Element
Tree: TypeAlias = etree._ElementTree

_PROLOGUE = re.compile(r"\s*(?P<xml><\?xml[^>]*>)?\s*(?P<doctype><!doctype[^>]*>)?", re.IGNORECASE)
# Within these, a character reference is shown as it stands, or changes what the text means.
_RAW = re.compile(
    r"(<!--.*?(?:-->|\Z)|<(style|script|xmp|iframe|noembed|noframes|plaintext)\b.*?(?:</\2\s*>|\Z))",
    re.DOTALL | re.IGNORECASE,
)
UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that the parser puts into a tree, and that lxml refuses to assign to a node."""

RAW_TEXT_ELEMENTS = frozenset(
    ("style", "script", "xmp", "iframe", "noembed", "noframes", "plaintext")
)
"""Elements whose text holds no markup and no character references."""


class EmptyPage(ValueError):
    """A page holds no element, and no text that would become one."""


@dataclass(frozen=True, slots=True)
class Document:
    """The tree of an HTML text, and its doctype as written; empty where it had none."""

    tree: Tree
    doctype: str


def parse(html: str) -> Document:
    """Parse an HTML text.

    Raises:
        EmptyPage: it holds no element, and no text that would become one.
    """
    prologue = _PROLOGUE.match(html)
    assert prologue is not None
    after_declaration = html[prologue.end("xml") :] if prologue["xml"] else html
    try:
        root: Element | None = etree.fromstring(after_declaration.strip(), etree.HTMLParser())
    except etree.XMLSyntaxError as error:
        raise EmptyPage from error
    if root is None:
        raise EmptyPage
    return Document(root.getroottree(), prologue["doctype"] or "")


def serialise(document: Document) -> str:
    """Write a document as HTML text."""
    root = document.tree.getroot()
    written: bytes = etree.tostring(root, method="html", encoding="utf-8", with_tail=False)
    before = "".join(
        _outside_root(node) for node in reversed(list(root.itersiblings(preceding=True)))
    )
    after = "".join(_outside_root(node) for node in root.itersiblings())
    doctype = document.doctype + "\n" if document.doctype else ""
    return doctype + before + _with_nbsp(written.decode("utf-8")) + after


def _outside_root(node: Element) -> str:
    """A comment before or after the root: Outlook's conditional comments may stand there."""
    return etree.tostring(node, method="html", encoding="unicode", with_tail=False)


def _with_nbsp(html: str) -> str:
    if "\xa0" not in html:
        return html
    pieces = _RAW.split(html)
    # split() yields text, raw region, its element's name, text, ...
    for index in range(0, len(pieces), 3):
        pieces[index] = pieces[index].replace("\xa0", "&nbsp;")
    del pieces[2::3]
    return "".join(pieces)


def is_element(node: Element) -> bool:
    """Whether a node is an element; comments and processing instructions are nodes too."""
    return isinstance(cast("object", node.tag), str)


def is_comment(node: Element) -> bool:
    """Whether a node is a comment."""
    return isinstance(node, etree._Comment)


def attributes_of(element: Element) -> list[tuple[str, str]]:
    """The names and values of an element's attributes."""
    return [(str(name), str(value)) for name, value in element.items()]


def text_of(element: Element) -> str:
    """All text within an element, in the order of the document."""
    return "".join(piece for piece in element.itertext() if isinstance(piece, str))
