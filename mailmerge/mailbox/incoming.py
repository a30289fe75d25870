"""The bytes of one received mail -> its header fields and the texts in it. Pure, bounded, fast.

The standard library reads such a mail in 1 to 20 ms and builds a tree of objects. Here only four
things count: the fields of the mail, its readable text, the fields of a report (RFC 3464, RFC
5965), and the fields of the message that came back. One pass of string searches finds them.

What can go wrong: anybody can send such a mail. So each dimension has a bound: the bytes that are
read, the depth and the number of parts, the bytes of a header, the length of a decoded text. No
attachment is unpacked, and nothing is decoded except text. A character set is looked up in a list,
because Python has codecs that are no character sets and some that take quadratic time. Every
pattern takes linear time.
"""

from __future__ import annotations

import binascii
import codecs
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.header import decode_header
from functools import cached_property, lru_cache
from typing import Final

MOST_BYTES: Final = 1 << 20
"""The bytes of a mail that are read: reports and returned headers are at its beginning."""

_MOST_HEADER: Final = 96 * 1024
_MOST_PARTS: Final = 40
_MOST_DEPTH: Final = 6
_MOST_TEXT: Final = 128 * 1024
_MOST_BOUNDARY: Final = 200
_FIELD: Final = re.compile(
    r"^([!-9;-~]{1,80})[ \t]*:[ \t]*([^\n]*(?:\n[ \t][^\n]*)*)", re.MULTILINE
)
_FOLD: Final = re.compile(r"\n[ \t]*")
_BOUNDARY: Final = re.compile(r'\bboundary[ \t]*=[ \t]*(?:"([^"\n]*)"|([^\s;"]+))', re.IGNORECASE)
_FIRST_LINE: Final = re.compile(r"\s*(?:[^\n]*\n){0,3}?--([^\s]{1,200})()\n")
"""The boundary of a mail whose field has none, because the field was folded wrongly."""

_CHARSET: Final = re.compile(r'\bcharset[ \t]*=[ \t]*"?([A-Za-z0-9_.:-]{1,40})', re.IGNORECASE)
_KNOWN_CHARSET: Final = re.compile(
    r"(?:us-?ascii|ascii|utf-?8|utf-?16(?:[bl]e)?|iso[-_]?8859[-_]?\d{1,2}|latin-?1|windows-?\d{3,4}"
    r"|cp-?\d{3,4}|koi8[-_]?[rut]|gb2312|gbk|gb18030|big5(?:-hkscs)?|hz(?:-gb-2312)?|euc[-_](?:jp|kr)"
    r"|shift[-_]jis|sjis|iso-2022-(?:jp|kr|jp-[123]|jp-ext|jp-2004)|ks_c_5601-1987|tis-620|mac-?\w+)",
    re.IGNORECASE,
)
_TAG: Final = re.compile(r"<(?:!--|/?[A-Za-z])[^<>]{0,2000}>")
_BREAK: Final = re.compile(r"<(?:br|/p|/div|/tr|/h\d|/li)\b[^<>]{0,200}>", re.IGNORECASE)
_UNSHOWN: Final = ("style", "script", "head")
_BASE64: Final = re.compile(r"[^A-Za-z0-9+/]+")
_ENTITY: Final = {
    "&lt;": "<",
    "&gt;": ">",
    "&amp;": "&",
    "&quot;": '"',
    "&nbsp;": " ",
    "&#64;": "@",
}
_ENTITIES: Final = re.compile("|".join(_ENTITY))


class Fields:
    """The header fields of a block, by their names in small letters; each has its first value."""

    def __init__(self, block: str) -> None:
        """Read a block of header fields; lines that are none are passed over."""
        self._pairs: list[tuple[str, str]] = [
            (found[1].lower(), _FOLD.sub(" ", found[2]).strip())
            for found in _FIELD.finditer(block[:_MOST_HEADER])
        ]
        self._first: dict[str, str] = dict(reversed(self._pairs))

    def __contains__(self, name: str) -> bool:
        return name in self._first

    def __getitem__(self, name: str) -> str:
        return self._first[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._first)

    def get(self, name: str, default: str = "") -> str:
        """Return the first value of a field, or `default`."""
        return self._first.get(name, default)

    def all(self, name: str) -> list[str]:
        """Return all values of a field, in their order."""
        return [value for found, value in self._pairs if found == name]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a mail that holds text.

    Attributes:
        type: the media type in small letters, such as `message/delivery-status`.
        text: its decoded text; of a message the whole message.
    """

    type: str
    text: str

    @property
    def fields(self) -> Fields:
        """The header fields with which the text begins."""
        return Fields(self.text.lstrip("\n").partition("\n\n")[0])


@dataclass(frozen=True)
class Mail:
    """One received mail.

    Attributes:
        fields: its header fields.
        type: its media type in small letters.
        content_type: the value of Content-Type.
        parts: its text, its reports and the messages in it, in their order.
        body: everything below the header, not decoded; each character is a byte.
        encoded: a part of the text was base64 or quoted-printable.
    """

    fields: Fields
    type: str
    content_type: str
    parts: tuple[Part, ...]
    body: str
    encoded: bool

    @cached_property
    def subject(self) -> str:
        """The subject, decoded (RFC 2047)."""
        return _decoded_words(self.fields.get("subject", ""))

    @cached_property
    def text(self) -> str:
        """The readable text: all plain parts, or what the HTML parts show."""
        plain = [part.text for part in self.parts if part.type == "text/plain"]
        text = "\n".join(plain)
        if text.strip():
            return text
        return "\n".join(_shown(part.text) for part in self.parts if part.type == "text/html")

    def of_type(self, *types: str) -> list[Part]:
        """Return the parts of these media types."""
        return [part for part in self.parts if part.type in types]


def read_mail(raw: bytes) -> Mail:
    """Read a mail. It never fails: what cannot be understood is missing."""
    raw = raw[:MOST_BYTES]
    if b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    text = raw.decode("latin-1").lstrip("\n")
    if text.startswith(("From ", ">From ")):
        text = text.partition("\n")[2]
    header, _, body = text.partition("\n\n")
    fields = Fields(header)
    reader = _Reader()
    reader.walk(fields, body, 0)
    if not reader.parts:  # its boundary or its encoding is broken
        reader.parts.append(Part("text/plain", body[:_MOST_TEXT]))
    content_type = fields.get("content-type", "")
    return Mail(
        fields, _media_type(content_type), content_type, tuple(reader.parts), body, reader.encoded
    )


def _decoded_words(value: str) -> str:
    """Return a header value with its encoded-words decoded (RFC 2047); 8-bit text is UTF-8."""
    value = value[:2000]
    if "=?" not in value:
        return _decoded(value, "") if not value.isascii() else value
    try:
        pieces = decode_header(value)
    except (ValueError, binascii.Error):
        return value
    return "".join(
        piece if isinstance(piece, str) else _decoded(piece.decode("latin-1"), charset or "")
        for piece, charset in pieces
    )


class _Reader:
    """Collects the parts of one mail."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.encoded = False
        self._seen = 0

    def walk(self, fields: Fields, body: str, depth: int) -> None:
        """Add the parts of an entity and of those inside it."""
        self._seen += 1
        if self._seen > _MOST_PARTS:
            return
        content_type = fields.get("content-type", "")
        media_type = _media_type(content_type)
        if media_type.startswith("multipart/"):
            found = _BOUNDARY.search(content_type)
            found = found or _FIRST_LINE.match(body)
            boundary = (found[1] or found[2] or "") if found else ""
            if depth < _MOST_DEPTH and 0 < len(boundary) <= _MOST_BOUNDARY:
                self._walk_parts(body, boundary, depth)
                return
            media_type = "text/plain"
        if not media_type.startswith(("text/", "message/")):
            return
        attached = fields.get("content-disposition", "").lower().startswith("attachment")
        if attached and media_type in ("text/plain", "text/html"):
            return
        encoding = fields.get("content-transfer-encoding", "").lower()
        self._add(media_type, self._text(body, encoding, content_type))

    def _add(self, media_type: str, text: str) -> None:
        self.parts.append(Part(media_type, text))

    def _walk_parts(self, body: str, boundary: str, depth: int) -> None:
        pieces = f"\n{body}".split(f"\n--{boundary}", _MOST_PARTS)
        for piece in pieces[1:]:
            if piece.startswith("--"):
                break
            head, separator, content = piece.partition("\n")[2].partition("\n\n")
            if piece.partition("\n")[2].startswith("\n"):  # no header at all
                head, content = "", piece.partition("\n")[2][1:]
            elif not separator and not _FIELD.match(head):
                head, content = "", head
            self.walk(Fields(head), content, depth + 1)

    def _text(self, body: str, encoding: str, content_type: str) -> str:
        body = body[:_MOST_TEXT]
        if encoding.startswith("quoted-printable"):
            self.encoded = True
            body = quopri.decodestring(body.encode("latin-1", "replace")).decode("latin-1")
        elif encoding.startswith("base64"):
            self.encoded = True
            body = _of_base64(body).replace("\r\n", "\n")
        if body.isascii() and "\x1b" not in body and "\0" not in body:
            return body
        found = _CHARSET.search(content_type)
        return _decoded(body, found[1] if found else "")


@lru_cache(maxsize=256)
def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower() or "text/plain"


def _of_base64(body: str) -> str:
    letters = _BASE64.sub("", body.partition("=")[0])
    letters = letters[: len(letters) // 4 * 4 + (len(letters) % 4 if len(letters) % 4 > 1 else 0)]
    try:
        return binascii.a2b_base64(letters + "=" * (-len(letters) % 4)).decode("latin-1")
    except binascii.Error:
        return ""


def _decoded(text: str, charset: str) -> str:
    """Return text of bytes in a character set; of an unknown one as UTF-8, or else as Latin-1."""
    raw = text.encode("latin-1", "replace")
    for name in (charset if "\x1b$" not in text else "iso-2022-jp", "utf-8"):
        codec = _codec(name.lower())
        if codec:
            try:
                return raw.decode(codec)
            except (UnicodeDecodeError, LookupError):
                continue
    return raw.decode(_codec(charset.lower()) or "latin-1", "replace")


@lru_cache(maxsize=64)
def _codec(name: str) -> str:
    """The codec of a character set; "" if it is not one of the known ones."""
    if not _KNOWN_CHARSET.fullmatch(name):
        return ""
    name = {"gb2312": "gb18030", "gbk": "gb18030", "ks_c_5601-1987": "cp949"}.get(name, name)
    try:
        return codecs.lookup(name).name
    except LookupError:
        return ""


def _shown(html: str) -> str:
    """Return the text that a page shows, roughly."""
    text = html[:_MOST_TEXT]
    for name in _UNSHOWN:
        text = _without(text, name)
    text = _TAG.sub(" ", _BREAK.sub("\n", text))
    return _ENTITIES.sub(lambda found: _ENTITY[found[0]], text)


def _without(html: str, name: str) -> str:
    """Remove the elements of a name, with all that is in them; one without an end stays."""
    small, kept, at = html.lower(), list[str](), 0
    while (start := small.find(f"<{name}", at)) >= 0:
        end = small.find(f"</{name}", start)
        if end < 0:
            break
        kept.append(html[at:start])
        at = end
    return "".join(kept) + html[at:]
