"""Names and signs of each language and country."""

from __future__ import annotations

import pytest

from mailmerge.recipients.formats.format_code import sections_of
from mailmerge.recipients.formats.locales import ENGLISH, find_locale, locale_of_code


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("de", "de-DE"),
        ("de_CH.UTF-8", "de-CH"),
        ("pt", "pt-BR"),
        ("zh", "zh-CN"),
        ("zh-Hant", "zh-TW"),
        ("zh-Hant-HK", "zh-HK"),
        ("no", "nb-NO"),
        ("sr-Latn-RS", "sr-Latn-RS"),
        ("sr", "sr-RS"),
        ("de-XX", "de-DE"),
    ],
)
def test_a_locale_is_found_by_its_tag(name: str, tag: str) -> None:
    found = find_locale(name)
    assert found is not None
    assert found.tag == tag


@pytest.mark.parametrize("name", ["", "C", "C.UTF-8", "POSIX", "xx", "english"])
def test_other_names_are_not_known(name: str) -> None:
    assert find_locale(name) is None


def test_a_locale_is_found_by_its_number() -> None:
    for code, tag in [(0x407, "de-DE"), (0x807, "de-CH"), (0x1407, "de-DE"), (0xFC19, "ru-RU")]:
        found = locale_of_code(code)
        assert found is not None
        assert (found.tag, found.language) == (tag, tag[:2])
    assert locale_of_code(0x3FE) is None
    assert locale_of_code("fr") is find_locale("fr-FR")


def test_every_locale_is_complete() -> None:
    for code in range(1, 0x100):
        locale = locale_of_code(code)
        if locale is None:
            continue
        assert len(locale.months.full) == len(locale.months.short) == 12
        assert len(locale.months.genitive) == 12
        assert len(locale.days.full) == len(locale.days.short) == 7
        assert all(locale.months.full + locale.days.full + locale.noon + locale.truth)
        codes = locale.codes
        for one in (codes.short, codes.long, codes.day_month_year, codes.month_year):
            assert not one or sections_of(one)[0].kind == "date"
    assert ENGLISH.signs.point == "."
