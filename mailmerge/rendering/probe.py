"""Tests whether a value could change more of a page than its own place.

The page is parsed twice: with placeholders, and with a sample value in place of some of them. If
the trees differ anywhere else, the value can change the page around it. A hostile sample finds the
values that end an attribute or open an element (structure.py, case 3); a blank sample finds those
that must not be blank (case 4).
"""

from __future__ import annotations

from collections.abc import Mapping

from mailmerge.rendering.document import (
    Document,
    Element,
    Node,
    attributes_of,
    is_comment,
    is_text,
    nodes_of,
    parse,
)
from mailmerge.rendering.escaping import Escaping, HtmlContext
from mailmerge.rendering.placeholders import Placeholders

HOSTILE = " \"x<'& y> "
"""A sample value with everything that ends or begins markup, and with spaces at its ends."""

BLANKS = ("", " ")
"""Sample values that let white space around them collapse."""

_PAGE_END = "."  # keeps the parser from dropping spaces at the very end of a page


class Probe:
    """One page with placeholders, parsed once, and tested with sample values."""

    def __init__(
        self,
        placeholders: Placeholders,
        html: str,
        contexts: Mapping[int, HtmlContext],
        escaping: Escaping,
    ) -> None:
        """Prepare to test the values that have a context, escaped as `escaping` says."""
        self._placeholders = placeholders
        self._html = html.rstrip() + _PAGE_END
        self._contexts = contexts
        self._escaping = escaping
        self._tree = _flatten(parse(self._html))

    def changed_by(self, sample: str) -> list[int]:
        """The values that change the tree if they are `sample`.

        All values, if they change it only together.
        """
        every = list(self._contexts)
        if self._keeps_tree(every, sample):
            return []
        return self._search(every, sample) or every

    def _search(self, indices: list[int], sample: str) -> list[int]:
        """The values of a group that change the tree alone, by bisection; the group changes it."""
        if len(indices) == 1:
            return indices
        middle = len(indices) // 2
        return [
            index
            for half in (indices[:middle], indices[middle:])
            if not self._keeps_tree(half, sample)
            for index in self._search(half, sample)
        ]

    def _keeps_tree(self, indices: list[int], sample: str) -> bool:
        write, read = self._escaping
        written = {index: write(self._contexts[index], sample) for index in indices}
        expected = {index: read(self._contexts[index], sample) for index in indices}
        tried = _flatten(parse(self._placeholders.replace(self._html, written)))
        return tried == [self._placeholders.replace(text, expected) for text in self._tree]


def _flatten(document: Document) -> list[str]:
    """The whole tree as texts in a fixed order: two trees are equal if their texts are.

    Each node has one text for what it is, one for the text at its beginning, and one for the text
    behind it, so that an empty text and no text are the same.
    """
    texts: list[str] = ["", ""]
    depths: dict[object, int] = {}
    following: dict[object, int] = {}  # of a parent: where its next text belongs
    for node in nodes_of(document):
        parent = node.parent
        if is_text(node):
            texts[following.get(parent, 0)] += str(node.data)
            continue
        depth = depths.get(parent, 0)
        texts.append(f"{depth} {_description(node)}")
        if isinstance(node, Element):
            texts += [text for pair in attributes_of(node) for text in pair]
        depths[node] = depth + 1
        following[node], following[parent] = len(texts), len(texts) + 1
        texts += ["", ""]
    return texts


def _description(node: Node) -> str:
    if isinstance(node, Element):
        return str(node.tag)
    return f"comment {node.data}" if is_comment(node) else type(node).__name__
