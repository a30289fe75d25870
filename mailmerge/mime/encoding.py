"""A text with values in it -> body octets in 7bit, quoted-printable or base64 (RFC 2045, 6).

Where the campaign asks for it, in 8bit instead, as it stands.

In goes the static text of a structure, once, and then the values of one person after the other. Out
come pieces of octets: the Content-Transfer-Encoding field, an empty line, and the body, which ends
with CRLF. Static text is encoded once; per person only the values are.

The three ways to put a value between two texts that are encoded already:

* 7bit: the lines that hold values are written for each person and looked at; where a value is not
  plain ASCII or makes a line too long, this person gets quoted-printable.
* quoted-printable: every static text begins in column 0, after a soft line break; a value follows
  where the static text before it ends if it fits into that line, and else on lines of its own.
* base64: a group is three octets, and padding ends the body. So each static text is kept in the
  three encodings that one, two or no octets left over from before it lead to; a value is encoded
  on a line of its own together with the few octets that are left over around it.

All of them write what the standard library's EmailMessage means by the same text: every line break
(CR, LF or CRLF) becomes CRLF, and the last line ends with one. A line never begins with a dot
(RFC 5321, 4.5.2), with "From " (mbox), or with what could be a boundary.
"""

from __future__ import annotations

import binascii
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain
from typing import Protocol, Self

from mailmerge.smtp.content import MAX_TEXT_LINE, Frame, Sealed, base64_lines, joined, seal

_LINE = 76  # RFC 2045, 6.7 (5) and 6.8
_PLAIN_LINE = 78  # RFC 5322, 2.1.1
_GROUPS_LINE = _LINE // 4 * 3

_MANY_LINES = 8 * _GROUPS_LINE

_PLAIN_LINES = re.compile(rf"(?:(?!\.|From |--=_)[\t -~]{{0,{_PLAIN_LINE}}}\n)*")
_LINES_OF_UTF8 = re.compile(r"(?:(?!\.|From |--=_)[^\x00-\x08\n-\x1f\x7f]*\n)*")
_TROUBLED_LINE = re.compile(rb"^(?:(?:\.|From ).*|.{%d,})$" % (_LINE + 1), re.MULTILINE)
_BEGINNINGS_OF_FROM = frozenset((b"F", b"Fr", b"Fro", b"From"))
_UNQUOTED = bytes(octet for octet in range(128) if octet != ord("="))
_CONTROLS = bytes((*range(1, 0x20), 0x7F))
_SOFT = b"=\r\n"
_LONG = 256  # characters of all values together: fewer are as well off either way
_WORTH_REMEMBERING = 512  # characters: so that what is remembered stays within 25 MB
_GAP = "\x00"  # stands between values that are looked at together; it is not printable


class TextEncoder(Protocol):
    """One structure's static text, encoded and waiting for values."""

    def encode(self, values: Sequence[str]) -> list[bytes]:
        """The field Content-Transfer-Encoding, an empty line, and the body of one person.

        `values` has one text less than the structure has static texts.

        Raises:
            UnicodeEncodeError: a value holds half a surrogate pair.
        """
        ...


def compile_text(static: Sequence[str], *, eightbit: bool = False) -> TextEncoder:
    """Choose the encoding by the static text, and encode what can be encoded once.

    7bit where all is short lines of ASCII; else whichever is smaller of quoted-printable (most of
    the text is ASCII) and base64 (most of it is not). Long values are counted with it. `eightbit`
    leaves every text as it stands whose lines have at most 998 octets.

    Raises:
        UnicodeEncodeError: the text holds half a surrogate pair.
    """
    if any(text.endswith("\r") for text in static[:-1]):
        return _Woven(static, eightbit=eightbit)
    lines = [_with_line_feeds(text) for text in static]
    ends_with_value = len(lines) > 1 and not lines[-1]
    if not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    return _Careful(static, lines, ends_with_value=ends_with_value, eightbit=eightbit)


def weave(static: Sequence[str], values: Sequence[str]) -> str:
    """The text: static[0] value[0] static[1] ..."""
    woven = [""] * (len(static) + len(values))
    woven[0::2] = static
    woven[1::2] = values
    return "".join(woven)


def quoted_printable(text: str) -> bytes:
    """Quoted-printable from column 0, fit to be followed by more text or by a soft line break.

    `text` has LF as its only line break. The last line has at most 75 octets; white space at the
    end of it is left as it is.
    """
    # The full stop of the guard keeps white space at the end and room for "=" after it.
    encoded = binascii.b2a_qp(f"{text}x".encode(), istext=True)
    return _without_troubled_lines(encoded)[:-1].replace(b"\n", b"\r\n")


def _without_troubled_lines(encoded: bytes) -> bytes:
    """Quote the first octet of lines that begin with a dot or with "From "; part longer lines.

    binascii forgets its bound where white space at the end of a line becomes three octets.
    """
    if (
        encoded.startswith(b".")
        or b"From " in encoded
        or (b"\n" in encoded and (b"\n." in encoded or b"=20\n" in encoded or b"=09\n" in encoded))
    ):
        return _TROUBLED_LINE.sub(_mended_line, encoded)
    return encoded


def _mended_line(match: re.Match[bytes]) -> bytes:
    line = match[0]
    if line.startswith((b".", b"From ")):
        line = b"=%02X%b" % (line[0], line[1:])
    if len(line) <= _LINE:
        return line
    cut = _LINE - 1
    while b"=" in line[cut - 2 : cut]:
        cut -= 1
    return line[:cut] + b"=\n" + _without_troubled_lines(line[cut:])


def _with_line_feeds(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


@dataclass(frozen=True, slots=True)
class _Weight:
    """How many octets a text has, and how many of them quoted-printable would have to quote."""

    octets: int
    to_quote: int

    @classmethod
    def of(cls, text: str) -> _Weight:
        octets = text.encode()
        return cls(len(octets), len(octets.translate(None, _UNQUOTED)))

    def __add__(self, other: _Weight) -> _Weight:
        return _Weight(self.octets + other.octets, self.to_quote + other.to_quote)

    @property
    def wants_base64(self) -> bool:
        # Quoted-printable makes three octets of one, base64 four of three: they are even at a
        # sixth. A little more is paid for a text that can be read as it is.
        return self.to_quote * 4 > self.octets

    @property
    def carries(self) -> int:
        """How many characters may come in, in whatever script, that base64 is not wanted."""
        # Each has four octets at most.
        return max((self.octets - self.to_quote * 4) // 12, _LONG)


class _Woven:
    """Text whose line breaks are only known with the values: encoded as a whole, each time."""

    def __init__(self, static: Sequence[str], *, eightbit: bool) -> None:
        self._static = static
        self._eightbit = eightbit

    def encode(self, values: Sequence[str]) -> list[bytes]:
        whole = (weave(self._static, values),)
        return compile_text(whole, eightbit=self._eightbit).encode(())


class _Careful:
    """The few values that change how the text around them is written.

    Those that change what it is are woven in; long ones in another script can make base64 of it.
    """

    def __init__(
        self,
        static: Sequence[str],
        lines: Sequence[str],
        *,
        ends_with_value: bool,
        eightbit: bool,
    ) -> None:
        self._woven = _Woven(static, eightbit=eightbit)
        self._lines = lines
        self._weight = _Weight.of("".join(lines))
        as_it_stands = (EightBit if eightbit else SevenBit).of(lines)
        self._encoder = as_it_stands or self._for_any_script
        self._carries = sys.maxsize if eightbit and as_it_stands else self._weight.carries
        self._ends_with_value = ends_with_value

    @cached_property
    def _base64(self) -> Base64:
        return Base64(self._lines)

    @property
    def _for_any_script(self) -> TextEncoder:
        return self._base64 if self._weight.wants_base64 else QuotedPrintable(self._lines)

    def encode(self, values: Sequence[str]) -> list[bytes]:
        together = "".join(values)
        # Whether the body still needs a last CRLF depends on the last value.
        if self._ends_with_value and (not values[-1] or together[-1] == "\n"):
            return self._woven.encode(values)
        if "\r" in together:
            if any(value.endswith("\r") for value in values):
                return self._woven.encode(values)
            values = [_with_line_feeds(value) for value in values]
        if len(together) > self._carries and self._wants_base64(together):
            return self._base64.encode(values)
        return self._encoder.encode(values)

    def _wants_base64(self, together: str) -> bool:
        return not together.isascii() and (self._weight + _Weight.of(together)).wants_base64


class SevenBit:
    """Short lines of ASCII, as they are; quoted-printable for whom that does not hold."""

    _FIELD = b"Content-Transfer-Encoding: 7bit\r\n\r\n"

    def __init__(
        self, lines: Sequence[str], blocks: Sequence[str], with_values: Sequence[str]
    ) -> None:
        self._lines = lines
        octets = [block.replace("\n", "\r\n").encode() for block in blocks]
        self._blocks = [self._FIELD + octets[0], *(b"\r\n" + block for block in octets[1:])]
        self._frame = Frame(self._blocks)
        self._with_values = with_values

    @classmethod
    def of(cls, lines: Sequence[str]) -> Self | None:
        """The encoder, or None where the static text is already too much for it."""
        blocks, with_values = _by_line(lines)
        example = weave(with_values, ["x"] * (len(with_values) - 1))
        if all(cls._leaves_as_it_is(text) for text in (*blocks, example)):
            return cls(lines, blocks, with_values)
        return None

    @staticmethod
    def _leaves_as_it_is(text: str) -> bool:
        return _PLAIN_LINES.fullmatch(text) is not None

    @cached_property
    def _otherwise(self) -> QuotedPrintable:
        return QuotedPrintable(self._lines)

    def encode(self, values: Sequence[str]) -> list[bytes]:
        written = weave(self._with_values, values)
        if not self._leaves_as_it_is(written):
            return self._otherwise.encode(values)
        lines = written.encode().split(b"\n")
        if len(lines) != len(self._blocks):
            return self._otherwise.encode(values)
        pieces = list(chain.from_iterable(zip(self._blocks, lines, strict=True)))
        pieces.pop()
        return self._frame.filled(pieces)


class EightBit(SevenBit):
    """Lines in any script, as they are (RFC 2045, 2.8), for a server with 8BITMIME (RFC 6152)."""

    _FIELD = b"Content-Transfer-Encoding: 8bit\r\n\r\n"

    @staticmethod
    def _leaves_as_it_is(text: str) -> bool:
        return (
            _LINES_OF_UTF8.fullmatch(text) is not None
            and max(map(len, text.encode().split(b"\n"))) <= MAX_TEXT_LINE
        )


def _by_line(lines: Sequence[str]) -> tuple[list[str], list[str]]:
    """Part the static text: blocks of lines without values, and the lines with values between them.

    The lines with values are again static texts, with one value between two of them.
    """
    first, newline, begun = lines[0].rpartition("\n")
    blocks = [first + newline]
    with_values = [begun]
    for text in lines[1:]:
        rest_of_line, newline, further = text.partition("\n")
        if not newline:
            with_values.append(rest_of_line)
            continue
        block, newline, begun = further.rpartition("\n")
        blocks.append(block + newline)
        with_values.append(f"{rest_of_line}\n{begun}")
    if len(lines) == 1:
        return blocks, [""]
    return blocks, with_values


class QuotedPrintable:
    """Every static text from column 0, the values behind or between them (RFC 2045, 6.7)."""

    _FIELD = b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"

    def __init__(self, lines: Sequence[str]) -> None:
        encoded = [_beginning_kept(quoted_printable(text)) for text in lines]
        # Where the next text begins with a line break of its own, no soft one is needed before it.
        self._ends_line = [text.startswith("\n") for text in lines[1:]]
        after = zip(self._ends_line, encoded[1:], strict=True)
        self._static = [self._FIELD + encoded[0]]
        self._static += [octets if ends else _SOFT + octets for ends, octets in after]
        self._room = [_LINE - 1 - _column(octets) for octets in encoded[:-1]]
        self._frame = Frame(self._static)

    def encode(self, values: Sequence[str]) -> list[bytes]:
        pieces = [b""] * (2 * len(values) + 1)
        pieces[0::2] = self._static
        pieces[1::2] = self._words(values) if values else ()
        return self._frame.filled(pieces)

    def _words(self, values: Sequence[str]) -> list[bytes]:
        """The values, quoted; most are a few words of printable ASCII, and done all at once."""
        together = _GAP.join(values).replace("=", "=3D").encode()
        words = together.split(b"\x00")
        if len(words) != len(values) or _needs_care(together):
            return [self._quoted(place, value) for place, value in enumerate(values)]
        ascii_only = together.isascii()
        for place, (word, room) in enumerate(zip(words, self._room, strict=True)):
            if not 0 < len(word) <= room or not (ascii_only or word.isascii()):
                words[place] = self._quoted(place, values[place])
        return words

    def _quoted(self, place: int, value: str) -> bytes:
        quote = _quoted_again if len(value) <= _WORTH_REMEMBERING else _quoted_value
        return quote(value, self._room[place], self._ends_line[place])


def _needs_care(together: bytes) -> bool:
    """Whether a word of ASCII may not stand as it is for more than its length."""
    return (
        b"\x00." in together
        or b" \x00" in together
        or b"\x00From " in together
        or together.startswith((b".", b"From "))
        or together.endswith(b" ")
        or len(together.translate(None, _CONTROLS)) != len(together)
    )


def _beginning_kept(encoded: bytes) -> bytes:
    """Quote the F of a last line to which a value could add the rest of "From "."""
    start = encoded.rfind(b"\n") + 1
    if encoded[start:] in _BEGINNINGS_OF_FROM:
        return encoded[:start] + b"=46" + encoded[start + 1 :]
    return encoded


def _column(encoded: bytes) -> int:
    return len(encoded) - (encoded.rfind(b"\n") + 1)


@lru_cache(maxsize=4096)
def _quoted_again(value: str, room: int, ends_line: bool) -> bytes:
    """`_quoted_value` remembered: titles, teasers, cities and plans are those of many people."""
    return _quoted_value(value, room, ends_line)


def _quoted_value(value: str, room: int, ends_line: bool) -> bytes:
    """A value behind a text that leaves `room` octets in its line, or on lines of its own."""
    encoded = quoted_printable(value)
    if room < _LINE - 1 and (len(encoded) > room or b"\n" in encoded):
        encoded = _SOFT + encoded
    # White space must not end a line: neither the value's nor, where that is empty, the text's.
    if ends_line and value[-1:] in ("", " ", "\t"):
        return encoded + _SOFT
    return encoded


class Base64:
    """Static text in each of its three alignments (RFC 2045, 6.8)."""

    _FIELD = seal(b"Content-Transfer-Encoding: base64\r\n\r\n")

    def __init__(self, lines: Sequence[str]) -> None:
        self._static = [_Aligned(text.replace("\n", "\r\n").encode()) for text in lines]

    def encode(self, values: Sequence[str]) -> list[bytes]:
        pieces = [self._FIELD]
        pending = self._static[0].put_after(b"", pieces)
        for value, static in zip(values, self._static[1:], strict=True):
            octets = value.replace("\n", "\r\n").encode()
            pending = static.put_after(pending + octets, pieces)
        pieces.append(base64_lines(pending))
        return [joined(pieces)]


class _Aligned:
    """Octets that are encoded once for each number of octets that a group before them lacks."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._short = len(octets) < _GROUPS_LINE
        self._alignments: list[tuple[bytes, Sealed, bytes] | None] = [None, None, None]

    def put_after(self, pending: bytes, pieces: list[bytes]) -> bytes:
        """Add what can be encoded of `pending` and these octets; return what is still pending."""
        if self._short:
            pending += self._octets
            whole = len(pending) // _GROUPS_LINE * _GROUPS_LINE
            if whole < _MANY_LINES:
                return pending
            # Whole lines of it can go: so that many short texts are not copied again and again.
            pieces.append(base64_lines(pending[:whole]))
            return pending[whole:]
        lacking = -len(pending) % 3
        alignment = self._alignments[lacking]
        if alignment is None:
            alignment = self._alignments[lacking] = self._aligned(lacking)
        head, encoded, tail = alignment
        pieces.append(base64_lines(pending + head))
        pieces.append(encoded)
        return tail

    def _aligned(self, lacking: int) -> tuple[bytes, Sealed, bytes]:
        end = len(self._octets) - (len(self._octets) - lacking) % 3
        octets = self._octets
        return octets[:lacking], base64_lines(octets[lacking:end]), octets[end:]
