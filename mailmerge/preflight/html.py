"""Finished HTML -> problems: what a reader's mail program would not show, follow or accept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from mailmerge.errors import Problem

if TYPE_CHECKING:
    from lxml.html import HtmlElement

GMAIL_CLIP = 102 * 1024
"""Octets of HTML after which Gmail cuts off (measured by several senders, not promised)."""

GMAIL_CLIP_NEAR = 90 * 1024

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")
_LINK_SCHEMES = frozenset({"https", "mailto", "tel", "sms", "cid"})


@dataclass(frozen=True, slots=True)
class Link:
    """One reference of the HTML: where it points, and what a reader sees of it."""

    url: str
    text: str
    unsubscribes: bool


def lint_html(html: str, file: str) -> Iterator[Problem]:
    """Everything that can be said of one finished HTML body, whoever it is for.

    `file` is the template's name for the messages. Size is not looked at here, since it differs
    from person to person: see `lint_size`.
    """
    document = _parse(html)
    if document is None:
        return
    for image in document.iter("img"):
        yield from _lint_image(image, file)
    for anchor in document.iter("a", "area"):
        yield from _lint_link(anchor.get("href"), file)
    if next(document.iter("script"), None) is not None:
        yield Problem(
            "warning", "script", "scripts never run in mail", file, hint="remove <script>"
        )
    if next(document.iter("form"), None) is not None:
        yield Problem(
            "warning", "form", "forms do not work in most mail programs", file,
            hint="link to a page with the form",
        )  # fmt: skip


def lint_size(html_octets: int, file: str, row: int) -> Iterator[Problem]:
    """Whether Gmail would cut this HTML off."""
    shown = f"the HTML has {html_octets / 1024:.0f} KB"
    warn = partial(Problem, "warning", file=file, row=row)
    if html_octets > GMAIL_CLIP:
        yield warn("html-clipped", f"{shown}; Gmail cuts off after 102 KB", hint="shorten it")
    elif html_octets > GMAIL_CLIP_NEAR:
        yield warn("html-near-clip", f"{shown}; Gmail cuts off after 102 KB")


def links_of(html: str) -> list[Link]:
    """The links of a finished HTML body in their order, the unsubscribe link marked."""
    document = _parse(html)
    if document is None:
        return []
    return [
        Link(url, text, _unsubscribes(url, text))
        for anchor in document.iter("a", "area")
        if (url := (anchor.get("href") or "").strip())
        for text in [" ".join(anchor.text_content().split())]
    ]


def lint_url(url: str) -> tuple[str, str, str] | None:
    """What is wrong with one link as (code, message, hint), or None.

    `cid:` and fragment links are fine; everything else must be absolute and safe.
    """
    url = url.strip()
    if not url or url == "#":
        return "empty-link", "a link goes nowhere", "fill in its href"
    if url.startswith("#"):
        return None
    scheme = _SCHEME.match(url)
    if scheme is None:
        return (
            "relative-link",
            f"the link {url!r} leads nowhere from a mailbox",
            "write https://...",
        )
    name = scheme[0][:-1].lower()
    if name == "http":
        return "http-link", f"the link {url!r} is not encrypted", "write https://..."
    if name not in _LINK_SCHEMES:
        return "link-scheme", f"mail programs refuse links with {name}:", "use https: or mailto:"
    return None


def _parse(html: str) -> HtmlElement | None:
    import lxml.etree
    import lxml.html

    try:
        return lxml.html.document_fromstring(html)
    except (lxml.etree.ParserError, ValueError):
        return None


def _lint_image(image: HtmlElement, file: str) -> Iterator[Problem]:
    source = (image.get("src") or "").strip()
    name = source.rpartition("/")[2][:60]
    warn = partial(Problem, "warning", file=file)
    if image.get("alt") is None:
        hint = 'write alt="what it shows", or alt="" for decoration'
        yield warn("image-without-alt", f"the image {name!r} has no alt text", hint=hint)
    if source.lower().startswith("data:"):
        hint = "put the file into the campaign folder and name it in src"
        yield warn("data-image", "Gmail and Outlook do not show data: images", hint=hint)
    if source.lower().startswith("http:"):
        yield warn("http-image", f"the image {name!r} is loaded without encryption", hint="https:")
    if not source:
        yield warn("image-without-source", "an image has no src")


def _lint_link(href: str | None, file: str) -> Iterator[Problem]:
    if href is None:
        return
    found = lint_url(href)
    if found is not None:
        code, message, hint = found
        yield Problem("warning", code, message, file, hint=hint)


def _unsubscribes(url: str, text: str) -> bool:
    shown = f"{url} {text}".lower()
    return any(word in shown for word in ("unsubscribe", "opt-out", "optout", "退订", "abmelden"))
