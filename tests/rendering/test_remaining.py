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
        sheet.write(edits, Kept(set(), set(), set()))
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
    sheet.write(edits, Kept({(id(use.block), 1)}, set(), set()))
    assert "<style>p:hover {top:0; left:0 !important}</style>" in edits.applied()


def test_boosted_declarations_are_copied_with_a_higher_specificity() -> None:
    document = parse("<style>@media x{p{top:0!important;left:0}}</style><p>x")
    (sheet,) = prepare_sheets(Matcher(document))
    (use,) = sheet.uses
    edits = Edits(document)
    sheet.write(edits, Kept(set(), {(id(use.block), 0)}, set()))
    assert "p{top:0!important;left:0}\np:not(#_) {top:0 !important}" in edits.applied()


@pytest.mark.parametrize(
    ("css", "stays"),
    [
        (".Wrapper p{top:0}", "<style>.Wrapper p{top:0}</style>"),
        (".Wrapper td{top:0}", ""),
        (".none p{top:0} b.none{top:0}", ""),
        ("[data-theme] p{top:0}", "<style>[data-theme] p{top:0}</style>"),
        ("[style] b{top:0} [width] b{top:0}", ""),
        ("p::before b{top:0}", "<style>p::before b{top:0}</style>"),
    ],
)
def test_rules_for_unknown_clients_stay(css: str, stays: str) -> None:
    assert remaining(css) == stays
