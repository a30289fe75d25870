"""A Postfix queue file -> the envelope and the content, with the bytes that the client sent.

The file is a chain of records: a type letter, a length of 7-bit groups (lowest first), the bytes.
Text is kept line by line without line ends; what Postfix itself adds is its `Received` field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_RECEIVED = re.compile(rb"Received:[^\n]*\n(?:[ \t][^\n]*\n)*")
_LINE, _PART_OF_LINE, _SENDER, _RECIPIENT, _POINTER, _END = b"NLSRpE"


@dataclass(frozen=True, slots=True)
class Accepted:
    """One message that a server took: `content` is the message as sent, with CRLF and unstuffed."""

    queue_id: str
    reverse_path: str
    forward_paths: tuple[str, ...]
    content: bytes

    @property
    def forward_path(self) -> str:
        """The only recipient of the message."""
        (only,) = self.forward_paths
        return only


def read_queue_file(path: Path) -> Accepted:
    """The envelope and the content of one queue file."""
    reverse_path, forward_paths, text = "", [], bytearray()
    for kind, data in _records(path.read_bytes()):
        if kind in (_LINE, _PART_OF_LINE):
            text += data + (b"\n" if kind == _LINE else b"")
        elif kind == _SENDER:
            reverse_path = data.decode()
        elif kind == _RECIPIENT:
            forward_paths.append(data.decode())
    return Accepted(path.name, reverse_path, tuple(forward_paths), _as_sent(bytes(text)))


def _as_sent(text: bytes) -> bytes:
    return _RECEIVED.sub(b"", text, count=1).replace(b"\n", b"\r\n")


def _records(file: bytes) -> Iterator[tuple[int, bytes]]:
    """Follow the chain; a pointer record with a place other than 0 jumps."""
    place = 0
    while place < len(file):
        kind, length, start = file[place], *_length(file, place + 1)
        data, place = file[start : start + length], start + length
        if kind == _END:
            return
        if kind == _POINTER:
            place = int(data) or place
        else:
            yield kind, data


def _length(file: bytes, place: int) -> tuple[int, int]:
    length, shift = 0, 0
    while True:
        byte = file[place]
        length |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return length, place
