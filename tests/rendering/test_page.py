"""The structure cache: when it applies, when it steps aside, and that threads may share it."""

from __future__ import annotations

import re
import threading

import pytest

from mailmerge.errors import AssetError
from mailmerge.rendering import page, plaintext
from mailmerge.rendering.content import Content
from mailmerge.rendering.plaintext import text_of_page
from tests.listening import first_arguments

from .conftest import MakeRecipient, MakeRenderer

STYLE = "<style>.a { color: red } #i { color: blue } [lang] { color: green }</style>"


def _page(inner: str) -> str:
    return f"<!doctype html><html><head>{STYLE}</head><body>{inner}</body></html>"


def _made(renderer: object) -> int:
    press = renderer._press  # type: ignore[attr-defined]  # what is counted is private
    count: int = press.forms.made
    return count


def test_premailer_runs_once_for_all_rows_that_take_the_same_branches(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    source = (
        "<p class='a'>Dear {{ name }},</p><a href='https://x.example/?q={{ name }}'>{{ city }}</a>"
        "{% if city == 'Rome' %}<b>Ave</b>{% endif %}"
        "<!--[if mso]><v:rect href='https://x.example/{{ name }}'><![endif]-->"
    )
    renderer = make_renderer({"body.html": _page(source)})
    structures = {
        id(content.html.structure)
        for n in range(50)
        if (
            content := renderer.render(
                make_recipient(name=f"<{n}> & é", city="Rome" if n % 2 else "Bonn")
            )
        ).html
    }
    assert len(structures) == _made(renderer) == 2
    assert renderer.steps_aside == ""


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("<p class='{{ x }}'>t</p>", "the attribute class of <p>"),
        ("<p id='{{ x }}'>t</p>", "the attribute id of <p>"),
        ("<p lang='{{ x }}'>t</p>", "the attribute lang of <p>"),
        ("<p style='color: {{ x }}'>t</p>", "the attribute style of <p>"),
        ("<style>p { color: {{ x }} }</style>", "<style>"),
        ("<script>var x = '{{ x }}'</script>", "<script>"),
        ("<{{ x }}>t", "the name of an element"),
        ("<p {{ x }}='1'>t</p>", "the name of an attribute"),
        ("<p title={{ x }}>t</p>", "the elements around it"),
        ("<p>&{{ x }};</p>", "a character reference"),
        ("<img src='images/{{ x }}.png'>", "an image of the attribute src of <img>"),
        (
            "<!--[if mso]><v:fill src='{{ x }}.png'><![endif]-->",
            "an image of a conditional comment",
        ),
        ("<p title='1' title='{{ x }}'>t</p>", "expects none"),
        (
            "<table><tr><th>{{ x }}</th><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>",
            "layout of the text",
        ),
        ("<pre>{{ x }}  y</pre>", ""),
    ],
)
def test_the_cache_steps_aside_and_says_why(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, source: str, reason: str
) -> None:
    files: dict[str, str | bytes] = {
        "body.html": _page(source),
        "images/a.png": b"x",
        "a.png": b"x",
    }
    renderer = make_renderer(files)
    renderer.render(make_recipient(x="a"))
    assert reason in renderer.steps_aside
    assert bool(renderer.steps_aside) is bool(reason)


@pytest.mark.parametrize(
    "css",
    ["", "<style>p { color: #abcdef; background: url(a.b) }</style>".replace("url(a.b)", "red")],
)
def test_class_and_id_may_depend_on_the_row_where_no_selector_reads_them(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, css: str
) -> None:
    renderer = make_renderer(
        {
            "body.html": (
                f"<head>{css}</head><body><p class='{{{{ x }}}}' id='{{{{ x }}}}'>t</p></body>"
            )
        }
    )
    for x in "abc":
        assert f'class="{x}" id="{x}"' in str(renderer.render(make_recipient(x=x)).html)
    assert _made(renderer) == 1
    assert renderer.steps_aside == ""


def test_a_stubborn_value_costs_one_structure_for_each_different_value(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer({"body.html": _page("<p class='{{ tier }}'>{{ name }}</p>")})
    pages = [
        str(renderer.render(make_recipient(tier="ab"[n % 2], name=f"N{n}")).html) for n in range(10)
    ]
    assert '<p class="a" style="color:red">N0</p>' in pages[0]
    assert '<p class="b">N1</p>' in pages[1]
    assert _made(renderer) == 3


def test_a_link_of_the_text_that_is_made_ends_where_its_bracket_does(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer({"body.html": "<p><a href='https://x.example/?q={{ x }}'>go</a></p>"})
    for x in ("plain", 'a<b>"c"', "é x"):
        content = renderer.render(make_recipient(x=x))
        assert str(content.text) == text_of_page(str(content.html))
        assert re.fullmatch(r'go <https://x\.example/\?q=[^<>" ]+>\n', str(content.text))
    assert _made(renderer) == 1


def test_structures_are_bounded(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "STRUCTURES", 4)
    renderer = make_renderer({"body.html": "<p>{{ x|safe }}</p>"})
    for n in range(40):
        assert f"<b>{n}</b>" in str(renderer.render(make_recipient(x=f"<b>{n}</b>")).html)
    assert renderer._press is not None
    assert len(renderer._press.forms) == 4
    assert renderer.steps_aside == "the page is another one in many rows"


def test_texts_of_a_structure_are_bounded(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plaintext, "VARIANTS", 3)
    renderer = make_renderer({"body.html": "<p>a {{ x }} b</p>"})
    for n in range(10):
        assert str(renderer.render(make_recipient(x=f" {n} ")).text) == f"a {n} b\n"
    assert renderer._press is not None
    (form,) = renderer._press.forms._forms.values()
    assert form.text is not None
    assert len(form.text._variants) == 3


def test_the_text_is_laid_out_once_for_a_structure(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer({"body.html": "<p>Dear {{ x }}, <a href='{{ u }}'>{{ t }}</a></p>"})
    texts = [
        renderer.render(make_recipient(x=x, u=u, t="go")).text
        for x, u in (("A  B", "https://x.example/é a?b&copy=1"), ("C", "https://y.example"))
    ]
    assert texts[0].structure is texts[1].structure
    assert str(texts[0]) == "Dear A B, go <https://x.example/%C3%A9%20a?b&copy=1>\n"
    assert str(texts[1]) == "Dear C, go <https://y.example>\n"


def test_a_link_is_shown_once_where_its_text_is_its_target(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer({"body.html": "<p><a href='mailto:{{ u }}'>{{ t }}</a></p>"})
    texts = [
        str(renderer.render(make_recipient(u="a@b.c", t=t)).text) for t in ("a@b.c", "me", "A@b.c")
    ]
    assert texts == ["a@b.c\n", "me <mailto:a@b.c>\n", "A@b.c\n"]


@pytest.mark.parametrize(
    "source",
    [
        "",
        "  \n",
        "<!-- {{ x }} -->",
        "<!doctype html>",
        "{{ x }}",
        "{{ x|safe }}",
        "<?pi {{ x }}?>",
    ],
)
@pytest.mark.parametrize("x", ["", " ", "a", "<b>"])
def test_a_page_with_nothing_in_it_is_no_failure(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, source: str, x: str
) -> None:
    content = make_renderer({"body.html": source}).render(make_recipient(x=x))
    assert content.html is not None
    assert "zq" not in str(content.html) + str(content.text)


def test_text_only_has_no_page_and_a_text_template_wins(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    assert make_renderer({"body.txt": "{{ x }}"}).render(make_recipient(x="<")).html is None
    both = make_renderer({"body.txt": "T {{ x }}", "body.html": "<p>{{ x }}</p>"}).render(
        make_recipient(x="<")
    )
    assert str(both.text) == "T <"


def test_texts_share_their_structure(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer(
        {"body.txt": "Dear {{ x }},\n{% macro m(v) %}*{{ v }}{% endmacro %}{{ m(x) }}"}
    )
    bodies = [renderer.render(make_recipient(x=x)).text for x in ("A", "B <>&", "\ue000")]
    assert [str(body) for body in bodies] == [f"Dear {x},\n*{x}" for x in ("A", "B <>&", "\ue000")]
    assert bodies[0].structure is bodies[1].structure
    assert bodies[0].values == ("A", "A")


MACRO = "{% macro m(v) %}M{{ v }}{% endmacro %}"


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
def test_captured_text_is_what_it_is_without_marks(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, source: str
) -> None:
    import jinja2

    wanted = jinja2.Environment().from_string(source).render(x="abc")
    assert str(make_renderer({"body.txt": source}).render(make_recipient(x="abc")).text) == wanted
    page_of_it = make_renderer({"body.html": f"<p>{source}</p>"}).render(make_recipient(x="abc"))
    assert f"<p>{wanted}</p>" in str(page_of_it.html)


def test_a_template_that_a_cell_names_may_capture_what_it_likes(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    files: dict[str, str | bytes] = {
        "body.html": "{% include 'body-' ~ x ~ '.html' %}",
        "body-en.html": MACRO + "<p>{{ m(y)|length }}</p>",
        "body-fr.html": "{% filter truncate(4, true, '', 0) %}{{ y }}{% endfilter %}",
    }
    renderer = make_renderer(files)
    pages = [str(renderer.render(make_recipient(x=x, y="Marie")).html) for x in ("en", "fr")]
    assert ["<p>6</p>" in pages[0], "Mari<" in pages[1]] == [True, True]


def test_a_captured_text_may_name_a_column_or_a_template(
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


def test_the_text_of_a_preformatted_part_keeps_its_spaces_whoever_comes_first(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer({"body.html": "<pre>{{ x }}</pre>"})
    texts = [str(renderer.render(make_recipient(x=x)).text) for x in ("a", "a  b", "a\nb")]
    assert texts == ["a\n", "a  b\n", "a\nb\n"]


def test_a_style_sheet_may_depend_on_the_row(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer(
        {
            "body.html": '<head><link rel="stylesheet" href="{{ x }}.css"></head><p>t</p>',
            "red.css": "p { color: red }",
            "blue.css": "p { color: blue }",
        }
    )
    for x in ("red", "blue"):
        page_of_it = str(renderer.render(make_recipient(x=x)).html)
        assert f'<p style="color:{x}">t</p>' in page_of_it
    assert renderer.steps_aside == "the style sheet depends on the row"


def test_an_image_may_be_another_remote_one_for_each_person(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer({"body.html": "<p><img src='{{ x }}'>t</p>", "logo.png": b"1"})
    for n in range(9):
        url = f"https://x.example/{n}.png"
        content = renderer.render(make_recipient(x=url))
        assert content.html is not None
        assert f'<img src="{url}">' in str(content.html)
        assert content.html.structure.images == ()
    assert _made(renderer) == 1
    local = renderer.render(make_recipient(x="logo.png")).html
    assert local is not None
    assert [image.path for image in local.structure.images] == ["logo.png"]
    for outside in ("file:///etc/passwd", "../logo.png", "c:/logo.png", "none.png"):
        with pytest.raises(AssetError):
            renderer.render(make_recipient(x=outside))


def test_many_pages_made_for_few_people_each_are_said(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer({"body.html": "<p>{{ x|safe }}</p>"})
    for n in range(200):
        renderer.render(make_recipient(x=f"<b>{n}</b>" if n % 3 == 0 else ""))
    assert renderer.steps_aside == "the page is another one in many rows"
    for _ in range(2000):
        renderer.render(make_recipient(x=""))
    assert renderer.steps_aside == ""


def test_many_texts_made_for_few_people_each_are_said(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plaintext, "VARIANTS", 4)
    source = "".join(f"<p>{{{{ c{n} }}}}</p>" for n in range(4))
    renderer = make_renderer({"body.html": source})
    for n in range(16):
        cells = {f"c{bit}": "x" if n >> bit & 1 else "" for bit in range(4)}
        renderer.render(make_recipient(cells))
    assert "layout of the text" in renderer.steps_aside


def test_what_makes_a_page_fragile_is_found_by_halves(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed = first_arguments(monkeypatch, page, "parse")
    rows = "".join(f"<tr><td>{{{{ x }}}}{n}</td></tr>" for n in range(200))
    renderer = make_renderer({"body.html": f"<table>{rows}</table><p title={{{{ x }}}}>t</p>"})
    assert "<td>a199</td>" in str(renderer.render(make_recipient(x="a")).html)
    assert len(parsed) < 60


def test_a_value_at_the_very_end_of_a_page_is_like_any_other(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer({"body.html": "<p>Good-bye {{ x }}\n"})
    for x in ("Ann", "Bob", "Eve & <Son>"):
        renderer.render(make_recipient(x=x))
    assert _made(renderer) == 1
    assert renderer.steps_aside == ""


def test_a_row_as_a_whole_is_written_as_its_cells(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    content = make_renderer({"body.txt": "{{ row }}"}).render(make_recipient(x="a"))
    assert str(content.text) == "{'x': 'a'}"


def test_a_mark_in_a_cell_or_a_template_is_only_a_character(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailmerge.rendering.content.choose_mark", lambda: "\ue111")
    renderer = make_renderer({"body.html": "<p>{{ x }} {{ y }}</p>", "body.txt": "{{ x }} {{ y }}"})
    content = renderer.render(make_recipient(x="a\ue111b", y="<"))
    assert "<p>a\ue111b &lt;</p>" in str(content.html)
    assert str(content.text) == "a\ue111b <"
    template = make_renderer({"body.html": "<p>\ue111{{ x }}\ue111</p>"})
    assert "<p>\ue111&lt;\ue111</p>" in str(template.render(make_recipient(x="<")).html)


def test_an_imported_template_is_not_written_out(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    from mailmerge.errors import TemplateError

    renderer = make_renderer(
        {"body.html": "{% import 'm.html' as m with context %}{{ m }}", "m.html": "{{ x }}"}
    )
    with pytest.raises(TemplateError, match="include it instead"):
        renderer.render(make_recipient(x="<script>"))


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
def test_escaping_is_that_of_jinja(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, source: str, wanted: str
) -> None:
    files: dict[str, str | bytes] = {"body.html": source, "p.html": "{{ x }}"}
    renderer = make_renderer(files)
    assert renderer._html is not None
    from mailmerge.rendering.environment import CampaignView, variables_of
    from mailmerge.rendering.structure import woven

    found = renderer._html.run(variables_of(2, {"x": "<i>", "y": "off"}, CampaignView("c")))
    assert woven(found.key, renderer._mark, found.written(escaped=True)) == wanted


def test_threads_share_a_renderer(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    source = _page("{% for i in range(n|int) %}<p class='a'>{{ name }} {{ i }}</p>{% endfor %}")
    renderer = make_renderer({"body.html": source})
    alone = make_renderer({"body.html": source})
    people = [make_recipient(row=n, name=f"N{n} <&>", n=str(n % 5)) for n in range(40)]
    wanted = [(str(c.html), str(c.text)) for c in map(alone.render, people)]
    begin = threading.Barrier(6)
    failures: list[object] = []

    def lane() -> None:
        begin.wait()
        for person, (html, text) in zip(people, wanted, strict=True):
            content: Content = renderer.render(person)
            if (str(content.html), str(content.text)) != (html, text):
                failures.append(person)

    threads = [threading.Thread(target=lane) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert _made(renderer) == 5


def test_rendering_is_the_same_in_every_run(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    files: dict[str, str | bytes] = {
        "body.html": _page("<p class='a b'>{{ x }}</p><img src='i.png'>"),
        "i.png": b"1",
    }
    first, second = make_renderer(files), make_renderer(files)
    second.render(make_recipient(x=""))
    assert str(first.render(make_recipient(x="é")).html) == str(
        second.render(make_recipient(x="é")).html
    )
