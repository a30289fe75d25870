"""An error of a template names the file, line, variable and row, and how to fix it."""

from __future__ import annotations

import jinja2
import pytest

from mailmerge.errors import TemplateError
from mailmerge.rendering.template_errors import (
    ErrorLocation,
    LimitExceeded,
    compile_template,
    explain,
)

from .conftest import MakeRecipient, MakeRenderer


def _refused(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, source: str, **cells: str
) -> TemplateError:
    renderer = make_renderer({"body.txt": source})
    with pytest.raises(TemplateError) as caught:
        renderer.render(make_recipient(cells, row=7))
    assert caught.value.problem.row == 7
    assert caught.value.problem.file == "body.txt"
    return caught.value


def test_undefined_variable_suggests_the_nearest_column(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    error = _refused(make_renderer, make_recipient, "Dear\n{{ frist_name }}", first_name="Ann")
    assert error.problem.line == 2
    assert error.problem.code == "undefined-variable"
    assert str(error) == (
        "body.txt, line 2, row 7: the variable frist_name is not defined (did you mean first_name?)"
    )


def test_undefined_variable_of_an_include_names_the_include(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer(
        {"body.html": "<p>{% include 'part/a.html' %}", "part/a.html": "\n\n{{ nam }}"}
    )
    with pytest.raises(
        TemplateError, match=r"part/a\.html, line 3, row 2: the variable nam .*name\?"
    ):
        renderer.render(make_recipient(name="x"))


def test_columns_are_listed_where_none_is_similar(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    error = _refused(make_renderer, make_recipient, "{{ zzz }}", name="x", city="y")
    assert error.problem.hint == "the columns are name, city"
    assert "every column" in str(_refused(make_renderer, make_recipient, "{{ zzz }}"))


def test_missing_column_of_row_is_an_undefined_variable(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    error = _refused(make_renderer, make_recipient, '{{ row["first nam"] }}', **{"first name": "x"})
    assert error.problem.hint == 'did you mean row["first name"]?'


def test_missing_attribute_is_reported(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    error = _refused(make_renderer, make_recipient, "{{ name.foo }}", name="x")
    assert "has no attribute 'foo'" in str(error)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{ name|length + name }}", "unsupported operand"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ name.__class__ }}", "unsafe"),
        ('{% include "gone" ~ ".txt" %}', "there is no template gone.txt"),
        ('{% include ["gone" ~ ".txt", "too.txt"] %}', "there is no template gone.txt, too.txt"),
        ('{% include "body.txt" %}', "endlessly"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "endlessly"),
        ("{{ 'a' * 99999999 }}", "characters"),
        ("{{ 99999999 * 'a' }}", "characters"),
        ("{{ 10 ** 99999999 }}", "characters"),
        ("{% for i in range(9999999) %}{% endfor %}", "Range too big"),
        ("{{ 2.5 * 'a' }}", "multiply"),
    ],
)
def test_failure_on_one_row_names_the_row(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, source: str, message: str
) -> None:
    assert message in str(_refused(make_renderer, make_recipient, source, name="x"))


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (jinja2.TemplateNotFound("a.txt"), "template-missing", "there is no template a.txt"),
        (LimitExceeded("it is too long"), "template-endless", "it is too long"),
        (MemoryError(), "template-endless", "it makes too much text"),
        (RecursionError(), "template-endless", "it includes or calls itself endlessly"),
        (KeyError("a"), "template-failed", "it cannot be rendered: 'a'"),
        (ValueError(), "template-failed", "it cannot be rendered: ValueError"),
        (UnicodeDecodeError("utf-8", b"", 0, 1, "x"), "not-utf-8", "the file is not UTF-8"),
    ],
)
def test_each_kind_of_error_has_its_code(error: Exception, code: str, message: str) -> None:
    problem = explain(error, ErrorLocation("a.txt", "", 4)).problem
    assert (problem.code, problem.message, problem.file, problem.row) == (
        code, message, "a.txt", 4,
    )  # fmt: skip


def test_field_is_named_and_has_no_line() -> None:
    environment = jinja2.Environment()
    location = ErrorLocation("campaign.toml", "message.subject")
    with pytest.raises(TemplateError) as caught:
        compile_template(lambda: environment.from_string("{{ }"), location)
    problem = caught.value.problem
    assert problem.message.startswith("message.subject: ")
    assert (problem.file, problem.line) == ("campaign.toml", None)


@pytest.mark.parametrize(
    "source",
    [
        "{{ net * 1.19 }}", "{{ net + 1 }}", "{% if net > 5 %}x{% endif %}", "{{ net|round }}",
        "{{ '%.2f'|format(net) }}", "{{ net - 1 }}",
    ],
)  # fmt: skip
def test_computing_with_a_text_names_the_filters(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, source: str
) -> None:
    error = _refused(make_renderer, make_recipient, source, net="5")
    assert error.problem.hint == "cells are text: write name|float or name|int to compute with one"


def test_a_division_by_zero_has_a_fix(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    error = _refused(make_renderer, make_recipient, "{{ 5 / net|float }}", net="0")
    assert "a divisor is 0" in error.problem.hint


@pytest.mark.parametrize("source", ["{{ E-mail }}", "{{ E }}", "{{ net|number }}"])
def test_a_column_that_is_no_variable_is_suggested(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, source: str
) -> None:
    cells = {"E-mail": "a@x.org", "net.": "5"}
    renderer = make_renderer({"body.txt": source})
    with pytest.raises(TemplateError) as caught:
        renderer.render(make_recipient(cells, row=7))
    assert caught.value.problem.code == "undefined-variable"
    assert caught.value.problem.hint in {'did you mean row["E-mail"]?', 'did you mean row["net."]?'}
