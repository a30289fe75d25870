"""The bound of a result is never below the size of the real result."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.rendering.budget import Budget, text_size
from mailmerge.rendering.growth import FILTERS, METHODS, check_integer, check_operands, check_slow
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


@pytest.mark.parametrize(
    ("name", "value", "args", "words"),
    [
        ("round", 1.5, (10**6,), "round has a precision of more than"),
        ("round", 1.5, (-(10**6),), "round has a precision of more than"),
        ("int", "1" * 10_000, (), "int has a text of more than"),
    ],
)
def test_number_with_too_many_digits_is_refused(
    name: str, value: object, args: tuple[Any, ...], words: str
) -> None:
    with pytest.raises(LimitExceeded, match=words):
        FILTERS[name](budget(), value, args, {})
    assert FILTERS[name](budget(), "12", (2,), {}) == 0


def test_integer_with_too_many_digits_is_refused() -> None:
    check_integer(10**100)
    with pytest.raises(LimitExceeded, match="it makes a number of more than"):
        check_integer(10**100_000)


def test_slow_filter_takes_no_long_text() -> None:
    check_slow(budget(), "title", "a" * 1000)
    with pytest.raises(LimitExceeded, match="title has a text of more than"):
        check_slow(budget(), "title", "a" * 5_000_000)


@given(TEXTS, st.dictionaries(st.integers(9, 120), TEXTS, max_size=5))
def test_translated_text_is_within_the_bound(text: str, table: dict[int, str]) -> None:
    bound = METHODS["translate"](budget(), text, (table,), {})
    assert len(text.translate(table)) <= max(bound, len(text))


def test_translated_bytes_keep_their_size() -> None:
    assert METHODS["translate"](budget(), b"abc", (bytes(256),), {}) == 3


@given(st.text(alphabet="a\r\n", max_size=40))
def test_lines_of_a_text_are_within_the_bound(text: str) -> None:
    assert METHODS["splitlines"](budget(), text, (), {}) >= len("".join(text.splitlines()))


def test_replacing_by_another_type_is_left_to_python() -> None:
    assert METHODS["replace"](budget(), b"abc", (5, b"x"), {}) == 0


@given(st.integers(0, 10**9), st.text("0123456789", max_size=3))
def test_number_is_replaced_as_its_text(value: int, new: str) -> None:
    made = str(value).replace("1", new)
    assert len(made) <= FILTERS["replace"](budget(), value, ("1", new), {})


def test_indented_json_counts_the_depth_of_lists() -> None:
    value: Any = [{"a": [1, {"b": 2}]}, 3]
    flat = FILTERS["tojson"](budget(), [1, 2], (100,), {})
    deep = FILTERS["tojson"](budget(), value, (100,), {})
    assert deep >= len(json.dumps(value, indent=100))
    assert FILTERS["tojson"](budget(), 5, (100,), {}) <= flat < deep


def test_views_of_a_dictionary_have_no_difference() -> None:
    with pytest.raises(TypeError, match="does not work"):
        check_operands(budget(), "-", {"a": 1}.keys(), ["b"])
