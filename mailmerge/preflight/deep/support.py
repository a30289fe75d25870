"""Features of a page that mail programs do not have: a warning where the message suffers.

Three kinds of features. Without some, the layout falls apart or content is lost: one widely used
program without them is a warning. Without others, a message only looks plainer (round corners, a
dark variant): that is a note, however many programs lack them. For the rest the number of programs
decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mailmerge.language import marked, tr
from mailmerge.preflight.deep.clients import Support, load_support
from mailmerge.preflight.deep.features import Use, features_of
from mailmerge.preflight.deep.page import DeepPage, Finding, Flaw, Note

_MANY: Final = 0.25
"""The share of programs from which a feature that is neither vital nor decoration is a warning."""

_STACKED = marked("use a table for parts that stand side by side")
_FALLBACK = marked("write a value that all programs know before it")
_VITAL: Final = {
    "css-display-flex": _STACKED,
    "css-display-grid": _STACKED,
    "css-column-count": _STACKED,
    "css-grid-template": _STACKED,
    "css-position": marked("place it with a table"),
    "css-left-right-top-bottom": marked("place it with a table"),
    "css-background-image": marked("give the element a background-color, too, or use an <img>"),
    "css-object-fit": marked("cut the image to its size"),
    "css-transform": marked("draw it as an image"),
    "css-writing-mode": marked("draw it as an image"),
    "css-clip-path": marked("cut the image to its shape"),
    "css-mask-image": marked("cut the image to its shape"),
    "css-visibility": marked("leave it out, or use display: none"),
    "css-opacity": marked("use a colour that is lighter"),
    "css-filter": marked("change the image itself"),
    "css-mix-blend-mode": marked("change the image itself"),
    "css-variables": _FALLBACK,
    "css-unit-calc": _FALLBACK,
    "css-function-min": _FALLBACK,
    "css-function-max": _FALLBACK,
    "css-function-clamp": _FALLBACK,
    "css-function-light-dark": _FALLBACK,
    "css-modern-color": _FALLBACK,
    "css-unit-vw": _FALLBACK,
    "css-unit-vh": _FALLBACK,
    "css-unit-vmin": _FALLBACK,
    "css-unit-vmax": _FALLBACK,
    "css-unit-rem": marked("write px"),
    "css-unit-ch": marked("write px"),
    "css-linear-gradient": _FALLBACK,
    "css-radial-gradient": _FALLBACK,
    "css-conic-gradient": _FALLBACK,
    "css-pseudo-class-checked": marked("show everything without a click"),
    "css-pseudo-element-before": marked("write the text into the HTML"),
    "css-pseudo-element-after": marked("write the text into the HTML"),
    "html-svg": marked("save it as PNG, and use <img>"),
    "html-hidden": marked("leave it out, or use display: none"),
    "html-dialog": marked("show its content in the page"),
    "html-popover": marked("show its content in the page"),
    "html-base": marked("write each link in full"),
    "html-image-maps": marked("cut the image into parts with links"),
    "html-meter": marked("draw it as an image"),
    "html-progress": marked("draw it as an image"),
}
"""Features without which content or layout is lost, with the fix."""

_DECORATION: Final = frozenset(
    f"css-{name}"
    for name in (
        "accent-color", "animation", "at-font-face", "at-keyframes", "at-media",
        "at-media-device-pixel-ratio", "at-media-hover", "at-media-orientation",
        "at-media-prefers-color-scheme", "at-media-prefers-reduced-motion", "at-supports",
        "backdrop-filter", "border-radius", "border-radius-logical", "box-shadow", "box-sizing",
        "color-scheme", "cursor", "font-kerning", "hyphens", "letter-spacing", "max-height",
        "min-height", "max-width", "min-width", "orphans", "outline", "outline-offset", "overflow",
        "overflow-wrap", "pseudo-class-active", "pseudo-class-focus", "pseudo-class-focus-visible",
        "pseudo-class-hover", "pseudo-class-link", "pseudo-class-visited", "resize",
        "scroll-snap", "tab-size", "text-decoration-color", "text-decoration-skip-ink",
        "text-decoration-style", "text-decoration-thickness", "text-overflow", "text-shadow",
        "text-underline-offset", "text-wrap", "transition", "user-select", "widows", "word-break",
        "word-wrap", "background-size", "background-position", "background-repeat",
        "background-clip", "background-origin",
    )
) | {"html-loading-attribute", "html-wbr", "html-ruby", "html-srcset", "html-picture"}  # fmt: skip
"""Features without which a message only looks plainer."""

_ELSEWHERE: Final = frozenset({"css-at-import", "css-nesting", "css-height", "css-list-style"})
"""Features that the ordinary check reports, and those whose tests are of rare cases."""


def check_support(page: DeepPage) -> Iterator[Finding]:
    """Each feature of the page that some program does not have."""
    support = load_support()
    for use in features_of(page.document):
        known = support[use.feature]
        if known.lacking and use.feature not in _ELSEWHERE:
            yield _finding(page, use, known)


def _finding(page: DeepPage, use: Use, known: Support) -> Finding:
    place = page.search(use.pattern)
    message = tr("{feature}: not in {programs}", feature=known.title, programs=known.in_words())
    if not _matters(use, known):
        return Note("client-support", message, place)
    hint = tr(_VITAL.get(use.feature, marked("do without it, or try it in these programs")))
    return Flaw("client-support", message, hint, place)


def _matters(use: Use, known: Support) -> bool:
    if use.has_fallback or use.feature in _DECORATION:
        return False
    return use.feature in _VITAL or known.share >= _MANY
