"""The text made from a page is laid out once for a structure."""

from __future__ import annotations

import re

import pytest

from mailmerge.rendering.derived_text import DerivedText
from mailmerge.rendering.escaping import ESCAPERS, HtmlContext
from mailmerge.rendering.placeholders import Placeholders
from mailmerge.rendering.plaintext import text_of_page
from mailmerge.rendering.settings import RenderLimits
from mailmerge.rendering.structure import Body, Structure

from .conftest import MakeRecipient, MakeRenderer


def derived(*static: str, limit: int = 64) -> DerivedText:
    """The text of a page with one value after each static text but the last."""
    indices = tuple(range(len(static) - 1))
    return DerivedText(
        static, indices, (ESCAPERS[HtmlContext.TEXT],) * len(indices), Placeholders(), limit
    )


def test_layout_is_shared_by_recipients(
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


@pytest.mark.parametrize("value", ["a", "", " ", " a ", "a\u00ad", "a  b", "a\nb", "<&amp;>"])
def test_text_is_that_of_the_page(value: str) -> None:
    text = derived("<p>Dear ", ",</p><p>more</p>")
    page = Body(Structure(("<p>Dear ", ",</p><p>more</p>")), (ESCAPERS[HtmlContext.TEXT](value),))
    assert str(text.fill((value,), page)) == text_of_page(str(page))
    assert text.reason == ""


def test_layouts_are_bounded() -> None:
    text = derived("<p>a ", " b</p>", limit=3)
    for n in range(10):
        page = Body(Structure(("<p>a ", " b</p>")), (f" {n} ",))
        assert str(text.fill((f" {n} ",), page)) == f"a {n} b\n"
    assert text.kept == 3


@pytest.mark.parametrize("first", ["a", "a long head", *("x" * n for n in range(15, 24))])
def test_text_of_columns_is_laid_out_for_each_recipient(first: str) -> None:
    """Even where the first value is as long as the word that stands for it."""
    static = ("<table><tr><th>", "</th><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>")
    text = derived(*static)
    for value in (first, "b", "another long head"):
        page = Body(Structure(static), (value,))
        assert str(text.fill((value,), page)) == text_of_page(str(page))
    assert text.reason == "the layout of the text that is made from the HTML depends on the row"


def test_many_layouts_for_few_rows_are_reported(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    source = "".join(f"<p>{{{{ c{n} }}}}</p>" for n in range(4))
    renderer = make_renderer({"body.html": source}, limits=RenderLimits(texts=4))
    for n in range(16):
        cells = {f"c{bit}": "x" if n >> bit & 1 else "" for bit in range(4)}
        renderer.render(make_recipient(cells))
    assert "layout of the text" in renderer.slow_because


def test_link_is_shown_once_where_its_text_is_its_target(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer({"body.html": "<p><a href='mailto:{{ u }}'>{{ t }}</a></p>"})
    texts = [
        str(renderer.render(make_recipient(u="a@b.c", t=t)).text) for t in ("a@b.c", "me", "A@b.c")
    ]
    assert texts == ["a@b.c\n", "me <mailto:a@b.c>\n", "A@b.c\n"]


def test_target_of_a_link_ends_where_its_bracket_does(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer({"body.html": "<p><a href='https://x.example/?q={{ x }}'>go</a></p>"})
    for x in ("plain", 'a<b>"c"', "é x"):
        content = renderer.render(make_recipient(x=x))
        assert str(content.text) == text_of_page(str(content.html))
        assert re.fullmatch(r'go <https://x\.example/\?q=[^<>" ]+>\n', str(content.text))
    assert renderer.cached.made == 1


def test_preformatted_text_keeps_its_spaces_in_any_order_of_rows(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer({"body.html": "<pre>{{ x }}</pre>"})
    texts = [str(renderer.render(make_recipient(x=x)).text) for x in ("a", "a  b", "a\nb")]
    assert texts == ["a\n", "a  b\n", "a\nb\n"]
