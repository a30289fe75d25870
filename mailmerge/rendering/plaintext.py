"""A page -> its plain text, for a campaign without a text template.

inscriptis lays out the text. Before that, the page is prepared: layout tables become lines, links
show their target, and images their alternative text. inscriptis reads a tree of lxml, so the tree
of the page is copied to one; nothing is ever written from it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from lxml import etree

from mailmerge.rendering.document import (
    UNWRITABLE,
    Document,
    EmptyPage,
    attribute,
    is_text,
    nodes_of,
    parse,
)
from mailmerge.rendering.document import Element as PageElement
from mailmerge.rendering.links import bracketed, shows_target

_Node: TypeAlias = etree._Element

_RULE = "-" * 40

# inscriptis decodes character references once more; an ampersand must not look like one.
_AMPERSAND = "\U0010fffd"
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_LISTS = ("dd", "dl", "dt", "li", "ol", "ul")
_SECTIONS = ("article", "aside", "footer", "header", "main", "nav", "section", "div", "center")
_PARAGRAPHS = ("p", "pre", "br", "hr", "address", "blockquote", "figcaption", "figure")
_FORMS = ("fieldset", "form", "table")
_BLOCKS = frozenset((*_HEADINGS, *_LISTS, *_SECTIONS, *_PARAGRAPHS, *_FORMS))
_FURTHER_BLOCKS = ("center", "dd", "dl", "dt", "fieldset", "form", "section")
_INVISIBLE = ("template", "select", "textarea", "noframes", "iframe", "object")
_UNSEEN = frozenset(("head", "style", "script", "title", *_INVISIBLE))
_HIDES = re.compile(r"(?:^|;)\s*display\s*:\s*none", re.IGNORECASE)
_MOST_LAID_OUT = 20_000
"""Elements of a page that inscriptis lays out, in about a second."""

# Invisible characters in a row, with which newsletters fill the preview line of a mail client.
_PREVIEW_PADDING = re.compile(
    "(?:[\u00ad\u034f\u061c\u200b-\u200f\u2007\u2060\ufeff][ \t\u00a0]*){3,}"
)

DecidedLinks: TypeAlias = Mapping[tuple[str, str], bool]
"""For the text and target of a link: whether the target is shown."""


def text_of_page(
    html: str,
    decided: DecidedLinks | None = None,
    mark_target: Callable[[str], str] = str,
) -> str:
    """The plain text of a page: no spaces at the ends of lines, no two blank lines in a row.

    Args:
        html: the page.
        decided: for some links, whether the target is shown.
        mark_target: changes each target that is shown.
    """
    try:
        root = _copy(parse(html))
    except EmptyPage:
        return ""
    _prepare(root, decided or {}, mark_target)
    huge = sum(1 for _ in root.iter()) > _MOST_LAID_OUT
    return _tidy(_lay_out_plainly(root) if huge else _lay_out(root))


_COPIED_ATTRIBUTES = ("style", "href", "alt", "role", "start", "type", "value")
_TAG = re.compile(r"[a-z][a-z0-9]*\Z")
_DEEPEST = 200
"""inscriptis calls itself for each level; what is deeper becomes a part of this level."""
_NEVER_UNWRAPPED = frozenset(("a", "style", "script", "title", "textarea", "select"))


def _copy(document: Document) -> _Node:
    """The tree as one of lxml, without comments and without the content of `<template>`."""
    root = etree.Element("html")
    last: dict[_Node, _Node] = {}  # lxml counts all children to find the last one
    copies: dict[object, tuple[_Node, int]] = {}
    for node in nodes_of(document):
        parent, depth = copies.get(node.parent, (None, 0))
        if isinstance(node, PageElement):
            if node.parent is document.tree or parent is None:
                if node.tag == "html":
                    copies[node] = (root, 0)
                continue
            unwrapped = depth >= _DEEPEST and node.tag not in _NEVER_UNWRAPPED
            before = last.get(parent)
            if unwrapped and before is not None and _is_same_and_empty(before, node.tag):
                copies[node] = (parent, depth)
                continue
            copy = last[parent] = _copy_of(node, parent)
            copies[node] = (parent, depth) if unwrapped else (copy, depth + 1)
        elif is_text(node) and parent is not None:
            _append_text(parent, last.get(parent), str(node.data))
    return root


def _is_same_and_empty(copy: _Node, tag: str) -> bool:
    """Whether an element has this name and nothing in it: a second one adds nothing to a text."""
    return copy.tag == tag and tag in _BLOCKS and not (len(copy) or copy.text or copy.tail)


def _copy_of(node: PageElement, parent: _Node) -> _Node:
    copy = etree.SubElement(parent, node.tag if _TAG.match(node.tag) else "span")
    for name in _COPIED_ATTRIBUTES if node.attrs else ():
        value = attribute(node, name)
        if value is not None:
            copy.set(name, UNWRITABLE.sub("", value))
    return copy


def _append_text(parent: _Node, last: _Node | None, text: str) -> None:
    text = UNWRITABLE.sub("", text)
    if last is None:
        parent.text = (parent.text or "") + text
    else:
        last.tail = (last.tail or "") + text


def _text_of(element: _Node) -> str:
    return "".join(piece for piece in element.itertext() if isinstance(piece, str))


def _lay_out(root: _Node) -> str:
    from inscriptis.css_profiles import STRICT_CSS_PROFILE
    from inscriptis.html_engine import Inscriptis
    from inscriptis.html_properties import Display
    from inscriptis.model.config import ParserConfig
    from inscriptis.model.html_element import HtmlElement

    # inscriptis writes to the profile's element for the body, which is shared by all threads.
    profile: dict[str, Any] = {**STRICT_CSS_PROFILE, "body": HtmlElement()}
    profile |= {tag: HtmlElement(display=Display.block) for tag in _FURTHER_BLOCKS}
    profile |= {tag: HtmlElement(display=Display.none) for tag in _INVISIBLE}
    laid_out: str = Inscriptis(root, ParserConfig(css=profile)).get_text()
    return laid_out.replace(_AMPERSAND, "&")


def _lay_out_plainly(root: _Node) -> str:
    """The text of a page with so many elements that inscriptis takes seconds: lines only."""
    pieces: list[str] = []
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        breaks = "\n" if element.tag in _BLOCKS else ""
        if event == "end":
            pieces += ["" if element.tag in ("br", "li") else breaks, _spaced(element.tail)]
        elif element.tag in _UNSEEN or _HIDES.search(element.get("style") or ""):
            walk.skip_subtree()
        else:
            pieces += [breaks, "* " if element.tag == "li" else "", _spaced(element.text)]
    lines = "".join(pieces).split("\n")
    return "\n".join(" ".join(line.split()) for line in lines).replace(_AMPERSAND, "&")


def _spaced(text: str | None) -> str:
    """A text in which line breaks mean no more than spaces."""
    return text.replace("\n", " ") if text else ""


def _tidy(text: str) -> str:
    lines = [line.rstrip() for line in text.replace("\xa0", " ").split("\n")]
    kept = [line for index, line in enumerate(lines) if line or (index and lines[index - 1])]
    return "\n".join(kept).strip("\n") + "\n" if any(kept) else ""


def _prepare(root: _Node, decided: DecidedLinks, mark_target: Callable[[str], str]) -> None:
    for table in reversed(list(root.iter("table"))):
        if not _is_data_table(table):
            _flatten_layout_table(table)
    for image in list(root.iter("img")):
        _show_alternative(image)
    for rule in root.iter("hr"):
        rule.tag, rule.text = "div", _RULE
    for link in [link for link in root.iter("a") if link.get("href") is not None]:
        _show_target(link, decided, mark_target)
    for element in root.iter():
        _strip_for_layout(element)


def _strip_for_layout(element: _Node) -> None:
    style = element.get("style")
    element.attrib.clear()
    if style:
        element.set("style", UNWRITABLE.sub("", style))
    element.text = _for_layout(element.text)
    element.tail = _for_layout(element.tail)


def _for_layout(text: str | None) -> str | None:
    if not text:
        return text
    return UNWRITABLE.sub("", _PREVIEW_PADDING.sub("", text)).replace("&", _AMPERSAND)


def _is_data_table(table: _Node) -> bool:
    """Whether a table shows data in columns: it has header cells, and no table inside it."""
    if (table.get("role") or "").lower() in ("presentation", "none"):
        return False
    return next(table.iterdescendants("table"), None) is None and (
        next(table.iterdescendants("th"), None) is not None
    )


def _flatten_layout_table(table: _Node) -> None:
    """Turn the cells of a layout table into lines; the cells of a short row share a line."""
    for row in _own(table, "tr"):
        cells = [cell for cell in row if cell.tag in ("td", "th")]
        filled = [cell for cell in cells if _shows_something(cell)]
        on_one_line = len(filled) > 1 and not any(_is_block(cell) for cell in filled)
        for cell in cells:
            cell.tag = "span" if on_one_line else "div"
        if on_one_line:
            for cell in filled[:-1]:
                cell.tail = " | "
        row.tag = "div"
    for part in _own(table, "tbody", "thead", "tfoot", "caption", "colgroup"):
        part.tag = "div"
    table.tag = "div"


def _own(table: _Node, *tags: str) -> list[_Node]:
    """The parts of a table, without those of the tables within it."""
    return [part for part in table.iter(*tags) if next(part.iterancestors("table"), None) is table]


def _shows_something(cell: _Node) -> bool:
    if _text_of(cell).replace("\xa0", " ").strip():
        return True
    return any((image.get("alt") or "").strip() for image in cell.iter("img"))


def _is_block(cell: _Node) -> bool:
    return any(element.tag in _BLOCKS for element in cell.iterdescendants())


def _show_alternative(image: _Node) -> None:
    alternative = UNWRITABLE.sub("", image.get("alt") or "").strip()
    image.tag = "span"
    image.text = f"[{alternative}]" if alternative else ""


def _show_target(link: _Node, decided: DecidedLinks, mark_target: Callable[[str], str]) -> None:
    text, target = _text_of(link), UNWRITABLE.sub("", link.get("href") or "")
    if not decided.get((text, target), shows_target(text, target)):
        return
    note = etree.SubElement(_end_of(link), "span")
    note.text = f" <{mark_target(bracketed(target.strip()))}>"


def _end_of(link: _Node) -> _Node:
    """The element that holds the last text of a link: its target stands on the same line."""
    end = link
    while len(end) and end[-1].tag in _BLOCKS and not (end[-1].tail or "").strip():
        end = end[-1]
    return end
