"""Values are written into a compiled page, or do not fit it."""

from __future__ import annotations

import pytest

from mailmerge.rendering.compiled_page import (
    CompiledPage,
    Slots,
    ValueRule,
    ends_comment,
    ends_with_space,
    is_blank,
    may_be_file,
    starts_with_space,
)
from mailmerge.rendering.escaping import HtmlContext
from mailmerge.rendering.structure import Structure


def page(*contexts: HtmlContext, rules: tuple[ValueRule, ...] = ()) -> CompiledPage:
    """A page with a value in each context, in their order, between single letters."""
    static = tuple("abcdefgh"[: len(contexts) + 1])
    slots = Slots.of(tuple(range(len(contexts))), contexts)
    return CompiledPage(Structure(static), slots, rules)


def test_slots_know_their_contexts() -> None:
    slots = Slots.of((2, 0, 1), (HtmlContext.TEXT, HtmlContext.URL, HtmlContext.ATTRIBUTE))
    assert (slots.indices, slots.in_attributes, slots.in_urls) == ((2, 0, 1), (1, 2), (1,))
    assert not slots.in_comments
    assert Slots.of((0,), (HtmlContext.COMMENT,)).in_comments


@pytest.mark.parametrize(
    ("value", "text", "attribute", "url"),
    [
        ("plain", "plain", "plain", "plain"),
        ("O'Brien", "O'Brien", "O&#39;Brien", "O&#39;Brien"),
        ("é b", "é b", "é b", "%C3%A9%20b"),
        ("<&>", "&lt;&amp;&gt;", "&lt;&amp;&gt;", "&lt;&amp;&gt;"),
        ('"é"', '"é"', "&quot;é&quot;", "&quot;%C3%A9&quot;"),
    ],
)
def test_value_is_escaped_for_its_context(value: str, text: str, attribute: str, url: str) -> None:
    body = page(HtmlContext.TEXT, HtmlContext.ATTRIBUTE, HtmlContext.URL).fill(
        (value, value, value)
    )
    assert body.values == (text, attribute, url)
    assert str(body) == f"a{text}b{attribute}c{url}d"


def test_value_in_a_comment_is_always_escaped() -> None:
    assert page(HtmlContext.COMMENT).fill(("O'Brien",)).values == ("O&#39;Brien",)


def test_value_may_stand_in_several_slots_or_none() -> None:
    compiled = CompiledPage(
        Structure(("", "-", "")), Slots.of((1, 1), (HtmlContext.TEXT, HtmlContext.TEXT))
    )
    assert str(compiled.fill(("unused", "x"))) == "x-x"


@pytest.mark.parametrize(
    ("breaks", "breaking", "fitting"),
    [
        (is_blank, ("", " ", "\n"), ("a", " a")),
        (starts_with_space, (" a", "\na"), ("a ", "")),
        (ends_with_space, ("a ", "a\n"), (" a", "")),
        (may_be_file, ("a.png", "", "file:///x", "c:/x"), ("https://e.example", "//e")),
        (ends_comment, ("a--b", "-a", "a-", "-->"), ("a-b", "")),
    ],
)
def test_rule_is_broken_by_some_values(
    breaks: object, breaking: tuple[str, ...], fitting: tuple[str, ...]
) -> None:
    assert callable(breaks)
    compiled = page(HtmlContext.TEXT, HtmlContext.TEXT, rules=(ValueRule(breaks, (1,)),))
    for value in breaking:
        assert compiled.unfit((value, value)) == (1,)
    for value in fitting:
        assert compiled.unfit((value, value)) == ()


@pytest.mark.parametrize("value", ["\x01", "\x7f", "\ufdd0", "\ufffe", "\U0001ffff"])
def test_character_that_the_parser_changes_does_not_fit(value: str) -> None:
    assert page(HtmlContext.TEXT, HtmlContext.TEXT).unfit(("a", f"x{value}")) == (1,)


def test_other_unprintable_characters_fit() -> None:
    assert page(HtmlContext.TEXT).unfit(("a\nb\u200b\u2028",)) == ()


def test_carriage_return_makes_all_values_unfit() -> None:
    assert page(HtmlContext.TEXT, HtmlContext.TEXT).unfit(("a\r", "b")) == (0, 1)
