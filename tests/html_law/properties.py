"""The computed properties that the law compares, each group with its reason.

A computed value is what the browser made of every rule, attribute and default. Properties that no
mail client shows (animations, grids, transforms) are left out: their effect on the page is in the
box of the element.
"""

from __future__ import annotations

from typing import Final

_SIDES = ("top", "right", "bottom", "left")
_CORNERS = ("top-left", "top-right", "bottom-right", "bottom-left")

_GROUPS: Final[dict[str, tuple[str, ...]]] = {
    # Colours and backgrounds: an unreadable text is the worst that a lost rule can do. They come
    # first, because other colours follow from `color`.
    "colours": (
        *("color", "background-color", "background-image", "background-repeat"),
        *("background-position-x", "background-position-y", "background-size", "color-scheme"),
    ),
    # Whether the element is seen at all: preheaders and variants for telephones are hidden.
    "shown": ("display", "visibility", "opacity", "overflow-x", "overflow-y"),
    # Layout: what `align` and rules for narrow screens change.
    "layout": (
        *("float", "clear", "position", "box-sizing", "table-layout", "vertical-align"),
        *("min-width", "max-width", "min-height", "max-height", "direction", "object-fit"),
    ),
    # Spaces: the most frequent content of a style attribute.
    "spaces": (
        *(f"{kind}-{side}" for kind in ("margin", "padding") for side in _SIDES),
        *("border-spacing", "border-collapse", "text-indent"),
    ),
    # Lines and corners: buttons, dividers, cards.
    "borders": (
        *(f"border-{side}-{what}" for side in _SIDES for what in ("width", "style", "color")),
        *(f"border-{corner}-radius" for corner in _CORNERS),
        "box-shadow",
    ),
    # Text.
    "text": (
        *("font-family", "font-size", "font-weight", "font-style", "line-height", "letter-spacing"),
        *("text-align", "text-decoration-line", "text-decoration-color", "text-transform"),
        *("white-space", "overflow-wrap", "word-break", "list-style-type", "list-style-position"),
    ),
}

PROPERTIES: Final = tuple(name for group in _GROUPS.values() for name in group)
"""Longhand names. With each `margin` and `border` counted once they are about 45 properties."""

INHERITED: Final = (
    *("visibility", "direction", "border-spacing", "border-collapse", "text-indent", "color"),
    *("color-scheme", "font-family", "font-size", "font-weight", "font-style", "line-height"),
    *("letter-spacing", "text-align", "text-transform", "white-space", "overflow-wrap"),
    *("word-break", "list-style-type", "list-style-position"),
)
"""Inherited properties: a difference is reported at the outermost element that shows it."""
