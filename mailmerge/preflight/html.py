"""Rules on a structure of the HTML: content that mail programs do not show, follow or accept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from mailmerge.errors import Problem
from mailmerge.preflight.positions import Spot
from mailmerge.preflight.rules import Page, Setup
from mailmerge.preflight.urls import image_name, judge_image, judge_link
from mailmerge.rendering.folder import is_local

if TYPE_CHECKING:
    from lxml.html import HtmlElement

_CSS_URL = re.compile(r"""url\(\s*["']?\s*([^"')]+)""", re.IGNORECASE)
_UNSUBSCRIBE = ("unsubscribe", "opt-out", "optout", "退订", "abmelden")

_ELEMENTS = frozenset(
    [
        "a",
        "abbr",
        "acronym",
        "address",
        "applet",
        "area",
        "article",
        "aside",
        "audio",
        "b",
        "base",
        "basefont",
        "bdi",
        "bdo",
        "bgsound",
        "big",
        "blink",
        "blockquote",
        "body",
        "br",
        "button",
        "canvas",
        "caption",
        "center",
        "cite",
        "code",
        "col",
        "colgroup",
        "command",
        "data",
        "datalist",
        "dd",
        "del",
        "details",
        "dfn",
        "dialog",
        "dir",
        "div",
        "dl",
        "dt",
        "em",
        "embed",
        "fieldset",
        "figcaption",
        "figure",
        "font",
        "footer",
        "form",
        "frame",
        "frameset",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "head",
        "header",
        "hgroup",
        "hr",
        "html",
        "i",
        "iframe",
        "image",
        "img",
        "input",
        "ins",
        "isindex",
        "kbd",
        "keygen",
        "label",
        "legend",
        "li",
        "link",
        "listing",
        "main",
        "map",
        "mark",
        "marquee",
        "menu",
        "menuitem",
        "meta",
        "meter",
        "multicol",
        "nav",
        "nextid",
        "nobr",
        "noembed",
        "noframes",
        "noscript",
        "object",
        "ol",
        "optgroup",
        "option",
        "output",
        "p",
        "param",
        "picture",
        "plaintext",
        "portal",
        "pre",
        "progress",
        "q",
        "rb",
        "rbc",
        "rp",
        "rt",
        "rtc",
        "ruby",
        "s",
        "samp",
        "script",
        "search",
        "section",
        "select",
        "slot",
        "small",
        "source",
        "spacer",
        "span",
        "strike",
        "strong",
        "style",
        "sub",
        "summary",
        "sup",
        "svg",
        "table",
        "tbody",
        "td",
        "template",
        "textarea",
        "tfoot",
        "th",
        "thead",
        "time",
        "title",
        "tr",
        "track",
        "tt",
        "u",
        "ul",
        "var",
        "video",
        "wbr",
        "xmp",
        "math",
    ]
)
"""The elements of HTML, those that are obsolete included."""

_FOREIGN = frozenset({"svg", "math"})

_warning = partial(Problem, "warning")


@dataclass(frozen=True, slots=True)
class Link:
    """One link of the HTML: its URL, and the text that a reader sees."""

    url: str
    text: str
    unsubscribes: bool


def parse_html(html: str) -> HtmlElement | None:
    """The parsed document; None if it is empty."""
    import lxml.etree
    import lxml.html

    try:
        return lxml.html.document_fromstring(html)
    except (lxml.etree.ParserError, ValueError):
        return None


def links_of(html: str) -> list[Link]:
    """The links of a finished HTML body in their order, the unsubscribe link marked."""
    document = parse_html(html)
    if document is None:
        return []
    return [
        Link(url, text, _unsubscribes(url, text))
        for anchor in document.iter("a", "area")
        if (url := (anchor.get("href") or "").strip())
        for text in [" ".join(anchor.text_content().split())]
    ]


def check_images(page: Page, _: Setup) -> Iterator[Problem]:
    """Each image has an alternative text, and a source that mail programs load."""
    for image in page.document.iter("img"):
        source = (image.get("src") or "").strip()
        path = page.paths.get(source, source)
        varies = page.has_value(source)
        spot = Spot("img", "src", path, varies=varies)
        if image.get("alt") is None:
            shown = "a personal image" if varies else f"the image {image_name(path)!r}"
            hint = 'write alt="what it shows", or alt="" for decoration'
            found = _warning("image-without-alt", f"{shown} has no alt text", hint=hint)
            yield _placed(found, page, spot)
        wrong = None if varies else judge_image(source, image_name(path))
        if wrong is not None:
            yield _placed(wrong, page, spot)


def check_srcset(page: Page, _: Setup) -> Iterator[Problem]:
    """A file of the campaign is named by `src`, because `srcset` attaches nothing."""
    for element in page.document.iter("img", "source"):
        srcset = element.get("srcset") or ""
        if "data:" in srcset or page.has_value(srcset):
            continue
        urls = [candidate.split()[0] for candidate in srcset.split(",") if candidate.strip()]
        for url in filter(is_local, urls):
            message = f"the image {image_name(url)!r} is named in srcset only: it is not attached"
            found = _warning("srcset", message, hint="name one file in src, and leave srcset out")
            yield _placed(found, page, Spot(element.tag, "srcset", srcset))


def check_backgrounds(page: Page, _: Setup) -> Iterator[Problem]:
    """Background images, of attributes and inlined styles, have sources that are loaded."""
    for element in page.document.iter():
        if not isinstance(element.tag, str):
            continue
        background = element.get("background")
        urls = [background] if background else []
        style = element.get("style")
        if style and "url(" in style.lower():
            urls += _CSS_URL.findall(style)
        for url in urls:
            wrong = None if page.has_value(url) else judge_image(url)
            if wrong is not None:
                of_attribute = url == background
                spot = (
                    Spot(element.tag, "background", url) if of_attribute else Spot("style", "", url)
                )
                yield _placed(wrong, page, spot)


def check_links(page: Page, _: Setup) -> Iterator[Problem]:
    """Each link that is the same for all recipients works from a mailbox."""
    for anchor in page.document.iter("a", "area"):
        href = anchor.get("href")
        wrong = None if href is None or page.has_value(href) else judge_link(href)
        if wrong is not None:
            yield _placed(wrong, page, Spot(anchor.tag, "href", href or ""))


def check_elements(page: Page, _: Setup) -> Iterator[Problem]:
    """The page has no element that mail programs remove."""
    if _first(page, "script") is not None:
        found = _warning("script", "scripts never run in mail", hint="remove <script>")
        yield _placed(found, page, Spot("script"))
    if any("@import" in (style.text or "") for style in page.document.iter("style")):
        hint = 'name the file with <link rel="stylesheet" href="...">'
        found = _warning("css-import", "no mail program loads what @import names", hint=hint)
        yield _placed(found, page, Spot("style", "", "@import"))
    charset = _other_charset(page)
    if charset:
        message = f"the page says that it is in {charset}, but it is sent in UTF-8"
        hint = 'write <meta charset="utf-8">, or remove the tag'
        yield _placed(_warning("charset", message, hint=hint), page, Spot("meta"))
    if _first(page, "form") is not None:
        hint = "link to a page with the form"
        found = _warning("form", "forms do not work in most mail programs", hint=hint)
        yield _placed(found, page, Spot("form"))
    shown = _first(page, "iframe", "object", "embed", "video", "audio")
    if shown is not None:
        hint = "show a picture that links to it"
        message = "most mail programs show no video, frame or object"
        yield _placed(_warning("embedded", message, hint=hint), page, Spot(shown.tag))


def check_known_elements(page: Page, _: Setup) -> Iterator[Problem]:
    """Each element is one of HTML; those with a prefix (`o:p`) are Microsoft's, and harmless."""
    unknown: dict[str, HtmlElement] = {}
    for element in page.document.iter():
        tag = element.tag
        if isinstance(tag, str) and tag not in _ELEMENTS and ":" not in tag:
            unknown.setdefault(tag, element)
    for tag, element in unknown.items():
        if page.has_value(tag) or any(one.tag in _FOREIGN for one in element.iterancestors()):
            continue
        shown = f"<{tag}>"
        message = f"HTML has no element {shown}: mail programs ignore the tag"
        hint = "write an element of HTML, or &lt; for the sign itself"
        yield _placed(_warning("unknown-element", message, hint=hint), page, Spot(tag))


def _other_charset(page: Page) -> str:
    """The charset that the page names, if it is not UTF-8; else ""."""
    for meta in page.document.iter("meta"):
        content = re.search(r"charset=\s*([\w-]+)", meta.get("content") or "", re.IGNORECASE)
        named = (meta.get("charset") or (content[1] if content else "")).strip()
        if named and named.lower().replace("-", "") not in {"utf8", "usascii"}:
            return named
    return ""


def _first(page: Page, *tags: str) -> HtmlElement | None:
    return next(iter(page.document.iter(*tags)), None)


def _placed(problem: Problem, page: Page, spot: Spot) -> Problem:
    """The problem at the place in the templates where its element is written."""
    file, line = page.locate(spot)
    return replace(problem, file=file, line=line)


def _unsubscribes(url: str, text: str) -> bool:
    shown = f"{url} {text}".lower()
    return any(word in shown for word in _UNSUBSCRIBE)
