"""Colours of css-color-4 and css-color-5 -> colours that every client knows.

A colour outside of sRGB is clipped. The result is a fallback: a browser that knows the colour as it
was written takes that one. So a mixture in a space that is not computed here (hsl, lch) is mixed in
oklab, which is near enough. Functions are replaced from the inside out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from mailmerge.rendering.stylesheet import split_list

_Color = tuple[float, float, float, float]
"""Red, green, blue with the gamma of sRGB, and alpha; each from 0 to 1."""

_LONGEST = 500
_DEEPEST = 8
_FLAT = re.compile(
    r"""(?P<kept>url\([^)]*\)|"[^"]*"|'[^']*')"""
    r"""|(?<![\w-])(?:(?:rgba?|hsla?|hwb|lab|lch|oklab|oklch|color)\([^()]*\)"""
    r"""|\#(?:[0-9a-f]{8}|[0-9a-f]{4})\b)""",
    re.IGNORECASE,
)
_CHOICE = re.compile(
    r"(?<![\w-])(color-mix|light-dark)\(((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\)", re.IGNORECASE
)
_LEGACY = re.compile(r"(?:rgb|hsl)a?\([^()]*,[^()]*\)\Z", re.IGNORECASE)
_SHARE = re.compile(r"(?:\A|\s)(\d++(?:\.\d++)?|\.\d++)%(?=\s|\Z)")
_Matrix = tuple[tuple[float, float, float], ...]

# css-color-4, 17: D50 -> D65 (Bradford), XYZ -> linear sRGB, linear sRGB and P3 -> XYZ, oklab.
_D50_TO_D65: Final[_Matrix] = (
    (0.9554734, -0.0230985, 0.0632593),
    (-0.0283697, 1.0099954, 0.0210414),
    (0.0123140, -0.0205077, 1.3303659),
)
_XYZ_TO_SRGB: Final[_Matrix] = (
    (3.2409699, -1.5373832, -0.4986108),
    (-0.9692436, 1.8759675, 0.0415551),
    (0.0556301, -0.2039770, 1.0569715),
)
_P3_TO_XYZ: Final[_Matrix] = (
    (0.4865709, 0.2656677, 0.1982173),
    (0.2289746, 0.6917385, 0.0792869),
    (0.0, 0.0451134, 1.0439444),
)
_SRGB_TO_LMS: Final[_Matrix] = (
    (0.4122215, 0.5363325, 0.0514460),
    (0.2119035, 0.6806995, 0.1073970),
    (0.0883025, 0.2817188, 0.6299787),
)
_LMS_TO_LAB: Final[_Matrix] = (
    (0.2104543, 0.7936178, -0.0040720),
    (1.9779985, -2.4285922, 0.4505937),
    (0.0259040, 0.7827718, -0.8086758),
)
_LAB_TO_LMS: Final[_Matrix] = (
    (1.0, 0.3963378, 0.2158038),
    (1.0, -0.1055613, -0.0638542),
    (1.0, -0.0894842, -1.2914855),
)
_LMS_TO_SRGB: Final[_Matrix] = (
    (4.0767417, -3.3077116, 0.2309699),
    (-1.2684380, 2.6097574, -0.3413194),
    (-0.0041961, -0.7034186, 1.7076147),
)


@lru_cache(maxsize=4096)
def with_legacy_colors(value: str) -> str | None:
    """A value with `rgb(0 102 204 / 50%)` as `rgba(0, 102, 204, 0.5)`; None if nothing changes."""
    if ("(" not in value and "#" not in value) or len(value) > _LONGEST:
        return None
    changed = _FLAT.sub(_flat, value)
    for _ in range(_DEEPEST):
        replaced = _CHOICE.sub(_chosen, changed)
        if replaced == changed:
            break
        changed = replaced
    return changed if changed != value else None


def _flat(found: re.Match[str]) -> str:
    if found["kept"] or _LEGACY.match(found[0]):
        return found[0]
    color = parse_color(found[0])
    return found[0] if color is None else _written(color)


def _chosen(found: re.Match[str]) -> str:
    """A mixture of two colours, or the one for a light page, which is what old clients show."""
    parts = [part.strip() for part in split_list(found[2])]
    if found[1].lower() == "light-dark":
        return parts[0] if len(parts) == 2 and parts[0] else found[0]
    mixed = _mixed(parts) if len(parts) == 3 else None
    return found[0] if mixed is None else _written(mixed)


def parse_color(text: str) -> _Color | None:
    """A colour in sRGB; None if it is none, or depends on the element."""
    from tinycss2 import color4

    try:
        color = color4.parse_color(text)
        if color is None or isinstance(color, str):
            return None
        *channels, alpha = _in_srgb(color)
    except (NotImplementedError, TypeError, ValueError, OverflowError, ZeroDivisionError):
        return None
    red, green, blue = (min(max(part or 0.0, 0.0), 1.0) for part in channels)
    return red, green, blue, min(max(alpha, 0.0), 1.0)


def _in_srgb(color: object) -> Sequence[float]:
    space, alpha = color.space, color.alpha  # type: ignore[attr-defined]
    coordinates = tuple(part or 0.0 for part in color.coordinates)  # type: ignore[attr-defined]
    if space == "srgb-linear":
        return (*map(_with_gamma, coordinates), alpha)
    if space == "display-p3":
        xyz = _times(_P3_TO_XYZ, tuple(map(_without_gamma, coordinates)))
    elif space in ("lab", "lch", "xyz-d50"):
        *xyz_d50, alpha = color.to("xyz-d50")  # type: ignore[attr-defined]
        xyz = _times(_D50_TO_D65, xyz_d50)
    elif space in ("oklab", "oklch", "xyz-d65", "xyz"):
        *xyz, alpha = color.to("xyz-d65")  # type: ignore[attr-defined]
    else:
        return tuple(color.to("srgb"))  # type: ignore[attr-defined]
    return (*map(_with_gamma, _times(_XYZ_TO_SRGB, xyz)), alpha)


def _mixed(parts: Sequence[str]) -> _Color | None:
    """`in SPACE, COLOUR SHARE?, COLOUR SHARE?` (css-color-5, 3)."""
    words = parts[0].lower().split()
    if words[:1] != ["in"] or len(words) < 2:
        return None
    one, first = _share(parts[1])
    other, second = _share(parts[2])
    if one is None or other is None:
        return None
    if first is None:
        first = 0.5 if second is None else 1 - second
    second = 1 - first if second is None else second
    total = first + second
    if total <= 0:
        return None
    share = first / total
    to, back = _SPACES.get(words[1], _SPACES["oklab"])
    alpha = one[3] * share + other[3] * (1 - share)
    weights = (share * one[3], (1 - share) * other[3])
    mixed = [
        (weights[0] * a + weights[1] * b) / alpha if alpha else 0.0
        for a, b in zip(to(one[:3]), to(other[:3]), strict=True)
    ]
    red, green, blue = (min(max(part, 0.0), 1.0) for part in back(mixed))
    return red, green, blue, alpha * min(total, 1.0)


def _share(text: str) -> tuple[_Color | None, float | None]:
    found = _SHARE.search(text)
    color = parse_color((_SHARE.sub(" ", text) if found else text).strip())
    return color, float(found[1]) / 100 if found else None


def _oklab(color: Sequence[float]) -> Sequence[float]:
    lms = _times(_SRGB_TO_LMS, tuple(map(_without_gamma, color)))
    return _times(_LMS_TO_LAB, tuple(max(part, 0.0) ** (1 / 3) for part in lms))


def _from_oklab(color: Sequence[float]) -> Sequence[float]:
    lms = tuple(part**3 for part in _times(_LAB_TO_LMS, color))
    return tuple(map(_with_gamma, _times(_LMS_TO_SRGB, lms)))


def _linear(color: Sequence[float]) -> Sequence[float]:
    return tuple(map(_without_gamma, color))


def _from_linear(color: Sequence[float]) -> Sequence[float]:
    return tuple(map(_with_gamma, color))


_Conversion = Callable[[Sequence[float]], Sequence[float]]
_SPACES: Final[dict[str, tuple[_Conversion, _Conversion]]] = {
    "srgb": (tuple, tuple),
    "srgb-linear": (_linear, _from_linear),
    "xyz": (_linear, _from_linear),
    "oklab": (_oklab, _from_oklab),
}
"""There and back; a mixture in XYZ is one of linear light, as in linear sRGB."""


def _times(matrix: _Matrix, vector: Sequence[float]) -> tuple[float, ...]:
    return tuple(sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)


def _with_gamma(part: float) -> float:
    return 12.92 * part if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055


def _without_gamma(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def _written(color: _Color) -> str:
    red, green, blue = (round(part * 255) for part in color[:3])
    if color[3] >= 1:
        return f"#{red:02x}{green:02x}{blue:02x}"
    return f"rgba({red}, {green}, {blue}, {color[3]:.3g})"
