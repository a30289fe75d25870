"""What is known of single CSS properties: their longhands, and values that every client knows.

Most of the pipeline works without such knowledge. It is needed in three places: to find two
declarations that set the same longhand, to leave out a declaration that a later one surely
overrides, and to know which values are no fallback for a client (colors.py makes some).
"""

from __future__ import annotations

import re
from functools import lru_cache

_SIDES = ("top", "right", "bottom", "left")
_BORDER_PARTS = ("width", "style", "color")
_SHORTHANDS: dict[str, tuple[str, ...]] = {
    "margin": tuple(f"margin-{side}" for side in _SIDES),
    "padding": tuple(f"padding-{side}" for side in _SIDES),
    "inset": _SIDES,
    "border": tuple(f"border-{s}-{part}" for s in _SIDES for part in _BORDER_PARTS),
    **{f"border-{s}": tuple(f"border-{s}-{part}" for part in _BORDER_PARTS) for s in _SIDES},
    **{f"border-{part}": tuple(f"border-{s}-{part}" for s in _SIDES) for part in _BORDER_PARTS},
    "font": (
        "font-style", "font-variant", "font-weight", "font-stretch", "font-size", "line-height",
        "font-family",
    ),
    "background": tuple(
        f"background-{part}"
        for part in ("color", "image", "repeat", "attachment", "position", "size", "origin", "clip")
    ),
    "border-radius": tuple(
        f"border-{end}-radius"
        for end in ("top-left", "top-right", "bottom-right", "bottom-left")
    ),
    "list-style": ("list-style-type", "list-style-position", "list-style-image"),
    "outline": ("outline-width", "outline-style", "outline-color"),
    "overflow": ("overflow-x", "overflow-y"),
    "text-decoration": tuple(
        f"text-decoration-{part}" for part in ("line", "style", "color", "thickness")
    ),

    "flex": ("flex-grow", "flex-shrink", "flex-basis"),
    "flex-flow": ("flex-direction", "flex-wrap"),
    "gap": ("row-gap", "column-gap"),
}  # fmt: skip
_EVERYTHING = "all"


@lru_cache(maxsize=2048)
def longhands(name: str) -> frozenset[str]:
    """The longhands that a property sets; itself if it is no known shorthand."""
    known = _SHORTHANDS.get(name)
    return frozenset(known) if known else frozenset((name,))


@lru_cache(maxsize=8192)
def overlap(one: str, other: str) -> bool:
    """Whether two properties set a longhand in common."""
    if one == other:
        return True
    if one.startswith("--") or other.startswith("--"):
        return False
    if _EVERYTHING in (one, other):
        return True
    if not longhands(one).isdisjoint(longhands(other)):
        return True
    # A shorthand that is not in the table; `mso-` properties and vendors' own are no longhands.
    return one.startswith(other + "-") or other.startswith(one + "-")


_COLOR_NAME = (
    "black|silver|gray|grey|white|maroon|red|purple|fuchsia|green|lime|olive|yellow|navy|blue|teal|"
    "aqua|orange|transparent"
)
_COLOR = rf"(?:\#[0-9a-f]{{3}}|\#[0-9a-f]{{6}}|{_COLOR_NAME})"
_SIZE = r"(?:0|(?:\d++(?:\.\d++)?|\.\d++)(?:px|em|pt|%))"
_SIGNED = rf"-?{_SIZE}"
_NAME = r"""(?:"[^"\\\n]*"|'[^'\\\n]*'|[a-z][\w-]*(?:\s+[a-z][\w-]*)*)"""
_BORDER = rf"(?:none|0|0px|\d+px\s+(?:solid|dashed|dotted|double|none)(?:\s+{_COLOR})?)"
_KNOWN_VALUES = {
    _COLOR: "color background-color " + " ".join(f"border-{side}-color" for side in _SIDES),
    rf"{_COLOR}|none": "background",
    rf"{_SIZE}|auto": "width height",
    _SIZE: "min-width min-height font-size " + " ".join(f"padding-{side}" for side in _SIDES),
    rf"{_SIZE}|none": "max-width max-height",
    rf"{_SIZE}|normal|\d++(?:\.\d++)?|\.\d++": "line-height",
    rf"{_SIGNED}|normal": "letter-spacing word-spacing",
    rf"{_SIGNED}|auto": " ".join(f"margin-{side}" for side in _SIDES),
    rf"(?:{_SIGNED}|auto)(?:\s+(?:{_SIGNED}|auto)){{0,3}}": "margin",
    rf"{_SIZE}(?:\s+{_SIZE}){{0,3}}": "padding",
    _BORDER: "border " + " ".join(f"border-{side}" for side in _SIDES),
    r"normal|bold|[1-9]00": "font-weight",
    r"normal|italic": "font-style",
    rf"{_NAME}(?:\s*,\s*{_NAME})*": "font-family",
    r"left|right|center|justify": "text-align",
    r"top|middle|bottom|baseline": "vertical-align",
    r"none|underline|line-through": "text-decoration",
    r"none|uppercase|lowercase|capitalize": "text-transform",
    r"block|none|inline|inline-block|table|table-cell|table-row": "display",
    r"normal|nowrap|pre": "white-space",
    r"left|right|none": "float",
    r"collapse|separate": "border-collapse",
}  # fmt: skip
_KNOWN = {
    name: re.compile(rf"(?:{pattern})\Z", re.IGNORECASE)
    for pattern, names in _KNOWN_VALUES.items()
    for name in names.split()
}
_LONGEST = 500
_GLOBAL_KEYWORD = re.compile(r"(?:inherit|initial|unset|revert)", re.IGNORECASE)


@lru_cache(maxsize=8192)
def is_known_everywhere(name: str, value: str) -> bool:
    """Whether every client accepts this value, so that no earlier declaration is a fallback."""
    if name not in _KNOWN or len(value) > _LONGEST or not _KNOWN[name].match(value):
        return False
    return not (name == "font-family" and _GLOBAL_KEYWORD.search(value))


def overrides(later: str, value: str, earlier: str) -> bool:
    """Whether a later declaration surely overrides all that an earlier one sets."""
    if not is_known_everywhere(later, value):
        return False
    return later == earlier or longhands(earlier) <= longhands(later)


_UNITLESS = re.compile(r"(?:\A|\s)[-+]?(?=[0.]*[1-9])\d*+(?:\.\d*+)?(?=\s|\Z)")
_HASHLESS = re.compile(r"(?:\A|\s)(?:[0-9a-f]{3}|[0-9a-f]{6})(?=\s|\Z)", re.IGNORECASE)
_NEVER_UNITLESS = re.compile(
    r"(?:margin|padding|inset)(?:-\w+)*|(?:min-|max-)?(?:width|height)|top|right|bottom|left"
    r"|border(?:-\w+)?-width|border-spacing|font-size|letter-spacing|word-spacing|text-indent"
    r"|vertical-align"
)


def is_quirk(name: str, value: str) -> bool:
    """Whether only quirks mode knows a value: `margin: 12`, `color: fff` (Quirks Mode, 3.1, 3.2).

    Browsers read the style attributes of an svg in that mode, on any page.
    """
    if "(" in value:
        return False
    if _NEVER_UNITLESS.fullmatch(name):
        return _UNITLESS.search(value) is not None
    return name.endswith("color") and _HASHLESS.search(value) is not None
