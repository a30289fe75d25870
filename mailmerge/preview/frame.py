"""A message's HTML -> the HTML of the frame that shows it as one mail program would.

The text is copied as it is; only some tags are written anew: a picture that the message carries
gets an address the frame can load, one from the network becomes a grey field, a link keeps its look
and leads nowhere. That is comfort. The walls are the frame's sandbox and its policy (access.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from html.parser import HTMLParser
from itertools import accumulate
from urllib.parse import quote

Picture = Callable[[str], str | None]
"""What the frame loads for a reference of the message (`cid:logo`, a Content-Location), or None."""


class Scheme(StrEnum):
    """The colours of the mail program: light, dark, or everything turned round by force."""

    LIGHT = "light"
    DARK = "dark"
    INVERTED = "inverted"


@dataclass(frozen=True, slots=True)
class View:
    """How the mail program that is imitated shows HTML."""

    scheme: Scheme = Scheme.LIGHT
    images: bool = True
    styles: bool = True

    @property
    def name(self) -> str:
        """A file name for it: `dark`, `light-noimages-nostyles`."""
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
REMOTE_PICTURE = "data:image/svg+xml," + quote(_PLACEHOLDER)
"""Stands where a picture from the network would be."""

_INVERSION = (
    "html{background:#fff;filter:invert(1) hue-rotate(180deg)}"
    "img,video,[background]{filter:invert(1) hue-rotate(180deg)}"
)
_UNLOADED = "img:not([src]){outline:1px dashed #8888;outline-offset:-1px;min-width:1em}"
_SCHEME_QUERY = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)", re.IGNORECASE)
_STYLE_URL = re.compile(r"""url\(\s*(?:"([^"]*)"|'([^']*)'|([^)"']*))\s*\)""", re.IGNORECASE)
_LEFT_OUT = frozenset({"base", "embed", "frame", "iframe", "link", "object"})

Attributes = list[tuple[str, str | None]]


def frame_html(html: str, view: View, picture: Picture) -> str:
    """The message's HTML as `view` shows it, loading nothing but what `picture` gives."""
    tags = _Tags(html, view, picture)
    tags.feed(html)
    tags.close()
    style = _UNLOADED + (_INVERSION if view.scheme is Scheme.INVERTED else "")
    edits = sorted([*tags.edits, (tags.head, tags.head, f"<style>{style}</style>")])
    written, at = [], 0
    for start, end, text in edits:
        if start >= at:
            written += [html[at:start], text]
            at = end
    return "".join([*written, html[at:]])


class _Tags(HTMLParser):
    """Walks over the tags and notes which stretch of the text is to be replaced by what."""

    def __init__(self, html: str, view: View, picture: Picture) -> None:
        super().__init__(convert_charrefs=False)
        self.edits: list[tuple[int, int, str]] = []
        self.head = 0
        self._html = html
        self._view = view
        self._picture = picture
        self._lines = [0, *accumulate(len(line) + 1 for line in html.split("\n"))]
        self._style: int | None = None

    def handle_decl(self, _: str) -> None:
        self.head = self._html.find(">", self._offset()) + 1

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        start = self._offset()
        end = start + len(self.get_starttag_text() or "")
        if tag in {"html", "head"}:
            self.head = end
        if tag == "style":
            self._style = end
        new = self._tag(tag, attrs)
        if new is not None:
            self.edits.append((start, end, new))

    def handle_endtag(self, tag: str) -> None:
        if tag == "style" and self._style is not None:
            end = self._offset()
            written = self._styles(self._html[self._style : end]) if self._view.styles else ""
            self.edits.append((self._style, end, written))
            self._style = None

    def _offset(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    def _tag(self, tag: str, attrs: Attributes) -> str | None:
        """The tag written anew, "" where it is left out, None where it stays as it is."""
        given = {name: value or "" for name, value in attrs}
        if tag in _LEFT_OUT or given.get("http-equiv", "").lower() == "refresh":
            return ""
        changed = dict(given)
        if tag in {"a", "area"}:
            _still(changed)
        if tag == "meta" and given.get("name", "").lower().endswith(
            ("color-scheme", "color-schemes")
        ):
            changed["content"] = self._schemes(given.get("content", ""))
        for name in ("src", "background", "poster"):
            self._load(changed, name)
        if "style" in changed:
            changed["style"] = self._styles(changed["style"])
        return None if changed == given and "srcset" not in given else _start_tag(tag, changed)

    def _load(self, attributes: dict[str, str], name: str) -> None:
        if name not in attributes:
            return
        attributes.pop("srcset", None)
        if self._view.images:
            attributes[name] = self._address(attributes[name])
        else:
            del attributes[name]

    def _address(self, reference: str) -> str:
        if reference.strip().lower().startswith("data:"):
            return reference
        return self._picture(reference.strip()) or REMOTE_PICTURE

    def _styles(self, css: str) -> str:
        """CSS that asks for the chosen scheme instead of the browser's, with pictures at hand."""
        return _STYLE_URL.sub(self._style_url, _SCHEME_QUERY.sub(self._scheme_query, css))

    def _style_url(self, match: re.Match[str]) -> str:
        reference = next(group for group in match.groups() if group is not None).strip()
        if not self._view.images:
            return 'url("data:,")'
        if reference.lower().startswith("data:"):
            return match[0]
        return f'url("{self._picture(reference) or "data:,"}")'

    def _scheme_query(self, match: re.Match[str]) -> str:
        asked = match[1].lower()
        shown = "dark" if self._view.scheme is Scheme.DARK else "light"
        return "(min-width:0px)" if asked == shown else "(max-width:0px)"

    def _schemes(self, content: str) -> str:
        dark = self._view.scheme is Scheme.DARK and "dark" in content.lower()
        return "dark" if dark else "light"


def _still(attributes: dict[str, str]) -> None:
    """A link that looks like one, tells where it would lead, and leads nowhere."""
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


def count_remote(html: str, picture: Callable[[str], object | None]) -> int:
    """How many pictures of the HTML come neither with the message nor from the address itself."""
    found: list[str] = []

    def note(reference: str) -> str | None:
        carried = picture(reference) is not None
        if not carried:
            found.append(reference)
        return "data:," if carried else None

    tags = _Tags(html, View(), note)
    tags.feed(html)
    tags.close()
    return len(found)
