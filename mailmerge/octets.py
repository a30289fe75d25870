"""Message bytes that are safe to send as they stand: `Sealed`, and the functions that make it.

`mime` makes messages and `smtp` sends them; this module is all that they share, and it imports
neither.

The problem. SMTP ends a message with a line that holds a single dot. Bytes that contain such a
line, or a CR or LF without its partner, can end the message early, and the server reads what
follows as commands: this is SMTP smuggling. So every byte of every message must be checked, and
dots doubled, before it leaves (RFC 5321, 2.3.8 and 4.5.2). Most of those bytes are the same for
every recipient: an attachment, or a page with one name in it. Checking them again for each message
would take more time than sending it.

The solution. A value of type `Sealed` has been checked before: it holds whole lines of ASCII, each
ended by CRLF, none longer than `MAX_TEXT_LINE`, and none that begins with a dot. Wherever such a
value stands at the start of a line, the message around it stays correct, so that the sender passes
it on unread. These functions make them:

* `seal` reads the bytes and decides;
* `base64_lines` writes bytes that cannot be anything else;
* `SharedText` reads the text that many messages share once, and then only the values in its gaps;
* `joined` puts sealed pieces together.

Nothing else can make one: `Sealed(...)` raises, and a pickled one is checked again when it is read.
`set_audit` lets tests look at every value that was made.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Self

MAX_TEXT_LINE: Final = 998
"""Bytes of one line of content, without CRLF and without a doubled dot (RFC 5321, 4.5.3.1.6)."""

_BASE64_LINE: Final = 76  # RFC 2045, 6.8
_BASE64_SLICE: Final = 57 * 1000  # bytes; a line of base64 holds 57

_BETWEEN: Final = b"\x00"
"""Separates values that are checked together: neither a line break nor a dot."""


class Sealed(bytes):
    """Checked bytes: lines of ASCII, each ended by CRLF, none too long, none begun by a dot."""

    __slots__ = ()

    def __new__(cls, *_: object) -> Self:
        """Refuse: only the functions of this module make a sealed value.

        Raises:
            TypeError: always.
        """
        raise TypeError("only mailmerge.octets makes Sealed values: call seal()")

    def __reduce__(self) -> tuple[Callable[[bytes], bytes], tuple[bytes]]:
        """Pickle as plain bytes that are checked again when they are read."""
        return seal, (bytes(self),)


_make: Final = bytes.__new__
_audit: Callable[[Sealed], None] | None = None


def _sealed(checked: bytes) -> Sealed:
    sealed = _make(Sealed, checked)  # Sealed(...) itself always refuses
    if _audit is not None:
        _audit(sealed)
    return sealed


def set_audit(audit: Callable[[Sealed], None] | None) -> None:
    """Call `audit` with every value that is sealed from now on; None ends it."""
    global _audit  # noqa: PLW0603 - one hook for the process, set by tests
    _audit = audit


class Facts(NamedTuple):
    """The result of one `scan`; `head` and `tail` are the lengths of the partial lines, in bytes.

    `stuffed` has a dot added to every line but the first that begins with one (RFC 5321, 4.5.2); it
    is the chunk itself where there is none. No line is longer than `longest`, which is -1 where
    there is no whole line.
    """

    stuffed: bytes
    begins_with_dot: bool
    ends_line: bool
    ascii: bool
    longest: int
    head: int
    tail: int


def scan(chunk: bytes) -> Facts | None:
    """Read one chunk of a message; None where a CR or LF in it has no partner in it."""
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
    """The bytes as a `Sealed` value where they may be one, else unchanged."""
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
    """The pieces as one value, sealed where all of them are."""
    together = b"".join(pieces)
    return _sealed(together) if all(type(piece) is Sealed for piece in pieces) else together


def base64_lines(content: bytes) -> Sealed:
    """Base64 in lines of 76 characters, each ended by CRLF (RFC 2045, 6.8)."""
    # The lines need no check: they hold letters, digits, "+", "/" and "=".
    if len(content) <= _BASE64_SLICE:
        return _sealed(_base64_lines(content))
    # A large file by slices: its lines never exist one by one, all at once.
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
    """The text that many messages share, with gaps: `static[0] value static[1] ... static[n]`.

    The static text is checked once. For each message only the values are, and they pass where no
    value can do harm in any gap:

    * The longest value must fit into the fullest line, counted once for each gap of that line.
    * A value may not begin a line with a dot, hold a byte over 127, or half a line end.

    Values that do not pass are not refused: the text is then not sealed, and the sender checks it
    as a whole.
    """

    __slots__ = ("_room", "_sealable")

    def __init__(self, static: Sequence[bytes]) -> None:
        together = b"".join(static)
        # No value, not even an empty one, may join two static texts to what neither of them is.
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
        """These pieces, as one sealed value where that is possible.

        `pieces` alternate: the static texts, always the same, and the values between them.
        """
        if self._sealable and self._fit(pieces[1::2]):
            return [_sealed(b"".join(pieces))]
        return pieces

    def _fit(self, values: list[bytes]) -> bool:
        """Whether no value can do harm, wherever it stands."""
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
