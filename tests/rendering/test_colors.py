"""Colours of today become colours that every client knows."""

from __future__ import annotations

import pytest

from mailmerge.rendering.colors import with_legacy_colors


@pytest.mark.parametrize(
    ("value", "legacy"),
    [
        ("rgb(0 102 204 / 50%)", "rgba(0, 102, 204, 0.5)"),
        ("hsl(120deg 50% 50%)", "#40bf40"),
        ("#11223380", "rgba(17, 34, 51, 0.502)"),
        ("1px solid hwb(10 20% 30%)", "1px solid #b24833"),
        ("oklch(100% 0 0)", "#ffffff"),
        ("rgba(0,0,0,.5)", None),
        ("url(#abcd)", None),
        ("'rgb(0 0 0)'", None),
    ],
)
def test_modern_colors_have_a_legacy_form(value: str, legacy: str | None) -> None:
    assert with_legacy_colors(value) == legacy


@pytest.mark.parametrize(
    ("value", "legacy"),
    [
        ("color-mix(in srgb-linear, black, white)", "#bcbcbc"),
        ("color-mix(in srgb, red 0%, blue 0%)", None),
        ("color-mix(red, blue, lime)", None),
        ("color-mix(srgb, red, blue)", None),
        ("color-mix(in, red, blue)", None),
        ("rgb(none)", None),
        ("lab(x y z)", None),
    ],
)
def test_mixture_without_a_color_has_no_legacy_form(value: str, legacy: str | None) -> None:
    assert with_legacy_colors(value) == legacy


@pytest.mark.parametrize(
    ("value", "legacy"),
    [
        # the values that Chromium computes for them in sRGB
        ("lab(50% 40 59)", "#bf5702"),
        ("lch(50% 60 30)", "#ca4948"),
        ("color(display-p3 1 0 0)", "#ff0000"),
        ("color(display-p3 0.2 0.5 0.3)", "#008247"),
        ("lab(30% -40 9 / 40%)", "rgba(0, 85, 55, 0.4)"),
        ("color(srgb-linear 0.5 0 0)", "#bc0000"),
        ("color-mix(in srgb, red, blue)", "#800080"),
        ("color-mix(in srgb, red 25%, blue)", "#4000bf"),
        ("color-mix(in srgb, red 20%, blue 20%)", "rgba(128, 0, 128, 0.4)"),
        ("color-mix(in srgb, rgb(255 0 0 / 50%), transparent)", "rgba(255, 0, 0, 0.25)"),
        ("color-mix(in oklab, black, white)", "#636363"),
        ("1px solid color-mix(in srgb, lab(0% 0 0), #fff)", "1px solid #808080"),
        ("light-dark(#111, color-mix(in srgb, red, blue))", "#111"),
        ("color-mix(in srgb, var(--x), blue)", None),
        ("color-mix(in srgb, currentColor, blue)", None),
        ("rgb(from red r g b / 50%)", None),
        ("url(lab(50%)) no-repeat", None),
    ],
)
def test_colour_of_today_has_a_fallback(value: str, legacy: str | None) -> None:
    assert with_legacy_colors(value) == legacy
