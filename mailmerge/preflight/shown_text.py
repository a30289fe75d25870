"""HTML -> the texts that readers see or follow, each with its place in the source.

Text that only tags of a line separate is one text: `{<b>Vor</b>name}` is read as `{Vorname}`. A
block, a cell or a line break separates. Character references are resolved, and URLs are decoded.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

_TAG = re.compile(r"""</?([A-Za-z][\w:.-]*+)((?:[^<>"']++|"[^"]*+"|'[^']*+')*+)>""")
_TOKEN = re.compile(
    r"<!--(?P<comment>.*?)(?:-->|\Z)|<![^>]*>"
    r"|<(?P<raw>style|script)\b[^>]*>.*?(?:</(?P=raw)\s*>|\Z)"
    rf"|(?P<tag>{_TAG.pattern})",
    re.DOTALL | re.IGNORECASE,
)
_CONDITION = re.compile(r"\[if\b[^\]]*\]>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""(?<![\w:-])([\w:-]++)\s*+=\s*+(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_REFERENCE = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|\w+);?")
_INLINE = frozenset(
    [
        "a",
        "abbr",
        "acronym",
        "b",
        "bdi",
        "bdo",
        "big",
        "cite",
        "del",
        "dfn",
        "em",
        "font",
        "i",
        "ins",
        "label",
        "mark",
        "nobr",
        "q",
        "s",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "tt",
        "u",
        "var",
        "wbr",
        "o:p",
        "w:sdt",
        "code",
        "kbd",
        "samp",
    ]
)
_CODE = frozenset({"code", "kbd", "samp"})
_URLS = frozenset({"href", "src", "background", "action", "poster", "srcset", "cite"})
_READ = frozenset({"alt", "title", "summary", "label", "value", "placeholder", "aria-label"})


@dataclass(slots=True)
class ShownText:
    """A text as readers see it.

    Attributes:
        pieces: its pieces, in order.
        as_code: whether it is shown as the code of a program.
    """

    pieces: list[str] = field(default_factory=list)
    as_code: bool = False
    _starts: list[int] = field(default_factory=list)
    _offsets: list[int] = field(default_factory=list)
    _length: int = 0

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.pieces)

    def add(self, piece: str, offset: int) -> None:
        """Add a piece that begins at this place of the source."""
        if piece:
            self._starts.append(self._length)
            self._offsets.append(offset)
            self.pieces.append(piece)
            self._length += len(piece)

    def offset(self, position: int) -> int:
        """The place in the source of a character of the text."""
        at = bisect_right(self._starts, position) - 1
        return self._offsets[at] + position - self._starts[at]


def shown_texts(source: str) -> Iterator[ShownText]:
    """The texts of a page in their order, then those of its conditional comments."""
    return _texts(source, 0, in_comment=False)


def _texts(source: str, base: int, *, in_comment: bool) -> Iterator[ShownText]:
    current, depth, at = ShownText(), 0, 0
    comments: list[tuple[str, int]] = []
    for token in _TOKEN.finditer(source):
        _add_text(current, source[at : token.start()], base + at)
        at = token.end()
        comment = token["comment"]
        if comment is not None:
            condition = _CONDITION.match(comment)
            if condition and not in_comment:  # comments do not nest
                start = token.start("comment") + condition.end()
                inner = comment[condition.end() :].removesuffix("<![endif]")
                comments.append((inner, base + start))
            continue
        name = _name(token["tag"] or "")
        if name and name not in _INLINE:
            yield current
            current = ShownText(as_code=depth > 0)
        if name in _CODE:
            yield current
            depth = max(depth - 1, 0) if token[0].startswith("</") else depth + 1
            current = ShownText(as_code=depth > 0)
        yield from _attributes(token["tag"] or "", base + token.start())
    _add_text(current, source[at:], base + at)
    yield current
    for text, start in comments:
        yield from _texts(text, start, in_comment=True)


def _name(tag: str) -> str:
    found = _TAG.match(tag)
    return found[1].lower() if found else ""


def _add_text(shown: ShownText, text: str, offset: int) -> None:
    """Add text with its character references resolved, as pieces of known places."""
    at = 0
    for reference in _REFERENCE.finditer(text) if "&" in text else ():
        shown.add(text[at : reference.start()], offset + at)
        shown.add(html.unescape(reference[0]), offset + reference.start())
        at = reference.end()
    shown.add(text[at:], offset + at)


def _attributes(tag: str, offset: int) -> Iterator[ShownText]:
    for found in _ATTRIBUTE.finditer(tag):
        name = found[1].lower()
        if name not in _READ and name not in _URLS:
            continue
        value = html.unescape(found[2] or found[3] or found[4] or "")
        shown = ShownText()
        shown.add(_decoded(value) if name in _URLS else value, offset + found.start())
        yield shown


_ENCODED = re.compile(r"%(?:7[BbCcDd]|5[BbDd]|2[0Aa]|[CcDd][0-9A-Fa-f]|[89AaBb][0-9A-Fa-f])")


def _decoded(url: str) -> str:
    """A URL with its percent-escapes resolved where they may hide the marks of a placeholder."""
    return unquote(url) if _ENCODED.search(url) else url
