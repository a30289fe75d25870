"""Digits are put into the places of a format."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.recipients.formats.format_code import Token, sections_of
from mailmerge.recipients.formats.format_digits import (
    show_digits,
    show_exponent,
    show_fraction,
)
from mailmerge.recipients.formats.locales import ENGLISH, Locale, find_locale


def tokens(code: str) -> tuple[Token, ...]:
    return sections_of(code)[0].tokens


@pytest.mark.parametrize(
    ("raw", "code", "text"),
    [
        ("1234.5", "#,##0.00", "1,234.50"),
        ("0.5", "#.##", ".5"),
        ("12.5", ".00", "12.50"),
        ("0", "?.??", " .  "),
        ("1234567", "0 000", "1234 567"),
        ("1234567", "0,000", "1,234,567"),
        ("12", "###0-00", "0-12"),
        ("1234567", '0.0,,"M"', "1.2M"),
        ("0.125", "0%", "13%"),
        ("1234.567", '0.0 "abc" 0', "1234.5 abc 7"),
        ("-0.001", "0.00", "0.00"),
    ],
)
def test_digits_fill_their_places(raw: str, code: str, text: str) -> None:
    assert show_digits(Decimal(raw), tokens(code), ENGLISH.signs) == text


def test_each_locale_has_its_signs() -> None:
    for tag, text in [("de", "1.234.567,50"), ("en-IN", "12,34,567.50"), ("de-CH", "1'234'567.50")]:
        locale = find_locale(tag)
        assert isinstance(locale, Locale)
        assert show_digits(Decimal("1234567.5"), tokens("#,##0.00"), locale.signs) == text
        assert (
            show_digits(Decimal("1234567.5"), tokens("#,##0.0?"), locale.signs) == text[:-1] + " "
        )


@pytest.mark.parametrize(
    ("raw", "code", "text"),
    [
        ("12345.678", "##0.0E+0", "12.3E+3"),
        ("999999", "0.00E+00", "1.00E+06"),
        ("-0.000123456", "0E-0", "-1E-4"),
        ("0", "0.00E+00", "0.00E+00"),
        ("12", ".0E+0", ".1E+2"),
        ("5", "0E+", None),
    ],
)
def test_exponents(raw: str, code: str, text: str | None) -> None:
    assert show_exponent(Decimal(raw), tokens(code), ENGLISH.signs) == text


@pytest.mark.parametrize(
    ("raw", "code", "text"),
    [
        ("1.25", "# ?/?", "1 1/4"),
        ("0.5", "# ?/?", " 1/2"),
        ("5", "# ?/?", "5    "),
        ("-2.333", "# ?/?", "-2 1/3"),
        ("3.14159", "?/?", "22/7"),
        ("3.14159", "# ??/??", "3  1/7 "),
        ("0.47", "# ?/?", " 1/2"),
        ("0.47", "# ??/??", "  8/17"),
        ("12.3", "# ?/?", "12 1/3"),
        ("-123.456", "# ??/??", "-123 26/57"),
        ("1234.567", "# ???/???", "1234  55/97 "),
        ("-1.03", "# ??/??", "-1  1/33"),
        ("0.00046296333332685726", "# ?????/?????????", "  4051/8750153  "),
        ("0.999", "# ?/2", "1    "),
        ("1.5", "# ?/100", "1 50/100"),
        ("1.25", "0 0/0", "1 1/4"),
        ("5", "0 0/0", "5 0/1"),
        ("1.25", '#0 ??/??" in"', "1  1/4  in"),
        ("1", "/0", None),
    ],
)
def test_fractions(raw: str, code: str, text: str | None) -> None:
    assert show_fraction(Decimal(raw), tokens(code)) == text


@given(st.decimals(-(10**12), 10**12, places=3), st.integers(0, 3))
def test_a_simple_format_shows_what_any_other_does(value: Decimal, places: int) -> None:
    """Formats with one run of places have a shorter way; it must not show."""
    simple = "#,##0" + ("." + "0" * places if places else "")
    other = simple.replace("#,##0", '#,##""0')  # a text between the places
    expected = show_digits(value, tokens(other), ENGLISH.signs)
    assert show_digits(value, tokens(simple), ENGLISH.signs) == expected
