"""A text with values in it -> the bytes of its body, in a transfer encoding (RFC 2045, 6).

The problem. The text of a structure (rendering/structure.py) is the same in thousands of
messages except for a few values. Encoding 45 KB of HTML takes 300 us; a message should take 30. So
the static text is encoded once, and only the values are encoded for each recipient. But a
transfer encoding is made for whole texts: where a line ends, and where a group of base64 begins,
depends on everything before it.

The law, checked by property tests: decoded, the bytes are the same text as in the standard
library's EmailMessage. Every line break (CR, LF or CRLF) becomes CRLF, and the last line ends
with one. No line begins with a dot (RFC 5321, 4.5.2), with "From " (mbox), or with what could be
a boundary (`--=_`).

The encodings, each with its own way of setting a value between two texts that are encoded
already:

    identity_encodings  7bit and 8bit: lines that leave as they are
    quoted_printable    static texts from column 0, values behind or between them
    base64_body         static texts in each of their three alignments

What can go wrong, and the answer:

1. The encoding is chosen by the static text, and the values do not fit it. A value that is not
   ASCII, or too long for its line, takes this recipient's text from 7bit to quoted-printable.
   Long values in another script take it to base64.
2. A line break comes together from a value and the text after it (CR and LF), or the last value
   decides whether the last line has an end. Then the text is encoded as a whole for this
   recipient.
3. Half a surrogate pair is no character: UnicodeEncodeError, which the caller explains.

The cheap tests come first, on all values together: a recipient with ordinary values costs one join,
one comparison and the encoding itself.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from mailmerge.mime.base64_body import Base64
from mailmerge.mime.identity_encodings import EightBit, SevenBit
from mailmerge.mime.quoted_printable import QuotedPrintable
from mailmerge.rendering.structure import interleave

_UNQUOTED = bytes(byte for byte in range(128) if byte != ord("="))
_LONG = 256  # characters of all values together: fewer cost little in any encoding


class TextEncoder(Protocol):
    """One structure's static text, encoded and waiting for values. Thread-safe."""

    def encode(self, values: Sequence[str]) -> list[bytes]:
        """The Content-Transfer-Encoding field, an empty line, and the body of one recipient.

        The body ends with CRLF. `values` has one text less than the structure has static texts.

        Raises:
            UnicodeEncodeError: a value holds half a surrogate pair.
        """
        ...


def compile_text(static: Sequence[str], *, eightbit: bool = False) -> TextEncoder:
    """Choose the encoding by the static text, and encode the static text.

    The encoding is 7bit if the text has only short lines of ASCII. Otherwise it is the smaller of
    quoted-printable (most of the text is ASCII) and base64 (most of it is not); long values count
    for this choice. With `eightbit`, a text whose lines have at most 998 bytes stays unchanged.

    Raises:
        UnicodeEncodeError: the text holds half a surrogate pair.
    """
    if any(text.endswith("\r") for text in static[:-1]):
        return _WholeTextEncoder(static, eightbit=eightbit)
    lines = [_with_line_feeds(text) for text in static]
    ends_with_value = len(lines) > 1 and not lines[-1]
    if not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    return _ChoosingEncoder(static, lines, ends_with_value=ends_with_value, eightbit=eightbit)


def _with_line_feeds(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


@dataclass(frozen=True, slots=True)
class _Weight:
    """How many bytes a text has, and how many of them quoted-printable has to quote."""

    size: int
    to_quote: int

    @classmethod
    def of(cls, text: str) -> _Weight:
        encoded = text.encode()
        return cls(len(encoded), len(encoded.translate(None, _UNQUOTED)))

    def __add__(self, other: _Weight) -> _Weight:
        return _Weight(self.size + other.size, self.to_quote + other.to_quote)

    @property
    def wants_base64(self) -> bool:
        # Quoted-printable makes three bytes of one, base64 four of three: they are even at a sixth.
        # A readable text may be a little larger.
        return self.to_quote * 4 > self.size

    @property
    def characters_to_spare(self) -> int:
        """How many characters of any script can be added before base64 may become smaller."""
        # Each has four bytes at most.
        return max((self.size - self.to_quote * 4) // 12, _LONG)


class _WholeTextEncoder:
    """A text whose line breaks are only known with the values: encoded as a whole each time."""

    def __init__(self, static: Sequence[str], *, eightbit: bool) -> None:
        self._static = static
        self._eightbit = eightbit

    def encode(self, values: Sequence[str]) -> list[bytes]:
        whole = (interleave(self._static, values),)
        return compile_text(whole, eightbit=self._eightbit).encode(())


class _ChoosingEncoder:
    """Chooses the encoder for the values of each recipient; nearly always it is the same one."""

    def __init__(
        self,
        static: Sequence[str],
        lines: Sequence[str],
        *,
        ends_with_value: bool,
        eightbit: bool,
    ) -> None:
        self._whole = _WholeTextEncoder(static, eightbit=eightbit)
        self._lines = lines
        self._weight = _Weight.of("".join(lines))
        as_it_stands = (EightBit if eightbit else SevenBit).of(lines)
        self._encoder = as_it_stands or self._for_any_script
        self._to_spare = (
            sys.maxsize if eightbit and as_it_stands else self._weight.characters_to_spare
        )
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
            return self._whole.encode(values)
        if "\r" in together:
            if any(value.endswith("\r") for value in values):
                return self._whole.encode(values)
            values = [_with_line_feeds(value) for value in values]
        if len(together) > self._to_spare and self._wants_base64(together):
            return self._base64.encode(values)
        return self._encoder.encode(values)

    def _wants_base64(self, together: str) -> bool:
        return not together.isascii() and (self._weight + _Weight.of(together)).wants_base64
