"""`var()` is resolved where the page alone decides it."""

from __future__ import annotations

import pytest

from mailmerge.rendering.cascade import of_attribute
from mailmerge.rendering.custom_properties import (
    CustomProperties,
    may_have_no_value,
    names_used,
    uses_custom_properties,
)

PAGE = CustomProperties(
    {
        0: of_attribute("--a:red;--b:var(--a);--x:var(--y);--y:var(--x)"),
        1: of_attribute("--a:blue;--c:initial;--d:inherit"),
    },
    lambda number: 0 if number == 1 else None,
)


@pytest.mark.parametrize(
    ("value", "resolved"),
    [
        ("var(--a)", "blue"),
        ("1px solid var( --b )", "1px solid red"),
        ("var(--none, var(--a))", "blue"),
        ("var(--c, 2px)", "2px"),
        ("var(--none,)", ""),
        ("var(--x)", None),
        ("var(--none)", None),
        ("var(a)", None),
        ("red", "red"),
    ],
)
def test_value_is_that_of_the_element_or_its_parent(value: str, resolved: str | None) -> None:
    assert PAGE.resolve(value, 1) == resolved


def test_use_of_variables_is_noticed() -> None:
    assert uses_custom_properties("calc(VAR(--a))")
    assert not uses_custom_properties("red")
    assert names_used("var(--a, var(--b-c))") == ["--a", "--b-c"]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("1px solid var( --b )", "1px solid var(--b, red)"),
        ("var(--a, 1px) var(--none, var(--a))", "var(--a, blue) var(--none, var(--a, blue))"),
        ("var(--c) var(a) red", "var(--c) var(a) red"),
        ("var(--a", "var(--a, blue)"),
    ],
)
def test_present_value_becomes_the_fallback(value: str, written: str) -> None:
    assert PAGE.with_fallbacks(value, 1) == written


def test_keyword_or_variable_may_leave_a_property_without_a_value() -> None:
    assert may_have_no_value(" Initial")
    assert may_have_no_value("var(--x)")
    assert not may_have_no_value("red")
