"""Values that change more of a page than their own place are found by trying."""

from __future__ import annotations

import pytest

from mailmerge.rendering import probe
from mailmerge.rendering.escaping import PAGE_ESCAPING, TEMPLATE_ESCAPING, HtmlContext
from mailmerge.rendering.placeholders import Placeholders
from mailmerge.rendering.probe import HOSTILE, Probe
from tests.listening import first_arguments

WORDS = Placeholders()
X, Y = WORDS.word(0), WORDS.word(1)
TEXT, ATTRIBUTE, COMMENT = HtmlContext.TEXT, HtmlContext.ATTRIBUTE, HtmlContext.COMMENT


def changing(html: str, *contexts: HtmlContext, sample: str = HOSTILE) -> list[int]:
    return Probe(WORDS, html, dict(enumerate(contexts)), TEMPLATE_ESCAPING).changed_by(sample)


def test_value_in_text_or_quotes_changes_nothing() -> None:
    html = f"<p title='{X}'>{Y}</p>"
    assert changing(html, ATTRIBUTE, TEXT) == []
    escaped = Probe(WORDS, html, {0: ATTRIBUTE, 1: TEXT}, PAGE_ESCAPING)
    assert escaped.changed_by(HOSTILE) == []


def test_value_without_quotes_changes_the_element() -> None:
    assert changing(f"<p title={X}>{Y}</p>", ATTRIBUTE, TEXT) == [0]


def test_hostile_value_in_a_comment_changes_nothing() -> None:
    assert changing(f"<p>a</p><!-- {X} -->", COMMENT) == []


def test_blank_value_matters_where_white_space_collapses() -> None:
    assert changing(f"{X}<p>{Y}</p>", TEXT, TEXT, sample=" ") == [0]
    assert changing(f"{X}<p>{Y}</p>", TEXT, TEXT, sample="") == []


def test_all_values_are_named_where_they_matter_only_together() -> None:
    html = f"<p>a</p><!-- {X}{Y}>b -->"
    assert changing(html, COMMENT, COMMENT, sample="-") == [0, 1]


def test_changing_values_are_found_by_bisection(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = first_arguments(monkeypatch, probe, "parse")
    rows = "".join(f"<tr><td>{WORDS.word(n)}</td></tr>" for n in range(200))
    html = f"<table>{rows}</table><p title={WORDS.word(200)}>a</p>"
    contexts = dict.fromkeys(range(200), TEXT) | {200: ATTRIBUTE}
    assert Probe(WORDS, html, contexts, TEMPLATE_ESCAPING).changed_by(HOSTILE) == [200]
    assert len(parsed) < 25
