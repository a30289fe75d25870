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

Most bytes of a body are a text that many messages share, with values in it (octets.SharedText).
Looking for white space in such a text takes longer than everything else that a signature with
Ed25519 needs. So the relaxed form of its static texts is made once. It may be joined with the
values as they are if no white space of a value meets white space or a line end around it: no value
is empty, begins or ends with a space, or has a run of spaces or a tab. With any other value, the
whole text is looked at.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from mailmerge.octets import Origin, Sealed, SharedText

_CRLF: Final = b"\r\n"
_END_OF_HEADER: Final = b"\r\n\r\n"
_RUN: Final = re.compile(rb"  +")


class _Fields(NamedTuple):
    """The fields of a header, from top to bottom.

    Attributes:
        names: their names as written.
        relaxed: their relaxed forms, without CRLF.
    """

    names: tuple[bytes, ...]
    relaxed: tuple[bytes, ...]


def split_message(chunks: Sequence[bytes]) -> tuple[bytes, list[bytes]]:
    """The header with the CRLF of its last field, and the chunks of the body.

    A message without an empty line has no body.
    """
    begun = b""
    for number, chunk in enumerate(chunks):
        begun = begun + chunk if begun else chunk
        end = begun.find(_END_OF_HEADER)
        if end >= 0:
            body = begun[end + len(_END_OF_HEADER) :]
            return begun[: end + len(_CRLF)], [body, *chunks[number + 1 :]]
    return begun, []


def relaxed_fields(header: bytes) -> _Fields:
    """The fields of a header, from top to bottom (RFC 6376, 3.4.2)."""
    if b"\t" in header:
        header = header.replace(b"\t", b" ")
    names, fields = [], []
    for line in _with_single_spaces(header.replace(b"\r\n ", b" ")).split(_CRLF):
        name, colon, value = line.partition(b":")
        if colon:
            name = name.rstrip(b" ")
            names.append(name)
            fields.append(b"%b:%b" % (name.lower(), value.strip(b" ")))
    return _Fields(tuple(names), tuple(fields))


def body_hash(chunks: Iterable[bytes]) -> bytes:
    """The SHA-256 digest of the relaxed body, 32 bytes (RFC 6376, 3.4.4 and 3.7)."""
    digest = hashlib.sha256()
    empty_lines = 0
    begun = False
    for lines in _complete_lines(chunks):
        relaxed = _relaxed_lines(lines)
        content = _without_empty_lines(relaxed)
        breaks = (len(relaxed) - content) // len(_CRLF)
        if not content:
            empty_lines += breaks
            continue
        if empty_lines:
            digest.update(_CRLF * empty_lines)
        digest.update(memoryview(relaxed)[:content])
        empty_lines, begun = breaks, True
    if begun:
        digest.update(_CRLF)
    return digest.digest()


def _without_empty_lines(relaxed: bytes) -> int:
    """The number of bytes before the line ends at the end."""
    if not relaxed.endswith(_CRLF):
        return len(relaxed)
    if relaxed.endswith(b"\n\r\n"):
        return len(relaxed.rstrip(_CRLF))
    return len(relaxed) - len(_CRLF)


def _complete_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces that end a line; only the last piece may lack its CRLF."""
    waiting: list[bytes] = []
    for chunk in chunks:
        if not chunk:
            continue
        if not waiting and chunk.endswith(_CRLF):
            yield chunk
            continue
        waiting.append(chunk)
        if chunk.endswith(_CRLF):
            yield b"".join(waiting)
            waiting = []
    if waiting:
        yield b"".join(waiting)


def _relaxed_lines(lines: bytes) -> bytes:
    if type(lines) is Sealed and lines.origin is not None:
        filled = _filled(lines.origin)
        if filled is not None:
            return filled
    if b" " not in lines and b"\t" not in lines:
        return lines
    lines = _relaxed_text(lines)
    return lines.removesuffix(b" ")


def _relaxed_text(text: bytes) -> bytes:
    """The relaxed form of a text that other text may surround."""
    if b"\t" in text:
        text = text.replace(b"\t", b" ")
    return _with_single_spaces(text).replace(b" \r\n", _CRLF)


def _with_single_spaces(text: bytes) -> bytes:
    return _RUN.sub(b" ", text) if b"  " in text else text


# --- a shared text

_relaxed_static: WeakKeyDictionary[SharedText, list[bytes]] = WeakKeyDictionary()
"""The relaxed static texts, with an empty place for each value between two of them.

Threads that make the same one at once get the same.
"""


def _filled(origin: Origin) -> bytes | None:
    """The relaxed form of a filled text, if white space of its values decides nothing; or None."""
    shared, values = origin
    if not _are_inert(values):
        return None
    static = _relaxed_static.get(shared)
    if static is None:
        static = [b""] * (2 * len(shared.static) - 1)
        static[0::2] = map(_relaxed_text, shared.static)
        _relaxed_static[shared] = static
    pieces = static.copy()
    pieces[1::2] = values
    return b"".join(pieces)


def _are_inert(values: Sequence[bytes]) -> bool:
    """Whether each value begins and ends with something else than white space and has no run."""
    if not values:
        return True
    # Among others, an empty value makes a run here, or a space at an end.
    together = b" ".join(values)
    return bool(together) and not (
        b"  " in together
        or together.startswith((b" ", b"\r"))
        or together.endswith(b" ")
        or b"\t" in together
        or (b"\r" in together and b" \r" in together)
    )
