"""The code of a number format is cut into sections and tokens."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mailmerge.recipients.formats.format_code import (
    denominator,
    is_date_code,
    sections_of,
    text_section,
)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("General", "general"),
        ("@", "text"),
        ("0.00", "digits"),
        ("# ?/?", "fraction"),
        ("0E+0", "exponent"),
        ("d/m", "date"),
        ("[h]:mm", "date"),
        ('"yes"', "literal"),
        ("", "literal"),
    ],
)
def test_the_kind_of_a_section(code: str, kind: str) -> None:
    (section,) = sections_of(code)
    assert section.kind == kind
    assert is_date_code(code) == (kind == "date")


def test_a_section_for_texts_is_none_of_numbers() -> None:
    assert len(sections_of("0;-0;0;@")) == 4
    assert len(sections_of("0;@")) == 1
    assert text_section("0.00") is None
    assert text_section("@") is None
    assert text_section("0;0;0;_(@_)") is None
    changed = text_section('0;"Dear "@')
    assert changed is not None
    assert [token.kind for token in changed.tokens] == ["literal", "text"]


def test_brackets_have_colours_conditions_and_numerals() -> None:
    (section, *_) = sections_of("[Red][>=1E3][DBNum2]0;0")
    assert section.condition is not None
    assert (section.condition.sign, section.condition.limit) == (">=", Decimal(1000))
    assert (section.chinese, section.known) == (2, True)
    assert not sections_of("[NatNum5]0")[0].known
    assert not sections_of("B2dd")[0].known


@pytest.mark.parametrize(
    ("sign", "results"),
    [
        ("<", (True, False, False)),
        ("<=", (True, True, False)),
        ("=", (False, True, False)),
        (">=", (False, True, True)),
        (">", (False, False, True)),
        ("<>", (True, False, True)),
    ],
)
def test_a_condition_compares(sign: str, results: tuple[bool, ...]) -> None:
    condition = sections_of(f"[{sign}5]0")[0].condition
    assert condition is not None
    assert tuple(condition.holds(Decimal(n)) for n in (4, 5, 6)) == results


@pytest.mark.parametrize(
    ("code", "tag", "calendar", "numerals"),
    [
        ("[$-407]0", "de-DE", 0, 0),
        ("[$-107041E]0", "th-TH", 7, 1),
        ("[$-D000000]0", None, 0, 13),
        ("[$-ru-RU,1]0", "ru-RU", 0, 0),
        ("[$€-407]0", None, 0, 0),
    ],
)
def test_the_locale_of_a_section(code: str, tag: str | None, calendar: int, numerals: int) -> None:
    (section,) = sections_of(code)
    assert (section.locale and section.locale.tag) == tag
    assert (section.calendar, section.numerals, section.known) == (calendar, numerals, True)


def test_an_unknown_locale_is_not_known() -> None:
    assert not sections_of("[$-3FE]0")[0].known
    assert sections_of("[$-F800]dddd")[0].system == "date"
    assert sections_of("[$-x-systime]h")[0].system == "time"
    assert sections_of("[$-1E000804]0")[0].chinese == 1


def test_a_denominator_may_be_fixed() -> None:
    (section,) = sections_of("# ?/16")
    slash = next(n for n, token in enumerate(section.tokens) if token.kind == "slash")
    assert denominator(section.tokens[slash + 1 :]) == 16
    assert denominator(sections_of("??")[0].tokens) == 0
