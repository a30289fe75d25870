"""The relaxed canonicalisation of DKIM: the form of a message that a signature covers.

A relay may refold header fields and change white space at the end of a line. The relaxed form is
the same before and after such changes (RFC 6376, 3.4.2 and 3.4.4):

    header field  the name in lower case, unfolded, each run of white space one space, none at the
                  ends of the value
    body          each run of white space one space, none at the end of a line, no empty lines at
                  the end

The body is hashed chunk by chunk, so that a large attachment is not copied. A chunk can be treated
alone if it consists of complete lines; chunks that break a line are joined first. Empty lines at
the end of a chunk are held back until a later chunk shows that the body goes on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

_CRLF = b"\r\n"
_END_OF_HEADER = b"\r\n\r\n"


class Field(NamedTuple):
    """One header field: its name as written, and its relaxed form without CRLF."""

    name: bytes
    relaxed: bytes


def split_message(chunks: Sequence[bytes]) -> tuple[bytes, list[bytes]]:
    """The header with the CRLF of its last field, and the chunks of the body.

    A message without an empty line has no body.
    """
    begun = b""
    for number, chunk in enumerate(chunks):
        begun += chunk
        end = begun.find(_END_OF_HEADER)
        if end >= 0:
            body = begun[end + len(_END_OF_HEADER) :]
            return begun[: end + len(_CRLF)], [body, *chunks[number + 1 :]]
    return begun, []


def relaxed_fields(header: bytes) -> list[Field]:
    """The fields of a header, from top to bottom (RFC 6376, 3.4.2)."""
    unfolded = header.replace(b"\t", b" ").replace(b"\r\n ", b" ")
    fields = []
    for line in _with_single_spaces(unfolded).split(_CRLF):
        name, colon, value = line.partition(b":")
        if colon:
            name = name.rstrip(b" ")
            fields.append(Field(name, name.lower() + b":" + value.strip(b" ")))
    return fields


def body_hash(chunks: Iterable[bytes]) -> bytes:
    """The SHA-256 digest of the relaxed body, 32 bytes (RFC 6376, 3.4.4 and 3.7)."""
    digest = hashlib.sha256()
    empty_lines = 0
    begun = False
    for lines in _complete_lines(chunks):
        relaxed = _relaxed_lines(lines)
        content = len(relaxed.rstrip(_CRLF)) if relaxed.endswith(_CRLF) else len(relaxed)
        breaks = (len(relaxed) - content) // len(_CRLF)
        if not content:
            empty_lines += breaks
            continue
        digest.update(_CRLF * empty_lines)
        digest.update(memoryview(relaxed)[:content])
        empty_lines, begun = breaks, True
    if begun:
        digest.update(_CRLF)
    return digest.digest()


def _complete_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces that end a line; only the last piece may lack its CRLF."""
    waiting: list[bytes] = []
    for chunk in chunks:
        if not chunk:
            continue
        waiting.append(chunk)
        if chunk.endswith(_CRLF):
            yield chunk if len(waiting) == 1 else b"".join(waiting)
            waiting = []
    if waiting:
        yield b"".join(waiting)


def _relaxed_lines(lines: bytes) -> bytes:
    if b"\t" in lines:
        lines = lines.replace(b"\t", b" ")
    if b" " not in lines:
        return lines
    lines = _with_single_spaces(lines).replace(b" \r\n", _CRLF)
    return lines.removesuffix(b" ")


def _with_single_spaces(text: bytes) -> bytes:
    """Each run of spaces becomes one; a run of n takes log2(n) passes, each as fast as a copy."""
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    return text
