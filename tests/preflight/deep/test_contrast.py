"""Contrast of text (WCAG 2.2, 1.4.3)."""

from __future__ import annotations

import pytest

from mailmerge.preflight.deep.contrast import check_contrast, in_hex, ratio
from tests.preflight.deep.pages import found, warnings

META = '<meta name="color-scheme" content="light dark">'


def test_ratio_is_that_of_wcag() -> None:
    assert ratio((0, 0, 0), (1, 1, 1)) == pytest.approx(21)
    grey = (0x77 / 255,) * 3
    assert ratio(grey, (1, 1, 1)) == pytest.approx(4.48, abs=0.01)
    assert in_hex((1, 0.5, 0)) == "#ff8000"


def test_pale_text_is_a_warning() -> None:
    (message,) = warnings(check_contrast, '<p style="color:#888888">x</p>')
    assert message == "text of #888888 on #ffffff is hard to read: contrast 3.5, not 4.5"


def test_large_text_may_be_paler() -> None:
    assert warnings(check_contrast, '<h1 style="color:#808080">x</h1>') == []
    assert warnings(check_contrast, '<h1 style="color:#aaaaaa">x</h1>')


@pytest.mark.parametrize(
    "body",
    [
        "<p>x</p>",
        '<p style="color:#767676">x</p>',
        '<p style="color:#fff;background:url(a.png)">x</p>',
        '<p style="color:#ffffff;background-color:#3f7d3d">x</p>',
        '<p style="color:#eee;display:none">x</p>',
        '<p style="color:#ffffff">hidden first sentence</p>',
        '<p style="color:#ffffff">&nbsp;</p>',
    ],
)
def test_readable_text_is_no_warning(body: str) -> None:
    assert warnings(check_contrast, body) == []


def test_pair_of_colors_is_reported_once_with_its_line() -> None:
    row = '<p class="c" style="color:#aaaaaa">x</p>\n'
    assert found(check_contrast, f"<p>a</p>\n{row}{row}")[:-1] == [("contrast", 6, False)]


def test_dark_screens_are_checked_where_the_page_supports_them() -> None:
    sheet = "<style>@media (prefers-color-scheme: dark) { body { background: #111111 } }</style>"
    (message,) = warnings(check_contrast, '<p style="color:#222222">x</p>', sheet)
    assert message.startswith("on a dark screen, text of #222222 on #111111")
    dark = sheet.replace(
        "</style>", "@media (prefers-color-scheme: dark) {p{color:#eee!important}}</style>"
    )
    assert warnings(check_contrast, '<p style="color:#222222">x</p>', dark) == []


def test_page_without_dark_colors_gets_a_note() -> None:
    assert found(check_contrast, "<p>x</p>") == [("dark-mode", None, True)]
    assert found(check_contrast, "<p>x</p>", META) == []
