"""`var()` is resolved where the page alone decides it."""

from __future__ import annotations

import pytest

from mailmerge.rendering.cascade import of_attribute
from mailmerge.rendering.custom_properties import (
    CustomProperties,
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
