"""A message's HTML -> the document of the iframe that shows it as one mail program would.

The text is copied unchanged and only some tags are rewritten: an image in the message gets a data:
URL, an image from the network becomes a grey placeholder, a link keeps its look but leads nowhere.
All this is for convenience. The page is protected by the iframe's sandbox and its
Content-Security-Policy (access.py).
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from html.parser import HTMLParser
from itertools import accumulate
from urllib.parse import quote

from mailmerge.preview.mime_structure import Images, find_image


class Scheme(StrEnum):
    """The colours of the mail program: light, dark, or all colours inverted by force."""

    LIGHT = "light"
    DARK = "dark"
    INVERTED = "inverted"


@dataclass(frozen=True, slots=True)
class View:
    """The settings of the imitated mail program: colours, images, and `<style>`."""

    scheme: Scheme = Scheme.LIGHT
    images: bool = True
    styles: bool = True

    @property
    def name(self) -> str:
        """A file name for this view: `dark`, `light-noimages-nostyles`."""
        off = ["" if self.images else "-noimages", "" if self.styles else "-nostyles"]
        return self.scheme.value + "".join(off)


EVERY_VIEW = tuple(
    View(scheme, images, styles)
    for scheme in Scheme
    for images in (True, False)
    for styles in (True, False)
)

_PLACEHOLDER = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="240" height="120">'
    '<rect width="100%" height="100%" fill="#8a8a8a" fill-opacity=".16"/>'
    '<path d="M-14 10 -4 -4 3 5 8 -1 14 10Z" transform="translate(120 60)" fill="#8a8a8a"'
    ' fill-opacity=".55"/></svg>'
)
_REMOTE_IMAGE = "data:image/svg+xml," + quote(_PLACEHOLDER)
"""Shown in place of an image from the network."""

_INVERSION = (
    "html{background:#fff;filter:invert(1) hue-rotate(180deg)}"
    "img,video,[background]{filter:invert(1) hue-rotate(180deg)}"
)
_UNLOADED = "img:not([src]){outline:1px dashed #8888;outline-offset:-1px;min-width:1em}"
_SCHEME_QUERY = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)", re.IGNORECASE)
_STYLE_URL = re.compile(r"""url\(\s*+(?:"([^"]*)"|'([^']*)'|([^()"']*+))\s*\)""", re.IGNORECASE)
_REMOVED = frozenset({"base", "embed", "frame", "iframe", "link", "object"})

_Attributes = list[tuple[str, str | None]]
_Loader = Callable[[str], str | None]
"""Gives the URL to load for a reference of the message, or None if the message lacks it."""


def frame_html(html: str, view: View, images: Images) -> str:
    """The message's HTML as `view` shows it; it loads nothing but these `images`."""
    rewriter = _Rewriter(html, view, lambda reference: _data_url(images, reference))
    rewriter.feed(html)
    rewriter.close()
    style = _UNLOADED + (_INVERSION if view.scheme is Scheme.INVERTED else "")
    edits = sorted([*rewriter.edits, (rewriter.head, rewriter.head, f"<style>{style}</style>")])
    pieces, at = [], 0
    for start, end, text in edits:
        if start >= at:
            pieces += [html[at:start], text]
            at = end
    return "".join([*pieces, html[at:]])


def count_remote_images(html: str, images: Images) -> int:
    """The number of images of the HTML that are neither in the message nor data: URLs."""
    missing: list[str] = []

    def load(reference: str) -> str | None:
        if find_image(images, reference) is not None:
            return "data:,"
        missing.append(reference)
        return None

    rewriter = _Rewriter(html, View(), load)
    rewriter.feed(html)
    rewriter.close()
    return len(missing)


def _data_url(images: Images, reference: str) -> str | None:
    image = find_image(images, reference)
    if image is None:
        return None
    content_type, content = image
    return f"data:{content_type};base64,{b64encode(content).decode()}"


class _Rewriter(HTMLParser):
    """Walks over the tags and collects edits: (start, end, replacement) in the text."""

    def __init__(self, html: str, view: View, load: _Loader) -> None:
        super().__init__(convert_charrefs=False)
        self.edits: list[tuple[int, int, str]] = []
        self.head = 0
        self._html = html
        self._view = view
        self._load = load
        self._lines = [0, *accumulate(len(line) + 1 for line in html.split("\n"))]
        self._style: int | None = None

    def handle_decl(self, _: str) -> None:
        self.head = self._html.find(">", self._offset()) + 1

    def handle_starttag(self, tag: str, attrs: _Attributes) -> None:
        start = self._offset()
        end = start + len(self.get_starttag_text() or "")
        if tag in {"html", "head"}:
            self.head = end
        if tag == "style":
            self._style = end
        rewritten = self._tag(tag, attrs)
        if rewritten is not None:
            self.edits.append((start, end, rewritten))

    def handle_endtag(self, tag: str) -> None:
        if tag == "style" and self._style is not None:
            end = self._offset()
            rules = self._styles(self._html[self._style : end]) if self._view.styles else ""
            self.edits.append((self._style, end, rules))
            self._style = None

    def _offset(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    def _tag(self, tag: str, attrs: _Attributes) -> str | None:
        """The rewritten tag, "" to remove it, None to leave it unchanged."""
        given = {name: value or "" for name, value in attrs}
        if tag in _REMOVED or given.get("http-equiv", "").lower() == "refresh":
            return ""
        changed = dict(given)
        if tag in {"a", "area"}:
            _disarm_link(changed)
        if tag == "meta" and _declares_schemes(given):
            changed["content"] = self._schemes(given.get("content", ""))
        for name in ("src", "background", "poster"):
            self._replace_source(changed, name)
        if "style" in changed:
            changed["style"] = self._styles(changed["style"])
        return None if changed == given and "srcset" not in given else _start_tag(tag, changed)

    def _replace_source(self, attributes: dict[str, str], name: str) -> None:
        if name not in attributes:
            return
        attributes.pop("srcset", None)
        if self._view.images:
            attributes[name] = self._source(attributes[name].strip())
        else:
            del attributes[name]

    def _source(self, reference: str) -> str:
        if reference.lower().startswith("data:"):
            return reference
        return self._load(reference) or _REMOTE_IMAGE

    def _styles(self, css: str) -> str:
        """CSS that follows the view's scheme, not the browser's, with its images inside."""
        return _STYLE_URL.sub(self._style_url, _SCHEME_QUERY.sub(self._scheme_query, css))

    def _style_url(self, match: re.Match[str]) -> str:
        reference = next(group for group in match.groups() if group is not None).strip()
        if not self._view.images:
            return 'url("data:,")'
        if reference.lower().startswith("data:"):
            return match[0]
        return f'url("{self._load(reference) or "data:,"}")'

    def _scheme_query(self, match: re.Match[str]) -> str:
        asked = match[1].lower()
        shown = "dark" if self._view.scheme is Scheme.DARK else "light"
        return "(min-width:0px)" if asked == shown else "(max-width:0px)"

    def _schemes(self, content: str) -> str:
        dark = self._view.scheme is Scheme.DARK and "dark" in content.lower()
        return "dark" if dark else "light"


def _declares_schemes(attributes: dict[str, str]) -> bool:
    name = attributes.get("name", "").lower()
    return name.endswith(("color-scheme", "color-schemes"))


def _disarm_link(attributes: dict[str, str]) -> None:
    """Keep the look of a link and show its address as a title, but let it lead nowhere."""
    address = attributes.get("href", "").strip()
    attributes.pop("ping", None)
    attributes.pop("target", None)
    if address and not address.startswith("#"):
        attributes.setdefault("title", address)
        attributes["href"] = "#!"


def _start_tag(tag: str, attributes: dict[str, str]) -> str:
    attributes.pop("srcset", None)
    written = "".join(f' {name}="{escape(value)}"' for name, value in attributes.items())
    return f"<{tag}{written}>"
