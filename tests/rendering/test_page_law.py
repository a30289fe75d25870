"""The law of the structure cache: a page is the tree that is made of the plain rendering alone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import jinja2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailmerge.errors import AssetError
from mailmerge.recipients.address import Mailbox
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.content import Content, Renderer
from mailmerge.rendering.page import PageRenderer
from mailmerge.rendering.plaintext import text_of_page
from mailmerge.rendering.settings import BodySource, Templates

from .law import canonical

CSS = """
p { color: red } .a { margin: 1px } #i td { padding: 2px } a:hover { color: blue }
p > b { font-weight: normal } td:first-child { color: green } [data-k="x"] { color: pink }
p:empty { color: grey } @media (max-width: 600px) { .a { margin: 0 } } h1 + p { margin: 3px }
"""
COLUMNS = ("name", "city", "url", "kind")


def _plain(folder: Path, cells: dict[str, str]) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    # A line of a cell ends with LF for a template.
    cells = {name: cell.replace("\r\n", "\n").replace("\r", "\n") for name, cell in cells.items()}
    return environment.get_template("body.html").render({**cells, "row": cells})


def _alone(folder: Path, plain: str) -> str:
    """The page that is made of one rendering, without values and without the cache."""
    templates = Templates("x", html=BodySource("body.html"), folder=folder)
    page, _ = PageRenderer(templates, "body.html", "\ue000\ue001", lambda _: ("", None)).finish(
        plain
    )
    return page


def _is_out_of_scope(plain: str) -> bool:
    """Jinja2 writes the address of an object: a macro includes a template without context."""
    return bool(re.search(r"(<|&lt;)generator", plain))


def _renderer(folder: Path, body: str, files: dict[str, str] | None = None) -> Renderer:
    for path, source in {"body.html": body, **(files or {})}.items():
        (folder / path).write_text(source, encoding="utf-8", newline="")
    return Renderer(Templates("x", html=BodySource("body.html"), folder=folder))


def _recipient(cells: dict[str, str]) -> Recipient:
    return Recipient(2, cells, Mailbox("a@b.c", "a@b.c", "a@b.c"), "a@b.c")


def _keeps_the_law(content: Content, wanted: str) -> None:
    assert content.html is not None
    assert canonical(str(content.html)) == canonical(wanted)
    assert str(content.text) == text_of_page(str(content.html))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all examples of a law, so that an error always has the same text."""
    return tmp_path_factory.mktemp("campaign")


# An output: a column, or an expression over columns.
COLUMN = st.sampled_from(COLUMNS)
EXPRESSION = st.one_of(
    COLUMN,
    COLUMN.map(lambda column: f'row["{column}"]'),
    COLUMN.map(lambda column: f"{column}|upper"),
    COLUMN.map(lambda column: f"{column}|e"),
    COLUMN.map(lambda column: f"{column}|urlencode"),
    COLUMN.map(lambda column: f"{column}|length"),
    COLUMN.map(lambda column: f"({column} ~ '<&>')"),
    COLUMN.map(lambda column: f"{column}|safe"),
    st.tuples(COLUMN, COLUMN).map(lambda pair: f"{pair[0]} or {pair[1]}"),
)
OUTPUT = EXPRESSION.map(lambda expression: "{{ " + expression + " }}")
WORD = st.sampled_from(
    [
        "Dear ",
        " ",
        "\n",
        "x",
        "&nbsp;",
        "&amp;",
        "&",
        ", ",
        "é",
        "<br>",
        "<!-- c -->",
        "-",
        "\t",
        "&copy",
    ]
)


def _without(quote: str, parts: list[str]) -> str:
    return "".join(part for part in parts if part != quote)


def _element(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    tags = st.sampled_from(
        ["p", "b", "td", "table", "div", "h1", "i", "ul", "li", "span", "title", "tr"]
    )
    names = st.sampled_from(
        ["title", "alt", "lang", "width", "class", "id", "data-k", "style", "align"]
    )
    around = ["a", " ", "-", "color:", "i", "&quot;", "&#39;", "'", '"', "&lt;"]
    value = st.lists(st.one_of(OUTPUT, st.sampled_from(around)), max_size=3)
    attribute = st.builds(
        lambda name, quote, parts: f" {name}={quote}{_without(quote, parts)}{quote}",
        names, st.sampled_from(['"', "'"]), value,
    )  # fmt: skip
    attributes = st.lists(attribute, max_size=2).map("".join)
    return st.builds(
        lambda tag, given, text: f"<{tag}{given}>{text}</{tag}>", tags, attributes, inner
    )


def _special(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    starts = ["https://x.example/?a=1&amp;b=", "", "https://x.example/", "mailto:", "#", "?a&", " "]
    starts += ["mailto:?body=&quot;", "{{ kind }}", " {{ kind }} "]
    start = st.sampled_from(starts)
    link = st.builds(lambda s, o, t: f'<a href="{s}{o}">{t}</a>', start, OUTPUT, inner)
    image = OUTPUT.map(lambda output: f'<img src="https://x.example/{output}.png" alt="{output}">')
    comment = OUTPUT.map(lambda output: f'<!--[if mso]><v:rect href="{output}"/><![endif]-->')
    unquoted = OUTPUT.map(lambda output: f"<i title={output}>u</i>")
    raw = OUTPUT.map(lambda output: f"<style>p {{ color: {output} }}</style><b>r</b>")
    figures = OUTPUT.map(lambda output: f"<table><tr><th>n</th><td>{output}</td></tr></table>")
    return st.one_of(link, image, comment, unquoted, raw, figures)


def _control(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    condition = st.builds(
        lambda c, t, e: f"{{% if {c} %}}{t}{{% else %}}{e}{{% endif %}}", COLUMN, inner, inner
    )
    loop = inner.map(
        lambda t: f"{{% for x in range(2) %}}{t}{{{{ x }}}}{{{{ loop.index }}}}{{% endfor %}}"
    )
    letters = st.builds(
        lambda c, t: f"{{% for x in {c} %}}<b>{{{{ x }}}}</b>{t}{{% endfor %}}", COLUMN, inner
    )
    captured = st.builds(
        lambda t, use: f"{{% set captured %}}{t}{{% endset %}}{use}",
        inner,
        st.sampled_from(
            [
                "{{ captured }}{{ captured }}",
                "{{ captured|upper }}",
                "{{ captured|length }}",
                "{% if captured %}<p>yes</p>{% endif %}",
                "{{ captured|replace('e', '<b>') }}",
                "{{ captured|e }}",
                '<b title="{{ captured|striptags }}">x</b>',
            ]
        ),
    )
    filtered = st.builds(
        lambda t, f: f"{{% filter {f} %}}{t}{{% endfilter %}}",
        inner,
        st.sampled_from(
            ["upper", "trim", "replace('&', '<i>')", "striptags", "wordwrap(5)", "title"]
        ),
    )
    unescaped = inner.map(lambda t: f"{{% autoescape false %}}{t}{{% endautoescape %}}")
    macro = inner.map(
        lambda t: (
            '{% macro m(v) %}<i title="{{ v }}">{{ v }}</i>{% endmacro %}'
            "{% macro frame(v) %}<div>{{ v }}{{ caller() }}</div>{% endmacro %}"
            f"{{{{ m(name) }}}}{{% call frame(city) %}}{t}{{% endcall %}}"
        )
    )
    nested = inner.map(
        lambda t: f"{{% macro n(v) %}}<b>{{{{ v }}}}</b>{t}{{% endmacro %}}{{{{ n(n(url)) }}}}"
    )
    parts = st.sampled_from(
        [
            '{% include "part.html" %}',
            '{% include "part.html" without context %}',
            '{% import "macros.html" as lib %}{{ lib.button(name, url) }}',
            '{% from "macros.html" import button with context %}{{ button(city, kind)|upper }}',
        ]
    )
    return st.one_of(condition, loop, letters, captured, filtered, unescaped, macro, nested, parts)


FRAGMENT: st.SearchStrategy[str] = st.recursive(
    st.one_of(OUTPUT, WORD),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        _element(inner),
        _special(inner),
        _control(inner),
    ),
    max_leaves=12,
)

TEMPLATE = st.one_of(
    FRAGMENT.map(
        lambda f: f"<!doctype html>\n<html><head><style>{CSS}</style></head><body>{f}</body></html>"
    ),
    FRAGMENT.map(
        lambda f: f"<html><head><title>t</title></head><body class='a'>\n<p>{f}</p>\n</body></html>"
    ),
    FRAGMENT.map(lambda f: f"<style>{CSS}</style><table id=i><tr><td>{f}</td></tr></table>"),
    FRAGMENT.map(
        lambda f: (
            f'{{% extends "base.html" %}}{{% block main %}}{f}{{{{ super() }}}}{{% endblock %}}'
        )
    ),
    FRAGMENT.map(lambda f: f"<p>{f}"),
)

FILES = {
    "part.html": "<p class=a>{% if name is defined %}{{ name }}{% endif %}</p>",
    "macros.html": (
        '{% macro button(text, to) %}<a class="a" href="{{ to }}">{{ text }}</a>{% endmacro %}'
    ),
    "base.html": (
        f"<!DOCTYPE html><html><head><style>{CSS}</style></head><body><p>{{{{ city }}}}</p>"
        "{% block main %}<p>{{ name }}</p>{% endblock %}{{ self.main() }}</body></html>"
    ),
}

SPACES = ["", " ", "a  b", " lead", "trail ", "\n", "a\r\nb", "a\rb", "a\tb", "\u00a0", "a\u2028b"]
MARKUP = ["<b>x</b>", "&lt;", "&", "</p><p>", "</style>", "-->", "--", "-", "x>", "]]>", "amp;"]
MARKUP += ["&copy", "copy=", 'say "x"', "O'Brien", "A & B", "{{ 7*7 }}", "{% x %}"]
SCRIPTS = [
    "姓名",
    "עִבְרִית",
    "\U0001f600\u200d\U0001f468",
    "é",
    "\u200b\u200b\u200b",
    "\ue000",
    "\uf8ff",
]
SCRIPTS += ["\U0010fffd", "\x01", "\x85", "\ufdd0"]
TARGETS = ["https://x.example/é ü?q=1&copy=2", "#top", "javascript:x", "%41", "mailto:a@b.c"]
WORDS = ["Ann", "images/logo.png", "0", "x" * 80]
TEXTS = st.one_of(
    st.sampled_from(SPACES + MARKUP + SCRIPTS + TARGETS + WORDS),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12),
)
ROW = st.fixed_dictionaries(dict.fromkeys(COLUMNS, TEXTS))


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(template=TEMPLATE, rows=st.lists(ROW, min_size=2, max_size=4))
def test_page_is_what_is_made_of_the_plain_rendering(
    folder: Path, template: str, rows: list[dict[str, str]]
) -> None:
    renderer = _renderer(folder, template, FILES)
    for cells in rows:
        plain = _plain(folder, cells)
        try:
            wanted = _alone(folder, plain)
        except AssetError:
            continue
        if not _is_out_of_scope(plain):
            _keeps_the_law(renderer.render(_recipient(cells)), wanted)


ROWS_THAT_TRY = (
    {"x": "q", "y": "r"},
    {"x": "", "y": ""},
    {"x": " ", "y": " b"},
    {"x": "' onmouseover='alert(1)", "y": '" onmouseover="alert(1)'},
    {"x": "O'Brien", "y": "a\r"},
    {"x": "a\r\nb", "y": "\nb"},
    {"x": "a", "y": "</title>"},
)
ATTACKS = {
    "double quotes around a value": '<p title="a&quot;{{ x }}">t</p>',
    "JSON in an attribute": """<p data-json='{"name": "{{ x }}"}'>t</p>""",
    "double quotes in a URL": '<a href="mailto:?body=&quot;{{ x }}&quot;">t</a>',
    "both quotes": """<p title='a"&#39;{{ x }}{{ y }}'>t</p>""",
    "values behind a style": "<style>p{color:red}</style>\n{{ x }}\n<p>t</p>",
    "a carriage return before a line": "<p>{{ x }}\nb</p><p>{{ y }}{{ x }}</p>",
    "a carriage return of the template": (
        """<a href="https://e.example/{{ x|replace('a', '\\r') }}">"""
        """{{ x|replace('a', '\\r') }}\nb</a>"""
    ),
    "letters of a line end": "<pre>{% for c in x %}{{ c }}{% endfor %}</pre>",
    "values that begin a URL": '<a href="{{ x }}{{ y }}">t</a><a href=" {{ x }}">t</a>',
    "a value before the spaces of a URL": '<a href="{{ x }} https://e.example/">t</a>',
    "a comment that a value may end": "<!-- a -{{ x }}-> b --><p>t</p>",
    "a value that begins markup": "<p>a<!{{ x }}>b</p>",
    "nothing behind a value": "<p>t</p>{{ x }}",
    "two values and nothing behind them": "<p>t</p>{{ x }} {{ y }}",
    "an unclosed page": "<p>{{ y }}<p>{{ x }}",
    "a name of an element": "<{{ x }} class='{{ y }}'>t",
}


@pytest.mark.parametrize("template", ATTACKS.values(), ids=ATTACKS.keys())
def test_value_stays_in_its_place(folder: Path, template: str) -> None:
    _keeps_the_law_in(folder, f"<style>{CSS}</style><body>{template}", ROWS_THAT_TRY)


def _keeps_the_law_in(folder: Path, template: str, rows: Iterable[dict[str, str]]) -> Renderer:
    renderer = _renderer(folder, template)
    for cells in rows:
        plain = _plain(folder, cells)
        if not _is_out_of_scope(plain):
            _keeps_the_law(renderer.render(_recipient(cells)), _alone(folder, plain))
    return renderer


@pytest.mark.parametrize(
    ("selector", "value"),
    [
        ('[title="a;b"]', "a;b"),
        ('[title="a}b"]', "a}b"),
        ('[title="a\\"b"]', 'a"b'),
        ("[|title=a]", "a"),
        (r"[\74itle=a]", "a"),
        (r"[t\itle=a]", "a"),
        ("/* { */[title=a]", "a"),
        ('a[href="/*"] { margin: 0 } p[title="a"]', "a"),
        ("p { content: '}' } [title=a]", "a"),
        ("P[TITLE=a]", "a"),
    ],
)
def test_attribute_that_a_selector_reads_is_structural(
    folder: Path, selector: str, value: str
) -> None:
    template = (
        f"<style>{selector} {{ color: red }} a[rel='*/'] {{ margin: 0 }}</style>"
        '<body><p title="{{ x }}">t</p>'
    )
    _keeps_the_law_in(folder, template, [{"x": "q"}, {"x": value}])


@pytest.mark.parametrize(
    "css",
    [
        '.none { content: "}" } p { color: red }',
        '.none { content: "{" } p { color: red } .a { margin: 0 }',
        ".none { content: '{}' } p { color: red }",
        ".none, p { color: red } .none p, .a { margin: 1px }",
        "#none { color: red } #i { color: blue } p#i.a { margin: 1px }",
        ".none .a { color: red } .a .none { color: red } .a > p { color: blue }",
        ".A { color: red } .a { color: blue }",
        ".none:hover { color: red } p:hover { color: red } .none:first-child { color: red }",
        ".none { color: red; } ; .a { color: blue }",
        "/* .none { */ .a { color: blue } /* } */",
        "@media print { .none { color: red } } .a { color: blue }",
        "* { margin: 0 } .none * { margin: 1px } .a * { padding: 2px }",
        r".n\6fne { color: red } .\61 { color: blue }",
        ".none { color: red",
        "} .a { color: blue }",
    ],
)
def test_only_rules_that_match_nothing_are_left_out(folder: Path, css: str) -> None:
    page = '<p class="a" id="i">{{ x }}</p><div class="a b"><p>t</p></div>'
    template = f"<style>{css}</style><body>{page}"
    _keeps_the_law_in(folder, template, [{"x": "q"}])
