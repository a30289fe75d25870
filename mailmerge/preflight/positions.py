"""An element of a finished page -> the file and the line of the template where it is written.

A text such as `#` occurs in colours as well as in links, so it is not searched for. Each template
is read as HTML once, with the syntax of Jinja2 masked, and each tag is kept with its place. A
finding looks for its own element: by tag, attribute and value. `find_element` is the only place
that knows positions; a parser that keeps them in its tree can replace it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import unquote

from mailmerge.preflight.template_texts import MASK, masked


@dataclass(frozen=True, slots=True)
class Spot:
    """What a finding is about: an element, or one of its attributes.

    Attributes:
        tag: the name of the element, in lower case.
        attribute: the name of the attribute; "" for the element itself, or for its text.
        value: the value of the attribute as the page has it, or a part of the text of the element.
        varies: whether a value of the recipient is part of it.
    """

    tag: str
    attribute: str = ""
    value: str = ""
    varies: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a template, as far as it is known.

    Attributes:
        file: the template.
        line: from 1.
        character: the place in that line, from 1.
        excerpt: the text of that line.
    """

    file: str
    line: int | None = None
    character: int | None = None
    excerpt: str = ""


@dataclass(frozen=True, slots=True)
class Needle:
    """A text of the finished page that is looked for in the templates.

    Attributes:
        text: the text.
        before: how often the page has it before the place in question.
        total: how often the page has it at all.
    """

    text: str
    before: int = 0
    total: int = 1

    @classmethod
    def at(cls, page: str, offset: int, text: str) -> Needle:
        """The text that stands at an offset of a page."""
        return cls(text, page.count(text, 0, offset), page.count(text))


def find_text(texts: Mapping[str, str], needle: Needle) -> Place | None:
    """The place of a text in templates; None if none has it.

    If the templates have it as often as the page, it is the same occurrence; else, as in a loop,
    the last one that is possible.
    """
    spots = [
        (file, found.start())
        for file, source in texts.items()
        for found in re.finditer(re.escape(needle.text), source)
    ]
    if not spots:
        return None
    file, start = spots[min(needle.before, len(spots) - 1) if len(spots) <= needle.total else 0]
    source = texts[file]
    begin = source.rfind("\n", 0, start) + 1
    end = source.find("\n", start)
    line = source.count("\n", 0, start) + 1
    excerpt = source[begin : end if end >= 0 else None].rstrip("\r")
    return Place(file, line, start - begin + 1, excerpt)


@dataclass(frozen=True, slots=True)
class _Tag:
    """A start tag of a template, and the text of a style sheet or a script behind it."""

    file: str
    line: int
    name: str
    attributes: Mapping[str, str]
    texts: list[tuple[int, str]] = field(default_factory=list)


class TemplateElements:
    """The start tags of some templates, by their place."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        """`sources` are the texts of the templates, by file."""
        self._tags: list[_Tag] = []
        for file, source in sources.items():
            reader = _Reader(file)
            reader.feed(masked(source))
            reader.close()
            self._tags += reader.tags

    def find_element(self, spot: Spot) -> tuple[str, int] | None:
        """File and line of an element; None if no template has it."""
        tags = [tag for tag in self._tags if tag.name == spot.tag]
        if spot.attribute:
            return self._by_attribute(tags, spot)
        if spot.value:
            return self._by_text(tags, spot.value)
        return (tags[0].file, tags[0].line) if tags else None

    def _by_text(self, tags: Sequence[_Tag], value: str) -> tuple[str, int] | None:
        """The place of a text in elements of a kind, or in the style of any element."""
        for tag in tags:
            for line, text in tag.texts:
                if value in text:
                    return tag.file, line + text.count("\n", 0, text.index(value))
        styled = (tag for tag in self._tags if value in tag.attributes.get("style", ""))
        return next(((tag.file, tag.line) for tag in styled), None)

    def _by_attribute(self, tags: Sequence[_Tag], spot: Spot) -> tuple[str, int] | None:
        wanted = _normal(spot.value)
        ranked: dict[int, _Tag] = {}
        for tag in tags:
            value = tag.attributes.get(spot.attribute)
            if value is None:
                # The attribute is what is missing, or a template writes it in another way.
                ranked.setdefault(1 if not spot.value else 4, tag)
            elif not spot.varies and _normal(value) == wanted:
                ranked.setdefault(0, tag)
            elif not spot.varies and wanted and _normal(value).endswith(f"/{wanted}"):
                ranked.setdefault(2, tag)
            elif MASK in value:
                ranked.setdefault(0 if spot.varies else 3, tag)
        if not ranked:
            return None
        best = ranked[min(ranked)]
        return best.file, best.line


def _normal(value: str) -> str:
    """The value of an attribute without differences that mean nothing in a path or a URL."""
    text = unquote(value.strip()).replace("\\", "/")
    return re.sub(r"^(?:\./)+", "", text)


class _Reader(HTMLParser):
    """Collects the start tags of one template, those of conditional comments included."""

    def __init__(self, file: str, first_line: int = 1) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[_Tag] = []
        self._file = file
        self._first_line = first_line

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in reversed(attrs)}
        self.tags.append(_Tag(self._file, self._line, tag, attributes))

    def handle_data(self, data: str) -> None:
        if self.tags:
            self.tags[-1].texts.append((self._line, data))

    def handle_comment(self, data: str) -> None:
        inner = re.match(r"\[if\b[^\]]*\]>", data)
        if inner is not None:
            reader = _Reader(self._file, self._line)
            reader.feed(data[inner.end() :])
            reader.close()
            self.tags += reader.tags

    @property
    def _line(self) -> int:
        return self.getpos()[0] + self._first_line - 1
