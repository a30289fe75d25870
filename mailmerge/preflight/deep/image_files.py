"""The head of an image file -> its format and its size in pixels."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_START_OF_FRAME = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An image.

    Attributes:
        kind: "png", "jpeg", "gif", "webp", "svg" or "" for any other.
        width: in pixels; 0 if it is not known.
        height: in pixels; 0 if it is not known.
        moves: whether a GIF has several pictures.
    """

    kind: str
    width: int = 0
    height: int = 0
    moves: bool = False


def read_image(data: bytes) -> ImageFile:
    """The format and the size of an image; it raises nothing."""
    try:
        return _read(data)
    except (struct.error, IndexError):
        return ImageFile("")


def _read(data: bytes) -> ImageFile:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        width, height = struct.unpack(">II", data[16:24])
        return ImageFile("png", width, height)
    if data.startswith((b"GIF87a", b"GIF89a")):
        width, height = struct.unpack("<HH", data[6:10])
        return ImageFile("gif", width, height, data.count(b"\x21\xf9\x04") > 1)
    if data.startswith(b"\xff\xd8"):
        return _jpeg(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return ImageFile("webp")
    return ImageFile("svg" if b"<svg" in data[:1000].lower() else "")


def _jpeg(data: bytes) -> ImageFile:
    """ITU T.81, B.1: segments with a marker and a length, up to the frame header."""
    position = 2
    while position + 9 < len(data):
        if data[position] != 0xFF:
            break
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        if marker in _START_OF_FRAME:
            height, width = struct.unpack(">HH", data[position + 5 : position + 9])
            return ImageFile("jpeg", width, height)
        (length,) = struct.unpack(">H", data[position + 2 : position + 4])
        position += 2 + length
    return ImageFile("jpeg")
