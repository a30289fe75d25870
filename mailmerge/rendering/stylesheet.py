"""The text of a style sheet -> its rules and declarations, with their positions (css-syntax-3).

This parser knows structure and no properties: each value stays as it was written, and what it does
not know is kept. It is our own because of two needs that no library meets at once. tinycss2 keeps
every mark, but takes 100 ms for the 33 KB of a usual newsletter; parsers in C drop at-rules or
positions. The recovery from errors is that of the standard (5.4): brackets nest, a semicolon inside
of them ends nothing, and what is open at the end of the sheet is closed there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

_COMMENTS = r"/\*.*?(?:\*/|\Z)"
_STRINGS = r"""\"(?:\\.|[^"\\\n])*+["\n]?|'(?:\\.|[^'\\\n])*+['\n]?"""
_URLS = r"""(?<![\w-])url\(\s*(?!["'\s])(?:\\.|[^)\\])*+\)?"""
_OPAQUE = rf"{_COMMENTS}|{_STRINGS}|{_URLS}|\\."
_SCAN = re.compile(_OPAQUE + r"|[{}()\[\];]", re.DOTALL | re.IGNORECASE)
_COMMENT = re.compile(rf"({_COMMENTS})|{_STRINGS}|{_URLS}", re.DOTALL | re.IGNORECASE)
_HTML_COMMENT_MARK = re.compile(r"(?:\s*(?:<!--(?!\s*\[if\b)|-->))+", re.IGNORECASE)
CONDITION = re.compile(r"<!--\s*\[if\b|<!\[(?:if|endif)\b", re.IGNORECASE)
"""A mark of a conditional comment: to a browser it is an error that spoils one rule."""
_DECLARATION = re.compile(
    r"\s*(?P<name>--[\w\-\u0080-\U0010ffff]*|-?[a-z_][\w-]*)\s*:(?P<value>.*)\Z",
    re.DOTALL | re.IGNORECASE,
)
_IMPORTANT = re.compile(r"!\s*important\s*\Z", re.IGNORECASE)
_AT_NAME = re.compile(r"@(-?[\w-]+)")
_CLOSES = {"{": "}", "(": ")", "[": "]"}
_GROUPS = frozenset(("media", "supports", "container", "document", "-moz-document", "scope"))
"""At-rules that hold style rules, which apply under a condition."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """One declaration.

    Attributes:
        name: the property; lower case, except for custom properties.
        value: as written, without comments and without `!important`.
        important: whether `!important` follows.
    """

    name: str
    value: str
    important: bool = False

    @property
    def is_custom(self) -> bool:
        """Whether it declares a custom property."""
        return self.name.startswith("--")

    def __str__(self) -> str:
        """As a style attribute has it: without `!important`."""
        return f"{self.name}:{self.value}"


@dataclass(frozen=True, slots=True)
class StyleRule:
    """A rule with selectors.

    Attributes:
        selectors: each selector of the list, without comments.
        body: the text between the braces.
        text: the rule as written.
        line: the line of the sheet where it begins, from 1.
    """

    selectors: tuple[str, ...]
    body: str
    text: str
    line: int = 1

    @property
    def declarations(self) -> tuple[Declaration, ...]:
        """In the order of the sheet."""
        return parse_declarations(self.body)

    @property
    def nested(self) -> bool:
        """Whether rules are nested in it (css-nesting-1)."""
        return "{" in self.body and _body(self.body)[1]


@dataclass(frozen=True, slots=True)
class Group:
    """Rules under a condition: `@media`, `@supports`, `@container`."""

    prelude: str
    items: tuple[Item, ...]
    text: str


@dataclass(frozen=True, slots=True)
class OtherRule:
    """Any other at-rule, such as `@font-face`; `name` is in lower case, without the `@`.

    Without a name it is the rest of a sheet that is no rule, and holds a conditional comment.
    """

    name: str
    text: str
    line: int = 1


Item: TypeAlias = StyleRule | Group | OtherRule


_KEPT_SHEET = 200_000
_KEPT_BODY = 2_000
"""Of longer texts only the last is kept, so that what is kept between pages is small."""


def parse_sheet(css: str) -> tuple[Item, ...]:
    """The rules of a style sheet, in their order."""
    return _kept_sheet(css) if len(css) <= _KEPT_SHEET else _kept_long_sheet(css)


@lru_cache(maxsize=16)
def _kept_sheet(css: str) -> tuple[Item, ...]:
    return tuple(_items(css, 0, 1))


@lru_cache(maxsize=1)
def _kept_long_sheet(css: str) -> tuple[Item, ...]:
    return tuple(_items(css, 0, 1))


def parse_declarations(css: str) -> tuple[Declaration, ...]:
    """The declarations of a `style` attribute, or of a rule."""
    return _kept_body(css) if len(css) <= _KEPT_BODY else _body(css)[0]


@lru_cache(maxsize=4096)
def _kept_body(css: str) -> tuple[Declaration, ...]:
    return _body(css)[0]


def without_comments(css: str) -> str:
    """A text of CSS with a space in place of each comment."""
    if "/*" not in css:
        return css
    return _COMMENT.sub(lambda found: " " if found[1] is not None else found[0], css)


def split_list(css: str, separator: str = ",") -> list[str]:
    """The parts of a list, such as that of selectors; separators in brackets do not count."""
    if separator not in css:
        return [css]
    parts, start, closers = [], 0, []
    scan = re.compile(_OPAQUE + rf"|[{{}}()\[\]{separator}]", re.DOTALL | re.IGNORECASE)
    for found in scan.finditer(css):
        mark = found[0]
        if mark in _CLOSES:
            closers.append(_CLOSES[mark])
        elif closers and mark == closers[-1]:
            closers.pop()
        elif mark == separator and not closers:
            parts.append(css[start : found.start()])
            start = found.end()
    return [*parts, css[start:]]


def _items(css: str, depth: int, line: int) -> Iterator[Item]:
    counted = 0
    for start, block, end in _statements(css):
        text = css[start:end]
        line += css.count("\n", counted, start)
        counted = start
        prelude = without_comments(css[start : end if block is None else block]).strip()
        if prelude.startswith("@"):
            yield from _at_rule(css, (start, block, end), prelude, depth, line)
        elif block is not None:
            selectors = tuple(" ".join(one.split()) for one in split_list(prelude))
            yield StyleRule(selectors, _inside(css, block, end), text, line)
        else:
            yield OtherRule("", text, line)


def _at_rule(
    css: str, extent: tuple[int, int | None, int], prelude: str, depth: int, line: int
) -> Iterator[Item]:
    start, block, end = extent
    named = _AT_NAME.match(prelude)
    name = named[1].lower() if named else ""
    text = css[start:end]
    if name == "charset":
        return
    if block is None or name not in _GROUPS or depth > _DEEPEST_GROUP:
        yield OtherRule(name, text, line)
        return
    inner_line = line + css.count("\n", start, block)
    items = tuple(_items(_inside(css, block, end), depth + 1, inner_line))
    yield Group(prelude, items, text)


_DEEPEST_GROUP = 16


def _inside(css: str, block: int, end: int) -> str:
    """The text between the braces; the closing one may be missing at the end of a sheet."""
    return css[block + 1 : end - 1] if css[end - 1] == "}" and end - 1 > block else css[block + 1 :]


def _statements(css: str) -> Iterator[tuple[int, int | None, int]]:
    """Start, block and end of each statement of a sheet; most without a block are at-rules."""
    start = _begin(css, 0)
    block: int | None = None
    closers: list[str] = []
    at_rule = css.startswith("@", start)
    for found in _SCAN.finditer(css):
        mark = found[0]
        if found.start() < start:
            continue
        ends = False
        if mark in _CLOSES:
            if mark == "{" and not closers:
                block = found.start()
            closers.append(_CLOSES[mark])
        elif closers and mark == closers[-1]:
            closers.pop()
            ends = not closers and mark == "}"
        elif mark == ";" and not closers:
            ends = at_rule
        if ends:
            yield start, block, found.end()
            start, block = _begin(css, found.end()), None
            at_rule = css.startswith("@", start)
    rest = css[start:].strip()
    if rest and (block is not None or at_rule or CONDITION.search(rest)):
        yield start, block, len(css)


def _begin(css: str, position: int) -> int:
    """Where the next statement begins: behind spaces, comments, `<!--` and `-->`."""
    while True:
        mark = _HTML_COMMENT_MARK.match(css, position)
        if mark:
            position = mark.end()
        while position < len(css) and css[position].isspace():
            position += 1
        if not css.startswith("/*", position):
            if not _HTML_COMMENT_MARK.match(css, position):
                return position
            continue
        closed = css.find("*/", position + 2)
        position = len(css) if closed < 0 else closed + 2


def _body(css: str) -> tuple[tuple[Declaration, ...], bool]:
    """The declarations of a block, and whether rules are nested in it."""
    if "{" not in css and "/*" not in css and '"' not in css and "'" not in css and "(" not in css:
        parts, nested = css.split(";"), False
    else:
        parts, nested = _split_body(css)
    declarations = [_declaration(part) for part in parts if ":" in part]
    return tuple(one for one in declarations if one is not None), nested


def _split_body(css: str) -> tuple[list[str], bool]:
    parts: list[str] = []
    nested, start, custom = False, 0, False
    closers: list[str] = []
    for found in _SCAN.finditer(css):
        mark = found[0]
        if mark in _CLOSES:
            if mark == "{" and not closers:
                custom = without_comments(css[start : found.start()]).lstrip().startswith("--")
            closers.append(_CLOSES[mark])
        elif closers and mark == closers[-1]:
            closers.pop()
            if mark == "}" and not closers and not custom:
                nested, start = True, found.end()
        elif mark == ";" and not closers:
            parts.append(css[start : found.start()])
            start = found.end()
    return [*parts, css[start:]], nested


def _declaration(text: str) -> Declaration | None:
    found = _DECLARATION.match(without_comments(text))
    if found is None:
        return None
    name, value = found["name"], found["value"].strip()
    important = None
    if "!" in value:
        important = _IMPORTANT.search(value)
        if important:
            value = value[: important.start()].rstrip()
        elif not name.startswith("--") and "!" in re.sub(_OPAQUE, "", value):
            return None
    if name.startswith("--"):
        return Declaration(name, value, important is not None)
    if not value:
        return None
    if "\n" in value:
        value = _one_line(value)
    return Declaration(name.lower(), value, important is not None)


def _one_line(value: str) -> str:
    """A value on one line; a line break in a string stays, because it ends the string."""
    if '"' in value or "'" in value:
        return value
    return re.sub(r"\s+", lambda found: " " if "\n" in found[0] else found[0], value)
