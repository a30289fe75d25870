"""Declarations of other clients become visible, and an old client reads the fallbacks."""

from __future__ import annotations

import pytest

from .clients import foreign_names, has_new_functions, old_client, readable, readable_sheet

READABLE = [
    ("<p style=mso-hide:all>", "<p style=--mso-hide:all>"),
    ('<p style="mso-hide:all">', '<p style="--mso-hide:all">'),
    ("<p style='color:red; MSO-hide : all'>", "<p style='color:red; --mso-hide : all'>"),
    ("<style>a{-ms-b:1;mso-x:y}</style>mso-x: z", "<style>a{--ms-b:1;--mso-x:y}</style>mso-x: z"),
    ("<p title=\"mso-x:y\" class='a-mso-x'>", "<p title=\"mso-x:y\" class='a-mso-x'>"),
    ("<style>.mso-x a:hover{color:red}</style>", "<style>.mso-x a:hover{color:red}</style>"),
]


@pytest.mark.parametrize(("page", "wanted"), READABLE)
def test_declarations_of_other_clients_become_custom_properties(page: str, wanted: str) -> None:
    assert readable(page) == wanted


def test_names_are_those_that_become_readable() -> None:
    sheet = "a{mso-b:1;-ms-a:2} p{MSO-B:3;color:red}"
    assert foreign_names(sheet, "<p style='mso-c:1'>") == ("--ms-a", "--mso-b", "--mso-c")
    assert readable_sheet(sheet) == "a{--mso-b:1;--ms-a:2} p{--mso-b:3;color:red}"


def test_old_client_knows_no_gradients_and_no_functions_of_numbers() -> None:
    page = (
        '<p style="top:9px;top:calc(1px)">calc(1)</p><style>a{b:-webkit-linear-gradient(c)}</style>'
    )
    unknown = (
        '<p style="top:9px;top:not-known-yet(1px)">calc(1)</p><style>a{b:not-known-yet(c)}</style>'
    )
    assert has_new_functions(page)
    assert old_client(page, {}) == unknown
    assert not has_new_functions("p { color: rgba(0, 0, 0, .5) }")


def test_old_client_reads_linked_style_sheets() -> None:
    page = '<link rel="stylesheet" href="a.css"><link href="b.css">'
    assert old_client(page, {"a.css": b"p{top:min(1px)}"}) == (
        '<style>p{top:not-known-yet(1px)}</style><link href="b.css">'
    )
