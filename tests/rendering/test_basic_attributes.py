"""Attributes that mean the same as a style, for clients that ignore the style."""

from __future__ import annotations

import pytest

from mailmerge.rendering.basic_attributes import attributes_from
from mailmerge.rendering.document import elements_of, is_written, parse
from mailmerge.rendering.stylesheet import parse_declarations


def added(tag: str, style: str) -> dict[str, str]:
    document = parse(tag)
    element = list(filter(is_written, elements_of(document)))[-1]
    return dict(attributes_from(element, parse_declarations(style), str.upper))


@pytest.mark.parametrize(
    ("tag", "style", "attributes"),
    [
        ("<table>", "width:600px;background-color:#abc", {"width": "600", "bgcolor": "#ABC"}),
        ("<table>", "width:100%;width:calc(100% - 2px)", {"width": "100%"}),
        ("<table>", "text-align:left;vertical-align:top", {}),
        ("<table width=1>", "width:600px", {}),
        ("<table>", "width:50vw;height:auto;background-color:inherit", {}),
        ("<table>", "background-color:red;background-color:transparent", {}),
        ("<img>", "width:600px;height:300px;text-align:left", {"width": "600", "height": "300"}),
        ("<img>", "width:100%;height:auto", {}),
        ("<img>", "width:min(100%, 600px)", {}),
        ("<p>", "width:600px;text-align:center;background-color:red", {}),
    ],
)
def test_attribute_means_the_same_and_is_understood(
    tag: str, style: str, attributes: dict[str, str]
) -> None:
    assert added(tag, style) == attributes


def test_cells_are_aligned() -> None:
    document = parse("<table><tr><td>x</table>")
    (cell,) = elements_of(document, "td")
    declarations = parse_declarations("text-align:center;vertical-align:middle;background:white")
    assert dict(attributes_from(cell, declarations, str)) == {
        "align": "center", "valign": "middle", "bgcolor": "#ffffff",
    }  # fmt: skip
    assert dict(attributes_from(cell, parse_declarations("text-align:start"), str)) == {}
