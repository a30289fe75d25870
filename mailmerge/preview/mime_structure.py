"""Message bytes -> header fields, MIME tree and bodies, as a mail program reads them.

The standard library's parser does the work (RFC 5322, RFC 2045 to 2049). Nothing here comes from
the template: the preview shows only content that can be read back from the bytes to be sent.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP
from html.parser import HTMLParser
from urllib.parse import unquote

SHOWN_BYTES = 512 * 1024
"""Bytes of the raw message that the page shows; the download is complete."""

_PREHEADER_LENGTH = 160
"""Largest number of characters that mail programs show after the subject."""

_FOLD = re.compile(rb"\r?\n(?=[ \t])")
_BLANK_CATEGORIES = frozenset({"Cf", "Cc", "Zs", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class HeaderField:
    """One header field: its name, its decoded value, and the value as written (unfolded)."""

    name: str
    value: str
    written: str


@dataclass(frozen=True, slots=True)
class BodyPart:
    """One node of the MIME tree (RFC 2045); `number` counts the nodes from 0 in reading order.

    `encoded` is the size of its body in bytes as transferred, `size` the size after decoding; both
    are 0 for a multipart.
    """

    number: int
    depth: int
    content_type: str
    charset: str
    encoding: str
    disposition: str
    filename: str
    content_id: str
    location: str
    encoded: int
    size: int


Images = Mapping[str, tuple[str, bytes]]
"""The images in a message, by the references that its HTML may use.

A key is `cid:...` (RFC 2392) or a Content-Location (RFC 2557); a value is content type and content.
"""


@dataclass(frozen=True, slots=True)
class ParsedMessage:
    """A message as a mail program reads it. `html` and `text` are None without such a body.

    `size` is in bytes; `raw` is the beginning of the message as text.
    """

    size: int
    headers: tuple[HeaderField, ...]
    parts: tuple[BodyPart, ...]
    html: str | None
    text: str | None
    preheader: str
    images: Images
    raw: str

    def header(self, name: str) -> str:
        """The decoded value of the first field of this name, or ""."""
        values = (field.value for field in self.headers if field.name.lower() == name.lower())
        return next(values, "")


def parse_message(data: bytes) -> ParsedMessage:
    """Parse a message; broken ones are read as far as possible, as mail programs do."""
    message = _parse(data)
    html, text = _body(message, "html"), _body(message, "plain")
    return ParsedMessage(
        size=len(data),
        headers=tuple(_header_fields(data, message)),
        parts=tuple(_body_parts(message)),
        html=html,
        text=text,
        preheader=_preheader(html, text),
        images=_carried_images(message),
        raw=data[:SHOWN_BYTES].decode("utf-8", "replace"),
    )


def part_content(data: bytes, number: int) -> tuple[BodyPart, bytes] | None:
    """One part of the message and its decoded content; None for a multipart or no such part."""
    message = _parse(data)
    for described, part in zip(_body_parts(message), message.walk(), strict=True):
        if described.number == number and not part.is_multipart():
            return described, _decoded(part)
    return None


def find_image(images: Images, reference: str) -> tuple[str, bytes] | None:
    """The image that a `src` of the HTML refers to (RFC 2392: a cid: URL is percent-encoded)."""
    if reference[:4].lower() == "cid:":
        return images.get("cid:" + unquote(reference[4:]))
    direct = images.get(reference)
    if direct is not None:
        return direct
    return next((image for name, image in images.items() if _ends_with(name, reference)), None)


def _ends_with(location: str, reference: str) -> bool:
    """Whether an absolute Content-Location ends with this relative reference."""
    return "://" in location and "://" not in reference and location.endswith(f"/{reference}")


def _carried_images(message: EmailMessage) -> Images:
    images: dict[str, tuple[str, bytes]] = {}
    for part in message.walk():
        if part.get_content_maintype() == "image":
            content = part.get_content_type(), _decoded(part)
            for reference in _references(part):
                images.setdefault(reference, content)
    return images


def _references(part: EmailMessage) -> Iterator[str]:
    content_id = str(part.get("Content-ID", "")).strip().removeprefix("<").removesuffix(">")
    if content_id:
        yield f"cid:{content_id}"
    location = str(part.get("Content-Location", "")).strip()
    if location:
        yield location


def _parse(data: bytes) -> EmailMessage:
    return message_from_bytes(data, policy=SMTP.clone(utf8=True))


def _body(message: EmailMessage, subtype: str) -> str | None:
    for part in message.walk():
        attached = part.get_content_disposition() == "attachment"
        if part.get_content_type() == f"text/{subtype}" and not attached:
            return str(part.get_content()).replace("\r\n", "\n")
    return None


def _header_fields(data: bytes, message: EmailMessage) -> Iterator[HeaderField]:
    section = data.partition(b"\r\n\r\n")[0]
    lines = [line for line in _FOLD.sub(b"", section).split(b"\r\n") if b":" in line]
    for line, (name, value) in zip(lines, message.items(), strict=False):
        written = line.partition(b":")[2].strip().decode("utf-8", "replace")
        yield HeaderField(name, " ".join(str(value).split()), written)


def _body_parts(message: EmailMessage) -> Iterator[BodyPart]:
    depths = _depths(message, 0)
    for number, (depth, part) in enumerate(zip(depths, message.walk(), strict=True)):
        yield _described(number, depth, part)


def _depths(part: MIMEPart, depth: int) -> Iterator[int]:
    """The depth of every node, in the order of `walk`."""
    yield depth
    if part.is_multipart():
        for child in part.iter_parts():
            yield from _depths(child, depth + 1)


def _described(number: int, depth: int, part: EmailMessage) -> BodyPart:
    leaf = not part.is_multipart()
    return BodyPart(
        number=number,
        depth=depth,
        content_type=part.get_content_type(),
        charset=part.get_content_charset("") if leaf else "",
        encoding=str(part.get("Content-Transfer-Encoding", "")) if leaf else "",
        disposition=part.get_content_disposition() or "",
        filename=part.get_filename("") or "",
        content_id=str(part.get("Content-ID", "")).strip(),
        location=str(part.get("Content-Location", "")).strip(),
        encoded=len(str(part.get_payload()).encode("utf-8", "surrogateescape")) if leaf else 0,
        size=len(_decoded(part)) if leaf else 0,
    )


def _decoded(part: EmailMessage) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _preheader(html: str | None, text: str | None) -> str:
    """The first words of the body, as an inbox shows them after the subject."""
    if html is None:
        words = text or ""
    else:
        reader = _FirstWords()
        reader.feed(html)
        words = "".join(reader.words)
    visible = "".join(" " if _is_blank(character) else character for character in words)
    return " ".join(visible.split())[:_PREHEADER_LENGTH]


def _is_blank(character: str) -> bool:
    """White space and the invisible characters that senders pad the preheader with."""
    return character == "\u034f" or unicodedata.category(character) in _BLANK_CATEGORIES


class _FirstWords(HTMLParser):
    """Collects the visible text until there is enough for the preheader."""

    _INVISIBLE = frozenset({"head", "script", "style", "template", "title"})
    _BLOCKS = frozenset({"br", "div", "h1", "h2", "h3", "li", "p", "td", "tr"})

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._invisible = 0
        self._length = 0

    def handle_starttag(self, tag: str, _: list[tuple[str, str | None]]) -> None:
        if tag in self._INVISIBLE:
            self._invisible += 1
        elif tag in self._BLOCKS:
            self.words.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._INVISIBLE:
            self._invisible = max(0, self._invisible - 1)

    def handle_data(self, data: str) -> None:
        if not self._invisible and self._length < 4 * _PREHEADER_LENGTH:
            self.words.append(data)
            self._length += len(data.strip())
