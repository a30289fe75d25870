"""A file -> its media type (RFC 6838), and the charset of a text."""

from __future__ import annotations

import mimetypes
import re
from functools import cache
from pathlib import PurePosixPath

_OCTET_STREAM = "application/octet-stream"

# The registered types of files that are often attached, where Python 3.11 knows none or an old one.
_TYPES = {
    ".7z": "application/x-7z-compressed",
    ".avif": "image/avif",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".epub": "application/epub+zip",
    ".heic": "image/heic",
    ".ics": "text/calendar",
    ".md": "text/markdown",
    ".odp": "application/vnd.oasis.opendocument.presentation",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".vcf": "text/vcard",
    ".webp": "image/webp",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

# Where in an image its format is written, and what is written there.
_SIGNATURES = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypheic", "image/heic"),
)


def media_type_of(file_name: str, content: bytes) -> str:
    """The media type of a file: an image by its signature, anything else by its extension.

    A message or multipart must not be in base64 (RFC 2045, 6.4), and so is sent as bytes of no
    known type.
    """
    for start, signature, media_type in _SIGNATURES:
        if content.startswith(signature, start):
            return media_type
    suffix = PurePosixPath(file_name).suffix.lower()
    if suffix in _TYPES:
        return _TYPES[suffix]
    guessed, compression = _standard_types().guess_type(f"x{suffix}")
    if guessed is None or compression is not None:
        return "application/gzip" if suffix == ".gz" else _OCTET_STREAM
    return _OCTET_STREAM if guessed.startswith(("message/", "multipart/")) else guessed


@cache
def _standard_types() -> mimetypes.MimeTypes:
    """The table of the standard library, without that of the machine: every machine is to write
    the same bytes. Made when it is first needed."""
    return mimetypes.MimeTypes()


def charset_of(content: bytes) -> str:
    """The charset of a text file where it is certain, and an empty string otherwise."""
    # UTF-16 without a byte order mark can be read as UTF-8, too: as letters and NULs in turn.
    if b"\x00" in content:
        return ""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return "utf-8"


_METHOD = re.compile(
    rb"^METHOD(?:;[^:\r\n]*)?:[ \t]*([A-Za-z-]{1,40})[ \t]*\r?$", re.MULTILINE | re.IGNORECASE
)


def calendar_method(content: bytes) -> str:
    """The METHOD of an iCalendar file, such as `REQUEST`; "" if it has none (RFC 5545, 3.7.2)."""
    found = _METHOD.search(content)
    return found[1].decode().upper() if found is not None else ""
