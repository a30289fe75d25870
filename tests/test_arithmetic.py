"""Numbers of templates are computed and rounded as a spreadsheet does it."""

from __future__ import annotations

import math

import pytest
from markupsafe import Markup

from mailmerge.arithmetic import calculate, field_value, formatted, round_half_away


@pytest.mark.parametrize(
    ("left", "operator", "right", "result"),
    [
        (1234.5, "*", 1.19, 1469.055),
        (0.1, "+", 0.2, 0.3),
        (1000.3, "-", 1000.2, 0.1),
        (0.29, "*", 100, 29.0),
        (1469.055, "/", 1.19, 1234.5),
        (0.3, "//", 0.1, 3.0),
        (1.0, "%", 0.1, 0.0),
        (-7.5, "//", 2, -4.0),
        (-7.5, "%", 2, 0.5),
        (7.5, "%", -2, -0.5),
        (1.05, "**", 3, 1.157625),
        (1.1, "*", 3, 3.3),
    ],
)
def test_short_decimals_are_computed_exactly(
    left: float, operator: str, right: float, result: float
) -> None:
    assert calculate(operator, left, right) == result


def test_a_sum_of_a_thousand_dimes_is_a_hundred() -> None:
    total = 0.0
    for _ in range(1000):
        found = calculate("+", total, 0.1)
        assert found is not None
        total = found
    assert total == 100


@pytest.mark.parametrize(
    ("left", "operator", "right"),
    [
        (2, "*", 3),
        (1 / 3, "*", 3),
        (math.inf, "+", 1.0),
        (math.nan, "*", 2.0),
        (1.5, "/", 0),
        (1.5, "%", 0.0),
        (2.0, "**", 0.5),
        (2.0, "**", 100_000),
        ("a", "*", 2.0),
        (True, "+", 1),
        (10**400, "*", 1.5),
        (1e308, "*", 1e308),
    ],
)
def test_all_other_operations_are_left_to_python(
    left: object, operator: str, right: object
) -> None:
    assert calculate(operator, left, right) is None


@pytest.mark.parametrize(
    ("value", "places", "result"),
    [
        (1469.055, 2, 1469.06),
        (1234.5 * 1.19, 2, 1469.06),
        (2.5, 0, 3.0),
        (-2.5, 0, -3.0),
        (0.125, 2, 0.13),
        (1.005, 2, 1.01),
        (2.675, 2, 2.68),
        (1450.0, -2, 1500.0),
        (1.004999, 2, 1.0),
        (1e300, 2, 1e300),
    ],
)
def test_a_half_is_rounded_away_from_zero(value: float, places: int, result: float) -> None:
    assert round_half_away(value, places) == result


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_no_number_is_not_rounded(value: float) -> None:
    assert str(round_half_away(value, 2)) == str(value)


@pytest.mark.parametrize(
    ("template", "values", "text"),
    [
        ("%.2f", 1469.055, "1469.06"),
        ("%.2f", (1469.055,), "1469.06"),
        ("%8.2f|%-8.1f|%s", (1469.055, 0.25, "x"), " 1469.06|0.3     |x"),
        ("%.*f", (2, 1.005), "1.01"),
        ("%*.*f", (8, 2, 1.005), "    1.01"),
        ("%.0f%%", 12.5, "13%"),
        ("%(a).2f and %(a).0f %%", {"a": 0.125 + 1}, "1.13 and 1 %"),
        ("%g", 0.1, "0.1"),
        ("%.3g", 1.245, "1.25"),
        ("%.1e", 1250.0, "1.3e+03"),
        ("%s %d", (1.005, 7.9), "1.005 7"),
        ("%f", 0.1, "0.100000"),
        ("%.2f", 12, "12.00"),
        ("%.2f", 1e300, f"{1e300:.2f}"),
        ("%.f", 2.5, "3"),
    ],
)
def test_a_format_rounds_a_half_away_from_zero(template: str, values: object, text: str) -> None:
    assert formatted(template, values) == text


@pytest.mark.parametrize(
    ("template", "values"), [("%.2f", ("a",)), ("%.2f", (1.5, 2.5)), ("%(b)s", {"a": 1.5})]
)
def test_a_wrong_format_is_the_error_of_python(template: str, values: object) -> None:
    with pytest.raises((TypeError, KeyError)) as error:
        template % values  # the same error
    with pytest.raises(type(error.value)):
        formatted(template, values)


def test_escaped_text_stays_escaped() -> None:
    assert formatted(Markup("<b>%s</b> %.2f"), ("<", 1.005)) == Markup("<b>&lt;</b> 1.01")
    assert isinstance(formatted(Markup("%(a)s"), {"a": 1.5}), Markup)


@pytest.mark.parametrize(
    ("specification", "text"),
    [
        (".2f", "1469.06"),
        (",.2f", "1,469.06"),
        (".0%", "146906%"),
        ("10.1f", "    1469.1"),
        (".>12.2f", ".....1469.06"),
        ("", "1469.055"),
        (".4g", "1469"),
    ],
)
def test_a_field_of_str_format_rounds_likewise(specification: str, text: str) -> None:
    assert format(field_value(1469.055, specification), specification) == text
