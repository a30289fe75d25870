"""Values are escaped as libxml2 writes them, so that a parser reads the value again."""

from __future__ import annotations

from html import unescape
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markupsafe import escape

from mailmerge.rendering.document import Document, parse, serialise
from mailmerge.rendering.escaping import (
    ESCAPERS,
    PAGE_ESCAPING,
    TEMPLATE_ESCAPING,
    HtmlContext,
    may_stand_in_url,
    needs_no_escaping,
    percent_escape,
)

# What the parser keeps: no control characters, no CR, no half surrogate pair.
VALUES = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Cn"], exclude_characters="\xa0"), max_size=20
)


def written(tree: Document) -> str:
    return serialise(tree).removesuffix("</p></body></html>")


@given(VALUES)
def test_text_is_written_as_libxml2_writes_it(value: str) -> None:
    document = parse("<p>x</p>")
    next(document.tree.iter("p")).text = value
    assert written(document) == f"<html><body><p>{ESCAPERS[HtmlContext.TEXT](value)}"


@given(VALUES)
@example("é \"#$%&+,/:;<=>?@[\\]^`{|}-_.!~*'()aZ09")
def test_url_is_written_as_libxml2_writes_it(value: str) -> None:
    document = parse("<p><a href='x'></a></p>")
    next(document.tree.iter("a")).set("href", "https://e.example/" + value)
    libxml2 = written(document).partition("https://e.example/")[2].rpartition("></a>")[0][:-1]
    assert unescape(libxml2) == percent_escape(value)


@given(VALUES, st.sampled_from([HtmlContext.TEXT, HtmlContext.ATTRIBUTE, HtmlContext.URL]))
def test_parser_reads_the_value_again(value: str, context: HtmlContext) -> None:
    page = ESCAPERS[context](value)
    if context is HtmlContext.TEXT:
        read = next(parse(f"<p>x{page}y</p>").tree.iter("p")).text
    else:
        read = next(parse(f'<p title="x{page}y">t</p>').tree.iter("p")).get("title")
    assert read is not None
    shown = read.removeprefix("x").removesuffix("y")
    assert shown == PAGE_ESCAPING.read(context, value)
    assert value == (unquote(shown) if "%" in shown and "%" not in value else value)


@given(VALUES)
def test_comment_is_written_as_the_template_writes_it(value: str) -> None:
    assert ESCAPERS[HtmlContext.COMMENT](value) == str(escape(value))
    assert TEMPLATE_ESCAPING.read(HtmlContext.COMMENT, value) == str(escape(value))


@given(VALUES)
def test_value_that_needs_no_escaping_is_written_as_it_is(value: str) -> None:
    if needs_no_escaping(value) and "'" not in value and may_stand_in_url(value):
        assert {escaper(value) for escaper in ESCAPERS.values()} == {value}


@pytest.mark.parametrize("character", list('&<>"'))
def test_each_special_character_needs_escaping(character: str) -> None:
    assert not needs_no_escaping(f"a{character}b")


@pytest.mark.parametrize(
    ("value", "escaped"),
    [("é ü", "%C3%A9%20%C3%BC"), ("a?b&c=%41#d", "a?b&c=%41#d"), ("(~'*!)", "(~'*!)")],
)
def test_url_keeps_ascii_but_spaces(value: str, escaped: str) -> None:
    assert percent_escape(value) == escaped
