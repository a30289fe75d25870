"""The links of a page in plain text: `text <target>`, or the text alone if it is the target."""

from __future__ import annotations

import re

from mailmerge.rendering.document import Element, EmptyPage, parse, text_of

_SCHEMES = ("mailto:", "tel:", "http://", "https://")
_SCHEME = re.compile(r"^(?:mailto:|tel:|https?://)", re.IGNORECASE)
_NO_TARGET = re.compile(r"\s*(?:#|javascript:|\Z)", re.IGNORECASE)


def links_within(root: Element) -> list[Element]:
    """The elements of a tree that link somewhere."""
    return [link for link in root.iter("a") if link.get("href") is not None]


def links_of(html: str) -> list[tuple[str, str]]:
    """The text and the target of each link of a page."""
    try:
        links = links_within(parse(html).tree.getroot())
    except EmptyPage:
        return []
    return [(text_of(link), link.get("href") or "") for link in links]


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
