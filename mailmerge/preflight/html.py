"""Rules on a structure of the HTML: content that mail programs do not show, follow or accept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from mailmerge.errors import Problem
from mailmerge.language import tr
from mailmerge.preflight.positions import Spot, placed
from mailmerge.preflight.rules import Page, Setup
from mailmerge.preflight.urls import image_name, judge_image, judge_link
from mailmerge.rendering.document import (
    Document,
    Element,
    EmptyPage,
    attribute,
    elements_of,
    is_written,
    parse,
    text_of,
)
from mailmerge.rendering.folder import is_local

_CSS_URL = re.compile(r"""url\(\s*["']?\s*([^"')]+)""", re.IGNORECASE)
_UNSUBSCRIBE = ("unsubscribe", "opt-out", "optout", "退订", "abmelden")

_warning = partial(Problem, "warning")


@dataclass(frozen=True, slots=True)
class Link:
    """One link of the HTML: its URL, and the text that a reader sees."""

    url: str
    text: str
    unsubscribes: bool


def parse_html(html: str) -> Document | None:
    """The parsed document; None if it is empty."""
    try:
        return parse(html)
    except EmptyPage:
        return None


def links_of(html: str) -> list[Link]:
    """The links of a finished HTML body in their order, the unsubscribe link marked."""
    document = parse_html(html)
    if document is None:
        return []
    return [
        Link(url, text, _unsubscribes(url, text))
        for anchor in elements_of(document, "a", "area")
        if (url := (attribute(anchor, "href") or "").strip())
        for text in [" ".join(text_of(anchor).split())]
    ]


def check_images(page: Page, _: Setup) -> Iterator[Problem]:
    """Each image has an alternative text, and a source that mail programs load."""
    for image in elements_of(page.document, "img"):
        source = (attribute(image, "src") or "").strip()
        path = page.paths.get(source, source)
        varies = page.has_value(source)
        spot = Spot("img", "src", path, varies=varies)
        if attribute(image, "alt") is None:
            shown = (
                tr("a personal image")
                if varies
                else tr("the image {path!r}", path=image_name(path))
            )
            hint = tr('write alt="what it shows", or alt="" for decoration')
            found = _warning(
                "image-without-alt", tr("{shown} has no alt text", shown=shown), hint=hint
            )
            yield _placed(found, page, spot)
        wrong = None if varies else judge_image(source, image_name(path))
        if wrong is not None:
            yield _placed(wrong, page, spot)


def check_srcset(page: Page, _: Setup) -> Iterator[Problem]:
    """A file of the campaign is named by `src`, because `srcset` attaches nothing."""
    for element in elements_of(page.document, "img", "source"):
        srcset = attribute(element, "srcset") or ""
        if "data:" in srcset or page.has_value(srcset):
            continue
        urls = [candidate.split()[0] for candidate in srcset.split(",") if candidate.strip()]
        for url in filter(is_local, urls):
            message = tr(
                "the image {url!r} is named in srcset only: it is not attached", url=image_name(url)
            )
            found = _warning(
                "srcset", message, hint=tr("name one file in src, and leave srcset out")
            )
            yield _placed(found, page, Spot(element.tag, "srcset", srcset))


def check_backgrounds(page: Page, _: Setup) -> Iterator[Problem]:
    """Background images, of attributes and inlined styles, have sources that are loaded."""
    for element in elements_of(page.document):
        background = attribute(element, "background")
        urls = [background] if background else []
        style = attribute(element, "style")
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
    for anchor in elements_of(page.document, "a", "area"):
        href = attribute(anchor, "href")
        if href is None or page.has_value(href) or not is_written(anchor):
            continue
        wrong = judge_link(href)
        if wrong is not None:
            yield _placed(wrong, page, Spot(anchor.tag, "href", href))


def check_elements(page: Page, _: Setup) -> Iterator[Problem]:
    """The page has no element that mail programs remove."""
    if _first(page, "script") is not None:
        found = _warning("script", tr("scripts never run in mail"), hint=tr("remove <script>"))
        yield _placed(found, page, Spot("script"))
    if any("@import" in text_of(style) for style in elements_of(page.document, "style")):
        hint = tr('name the file with <link rel="stylesheet" href="...">')
        found = _warning("css-import", tr("no mail program loads what @import names"), hint=hint)
        yield _placed(found, page, Spot("style", "", "@import"))
    if _first(page, "form") is not None:
        hint = tr("link to a page with the form")
        found = _warning("form", tr("forms do not work in most mail programs"), hint=hint)
        yield _placed(found, page, Spot("form"))
    shown = _first(page, "iframe", "object", "embed", "video", "audio")
    if shown is not None:
        hint = tr("show a picture that links to it")
        message = tr("most mail programs show no video, frame or object")
        yield _placed(_warning("embedded", message, hint=hint), page, Spot(shown.tag))


def _first(page: Page, *tags: str) -> Element | None:
    return next(iter(elements_of(page.document, *tags)), None)


def _placed(problem: Problem, page: Page, spot: Spot) -> Problem:
    """The problem at the place in the templates where its element is written."""
    return placed(problem, page.locate(spot))


def _unsubscribes(url: str, text: str) -> bool:
    shown = f"{url} {text}".lower()
    return any(word in shown for word in _UNSUBSCRIBE)
