"""One structure of the HTML with the sources of its templates, and findings on it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from mailmerge.content_files import ContentFiles
from mailmerge.errors import AssetError, Problem
from mailmerge.preflight.positions import Place, place_at
from mailmerge.rendering.document import Document, Element, attribute, is_written, start_of
from mailmerge.rendering.folder import is_local, local_path

_SHEET = re.compile(r"<link\b[^<>]*?\bhref\s*+=\s*+[\"']?([^\"'\s>]++)", re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_TEXT = re.compile(r"[^\s<>&{}][^<>&{}]{3,60}")


@dataclass(frozen=True, slots=True)
class Flaw:
    """A warning, with its fix and its place."""

    code: str
    message: str
    hint: str
    place: Place
    is_note: ClassVar[bool] = False

    @property
    def problem(self) -> Problem:
        """It as a problem of the report."""
        return _problem(self.code, self.message, self.hint, self.place)


@dataclass(frozen=True, slots=True)
class Note:
    """Something to know that is no reason to act, with its place."""

    code: str
    message: str
    place: Place
    is_note: ClassVar[bool] = True

    @property
    def problem(self) -> Problem:
        """It as an entry of the report's notes."""
        return _problem(self.code, self.message, "", self.place)


Finding = Flaw | Note
"""Something that a deep check finds; `is_note` tells the two apart."""


def _problem(code: str, message: str, hint: str, place: Place) -> Problem:
    return Problem(
        "warning", code, message, place.file, hint=hint, line=place.line,
        character=place.character, excerpt=place.excerpt,
    )  # fmt: skip


@dataclass(frozen=True)
class DeepPage:
    """The HTML of one structure.

    Attributes:
        document: the parsed HTML, with `value` in the place of each recipient's value.
        file: the HTML template.
        templates: the sources of the templates by file.
        files: the files of the campaign.
        images: paths of the campaign's images, by their URL in the page.
        value: the text in the place of values.
    """

    document: Document
    file: str
    templates: Mapping[str, str]
    files: ContentFiles
    images: Mapping[str, str]
    value: str

    @cached_property
    def sources(self) -> Mapping[str, str]:
        """The templates, and the style sheets that they name."""
        return {**self.templates, **self._sheets()}

    def _sheets(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for source in self.templates.values():
            for url in filter(is_local, _SHEET.findall(source)):
                with contextlib.suppress(AssetError, OSError, ValueError):
                    path = local_path(url, self.files)
                    found[path] = self.files.read(path).decode("utf-8", "replace")
        return found

    def search(self, pattern: str) -> Place:
        """The first place that a regular expression finds in the sources."""
        wanted = re.compile(pattern, re.IGNORECASE)
        for file, source in self.sources.items():
            found = wanted.search(source)
            if found is not None:
                return place_at(file, source, found.start())
        return Place(self.file)

    def place_of(self, element: Element) -> Place:
        """Where an element is written: by its id, its class, its URL or its text, else by its tag.

        The page has values and inlined styles that the templates have not, so the tag itself is not
        searched for.
        """
        tag = re.escape(element.tag)
        for name in ("id", "src", "href", "alt", "class"):
            value = attribute(element, name)
            if not value or self.value in value:
                continue
            value = self.images.get(value, value)
            pattern = rf"<{tag}\b[^>]*?\b{name}\s*=\s*[\"']?[^\"'>]*?{re.escape(value)}"
            place = self.search(pattern)
            if place.line is not None:
                return self._of_same(element, name, pattern) or place
        return self._by_number(element) or self._by_text(element) or self.search(rf"<{tag}\b")

    def _by_number(self, element: Element) -> Place | None:
        """The place of the n-th element of its kind, if templates and page have as many."""
        same = [one for one in self.document.tree.find_all(element.tag) if is_written(one)]
        wanted = re.compile(rf"<{re.escape(element.tag)}\b", re.IGNORECASE)
        matches = [
            (file, found.start())
            for file, source in self.templates.items()
            for found in wanted.finditer(_COMMENT.sub(lambda one: " " * len(one[0]), source))
        ]
        return self._nth(matches, same, element) if len(same) == len(matches) else None

    def _of_same(self, element: Element, name: str, pattern: str) -> Place | None:
        """The place of one of several elements that look the same, if the template has them all."""
        value = attribute(element, name)
        same = [
            one
            for one in self.document.tree.find_all(element.tag)
            if is_written(one) and attribute(one, name) == value
        ]
        matches = [
            (file, found.start())
            for file, source in self.templates.items()
            for found in re.finditer(pattern, source, re.IGNORECASE)
        ]
        if len(same) != len(matches) or len(same) < 2:
            return None
        return self._nth(matches, same, element)

    def _nth(
        self, matches: list[tuple[str, int]], same: list[Element], element: Element
    ) -> Place | None:
        here = start_of(element) if is_written(element) else -1
        number = next((n for n, one in enumerate(same) if start_of(one) == here), None)
        if number is None:
            return None
        file, start = matches[number]
        return place_at(file, self.templates[file], start)

    def _by_text(self, element: Element) -> Place | None:
        for part in str(element.text).split(self.value):
            found = _TEXT.search(" ".join(part.split()))
            if found is not None:
                words = r"\s+".join(re.escape(word) for word in found[0].split())
                place = self.search(words)
                if place.line is not None:
                    return place
        return None
