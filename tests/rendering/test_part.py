"""One template and a row: structure and values, and where sentinels are not used."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest

from mailmerge.errors import TemplateError
from mailmerge.rendering.part import BodyTemplate
from mailmerge.rendering.settings import BodySource
from mailmerge.rendering.structure import RenderedPieces
from mailmerge.rendering.variables import CampaignView, Variables, variables_of

from .conftest import MakeRecipient, MakeRenderer, write_files

SENTINEL = "\ue111"
MACRO = "{% macro m(v) %}M{{ v }}{% endmacro %}"


def variables(**cells: str) -> Variables:
    return variables_of(2, cells, CampaignView("news"))


def test_values_are_apart_from_the_structure(tmp_path: Path) -> None:
    templates = write_files(tmp_path, {"body.html": "<p>Dear {{ name }},</p>"})
    template = BodyTemplate(templates, BodySource("body.html"), "html", SENTINEL)
    ann, bob = template.run(variables(name="Ann")), template.run(variables(name="<Bob>"))
    assert ann == RenderedPieces(("<p>Dear ", SENTINEL, ",</p>"), ("Ann",))
    assert (bob.key, bob.values) == (ann.key, ("<Bob>",))


def test_template_may_be_given_as_text(tmp_path: Path) -> None:
    templates = write_files(tmp_path, {"part.html": "<b>{{ name }}</b>"})
    source = BodySource("html template", "A{% include 'part.html' %}")
    template = BodyTemplate(templates, source, "html", SENTINEL)
    written = template.run(variables(name="<")).as_written(SENTINEL, escaped=True)
    assert written == "A<b>&lt;</b>"
    assert template.variables == {"name"}


def test_error_in_template_text_names_it_with_line(tmp_path: Path) -> None:
    templates = write_files(tmp_path, {})
    source = BodySource("html template", "a\n{{ nam }}")
    template = BodyTemplate(templates, source, "html", SENTINEL)
    with pytest.raises(TemplateError) as caught:
        template.run(variables(name="x"))
    assert str(caught.value) == (
        "html template, line 2, row 2: the variable nam is not defined (did you mean name?)"
    )


@pytest.mark.parametrize(
    "source",
    [
        "{% filter upper %}a {{ x }}{% endfilter %}",
        "{% set c %}{{ x }}{% endset %}{{ c|length }}",
        "{% filter wordwrap(4) %}{{ x }} {{ x }}{% endfilter %}",
        "{% set c %}{{ x }}{% endset %}{{ c }}{{ c }}",
        "{% set ns = namespace(c='') %}{% set ns.c %}{{ x }}{% endset %}{{ ns.c|length }}",
        MACRO + "{{ m(x)[:3] }}",
        MACRO + "{{ m(x).title() }}",
        MACRO + "{{ m(x).replace('ca', '-') }}",
        MACRO + "{{ m(x).endswith('c') }}{{ m(x).count('') }}",
        MACRO + "{{ m(x).split('a')|join('-') }}",
        "{% set c %}{{ x }}{% endset %}{{ c[0] }}{{ c.upper() }}",
        "{% set c %}{{ x }}{% endset %}{{ {'abc': 'found'}[c] }}",
        "{% set c %}{{ x }}{% endset %}{{ 10 // (c|length - 5) }}",
        (
            "{% macro k() %}{{ kwargs.caller()|length }}{% endmacro %}"
            "{% call k() %}{{ x }}{% endcall %}"
        ),
        (
            "{% for i in [[x]] recursive %}{% set l = loop %}"
            "{% if i is string %}{{ i }}{% else %}{{ l(i)|length }}{% endif %}{% endfor %}"
        ),
        (
            "{% for i in [[x]] recursive %}{% if i is string %}{{ i }}{% else %}"
            "{{ loop(i) }}{% endif %}{% endfor %}"
        ),
    ],
)
def test_captured_text_is_the_same_as_in_plain_jinja(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, source: str
) -> None:
    wanted = jinja2.Environment().from_string(source).render(x="abc")
    assert str(make_renderer({"body.txt": source}).render(make_recipient(x="abc")).text) == wanted
    page = make_renderer({"body.html": f"<p>{source}</p>"}).render(make_recipient(x="abc"))
    assert f"<p>{wanted}</p>" in str(page.html)


def test_template_named_by_a_cell_may_inspect_captured_text(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    files: dict[str, str | bytes] = {
        "body.html": "{% include 'body-' ~ x ~ '.html' %}",
        "body-en.html": MACRO + "<p>{{ m(y)|length }}</p>",
        "body-fr.html": "{% filter truncate(4, true, '', 0) %}{{ y }}{% endfilter %}",
    }
    renderer = make_renderer(files)
    pages = [str(renderer.render(make_recipient(x=x, y="Marie")).html) for x in ("en", "fr")]
    assert pages == ["<p>6</p>", "Mari"]


def test_captured_text_may_name_a_column_or_a_template(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    files: dict[str, str | bytes] = {
        "body.html": (
            "{% set column %}price_{{ x }}{% endset %}<p>{{ row[column] }}</p>"
            "{% set name %}{{ x }}.html{% endset %}{% include name %}"
        ),
        "fr.html": "<b>fr</b>",
    }
    content = make_renderer(files).render(make_recipient(x="fr", price_fr="12"))
    assert "<p>12</p><b>fr</b>" in str(content.html)


def test_sentinel_in_a_cell_or_template_is_just_a_character(tmp_path: Path) -> None:
    templates = write_files(
        tmp_path, {"a.html": "{{ x }} {{ y }}", "b.html": f"{SENTINEL}{{{{ x }}}}"}
    )
    in_cell = BodyTemplate(templates, BodySource("a.html"), "html", SENTINEL)
    assert in_cell.run(variables(x=f"a{SENTINEL}b", y="<")) == RenderedPieces(
        (f"a{SENTINEL}b &lt;",), ()
    )
    in_template = BodyTemplate(templates, BodySource("b.html"), "html", SENTINEL)
    assert in_template.run(variables(x="<")) == RenderedPieces((f"{SENTINEL}&lt;",), ())


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("{% autoescape false %}{{ x }}{{ x|e }}{% endautoescape %}", "<i>&lt;i&gt;"),
        ("{% autoescape y == 'on' %}{{ x }}{% endautoescape %}", "<i>"),
        ("{% autoescape y != 'on' %}{{ x }}{% endautoescape %}", "&lt;i&gt;"),
        (
            (
                "{% macro m() %}{% autoescape false %}{{ x }}{{ "
                "x|e }}{% endautoescape %}{% endmacro %}{{ m() }}"
            ),
            "<i>&lt;i&gt;",
        ),
        (
            (
                "{% autoescape false %}{% set c %}{{ x }}{% endset %}{% "
                "autoescape true %}{{ c }}{% endautoescape %}{% endautoescape %}"
            ),
            "&lt;i&gt;",
        ),
        ("{{ x|safe|e }}{{ x|e|e }}{{ (x|e)|length }}", "<i>&lt;i&gt;9"),
        ("{% block b %}{{ x }}{% endblock %}{{ self.b() }}", "&lt;i&gt;&lt;i&gt;"),
        ("{% filter upper %}{% include 'p.html' %}{% endfilter %}", "&LT;I&GT;"),
        (
            "{{ x.upper() }}{{ x|length }}{{ [x]|join }}{{ none }}{{ 1.5 }}",
            "&lt;I&gt;3&lt;i&gt;None1.5",
        ),
    ],
)
def test_escaping_is_that_of_jinja(tmp_path: Path, source: str, wanted: str) -> None:
    templates = write_files(tmp_path, {"body.html": source, "p.html": "{{ x }}"})
    template = BodyTemplate(templates, BodySource("body.html"), "html", SENTINEL)
    rendered = template.run(variables(x="<i>", y="off"))
    assert rendered.as_written(SENTINEL, escaped=True) == wanted
