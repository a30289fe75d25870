"""A message's chunks -> the chunks that leave: checked, dot-stuffed, never copied needlessly.

Only CRLF ends a line, and neither octet stands alone (RFC 5321, 2.3.8): what is sent cannot be read
as two messages. Octets that come again and again are looked at once: an image is sealed, and a text
that is the same for many people but for a few words is a `Frame`, of which only the words are
looked at for each person.
"""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from typing import Final, NamedTuple

from mailmerge.errors import LocalProtocolError

MAX_TEXT_LINE: Final = 998
"""Octets of one line of content, without CRLF and without a stuffed dot (RFC 5321, 4.5.3.1.6)."""

_BASE64_LINE: Final = 76  # RFC 2045, 6.8
_BASE64_SLICE: Final = 57 * 1000  # octets; a line of base64 holds 57

_BETWEEN: Final = b"\x00"
"""Stands between words that are looked at together; it is neither a line break nor a dot."""


class Sealed(bytes):
    """Octets that were looked at before: lines of ASCII, each ended by CRLF, and none of them too
    long or with a dot at its start. Only this file makes them."""

    __slots__ = ()


def seal(octets: bytes) -> bytes:
    """The octets, sealed where they may be; as they are where not."""
    if type(octets) is Sealed:
        return octets
    facts = _scan(octets) if octets else None
    harmless = (
        facts is not None
        and facts.stuffed is octets
        and not facts.begins_with_dot
        and facts.ends_line
        and facts.ascii
        and facts.longest <= MAX_TEXT_LINE
    )
    return Sealed(octets) if harmless else octets


def joined(pieces: Sequence[bytes]) -> bytes:
    """The pieces as one, which is sealed where all of them are."""
    together = b"".join(pieces)
    return Sealed(together) if all(type(piece) is Sealed for piece in pieces) else together


def base64_lines(octets: bytes) -> Sealed:
    """Base64 in lines of 76 octets, each ended by CRLF (RFC 2045, 6.8)."""
    # Nobody needs to look at them again: they hold letters, digits, "+", "/" and "=".
    if len(octets) <= _BASE64_SLICE:
        return Sealed(_base64_lines(octets))
    # A large file by slices: its lines never exist one by one, all at once.
    view = memoryview(octets)
    starts = range(0, len(octets), _BASE64_SLICE)
    return Sealed(b"".join([_base64_lines(view[at : at + _BASE64_SLICE]) for at in starts]))


def _base64_lines(octets: bytes | memoryview) -> bytes:
    encoded = binascii.b2a_base64(octets, newline=False)
    if len(encoded) <= _BASE64_LINE:
        return encoded + b"\r\n" if encoded else b""
    starts = range(0, len(encoded), _BASE64_LINE)
    lines = [encoded[start : start + _BASE64_LINE] for start in starts]
    lines.append(b"")
    return b"\r\n".join(lines)


class Frame:
    """What many texts have in common: `static[0] word static[1] word ... static[n]`.

    A line that holds words is short enough where the longest word would be, in each of their
    places. Where a word is odd (a dot first, another script, half a line end) or may be too long,
    the text is not sealed, and looked at as a whole later.
    """

    __slots__ = ("_room", "_sealable")

    def __init__(self, static: Sequence[bytes]) -> None:
        together = b"".join(static)
        # No word, not even an empty one, may join two static texts to what neither of them is.
        self._sealable = (
            type(seal(together)) is Sealed
            and static[-1].endswith(b"\r\n")
            and not any(text.startswith((b".", b"\n")) for text in static)
        )
        octets = max(map(len, together.split(b"\r\n")))
        with_gaps = _BETWEEN.join(static).split(b"\r\n")
        most_words = max(line.count(_BETWEEN) for line in with_gaps)
        self._room = (MAX_TEXT_LINE - octets) // max(most_words, 1)

    def filled(self, pieces: list[bytes]) -> list[bytes]:
        """These pieces of octets, as one that is sealed where that is possible.

        `pieces` alternate: the static texts, the same as ever, and the words between them.
        """
        if self._sealable and self._fit(pieces[1::2]):
            return [Sealed(b"".join(pieces))]
        return pieces

    def _fit(self, words: list[bytes]) -> bool:
        """Whether no word can do harm, whatever stands around it."""
        if not words:
            return True
        together = _BETWEEN.join(words)
        if not together.isascii() or together.startswith(b".") or b"\x00." in together:
            return False
        room = self._room
        for word in words:
            if len(word) > room and max(map(len, word.split(b"\r\n"))) > room:
                return False
        ends = together.count(b"\r")
        if not ends:
            return b"\n" not in together
        pairs = together.count(b"\r\n")
        return pairs == ends == together.count(b"\n") and b"\n." not in together


class _Facts(NamedTuple):
    """What one scan of a chunk tells: `head` and `tail` are the lengths of the partial lines.

    No line has more octets than `longest`; -1 where there is no whole line.
    """

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


def prepare(content: Sequence[bytes], *, stuffing: bool) -> Prepared:
    """Check the content; for DATA (`stuffing`) stuff its dots and end its last line.

    Raises:
        LocalProtocolError: a CR or LF that stands alone, or a line that is too long.
    """
    prepared = _prepare_by_chunks(content, stuffing=stuffing)
    if prepared is None:
        # A CRLF may be cut in two by the end of a chunk: look at all of it at once.
        prepared = _prepare_by_chunks((b"".join(content),), stuffing=stuffing)
    if prepared is None:
        raise LocalProtocolError("the content holds a CR or LF alone", code="bare-newline")
    return prepared


def _prepare_by_chunks(content: Sequence[bytes], *, stuffing: bool) -> Prepared | None:
    chunks: list[bytes] = []
    line = 0
    ascii_only = at_line_start = True
    for chunk in content:
        if type(chunk) is Sealed and at_line_start:
            chunks.append(chunk)
            continue
        if not chunk:
            continue
        facts = _scan(chunk)
        if facts is None:
            return None
        stuffed, begins_with_dot, ends_line, is_ascii, longest, head, tail = facts
        if stuffing and at_line_start and begins_with_dot:
            chunks.append(b".")
        chunks.append(stuffed if stuffing else chunk)
        ascii_only = ascii_only and is_ascii
        at_line_start = ends_line
        if longest > MAX_TEXT_LINE or line + head > MAX_TEXT_LINE:
            raise _long_line(max(longest, line + head))
        line = tail if longest >= 0 else line + tail
    size = sum(map(len, content))
    if stuffing and not at_line_start:
        chunks.append(b"\r\n")
        size += 2
    return Prepared(chunks, size, ascii_only)


def _scan(chunk: bytes) -> _Facts | None:
    """The facts of one chunk, or None where a CR or LF has no partner in it."""
    lines = chunk.split(b"\r\n")
    rest = b"".join(lines)
    if b"\n" in rest or b"\r" in rest:
        return None
    stuffed = chunk.replace(b"\r\n.", b"\r\n..") if b"\n." in chunk else chunk
    if len(lines) == 1:
        longest = -1
    elif len(chunk) <= MAX_TEXT_LINE:
        longest = len(chunk)
    else:
        longest = max(map(len, lines))
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
