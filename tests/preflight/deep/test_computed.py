"""Computed colours and sizes."""

from __future__ import annotations

import pytest

from mailmerge.preflight.deep.computed import Look, Scheme, looks_of
from mailmerge.rendering.document import parse

DARK = "@media (prefers-color-scheme: dark)"


def _look(body: str, head: str = "", scheme: Scheme = "light") -> Look:
    """The look of the element with the text `x`."""
    document = parse(f"<html><head>{head}</head><body>{body}</body></html>")
    return next(look for one, look in looks_of(document, scheme) if str(one.text).strip() == "x")


def _colors(body: str, head: str = "", scheme: Scheme = "light") -> tuple[str, str]:
    look = _look(body, head, scheme)
    return tuple(  # type: ignore[return-value]
        "?" if one is None else "".join(f"{round(part * 15):x}" for part in one)
        for one in (look.color, look.background)
    )


@pytest.mark.parametrize(
    ("body", "colors"),
    [
        ("<p>x</p>", ("000", "fff")),
        ('<p style="color:red">x</p>', ("f00", "fff")),
        ('<div style="color:#00f;background:#ff0"><p><b>x</b></p></div>', ("00f", "ff0")),
        ('<table bgcolor="#000000"><tr><td style="color:white">x</table>', ("fff", "000")),
        ('<table bgcolor="000000"><tr><td><font color="ff0000">x</table>', ("f00", "000")),
        ('<p style="color:rgba(0,0,0,0.5)">x</p>', ("888", "fff")),
        ('<p style="color:red !important;color:blue">x</p>', ("f00", "fff")),
        ('<p style="background:url(a.png)">x</p>', ("000", "?")),
        ('<p style="background:#f00 none">x</p>', ("000", "f00")),
        ('<div style="background:#f00"><p style="background:none">x</div>', ("000", "f00")),
        ('<a href="#">x</a>', ("00e", "fff")),
        ('<div style="color:red"><a href="#" style="color:inherit">x</a></div>', ("f00", "fff")),
        ('<p style="color:var(--c)">x</p>', ("?", "fff")),
    ],
    ids=range(13),
)  # fmt: skip
def test_colors_are_inherited_and_blended(body: str, colors: tuple[str, str]) -> None:
    assert _colors(body) == colors


def test_rules_of_sheets_count_by_specificity() -> None:
    sheet = "<style>.a.b{color:red} p{color:blue} .a{color:lime}</style>"
    assert _colors('<p class="a b">x</p>', sheet)[0] == "f00"
    assert _colors('<p class="a">x</p>', sheet)[0] == "0f0"
    assert _colors('<p class="a" style="color:#00f">x</p>', sheet)[0] == "00f"
    assert _colors("<p>x</p>", "<style>p:hover{color:red} p::before{color:red}</style>")[0] == "000"


@pytest.mark.parametrize(
    ("body", "colors"),
    [
        ('<table background="a.png"><tr><td>x</table>', ("000", "?")),
        ('<p style="background-color:wat(1)">x</p>', ("000", "?")),
        ('<p style="background-position:top">x</p>', ("000", "fff")),
        ('<p style="background:repeat-x">x</p>', ("000", "fff")),
        ('<div style="background:url(a)"><p style="background:#00000080">x</div>', ("000", "?")),
    ],
)
def test_backgrounds_that_are_not_known(body: str, colors: tuple[str, str]) -> None:
    assert _colors(body) == colors


def test_selector_that_is_not_known_styles_nothing() -> None:
    head = "<style>p:foo{color:red} .a{color:#0f0}</style>"
    assert _colors('<p class="a">x</p>', head) == ("0f0", "fff")


def test_dark_rules_hold_on_dark_screens_only() -> None:
    rules = "body { background:#111 !important } p { color:#eee !important }"
    sheet = f"<style>{DARK} {{ {rules} }}</style>"
    body = '<p style="color:#222222">x</p>'
    assert _colors(body, sheet) == ("222", "fff")
    assert _colors(body, sheet, "dark") == ("eee", "111")


def test_dark_canvas_is_dark() -> None:
    assert _colors("<p>x</p>", scheme="dark") == ("fff", "222")


def test_rules_for_narrow_screens_are_left_out() -> None:
    sheet = "<style>@media (max-width:600px){p{color:red}} @media print{p{color:red}}</style>"
    assert _colors("<p>x</p>", sheet)[0] == "000"


@pytest.mark.parametrize(
    ("style", "size", "bold"),
    [
        ("font-size:24px", 24, False),
        ("font-size:12pt", 16, False),
        ("font-size:1.5em", 24, False),
        ("font:bold 20px/26px Arial", 20, True),
        ("font-weight:700", 16, True),
        ("font-size:small", 13, False),
    ],
)
def test_sizes_of_fonts(style: str, size: float, bold: bool) -> None:
    look = _look(f'<p style="{style}">x</p>')
    assert (look.size, look.bold) == (size, bold)


def test_large_text_is_large_or_bold() -> None:
    assert Look(size=24).is_large
    assert Look(size=19, bold=True).is_large
    assert not Look(size=19).is_large
    assert _look("<h1>x</h1>").is_large


@pytest.mark.parametrize(
    "style",
    [
        "display:none",
        "visibility:hidden",
        "font-size:0",
        "max-height:0",
        "opacity:0",
        "font-size:1px",
        "mso-hide:all",
    ],
)
def test_hidden_text_is_left_out(style: str) -> None:
    document = parse(f'<div style="{style}"><p>hidden</p></div><p>shown</p>')
    assert [str(one.text) for one, _ in looks_of(document, "light")] == ["shown"]


def test_text_in_a_cell_of_font_size_zero_is_shown() -> None:
    cell = '<td style="font-size:0px"><div style="font-size:13px;color:red">x</div></td>'
    look = _look(f"<table><tr>{cell}</tr></table>")
    assert (look.size, look.shows_text, look.color) == (13, True, (1, 0, 0))


def test_deep_page_is_walked() -> None:
    document = parse("<div>" * 5_000 + "x")
    assert sum(1 for _ in looks_of(document, "light")) == 1
