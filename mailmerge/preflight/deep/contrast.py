"""The contrast of text, on a light and on a dark screen (WCAG 2.2, 1.4.3 and 1.4.11)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mailmerge.language import tr
from mailmerge.preflight.deep.computed import Color, Look, Scheme, looks_of
from mailmerge.preflight.deep.page import DeepPage, Finding, Flaw, Note
from mailmerge.preflight.positions import Place
from mailmerge.rendering.document import attribute, elements_of

_NORMAL: Final = 4.5
_HIDDEN: Final = 1.01
_LARGE: Final = 3.0


def ratio(one: Color, other: Color) -> float:
    """The contrast ratio of two colours, from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: Color) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def check_contrast(page: DeepPage) -> Iterator[Finding]:
    """Each pair of colours that is hard to read. Text of one colour with its ground is hidden."""
    seen: set[tuple[Color, Color]] = set()
    yield from _of_scheme(page, "light", seen)
    if supports_dark(page):
        yield from _of_scheme(page, "dark", seen)
    else:
        message = tr("the page says nothing about dark screens, so programs change its colours")
        yield Note("dark-mode", message, Place(page.file))


def supports_dark(page: DeepPage) -> bool:
    """Whether the page says that it is made for dark screens, too."""
    metas = elements_of(page.document, "meta")
    declared = any(
        (attribute(one, "name") or "").lower() in ("color-scheme", "supported-color-schemes")
        and "dark" in (attribute(one, "content") or "").lower()
        for one in metas
    )
    return declared or "prefers-color-scheme" in page.document.source


def _of_scheme(page: DeepPage, scheme: Scheme, seen: set[tuple[Color, Color]]) -> Iterator[Finding]:
    for element, look in looks_of(page.document, scheme):
        if look.color is None or look.background is None:
            continue
        pair = look.color, look.background
        if pair in seen or not _is_poor(look, ratio(*pair)):
            continue
        seen.add(pair)
        yield _finding(scheme, pair, look, page.place_of(element))


def _is_poor(look: Look, value: float) -> bool:
    return _HIDDEN < value < (_LARGE if look.is_large else _NORMAL)


def _finding(scheme: Scheme, pair: tuple[Color, Color], look: Look, place: Place) -> Finding:
    least = _LARGE if look.is_large else _NORMAL
    values = {"color": in_hex(pair[0]), "background": in_hex(pair[1]),
              "ratio": f"{ratio(*pair):.1f}", "least": least}  # fmt: skip
    if scheme == "dark":
        message = tr("on a dark screen, text of {color} on {background} is hard to read: contrast "
                     "{ratio}, not {least}", **values)  # fmt: skip
        hint = tr("set both colours under @media (prefers-color-scheme: dark)")
    else:
        message = tr("text of {color} on {background} is hard to read: contrast {ratio}, not "
                     "{least}", **values)  # fmt: skip
        hint = tr("make one of the colours darker or lighter")
    return Flaw("contrast", message, hint, place)


def in_hex(color: Color) -> str:
    """`#1a2b3c`."""
    return "#" + "".join(f"{round(part * 255):02x}" for part in color)
