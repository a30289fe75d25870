"""What is known of a structure, and for how long."""

from __future__ import annotations

import gc
import weakref

import pytest

from mailmerge.preflight.structures import KnownStructures, StructureFacts, byte_length
from mailmerge.rendering.content import Structure


def html_facts(static: tuple[str, ...]) -> StructureFacts:
    return KnownStructures().html(Structure(static))


def text_facts(static: tuple[str, ...]) -> StructureFacts:
    return KnownStructures().text(Structure(static))


@pytest.mark.parametrize(
    ("static", "size", "blank"),
    [
        (("<p>", "</p>"), 7, True),
        (("<p>Dear ", "</p>"), 12, False),
        (("<style>p { color: red }</style><p>\u200b&nbsp;", "</p>"), None, True),
        (("<!-- Dear --><p title='x'>", "</p>"), None, True),
        (("<p>ü", "</p>"), 9, False),
    ],
)
def test_html_is_measured_and_blank_where_nothing_shows(
    static: tuple[str, ...], size: int | None, blank: bool
) -> None:
    facts = html_facts(static)
    assert facts.is_blank is blank
    assert size is None or facts.size == size


def test_text_is_blank_without_static_words() -> None:
    assert text_facts((" \n", "\n")).is_blank
    assert not text_facts(("Dear ", "\n")).is_blank


def test_only_urls_that_a_value_can_spoil_are_kept() -> None:
    static = ('<a href="https://x.org/', '">a</a><a href="', '">b</a>')
    assert [one.first for one in html_facts(static).urls] == [1]


@pytest.mark.parametrize(
    ("static", "around"),
    [
        (("Dear ", ",\n"), ["Dear ,"]),
        (("Dear ", ":\n"), ["Dear :"]),
        (("", ", hello\n"), [","]),
        (("尊敬的", "：\n"), ["尊敬的："]),
        (("Dear Sir ", "\n"), []),
        (("x=", ", y\n"), []),
        (("It costs ", ".50\n"), []),
    ],
)
def test_gaps_are_values_whose_absence_shows(static: tuple[str, ...], around: list[str]) -> None:
    assert [text for _, text in text_facts(static).gaps] == around


def test_gaps_of_html_leave_its_tags_out() -> None:
    static = ("<p>Dear <b>", "</b>, hello</p>")
    assert html_facts(static).gaps == ((0, ","),)


def test_facts_are_found_once() -> None:
    known = KnownStructures()
    structure = Structure(("a",))
    assert structure not in known
    assert known.text(structure) is known.text(structure)
    assert structure in known
    assert len(known) == 1


def test_facts_are_forgotten_with_their_structure() -> None:
    known = KnownStructures()
    structure = Structure(("a",))
    known.html(structure)
    gone = weakref.ref(structure)
    del structure
    gc.collect()
    assert gone() is None
    assert len(known) == 0


@pytest.mark.parametrize(("text", "size"), [("", 0), ("abc", 3), ("é王", 5), ("\ud83d", 3)])
def test_bytes_are_those_of_utf_8(text: str, size: int) -> None:
    assert byte_length(text) == size
