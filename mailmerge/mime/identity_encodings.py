"""7bit and 8bit (RFC 2045, 2.7 and 2.8): lines that are sent unchanged.

The static text is split into blocks of whole lines, which are checked once, and the lines that
contain values, which are written and checked for each recipient. If such a line cannot be sent
unchanged (another script, too long, a dot at its start), this recipient gets quoted-printable.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from itertools import chain
from typing import Self

from mailmerge.mime.quoted_printable import QuotedPrintable
from mailmerge.octets import MAX_TEXT_LINE, SharedText
from mailmerge.rendering.structure import interleave

_LONGEST_LINE = 78  # RFC 5322, 2.1.1
_PLAIN_LINES = re.compile(rf"(?:(?!\.|From |--=_)[\t -~]{{0,{_LONGEST_LINE}}}\n)*")
_LINES_OF_UTF8 = re.compile(r"(?:(?!\.|From |--=_)[^\x00-\x08\n-\x1f\x7f]*\n)*")


class SevenBit:
    """Short lines of ASCII, as they are. Its `encode` is that of `TextEncoder`."""

    _FIELD = b"Content-Transfer-Encoding: 7bit\r\n\r\n"

    def __init__(
        self, lines: Sequence[str], blocks: Sequence[str], with_values: Sequence[str]
    ) -> None:
        self._lines = lines
        encoded = [block.replace("\n", "\r\n").encode() for block in blocks]
        self._blocks = [self._FIELD + encoded[0], *(b"\r\n" + block for block in encoded[1:])]
        self._shared = SharedText(self._blocks)
        self._with_values = with_values

    @classmethod
    def of(cls, lines: Sequence[str]) -> Self | None:
        """The encoder of static texts with LF as their line break.

        None if the static text alone cannot be sent unchanged.
        """
        blocks, with_values = _split_into_blocks(lines)
        example = interleave(with_values, ["x"] * (len(with_values) - 1))
        if all(cls._may_leave(text) for text in (*blocks, example)):
            return cls(lines, blocks, with_values)
        return None

    @staticmethod
    def _may_leave(text: str) -> bool:
        return _PLAIN_LINES.fullmatch(text) is not None

    @cached_property
    def _otherwise(self) -> QuotedPrintable:
        return QuotedPrintable(self._lines)

    def encode(self, values: Sequence[str]) -> list[bytes]:
        """The Content-Transfer-Encoding field, an empty line, and the body of one recipient."""
        written = interleave(self._with_values, values)
        if not self._may_leave(written):
            return self._otherwise.encode(values)
        lines = written.encode().split(b"\n")
        if len(lines) != len(self._blocks):
            return self._otherwise.encode(values)
        pieces = list(chain.from_iterable(zip(self._blocks, lines, strict=True)))
        pieces.pop()
        return self._shared.filled(pieces)


class EightBit(SevenBit):
    """Lines in any script, as they are, for a server with 8BITMIME (RFC 6152)."""

    _FIELD = b"Content-Transfer-Encoding: 8bit\r\n\r\n"

    @staticmethod
    def _may_leave(text: str) -> bool:
        return (
            _LINES_OF_UTF8.fullmatch(text) is not None
            and max(map(len, text.encode().split(b"\n"))) <= MAX_TEXT_LINE
        )


def _split_into_blocks(lines: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split the static text into blocks of lines without values, and the lines with values.

    The lines with values are static texts again, with one value between two of them.
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
