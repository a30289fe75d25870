"""Quoted-printable (RFC 2045, 6.7): encoded static text with values set between its pieces.

A line has at most 76 characters, and where a line ends depends on everything before it in the
line. A value of another length would move all later line ends of a paragraph, so that nothing
could be encoded once. The answer is the soft line break (`=` at the end of a line, which a
reader removes):

* Every static text begins in column 0, after a soft line break. So it is encoded once.
* A value follows the static text before it on the same line, if it fits there, and otherwise is on
  lines of its own. So a value depends only on the room that is left in that line.

What can go wrong, and the answer:

1. White space must not end a line (rule 3); relays remove it. A static text may end with a
   space, and the value after it may be empty, or end with a space itself. Then a soft line break
   follows.
2. A line must not begin with a dot (SMTP) or with "From " (mbox). The first character of such a
   line is quoted. "From " may also come together from a static text and a value: the F is quoted
   then.

Most values are a few words of printable ASCII. So all values of a message are first tested together
as one text, and only those that need encoding are encoded one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from mailmerge.mime.quoted_text import LINE, quoted_printable
from mailmerge.octets import SharedText

_FIELD = b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
_SOFT = b"=\r\n"
_BEGINNINGS_OF_FROM = frozenset((b"F", b"Fr", b"Fro", b"From"))
_CONTROLS = bytes((*range(1, 0x20), 0x7F))
_GAP = "\x00"  # stands between values that are looked at together; it is not printable
_WORTH_REMEMBERING = 512  # characters of a value


class QuotedPrintable:
    """One structure's static text in quoted-printable. Its `encode` is that of `TextEncoder`."""

    def __init__(self, lines: Sequence[str]) -> None:
        """Encode the static texts, which have LF as their only line break."""
        encoded = [_keep_beginning(quoted_printable(text)) for text in lines]
        # Where the next text begins with a line break of its own, no soft one is needed before it.
        self._ends_line = [text.startswith("\n") for text in lines[1:]]
        after = zip(self._ends_line, encoded[1:], strict=True)
        self._static = [_FIELD + encoded[0]]
        self._static += [content if ends else _SOFT + content for ends, content in after]
        self._room = [LINE - 1 - _column(content) for content in encoded[:-1]]
        self._shared = SharedText(self._static)

    def encode(self, values: Sequence[str]) -> list[bytes]:
        """The Content-Transfer-Encoding field, an empty line, and the body of one recipient."""
        pieces = [b""] * (2 * len(values) + 1)
        pieces[0::2] = self._static
        pieces[1::2] = self._encoded(values) if values else ()
        return self._shared.filled(pieces)

    def _encoded(self, values: Sequence[str]) -> list[bytes]:
        together = _GAP.join(values).replace("=", "=3D").encode()
        words = together.split(b"\x00")
        if len(words) != len(values) or _needs_care(together):
            return [self._quoted(position, value) for position, value in enumerate(values)]
        ascii_only = together.isascii()
        for position, (word, room) in enumerate(zip(words, self._room, strict=True)):
            if not 0 < len(word) <= room or not (ascii_only or word.isascii()):
                words[position] = self._quoted(position, values[position])
        return words

    def _quoted(self, position: int, value: str) -> bytes:
        quote = _remembered_value if len(value) <= _WORTH_REMEMBERING else _quoted_value
        return quote(value, self._room[position], self._ends_line[position])


def _needs_care(together: bytes) -> bool:
    """Whether a value of ASCII needs encoding for another reason than its length."""
    return (
        b"\x00." in together
        or b" \x00" in together
        or b"\x00From " in together
        or together.startswith((b".", b"From "))
        or together.endswith(b" ")
        or len(together.translate(None, _CONTROLS)) != len(together)
    )


def _keep_beginning(encoded: bytes) -> bytes:
    """Quote the F of a last line to which a value could add the rest of "From "."""
    start = encoded.rfind(b"\n") + 1
    if encoded[start:] in _BEGINNINGS_OF_FROM:
        return encoded[:start] + b"=46" + encoded[start + 1 :]
    return encoded


def _column(encoded: bytes) -> int:
    return len(encoded) - (encoded.rfind(b"\n") + 1)


@lru_cache(maxsize=4096)  # with values of at most 512 characters: at most 25 MB
def _remembered_value(value: str, room: int, ends_line: bool) -> bytes:
    """`_quoted_value`, cached: many recipients share titles, cities and plans."""
    return _quoted_value(value, room, ends_line)


def _quoted_value(value: str, room: int, ends_line: bool) -> bytes:
    """A value behind a text that leaves `room` characters in its line, or on lines of its own."""
    encoded = quoted_printable(value)
    if room < LINE - 1 and (len(encoded) > room or b"\n" in encoded):
        encoded = _SOFT + encoded
    # White space must not end a line: neither the value's nor, where that is empty, the text's.
    if ends_line and value[-1:] in ("", " ", "\t"):
        return encoded + _SOFT
    return encoded
