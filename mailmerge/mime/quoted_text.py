"""A text -> quoted-printable lines that begin in column 0 (RFC 2045, 6.7).

`binascii.b2a_qp` does nearly all of it. Two things are done afterwards:

* A line that begins with a dot (SMTP) or with "From " (mbox) gets its first character quoted.
* binascii exceeds the limit of 76 if white space at the end of a line becomes three characters;
  such lines are split again.
"""

from __future__ import annotations

import binascii
import re

LINE = 76
"""The longest line, without CRLF (RFC 2045, 6.7, rule 5)."""

_WRONG_LINE = re.compile(rb"^(?:(?:\.|From ).*|.{%d,})$" % (LINE + 1), re.MULTILINE)


def quoted_printable(text: str) -> bytes:
    """Quoted-printable from column 0, to be followed by more text or by a soft line break.

    `text` has LF as its only line break. The last line has at most 75 characters; white space at
    the end of it is left as it is.

    Raises:
        UnicodeEncodeError: the text holds half a surrogate pair.
    """
    # The x at the end protects white space before it, and leaves room for a "=" after it.
    encoded = binascii.b2a_qp(f"{text}x".encode(), istext=True)
    return _correct_lines(encoded)[:-1].replace(b"\n", b"\r\n")


def _correct_lines(encoded: bytes) -> bytes:
    """Quote the first character of lines that begin with a dot or "From "; split longer lines."""
    if (
        encoded.startswith(b".")
        or b"From " in encoded
        or (b"\n" in encoded and (b"\n." in encoded or b"=20\n" in encoded or b"=09\n" in encoded))
    ):
        return _WRONG_LINE.sub(_correct_line, encoded)
    return encoded


def _correct_line(match: re.Match[bytes]) -> bytes:
    line = match[0]
    if line.startswith((b".", b"From ")):
        line = b"=%02X%b" % (line[0], line[1:])
    if len(line) <= LINE:
        return line
    cut = LINE - 1
    while b"=" in line[cut - 2 : cut]:
        cut -= 1
    return line[:cut] + b"=\n" + _correct_lines(line[cut:])
