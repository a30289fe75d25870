"""The links of a page in plain text: `text <target>`, or the text alone if it is the target."""

from __future__ import annotations

import re

from mailmerge.rendering.document import (
    Document,
    Edits,
    EmptyPage,
    attribute,
    elements_of,
    is_written,
    parse,
)
from mailmerge.rendering.escaping import URL_ATTRIBUTES, percent_escape

_SCHEMES = ("mailto:", "tel:", "http://", "https://")
_SCHEME = re.compile(r"^(?:mailto:|tel:|https?://)", re.IGNORECASE)
_BREAK = re.compile(r"[\t\n\r]")
_NO_TARGET = re.compile(r"\s*(?:#|javascript:|\Z)", re.IGNORECASE)


def links_of(html: str) -> list[tuple[str, str]]:
    """The text and the target of each link of a page."""
    try:
        document = parse(html)
    except EmptyPage:
        return []
    return [
        (str(link.text), target)
        for link in elements_of(document, "a")
        if (target := attribute(link, "href")) is not None
    ]


_LINKS = frozenset(("a", "area", "base", "link", "image", "use"))
"""The elements whose `href` is a URL, besides those of Outlook, such as `<v:rect>`."""


def with_ascii_urls(document: Document) -> str:
    """The source of a document with percent-escapes for spaces and other scripts in its URLs.

    A browser reads the same URL (URL standard, 4.4): it strips spaces at both ends and drops line
    breaks. Mail programs and link checkers are not as forgiving.
    """
    edits = Edits(document)
    for element in elements_of(document):
        for name in URL_ATTRIBUTES.intersection(element.attrs):
            if name == "href" and ":" not in element.tag and element.tag not in _LINKS:
                continue
            url = attribute(element, name) or ""
            plain = percent_escape(_BREAK.sub("", url.strip(" \t\n\r\f")))
            if plain != url and is_written(element):
                edits.set_attribute(element, name, plain)
    return edits.applied()


def bracketed(target: str) -> str:
    """A target as it stands between angle brackets (RFC 3986, appendix C)."""
    return target.replace("<", "%3C").replace(">", "%3E").replace('"', "%22")


def shows_target(text: str, target: str) -> bool:
    """Whether the target of a link says more than its text."""
    return not _NO_TARGET.match(target) and _bare(text) != _bare(target)


def surely_shows_target(text_start: str, target_start: str) -> bool:
    """Whether the target is shown for every text and target with these starts."""
    begun = text_start.strip().casefold()
    if not _SCHEME.match(target_start) or any(scheme.startswith(begun) for scheme in _SCHEMES):
        return False
    text, target = _bare(text_start), _bare(target_start)
    length = min(len(text), len(target))
    return text[:length] != target[:length]


def _bare(address: str) -> str:
    return _SCHEME.sub("", " ".join(address.split())).rstrip("/").casefold()
