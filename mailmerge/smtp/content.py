"""A message's chunks -> the chunks that leave: checked, dot-stuffed, never copied needlessly.

Only CRLF ends a line, and neither octet stands alone (RFC 5321, 2.3.8): what is sent cannot be read
as two messages. Chunks that come again and again, such as an image, are scanned once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, NamedTuple

from mailmerge.errors import LocalProtocolError

MAX_TEXT_LINE: Final = 998
"""Octets of one line of content, without CRLF and without a stuffed dot (RFC 5321, 4.5.3.1.6)."""

REMEMBERED_OCTETS: Final = 16 * 1024 * 1024
"""How many octets of scanned chunks are kept at most: a message's worth between two uses."""

_WORTH_REMEMBERING: Final = 256


class _Facts(NamedTuple):
    """What one scan of a chunk tells: `head` and `tail` are the lengths of the partial lines."""

    stuffed: bytes
    begins_with_dot: bool
    ends_line: bool
    ascii: bool
    longest: int
    head: int
    tail: int


class Prepared(NamedTuple):
    """What leaves for one message: `chunks` hold `size` octets without the stuffed dots."""

    chunks: list[bytes]
    size: int
    ascii: bool


class Scanner:
    """Prepares content, and remembers the chunks it has seen lately by their identity."""

    __slots__ = ("_octets", "_remembered")

    def __init__(self) -> None:
        self._remembered: OrderedDict[int, tuple[bytes, _Facts | None]] = OrderedDict()
        self._octets = 0

    def prepare(self, content: tuple[bytes, ...], *, stuffing: bool) -> Prepared:
        """Check the content; for DATA (`stuffing`) stuff its dots and end its last line.

        Raises:
            LocalProtocolError: a CR or LF that stands alone, or a line that is too long.
        """
        prepared = self._prepare_by_chunks(content, stuffing=stuffing)
        if prepared is None:
            # A CRLF may be cut in two by the end of a chunk: look at all of it at once.
            prepared = self._prepare_by_chunks((b"".join(content),), stuffing=stuffing)
        if prepared is None:
            raise LocalProtocolError("the content holds a CR or LF alone", code="bare-newline")
        return prepared

    def _prepare_by_chunks(self, content: tuple[bytes, ...], *, stuffing: bool) -> Prepared | None:
        chunks: list[bytes] = []
        size = line = 0
        ascii_only = at_line_start = True
        for chunk in content:
            if not chunk:
                continue
            facts = self._scan(chunk)
            if facts is None:
                return None
            stuffed, begins_with_dot, ends_line, is_ascii, longest, head, tail = facts
            if stuffing and at_line_start and begins_with_dot:
                chunks.append(b".")
            chunks.append(stuffed if stuffing else chunk)
            size += len(chunk)
            ascii_only = ascii_only and is_ascii
            at_line_start = ends_line
            if longest > MAX_TEXT_LINE or line + head > MAX_TEXT_LINE:
                raise _long_line(max(longest, line + head))
            line = tail if longest >= 0 else line + tail
        if stuffing and not at_line_start:
            chunks.append(b"\r\n")
            size += 2
        return Prepared(chunks, size, ascii_only)

    def _scan(self, chunk: bytes) -> _Facts | None:
        if len(chunk) < _WORTH_REMEMBERING:
            return _scan(chunk)
        key = id(chunk)
        remembered = self._remembered.get(key)
        if remembered is not None:  # the entry keeps the chunk alive, so its id is still its own
            self._remembered.move_to_end(key)
            return remembered[1]
        facts = _scan(chunk)
        self._remembered[key] = (chunk, facts)
        self._octets += len(chunk)
        while self._octets > REMEMBERED_OCTETS:
            _, (forgotten, _) = self._remembered.popitem(last=False)
            self._octets -= len(forgotten)
        return facts


def _scan(chunk: bytes) -> _Facts | None:
    """The facts of one chunk, or None where a CR or LF has no partner in it."""
    lines = chunk.split(b"\r\n")
    ends = len(lines) - 1
    if chunk.count(b"\n") != ends or chunk.count(b"\r") != ends:
        return None
    stuffed = chunk.replace(b"\r\n.", b"\r\n..") if b"\n." in chunk else chunk
    longest = max(map(len, lines)) if ends else -1
    return _Facts(
        stuffed,
        chunk.startswith(b"."),
        not lines[-1],
        chunk.isascii(),
        longest,
        len(lines[0]),
        len(lines[-1]),
    )


def first_octets(chunks: Sequence[bytes | memoryview], count: int) -> list[bytes | memoryview]:
    """The first `count` octets of some chunks, without a copy."""
    first: list[bytes | memoryview] = []
    for chunk in chunks:
        if count <= 0:
            break
        first.append(chunk if len(chunk) <= count else memoryview(chunk)[:count])
        count -= len(chunk)
    return first


def _long_line(length: int) -> LocalProtocolError:
    return LocalProtocolError(
        f"the content has a line of {length} octets; {MAX_TEXT_LINE} are the limit",
        code="long-line",
    )
