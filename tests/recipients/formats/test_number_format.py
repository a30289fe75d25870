"""A number looks as Excel shows it, or is marked as uncertain."""

from __future__ import annotations

import random
import re
import time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.recipients.formats.locales import find_locale
from mailmerge.recipients.formats.number_format import (
    Region,
    built_in_format,
    show_number,
    show_text,
    shows_other_text,
)


@pytest.mark.parametrize(
    ("raw", "code", "text"),
    [
        ("123", "00000", "00123"),
        ("-7", "000", "-007"),
        ("34.3", "0.00", "34.30"),
        ("2.5", "0", "3"),
        ("-0.4", "0", "0"),
        ("34.3", "General", "34.3"),
        ("0.30000000000000004", "General", "0.3"),
        ("1E+20", "General", "1E+20"),
        ("1.5E-3", "General", "0.0015"),
        ("1E+300", "General", "1E+300"),
        ("0.1", "@", "0.1"),
        ("0.125", "0.0%", "12.5%"),
        ("1234567.891", "#,##0.00", "1,234,567.89"),
        ("1234", "#,###", "1,234"),
        ("123", "#,##0", "123"),
        ("0", "#", ""),
        ("0.5", "#.##", ".5"),
        (".5", ".00", ".50"),
        ("12.5", ".00", "12.50"),
        ("1234.5", "0.##", "1234.5"),
        ("5", "??0", "  5"),
        ("1.5", "0.0?", "1.5 "),
        ("1234.5", "[$€-407] #,##0.00", "€ 1,234.50"),
        ("1234.5", '#,##0.00\\ "€"', "1,234.50 €"),
        ("1234.5", '_-* #,##0.00\\ "kr"_-', "1,234.50 kr"),
        ("1500000", '0.0,,"M"', "1.5M"),
        ("-5", "0;(0)", "(5)"),
        ("-5", "0;[Red]-0", "-5"),
        ("0", '0;-0;"none"', "none"),
        ("5", '0" pcs"', "5 pcs"),
        ("5", 'General" kg"', "5 kg"),
        ("5", '"yes";"no"', "yes"),
        ("123456789", "000\\-00\\-0000", "123-45-6789"),
        ("5551234567", "(000) 000-0000", "(555) 123-4567"),
        ("12345", "0.00E+00", "1.23E+04"),
        ("0.00012", "0.0E-00", "1.2E-04"),
        ("46055", "yyyy-mm-dd", "2026-02-02"),
        ("46055.4375", "d.m.yyyy h:mm", "2.2.2026 10:30"),
        ("46055.75", "h:mm AM/PM", "6:00 PM"),
        ("46055.25", "hh:mm a/p", "06:00 A"),
        ("0.0437", "mm:ss", "02:56"),
        ("0.5000058", "h:mm:ss.00", "12:00:00.50"),
        ("1.5", "[h]:mm", "36:00"),
        ("0.001", "[ss]", "86"),
        ("46055", "mmmm d, yyyy", "February 2, 2026"),
        ("46055", "[$-409]ddd d mmm yy", "Mon 2 Feb 26"),
        ("46055", "dddd mmmmm", "Monday F"),
        ("46055", 'yyyy"年"m"月"d"日"', "2026年2月2日"),
        ("44197.5", "dd/mm/yyyy hh:mm:ss", "01/01/2021 12:00:00"),
        ("1", "yyyy-mm-dd", "1900-01-01"),
    ],
)
def test_a_number_looks_as_in_the_sheet(raw: str, code: str, text: str) -> None:
    shown = show_number(raw, code)
    assert (shown.text, shown.certain) == (text, True)


@pytest.mark.parametrize(
    ("raw", "code", "text"),
    [
        ("46055", built_in_format(14), "2026-02-02"),
        ("46055.5", built_in_format(22), "2026-02-02 12:00"),
        ("46055", built_in_format(31), "2026-02-02"),
        ("5", built_in_format(7), "5"),
        ("46055", "ggge", "2026-02-02"),
        ("46055.5", "ggge", "2026-02-02 12:00:00"),
        ("60", "yyyy-mm-dd", "60"),
        ("-1", "yyyy-mm-dd", "-1"),
        ("3000000", "yyyy-mm-dd", "3000000"),
        ("x", "0.00", "x"),
    ],
)
def test_formats_of_a_country_are_plain_and_uncertain(raw: str, code: str, text: str) -> None:
    shown = show_number(raw, code)
    assert (shown.text, shown.certain) == (text, False)


def region(tag: str) -> Region:
    """A country that is known."""
    locale = find_locale(tag)
    assert locale is not None
    return Region(locale, known=True, guessed=False)


@pytest.mark.parametrize(
    ("tag", "number", "raw", "text"),
    [
        ("de-DE", 14, "46055", "02.02.2026"),
        ("de-DE", 22, "46055.5", "02.02.2026 12:00"),
        ("en-US", 14, "46055", "2/2/2026"),
        ("en-US", 15, "46055", "2-Feb-26"),
        ("en-US", 16, "46055", "2-Feb"),
        ("en-US", 17, "46055", "Feb-26"),
        ("en-US", 7, "-5", "($5.00)"),
        ("zh-CN", 31, "46055", "2026年2月2日"),
        ("zh-CN", 27, "46055", "2026年2月"),
        ("zh-CN", 52, "46055", "2026年2月"),
        ("zh-CN", 53, "46055", "2月2日"),
        ("zh-TW", 31, "46055", "2026年2月2日"),
        ("zh-HK", 31, "46055", "2026年2月2日"),
    ],
)
def test_numbered_formats_are_those_of_a_known_country(
    tag: str, number: int, raw: str, text: str
) -> None:
    of = region(tag)
    shown = show_number(raw, built_in_format(number, of), region=of)
    assert (shown.text, shown.certain) == (text, True)


def test_numbered_formats_of_other_countries_stay_uncertain() -> None:
    of = region("de-DE")
    assert not show_number("5", built_in_format(7, of), region=of).certain
    assert built_in_format(31, of) == built_in_format(31)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("[$-F800]dddd, mmmm dd, yyyy", "Montag, 2. Februar 2026"),
        ("[$-F400]h:mm:ss AM/PM", "12:00:00"),
    ],
)
def test_formats_of_the_system_are_those_of_a_known_country(code: str, text: str) -> None:
    shown = show_number("46055.5", code, region=region("de-DE"))
    assert (shown.text, shown.certain) == (text, True)
    assert not show_number("46055.5", code).certain


@pytest.mark.parametrize(
    ("raw", "code", "text"),
    [
        ("NaN", "0.00", "NaN"),
        ("Infinity", "#,##0", "Infinity"),
        ("NaN", "General", "NaN"),
        ("-Infinity", "General", "-Infinity"),
        ("x", "General", "x"),
    ],
)
def test_a_value_that_is_no_number_stays_as_it_is(raw: str, code: str, text: str) -> None:
    assert show_number(raw, code).text == text


@pytest.mark.parametrize(
    ("raw", "code", "text"),
    [
        ("-3", "[<0]0.0;0", "3.0"),
        ("-3", "[<=-1]0.0;0", "3.0"),
        ("5", "[<=-1]0.0;0", "5"),
        ("5", "[>100]0.0;[>1]0.00;0", "5.00"),
        ("0", "[>100]0.0;[>1]0.00;0", "0"),
        ("5", "[>100]0.0;0.00", "5.00"),
        ("-5", "[>100]0.0;0.00;0.000", "5.00"),
        ("5", "[>100]0.0;0.00;0.000", "5.000"),
    ],
)
def test_conditions_choose_the_section(raw: str, code: str, text: str) -> None:
    assert show_number(raw, code).text == text


def test_a_value_without_a_section_is_plain_and_uncertain() -> None:
    shown = show_number("5", "[>100]0.0;[>50]0.00")
    assert (shown.text, shown.certain) == ("5", False)


def test_digits_may_have_the_shapes_of_another_script() -> None:
    assert show_number("123", "[$-2000000]0").text == "١٢٣"
    assert show_number("46055", "[$-2000000]yyyy").text == "٢٠٢٦"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("@", "Ann"),
        ("0.00", "Ann"),
        ('0;0;0;"Dear "@', "Dear Ann"),
        ('0;0;0;"no texts"', "no texts"),
        ("0;0;0;", ""),
        ("0;0;0;[unknown]@", "Ann"),
    ],
)
def test_the_fourth_section_shows_texts(code: str, text: str) -> None:
    assert show_text("Ann", code) == text


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("0;-0;0;General", "foo"),
        ("[Red][<-25]General;[Blue][>25]General;[Green]General;[Yellow]General\\ ", "foo "),
        ('0;-0;0;"Dear "@', "Dear foo"),
        (";;;", ""),
    ],
)
def test_a_text_looks_as_in_the_sheet(code: str, text: str) -> None:
    assert show_text("foo", code) == text
    assert shows_other_text(code) == (text != "foo")


def test_old_dates_need_no_strftime(monkeypatch: pytest.MonkeyPatch) -> None:
    """A time without a date is one of 1899, of which strftime of Windows knows no %y."""

    def strftime(form: str, *_: object) -> str:
        raise ValueError(f"format {form} requires year >= 1900 on Windows")

    monkeypatch.setattr(time, "strftime", strftime)
    assert show_number("0.5", "h:mm").text == "12:00"
    assert show_number("1", "d/m/yy").text.endswith("00")


def test_days_may_be_counted_from_1904() -> None:
    assert show_number("44593", "yyyy-mm-dd", from_1904=True).text == "2026-02-02"
    assert show_number("0", "yyyy-mm-dd", from_1904=True).text == "1904-01-01"


@given(st.decimals(-(10**12), 10**12, places=2))
def test_two_decimals_and_thousands_are_those_of_python(value: Decimal) -> None:
    expected = f"{value:,.2f}".replace("-0.00", "0.00")
    assert show_number(str(value), "#,##0.00").text == expected


@given(
    st.floats(0, 1e9) | st.floats(-1e9, -0.001),
    st.text('0#?.,%;E+-/ymdhsgG"[]\\_*$@x', max_size=12),
)
def test_any_code_gives_a_printable_text(value: float, code: str) -> None:
    shown = show_number(repr(value), code)
    assert shown.text.isprintable()
    if not shown.certain:
        # The plain form: the number itself, or the date that it stands for.
        date = r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?"
        assert re.fullmatch(rf"-?[\d.]+([eE][+-]?\d+)?|{date}", shown.text)


@pytest.mark.parametrize("code", ["0", "0.00", "#,##0.00", "0.0%", "00000", '0" pcs"', "0.0,"])
def test_codes_with_one_section_show_what_two_sections_show(code: str) -> None:
    source = random.Random(15)
    for _ in range(300):
        raw = repr(source.uniform(-1, 1) * 10.0 ** source.randrange(-4, 12))
        both = show_number(raw, code), show_number(raw, f"{code};-{code}")
        assert both[0] == both[1] or both[0].text.strip("-0.,% pcs") == ""


@pytest.mark.parametrize(
    ("raw", "code", "tag", "text", "misread"),
    [
        ("1234", "[$-407]#,##0", "en-US", "1.234", True),
        ("1.234", "[$-407]0.000", "en-US", "1,234", True),
        ("1234", "[$-409]#,##0", "de-DE", "1,234", True),
        ("1234", "[$-407]#,##0;[Red]-#,##0", "en-US", "1.234", True),
        ("1234.5", "[$-407]#,##0.00", "en-US", "1.234,50", False),
        ("0.125", "[$-407]0.0%", "en-US", "12,5%", False),
        ("1234", "[$-407]0", "en-US", "1234", False),
        ("1234567", "[$-407]#,##0,", "en-US", "1.235", True),
        ("1234567", "[$-409]#,##0,", "en-US", "1,235", False),
        ("0", "[$-407]#,##0", "en-US", "0", False),
        ("1234", "#,##0 [$€-407]", "en-US", "1,234 €", False),
    ],
)
def test_a_number_of_another_country_may_be_misread(
    raw: str, code: str, tag: str, text: str, misread: bool
) -> None:
    locale = find_locale(tag)
    assert locale is not None
    region = Region(locale, known=True, guessed=False)
    shown = show_number(raw, code, region=region)
    assert (shown.text, shown.misread) == (text, misread)


def test_percent_signs_precede_turkish_numbers() -> None:
    of = region("tr-TR")
    shown = [
        show_number("0.4125", built_in_format(number, of), region=of).text for number in (9, 10)
    ]
    assert shown == ["%41", "%41,25"]
