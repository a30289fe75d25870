"""The octets that would be sent -> what a mail program makes of them.

The standard library's parser takes them apart. Nothing here comes from the template: what the
preview shows of a message went through its octets.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP
from html.parser import HTMLParser
from urllib.parse import unquote

PREHEADER_LENGTH = 160
"""Characters of the text that mail programs show beside the subject, at most."""

SHOWN_OCTETS = 512 * 1024
"""How much of the raw message the page shows; the download has it whole."""

_FOLD = re.compile(rb"\r?\n(?=[ \t])")


@dataclass(frozen=True, slots=True)
class HeaderField:
    """One header field: its name, what it means decoded, and how it is written (unfolded)."""

    name: str
    value: str
    written: str


@dataclass(frozen=True, slots=True)
class BodyPart:
    """One node of the MIME tree (RFC 2045); `number` counts the nodes from 0 in reading order.

    `encoded` is its size in octets as transferred (without its header fields and its children's
    boundaries), `size` that of what is inside; both are 0 for a multipart.
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


@dataclass(frozen=True, slots=True)
class Anatomy:
    """A whole message taken apart. `html` is None where there is no HTML part."""

    size: int
    headers: tuple[HeaderField, ...]
    parts: tuple[BodyPart, ...]
    html: str | None
    text: str | None
    preheader: str
    raw: str

    def header(self, name: str) -> str:
        """The decoded value of the first field of this name, or ""."""
        found = (field.value for field in self.headers if field.name.lower() == name.lower())
        return next(found, "")


def take_apart(octets: bytes) -> Anatomy:
    """Parse a message as a reader's mail program does."""
    message = _parse(octets)
    html, text = _body(message, "html"), _body(message, "plain")
    return Anatomy(
        size=len(octets),
        headers=tuple(_header_fields(octets, message)),
        parts=tuple(_body_parts(message)),
        html=html,
        text=text,
        preheader=preheader_of(html, text),
        raw=octets[:SHOWN_OCTETS].decode("utf-8", "replace"),
    )


def part_content(octets: bytes, number: int) -> tuple[BodyPart, bytes] | None:
    """One part of the message and what is inside it, decoded; None where there is no such part."""
    message = _parse(octets)
    for described, part in zip(_body_parts(message), message.walk(), strict=True):
        if described.number == number and not part.is_multipart():
            return described, _inside(part)
    return None


def pictures(octets: bytes) -> dict[str, tuple[str, bytes]]:
    """What the HTML may refer to: `cid:...` and Content-Locations -> (content type, octets).

    RFC 2392 for the first, RFC 2557 for the second.
    """
    found: dict[str, tuple[str, bytes]] = {}
    for part in _parse(octets).walk():
        if part.get_content_maintype() == "image":
            content = part.get_content_type(), _inside(part)
            for reference in _references(part):
                found.setdefault(reference, content)
    return found


def preheader_of(html: str | None, text: str | None) -> str:
    """The first words of the body, as an inbox shows them beside the subject."""
    if html is None:
        words = text or ""
    else:
        reader = _FirstWords()
        reader.feed(html)
        words = "".join(reader.words)
    visible = "".join(" " if _is_blank(character) else character for character in words)
    return " ".join(visible.split())[:PREHEADER_LENGTH]


def _parse(octets: bytes) -> EmailMessage:
    return message_from_bytes(octets, policy=SMTP.clone(utf8=True))


def _body(message: EmailMessage, subtype: str) -> str | None:
    for part in message.walk():
        attached = part.get_content_disposition() == "attachment"
        if part.get_content_type() == f"text/{subtype}" and not attached:
            return str(part.get_content()).replace("\r\n", "\n")
    return None


def _header_fields(octets: bytes, message: EmailMessage) -> Iterator[HeaderField]:
    section = octets.partition(b"\r\n\r\n")[0]
    lines = [line for line in _FOLD.sub(b"", section).split(b"\r\n") if b":" in line]
    for line, (name, value) in zip(lines, message.items(), strict=False):
        written = line.partition(b":")[2].strip().decode("utf-8", "replace")
        yield HeaderField(name, _one_line(str(value)), written)


def _one_line(value: str) -> str:
    return " ".join(value.split())


def _body_parts(message: EmailMessage) -> Iterator[BodyPart]:
    depths = _depths(message, 0)
    for number, (depth, part) in enumerate(zip(depths, message.walk(), strict=True)):
        yield _described(number, depth, part)


def _depths(part: MIMEPart, depth: int) -> Iterator[int]:
    """The depth of every node in the order of `walk`."""
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
        size=len(_inside(part)) if leaf else 0,
    )


def _inside(part: EmailMessage) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _references(part: EmailMessage) -> Iterator[str]:
    content_id = str(part.get("Content-ID", "")).strip().removeprefix("<").removesuffix(">")
    if content_id:
        yield f"cid:{content_id}"
    location = str(part.get("Content-Location", "")).strip()
    if location:
        yield location


def find_picture(found: dict[str, tuple[str, bytes]], reference: str) -> tuple[str, bytes] | None:
    """The picture that a `src` of the HTML means (a cid: URL is percent-encoded, RFC 2392)."""
    if reference[:4].lower() == "cid:":
        return found.get("cid:" + unquote(reference[4:]))
    direct = found.get(reference)
    if direct is not None:
        return direct
    return next((picture for name, picture in found.items() if _same_place(name, reference)), None)


def _same_place(location: str, reference: str) -> bool:
    return "://" in location and "://" not in reference and location.endswith(f"/{reference}")


def _is_blank(character: str) -> bool:
    """Spaces and the invisible characters that senders pad the preheader with."""
    return character == "\u034f" or unicodedata.category(character) in {
        "Cf",
        "Cc",
        "Zs",
        "Zl",
        "Zp",
    }


class _FirstWords(HTMLParser):
    """Collects what is text for a reader until there is enough for the inbox line."""

    _SILENT = frozenset({"head", "script", "style", "template", "title"})

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._silent = 0
        self._length = 0

    def handle_starttag(self, tag: str, _: list[tuple[str, str | None]]) -> None:
        if tag in self._SILENT:
            self._silent += 1
        elif tag in {"br", "div", "h1", "h2", "h3", "li", "p", "td", "tr"}:
            self.words.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._SILENT:
            self._silent = max(0, self._silent - 1)

    def handle_data(self, data: str) -> None:
        if not self._silent and self._length < 4 * PREHEADER_LENGTH:
            self.words.append(data)
            self._length += len(data.strip())
