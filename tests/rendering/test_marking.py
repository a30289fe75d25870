"""Outputs are told from constants; with this Jinja2, its private hooks work as expected."""

from __future__ import annotations

import jinja2
import pytest
from jinja2.exceptions import TemplateRuntimeError

from mailmerge.rendering.environment import Part, run
from mailmerge.rendering.marking import MarkingEnvironment, OutputValue, choose_sentinel
from mailmerge.rendering.variables import CampaignView, variables_of

SENTINEL = "\ue111\ue222"


def pieces(source: str, part: Part = "html", **cells: str) -> list[str]:
    """What a template yields in a marking environment."""
    environment = MarkingEnvironment(jinja2.DictLoader({"body": source}), part, SENTINEL)
    return run(environment.get_template("body"), variables_of(2, cells, CampaignView("news")))


def test_direct_output_is_an_output_value() -> None:
    before, value, after = pieces("a {{ x }} b", x="<&>")
    assert (before, value, after) == ("a ", "<&>", " b")
    assert [type(piece) for piece in (before, value, after)] == [str, OutputValue, str]


@pytest.mark.parametrize(
    "source",
    [
        "{% macro m(v) %}a{{ v }}b{% endmacro %}{{ m(x) }}",
        "{% set c %}a{{ x }}b{% endset %}{{ c }}",
        "{% macro m() %}a{{ caller() }}b{% endmacro %}{% call m() %}{{ x }}{% endcall %}",
        "{% for i in [x] recursive %}a{{ i }}b{% endfor %}",
        "{% block b %}a{{ x }}b{% endblock %}",
    ],
)
@pytest.mark.parametrize(("part", "escaped"), [("html", "&lt;i&gt;"), ("text", "<i>")])
def test_captured_output_stands_between_sentinels(source: str, part: Part, escaped: str) -> None:
    text = "".join(
        f"{SENTINEL}{escaped}{SENTINEL}" if type(piece) is OutputValue else piece
        for piece in pieces(source, part, x="<i>")
    )
    assert text == f"a{SENTINEL}{escaped}{SENTINEL}b"


def test_markup_is_part_of_the_structure_in_html_only() -> None:
    (html,) = pieces("{{ x|safe }}", "html", x="<i>")
    assert (str(html), type(html) is OutputValue) == ("<i>", False)
    (text,) = pieces("{{ x|safe }}", "text", x="<i>")
    assert (str(text), type(text) is OutputValue) == ("<i>", True)


def test_explicit_escape_filter_gives_an_output_value() -> None:
    (value,) = pieces("{{ x|e }}", x="<i>")
    assert (value, type(value)) == ("<i>", OutputValue)


def test_numbers_and_none_are_written_as_text() -> None:
    assert pieces("{{ 1.5 }}{{ none }}{{ x|length }}", x="abc")[-1] == "3"


def test_autoescape_off_makes_output_structural() -> None:
    written = pieces("{% autoescape false %}{{ x }}{% endautoescape %}", x="<i>")
    assert [(str(piece), type(piece)) for piece in written] == [("<i>", str)]


def test_function_and_imported_template_are_refused() -> None:
    with pytest.raises(TemplateRuntimeError, match="a function cannot be printed"):
        pieces("{{ x.upper }}", x="a")
    loader = jinja2.DictLoader(
        {"body": "{% import 'm' as m with context %}{{ m }}", "m": "{{ x }}"}
    )
    environment = MarkingEnvironment(loader, "html", SENTINEL)
    with pytest.raises(TemplateRuntimeError, match="include it instead"):
        run(environment.get_template("body"), variables_of(2, {"x": "a"}, CampaignView("c")))


def test_sentinel_is_random_distinct_private_use_characters() -> None:
    sentinels = {choose_sentinel() for _ in range(50)}
    assert len(sentinels) == 50
    assert all("\ue000" <= character <= "\uf8ff" for character in "".join(sentinels))
    assert all(len(set(sentinel)) == len(sentinel) == 4 for sentinel in sentinels)
