"""The language of the texts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailmerge import language
from mailmerge.language import closest, from_environment, marked, tr, trn, use


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    yield
    use("en")


def test_english_is_what_the_source_says() -> None:
    assert language.language() == "en"
    assert tr("{file} was not found", file="a.csv") == "a.csv was not found"
    assert marked("two words") == "two words"


def test_braces_stand_for_themselves_without_values() -> None:
    assert tr("write {{ name }}") == "write {{ name }}"
    assert tr("write {{{{ {name} }}}}", name="city") == "write {{ city }}"


@pytest.mark.parametrize(("count", "text"), [(0, "0 rows"), (1, "1 row"), (1_000, "1,000 rows")])
def test_a_number_chooses_its_form(count: int, text: str) -> None:
    assert trn("{count:,} row", "{count:,} rows", count) == text


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("zh_CN.UTF-8", "zh_CN"),
        ("zh-Hans", "zh_CN"),
        ("zh", "zh_CN"),
        ("en_GB.UTF-8", "en"),
        ("en", "en"),
        ("C.UTF-8", "en"),
        ("POSIX", "en"),
        ("de_DE@euro", None),
        ("zhx", None),
    ],
)
def test_locale_names_lead_to_a_language(name: str, found: str | None) -> None:
    assert closest(name) == found


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh_CN"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "de_DE.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8", "LANGUAGE": "de:zh_CN:en"}, "zh_CN"),
        ({"LANG": "zh_CN.UTF-8", "LANGUAGE": ""}, "zh_CN"),
    ],
)
def test_environment_chooses_as_gettext_does(variables: dict[str, str], found: str) -> None:
    assert from_environment(variables) == found


def test_unknown_language_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="en, zh_CN"):
        use("tlh")


def test_the_interface_decides_where_the_environment_is_silent() -> None:
    assert from_environment({}, "zh_CN") == "zh_CN"
    assert from_environment({"LANG": "en_GB.UTF-8"}, "zh_CN") == "en"
    assert from_environment({"LANGUAGE": ""}, "de_DE") == "en"


def test_lists_are_joined_as_the_language_does() -> None:
    assert language.listed(["a", "b"]) == "a, b"
    use("zh_CN")
    assert language.listed(["a", "b"]) == "a，b"
