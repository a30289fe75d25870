"""What is known of single properties."""

from __future__ import annotations

import pytest

from mailmerge.rendering.properties import (
    is_known_everywhere,
    is_quirk,
    longhands,
    overlap,
    overrides,
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
    ("name", "value", "quirk"),
    [
        ("margin", "0 12", True),
        ("padding-left", "-.5", True),
        ("width", "10", True),
        ("margin", "0 12px 1e3px", False),
        ("width", "calc(10 * 1px)", False),
        ("line-height", "12", False),
        ("color", "00f", True),
        ("background-color", "abcdef", True),
        ("border-color", "#abc red", False),
        ("background", "00f", False),
        ("border-color", "rgb(0 102 204 / 50%)", False),
    ],
)
def test_value_of_quirks_mode_is_known(name: str, value: str, quirk: bool) -> None:
    assert is_quirk(name, value) is quirk
