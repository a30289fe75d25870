"""The bound of a result is never below the size of the real result."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.rendering.budget import Budget, text_size
from mailmerge.rendering.growth import FILTERS, METHODS, check_operands
from mailmerge.rendering.settings import RenderLimits
from mailmerge.rendering.template_errors import LimitExceeded

TEXTS = st.text(alphabet="ab \t\n\N{SNOWMAN}", max_size=20)
NUMBERS = st.integers(-3, 50)


def budget(characters: int = 10_000_000) -> Budget:
    made = Budget(RenderLimits(characters=characters))
    made.restart()
    return made


@pytest.mark.parametrize("name", ["center", "ljust", "rjust", "zfill", "expandtabs"])
@given(text=TEXTS, number=NUMBERS)
def test_padded_text_is_within_the_bound(name: str, text: str, number: int) -> None:
    assert text_size(getattr(text, name)(number)) <= METHODS[name](budget(), text, (number,), {})


@given(text=TEXTS, old=TEXTS, new=TEXTS, count=NUMBERS)
def test_replaced_text_is_within_the_bound(text: str, old: str, new: str, count: int) -> None:
    bound = METHODS["replace"](budget(), text, (old, new, count), {})
    made = text.replace(old, new, count)
    assert len(made) <= bound


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("center", (10**9,)),
        ("indent", (10**9,)),
        ("slice", (10**9,)),
        ("batch", (10**9, "x")),
        ("tojson", (10**9,)),
    ],
)
def test_filter_with_a_huge_argument_has_a_huge_bound(name: str, args: tuple[Any, ...]) -> None:
    assert FILTERS[name](budget(), ["a"] if name != "center" else "a", args, {}) >= 10**9


@pytest.mark.parametrize(
    ("operator", "left", "right"),
    [
        ("*", "a", 10**9),
        ("*", 10**9, [1]),
        ("**", 10, 10**9),
        ("*", 10**3000, 10**3000),
        ("%", "%999999999d", 1),
        ("%", "%*d", (10**9, 1)),
        ("%", "%.999999999f", 1.5),
        ("+", "a" * 6_000_000, "a" * 6_000_000),
    ],
)
def test_operation_with_a_huge_result_is_refused(operator: str, left: Any, right: Any) -> None:
    with pytest.raises(LimitExceeded):
        check_operands(budget(), operator, left, right)


@pytest.mark.parametrize(
    ("operator", "left", "right"),
    [("*", 2, 3), ("**", 2, 1000), ("%", "%05.2f", 1.5), ("+", [1], [2]), ("-", 3, 2), ("/", 1, 2)],
)
def test_ordinary_operation_is_allowed(operator: str, left: Any, right: Any) -> None:
    check_operands(budget(), operator, left, right)


def test_views_of_a_dictionary_have_no_difference() -> None:
    with pytest.raises(TypeError, match="does not work"):
        check_operands(budget(), "-", {"a": 1}.keys(), ["b"])
