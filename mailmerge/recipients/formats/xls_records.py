"""The records of an XLS workbook: their bodies, and the texts in them ([MS-XLS] 2.1.4, 2.5.293).

A workbook is one stream of records: a number of two bytes, a size of two bytes, the body. A body
has at most 8,224 bytes; what is longer goes on in records of the kind CONTINUE. A text that is cut
there says again, in the first byte of the next record, whether its characters have one byte or two.
That is the one place where a reader that only joins the bodies gets letters wrong.
"""

from __future__ import annotations

import codecs
import struct
from collections.abc import Iterator

_CONTINUE = 0x3C
_PAIR = struct.Struct("<HH").unpack_from
_SHORT = struct.Struct("<H").unpack_from
_LONG = struct.Struct("<I").unpack_from
_SHORTEST_TEXT = 3
_WIDE, _EXTENDED, _RICH = 1, 4, 8


class CutOffError(Exception):
    """A record ends before its content does."""


def records(stream: bytes, start: int) -> Iterator[tuple[int, int, int]]:
    """The kind of each record from `start` on, and where its body begins and ends.

    Raises:
        CutOffError: a record says that it is longer than the stream.
    """
    position, end = start, len(stream)
    while position + 4 <= end:
        kind, size = _PAIR(stream, position)
        body = position + 4
        position = body + size
        if position > end:
            if kind:
                raise CutOffError
            return
        yield kind, body, position


class TextReader:
    """Reads texts from a record and those that continue it."""

    def __init__(self, stream: bytes, body: int, end: int) -> None:
        """Start at the beginning of a record's body."""
        self._stream = stream
        self._at = body
        self._end = end

    def skip(self, count: int) -> None:
        """Pass over bytes, into the next records if need be."""
        while count > self._end - self._at:
            count -= self._end - self._at
            self._next()
        self._at += count

    def at_end(self) -> bool:
        """Whether no other text follows: what is left is shorter than an empty one."""
        while self._end - self._at < _SHORTEST_TEXT:
            if self._end + 4 > len(self._stream) or _SHORT(self._stream, self._end)[0] != _CONTINUE:
                return True
            if self._end > self._at:  # a text that goes on in the next record
                return False
            self._next()
        return False

    def short(self) -> int:
        """A number of two bytes, which no record cuts."""
        while self._at >= self._end:
            self._next()
        (number,) = _SHORT(self._stream, self._at)
        self._at += 2
        return int(number)

    def text(self) -> str:
        """A text with its length in two bytes before it, as Excel 97 and later write it."""
        length = self.short()
        flags = self._byte()
        runs = self.short() if flags & _RICH else 0
        extended = self._long() if flags & _EXTENDED else 0
        text = self._characters(length, flags & _WIDE)
        if runs or extended:
            self.skip(4 * runs + extended)
        return text

    def _characters(self, length: int, wide: int) -> str:
        size = length << wide
        if size <= self._end - self._at:  # nearly always
            raw = self._stream[self._at : self._at + size]
            self._at += size
            return raw.decode("utf-16-le", "replace") if wide else raw.decode("latin-1")
        pieces = []
        while length:
            if self._at >= self._end:
                self._next()
                wide = self._byte() & _WIDE
            count = min(length, self._end - self._at >> wide)
            raw = self._stream[self._at : self._at + (count << wide)]
            pieces.append(raw.decode("utf-16-le" if wide else "latin-1", "surrogatepass"))
            self._at += count << wide
            length -= count
            if length:
                self._at = self._end  # half a character, which no text has
        return "".join(pieces).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def _byte(self) -> int:
        while self._at >= self._end:
            self._next()
        self._at += 1
        return self._stream[self._at - 1]

    def _long(self) -> int:
        while self._at >= self._end:
            self._next()
        (number,) = _LONG(self._stream, self._at)
        self._at += 4
        return int(number)

    def _next(self) -> None:
        """Go on in the next record."""
        if self._end + 4 > len(self._stream):
            raise CutOffError
        kind, size = _PAIR(self._stream, self._end)
        if kind != _CONTINUE or self._end + 4 + size > len(self._stream):
            raise CutOffError
        self._at = self._end + 4
        self._end = self._at + size


def codec_of(code_page: int) -> str:
    """The codec of texts with one byte for a character, as Excel 5 and 95 write them."""
    named = {1200: "utf-16-le", 10000: "mac-roman", 32768: "mac-roman", 32769: "cp1252"}
    name = named.get(code_page, f"cp{code_page}")
    try:
        codecs.lookup(name)
    except LookupError:
        return "cp1252"
    return name
