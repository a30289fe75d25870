"""The chunks of a message -> the chunks to write: checked, with dots doubled, mostly not copied.

Lines end in CRLF, and a CR or LF never stands alone (RFC 5321, section 2.3.8). Otherwise a server
might read one message as two. Bytes that `mailmerge.octets` has sealed are not read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from mailmerge.octets import MAX_TEXT_LINE, Sealed, scan
from mailmerge.smtp.errors import LocalProtocolError

Chunk: TypeAlias = bytes | memoryview
"""A piece of the bytes to write."""


class Prepared(NamedTuple):
    """The bytes to write for one message; `size` is in bytes and does not count the added dots."""

    chunks: list[bytes]
    size: int
    ascii: bool


def check_content(content: Sequence[bytes]) -> None:
    """Check that these chunks can be sent as one message.

    Raises:
        LocalProtocolError: a CR or LF stands alone, or a line has more than 998 bytes.
    """
    prepare(content, stuffing=True)


def prepare(content: Sequence[bytes], *, stuffing: bool) -> Prepared:
    """Check the content. For DATA (`stuffing`), double the dots and end the last line.

    Raises:
        LocalProtocolError: a CR or LF stands alone, or a line has more than 998 bytes.
    """
    prepared = _prepare_by_chunks(content, stuffing=stuffing)
    if prepared is None:
        # A chunk may end between CR and LF, so check all chunks as one.
        prepared = _prepare_by_chunks((b"".join(content),), stuffing=stuffing)
    if prepared is None:
        raise LocalProtocolError("the content has a CR or LF alone", code="bare-newline")
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
        facts = scan(chunk)
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


def first_bytes(chunks: Sequence[Chunk], count: int) -> list[Chunk]:
    """Return the first `count` bytes of some chunks, without a copy."""
    first: list[Chunk] = []
    for chunk in chunks:
        if count <= 0:
            break
        first.append(chunk if len(chunk) <= count else memoryview(chunk)[:count])
        count -= len(chunk)
    return first


def _long_line(length: int) -> LocalProtocolError:
    return LocalProtocolError(
        f"the content has a line of {length} bytes; the limit is {MAX_TEXT_LINE}",
        code="long-line",
    )
