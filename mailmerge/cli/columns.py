"""Text in columns of a terminal, where a Chinese character takes two."""

from __future__ import annotations

import re
import shutil
import unicodedata
from collections.abc import Iterator

_PIECE = re.compile(r"\s+|[\u2e80-\uffef]|[^\s\u2e80-\uffef]+")
_CLOSING = "。，、；：？！）》”’"


def columns_of(text: str) -> int:
    """How many columns a text takes (Unicode Standard Annex 11)."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def padded(text: str, width: int) -> str:
    """The text with spaces up to `width` columns, one at least."""
    return text + " " * max(1, width - columns_of(text))


def folded(text: str, *, first: str = "", rest: str = "", width: int = 0) -> str:
    """The text in lines of at most `width` columns (the terminal's, if 0), each indented.

    It breaks at spaces, and between Chinese characters, but not before a closing sign.
    """
    width = width or min(100, shutil.get_terminal_size().columns)
    lines, line = [], first
    for piece in _pieces(text):
        if columns_of(line + piece.rstrip()) > width and line.strip():
            lines.append(line.rstrip())
            line = rest + piece.lstrip()
        else:
            line += piece
    return "\n".join([*lines, line.rstrip()])


def _pieces(text: str) -> Iterator[str]:
    piece = ""
    for found in _PIECE.findall(text):
        if piece and found not in _CLOSING:
            yield piece
            piece = ""
        piece += found
    if piece:
        yield piece
