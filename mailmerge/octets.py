"""Message bytes that are safe to send as they stand: `Sealed`, and the functions that make it.

`mime` makes messages and `smtp` sends them. This module is the only one that they share, and it
imports neither.

The problem: SMTP ends a message with a line that contains a single dot. If the bytes of a message
contain such a line, or a CR or LF alone, they can end the message early, and the server reads the
rest as commands. This is SMTP smuggling. So every byte of every message must be checked, and dots
doubled, before it leaves (RFC 5321, sections 2.3.8 and 4.5.2). Most of these bytes are the same for
every recipient: an attachment, or a page with one name in it. Checking them again for each message
would take more time than sending it.

The solution: a value of type `Sealed` was checked when it was made. It consists of complete lines
of ASCII. Each line ends in CRLF, has at most `MAX_TEXT_LINE` bytes, and does not begin with a dot.
At the start of any line of a message such a value is safe, so the sender does not read it again.
These functions make sealed values:

* `seal` reads the bytes and decides.
* `base64_lines` writes bytes that satisfy the rule by construction.
* `SharedText` reads the text that many messages share only once, and then only the values in it.
* `joined` concatenates sealed pieces.

Nothing else can make one: `Sealed(...)` raises, and unpickling checks the bytes again. Tests use
`set_audit` to check every sealed value.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Self

MAX_TEXT_LINE: Final = 998
"""The maximum bytes of a line of content, without CRLF and added dot (RFC 5321, 4.5.3.1.6)."""

_BASE64_LINE: Final = 76  # RFC 2045, 6.8
_BASE64_SLICE: Final = 57 * 1000  # bytes; a line of base64 holds 57

_BETWEEN: Final = b"\x00"
"""Separates values that are checked together; it is neither a line break nor a dot."""


class Sealed(bytes):
    """Checked bytes: complete lines of ASCII that are not too long and do not begin with a dot.

    Attributes:
        origin: the shared text and the values that these bytes were filled from, or None. With
            it, code that reads many messages need not read the shared text again.
    """

    origin: Origin | None = None

    def __new__(cls, *_: object) -> Self:
        """Raise TypeError: only the functions of this module make a sealed value.

        Raises:
            TypeError: always.
        """
        raise TypeError("only mailmerge.octets makes Sealed values: call seal()")

    def __reduce__(self) -> tuple[Callable[[bytes], bytes], tuple[bytes]]:
        """Pickle as plain bytes, which unpickling checks again."""
        return seal, (bytes(self),)


_make: Final = bytes.__new__
_audit: Callable[[Sealed], None] | None = None


def _sealed(checked: bytes) -> Sealed:
    sealed = _make(Sealed, checked)  # Sealed(...) itself always refuses
    if _audit is not None:
        _audit(sealed)
    return sealed


def set_audit(audit: Callable[[Sealed], None] | None) -> None:
    """Call `audit` with every value that is sealed from now on; None stops it."""
    global _audit  # noqa: PLW0603 - one hook for the process, set by tests
    _audit = audit


class Origin(NamedTuple):
    """Where sealed bytes come from: `shared.static` with one value between two texts."""

    shared: SharedText
    values: Sequence[bytes]


class Facts(NamedTuple):
    """The result of one `scan`. Lengths are in bytes.

    Attributes:
        stuffed: the chunk with a dot added to each line, except the first, that begins with one
            (RFC 5321, section 4.5.2); the same object if there is no such line.
        begins_with_dot: whether the first byte is a dot.
        ends_line: whether the last line is complete.
        ascii: whether all bytes are ASCII.
        longest: an upper bound for the length of every line; -1 if there is no line break.
        head: the length of the part before the first line break.
        tail: the length of the part after the last line break.
    """

    stuffed: bytes
    begins_with_dot: bool
    ends_line: bool
    ascii: bool
    longest: int
    head: int
    tail: int


def scan(chunk: bytes) -> Facts | None:
    """Read one chunk of a message. Returns None if it has a CR or LF that is not part of a CRLF."""
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
    return Facts(
        stuffed,
        chunk.startswith(b"."),
        not lines[-1],
        chunk.isascii(),
        longest,
        len(lines[0]),
        len(lines[-1]),
    )


def seal(content: bytes) -> bytes:
    """Return the bytes as a `Sealed` value if they satisfy the rule, else unchanged."""
    if type(content) is Sealed:
        return content
    facts = scan(content) if content else None
    harmless = (
        facts is not None
        and facts.stuffed is content
        and not facts.begins_with_dot
        and facts.ends_line
        and facts.ascii
        and facts.longest <= MAX_TEXT_LINE
    )
    return _sealed(content) if harmless else content


def joined(pieces: Sequence[bytes]) -> bytes:
    """Concatenate the pieces; the result is sealed if all of them are."""
    together = b"".join(pieces)
    return _sealed(together) if all(type(piece) is Sealed for piece in pieces) else together


def base64_lines(content: bytes) -> Sealed:
    """Encode as base64 in lines of 76 characters, each ended by CRLF (RFC 2045, section 6.8)."""
    # These lines need no check: they consist of letters, digits, "+", "/" and "=".
    if len(content) <= _BASE64_SLICE:
        return _sealed(_base64_lines(content))
    # A large file is encoded in slices, so that its lines never exist as objects all at once.
    view = memoryview(content)
    starts = range(0, len(content), _BASE64_SLICE)
    return _sealed(b"".join([_base64_lines(view[at : at + _BASE64_SLICE]) for at in starts]))


def _base64_lines(content: bytes | memoryview) -> bytes:
    encoded = binascii.b2a_base64(content, newline=False)
    if len(encoded) <= _BASE64_LINE:
        return encoded + b"\r\n" if encoded else b""
    starts = range(0, len(encoded), _BASE64_LINE)
    lines = [encoded[start : start + _BASE64_LINE] for start in starts]
    lines.append(b"")
    return b"\r\n".join(lines)


class SharedText:
    """The text that many messages share, with values: `static[0] value static[1] ... static[n]`.

    The static text is checked once. For each message only the values are checked. They pass if no
    value can do harm in any place:

    * The longest value fits into the longest line, as often as a line has values.
    * No value begins a line with a dot, contains a byte above 127, or contains a CR or LF alone.

    If the values do not pass, nothing is refused. The text is not sealed, and the sender checks all
    of it.

    Attributes:
        static: the static texts.
    """

    __slots__ = ("__weakref__", "_room", "_sealable", "static")

    def __init__(self, static: Sequence[bytes]) -> None:
        self.static = tuple(static)
        together = b"".join(static)
        # No value, not even an empty one, may turn two harmless static texts into a harmful one.
        self._sealable = (
            type(seal(together)) is Sealed
            and static[-1].endswith(b"\r\n")
            and not any(text.startswith((b".", b"\n")) for text in static)
        )
        longest = max(map(len, together.split(b"\r\n")))
        with_gaps = _BETWEEN.join(static).split(b"\r\n")
        most_values = max(line.count(_BETWEEN) for line in with_gaps)
        self._room = (MAX_TEXT_LINE - longest) // max(most_values, 1)

    def filled(self, pieces: list[bytes]) -> list[bytes]:
        """Return the pieces as one sealed value if possible, else unchanged.

        `pieces` alternates between the static texts and the values.
        """
        values = pieces[1::2]
        if self._sealable and self._fit(values):
            filled = _sealed(b"".join(pieces))
            filled.origin = Origin(self, values)
            return [filled]
        return pieces

    def _fit(self, values: list[bytes]) -> bool:
        """Whether no value can do harm in any place."""
        if not values:
            return True
        together = _BETWEEN.join(values)
        if not together.isascii() or together.startswith(b".") or b"\x00." in together:
            return False
        room = self._room
        for value in values:
            if len(value) > room and max(map(len, value.split(b"\r\n"))) > room:
                return False
        ends = together.count(b"\r")
        if not ends:
            return b"\n" not in together
        pairs = together.count(b"\r\n")
        return pairs == ends == together.count(b"\n") and b"\n." not in together
