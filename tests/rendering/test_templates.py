"""What is known of templates before any row: faults, variables, and how captured text is used."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest

from mailmerge.errors import TemplateError
from mailmerge.rendering.environment import CampaignEnvironment, make_environment
from mailmerge.rendering.template_errors import ErrorLocation
from mailmerge.rendering.templates import TemplateSet, load_file, load_line, read_sources

from .conftest import MakeRecipient, MakeRenderer, write_files


def loaded(folder: Path, source: str, **files: str) -> TemplateSet:
    write_files(folder, {"body.html": source, **{f"{n}.html": text for n, text in files.items()}})
    return load_file(make_environment(folder, "html"), "body.html")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "a\n{{ first name }}",
            "line 2, column 4: 'first name' is more than one word (write a name of",
        ),
        ("a\n{{ first name|upper }}", 'row["first name"]'),
        ("a\n\n{% if x %}", "line 3"),
        ("{{ [1,2|random] }}", "line 1, column 9: No filter named 'random'"),
        ("{{ x|nofilter }}", "No filter named 'nofilter'"),
        ("\n{% include 'gone.txt' %}", "line 2: there is no template gone.txt"),
        ("{% include ['a.txt', 'b.txt'] %}", "there is no template a.txt, b.txt"),
        ("{% extends '../x.txt' %}", "there is no template ../x.txt"),
    ],
)
def test_template_with_a_fault_is_refused_before_any_row(
    make_renderer: MakeRenderer, source: str, message: str
) -> None:
    with pytest.raises(TemplateError) as caught:
        make_renderer({"body.txt": source})
    assert message in str(caught.value)
    assert caught.value.problem.row is None
    assert caught.value.problem.file == "body.txt"


def test_fault_of_an_included_template_is_found(make_renderer: MakeRenderer) -> None:
    files: dict[str, str | bytes] = {
        "body.html": "{% include 'a.html' %}",
        "a.html": "{% import 'b.html' as b %}",
        "b.html": "\n{{ }",
    }
    with pytest.raises(TemplateError, match=r"b\.html, line 2"):
        make_renderer(files)


def test_missing_template_is_refused(make_renderer: MakeRenderer) -> None:
    with pytest.raises(TemplateError, match=r"there is no template gone\.txt"):
        make_renderer({}, 'text = "gone.txt"')


@pytest.mark.parametrize("main", [b"caf\xe9", b"{% include 'part.txt' %}"])
def test_template_that_is_not_utf_8_is_refused(make_renderer: MakeRenderer, main: bytes) -> None:
    with pytest.raises(TemplateError, match="not UTF-8"):
        make_renderer({"body.txt": main, "part.txt": b"\xe9"})


def test_byte_order_mark_is_not_text(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer({"body.txt": b"\xef\xbb\xbfx"})
    assert str(renderer.render(make_recipient()).text) == "x"


def test_backslashes_separate_like_slashes(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer({"sub/body.txt": "x"}, "text = 'sub\\body.txt'")
    assert str(renderer.render(make_recipient()).text) == "x"


def test_include_may_be_missing_where_the_template_says_so(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer(
        {
            "body.txt": (
                "{% include 'gone.txt' ignore missing %}{% include ['gone.txt', 'a.txt'] %}"
            ),
            "a.txt": "A",
        }
    )
    assert str(renderer.render(make_recipient()).text) == "A"


class _Changing(jinja2.BaseLoader):
    """A folder whose file is another one each time that it is read."""

    def __init__(self, *texts: str) -> None:
        self._texts = list(texts)

    def get_source(
        self, environment: jinja2.Environment, template: str
    ) -> tuple[str, str | None, None]:
        return self._texts.pop(0), None, None


def test_file_that_breaks_meanwhile_is_an_error_with_its_name() -> None:
    environment = CampaignEnvironment(_Changing("<p>Hello</p>", "<p>Hello{% if"), "html")
    with pytest.raises(TemplateError, match=r"body\.html"):
        load_file(environment, "body.html")


def test_facts_are_those_of_the_file_as_it_is_now() -> None:
    environment = CampaignEnvironment(_Changing("{{ a }}", "{{ b }}"), "html")
    assert load_file(environment, "body.html").variables == {"b"}


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("{{ a }}{% if b %}{{ c|default('') }}{% endif %}", {"a", "b", "c"}),
        (
            "{{ row['first name'] }}{{ row.city }}{{ campaign.name }}",
            {"first name", "city", "campaign"},
        ),
        ("{% for x in a %}{{ x }}{{ loop.index }}{% endfor %}{{ range(3) }}", {"a"}),
        ("{% set x = a %}{% include 'part.txt' %}", {"a", "partial"}),
        ("{% macro m(v) %}{{ v }}{{ d }}{{ caller() }}{% endmacro %}{{ m(1) }}", {"d"}),
        ("{{ row[a] }}", {"a", "row"}),
        (
            """{% extends 'base.txt' %}{% from 'm.txt' import button as knob %}{% set x = a %}
            {% import 'm.txt' as m %}{% macro own() %}{% endmacro %}
            {% block b %}{{ knob(c) }}{{ x }}{{ m.button(d) }}{{ own() }}{{ e }}{% endblock %}""",
            {"a", "c", "d", "e"},
        ),
        ("{% for column in row %}{{ row[column] }}{% endfor %}", {"row"}),
    ],
)
def test_variables_are_the_names_that_templates_use(
    make_renderer: MakeRenderer, source: str, wanted: set[str]
) -> None:
    files: dict[str, str | bytes] = {
        "body.txt": source,
        "part.txt": "{{ x }}{{ partial }}",
        "base.txt": "{% block b %}{% endblock %}",
        "m.txt": "{% macro button(v) %}{{ v }}{% endmacro %}",
    }
    assert make_renderer(files, 'subject = "{{ s }}"').variables == wanted | {"s"}


def test_text_is_found_with_template_and_line(tmp_path: Path) -> None:
    templates = loaded(tmp_path, "{% include 'a.html' %}\nx", a="1\n2\nneedle")
    assert templates.find("needle") == ("a.html", 3)
    assert templates.find("gone") == ("body.html", None)
    assert set(templates.sources) == {"body.html", "a.html"}


@pytest.mark.parametrize(
    ("source", "plain"),
    [
        ("{{ x }}{{ x|upper }}", True),
        ("{% macro m(v) %}{{ v }}{% endmacro %}{{ m(x) }}", True),
        ("{% set c %}{{ x }}{% endset %}{{ c }}", True),
        ("{% import 'a.html' as a %}{{ a.button(x) }}", True),
        ("{% set c %}{{ x }}{% endset %}{{ c|length }}", False),
        ("{% macro m(v) %}{{ v }}{% endmacro %}{% if m(x) %}{% endif %}", False),
        ("{% filter upper %}{{ x }}{% endfilter %}", False),
        ("{% autoescape false %}{{ x }}{% endautoescape %}", False),
        ("{% include x ~ '.html' %}", False),
        ("{% for i in [x] recursive %}{{ loop(i) }}{% endfor %}", True),
        ("{% for i in [x] recursive %}{{ loop(i)|upper }}{% endfor %}", False),
    ],
)
def test_use_of_captured_text_is_known(tmp_path: Path, source: str, plain: bool) -> None:
    templates = loaded(tmp_path, source, a="{% macro button(v) %}{{ v }}{% endmacro %}")
    assert templates.captures_are_plain is plain


def test_line_may_include_a_file(tmp_path: Path) -> None:
    environment = make_environment(write_files(tmp_path, {"a.txt": "{{ a }}"}).folder, "header")
    templates = load_line(
        environment,
        "{% include 'a.txt' %}{{ b }}",
        ErrorLocation("campaign.toml", "message.subject"),
    )
    assert templates.variables == {"a", "b"}


def test_sources_are_read_with_what_they_include(tmp_path: Path) -> None:
    write_files(tmp_path, {"a.html": "{% include 'b.html' %}{{ x|nofilter }}", "b.html": "b"})
    sources = read_sources(make_environment(tmp_path, "html"), "a.html")
    assert sources == {"a.html": "{% include 'b.html' %}{{ x|nofilter }}", "b.html": "b"}
    with pytest.raises(TemplateError, match="there is no"):
        read_sources(make_environment(tmp_path, "html"), "c.html")
