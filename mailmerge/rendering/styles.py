"""A document with style sheets -> its source with inlined styles.

This module reads local style sheets, from the campaign folder only; inlining.py inlines the rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urljoin

from mailmerge.content_files import ContentFiles
from mailmerge.errors import AssetError
from mailmerge.language import tr
from mailmerge.rendering.document import (
    Document,
    Edits,
    Element,
    attribute,
    content_of,
    elements_of,
    is_html,
    is_written,
    parse,
    text_of,
)
from mailmerge.rendering.folder import is_local, local_path, read_asset

_PRELUDE = re.compile(r"(?<![^{};])([^{};]*+)\{")
# Comments, strings and URLs may hold braces, dots and brackets that mean nothing there.
_OPAQUE = re.compile(
    r"""/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|url\([^)"']*\)""",
    re.DOTALL | re.IGNORECASE,
)
_ESCAPED_BRACE = re.compile(r"\\[{};]")
_WORD = re.compile(r"[\w-]+")
_URL = re.compile(r"""url\(\s*(?P<quote>["']?)(?P<url>[^"'()]*)(?P=quote)\s*\)""", re.IGNORECASE)
_IMPORT = re.compile(
    r"""@import\s+(?:url\(\s*)?(?P<quote>["']?)(?P<url>[^"'()\s;]+)(?P=quote)\s*\)?\s*(?P<media>[^;{}"']*);""",
    re.IGNORECASE,
)
_DEEPEST_IMPORT = 5


def is_style_sheet_link(element: Element) -> bool:
    """Whether an element is `<link rel="stylesheet">`."""
    return (
        element.tag == "link" and "stylesheet" in (attribute(element, "rel") or "").lower().split()
    )


def include_style_sheets(document: Document, files: ContentFiles) -> Document:
    """Put each local style sheet in place of its `<link>`; links to remote ones stay untouched.

    Raises:
        AssetError: a file that is missing, outside of the folder or not UTF-8. It names no
            template.
    """
    return StyleSheets(files).include(document)


@dataclass(frozen=True, slots=True)
class StyleSheets:
    """The local style sheets that a page links to, and those that they import.

    Attributes:
        files: the files of the campaign folder.
        texts: the text of each sheet that was included, as its file has it, by its path.
    """

    files: ContentFiles
    texts: dict[str, str] = field(default_factory=dict)

    def include(self, document: Document) -> Document:
        """Put each local style sheet in place of its `<link>`, as `include_style_sheets` does."""
        edits = Edits(document)
        for link in elements_of(document, "link"):
            href = attribute(link, "href") or ""
            location = link.source_location
            if location is None or not is_style_sheet_link(link) or not is_local(href):
                continue
            media = attribute(link, "media")
            escaped = (media or "").replace("&", "&amp;").replace('"', "&quot;")
            start = f'<style type="text/css" media="{escaped}">' if media else _START
            text = f"{start}{self._sheet(href, 0)}</style>"
            edits.replace(location.start_tag.start_offset, location.start_tag.end_offset, text)
        for element in elements_of(document, "style"):
            self._include_imports(document, element, edits)
        return parse(edits.applied()) if edits else document

    def _include_imports(self, document: Document, element: Element, edits: Edits) -> None:
        if not is_written(element) or not is_html(element):
            return
        if "@import" not in text_of(element).lower():
            return
        start, end = content_of(document, element)
        css = document.source[start:end]
        included = self._with_imports(css, "", 0)
        if included != css:
            edits.replace(start, end, included)

    def _sheet(self, href: str, depth: int) -> str:
        path = local_path(href, self.files)
        try:
            css = read_asset(path, self.files).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise AssetError(
                tr("the style sheet {path} is not UTF-8", path=path),
                hint=tr("save it as UTF-8"),
                code="not-utf-8",
            ) from error
        self.texts[path] = css
        # `</style` ends the element even within a comment or a string of the sheet.
        css = css.replace("</", "<\\/")
        css = self._with_imports(css, path, depth)
        return _URL.sub(lambda found: _from_folder(found, path), css)

    def _with_imports(self, css: str, sheet: str, depth: int) -> str:
        """Put each local sheet in place of its `@import`, as far as they precede all rules."""
        if "@import" not in css.lower():
            return css
        pieces: list[str] = []
        position = 0
        for found in _IMPORT.finditer(_OPAQUE.sub(_blank_comment, css)):
            url = found["url"].strip()
            if not is_local(url) or depth >= _DEEPEST_IMPORT or "{" in css[: found.start()]:
                continue
            media = found["media"].strip()
            if re.match(r"layer|supports", media, re.IGNORECASE):
                continue
            included = self._sheet(urljoin(sheet, url), depth + 1)
            text = f"@media {media} {{\n{included}\n}}" if media else included
            pieces += [css[position : found.start()], text]
            position = found.end()
        return "".join([*pieces, css[position:]])


_START = '<style type="text/css">'


def _blank_comment(found: re.Match[str]) -> str:
    return " " * len(found[0]) if found[0].startswith("/*") else found[0]


def _from_folder(found: re.Match[str], sheet: str) -> str:
    """Make a URL that is relative to its style sheet relative to the campaign folder."""
    url = found["url"].strip()
    if not is_local(url):
        return found[0]
    return f"url({found['quote']}{urljoin(sheet, url)}{found['quote']})"


def attributes_read_by_selectors(document: Document) -> Callable[[str], bool]:
    """A function (name of an attribute) -> whether a selector of the document may read it.

    When in doubt it says yes: for `class` if any selector has a dot; for every word of any selector
    if one has a `[`; and for every name if one has a backslash, which can spell a name differently.
    """
    css = "\n".join(text_of(style) for style in elements_of(document, "style")).lower()
    visible = _OPAQUE.sub(" ", css)
    preludes = " ".join(_PRELUDE.findall(visible))
    if "\\" in preludes or _ESCAPED_BRACE.search(visible):
        return lambda _: True
    names = {"style", *(_WORD.findall(preludes) if "[" in preludes else ())}
    if "." in preludes:
        names.add("class")
    if "#" in preludes:
        names.add("id")
    return lambda name: name.lower() in names
