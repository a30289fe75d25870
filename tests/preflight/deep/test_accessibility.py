"""What screen readers need."""

from __future__ import annotations

import pytest

from mailmerge.preflight.deep.accessibility import (
    check_headings,
    check_images,
    check_language,
    check_links,
    check_tables,
    check_text_size,
)
from mailmerge.preflight.deep.page import DeepPage
from mailmerge.rendering.document import parse
from tests.preflight.deep.pages import found, page_of, warnings


def _without_language(html: str) -> DeepPage:
    page = page_of("<p>x</p>")
    return DeepPage(parse(html), page.file, {"body.html": html}, page.files, {}, page.value)


@pytest.mark.parametrize(("html", "count"), [
    ("<html lang='zh-Hans-CN'><p>x", 0), ("<html lang='{lang}'><p>x", 1),
    ("<html><p>x", 1), ("<p>x", 1), ("<html lang='english!'><p>x", 1),
])  # fmt: skip
def test_page_has_a_language(html: str, count: int) -> None:
    assert len(list(check_language(_without_language(html)))) == count


def test_language_may_depend_on_the_recipient() -> None:
    page = _without_language(f"<html lang='{page_of('').value}'><p>x")
    assert list(check_language(page)) == []


def test_layout_table_needs_a_role() -> None:
    body = (
        '<table role="presentation"><tr><td>x</td></tr></table>\n<table><tr><td>y</td></tr></table>'
    )
    assert found(check_tables, body) == [("table-role", 6, False)]
    assert warnings(check_tables, body * 2) == ["2 tables are read aloud as data, cell by cell"]


@pytest.mark.parametrize("body", [
    '<table role="none"><tr><td>x</td></tr></table>',
    "<table><tr><th>a</th></tr><tr><td>1</td></tr></table>",
    "<table><caption>a</caption><tr><td>1</td></tr></table>",
    "<!--[if mso]><table><tr><td><![endif]--><p>x</p><!--[if mso]></td></tr></table><![endif]-->",
])  # fmt: skip
def test_table_of_data_needs_none(body: str) -> None:
    assert found(check_tables, body) == []


def test_link_needs_a_name() -> None:
    assert found(check_links, '<p>x</p>\n<a href="https://a.eu"><img src="a.png" alt=""></a>') == [
        ("link-without-text", 6, False)
    ]
    assert found(check_links, '<a href="https://a.eu"><img src="a.png" alt="Shop"></a>') == []
    assert found(check_links, '<a href="https://a.eu" aria-label="Shop"></a>') == []
    assert found(check_links, '<a name="top"></a>') == []


@pytest.mark.parametrize("text", ["Click here", "here.", "点击这里", "Weiterlesen »"])
def test_link_named_here_gets_a_note(text: str) -> None:
    assert found(check_links, f'<a href="https://a.eu">{text}</a>' * 2) == [("link-text", 5, True)]


def test_alt_text_is_no_file_name() -> None:
    assert found(check_images, '<img src="x.png" alt="IMG_123.png">') == [
        ("alt-file-name", 5, False)
    ]
    assert found(check_images, '<img src="x.png" alt=""><img src="y.png" alt="A house">') == []


def test_heading_level_is_left_out() -> None:
    assert found(check_headings, "<h1>a</h1><h2>b</h2><h1>c</h1>") == []
    assert found(check_headings, "<h1>a</h1>\n<h3>b</h3>") == [("heading-order", 6, True)]


def test_tiny_text_is_a_warning() -> None:
    assert warnings(check_text_size, '<p style="font-size:8px">x</p>') == [
        "text of 8 pixels is too small to read"
    ]
    assert found(check_text_size, '<p style="font-size:1px">x</p><p>y</p>') == []
