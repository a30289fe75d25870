"""Digits in other scripts, and numbers in Chinese characters."""

from __future__ import annotations

import pytest

from mailmerge.recipients.formats.numerals import (
    chinese_level,
    digit_by_digit,
    shape_known,
    shaped,
    small_number,
    written_out,
)


def test_digits_have_the_shape_that_is_asked_for() -> None:
    assert shaped("10.2", 2) == "١٠.٢"
    assert shaped("10", 13) == "๑๐"
    assert shaped("10", 0) == shaped("10", 99) == "10"
    assert shaped("10", 0x20) == "１０"
    assert (shape_known(2), shape_known(99), chinese_level(0x1F), chinese_level(2)) == (
        True, False, 2, 0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "language", "level", "expected"),
    [
        ("46055.75", "zh", 1, "四万六千〇五十五．七五"),
        ("12", "zh", 1, "一十二"),
        ("105", "ja", 1, "百五"),
        ("1235", "ja", 1, "一千二百三十五"),
        ("20010", "zh", 2, "贰万零壹拾"),
        ("100000001", "zh", 1, "一亿〇一"),
        ("0", "zh", 1, "〇"),
        ("-1,234", "zh-TW", 2, "-壹仟貳佰參拾肆"),
        ("1234", "zh", 3, "１２３４"),
        ("1E+20", "zh", 1, "一E+二〇"),
    ],
)
def test_numbers_are_written_out(text: str, language: str, level: int, expected: str) -> None:
    assert written_out(text, language, level) == expected


def test_years_are_written_digit_by_digit() -> None:
    assert digit_by_digit("2026", "zh", 1) == "二〇二六"
    assert digit_by_digit("1.5", "zh", 3) == "１．５"


def test_months_have_no_one_before_ten() -> None:
    assert small_number(12, "zh", 1, calendar=True) == "十二"
    assert small_number(12, "zh", 1, calendar=False) == "一十二"
    assert small_number(1, "zh", 1, calendar=True) == "一"
    assert small_number(20, "zh", 3, calendar=True) == "２０"
