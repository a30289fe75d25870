"""The data of mail programs."""

from __future__ import annotations

from mailmerge.preflight.deep.clients import WORD_ENGINE, data_date, load_support


def test_data_is_complete() -> None:
    support = load_support()
    assert len(support) >= 300
    assert all(one.tested > 8 for one in support.values())
    assert data_date() >= "2026-05-13"


def test_flexbox_is_not_in_the_word_engine() -> None:
    flex = load_support()["css-display-flex"]
    assert WORD_ENGINE in flex.lacking
    assert flex.title == "display:flex"
    assert flex.in_words().startswith("Outlook for Windows (Word engine), Windows Mail")
    assert flex.in_words().endswith(" more")


def test_feature_that_all_have_lacks_nowhere() -> None:
    assert load_support()["html-strong"].lacking == ()
    assert load_support()["css-font"].share == 0


def test_family_without_a_feature_has_one_name() -> None:
    words = load_support()["css-color-scheme"].in_words()
    assert words.startswith("Gmail, ")
