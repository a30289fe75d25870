"""Files of the campaign folder -> body parts, each read and encoded once.

In goes a path that a template or a cell has written; out comes the part with its base64, one object
of octets that every message shares. A path is data: it must lead to a regular file inside the
campaign folder, whatever it says. What was used longest ago is forgotten, so that ten thousand
invoices do not stay in memory.
"""

from __future__ import annotations

import mimetypes
import os
import stat
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from threading import Lock

from mailmerge.errors import AssetError
from mailmerge.mime.headers import check_line, name_parameter, parameter, parameterised_field
from mailmerge.recipients.address import BIDI_CONTROLS
from mailmerge.smtp.content import base64_lines
from mailmerge.wording import size_in_words

_NO_BIDI_CONTROLS = dict.fromkeys(map(ord, BIDI_CONTROLS))

LARGEST_FILE = 50_000_000  # octets; more than any of the well-known servers takes
KEPT_OCTETS = 64 * 1024 * 1024

_OCTET_STREAM = "application/octet-stream"

# The registered types of files that people attach, where Python 3.11 knows none or an old one.
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


@dataclass(frozen=True, slots=True)
class EncodedPart:
    """One file as a body part: what it is, what it is called, and its base64 in lines.

    `attached` are its fields where it is attached, and an empty line; `charset` is empty unless it
    is text whose encoding is certain; `octets` counts the file's own.
    """

    content_type: str
    file_name: str
    attached: bytes
    encoded: bytes
    octets: int
    charset: str = ""


class PartStore:
    """The files of one campaign folder. Several threads may ask at once."""

    def __init__(
        self, folder: Path, *, largest_file: int = LARGEST_FILE, kept_octets: int = KEPT_OCTETS
    ) -> None:
        self._folder = folder.resolve()
        self._largest_file = largest_file
        self._kept_octets = kept_octets
        self._parts: OrderedDict[str, EncodedPart] = OrderedDict()
        self._octets = 0
        self._lock = Lock()

    def part(self, path: str) -> EncodedPart:
        """The file as a body part; `path` is relative to the campaign folder.

        Raises:
            AssetError: no such file, an empty or too large one, not a file at all, or a path that
                leads out of the campaign folder. It names the path; the caller adds the row.
            MessageError: a control character in the path.
        """
        with self._lock:
            part = self._parts.get(path)
            if part is not None:
                self._parts.move_to_end(path)
                return part
            part = self._parts[path] = self._read(path)
            self._octets += len(part.encoded)
            self._forget()
            return part

    def _forget(self) -> None:
        while self._octets > self._kept_octets:
            _, forgotten = self._parts.popitem(last=False)
            self._octets -= len(forgotten.encoded)

    def _read(self, path: str) -> EncodedPart:
        check_line("the file name", path)
        content = self._content(path)
        file_name = _sent_name(path)
        if not file_name:
            raise _wrong(path, "the name has nothing that is seen", "rename it", "nameless")
        content_type = content_type_of(file_name, content)
        charset = _charset(content) if content_type.startswith("text/") else ""
        attached = part_fields(content_type, file_name, charset, "attachment") + b"\r\n"
        encoded = base64_lines(content)
        return EncodedPart(content_type, file_name, attached, encoded, len(content), charset)

    def _content(self, path: str) -> bytes:
        try:
            content = self._regular_file(path)
        except FileNotFoundError as error:
            raise _wrong(path, "there is no such file", "put it there", "missing") from error
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            mend = "check its name and its permissions"
            raise _wrong(path, f"cannot be read: {reason}", mend, "unreadable") from error
        if not content:
            raise _wrong(path, "the file is empty", "put the right one there", "empty")
        if len(content) > self._largest_file:
            raise self._too_large(path)
        return content

    def _regular_file(self, path: str) -> bytes:
        file = self._inside(path)
        if not stat.S_ISREG(file.stat().st_mode):
            raise _wrong(path, "is not a file", "name one file, no folder or device", "not-a-file")
        # Whatever has been put there in the meantime: follow no link, and wait for no writer.
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        with open(os.open(file, flags | getattr(os, "O_BINARY", 0)), "rb") as opened:  # noqa: PTH123 (a descriptor)
            return opened.read(self._largest_file + 1)

    def _inside(self, path: str) -> Path:
        """The real place of the file, symbolic links followed, inside the campaign folder."""
        relative = PurePosixPath(path.replace("\\", "/"))
        if not path or relative.is_absolute() or ".." in relative.parts:
            raise self._outside(path)
        # Path.resolve raises RuntimeError where links lead in a circle; this is an OSError.
        file = Path(os.path.realpath(self._folder / relative, strict=True))
        if not file.is_relative_to(self._folder):
            raise self._outside(path)
        return file

    def _outside(self, path: str) -> AssetError:
        mend = "copy the file into the campaign folder, and write its path from there"
        return _wrong(path, "leads out of the campaign folder", mend, "outside")

    def _too_large(self, path: str) -> AssetError:
        bound = size_in_words(self._largest_file)
        mend = "put it on a web page, and send the link"
        return _wrong(path, f"is larger than {bound}, which no server takes", mend, "too-large")


def _wrong(path: str, message: str, hint: str, code: str) -> AssetError:
    shown = path or "an empty path"
    return AssetError(message, hint=hint, file=shown, code=f"asset-{code}")


def content_type_of(file_name: str, content: bytes) -> str:
    """The media type (RFC 6838): an image by its signature, anything else by its extension.

    A message or multipart must not be in base64 (RFC 2045, 6.4), and so is sent as octets.
    """
    for start, signature, content_type in _SIGNATURES:
        if content.startswith(signature, start):
            return content_type
    suffix = PurePosixPath(file_name).suffix.lower()
    if suffix in _TYPES:
        return _TYPES[suffix]
    # Only the table of the standard library: that of the machine would make the octets differ.
    guessed, compression = _BUILT_IN.guess_type(f"x{suffix}")
    if guessed is None or compression is not None:
        return "application/gzip" if suffix == ".gz" else _OCTET_STREAM
    return _OCTET_STREAM if guessed.startswith(("message/", "multipart/")) else guessed


_BUILT_IN = mimetypes.MimeTypes()


def part_fields(content_type: str, file_name: str, charset: str, disposition: str) -> bytes:
    """Content-Type, Content-Disposition (RFC 2183) and Content-Transfer-Encoding of a file."""
    named = [f'charset="{charset}"'] if charset else []
    named += name_parameter(file_name)
    return (
        parameterised_field("Content-Type", content_type, *named)
        + parameterised_field("Content-Disposition", disposition, *parameter("filename", file_name))
        + b"Content-Transfer-Encoding: base64\r\n"
    )


def _charset(content: bytes) -> str:
    # UTF-16 without a mark can be read as UTF-8, too: as letters with a NUL behind each.
    if b"\x00" in content:
        return ""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return "utf-8"


def _sent_name(path: str) -> str:
    """The name without its folders, and without the marks that make a name look like another.

    U+202E lets `gpj.exe` be read as `exe.jpg`. Other marks that nobody sees belong to a script:
    Persian and Hindi are written with them, and emoji are joined by them.
    """
    return PurePosixPath(path.replace("\\", "/")).name.translate(_NO_BIDI_CONTROLS)
