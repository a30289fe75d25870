"""A header field -> lines of at most 76 characters where possible (RFC 5322, 2.1.1 and 2.2.3).

Lines are folded at single spaces only: if a fold falls into a run of spaces, some readers reduce
them to one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from mailmerge.errors import MessageError
from mailmerge.language import tr

LINE = 76
"""Characters of a line that holds an encoded-word (RFC 2047, 2). RFC 5322 would allow 78."""

LONGEST_LINE = 998
"""Bytes of any line, without CRLF (RFC 5322, 2.1.1)."""

_FITS_AFTER_ANY_NAME = 900  # bytes of a value
_SINGLE_SPACE = re.compile(r"(?<! ) (?! )")


def fits_lines(text: str, used: int) -> bool:
    """Whether a text can be folded into lines that are not too long.

    `used` counts the characters that stand before it in its first line.
    """
    if len(text) <= _FITS_AFTER_ANY_NAME:
        return True
    return max(map(len, _SINGLE_SPACE.split(text))) <= LONGEST_LINE - used


def fold(name: str, value: str) -> bytes:
    """A field, folded at single spaces into lines of 76 characters where possible.

    The first word stays on the line of the name even if it is long: some readers, such as the
    standard library, read an empty first line as a part of the value. In a field with a UTF-8
    address, the limit of 76 counts characters and that of 998 counts bytes (RFC 6532, 3.4).

    Raises:
        MessageError: a word makes a line longer than 998 bytes.
    """
    if len(name) + len(value) + len(": ") <= LINE:
        return f"{name}: {value}\r\n".encode()
    lines = [line.encode() for line in _lines(name, value)]
    longest = max(lines, key=len)
    if len(longest) > LONGEST_LINE:
        sizes = {"name": name, "size": len(longest), "limit": LONGEST_LINE}
        raise MessageError(
            tr(
                "{name} is too long: with its name the line has {size} bytes, the limit is {limit}",
                **sizes,
            )
            if longest is lines[0]
            else tr(
                "{name} is too long: a line of it has {size} bytes, the limit is {limit}", **sizes
            ),
            hint=tr("shorten it"),
            code="field-too-long",
        )
    return b"\r\n".join([*lines, b""])


def _lines(name: str, value: str) -> list[str]:
    """The lines of a field; all but the first begin with the single space at which it is folded."""
    first, *words = _SINGLE_SPACE.split(value) if "  " in value else value.split(" ")
    lines: list[str] = []
    line = f"{name}: {first}"
    for word in words:
        if len(line) + len(" ") + len(word) <= LINE:
            line += f" {word}"
        else:
            lines.append(line)
            line = f" {word}"
    lines.append(line)
    return lines


def split_by_size(text: str, first: int, further: int, size: Callable[[str], int]) -> Iterator[str]:
    """Split a text between characters, so that each part is small enough when it is written.

    Args:
        text: the text to split.
        first: the largest size of the first part, at least that of any character.
        further: the largest size of each further part.
        size: the size of one character.
    """
    start, room = 0, first
    for position, character in enumerate(text):
        needed = size(character)
        if needed > room:
            yield text[start:position]
            start, room = position, further
        room -= needed
    yield text[start:]
