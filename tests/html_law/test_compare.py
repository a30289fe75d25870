"""The comparison notices each kind of loss, and reports it at its cause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from .browser import Browser
from .difference import Difference, count_kinds, merge
from .images import picture
from .pages import Pages, compare_source, make_pages

pytestmark = pytest.mark.real

HEAD = "<!doctype html><html><head>"


def _styled(sheet: str, body: str) -> str:
    return f"{HEAD}<style>{sheet}</style></head><body>{body}</body></html>"


def _found(
    chromium: Browser, written: str, sent: str, files: Mapping[str, bytes] | None = None
) -> dict[str, tuple[str, ...]]:
    """The properties that differ, with the elements and the first view."""
    found: dict[str, tuple[str, ...]] = {}
    for one in chromium.compare(written, sent, files).differences:
        found.setdefault(one.name, (one.path.rpartition(">")[2], one.where[0]))
    return found


EQUAL = {
    "inlined": (
        _styled("p { color: red }", "<p>a</p>"),
        f'{HEAD}</head><body><p style="color:red">a</p></body></html>',
    ),
    "space between words": (f"{HEAD}<body><p>a\n  b</p>", f"{HEAD}<body><p>a b</p>"),
    "declaration for Outlook": (
        _styled("p { mso-padding-alt: 0pt }", "<p>a</p>"),
        f'{HEAD}</head><body><p style="mso-padding-alt:0">a</p></body></html>',
    ),
    "order of declarations": (
        f'{HEAD}<body><p style="margin: 0; color: red">a</p>',
        f'{HEAD}<body><p style="color:#f00; margin:0 0">a</p>',
    ),
    "conditional rule kept": (
        _styled("@media (max-width: 400px) { p { margin: 0 } }", "<p>a</p>"),
        _styled("@media (max-width: 400px) { p { margin: 0 !important } }", "<p>a</p>"),
    ),
    "transition": (
        _styled("a { color: red; transition: 1s } a:hover { color: blue }", "<a>x</a>"),
        _styled("a:hover { color: blue !important }", '<a style="color:red;transition:1s">x</a>'),
    ),
}


@pytest.mark.parametrize("name", EQUAL)
def test_equal_pages_have_no_difference(chromium: Browser, name: str) -> None:
    written, sent = EQUAL[name]
    assert _found(chromium, written, sent) == {}


LOST: dict[str, tuple[str, str, str, str, dict[str, tuple[str, str] | None]]] = {
    "style": ("p { color: red }", "<p>a</p>", "", "<p>a</p>", {"color": ("p[1]", "320 light")}),
    "style sheet only": (
        "p { color: red }",
        "<p>a</p>",
        "p { color: red }",
        "<p>a</p>",
        {"color": ("p[1]", "600 without style elements")},
    ),
    "text": ("", "<p>a <b>b</b> c</p>", "", "<p>a <b>b</b></p>", {"text": ("p[1]", "320 light")}),
    "no-break space": ("", "<p>a&nbsp;b</p>", "", "<p>a b</p>", {"text": ("p[1]", "320 light")}),
    "narrow": (
        "@media (max-width: 400px) { p { margin: 0 } }",
        "<p>a</p>",
        "",
        "<p>a</p>",
        {"margin-top": ("p[1]", "320 light"), "margin-bottom": ("p[1]", "320 light")},
    ),
    "wide": (
        "@media (min-width: 601px) { p { color: red } }",
        "<p>a</p>",
        "",
        "<p>a</p>",
        {"color": ("p[1]", "1200 light")},
    ),
    "dark": (
        "@media (prefers-color-scheme: dark) { p { color: red } }",
        "<p>a</p>",
        "",
        "<p>a</p>",
        {"color": ("p[1]", "320 dark")},
    ),
    "hover": (
        "a:hover { color: red }",
        "<a>x</a>",
        "",
        "<a>x</a>",
        {"color": ("a[1]", "600 states")},
    ),
    "Outlook.com": (
        "[data-ogsc] p { color: red }",
        "<p>a</p>",
        "",
        "<p>a</p>",
        {"color": ("p[1]", "600 outlook.com")},
    ),
    "Gmail": (
        "u + body p { color: red }",
        "<p>a</p>",
        "",
        "<p>a</p>",
        {"color": ("p[1]", "600 gmail")},
    ),
    "Outlook": (
        "#outlook p { color: red }",
        "<p>a</p>",
        "",
        "<p>a</p>",
        {"color": ("p[1]", "600 outlook")},
    ),
    "Apple": (
        "a[x-apple-data-detectors] { color: red }",
        '<a href="/">x</a>',
        "",
        '<a href="/">x</a>',
        {"color": ("a[1]", "600 apple")},
    ),
    "pseudo-element": (
        'p::before { content: "x" }',
        "<p>a</p>",
        "",
        "<p>a</p>",
        {"content::before": ("p[1]", "320 light")},
    ),
    "declaration for Outlook": (
        "p { mso-line-height-rule: exactly }",
        "<p>a</p>",
        "",
        "<p>a</p>",
        {"--mso-line-height-rule": ("p[1]", "320 light")},
    ),
    "fallback": (
        "p { background: red; background: linear-gradient(red, blue) }",
        "<p>a</p>",
        "",
        '<p style="background: linear-gradient(red, blue)">a</p>',
        {"background-color": ("p[1]", "600 old client"), "background-image": None},
    ),
    "attribute": (
        "",
        '<p title="x">a</p>',
        "",
        "<p>a</p>",
        {"attribute title": ("p[1]", "320 light")},
    ),
    "number of an image": (
        "img { width: 100% }",
        '<img width="600" alt="">',
        "",
        '<img width="100%" alt="" style="width:100%">',
        {"attribute width": ("img[1]", "320 light")},
    ),
    "box": (
        "",
        '<div><p style="height:9px">a</p></div>',
        "",
        "<div><p>a</p></div>",
        {"box": ("p[1]", "320 light")},
    ),
}


@pytest.mark.parametrize("name", LOST)
def test_each_loss_is_a_difference(chromium: Browser, name: str) -> None:
    sheet, body, sent_sheet, sent_body, wanted = LOST[name]
    found = _found(chromium, _styled(sheet, body), _styled(sent_sheet, sent_body))
    found.pop("content::after", None)
    assert {name: found.get(name) for name in wanted} == wanted


def test_emptied_link_is_two_elements(chromium: Browser) -> None:
    written = f'{HEAD}<body><a href="/"><table><tr><td>x</td></tr></table></a>'
    sent = f'{HEAD}<body><a href="/"></a><table><tr><td>x</td></tr></table>'
    found = [one for one in chromium.compare(written, sent).differences if one.name == "element"]
    assert [(one.path, one.written, one.sent) for one in found] == [
        ("html>body[1]>a[1]>table[1]", "<table> x", ""),
        ("html>body[1]>table[0]", "", "<table> x"),
    ]


def test_inherited_value_is_reported_once(chromium: Browser) -> None:
    cells = "<table><tr><td>a</td><td>b</td></tr></table>"
    written, sent = (
        f'{HEAD}<body style="color:{colour}"><div>{cells}</div>' for colour in ("red", "blue")
    )
    found = chromium.compare(written, sent).differences
    assert [(one.name, one.path) for one in found] == [("color", "html>body[1]")]


def test_box_behind_another_difference_is_no_line(chromium: Browser) -> None:
    written = f'{HEAD}<body><p style="margin:0">a</p><p>b</p><p>c</p>'
    found = chromium.compare(written, written.replace("margin:0", "margin:9px 0"))
    assert {one.path for one in found.differences} == {"html>body[1]>p[1]"}


def test_image_is_its_address(chromium: Browser) -> None:
    files = {"a b.png": picture("a"), "c.png": picture("c")}
    written, other = f'{HEAD}<body><img src="a b.png">', f'{HEAD}<body><img src="c.png">'
    assert _found(chromium, written, f'{HEAD}<body><img src="a%20b.png">', files) == {}
    assert set(_found(chromium, written, other, files)) == {"attribute src"}


def test_quirks_mode_is_that_of_the_page(chromium: Browser) -> None:
    body = '<body style="margin:0"><div style="height:100%">a</div>'
    assert _found(chromium, f"<!doctype html>{body}", body) != {}


def test_lost_doctype_is_a_difference(chromium: Browser) -> None:
    written = f"{HEAD}<body><p>a</p>"
    found = chromium.compare(written, written.removeprefix("<!doctype html>")).differences
    assert [(one.name, one.written, one.sent) for one in found if one.name == "doctype"] == [
        ("doctype", "CSS1Compat html", "BackCompat none")
    ]


def test_batch_finds_the_same_as_single_pages(chromium: Browser) -> None:
    same, lost = (
        _styled("", "<p>a</p>"),
        _styled("@media (max-width: 400px) { p { color: red } }", "<p>a</p>"),
    )
    equal, different = chromium.compare_batch([(lost, lost), (lost, same)], {})
    assert equal == []
    assert [(one.name, one.where) for one in different] == [("color", ("320 light",))]


@dataclass(frozen=True)
class Markup:
    """Conditional comments, written and sent, and the number of those that differ."""

    written: str
    sent: str
    differing: int


CONDITIONS = [
    Markup("<!--[if mso]><p>a</p><![endif]-->", "<!--[if mso]><p>a</p><![endif]-->", 0),
    Markup("<!--[if mso]><p>a</p><![endif]-->", "", 1),
    Markup("<!--[if mso]><p>a</p><![endif]-->", "<!--[if mso]><p>b</p><![endif]-->", 1),
    Markup("<![if !mso]><p>a</p><![endif]>", "<!--[if !mso]--><p>a</p><!--[endif]-->", 2),
    Markup(
        "<!--[if !mso]><!--><p>a</p><!--<![endif]-->",
        '<!--[if !mso]><!--><p style="">a</p><!--<![endif]-->',
        0,
    ),
    Markup("<!-- a --><p>a</p>", "<p>a</p>", 0),
]


@pytest.mark.parametrize("markup", CONDITIONS, ids=range(len(CONDITIONS)))
def test_conditional_comments_are_compared_as_source(markup: Markup) -> None:
    assert len(compare_source(Pages(markup.written, markup.sent, {}))) == markup.differing


def test_difference_is_one_line() -> None:
    one = Difference(
        "color", "html>body[1]>p[2]", "red\nred", "blue " * 40, ("320 light", "600 light")
    )
    assert str(one).startswith("color: html>body[1]>p[2]: written 'red red', sent 'blue blue")
    assert str(one).endswith("... (320 light, 600 light)")


def test_differences_of_all_views_are_merged() -> None:
    views = [
        Difference("color", "html>p[3]", "a", "b", (where,))
        for where in ("320 light", "600 states")
    ]
    assert [one.where for one in merge(views)] == [("320 light", "600 states")]
    assert count_kinds(merge(views)) == {"color | plain | html>p": 1}
    assert count_kinds(views[1:]) == {"color | states | html>p": 1}


def test_pages_are_those_of_the_message(chromium: Browser, tmp_path: Path) -> None:
    template = _styled("p { color: red }", '<p>{{ name }} <img src="a/b c.png" alt=""></p>')
    pages = make_pages(tmp_path, template)
    assert "<p>Zoé &lt;Ann&gt; &amp; Co <img" in pages.written
    assert '<p style="color:red">' in pages.sent
    assert 'src="a/b%20c.png"' in pages.sent
    assert pages.files["a/b c.png"] == picture("a/b c.png")
    assert chromium.compare(pages.written, pages.sent, pages.files).differences == ()
