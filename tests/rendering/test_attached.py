"""Entries of `attachments`: wildcards, lists in a cell, and names for recipients."""

from __future__ import annotations

import pytest

from mailmerge.errors import AssetError
from mailmerge.rendering.attached import names_for

from .conftest import MakeRecipient, MakeRenderer

PAPERS: dict[str, str | bytes] = {
    "body.txt": "x",
    "scans/17-1.pdf": "1",
    "scans/17-2.pdf": "2",
    "scans/18-1.pdf": "3",
    "a.pdf": "4",
    "b.pdf": "5",
    "c;d.pdf": "6",
    "i/1.pdf": "7",
    "i/2.pdf": "8",
}


def attached(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, entries: str, x: str
) -> tuple[str, ...]:
    renderer = make_renderer(PAPERS, f"attachments = [{entries}]")
    return renderer.render(make_recipient(x=x)).attachments


@pytest.mark.parametrize(
    ("entries", "cell", "expected"),
    [
        ('"scans/{{ x }}-*.pdf"', "17", ("scans/17-1.pdf", "scans/17-2.pdf")),
        ('"scans/*-1.pdf"', "", ("scans/17-1.pdf", "scans/18-1.pdf")),
        ('"scans/{{ x }}-?.pdf"', "18", ("scans/18-1.pdf",)),
        ('"{{ x }}"', "scans/17-*.pdf; a.pdf", ("scans/17-1.pdf", "scans/17-2.pdf", "a.pdf")),
        ('"{{ x }}"', " a.pdf ;b.pdf;", ("a.pdf", "b.pdf")),
        ('"{{ x }}"', "a.pdf；b.pdf", ("a.pdf", "b.pdf")),
        ('"{{ x }}"', "c;d.pdf", ("c;d.pdf",)),
        ('"i/{{ x }}.pdf"', "1; 2", ("i/1.pdf", "i/2.pdf")),
        ('"{{ x }}", "a.pdf"', "a.pdf", ("a.pdf",)),
        ('"{{ x }}"', "", ()),
        ('"{% if x %}scans/17-*.pdf{% endif %}"', "", ()),
        ('"{% if x %}scans/17-*.pdf{% endif %}"', "y", ("scans/17-1.pdf", "scans/17-2.pdf")),
    ],
)
def test_entry_means_these_files(
    make_renderer: MakeRenderer,
    make_recipient: MakeRecipient,
    entries: str,
    cell: str,
    expected: tuple[str, ...],
) -> None:
    assert attached(make_renderer, make_recipient, entries, cell) == expected


@pytest.mark.parametrize("cell", ["*", "1?", "1[78]"])
def test_wildcard_of_a_cell_is_literal_inside_an_entry(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, cell: str
) -> None:
    with pytest.raises(AssetError, match="no file has such a name") as caught:
        attached(make_renderer, make_recipient, '"scans/{{ x }}-*.pdf"', cell)
    assert caught.value.problem.code == "asset-no-match"
    assert caught.value.problem.column == "message.attachments"
    assert caught.value.problem.row == 2


def test_item_of_a_list_stays_inside_the_folder(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    with pytest.raises(AssetError, match="outside"):
        attached(make_renderer, make_recipient, '"{{ x }}"', "a.pdf; ../*.pdf")


def test_recipients_see_the_name_of_the_entry(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    entry = 'attachments = [{ file = "i/{{ x }}.pdf", as = "Invoice 2026/{{ x }}.pdf" }, "b.pdf"]'
    content = make_renderer(PAPERS, entry).render(make_recipient(x="1"))
    assert content.attachments == ("i/1.pdf", "b.pdf")
    assert content.attached_as == (("i/1.pdf", "Invoice 2026-1.pdf"),)


def test_further_files_of_an_entry_are_numbered() -> None:
    names = dict(names_for(["x/1.pdf", "x/2.pdf"], "Invoice"))
    assert names == {"x/1.pdf": "Invoice.pdf", "x/2.pdf": "Invoice (2).pdf"}
