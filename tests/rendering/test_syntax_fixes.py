"""Each mistake in a template has its cause, its place and a fix that works."""

from __future__ import annotations

import time

import jinja2
import pytest

from mailmerge.rendering.syntax_fixes import SyntaxFault, explain_syntax


def fault_of(source: str) -> SyntaxFault:
    with pytest.raises(jinja2.TemplateSyntaxError) as caught:
        jinja2.Environment(autoescape=True).from_string(source)
    caught.value.source = source
    return explain_syntax(caught.value)


@pytest.mark.parametrize(
    ("line", "cause", "hint", "marked"),
    [
        ("Hi {{ “name” }}", "typographic", "write {{ name }} for the column", "“"),
        ("Hi {{ a or “b” }}", "typographic", 'write straight quotation marks: {{ a or "b" }}', "“"),
        ('{% if a = "b" %}x{% endif %}', "= does not compare", 'write {% if a == "b" %}', '= "b"'),
        ("{% if a = “b” %}x{% endif %}", "= does not compare", 'write {% if a == "b" %}', "= “b”"),
        ("Hi {{ name }, you", "}} is missing", "write {{ name }}", "}"),
        ("Hi {{ name %}, you", "}} is missing", "write {{ name }}", "%"),
        ("<p>Hi {{ name</p>", "}} is missing", "write {{ name }}", "<"),
        ("{% if a }x{% endif %}", "%} is missing", "write {% if a %}", "}"),
        ("{{{name}}}", "more than two braces", "write {{name}}", "{name"),
        ("{% name %}", "there is no tag 'name'", "write {{ name }}", "% name"),
        ("{% if a %}{% elseif b %}{% endif %}", "another name", "write {% elif b %}", "seif"),
        ("{% if a %}{% end if %}", "another name", "write {% endif %}", " if"),
        ("{{ if a }}x{% endif %}", "a tag is written in {% %}", "write {% if a %}", "{ if"),
        ("{{ <b>name</b> }}", "HTML between the braces", "write {{ name }}", "<b>"),
        ("{{&nbsp;name }}", "HTML between the braces", "write {{ name }}", "&nbsp;"),
        ("{{ First Name }}", "more than one word", 'row["First Name"]', "First"),
        ("{% if a && b %}{% endif %}", "no &&", "write {% if a and b %}", "&&"),
        ("{{ $name }}", "no $", "write {{ name }}", "$"),
        ("{{ name|uper }}", "No filter named 'uper'", "did you mean upper?", "uper"),
        ("{{#if name}}x{{/if}}", "Handlebars", "write {% if name %}", "#if"),
        ("{{#each rows}}x{{/each}}", "Handlebars", "write {% for item in rows %}", "#each"),
        ("{{/if}}", "Handlebars", "write {% endif %}", "{/"),
        ("{{> footer }}", "Handlebars", 'write {% include "footer" %}', "{>"),
        ("{{^name}}x{{/name}}", "Handlebars", "write {% if not name %}", "^"),
        ('{{ a|default:"x" }}', "in parentheses", 'write {{ a|default("x") }}', ':"x"'),
        ("{{ a | date: b, 2 }}", "in parentheses", "write {{ a | date(b, 2) }}", ": b"),
        ('{{ a ? "b" : "c" }}', "no ? and :", 'write {{ "b" if a else "c" }}', "? "),
        ('{% if a eq "b" %}x{% endif %}', "in another way", 'write {% if a == "b" %}', "eq"),
        ("{% if a AND b %}x{% endif %}", "in another way", "write {% if a and b %}", "AND"),
        ("{{ row.first name }}", "quotation marks", 'write {{ row["first name"] }}', ".first"),
        ("{{ row[first name] }}", "quotation marks", 'write {{ row["first name"] }}', "first"),
        ("{% assign x = 1 %}", "another name", "write {% set x = 1 %}", "assign"),
        ("{% load i18n %}", "Django", "remove it", "{% load"),
        ("{{ a – b }}", "minus", "write {{ a - b }}", "–"),
        ("{% if a %}x", "Unexpected end", "write {% endif %} where the block ends", "{%"),
        ("{% for x of b %}{% endfor %}", 'no "of"', "write {% for x in b %}", "of"),
        ("{% if a then %}x{% endif %}", 'no "then"', "write {% if a %}", "then"),
        ("{% if a %}{% else if b %}{% endif %}", 'no "else if"', "write {% elif b %}", "se if"),
        ("{{ {{ name }} }}", "inside of braces", "write {{ name }}", "{"),
        ("{% if {{ a }} %}x{% endif %}", "inside of braces", "write {% if a %}", "{{"),
        ("{{ a|default('x) }}", "a quotation mark (') is missing", "default('x') }}", "'x"),
        ("{# x", "Missing end of comment", "write #}", "{#"),
    ],
)
def test_each_mistake_has_cause_place_and_fix(
    line: str, cause: str, hint: str, marked: str
) -> None:
    fault = fault_of(f"Dear all,\n{line}")
    assert cause in fault.message
    assert hint in fault.hint
    assert (fault.line, fault.excerpt) == (2, line)
    assert fault.character is not None
    assert fault.excerpt[fault.character - 1 :].startswith(marked)


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("{{#}}", "{{ name }}"),
        ("Hi {{ name", "write {{ name }}"),
        ("{% if a %}x", "write {% endif %} where the block ends"),
        ("{# x", "write #} where the comment ends"),
        ("{% if a %}\n{{ b\n", "{{"),
    ],
)
def test_what_is_open_at_the_end_is_named(source: str, hint: str) -> None:
    assert hint in fault_of(source).hint


def test_a_tag_of_another_language_has_no_fix_of_its_own() -> None:
    fault = fault_of("{% url name 'x' %}")
    assert "url" in fault.message
    assert fault.hint


def test_an_offset_becomes_line_and_column() -> None:
    fault = fault_of("x" * 1500 + "\n\nab {{ “name” }}")
    assert (fault.line, fault.character) == (3, 7)


def test_braces_that_are_open_above_are_found() -> None:
    fault = fault_of("Hi {{ name\nhow are you\nfoo")
    assert (fault.line, fault.hint) == (1, "write {{ name }}")


def test_every_error_has_a_hint() -> None:
    for source in ("{% for x i y %}{% endfor %}", "{{ [name }}", "{{ name) }}", "{% endif %}"):
        assert fault_of(source).hint


@pytest.mark.parametrize(
    "source",
    ["{{ name" + " " * 8000 + "x", "{% if x" + " " * 8000 + "y", '{{ "a' + " " * 8000 + "b }}",
     '{{ "a ' + ") " * 4000 + "b }}"],
    ids=["value", "block", "quotation", "parentheses"],
)  # fmt: skip
def test_a_long_line_is_explained_at_once(source: str) -> None:
    begin = time.thread_time()
    assert fault_of(source).hint
    assert time.thread_time() - begin < 0.3


def test_a_fix_that_nests_too_deep_is_not_suggested() -> None:
    assert fault_of("{{ x }\n{{ y }" + "{" * 400).line
