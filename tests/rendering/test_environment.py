"""What a template may do, and what is said where it may not or does not work."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest

from mailmerge.errors import TemplateError
from mailmerge.rendering import environment as bounds
from mailmerge.rendering.environment import make_environment

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


def test_html_is_escaped_and_text_and_header_fields_are_not(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer(
        {"body.html": "<p>{{ name }}</p>", "body.txt": "{{ name }}"}, 'subject = "{{ name }}"'
    )
    content = renderer.render(make_recipient(name="O'Brien <&>"))
    assert "O'Brien &lt;&amp;&gt;" in str(content.html)
    assert str(content.text) == content.subject == "O'Brien <&>"


def test_escaping_is_decided_by_the_part_and_not_by_the_name_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "page.txt").write_text("{{ x }}")
    html = make_environment(tmp_path, "html").get_template("page.txt")
    text = make_environment(tmp_path, "text").get_template("page.txt")
    assert (html.render(x="<"), text.render(x="<")) == ("&lt;", "<")


def test_a_cell_is_never_a_template(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer({"body.txt": "{{ name }}"}, 'subject = "{{ name }}"')
    content = renderer.render(make_recipient(name="{{ 7*7 }}{% x %}"))
    assert str(content.text) == content.subject == "{{ 7*7 }}{% x %}"


def test_an_undefined_variable_names_template_line_variable_row_and_the_nearest_column(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    error = _refused(make_renderer, make_recipient, "Dear\n{{ frist_name }}", first_name="Ann")
    assert error.problem.line == 2
    assert error.problem.code == "undefined-variable"
    assert str(error) == (
        "body.txt, line 2, row 7: the variable frist_name is not defined (did you mean first_name?)"
    )


def test_an_undefined_variable_of_an_included_template_names_that_template(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer(
        {"body.html": "<p>{% include 'part/a.html' %}", "part/a.html": "\n\n{{ nam }}"}
    )
    with pytest.raises(
        TemplateError, match=r"part/a\.html, line 3, row 2: the variable nam .*name\?"
    ):
        renderer.render(make_recipient(name="x"))


def test_columns_are_listed_where_none_is_near(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    error = _refused(make_renderer, make_recipient, "{{ zzz }}", name="x", city="y")
    assert error.problem.hint == "the columns are name, city"
    assert "every column" in str(_refused(make_renderer, make_recipient, "{{ zzz }}"))


def test_a_missing_column_of_row_is_an_error_like_a_missing_variable(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    error = _refused(make_renderer, make_recipient, '{{ row["first nam"] }}', **{"first name": "x"})
    assert error.problem.hint == 'did you mean row["first name"]?'


def test_an_attribute_that_is_not_there_is_told(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    error = _refused(make_renderer, make_recipient, "{{ name.foo }}", name="x")
    assert "has no attribute 'foo'" in str(error)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ name|int + name }}", "unsupported operand"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ name.__class__ }}", "unsafe"),
        ('{% include "gone" ~ ".txt" %}', "there is no template gone.txt"),
        ('{% include ["gone" ~ ".txt", "too.txt"] %}', "there is no template gone.txt, too.txt"),
        ('{% include "body.txt" %}', "without an end"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "without an end"),
        ("{{ 'a' * 99999999 }}", "characters"),
        ("{{ 99999999 * 'a' }}", "characters"),
        ("{{ 10 ** 99999999 }}", "characters"),
        ("{% for i in range(9999999) %}{% endfor %}", "Range too big"),
        ("{{ 2.5 * 'a' }}", "multiply"),
    ],
)  # fmt: skip
def test_a_failure_on_one_row_names_the_row(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, source: str, said: str
) -> None:
    assert said in str(_refused(make_renderer, make_recipient, source, name="x"))


def test_loops_end(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "MAX_STEPS", 500)
    nested = "{% for i in range(30) %}{% for j in range(30) %}{% endfor %}{% endfor %}"
    error = _refused(make_renderer, make_recipient, nested)
    assert error.problem.code == "template-endless"
    for constant in ("[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]", "(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)"):
        loops = "".join(f"{{% for {name} in {constant} %}}" for name in "abc")
        literal = loops + "{{ a }}" + "{% endfor %}" * 3
        assert "500 steps" in str(_refused(make_renderer, make_recipient, literal))
    calls = "{% macro m(n) %}{% if n %}{{ m(n-1) }}{{ m(n-1) }}{% endif %}{% endmacro %}{{ m(20) }}"
    assert "500 steps" in str(_refused(make_renderer, make_recipient, calls))


def test_a_message_has_a_bounded_size(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "MAX_CHARACTERS", 1000)
    error = _refused(make_renderer, make_recipient, "{% for i in range(300) %}abcd{% endfor %}")
    assert "1,000 characters" in str(error)


def test_ordinary_arithmetic_works(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer(
        {"body.txt": "{{ 2 * 3 }} {{ 2 ** 8 }} {{ 2 ** 0.5 > 1 }} {{ 'ab' * 2 }} {{ [1] * 2 }}"}
    )
    assert str(renderer.render(make_recipient()).text) == "6 256 True abab [1, 1]"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            "a\n{{ first name }}",
            "line 2: expected token 'end of print statement', got 'name' (a name of",
        ),
        ("a\n{{ first name|upper }}", 'row["first name"]'),
        ("a\n\n{% if x %}", "line 3"),
        ("{{ [1,2|random] }}", "line 1: No filter named 'random'"),
        ("{{ x|nofilter }}", "No filter named 'nofilter'"),
        ("\n{% include 'gone.txt' %}", "line 2: there is no template gone.txt"),
        ("{% include ['a.txt', 'b.txt'] %}", "there is no template a.txt, b.txt"),
        ("{% extends '../x.txt' %}", "there is no template ../x.txt"),
    ],
)
def test_a_template_that_cannot_work_is_refused_before_any_row(
    make_renderer: MakeRenderer, source: str, said: str
) -> None:
    with pytest.raises(TemplateError) as caught:
        make_renderer({"body.txt": source})
    assert said in str(caught.value)
    assert caught.value.problem.row is None
    assert caught.value.problem.file == "body.txt"


def test_a_syntax_error_of_an_included_template_is_found_before_any_row(
    make_renderer: MakeRenderer,
) -> None:
    files: dict[str, str | bytes] = {
        "body.html": "{% include 'a.html' %}",
        "a.html": "{% import 'b.html' as b %}",
        "b.html": "\n{{ }",
    }
    with pytest.raises(TemplateError, match=r"b\.html, line 2"):
        make_renderer(files)


def test_a_missing_template_is_refused(make_renderer: MakeRenderer) -> None:
    with pytest.raises(TemplateError, match=r"there is no template gone\.txt"):
        make_renderer({}, 'text = "gone.txt"')


@pytest.mark.parametrize("main", [b"caf\xe9", b"{% include 'part.txt' %}"])
def test_a_template_that_is_not_utf_8_is_refused(make_renderer: MakeRenderer, main: bytes) -> None:
    with pytest.raises(TemplateError, match="not UTF-8"):
        make_renderer({"body.txt": main, "part.txt": b"\xe9"})


def test_a_byte_order_mark_is_no_text(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer({"body.txt": b"\xef\xbb\xbfx"})
    assert str(renderer.render(make_recipient()).text) == "x"


def test_an_include_may_be_missing_where_the_template_says_so(
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


@pytest.mark.parametrize("column", ["items", "keys", "get", "self", "loop", "values"])
def test_a_column_may_have_any_name(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, column: str
) -> None:
    source = f'{{{{ row["{column}"] }}}}{{{{ row.{column} }}}}'
    renderer = make_renderer({"body.txt": source})
    assert str(renderer.render(make_recipient({column: "x"})).text) == "xx"


def test_row_is_a_mapping_of_all_cells_without_methods(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    source = (
        "{% for c in row %}{{ c }}={{ row[c] }};{% endfor %}{{ "
        "row|length }}{{ 'a' in row }}{{ row.items is defined }}"
    )
    renderer = make_renderer({"body.txt": source})
    assert str(renderer.render(make_recipient(a="1", b="2")).text) == "a=1;b=2;2TrueFalse"


def test_chinese_columns_and_the_campaign_are_variables(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer({"body.txt": "{{ 姓名 }} {{ campaign.name }}"})
    assert str(renderer.render(make_recipient({"姓名": "王"})).text) == "王 news"


def test_blocks_take_no_lines_of_their_own_and_the_last_line_keeps_its_end(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer({"body.txt": "a\n  {% if 1 %}\nb\n  {% endif %}\nc\n"})
    assert str(renderer.render(make_recipient()).text) == "a\nb\nc\n"


@pytest.mark.parametrize(
    "source", ["{{ x.upper }}", "{{ range }}", "{% macro m() %}{% endmacro %}{{ m }}"]
)
def test_a_function_is_not_written_out(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, source: str
) -> None:
    for files, message in (
        ({"body.html": source}, ""),
        ({"body.txt": source}, ""),
        ({"body.txt": "t"}, f"subject = '{source}'"),
    ):
        with pytest.raises(TemplateError, match=r"a function cannot be written out: put \(\)"):
            make_renderer(files, message).render(make_recipient(x="a"))


def test_nothing_random_is_offered(tmp_path: Path) -> None:
    environment = make_environment(tmp_path, "html")
    assert "random" not in environment.filters
    assert not {"lipsum", "now"} & environment.globals.keys()


def test_a_half_character_is_refused_with_row_and_column(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer({"body.txt": "x"})
    with pytest.raises(TemplateError, match="half a character") as caught:
        renderer.render(make_recipient({"a": "é", "b": "x\ud800"}, row=9))
    assert (caught.value.problem.row, caught.value.problem.column) == (9, "b")


def test_the_sandbox_remembers_only_what_it_allows(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    source = "{{ name.upper() }}{{ name.upper() }}{{ '{0.real}'.format(1) }}{{ '{}'.format(name) }}"
    renderer = make_renderer({"body.txt": source})
    assert str(renderer.render(make_recipient(name="x")).text) == "XX1x"
    refused = make_renderer({"body.txt": "{{ '{0.__class__}'.format(name) }}"})
    with pytest.raises(TemplateError, match="unsafe"):
        refused.render(make_recipient(name="x"))


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("{{ a }}{% if b %}{{ c|default('') }}{% endif %}", {"a", "b", "c"}),
        ("{{ row['first name'] }}{{ row.city }}{{ campaign.name }}", {"first name", "city"}),
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
def test_the_variables_of_a_renderer_are_those_of_its_templates(
    make_renderer: MakeRenderer, source: str, wanted: set[str]
) -> None:
    files: dict[str, str | bytes] = {
        "body.txt": source,
        "part.txt": "{{ x }}{{ partial }}",
        "base.txt": "{% block b %}{% endblock %}",
        "m.txt": "{% macro button(v) %}{{ v }}{% endmacro %}",
    }
    assert make_renderer(files, 'subject = "{{ s }}"').variables == wanted | {"s"}


def test_a_file_that_breaks_while_it_is_read_is_an_error_with_its_place(
    make_renderer: MakeRenderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse = jinja2.Environment.parse

    def broken(self: jinja2.Environment, source: str, *names: str | None) -> object:
        return parse(self, source + "{% if", *names)

    monkeypatch.setattr(jinja2.Environment, "parse", broken)
    with pytest.raises(TemplateError, match=r"body\.html"):
        make_renderer({"body.html": "<p>Hello</p>"})
