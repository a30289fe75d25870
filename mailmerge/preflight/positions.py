"""An element of a finished page -> the place in the template where it is written.

A text such as `#` occurs in colours as well as in links, so it is not searched for. Each template
is read as HTML once, with the syntax of Jinja2 masked, and each tag is kept with its place. A
finding looks for its own element: by tag, attribute and value. `find_element` is the only place
that knows positions; a parser that keeps them in its tree can replace it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote

from mailmerge.errors import Problem
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


def placed(problem: Problem, place: Place) -> Problem:
    """The problem at a place."""
    return replace(
        problem,
        file=place.file,
        line=place.line,
        character=place.character,
        excerpt=place.excerpt,
    )


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
    counts = {file: source.count(needle.text) for file, source in texts.items()}
    total = sum(counts.values())
    if not total:
        return None
    number = min(needle.before, total - 1) if total <= needle.total else 0
    files = iter(counts)
    file = next(files)
    while number >= counts[file]:
        number -= counts[file]
        file = next(files)
    return place_at(file, texts[file], _occurrence(texts[file], needle.text, number))


def _occurrence(source: str, text: str, number: int) -> int:
    """Where a text begins for the time of this number, from 0."""
    start = source.find(text)
    for _ in range(number):
        start = source.find(text, start + len(text))
    return start


def place_at(file: str, source: str, start: int) -> Place:
    """The place of an offset of a template, with the whole line as its excerpt."""
    begin = source.rfind("\n", 0, start) + 1
    end = source.find("\n", start)
    line = source.count("\n", 0, start) + 1
    excerpt = source[begin : end if end >= 0 else None].rstrip("\r")
    return Place(file, line, start - begin + 1, excerpt)


@dataclass(frozen=True, slots=True)
class _Tag:
    """A start tag of a template, and the text of a style sheet or a script behind it."""

    file: str
    start: int
    name: str
    attributes: Mapping[str, str]
    text: tuple[int, str]


class TemplateElements:
    """The start tags of some templates, by their place."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        """`sources` are the texts of the templates, by file."""
        self._sources = sources
        self._tags: list[_Tag] = []
        for file, source in sources.items():
            text = masked(source)
            self._tags += _tags_of(file, text, 0, len(text))
        self._by_name: dict[str, list[_Tag]] = {}
        for tag in self._tags:
            self._by_name.setdefault(tag.name, []).append(tag)
        self._by_value: dict[tuple[str, str], dict[str, _Tag]] = {}

    def find_element(self, spot: Spot) -> Place | None:
        """The place of an element; None if no template has it."""
        tags = self._by_name.get(spot.tag, [])
        if spot.attribute:
            found = self._by_attribute(tags, spot)
        elif spot.value:
            found = self._by_text(tags, spot.value)
        else:
            found = (tags[0].file, tags[0].start) if tags else None
        return found and place_at(found[0], self._sources[found[0]], found[1])

    def _by_text(self, tags: Sequence[_Tag], value: str) -> tuple[str, int] | None:
        """The place of a text in elements of a kind, or in the style of any element."""
        for tag in tags:
            start, text = tag.text
            if value in text:
                return tag.file, start + text.index(value)
        styled = (tag for tag in self._tags if value in tag.attributes.get("style", ""))
        return next(((tag.file, tag.start) for tag in styled), None)

    def _by_attribute(self, tags: Sequence[_Tag], spot: Spot) -> tuple[str, int] | None:
        wanted = _normal(spot.value)
        exact = None if spot.varies or not spot.value else self._exact(spot).get(wanted)
        if exact is not None:
            return exact.file, exact.start
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
        return best.file, best.start

    def _exact(self, spot: Spot) -> Mapping[str, _Tag]:
        """The first tag for each value of an attribute."""
        key = spot.tag, spot.attribute
        if key not in self._by_value:
            found = self._by_value[key] = {}
            for tag in self._by_name.get(spot.tag, ()):
                value = tag.attributes.get(spot.attribute)
                if value is not None:
                    found.setdefault(_normal(value), tag)
        return self._by_value[key]


def _normal(value: str) -> str:
    """The value of an attribute without differences that mean nothing in a path or a URL."""
    text = unquote(value.strip()).replace("\\", "/")
    return re.sub(r"^(?:\./)+", "", text)


# Each match takes what it has looked at, so that no page takes longer than its length.
_MARKUP = re.compile(
    r"""<!--(?P<comment>.*?)(?:-->|\Z)
    | <(?P<name>[a-zA-Z][^\s/<>]*+)(?P<attributes>(?:[^<>"']++|"[^"]*+"|'[^']*+')*+)>?""",
    re.DOTALL | re.VERBOSE,
)
_ATTRIBUTE = re.compile(
    r"""(?P<name>[^\s/>"'<=]++)(?:\s*+=\s*+(?:"(?P<double>[^"]*+)"|'(?P<single>[^']*+)'"""
    r"""|(?P<bare>[^\s"'>]++)))?"""
)
_CONDITION = re.compile(r"\[if\b[^\]]*\]>")
_RAW_END = {
    name: re.compile(rf"</{name}(?![^\s/>])", re.IGNORECASE) for name in ("style", "script")
}


def _tags_of(
    file: str, source: str, start: int, end: int, *, in_comment: bool = False
) -> Iterator[_Tag]:
    """The start tags in a part of a template, those of conditional comments included.

    A template may be a part of a page, such as a row of a table. So it is read tag by tag, and not
    as a tree.
    """
    position = start
    while found := _MARKUP.search(source, position, end):
        position = found.end()
        if found["comment"] is not None:
            condition = _CONDITION.match(source, found.start("comment"), found.end("comment"))
            if condition is not None and not in_comment:  # comments do not nest
                inner = condition.end(), found.end("comment")
                yield from _tags_of(file, source, *inner, in_comment=True)
            continue
        name = found["name"].lower()
        text = (position, "")
        if name in _RAW_END:
            closed = _RAW_END[name].search(source, position, end)
            text = position, source[position : closed.start() if closed else end]
            position += len(text[1])
        yield _Tag(file, found.start(), name, _attributes(found["attributes"]), text)


def _attributes(written: str) -> dict[str, str]:
    """The attributes of a start tag; of several with one name the first one counts."""
    attributes: dict[str, str] = {}
    for one in _ATTRIBUTE.finditer(written):
        value = one["double"] or one["single"] or one["bare"] or ""
        attributes.setdefault(one["name"].lower(), html.unescape(value))
    return attributes
