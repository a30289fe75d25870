"""Features that a page uses."""

from __future__ import annotations

import re

import pytest

from mailmerge.preflight.deep.features import features_of
from mailmerge.rendering.document import parse


def _features(html: str) -> set[str]:
    return {use.feature for use in features_of(parse(html))}


@pytest.mark.parametrize(
    ("style", "feature"),
    [
        ("display:flex", "css-display-flex"),
        ("DISPLAY: inline-flex", "css-display-flex"),
        ("display:grid", "css-display-grid"),
        ("display:none", "css-display-none"),
        ("position:absolute", "css-position"),
        ("left:0", "css-left-right-top-bottom"),
        ("background:url(x.png)", "css-background-image"),
        ("background-image:url(x.png)", "css-background-image"),
        ("background:linear-gradient(red,blue)", "css-linear-gradient"),
        ("width:calc(100% - 2px)", "css-unit-calc"),
        ("width:min(1px,2px)", "css-function-min"),
        ("width:50vw", "css-unit-vw"),
        ("font-size:1.2rem", "css-unit-rem"),
        ("color:var(--x)", "css-variables"),
        ("color:rgb(0 0 0 / 50%)", "css-modern-color"),
        ("color:oklch(50% 0.1 20)", "css-modern-color"),
        ("border-radius:3px", "css-border-radius"),
        ("margin-inline:3px", "css-margin-inline-block"),
        ("padding-block-start:3px", "css-padding-block-start-end"),
        ("object-fit:cover", "css-object-fit"),
    ],
)
def test_declarations(style: str, feature: str) -> None:
    assert feature in _features(f'<p style="{style}">x</p>')
    assert feature in _features(f"<style>.x {{ {style} }}</style><p>x</p>")


@pytest.mark.parametrize(
    "style",
    ["display:block", "position:static", "color:#1234ff", "width:100px", "color:rgba(0,0,0,.5)",
     "font-family:'12vw'; color:red", "background:#ffffff", "margin:0 auto"],
)  # fmt: skip
def test_plain_declarations_use_nothing_special(style: str) -> None:
    special = {one for one in _features(f'<p style="{style}">x</p>') if "unit-v" in one}
    special |= {one for one in _features(f'<p style="{style}">x</p>') if "modern" in one}
    special |= {"css-position", "css-background-image"} & _features(f'<p style="{style}">x</p>')
    assert special <= ({"css-unit-vw"} if "12vw" in style else set())


def test_rules_with_conditions_and_selectors() -> None:
    sheet = """
        @media (prefers-color-scheme: dark) { .a { color: red } }
        @font-face { font-family: x; src: url(x.woff) }
        @supports (display: grid) { .a { color: red } }
        .a:hover { color: red } .b::before { content: "x" } .c:after { content: "x" }
        input:checked ~ .d { color: red }
    """
    assert {
        "css-at-media", "css-at-media-prefers-color-scheme", "css-at-font-face", "css-at-supports",
        "css-pseudo-class-hover", "css-pseudo-element-before", "css-pseudo-element-after",
        "css-pseudo-class-checked",
    } <= _features(f"<style>{sheet}</style><p>x</p>")  # fmt: skip


def test_elements_and_attributes() -> None:
    html = (
        '<svg></svg><img srcset="a 2x"><input type="checkbox"><p hidden>x</p><progress></progress>'
    )
    assert {"html-svg", "html-srcset", "html-input-checkbox", "html-hidden", "html-progress"} <= (
        _features(html)
    )


def test_fallback_is_a_value_that_all_know() -> None:
    def has(style: str, feature: str) -> bool:
        uses = features_of(parse(f'<p style="{style}">x</p>'))
        return next(use.has_fallback for use in uses if use.feature == feature)

    assert has("width:90%;width:calc(1px + 2px)", "css-unit-calc")
    assert not has("width:calc(1px + 2px)", "css-unit-calc")
    assert has("background-color:red;background-image:linear-gradient(red,blue)",
               "css-linear-gradient")  # fmt: skip
    assert not has("background-image:linear-gradient(red,blue)", "css-linear-gradient")


def test_use_without_fallback_counts() -> None:
    html = '<p style="width:1px;width:calc(1px)">x</p><p style="width:calc(2px)">x</p>'
    (use,) = (one for one in features_of(parse(html)) if one.feature == "css-unit-calc")
    assert not use.has_fallback


def test_pattern_finds_the_use() -> None:
    style = "a{color:red}\nb{display : inline-flex}"
    (use,) = (
        one for one in features_of(parse(f"<style>{style}</style><p>x</p>"))
        if one.feature == "css-display-flex"
    )  # fmt: skip
    found = re.search(use.pattern, style)
    assert found is not None
    assert style.count("\n", 0, found.start()) == 1


def test_text_of_conditional_comments_is_not_the_page() -> None:
    html = '<!--[if mso]><p style="display:flex">x</p><![endif]--><p>y</p>'
    assert "css-display-flex" not in _features(html)
