"""The rules of a style sheet, and what is recovered from errors."""

from __future__ import annotations

import pytest

from mailmerge.rendering.stylesheet import (
    Declaration,
    Group,
    OtherRule,
    StyleRule,
    parse_declarations,
    parse_sheet,
    split_list,
    without_comments,
)


@pytest.mark.parametrize(
    ("css", "declarations"),
    [
        ("color:red", ["color:red"]),
        ("COLOR : red ;; margin: 0 ", ["color:red", "margin:0"]),
        ("background:url(a;b{}.png);top:0", ["background:url(a;b{}.png)", "top:0"]),
        ("content:'a;b}';top:0", ["content:'a;b}'", "top:0"]),
        ("width:calc(1px + (2px));/*c*/top:/*d*/0", ["width:calc(1px + (2px))", "top:0"]),
        ("--X:{a:b;c};mso-x:1", ["--X:{a:b;c}", "mso-x:1"]),
        ("*zoom:1;top;:0;left:", []),
        ("color:re!d;top:0", ["top:0"]),
    ],
)
def test_declarations_are_kept_as_written(css: str, declarations: list[str]) -> None:
    assert [str(one) for one in parse_declarations(css)] == declarations


@pytest.mark.parametrize("mark", ["!important", "! IMPORTANT ", " !  important"])
def test_important_is_a_property_of_the_declaration(mark: str) -> None:
    assert parse_declarations(f"color:red{mark}") == (Declaration("color", "red", important=True),)


def test_rules_and_at_rules_are_told_apart() -> None:
    css = (
        "<!-- @charset 'x'; @import 'a;b'; .a, p:is(b, c) { top: 0 } "
        "@media x{.b{top:1px} @supports(y){.c{d:e}}} @font-face{f:g} -->\n.d{h:i"
    )
    imported, rule, group, face, last = parse_sheet(css)
    assert imported == OtherRule("import", "@import 'a;b';")
    assert isinstance(rule, StyleRule)
    assert rule.selectors == (".a", "p:is(b, c)")
    assert isinstance(group, Group)
    assert group.prelude == "@media x"
    assert [type(one) for one in group.items] == [StyleRule, Group]
    assert isinstance(face, OtherRule)
    assert isinstance(last, StyleRule)
    assert (last.text, last.line) == (".d{h:i", 2)


@pytest.mark.parametrize(
    ("css", "declaration"),
    [
        ("font:\n  12px\n  Arial", "font:12px Arial"),
        ("margin:1px  2px", "margin:1px  2px"),
        ("font:12px\n'Big\n  Font'", "font:12px\n'Big\n  Font'"),
    ],
)
def test_value_of_several_lines_becomes_one(css: str, declaration: str) -> None:
    assert [str(one) for one in parse_declarations(css)] == [declaration]


def test_comments_of_html_between_rules_are_skipped() -> None:
    (rule,) = parse_sheet("<!-- --> /* a */ <!-- p{top:0} -->")
    assert isinstance(rule, StyleRule)
    assert rule.selectors == ("p",)


def test_nesting_is_noticed() -> None:
    (rule,) = parse_sheet(".a{color:red; & b{top:0} left:0}")
    assert isinstance(rule, StyleRule)
    assert rule.nested
    assert [str(one) for one in rule.declarations] == ["color:red", "left:0"]
    assert not any(one.nested for one in parse_sheet(".a{--x:{y:z}}") if isinstance(one, StyleRule))


def test_lists_are_split_outside_of_brackets() -> None:
    assert split_list("a:is(b,c),[d=','],e") == ["a:is(b,c)", "[d=',']", "e"]
    assert without_comments("a/* b */'/*c*/'") == "a '/*c*/'"
