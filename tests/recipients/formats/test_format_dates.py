"""Serial numbers of days become dates, times and durations."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mailmerge.recipients.formats.format_code import sections_of
from mailmerge.recipients.formats.format_dates import DateStyle, show_date
from mailmerge.recipients.formats.locales import ENGLISH, Locale, find_locale


def locale(tag: str) -> Locale:
    found = find_locale(tag)
    assert found is not None
    return found


def shown(
    raw: str, code: str, style: DateStyle, *, from_1904: bool = False
) -> tuple[str | None, bool]:
    return show_date(Decimal(raw), sections_of(code)[0].tokens, style, from_1904=from_1904)


@pytest.mark.parametrize(
    ("raw", "code", "text"),
    [
        ("46055.75", "d/m/yyyy h:mm", "2/2/2026 18:00"),
        ("46055.5831", "h:mm", "13:59"),
        ("0.99999", "h:mm:ss", "23:59:59"),
        ("0.5000058", "ss.000", "00.501"),
        ("46055.75", "h AM/PM", "6 PM"),
        ("46055.75", "h 上午/下午", "6 下午"),
        ("46055", "yyy y", "2026 26"),
        ("46055", "bbbb", "2569"),
        ("46055", "aaaa aaa", "Monday Mon"),
        ("0", "d.m.yyyy", "0.1.1900"),
        ("1.5", "[h]:mm", "36:00"),
        ("0.0437", "[m]:ss.0", "62:55.7"),
        ("0.5", '[h] "h" h d', "12 h 12 "),
    ],
)
def test_dates_in_english(raw: str, code: str, text: str) -> None:
    assert shown(raw, code, DateStyle(ENGLISH)) == (text, True)


@pytest.mark.parametrize(
    ("tag", "code", "text"),
    [
        ("de", "dddd, d. mmmm yyyy", "Montag, 2. Februar 2026"),
        ("de", "d/m/yy", "2.2.26"),
        ("ru", "d mmmm", "2 февраля"),
        ("ru", "mmmm yyyy", "Февраль 2026"),
        ("pl", "mmmm", "luty"),
        ("ja", 'ggge"年"', "令和8年"),
        ("ja", "gee", "R08"),
        ("zh-TW", "e/m/d", "115/2/2"),
        ("zh-TW", "ggge", "中華民國115"),
        ("zh-CN", "aaaa", "星期一"),
    ],
)
def test_dates_of_other_countries(tag: str, code: str, text: str) -> None:
    assert shown("46055", code, DateStyle(locale(tag))) == (text, True)


def test_calendars_and_scripts() -> None:
    thai = DateStyle(locale("th"), calendar=7, numerals=13)
    assert shown("46055", "d mmmm yyyy", thai) == ("๒ กุมภาพันธ์ ๒๕๖๙", True)
    assert shown("46055", "yyyy", DateStyle(ENGLISH, calendar=3)) == ("8", True)
    assert shown("46055", "yyyy", DateStyle(ENGLISH, calendar=4)) == ("115", True)
    assert shown("46055.5", "yyyy", DateStyle(ENGLISH, calendar=6)) == (
        "2026-02-02 12:00:00",
        False,
    )
    chinese = DateStyle(locale("zh-CN"), chinese=1, east_asian="zh")
    assert shown("46376.51", "yyyy/m/d h", chinese) == ("二〇二六/十二/二十 一十二", True)


@pytest.mark.parametrize("raw", ["60", "60.5", "-1", "2958466", "2958465.9999999"])
def test_a_number_that_is_no_date(raw: str) -> None:
    assert shown(raw, "yyyy", DateStyle(ENGLISH)) == (None, False)


@pytest.mark.parametrize("code", ["ddddd", "yyyyy", "g", "d @"])
def test_an_unknown_part_gives_the_plain_form(code: str) -> None:
    assert shown("46055", code, DateStyle(ENGLISH)) == ("2026-02-02", False)


def test_years_before_a_calendar_are_not_known() -> None:
    assert shown("400", "e", DateStyle(locale("zh-TW"))) == ("1901-02-03", False)
    assert shown("400", "yyyy", DateStyle(ENGLISH, calendar=4)) == ("1901-02-03", False)
    assert shown("400", "e", DateStyle(locale("ja"))) == ("34", True)


def test_durations_below_zero_are_uncertain() -> None:
    assert shown("-0.5", "[h]:mm", DateStyle(ENGLISH)) == ("-12:00", False)


def test_days_may_count_from_1904() -> None:
    assert shown("0", "d/m/yyyy", DateStyle(ENGLISH), from_1904=True) == ("1/1/1904", True)
