"""What stays in style elements."""

from __future__ import annotations

import pytest

from mailmerge.rendering.document import Edits, parse
from mailmerge.rendering.matching import Matcher
from mailmerge.rendering.remaining import Kept, prepare_sheets


def remaining(css: str, body: str = "<p>x", *, attributes: str = "") -> str:
    document = parse(f"<head><style{attributes}>{css}</style></head>{body}")
    edits = Edits(document)
    for sheet in prepare_sheets(Matcher(document)):
        sheet.write(edits, Kept(set(), set()))
    return edits.applied().partition("<head>")[2].partition("</head>")[0]


@pytest.mark.parametrize(
    ("css", "stays"),
    [
        ("p{top:0}", ""),
        ("a:hover{top:0}", "<style>a:hover{top:0}</style>"),
        ("p, p:hover{top:0}", "<style>p:hover {top:0}</style>"),
        ("p{--x:1;top:0}", "<style>p {--x:1}</style>"),
        ("@font-face{a:b} p{top:0}", "<style>@font-face{a:b}</style>"),
        ("@media x{p{top:0}}", "<style>@media x{p{top:0}}</style>"),
        ("/* only a comment */", ""),
    ],
)
def test_only_what_cannot_be_inlined_stays(css: str, stays: str) -> None:
    assert remaining(css) == stays


@pytest.mark.parametrize("attributes", [" media=print", " type='text/x'", " data-premailer=ignore"])
def test_sheet_that_is_not_for_all_stays(attributes: str) -> None:
    assert remaining("p{top:0}", attributes=attributes) == f"<style{attributes}>p{{top:0}}</style>"


def test_raised_declarations_become_important() -> None:
    document = parse("<style>p:hover{top:0;left:0}</style><p>x")
    (sheet,) = prepare_sheets(Matcher(document))
    (use,) = sheet.uses
    edits = Edits(document)
    sheet.write(edits, Kept({(id(use.block), 1)}, set()))
    assert "<style>p:hover {top:0; left:0 !important}</style>" in edits.applied()
