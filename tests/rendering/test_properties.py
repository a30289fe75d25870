"""What is known of single properties."""

from __future__ import annotations

import pytest

from mailmerge.rendering.properties import (
    is_known_everywhere,
    longhands,
    overlap,
    overrides,
    with_legacy_colors,
)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("color", "color", True),
        ("margin", "margin-top", True),
        ("border", "border-top-color", True),
        ("border-top", "border-color", True),
        ("border-left", "border-top", False),
        ("all", "color", True),
        ("all", "--x", False),
        ("columns", "columns-x", True),
        ("color", "background-color", False),
    ],
)
def test_overlap_of_shorthands_is_known(one: str, other: str, expected: bool) -> None:
    assert overlap(one, other) is overlap(other, one) is expected


@pytest.mark.parametrize(
    ("name", "value", "known"),
    [
        ("color", "#c00", True),
        ("color", "rebeccapurple", False),
        ("width", "100px", True),
        ("width", "red", False),
        ("width", "calc(1px)", False),
        ("display", "flex", False),
        ("padding", "-1px", False),
        ("margin", "0 auto", True),
        ("font-family", "Arial, 'Helvetica Neue', sans-serif", True),
        ("font-family", "inherit", False),
        ("unheard-of", "1", False),
    ],
)
def test_values_of_every_client_are_known(name: str, value: str, known: bool) -> None:
    assert is_known_everywhere(name, value) is known


def test_only_a_sure_declaration_overrides() -> None:
    assert overrides("margin", "0", "margin-top")
    assert not overrides("margin-top", "0", "margin")
    assert not overrides("color", "var(--x)", "color")
    assert longhands("margin-top") == {"margin-top"}


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
        ("color-mix(in srgb, red, blue)", None),
    ],
)
def test_modern_colors_have_a_legacy_form(value: str, legacy: str | None) -> None:
    assert with_legacy_colors(value) == legacy
