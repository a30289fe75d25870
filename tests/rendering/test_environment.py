"""What a template may do: it is sandboxed, strict, deterministic, and it ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import TemplateNotFound

from mailmerge.errors import TemplateError
from mailmerge.rendering.environment import make_environment, template_loader
from mailmerge.rendering.settings import BodySource, RenderLimits

from .conftest import MakeRecipient, MakeRenderer


def _refused(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, source: str, limits: RenderLimits
) -> TemplateError:
    renderer = make_renderer({"body.txt": source}, limits=limits)
    with pytest.raises(TemplateError) as caught:
        renderer.render(make_recipient())
    return caught.value


def test_html_is_escaped_but_text_and_fields_are_not(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer(
        {"body.html": "<p>{{ name }}</p>", "body.txt": "{{ name }}"}, 'subject = "{{ name }}"'
    )
    content = renderer.render(make_recipient(name="O'Brien <&>"))
    assert "O'Brien &lt;&amp;&gt;" in str(content.html)
    assert str(content.text) == content.subject == "O'Brien <&>"


def test_escaping_depends_on_the_part_not_on_the_file_name(tmp_path: Path) -> None:
    (tmp_path / "page.txt").write_text("{{ x }}")
    html = make_environment(tmp_path, "html").get_template("page.txt")
    text = make_environment(tmp_path, "text").get_template("page.txt")
    assert (html.render(x="<"), text.render(x="<")) == ("&lt;", "<")


def test_cell_is_never_a_template(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer({"body.txt": "{{ name }}"}, 'subject = "{{ name }}"')
    content = renderer.render(make_recipient(name="{{ 7*7 }}{% x %}"))
    assert str(content.text) == content.subject == "{{ 7*7 }}{% x %}"


def test_loops_are_counted(make_renderer: MakeRenderer, make_recipient: MakeRecipient) -> None:
    limits = RenderLimits(steps=500)
    nested = "{% for i in range(30) %}{% for j in range(30) %}{% endfor %}{% endfor %}"
    error = _refused(make_renderer, make_recipient, nested, limits)
    assert error.problem.code == "template-endless"
    for constant in ("[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]", "(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)"):
        loops = "".join(f"{{% for {name} in {constant} %}}" for name in "abc")
        literal = loops + "{{ a }}" + "{% endfor %}" * 3
        assert "500 steps" in str(_refused(make_renderer, make_recipient, literal, limits))
    lazy = "{% for i in [1]|map('string') %}{% for j in range(600) %}{% endfor %}{% endfor %}"
    assert "500 steps" in str(_refused(make_renderer, make_recipient, lazy, limits))


def test_calls_are_counted(make_renderer: MakeRenderer, make_recipient: MakeRecipient) -> None:
    calls = "{% macro m(n) %}{% if n %}{{ m(n-1) }}{{ m(n-1) }}{% endif %}{% endmacro %}{{ m(20) }}"
    assert "500 steps" in str(
        _refused(make_renderer, make_recipient, calls, RenderLimits(steps=500))
    )


def test_each_rendering_has_its_full_number_of_steps(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    source = "{% for i in range(400) %}{% endfor %}x"
    renderer = make_renderer({"body.txt": source}, limits=RenderLimits(steps=500))
    texts = [str(renderer.render(make_recipient(row=row)).text) for row in range(3)]
    assert texts == ["x", "x", "x"]


def test_size_of_a_body_is_limited(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    source = "{% for i in range(300) %}abcd{% endfor %}"
    error = _refused(make_renderer, make_recipient, source, RenderLimits(characters=1000))
    assert "1,000 characters" in str(error)


def test_ordinary_arithmetic_works(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer(
        {"body.txt": "{{ 2 * 3 }} {{ 2 ** 8 }} {{ 2 ** 0.5 > 1 }} {{ 'ab' * 2 }} {{ [1] * 2 }}"}
    )
    assert str(renderer.render(make_recipient()).text) == "6 256 True abab [1, 1]"


def test_blocks_take_no_lines_and_the_last_line_keeps_its_end(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer({"body.txt": "a\n  {% if 1 %}\nb\n  {% endif %}\nc\n"})
    assert str(renderer.render(make_recipient()).text) == "a\nb\nc\n"


@pytest.mark.parametrize(
    "source", ["{{ x.upper }}", "{{ range }}", "{% macro m() %}{% endmacro %}{{ m }}"]
)
def test_function_is_not_printed(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, source: str
) -> None:
    for files, message in (
        ({"body.html": source}, ""),
        ({"body.txt": source}, ""),
        ({"body.txt": "t"}, f"subject = '{source}'"),
    ):
        with pytest.raises(TemplateError, match=r"a function cannot be printed: add \(\)"):
            make_renderer(files, message).render(make_recipient(x="a"))


def test_nothing_random_is_offered(tmp_path: Path) -> None:
    environment = make_environment(tmp_path, "html")
    assert "random" not in environment.filters
    assert not {"lipsum", "now"} & environment.globals.keys()


def test_sandbox_remembers_only_what_it_allows(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    source = "{{ name.upper() }}{{ name.upper() }}{{ '{0.real}'.format(1) }}{{ '{}'.format(name) }}"
    renderer = make_renderer({"body.txt": source})
    assert str(renderer.render(make_recipient(name="x")).text) == "XX1x"
    refused = make_renderer({"body.txt": "{{ '{0.__class__}'.format(name) }}"})
    with pytest.raises(TemplateError, match="unsafe"):
        refused.render(make_recipient(name="x"))


def test_loader_finds_files_of_the_folder_and_the_given_text(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("file", encoding="utf-8")
    loader = template_loader(tmp_path, BodySource("html template", "text"))
    environment = make_environment(tmp_path, "html").overlay(loader=loader)
    names = ("a.html", "html template")
    assert [environment.get_template(name).render() for name in names] == ["file", "text"]
    files_only = environment.overlay(loader=template_loader(tmp_path, BodySource("a.html")))
    with pytest.raises(TemplateNotFound):
        files_only.get_template("html template")
