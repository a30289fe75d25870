"""Each difference from plain premailer, on purpose: what it does to a page, and what we do."""

from __future__ import annotations

import logging

import pytest
from premailer import Premailer

from mailmerge.rendering.document import parse
from mailmerge.rendering.inlining import inline_rules


def plain(page: str) -> str:
    premailer = Premailer(allow_network=False, cssutils_logging_level=logging.CRITICAL)
    return str(premailer.transform(page, pretty_print=False))


DIFFERENCES = {
    "a link keeps the table within it": (
        "", "<a href='x'><table><tr><td>t</td></tr></table></a>",
        "<table><tr><td>t</td></tr></table></a>",
    ),
    "a downlevel-revealed comment stays": ("", "<![if !mso]>x<![endif]>", "<![if !mso]>"),
    "attributes keep their quotes": ("", "<p title='a'>x</p>", "<p title='a'>"),
    "a fallback stays": (
        "p{width:1%;width:calc(1% + 1px)}", "<p>x</p>", "width:1%; width:calc(1% + 1px)",
    ),
    "a colour of today stays": ("p{color:rgb(0 0 0 / 50%)}", "<p>x</p>", "color:rgb(0 0 0 / 50%)"),
    "a colour is not rewritten": ("p{color:#ffffff}", "<p>x</p>", "color:#ffffff"),
    "a universal selector is matched": ("*{top:0}", "<p>x</p>", '<p style="top:0">'),
    "a list in :not() is matched": ("p:not(.a, .b){top:0}", "<p>x</p>", '<p style="top:0">'),
    ":link obeys the cascade": (
        "a:link{color:blue} a.b{color:red}", "<a class='b' href='x'>x</a>",
        '<body><a class=\'b\' href=\'x\' style="color:red">',
    ),
    "a rule for a client stays": (
        "[data-ogsc] p{color:red}", "<p>x</p>", "[data-ogsc] p{color:red}",
    ),
    "a rule that stays is not raised for nothing": (
        "a:hover{color:red}", "<a>x</a>", "a:hover{color:red}",
    ),
    "a number for Outlook stays": ("img{width:100%}", "<img width='600'>", "width='600'"),
    "a table does not float": (
        "table{text-align:left}", "<table></table>", '<table style="text-align:left">',
    ),
    "an at-rule stays": ("@font-face{font-family:F}", "<p>x</p>", "@font-face{font-family:F}"),
}  # fmt: skip


@pytest.mark.parametrize(("css", "body", "ours"), DIFFERENCES.values(), ids=DIFFERENCES.keys())
def test_difference_from_premailer(css: str, body: str, ours: str) -> None:
    style = f"<style>{css}</style>" if css else ""
    page = f"<!doctype html><html><head>{style}</head><body>{body}</body></html>"
    assert ours in inline_rules(parse(page)).html
    assert ours not in plain(page)


def test_short_colors_of_attributes_are_premailers() -> None:
    style = "<style>td{background-color:#abc}</style>"
    page = f"<!doctype html><head>{style}</head><table><tr><td>x</table>"
    assert 'bgcolor="#aabbcc"' in inline_rules(parse(page)).html
    assert 'bgcolor="#aabbcc"' in plain(page)
    assert "bgcolor" not in inline_rules(parse(page), attributes=False).html
