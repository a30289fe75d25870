"""The region of a workbook is what the campaign says, then the workbook, then the system."""

from __future__ import annotations

import pytest

from mailmerge.errors import CampaignError
from mailmerge.recipients.formats.number_format import Region
from mailmerge.recipients.formats.region import (
    decide_region,
    language_of_country,
    language_of_words,
)


@pytest.mark.parametrize(
    ("wanted", "languages", "system", "tag", "known", "guessed"),
    [
        ("de-CH", ["fr"], "es_ES", "de-CH", True, False),
        ("", ["", "fr"], "es_ES", "fr-FR", True, False),
        ("", [""], "es_ES.UTF-8", "es-ES", True, True),
        ("", [], "C.UTF-8", "en-US", False, True),
        ("", [], "", "en-US", False, True),
    ],
)
def test_the_surest_source_wins(
    wanted: str, languages: list[str], system: str, tag: str, known: bool, guessed: bool
) -> None:
    region = decide_region(wanted, languages, {"LANG": system})
    assert isinstance(region, Region)
    assert (region.locale.tag, region.known, region.guessed) == (tag, known, guessed)


def test_lc_all_comes_before_lang() -> None:
    assert decide_region("", [], {"LC_ALL": "fr_FR", "LANG": "de_DE"}).locale.tag == "fr-FR"


def test_a_locale_that_is_not_known_is_an_error() -> None:
    with pytest.raises(CampaignError) as caught:
        decide_region("xx", [], {})
    assert caught.value.problem.code == "wrong-value"


def test_words_and_countries_have_a_language() -> None:
    assert language_of_words(["x", "Arbeitsblätter"]) == "de-DE"
    assert language_of_words(["Normal"]) == ""
    assert (language_of_country(49), language_of_country(0)) == ("de-DE", "")
