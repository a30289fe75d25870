"""The features of HTML and CSS that a page uses, by their names at caniemail.com.

A feature is met in a declaration (by its property, its value or its units), in a rule with `@`, in
a selector that could not be inlined, in an element or in an attribute. Each feature counts once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mailmerge.preflight.deep.clients import load_support
from mailmerge.rendering.document import Document, attribute, elements_of, is_written
from mailmerge.rendering.stylesheet import (
    Declaration,
    Group,
    Item,
    OtherRule,
    StyleRule,
    parse_declarations,
    parse_sheet,
)


@dataclass(frozen=True, slots=True)
class Use:
    """The first use of a feature.

    Attributes:
        feature: its name, such as `css-display-flex`.
        pattern: a regular expression that finds it in the templates.
        has_fallback: whether programs without it have something else to show.
    """

    feature: str
    pattern: str
    has_fallback: bool = False


_PROPERTIES: Final = {
    "left": "css-left-right-top-bottom",
    "right": "css-left-right-top-bottom",
    "top": "css-left-right-top-bottom",
    "bottom": "css-left-right-top-bottom",
    "text-wrap-style": "css-text-wrap",
    "word-break": "css-word-break",
}
_LOGICAL: Final = re.compile(
    r"(?P<what>margin|padding)-(?P<axis>inline|block)(?P<side>-(?:start|end))?\Z"
)
_FUNCTIONS: Final = {
    "calc": "css-unit-calc",
    "min": "css-function-min",
    "max": "css-function-max",
    "clamp": "css-function-clamp",
    "var": "css-variables",
    "light-dark": "css-function-light-dark",
    "linear-gradient": "css-linear-gradient",
    "radial-gradient": "css-radial-gradient",
    "conic-gradient": "css-conic-gradient",
}
_FUNCTION: Final = re.compile(rf"(?<![\w-])({'|'.join(_FUNCTIONS)})\(", re.IGNORECASE)
_BACKGROUNDS: Final = frozenset({"background", "background-image"})
_UNIT: Final = re.compile(
    r"(?<![\w#.-])-?(?:\d++(?:\.\d++)?|\.\d++)(vw|vh|vmin|vmax|rem|ch)\b", re.IGNORECASE
)
_SPACED_COLOR: Final = re.compile(
    r"(?:rgb|hsl)a?\(\s*[\d.]+\S*\s+[\d.]|(?:ok)?l(?:ab|ch)\(", re.IGNORECASE
)
_PSEUDO: Final = re.compile(r"(?<!\\)(::?)([a-z-]+)")
_LEGACY_ELEMENTS: Final = frozenset({"before", "after", "first-line", "first-letter"})
_ELEMENTS: Final = {
    "svg": "html-svg",
    "picture": "html-picture",
    "dialog": "html-dialog",
    "marquee": "html-marquee",
    "meter": "html-meter",
    "progress": "html-progress",
    "ruby": "html-ruby",
    "select": "html-select",
    "textarea": "html-textarea",
    "base": "html-base",
    "map": "html-image-maps",
    "wbr": "html-wbr",
}
_INPUTS: Final = ("text", "checkbox", "radio", "hidden", "submit", "reset")
_ATTRIBUTES: Final = {
    "srcset": "html-srcset",
    "hidden": "html-hidden",
    "inert": "css-inert-attribute",
    "popover": "html-popover",
    "loading": "html-loading-attribute",
}
_MEDIA: Final = {
    "prefers-color-scheme": "css-at-media-prefers-color-scheme",
    "prefers-reduced-motion": "css-at-media-prefers-reduced-motion",
    "orientation": "css-at-media-orientation",
    "hover": "css-at-media-hover",
    "device-pixel-ratio": "css-at-media-device-pixel-ratio",
}


def features_of(document: Document) -> list[Use]:
    """The features of a page in the order in which they are met, each once."""
    known = load_support()
    found: dict[str, Use] = {}
    for use in (*_of_elements(document), *_of_sheets(document)):
        if use.feature in known:
            earlier = found.get(use.feature)
            if earlier is None or (earlier.has_fallback and not use.has_fallback):
                found[use.feature] = use
    return list(found.values())


def _of_elements(document: Document) -> Iterator[Use]:
    for element in elements_of(document):
        if not is_written(element):
            continue
        tag = element.tag.lower()
        if tag in _ELEMENTS:
            yield Use(_ELEMENTS[tag], rf"<{tag}\b")
        kind = (attribute(element, "type") or "text").lower()
        if tag == "input" and kind in _INPUTS:
            yield Use(f"html-input-{kind}", r"<input\b")
        for name, feature in _ATTRIBUTES.items():
            if name in element.attrs:
                yield Use(feature, rf"\b{name}\b\s*(?==|>|\s)")
        style = attribute(element, "style")
        if style:
            yield from _of_declarations(parse_declarations(style))


def _of_sheets(document: Document) -> Iterator[Use]:
    for style in elements_of(document, "style"):
        if is_written(style):
            yield from _of_items(parse_sheet(str(style.text)))


def _of_items(items: tuple[Item, ...]) -> Iterator[Use]:
    for item in items:
        if isinstance(item, Group):
            yield from _of_group(item)
        elif isinstance(item, OtherRule) and item.name:
            yield Use(f"css-at-{item.name}", rf"@{re.escape(item.name)}\b")
        elif isinstance(item, StyleRule):
            for selector in item.selectors:
                yield from _of_selector(selector)
            yield from _of_declarations(item.declarations)


def _of_group(group: Group) -> Iterator[Use]:
    prelude = group.prelude.lower()
    name = "supports" if group.text.lower().startswith("@supports") else "media"
    yield Use(f"css-at-{name}", rf"@{name}\b")
    if name == "media":
        for word, feature in _MEDIA.items():
            if word in prelude:
                yield Use(feature, rf"@media\b[^{{]*{word}")
    yield from _of_items(group.items)


def _of_selector(selector: str) -> Iterator[Use]:
    for colons, name in _PSEUDO.findall(selector.lower()):
        kind = "element" if colons == "::" or name in _LEGACY_ELEMENTS else "class"
        yield Use(f"css-pseudo-{kind}-{name}", rf":{re.escape(name)}\b")


def _of_declarations(declarations: tuple[Declaration, ...]) -> Iterator[Use]:
    names = [one.name for one in declarations]
    for number, one in enumerate(declarations):
        value, same = one.value.lower(), one.name in names[:number]
        at = rf"(?<![\w-]){re.escape(one.name)}\s*:"
        backed = same or ("background-color" in names and one.name in _BACKGROUNDS)
        yield from _of_property(one.name, value, at, backed)
        for name in _FUNCTION.findall(value):
            yield Use(_FUNCTIONS[name.lower()], rf"(?<![\w-]){name}\(", backed)
        for unit in _UNIT.findall(value):
            yield Use(f"css-unit-{unit.lower()}", rf"\d{unit}\b", same)
        if _SPACED_COLOR.search(value):
            yield Use("css-modern-color", rf"{at}[^;}}]*\(", same)


def _of_property(name: str, value: str, at: str, backed: bool) -> Iterator[Use]:
    if name == "display":
        word = value.partition(" ")[2] or value
        kind = {"inline-flex": "flex", "inline-grid": "grid"}.get(word, word)
        yield Use(f"css-display-{kind}", rf"{at}\s*[\w -]*{re.escape(kind)}")
    elif name == "position":
        if value not in ("static", "initial", "unset"):
            yield Use("css-position", rf"{at}\s*{re.escape(value)}")
    elif name in _BACKGROUNDS:
        if "url(" in value:
            yield Use("css-background-image", rf"{at}[^;}}]*url\(", backed)
    elif _LOGICAL.match(name):
        yield Use(_logical(name), at)
    else:
        yield Use(_PROPERTIES.get(name, f"css-{name}"), at)


def _logical(name: str) -> str:
    found = _LOGICAL.match(name)
    assert found is not None
    if found["side"]:
        return f"css-{found['what']}-{found['axis']}-start-end"
    return f"css-{found['what']}-inline-block"
