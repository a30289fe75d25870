"""Guarded filters do what those of Jinja2 do, and printable refuses objects without a text."""

from __future__ import annotations

from typing import Any

import jinja2
import pytest

from mailmerge.rendering.environment import run
from mailmerge.rendering.guarded import guarded_filters, guarded_tests, printable
from mailmerge.rendering.marking import MarkingEnvironment, choose_sentinel
from mailmerge.rendering.variables import CampaignView, variables_of


def rendered(source: str, **cells: str) -> str:
    loader = jinja2.DictLoader({"body": source})
    environment = MarkingEnvironment(loader, "text", choose_sentinel())
    template = environment.get_template("body")
    return "".join(run(template, variables_of(2, cells, CampaignView("news"))))


@pytest.mark.parametrize(
    "source",
    [
        "{{ [3, 1, 2]|sort|join('-') }}",
        "{{ 'a b'|title }} {{ 'x'|center(5) }}|{{ 'a\nb'|indent }}",
        "{{ [1, 2, 3]|sum }} {{ ([0.1] * 3)|sum }} {{ [[1], [2]]|sum(start=[]) }}",
        "{{ [1, 2, 3, 4, 5]|batch(2, 'x')|list }} {{ [1, 2, 3]|slice(2)|list }}",
        "{{ 'a' ~ 1 ~ none }} {{ 'abcdef'[1:4] }} {{ 'abc'[::-1] }}",
        "{{ {'a': [1]}|tojson }} {{ '%s-%03d'|format('a', 7) }} {{ 2.567|round(1) }}",
        "{{ 'aXbX'|replace('X', 'y') }} {{ 'a,b'.split(',')|list }} {{ 'abc'|list }}",
        "{{ [{'n': 2}, {'n': 1}]|sort(attribute='n')|map(attribute='n')|join(',') }}",
        "{{ [{'n': 2}, {'n': 1}]|sum(attribute='n') }} {{ [1, 2]|select('in', [2])|list }}",
        "{{ 'www.example.org'|urlize }} {{ '<b>x</b>'|striptags }} {{ 'a b c'|wordwrap(3) }}",
        "{{ dict(a=1) }} {{ (1, 2) }} {{ 5 - 3 }} {{ 7 // 2 }} {{ 'a' < 'b' }}",
    ],
)
def test_guarded_filters_do_the_same_as_jinja(source: str) -> None:
    plain = jinja2.Environment(trim_blocks=True, lstrip_blocks=True).from_string(source).render()
    assert rendered(source) == plain


def test_filters_and_tests_keep_their_names() -> None:
    assert {"center", "join", "sum", "tojson"} <= guarded_filters().keys()
    assert {"in", "eq", "upper"} <= guarded_tests().keys()


@pytest.mark.parametrize("value", ["a", 1, 1.5, None, True, [1, ("a",)], {"a": 1}, range(3)])
def test_value_with_a_text_is_printable(value: Any) -> None:
    assert printable(value) is value


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("a".upper, "a function cannot be printed: add ()"),
        ((one for one in "a"), "a sequence cannot be printed"),
        (object(), r"an object \(object\) cannot be printed"),
        ([{"a": print}], "a function cannot be printed"),
    ],
)
def test_value_without_a_text_is_refused(value: Any, says: str) -> None:
    with pytest.raises(jinja2.TemplateRuntimeError, match=says):
        printable(value)
