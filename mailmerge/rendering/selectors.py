"""A selector -> how it is used: its specificity, and whether it can be matched when a page is made.

Three kinds (selectors-4):

* static: the tree alone decides, so that its declarations can be inlined. `:link` is one of them: a
  link of a mail that was just opened is not visited.
* dynamic: the reader's actions decide (`:hover`), or it styles a part of an element that has no
  attribute (`::before`). Such a rule stays in a `<style>`.
* unknown: a browser may drop the whole rule because of it (3.9), or know more than we do. Such a
  rule stays as it was written.

A dynamic selector has a *reach*: a static selector that matches at least the elements that it can
match. The cascade needs it to decide which inlined declarations it must be able to override.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

from mailmerge.rendering.stylesheet import split_list


class SelectorKind(Enum):
    """Who decides whether a selector matches; see above."""

    STATIC = "static"
    DYNAMIC = "dynamic"
    PSEUDO_ELEMENT = "pseudo-element"
    UNKNOWN = "unknown"


_STATIC_PSEUDO = frozenset(
    [
        "link",
        "any-link",
        "first-child",
        "last-child",
        "only-child",
        "first-of-type",
        "last-of-type",
        "only-of-type",
        "nth-child",
        "nth-last-child",
        "nth-of-type",
        "nth-last-of-type",
        "empty",
        "root",
        "not",
        "is",
        "where",
        "has",
        "-webkit-any-link",
        "matches",
        "-webkit-any",
        "scope",
        "lang",
    ]
)
_DYNAMIC_PSEUDO = frozenset(
    [
        "hover",
        "active",
        "focus",
        "focus-within",
        "focus-visible",
        "visited",
        "target",
        "target-within",
        "checked",
        "default",
        "indeterminate",
        "enabled",
        "disabled",
        "required",
        "optional",
        "valid",
        "invalid",
        "in-range",
        "out-of-range",
        "read-only",
        "read-write",
        "placeholder-shown",
        "autofill",
        "-webkit-autofill",
        "user-valid",
        "user-invalid",
        "dir",
        "open",
        "modal",
        "fullscreen",
        "popover-open",
        "playing",
        "paused",
        "local-link",
        "defined",
    ]
)
_OLD_PSEUDO_ELEMENTS = frozenset(("before", "after", "first-line", "first-letter"))
_PSEUDO_ELEMENTS = _OLD_PSEUDO_ELEMENTS | frozenset(
    [
        "selection",
        "marker",
        "placeholder",
        "backdrop",
        "file-selector-button",
        "details-content",
        "target-text",
    ]
)
_LISTS = frozenset(("not", "is", "where", "has", "matches", "-webkit-any"))

_IDENT = r"(?:\\[0-9a-f]{1,6}\s?|\\[^\n0-9a-f]|[\w\-\u0080-\U0010ffff])+"
_PART = re.compile(
    rf"""(?P<combinator>\s*[>+~]\s*|\s+)
    | \#(?P<id>{_IDENT})
    | \.(?P<class>{_IDENT})
    | (?P<attribute>\[(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^\[\]"'])*+\])
    | ::(?P<element>{_IDENT})(?P<call>\()?
    | :(?P<pseudo>{_IDENT})(?P<open>\()?
    | (?P<tag>\*|{_IDENT})
    """,
    re.VERBOSE | re.IGNORECASE,
)
_ATTRIBUTE_NAME = re.compile(r"\[\s*([\w\-\u0080-\U0010ffff]+)")
_OF = re.compile(r"\bof\b(.*)\Z", re.IGNORECASE | re.DOTALL)
_ESCAPE = re.compile(r"\\([0-9a-f]{1,6})\s?|\\(.)", re.IGNORECASE | re.DOTALL)
_SIMPLE = re.compile(r"[.#][a-z][\w-]*\Z", re.IGNORECASE | re.ASCII)
_MOST_BRACKETS = 20
_LONGEST = 4_000


@dataclass(frozen=True, slots=True)
class Selector:
    """One selector.

    Attributes:
        text: as written.
        kind: who decides whether it matches.
        specificity: ids, classes and types (selectors-4, 17).
        reach: a static selector of all elements that it may style.
        subject: the last compound of `reach`.
        names: the classes and ids of its compounds, as `.name` and `#name`.
        outermost: its first compound, if that is a single class or id and a descendant follows.
        inner: the selector behind `outermost`; "" without one.
        tags: the types of its compounds, in lower case, without `*`.
        attributes: the names of the attributes that it reads, apart from class and id.
        relates: whether it depends on siblings or on the place among them.
    """

    text: str
    kind: SelectorKind
    specificity: tuple[int, int, int] = (0, 0, 0)
    reach: str = "*"
    subject: str = "*"
    names: frozenset[str] = frozenset()
    outermost: str = ""
    inner: str = ""
    tags: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()
    relates: bool = False


@lru_cache(maxsize=4096)
def analyse(text: str) -> Selector:
    """Analyse one selector, which must not be a list."""
    simple = _SIMPLE.match(text)
    if simple is not None:  # most selectors of a page; the long way gives the same
        ids = text.startswith("#")
        specificity = (int(ids), int(not ids), 0)
        return Selector(text, SelectorKind.STATIC, specificity, text, text, frozenset((text,)))
    analysis = _Analysis()
    if text.count("(") > _MOST_BRACKETS or len(text) > _LONGEST:
        return Selector(text, SelectorKind.UNKNOWN)
    if not text or not analysis.read(text):
        return Selector(text, SelectorKind.UNKNOWN)
    return Selector(
        text,
        analysis.kind,
        (analysis.ids, analysis.classes, analysis.types),
        analysis.reach(),
        analysis.subject(),
        frozenset(analysis.names),
        *analysis.split(),
        frozenset(analysis.tags),
        frozenset(analysis.attributes),
        analysis.relates,
    )


def loosened(compound: str, is_known: Callable[[str], bool]) -> str:
    """A compound without its attributes, its pseudo-classes, and the names that are not known.

    It matches at least the elements that the compound may match in a page with more attributes.
    """
    kept: list[str] = []
    for found in _PART.finditer(compound):
        if found["pseudo"] or found["element"]:
            break
        name = found["class"] or found["id"]
        if found["tag"] or (name and is_known(found[0][0] + unescape(name))):
            kept.append(found[0])
    return "".join(kept) or "*"


@dataclass(slots=True)
class _Analysis:
    """Collects the facts of a selector, part by part."""

    kind: SelectorKind = SelectorKind.STATIC
    ids: int = 0
    classes: int = 0
    types: int = 0
    names: set[str] = field(default_factory=set)
    tags: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)
    relates: bool = False
    compounds: list[str] = field(default_factory=lambda: [""])
    combinators: list[str] = field(default_factory=list)

    def read(self, text: str) -> bool:
        """Read a selector; False if it is not understood."""
        position = 0
        while position < len(text):
            found = _PART.match(text, position)
            if found is None:
                return False
            position = found.end()
            inner = ""
            if self.kind is SelectorKind.PSEUDO_ELEMENT and not found["pseudo"]:
                return False  # it ends a selector (selectors-4, 3.6.3)
            if found["open"] or found["call"]:
                end = _closing(text, position)
                if end < 0:
                    return False
                inner, position = text[position:end], end + 1
            if not self._part(found, text[found.start() : position], inner):
                return False
        return all(self.compounds)

    def reach(self) -> str:
        pieces = [self.compounds[0] or "*"]
        for combinator, compound in zip(self.combinators, self.compounds[1:], strict=True):
            pieces += [combinator, compound or "*"]
        return "".join(pieces)

    def subject(self) -> str:
        return self.compounds[-1] or "*"

    def split(self) -> tuple[str, str]:
        """The outermost name and the selector behind it; two empty texts if there is none."""
        found = _PART.match(self.compounds[0])
        if self.combinators[:1] != [" "] or found is None or found[0] != self.compounds[0]:
            return "", ""
        name = found["class"] or found["id"]
        if not name:
            return "", ""
        return found[0][0] + unescape(name), self.reach()[len(found[0]) + 1 :]

    def _part(self, found: re.Match[str], text: str, inner: str) -> bool:
        if found["combinator"]:
            self.combinators.append(found["combinator"].strip() or " ")
            self.relates |= self.combinators[-1] in "+~"
            self.compounds.append("")
            return True
        if found["element"]:
            return self._pseudo_element(found["element"].lower())
        if found["pseudo"]:
            return self._pseudo_class(found["pseudo"].lower(), text, inner)
        return self._simple(found, text)

    def _simple(self, found: re.Match[str], text: str) -> bool:
        """An id, a class, an attribute selector or a type."""
        kind = found.lastgroup
        if kind == "id":
            self.ids += 1
            self.names.add("#" + unescape(found["id"]))
        elif kind == "class":
            self.classes += 1
            self.names.add("." + unescape(found["class"]))
        elif kind == "attribute":
            self.classes += 1
            named = _ATTRIBUTE_NAME.match(text)
            if named is None or "\\" in text.partition("=")[0]:
                return False
            self.attributes.add(named[1].lower())
        elif kind == "tag":
            if self.compounds[-1]:
                return False
            if text != "*":
                self.types += 1
                self.tags.add(unescape(text).lower())
        self.compounds[-1] += text
        return True

    def _pseudo_element(self, name: str) -> bool:
        self.types += 1
        self.compounds[-1] = self.compounds[-1] or "*"
        self.kind = SelectorKind.PSEUDO_ELEMENT
        return name in _PSEUDO_ELEMENTS or name.startswith("-webkit-")

    def _pseudo_class(self, name: str, text: str, inner: str) -> bool:
        if name in _OLD_PSEUDO_ELEMENTS:
            return self._pseudo_element(name)
        if name in _LISTS:
            return self._list(name, text, inner)
        self.classes += 1
        if name in _DYNAMIC_PSEUDO:
            self._becomes_dynamic()
            return True
        if name not in _STATIC_PSEUDO:
            return False
        if name == "lang":
            self.attributes.add("lang")
        self.relates |= name not in ("link", "any-link", "-webkit-any-link", "root", "lang")
        of = _OF.search(inner) if name in ("nth-child", "nth-last-child") else None
        if of is not None and not self._inner(of[1], text, counts=True):
            return False
        if of is None:
            self.compounds[-1] += text.replace("-webkit-any-link", "any-link")
        return True

    def _list(self, name: str, text: str, inner: str) -> bool:
        self.relates |= name == "has"
        text = re.sub(r"\A:(?:matches|-webkit-any)\(", ":is(", text, flags=re.IGNORECASE)
        return self._inner(inner, text, counts=name != "where")

    def _inner(self, inner: str, text: str, *, counts: bool) -> bool:
        """Selectors in brackets: the most specific one counts (selectors-4, 17)."""
        selectors = [analyse(one.strip().lstrip(">+~ ")) for one in split_list(inner)]
        kinds = {selector.kind for selector in selectors}
        if kinds & {SelectorKind.UNKNOWN, SelectorKind.PSEUDO_ELEMENT}:
            return False
        if counts:
            most = max(selector.specificity for selector in selectors)
            self.ids, self.classes, self.types = (
                self.ids + most[0], self.classes + most[1], self.types + most[2],
            )  # fmt: skip
        for selector in selectors:
            self.attributes |= selector.attributes
            self.relates |= selector.relates
        if SelectorKind.DYNAMIC in kinds:
            self._becomes_dynamic()
        else:
            self.compounds[-1] += text
        return True

    def _becomes_dynamic(self) -> None:
        self.compounds[-1] = self.compounds[-1] or "*"
        if self.kind is SelectorKind.STATIC:
            self.kind = SelectorKind.DYNAMIC


def _closing(text: str, position: int) -> int:
    """Where the bracket that is open at a position closes; -1 if it does not."""
    depth = 1
    quote = ""
    escaped = False
    for index in range(position, len(text)):
        character = text[index]
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if depth == 0:
                return index
    return -1


def unescape(name: str) -> str:
    """A name without the escapes of CSS (css-syntax-3, 4.3.7)."""
    if "\\" not in name:
        return name
    return _ESCAPE.sub(_character, name)


def _character(found: re.Match[str]) -> str:
    if not found[1]:
        return str(found[2])
    code = int(found[1], 16)
    return chr(code) if 0 < code <= 0x10FFFF and not 0xD800 <= code < 0xE000 else "\ufffd"
