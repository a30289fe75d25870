"""A template -> the page that its author wrote, and the page that is sent."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

import jinja2

from mailmerge.messages import message_factory
from mailmerge.recipients.address import parse_mailbox
from mailmerge.recipients.audience import Recipient
from mailmerge.settings import load_settings

from .difference import Difference
from .images import picture

CELLS: Final = {
    "name": "Zoé <Ann> & Co",
    "link": "https://shop.example.org/?a=1&b=2",
    "width": "40",
}
"""The row of the one recipient; a template may use these columns."""

_CAMPAIGN = """
[campaign]
name = "law"
[message]
from = "News <news@example.org>"
subject = "Hello"
html = "body.html"
"""
_REFERENCE = re.compile(
    r"""(?:\b(?:src|background|poster)\s*=\s*|url\(\s*)(?:"([^"]*)"|'([^']*)'|([^\s"'()<>]+))""",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:|//|#", re.IGNORECASE)
_CONDITION = re.compile(
    r"<!--\s*\[if.*?-->|<!--\s*<!\[endif\]\s*-->|<!\[(?:if|endif)[^>]*>", re.DOTALL | re.IGNORECASE
)
"""Markup that only Outlook reads: to a browser it is a comment, so the source is compared."""


@dataclass(frozen=True, slots=True)
class Pages:
    """The two pages of one recipient, and the files that both show, by path."""

    written: str
    sent: str
    files: Mapping[str, bytes]


def make_pages(folder: Path, template: str, cells: Mapping[str, str] = CELLS) -> Pages:
    """Make both pages of a template in an empty folder.

    Each file that the template names as an image is made first.

    Raises:
        MailmergeError: the template cannot be sent.
    """
    written = _rendered(template, cells)
    written += "" if written.endswith("\n") else "\n"  # the lines of a message all end
    for path in _local_images(written):
        target = (folder / path).resolve()
        if target.is_relative_to(folder.resolve()) and not target.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(_content(path))
    (folder / "campaign.toml").write_text(_CAMPAIGN, encoding="utf-8")
    (folder / "body.html").write_text(template, encoding="utf-8", newline="")
    mailbox = parse_mailbox("ann@example.org")
    recipient = Recipient(2, {**cells, "email": "ann@example.org"}, mailbox, mailbox.identity)
    message = bytes(message_factory(load_settings(folder)).sample(recipient))
    parsed = email.message_from_bytes(message, policy=email.policy.default)
    names = {
        path.read_bytes(): path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file()
    }
    sent, files = _resolved(parsed, names)
    sheets = {sheet.name: sheet.read_bytes() for sheet in folder.glob("*.css")}
    images = {path: _content(path) for path in _local_images(written)}
    return Pages(written, sent, {**files, **images, **sheets})


def compare_source(pages: Pages) -> list[Difference]:
    """The conditional comments, which a browser does not show: each as written, in their order."""
    written, sent = (_conditions(page) for page in (pages.written, pages.sent))
    found = []
    for number in range(max(len(written), len(sent))):
        one, other = (part[number] if number < len(part) else "" for part in (written, sent))
        if one != other:
            path = f"conditional comment[{number + 1}]"
            found.append(Difference("source", path, one, other, ("source",)))
    return found


def _conditions(page: str) -> list[str]:
    return [found[0].replace("\r\n", "\n") for found in _CONDITION.finditer(page)]


def _rendered(template: str, cells: Mapping[str, str]) -> str:
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.from_string(template).render({**cells, "row": cells})


def _local_images(page: str) -> list[str]:
    found = {unquote("".join(groups)).strip() for groups in _REFERENCE.findall(page)}
    paths = {
        path.partition("?")[0].partition("#")[0]
        for path in found
        if path and not _SCHEME.match(path)
    }
    return sorted(path for path in paths if path and not path.startswith("/"))


def _content(path: str) -> bytes:
    content = picture(path)
    if path.lower().endswith(".svg"):
        width, height = 24 + len(content) % 100, 16 + len(path) % 50
        size = f'width="{width}" height="{height}"'
        return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><!--{path}--></svg>'.encode()
    return content


def _resolved(message: EmailMessage, names: Mapping[bytes, str]) -> tuple[str, dict[str, bytes]]:
    """The HTML part with the paths of its inline images, and the content of each."""
    html = ""
    files: dict[str, bytes] = {}
    paths: dict[str, str] = {}
    for part in message.walk():
        if part.get_content_type() == "text/html" and not html:
            html = part.get_content()
        elif part.get_content_maintype() == "image" and part["Content-ID"]:
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            reference = str(part["Content-ID"]).strip("<> ")
            paths[reference] = names.get(content, f"unknown/{reference}")
            files[paths[reference]] = content
    for reference, path in paths.items():
        html = html.replace(f"cid:{reference}", quote(path))
    return html, files
