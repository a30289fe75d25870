"""Finished HTML -> problems: what a reader's mail program would not show, follow or accept."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mailmerge.errors import Problem
from mailmerge.rendering.folder import is_local
from mailmerge.wording import size_in_words

if TYPE_CHECKING:
    from lxml.html import HtmlElement

GMAIL_CLIP = 102 * 1024
"""Octets of HTML after which Gmail cuts off (measured by several senders, not promised)."""

GMAIL_CLIP_NEAR = 90 * 1024

SHOWN_OF_URL = 80

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")
_LINK_SCHEMES = frozenset({"https", "mailto", "tel", "sms", "cid"})
# The host is settled by what follows it; localhost has no dot.
_GOOD_HOST = re.compile(
    r"https://(?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*[a-z](?:[/?#]|:\d+(?:[/?#]|\Z))", re.IGNORECASE
)
_CSS_URL = re.compile(r"""url\(\s*["']?\s*([^"')]+)""", re.IGNORECASE)
_LOOPBACK = re.compile(r"localhost|127\.\d+\.\d+\.\d+|\[::1\]|0\.0\.0\.0", re.IGNORECASE)

Found = tuple[str, str, str]
"""What is wrong: code, message, hint."""

Locate = Callable[[str], tuple[str, int | None]]
"""Where a text stands that somebody wrote: the template and its line, as far as it is known."""


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
    return lint_page(html, lambda _: (file, None))


def lint_page(
    html: str,
    locate: Locate,
    *,
    paths: Mapping[str, str] | None = None,
    value: str = "",
) -> Iterator[Problem]:
    """The same for a page of which the template is known.

    Args:
        html: the finished page.
        locate: finds a text in the templates.
        paths: the files of the campaign folder by the URL that the page shows them with.
        value: stands for each person's own values; URLs that hold it are left to the caller.
    """
    document = _parse(html)
    if document is None:
        return
    for (code, message, hint), needle in _faults(document, paths or {}, value):
        file, line = locate(needle)
        yield Problem("warning", code, message, file, hint=hint, line=line)


def lint_size(html_octets: int, file: str, row: int) -> Iterator[Problem]:
    """Whether Gmail would cut this HTML off."""
    shown = f"the HTML has {size_in_words(html_octets)}"
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


def lint_url(url: str) -> Found | None:
    """What is wrong with one link as (code, message, hint), or None.

    `cid:` and fragment links are fine; everything else must be absolute and safe.
    """
    if is_settled(url):
        return None
    url = url.strip()
    if not url.strip("#"):
        return "empty-link", "a link goes nowhere", "fill in its href"
    return None if url.startswith("#") else _lint_scheme(url)


def _lint_scheme(url: str) -> Found | None:
    scheme = _SCHEME.match(url)
    shown = repr(url[:SHOWN_OF_URL])
    if scheme is None:
        return "relative-link", f"the link {shown} leads nowhere from a mailbox", _absolute(url)
    name = scheme[0][:-1].lower()
    if name == "http":
        return "http-link", f"the link {shown} is not encrypted", "write https://..."
    if name not in _LINK_SCHEMES:
        return "link-scheme", f"mail programs refuse links with {name}:", "use https: or mailto:"
    return _lint_target(url, name, shown)


def is_settled(beginning: str) -> bool:
    """Whether a link that begins so is a good one, whatever follows."""
    return _GOOD_HOST.match(beginning) is not None


def _lint_target(url: str, scheme: str, shown: str) -> Found | None:
    if scheme != "https":
        empty = url.rstrip()[len(scheme) + 1 :] in {"", "@"}
        said = f"the link {shown} goes nowhere"
        return ("empty-link", said, f"write what follows {scheme}:") if empty else None
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        host = ""
    if not host or re.search(r"[\s%{}]", host):
        return "link-without-host", f"the link {shown} names no host", "write https://host/..."
    if _LOOPBACK.fullmatch(host):
        hint = "write the address that your readers can reach"
        return "local-link", f"the link {shown} leads to the reader's own machine", hint
    return None


def _absolute(url: str) -> str:
    if url.startswith("//"):
        return f"write https:{url[:SHOWN_OF_URL]}"
    if re.match(r"www\.|[\w-]+\.(com|org|net|eu|de|fr|cn|io)\b", url, re.IGNORECASE):
        return f"write https://{url[:SHOWN_OF_URL]}"
    return "write https://..., or attach the file"


def lint_image_url(url: str, name: str = "") -> Found | None:
    """What is wrong with where an image comes from as (code, message, hint), or None.

    `name` is what a person calls the image.
    """
    lowered = url.strip().lower()
    shown = repr(name or image_name(url))
    if not lowered:
        return "image-without-source", "an image has no src", "name a file or an https: URL"
    if lowered.startswith("data:"):
        hint = "put the file into the campaign folder and name it in src"
        return "data-image", "Gmail and Outlook do not show data: images", hint
    if lowered.startswith("http:"):
        hint = "write https://, or put the file into the campaign folder"
        return "http-image", f"the image {shown} is loaded without encryption", hint
    if lowered.startswith("//"):
        return "relative-image", f"the image {shown} has no https: before its //", "write https://"
    return None


def image_name(url: str) -> str:
    """The last part of an image's URL, by which a person knows it."""
    return url.strip().partition("?")[0].rstrip("/").rpartition("/")[2][:60]


def _parse(html: str) -> HtmlElement | None:
    import lxml.etree
    import lxml.html

    try:
        return lxml.html.document_fromstring(html)
    except (lxml.etree.ParserError, ValueError):
        return None


def _faults(
    document: HtmlElement, paths: Mapping[str, str], value: str
) -> Iterator[tuple[Found, str]]:
    """What is wrong, each with the text by which its place in the template is found."""
    for image in document.iter("img"):
        yield from _image_faults(image, paths, value)
    yield from _srcset_faults(document, value)
    for url in _backgrounds(document, value):
        found = lint_image_url(url)
        if found is not None:
            yield found, url
    for anchor in document.iter("a", "area"):
        href = anchor.get("href")
        if href is not None and not (value and value in href):
            found = lint_url(href)
            if found is not None:
                yield found, href.strip() or "href"
    yield from _element_faults(document)


def _image_faults(
    image: HtmlElement, paths: Mapping[str, str], value: str
) -> Iterator[tuple[Found, str]]:
    source = (image.get("src") or "").strip()
    personal = bool(value) and value in source
    path = paths.get(source, source)
    name = image_name(path)
    needle = "<img" if personal or not path else path[:200]
    if image.get("alt") is None:
        shown = "a personal image" if personal else f"the image {name!r}"
        hint = 'write alt="what it shows", or alt="" for decoration'
        yield ("image-without-alt", f"{shown} has no alt text", hint), needle
    found = None if personal else lint_image_url(source, name)
    if found is not None:
        yield found, needle


def _srcset_faults(document: HtmlElement, value: str) -> Iterator[tuple[Found, str]]:
    """Pictures of `srcset`: a file of the campaign is carried only where `src` names it."""
    for element in document.iter("img", "source"):
        srcset = element.get("srcset") or ""
        if "data:" in srcset or (value and value in srcset):
            continue
        urls = [candidate.split()[0] for candidate in srcset.split(",") if candidate.strip()]
        for url in filter(is_local, urls):
            name = image_name(url)
            message = f"the image {name!r} stands in srcset, and is not carried in the message"
            yield ("srcset", message, "name one file in src, and leave srcset out"), "srcset"


def _backgrounds(document: HtmlElement, value: str) -> Iterator[str]:
    """The URLs of pictures behind the text; of style sheets only what stands on elements."""
    for element in document.iter():
        if not isinstance(element.tag, str):
            continue
        background = element.get("background")
        urls = [background] if background else []
        style = element.get("style")
        if style and "url(" in style.lower():
            urls += _CSS_URL.findall(style)
        yield from (url for url in urls if not (value and value in url))


def _element_faults(document: HtmlElement) -> Iterator[tuple[Found, str]]:
    if next(document.iter("script"), None) is not None:
        yield ("script", "scripts never run in mail", "remove <script>"), "<script"
    if any("@import" in (style.text or "") for style in document.iter("style")):
        hint = 'name the file with <link rel="stylesheet" href="...">'
        yield ("css-import", "no mail program loads what @import names", hint), "@import"
    if next(document.iter("form"), None) is not None:
        hint = "link to a page with the form"
        yield ("form", "forms do not work in most mail programs", hint), "<form"
    if next(document.iter("iframe", "object", "embed", "video", "audio"), None) is not None:
        hint = "show a picture that links to it"
        yield ("embedded", "most mail programs show no video, frame or object", hint), ""


def _unsubscribes(url: str, text: str) -> bool:
    shown = f"{url} {text}".lower()
    return any(word in shown for word in ("unsubscribe", "opt-out", "optout", "退订", "abmelden"))
