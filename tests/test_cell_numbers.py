"""The number that a cell shows, or none."""

from __future__ import annotations

import pytest

from mailmerge.cell_numbers import parse_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1,234.50", 1234.5),
        ("1.234,50", 1234.5),
        ("1.234,50 €", 1234.5),
        ("$5", 5),
        ("EUR 34.30", 34.3),
        ("12.5%", 0.125),
        ("43,0", 43),
        ("1 234,50", 1234.5),
        ("1'234.50", 1234.5),
        ("(5.20)", -5.2),
        ("-3", -3),
        ("−3", -3),
        ("1,234,567", 1234567),
        ("12,34,567.00", 1234567),
        ("0,5", 0.5),
        ("１２３", 123),
        ("1e3", 1000),
        ("5 kg", 5),
        ("1.234", 1.234),
        ("0,123", 0.123),
    ],
)
def test_numbers_as_sheets_show_them_are_understood(text: str, number: float) -> None:
    assert parse_number(text) == pytest.approx(number)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "N/A",
        "nan",
        "inf",
        "12:30",
        "2026-01-01",
        "1,2,3",
        "1_000",
        "1,234",
        "-",
        "1" + ",000" * 200,
    ],
)
def test_what_is_no_number_or_ambiguous_is_none(text: str) -> None:
    assert parse_number(text) is None


@pytest.mark.parametrize(
    ("text", "locale", "number"),
    [
        ("1,234", "de", 1.234),
        ("1,234", "en-US", 1234),
        ("1.234", "de", 1234),
        ("1.234", "de-CH", 1.234),
    ],
)
def test_the_language_of_the_sheet_decides(text: str, locale: str, number: float) -> None:
    assert parse_number(text, locale) == pytest.approx(number)
