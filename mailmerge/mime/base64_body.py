"""Base64 (RFC 2045, 6.8): encoded static text with values set between its pieces.

Base64 writes three bytes as a group of four characters, and padding may stand at the end of the
body only. So how a static text is encoded depends on how many bytes the group before it lacks:
none, one or two, which is decided by the lengths of all texts and values before it.

* Every static text is kept in three encodings, one for each number of bytes that are lacking.
  Each is made when it is first needed.
* A value is encoded on a line of its own, together with the few bytes around it that the static
  texts leave over: the incomplete group before it, and the bytes that complete the last group.
* A short static text is not worth that: it is encoded together with the values around it.

A line may be shorter than 76 characters anywhere, so that every piece begins and ends with a
line.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailmerge.octets import Sealed, base64_lines, joined, seal

_GROUPS_LINE = 76 // 4 * 3  # bytes in a full line
_MANY_LINES = 8 * _GROUPS_LINE
_FIELD = seal(b"Content-Transfer-Encoding: base64\r\n\r\n")


class Base64:
    """One structure's static text in base64. Its `encode` is that of `TextEncoder`."""

    def __init__(self, lines: Sequence[str]) -> None:
        """Prepare the static texts, which have LF as their only line break."""
        self._static = [_AlignedText(text.replace("\n", "\r\n").encode()) for text in lines]

    def encode(self, values: Sequence[str]) -> list[bytes]:
        """The Content-Transfer-Encoding field, an empty line, and the body of one recipient."""
        pieces = [_FIELD]
        pending = self._static[0].put_after(b"", pieces)
        for value, static in zip(values, self._static[1:], strict=True):
            encoded = value.replace("\n", "\r\n").encode()
            pending = static.put_after(pending + encoded, pieces)
        pieces.append(base64_lines(pending))
        return [joined(pieces)]


class _AlignedText:
    """Bytes that are encoded once for each number of bytes that the group before them lacks."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._short = len(content) < _GROUPS_LINE
        self._alignments: list[tuple[bytes, Sealed, bytes] | None] = [None, None, None]

    def put_after(self, pending: bytes, pieces: list[bytes]) -> bytes:
        """Add to `pieces` what can be encoded of `pending` and these bytes.

        Returns: the bytes that are still pending.
        """
        if self._short:
            pending += self._content
            whole = len(pending) // _GROUPS_LINE * _GROUPS_LINE
            if whole < _MANY_LINES:
                return pending
            # Encode whole lines now: otherwise many short texts are copied again and again.
            pieces.append(base64_lines(pending[:whole]))
            return pending[whole:]
        head, encoded, tail = self._aligned(-len(pending) % 3)
        pieces.append(base64_lines(pending + head))
        pieces.append(encoded)
        return tail

    def _aligned(self, lacking: int) -> tuple[bytes, Sealed, bytes]:
        """The bytes that complete the group before, the encoded groups, and the bytes left over.

        Two threads may make one alignment at the same time. Both make the same one.
        """
        alignment = self._alignments[lacking]
        if alignment is None:
            content = self._content
            end = len(content) - (len(content) - lacking) % 3
            alignment = content[:lacking], base64_lines(content[lacking:end]), content[end:]
            self._alignments[lacking] = alignment
        return alignment
