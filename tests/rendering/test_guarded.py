"""Guarded filters do what those of Jinja2 do, and printable refuses objects without a text."""

from __future__ import annotations

from typing import Any

import jinja2
import pytest

from mailmerge.errors import TemplateError
from mailmerge.rendering.environment import run
from mailmerge.rendering.guarded import guarded_filters, guarded_tests, printable
from mailmerge.rendering.marking import MarkingEnvironment, choose_sentinel
from mailmerge.rendering.variables import CampaignView, variables_of
from tests.rendering.conftest import MakeRecipient, MakeRenderer


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
        "{{ [1, 2, 3]|sum }} {{ [0.5, 0.25]|sum }} {{ [[1], [2]]|sum(start=[]) }}",
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


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ '%.2f'|format(net|float * 2) }}", "2469.00"),
        ("{% if net|float > 1000 %}big{% endif %}", "big"),
        ("{{ net|int }}", "1234"),
        ("{{ none_|int(7) }} {{ none_|float(0) }}", "7 0"),
    ],
)
def test_numbers_of_cells_are_read_as_sheets_show_them(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, template: str, text: str
) -> None:
    renderer = make_renderer({"body.txt": template})
    recipient = make_recipient(row=2, net="1,234.50", none_="")
    assert str(renderer.render(recipient).text) == text


@pytest.mark.parametrize(
    ("cell", "says"), [("n/a", '"n/a"'), ("", "empty"), ("1,234", "two numbers")]
)
def test_a_cell_that_is_no_number_is_an_error_of_its_row(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, cell: str, says: str
) -> None:
    renderer = make_renderer({"body.txt": "x\n{{ net|float * 2 }}"})
    with pytest.raises(TemplateError) as caught:
        renderer.render(make_recipient(row=7, net=cell))
    problem = caught.value.problem
    assert (problem.code, problem.row, problem.line) == ("not-a-number", 7, 2)
    assert says in problem.message
    assert problem.hint


@pytest.mark.parametrize(
    ("source", "made"),
    [
        ("{{ 'a-b'|map('upper')|list|join(',') }}", "A,-,B"),
        ("{{ ('a' for x in [1])|list }}", None),
        ("{{ [{'n': 1}, {'n': 2}]|join('+', attribute='n') }}", "1+2"),
        ("{{ [1.5, 2]|map('int')|join(' ') }}", "1 2"),
        ("{{ none|int(7) }} {{ 2.9|int }} {{ [1]|float(0.5) }}", "7 2 0.5"),
        ("{{ '%s'|format('x') }}", "x"),
        ("{{ ['a', 'b']|map('replace', 'a', 'c')|batch(1)|list }}", "[['c'], ['b']]"),
        ("{% if 'a' * 3000 < 'b' %}less{% endif %}", "less"),
    ],
)
def test_guarded_filters_take_what_other_filters_give(source: str, made: str | None) -> None:
    if made is None:
        with pytest.raises(jinja2.TemplateSyntaxError):
            rendered(source)
    else:
        assert rendered(source) == made


def test_format_takes_values_of_one_kind() -> None:
    with pytest.raises(Exception, match="positional and keyword arguments"):
        rendered("{{ '%s %(a)s'|format('x', a='y') }}")


def test_text_that_is_far_too_long_is_no_number() -> None:
    with pytest.raises(Exception) as caught:
        rendered("{{ n|int }}", n="1" * 5000)
    assert type(caught.value).__name__ == "NotANumber"


def test_line_breaks_may_be_kept_in_a_variable(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    source = "{% set x = a|nl2br %}{{ x }}"
    renderer = make_renderer({"body.html": f"<p>{source}</p>", "body.txt": source})
    content = renderer.render(make_recipient(a="1 <Main>\nUSA"))
    assert "<p>1 &lt;Main&gt;<br>USA</p>" in str(content.html)
    assert str(content.text) == "1 <Main>\nUSA"


def test_line_breaks_of_a_cell_become_elements_and_share_a_structure(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer({"body.html": "<p>{{ a|nl2br }}</p>", "body.txt": "{{ a|nl2br }}"})
    for name in ("x<y", "Ann"):
        content = renderer.render(make_recipient(a=f"1 Main St\n{name}\nUSA\n"))
        escaped = name.replace("<", "&lt;")
        assert f"<p>1 Main St<br>{escaped}<br>USA</p>" in str(content.html)
        assert str(content.text) == f"1 Main St\n{name}\nUSA\n"
    assert renderer.cached.made == 1, "one structure of the HTML"


def test_sum_reads_the_numbers_of_cells() -> None:
    assert rendered("{{ [a, b]|sum }}", a="10.50", b="4") == "14.5"
    assert rendered("{{ [a, b]|sum }}", a="10", b="4") == "14"
    with pytest.raises(jinja2.TemplateRuntimeError, match="no number"):
        rendered("{{ [a, 1]|sum }}", a="ten")
