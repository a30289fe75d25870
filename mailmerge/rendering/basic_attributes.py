"""The styles of an element -> attributes for clients that ignore the styles: `css_to_attributes`.

Outlook for Windows lays out tables and images by their attributes. An attribute is added only where
it means the same as the declaration and the client understands it. In a browser it then changes
nothing, because the declaration stands in the style attribute of the same element. An attribute
that the author wrote stays as it is: the number beside `width:100%` is for Outlook.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from mailmerge.rendering.document import Element
from mailmerge.rendering.stylesheet import Declaration

_SixDigits: TypeAlias = Callable[[str], str]

_CELLS = frozenset(("td", "th"))
_BOXES = frozenset(("table", "td", "th"))
_PIXELS = re.compile(r"(\d+)(?:\.0+)?px\Z", re.IGNORECASE)
_PERCENT = re.compile(r"(\d{1,3}%)\Z")
_HEX = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})\Z", re.IGNORECASE)
_NAMES = {
    "white": "#ffffff", "black": "#000000", "red": "#ff0000", "green": "#008000",
    "blue": "#0000ff", "gray": "#808080", "grey": "#808080", "silver": "#c0c0c0",
    "navy": "#000080", "yellow": "#ffff00", "orange": "#ffa500", "maroon": "#800000",
    "purple": "#800080", "teal": "#008080", "lime": "#00ff00", "olive": "#808000",
    "aqua": "#00ffff", "fuchsia": "#ff00ff",
}  # fmt: skip


def attributes_from(
    element: Element, declarations: Iterable[Declaration], six_digits: _SixDigits
) -> Iterator[tuple[str, str]]:
    """The attributes that an element gets, from its declarations in the order of the cascade.

    `six_digits` turns `#abc` into `#aabbcc`, because Lotus Notes knows no other colours.
    """
    found: dict[str, str] = {}
    for declaration in declarations:
        for name, value in _attribute(element.tag, declaration, six_digits):
            if value:
                found[name] = value
            elif value is None:
                found.pop(name, None)
    for name, value in found.items():
        if name not in element.attrs:
            yield name, value


def _attribute(
    tag: str, declaration: Declaration, six_digits: _SixDigits
) -> Iterator[tuple[str, str | None]]:
    """An attribute and its value; "" says nothing, None ends an earlier one."""
    name, value = declaration.name, declaration.value.strip().lower()
    if name in ("width", "height") and (tag in _BOXES or tag == "img"):
        yield name, _length(tag, name, value)
    elif name in ("background-color", "background") and (tag in _BOXES or tag == "tr"):
        yield "bgcolor", _color(value, six_digits)
    elif name == "text-align" and tag in _CELLS:
        yield "align", value if value in ("left", "center", "right") else None
    elif name == "vertical-align" and tag in _CELLS:
        yield "valign", value if value in ("top", "middle", "bottom", "baseline") else None


def _length(tag: str, name: str, value: str) -> str | None:
    pixels = _PIXELS.match(value)
    if pixels:
        return pixels[1]
    percent = _PERCENT.match(value) if tag in _BOXES and name == "width" else None
    if percent:
        return percent[1]
    # calc() and its kind stand after a fallback for clients that know only the fallback.
    return "" if "(" in value else None


def _color(value: str, six_digits: _SixDigits) -> str | None:
    if value in _NAMES:
        return _NAMES[value]
    if _HEX.match(value):
        return six_digits(value)
    return "" if "(" in value else None
