"""What a selector asks for, and who can answer."""

from __future__ import annotations

import pytest

from mailmerge.rendering.selectors import SelectorKind, analyse, loosened, unescape


@pytest.mark.parametrize(
    ("text", "kind", "specificity"),
    [
        ("a:link", SelectorKind.STATIC, (0, 1, 1)),
        ("#outlook a.b[c]", SelectorKind.STATIC, (1, 2, 1)),
        ("*", SelectorKind.STATIC, (0, 0, 0)),
        ("a:is(.x, #y)", SelectorKind.STATIC, (1, 0, 1)),
        (".a:where(#b) i", SelectorKind.STATIC, (0, 1, 1)),
        ("li:nth-child(2n+1 of .x)", SelectorKind.STATIC, (0, 2, 1)),
        ("a:not(:hover) > b", SelectorKind.DYNAMIC, (0, 1, 2)),
        ("p::before", SelectorKind.PSEUDO_ELEMENT, (0, 0, 2)),
        ("a:hover:after", SelectorKind.PSEUDO_ELEMENT, (0, 1, 2)),
        ("p:unknown", SelectorKind.UNKNOWN, (0, 0, 0)),
        ("a >", SelectorKind.UNKNOWN, (0, 0, 0)),
        ("svg|a", SelectorKind.UNKNOWN, (0, 0, 0)),
        (":is(" * 30 + "p" + ")" * 30, SelectorKind.UNKNOWN, (0, 0, 0)),
        ("", SelectorKind.UNKNOWN, (0, 0, 0)),
    ],
)
def test_kind_and_specificity_are_known(
    text: str, kind: SelectorKind, specificity: tuple[int, int, int]
) -> None:
    found = analyse(text)
    assert (found.kind, found.specificity) == (kind, specificity)


@pytest.mark.parametrize(
    ("text", "reach", "subject"),
    [
        ("a.b:hover > i", "a.b>i", "i"),
        (":is(a:hover, b) c", "* c", "c"),
        ("u + .body .gw", "u+.body .gw", ".gw"),
        ("::selection", "*", "*"),
    ],
)
def test_reach_is_without_what_is_dynamic(text: str, reach: str, subject: str) -> None:
    assert (analyse(text).reach, analyse(text).subject) == (reach, subject)


def test_names_are_those_that_the_page_must_have() -> None:
    found = analyse(r"DIV.a\:b > #c [X-y='z'] + p:not(.d)")
    assert found.names == {".a:b", "#c"}
    assert found.tags == {"div", "p"}
    assert found.attributes == {"x-y"}
    assert found.relates
    assert not analyse("a > b:link").relates


@pytest.mark.parametrize(
    ("text", "outermost", "inner"),
    [
        (".a b > c", ".a", "b>c"),
        ("#a .b:hover", "#a", ".b"),
        ("b.a c", "", ""),
        (".a > b", "", ""),
        (".a", "", ""),
    ],
)
def test_outermost_name_stands_alone_around_others(text: str, outermost: str, inner: str) -> None:
    assert (analyse(text).outermost, analyse(text).inner) == (outermost, inner)


def test_loosened_compound_has_only_known_names() -> None:
    assert loosened("p.a.b#c[x]:first-child", lambda name: name == ".a") == "p.a"
    assert loosened("[x]", lambda _: True) == "*"


def test_nothing_follows_a_pseudo_element() -> None:
    assert analyse("p::before b").kind is SelectorKind.UNKNOWN
    assert analyse("p::before[x]").kind is SelectorKind.UNKNOWN
    assert analyse("p::before:hover").kind is SelectorKind.PSEUDO_ELEMENT


@pytest.mark.parametrize(
    ("text", "specificity"),
    [
        (r":is(.a\(b, #x)", (1, 0, 0)),
        (":is([a=')'], i)", (0, 1, 0)),
        (':not([a="(" i]) b', (0, 1, 1)),
        (":is(:not(.x), p) i", (0, 1, 1)),
    ],
)
def test_brackets_in_texts_and_escapes_close_nothing(
    text: str, specificity: tuple[int, int, int]
) -> None:
    found = analyse(text)
    assert (found.kind, found.specificity) == (SelectorKind.STATIC, specificity)


@pytest.mark.parametrize(
    "text",
    [
        "a:is(.x", ":not([a=')'])(", ":is(:not(.x)", "[a]p", ".x*", "p:nth-child(2n of :unknown)",
        ":is(p::before)", ":not(:unknown)", r'[\61 ="x"]',
    ],
)  # fmt: skip
def test_selector_that_no_browser_reads_is_unknown(text: str) -> None:
    assert analyse(text).kind is SelectorKind.UNKNOWN


def test_escapes_are_read() -> None:
    assert (unescape(r"\61 b\:c"), unescape("a")) == ("ab:c", "a")


@pytest.mark.parametrize("text", [".a", "#b-c", ".A_1", ".-x", ".a-"])
def test_single_name_is_analysed_as_within_a_longer_selector(text: str) -> None:
    alone, after = analyse(text), analyse(f"*{text}")
    assert (alone.kind, alone.specificity) == (after.kind, after.specificity)
    assert (alone.names, alone.tags, alone.attributes) == (after.names, after.tags, frozenset())
    assert (alone.reach, alone.subject) == (text, text)
    assert (alone.outermost, alone.inner, alone.relates) == ("", "", False)
