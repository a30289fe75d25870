"""Colours and sizes of a page's elements, as far as contrast needs them (css-cascade, css-color).

The styles of a finished page are inlined. What is left in `<style>` applies to programs that know
it: rules without a condition always, those of `prefers-color-scheme: dark` on a dark screen. Of
several declarations for an element the last wins, `!important` first; specificity counts among the
rules of a sheet. Values that depend on a recipient or that no table knows are unknown, and what
lies on them is not judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from mailmerge.rendering.colors import parse_color
from mailmerge.rendering.document import (
    Document,
    Element,
    attribute,
    elements_of,
    is_element,
    is_text,
)
from mailmerge.rendering.stylesheet import (
    Declaration,
    Group,
    Item,
    StyleRule,
    parse_declarations,
    parse_sheet,
)

Color = tuple[float, float, float]
Scheme = Literal["light", "dark"]

_WHITE: Final[Color] = (1.0, 1.0, 1.0)
_BLACK: Final[Color] = (0.0, 0.0, 0.0)
_LINK: Final[Color] = (0.0, 0.0, 0.933)
_DARK_CANVAS: Final[Color] = (0.118, 0.118, 0.118)
_SIZES: Final = {
    "xx-small": 9.0, "x-small": 10.0, "small": 13.0, "medium": 16.0, "large": 18.0,
    "x-large": 24.0, "xx-large": 32.0,
}  # fmt: skip
_HEADINGS: Final = {"h1": 2.0, "h2": 1.5, "h3": 1.17, "h4": 1.0, "h5": 0.83, "h6": 0.67}
_UNITS: Final = {"px": 1.0, "pt": 4 / 3, "pc": 16.0, "in": 96.0, "rem": 16.0}
_INVISIBLE: Final = 2.0
"""Pixels up to which text is meant to be hidden, as the first sentence of many newsletters is."""

_NUMBER: Final = r"(?:\d++(?:\.\d++)?|\.\d++)"
_LENGTH: Final = re.compile(rf"({_NUMBER})(px|pt|pc|in|rem|em|%)\Z")
_FONT_SIZE: Final = re.compile(rf"(?<![\d.]){_NUMBER}(?:px|pt|pc|in|rem|em|%)")
_DARK: Final = re.compile(r"prefers-color-scheme\s*:\s*dark", re.IGNORECASE)
_NARROW: Final = re.compile(r"\b(?:max|min)-(?:device-)?width\b|\bprint\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Look:
    """The look of the text in an element.

    Attributes:
        color: of the text; None if it is not known.
        background: below the text; None if it is an image or not known.
        size: of the font in CSS pixels.
        bold: whether the text is bold.
        hidden: whether nothing within the element is shown.
    """

    color: Color | None = _BLACK
    background: Color | None = _WHITE
    size: float = 16.0
    bold: bool = False
    hidden: bool = False

    @property
    def shows_text(self) -> bool:
        """Whether text is seen; that of children may be although the element has font-size 0."""
        return not self.hidden and self.size > _INVISIBLE

    @property
    def is_large(self) -> bool:
        """WCAG 2.2, 1.4.3: from 24 px, or 18.66 px if bold."""
        return self.size >= 24 or (self.bold and self.size >= 18.66)


def looks_of(document: Document, scheme: Scheme) -> Iterator[tuple[Element, Look]]:
    """Each element that has text of its own, and the look of that text.

    `scheme` "dark" is for a page that supports it: without colours it is white on black then.
    """
    rules = _sheet_declarations(document, scheme)
    root = document.tree.root
    if root is not None:
        canvas = Look(_WHITE, _DARK_CANVAS) if scheme == "dark" else Look()
        yield from _below(root, canvas, rules)


def _below(
    element: Element, outer: Look, rules: dict[Element, list[Declaration]]
) -> Iterator[tuple[Element, Look]]:
    """Without recursion, because pages may be deep."""
    waiting = [(element, outer)]
    while waiting:
        one, above = waiting.pop()
        if one.tag in ("head", "style", "script", "title", "template"):
            continue
        look = _look(one, above, rules.get(one, []))
        if look.shows_text and _has_text(one):
            yield one, look
        children = [child for child in one.children if is_element(child)]
        waiting += [(child, look) for child in reversed(children)]


def _has_text(element: Element) -> bool:
    return any(is_text(child) and str(child.data).strip() for child in element.children)


def _look(element: Element, outer: Look, rules: list[Declaration]) -> Look:
    look = _of_attributes(element, outer)
    declared = [*rules, *parse_declarations(attribute(element, "style") or "")]
    ordinary = [one for one in declared if not one.important]
    for one in (*ordinary, *(one for one in declared if one.important)):
        look = _applied(one.name, one.value.strip().lower(), look, outer)
    return look


def _of_attributes(element: Element, outer: Look) -> Look:
    """The look by the element's tag and its attributes (HTML, 15.3)."""
    look = outer
    if element.tag in _HEADINGS:
        look = replace(look, size=outer.size * _HEADINGS[element.tag], bold=True)
    if element.tag in ("b", "strong", "th"):
        look = replace(look, bold=True)
    if element.tag == "a" and attribute(element, "href"):
        look = replace(look, color=_LINK)
    background = attribute(element, "bgcolor")
    if background:
        look = replace(look, background=_over(background, outer.background))
    color = attribute(element, "color" if element.tag == "font" else "text")
    if color and element.tag in ("font", "body"):
        look = replace(look, color=_over(color, look.background))
    if attribute(element, "background"):
        look = replace(look, background=None)
    return replace(look, hidden=True) if "hidden" in element.attrs else look


def _applied(name: str, value: str, look: Look, outer: Look) -> Look:
    if name == "color":
        if value in ("inherit", "currentcolor"):
            return replace(look, color=outer.color)
        return replace(look, color=_over(value, look.background))
    if name in ("background", "background-color", "background-image"):
        return _with_background(name, value, look, outer)
    if name in ("font-size", "font"):
        return _with_font(name, value, look, outer)
    if name == "font-weight":
        return replace(look, bold=value in ("bold", "bolder") or value[:1] in "6789")
    return replace(look, hidden=True) if _hides(name, value) else look


def _hides(name: str, value: str) -> bool:
    zero = value.rstrip("px%").strip() in ("0", "0.0")
    return (
        (name == "display" and value == "none")
        or (name == "visibility" and value == "hidden")
        or (name == "mso-hide" and value == "all")
        or (name in ("opacity", "max-height", "height") and zero)
    )


def _with_background(name: str, value: str, look: Look, outer: Look) -> Look:
    if "url(" in value or "gradient(" in value:
        return replace(look, background=None)
    if value in ("none", "transparent", "inherit", "initial", ""):
        return look if name == "background-image" else replace(look, background=outer.background)
    colors = (parse_color(part) for part in re.findall(r"[^\s()]+(?:\([^)]*\))?", value))
    color = next((one for one in colors if one is not None), None)
    if color is None:
        return replace(look, background=None) if "color" in name else look
    return replace(look, background=_blended(color, outer.background))


def _with_font(name: str, value: str, look: Look, outer: Look) -> Look:
    text = value
    if name == "font":
        found = _FONT_SIZE.search(value)
        bold = re.search(r"\b(?:bold|bolder|[6-9]00)\b", value) is not None
        look = replace(look, bold=bold)
        text = found[0] if found else ""
    size = _size(text, outer.size)
    return look if size is None else replace(look, size=size)


def _size(text: str, outer: float) -> float | None:
    if text in _SIZES:
        return _SIZES[text]
    found = _LENGTH.match(text)
    if found is None:
        return 0.0 if text == "0" else None
    number, unit = float(found[1]), found[2]
    if unit == "em":
        return number * outer
    return number * outer / 100 if unit == "%" else number * _UNITS[unit]


def _over(text: str, below: Color | None) -> Color | None:
    """A colour on a background; None if one of both is not known."""
    color = parse_color(text) or parse_color(f"#{text}")
    return None if color is None else _blended(color, below)


def _blended(color: tuple[float, float, float, float], below: Color | None) -> Color | None:
    red, green, blue, alpha = color
    if alpha >= 1:
        return red, green, blue
    if below is None:
        return None
    mixed = [alpha * part + (1 - alpha) * under for part, under in zip(color, below, strict=False)]
    return mixed[0], mixed[1], mixed[2]


def _sheet_declarations(document: Document, scheme: Scheme) -> dict[Element, list[Declaration]]:
    """The declarations of `<style>` for each element, the weakest first."""
    found: dict[Element, list[tuple[tuple[int, int], Declaration]]] = {}
    for style in elements_of(document, "style"):
        for number, rule in enumerate(_rules(parse_sheet(str(style.text)), scheme)):
            for selector in rule.selectors:
                for element in _matched(document, selector):
                    weight = (_specificity(selector), number)
                    rows = found.setdefault(element, [])
                    rows += [(weight, one) for one in rule.declarations]
    return {
        element: [one for _, one in sorted(rows, key=lambda row: row[0])]
        for element, rows in found.items()
    }


def _rules(items: Iterable[Item], scheme: Scheme) -> Iterator[StyleRule]:
    for item in items:
        if isinstance(item, StyleRule):
            yield item
        elif isinstance(item, Group) and _holds(item.prelude, scheme):
            yield from _rules(item.items, scheme)


def _holds(prelude: str, scheme: Scheme) -> bool:
    """Whether a condition holds on a wide screen with this scheme."""
    if _NARROW.search(prelude) or "supports" in prelude.lower():
        return False
    return _DARK.search(prelude) is None or scheme == "dark"


def _matched(document: Document, selector: str) -> list[Element]:
    if re.search(r":(?:hover|focus|active|visited|before|after|link)|::", selector):
        return []
    try:
        return list(document.tree.select(selector))
    except ValueError:
        return []


def _specificity(selector: str) -> int:
    """Near enough to selectors-4: ids, then classes and attributes, then elements."""
    ids = len(re.findall(r"#[\w-]", selector))
    classes = len(re.findall(r"[.\[]|:(?!:)", selector))
    names = len(re.findall(r"(?:\A|[\s>+~])[a-z]", selector, re.IGNORECASE))
    return ids * 10_000 + classes * 100 + names
