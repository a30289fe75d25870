"""Values are escaped so that a parser reads the value again."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from mailmerge.rendering.document import attribute, elements_of, parse, text_of
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


@given(VALUES, st.sampled_from([HtmlContext.TEXT, HtmlContext.ATTRIBUTE, HtmlContext.URL]))
def test_parser_reads_the_value_again(value: str, context: HtmlContext) -> None:
    page = ESCAPERS[context](value)
    if context is HtmlContext.TEXT:
        read = text_of(elements_of(parse(f"<p>x{page}y</p>"), "p")[0])
    else:
        read = attribute(elements_of(parse(f'<p title="x{page}y">t</p>'), "p")[0], "title") or ""
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
