"""What a template yields, cut into structure and values; and the bounded cache of structures."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup, escape

from mailmerge.rendering.marking import Cell, choose_mark
from mailmerge.rendering.structure import Body, Cut, Structure, StructureCache, cut, woven

MARK = "\ue123"
TEXT = st.text(st.characters(exclude_characters=MARK, exclude_categories=["Cs"]), max_size=8)
PIECE = st.one_of(
    TEXT,
    TEXT.map(Cell),
    st.lists(TEXT, min_size=3, max_size=3).map(
        lambda texts: Markup(f"{escape(texts[0])}{MARK}{escape(texts[1])}{MARK}{escape(texts[2])}")
    ),
)


@given(pieces=st.lists(PIECE, max_size=8))
def test_nothing_is_lost_when_pieces_are_cut(pieces: list[str]) -> None:
    found = cut(pieces, MARK, escaped=True)
    whole = "".join(str(escape(str(p))) if isinstance(p, Cell) else p for p in pieces)
    assert woven(found.key, MARK, found.written(escaped=True)) == whole.replace(MARK, "")
    assert len(found.static(MARK)) == len(found.values) + 1


@given(values=st.lists(TEXT, max_size=6))
def test_the_structure_does_not_depend_on_the_values(values: list[str]) -> None:
    keys = set()
    for row in (values, ["x"] * len(values)):
        pieces = [piece for value in row for piece in ("static", Cell(value))]
        found = cut(pieces, MARK, escaped=True)
        assert found.values == tuple(row)
        keys.add(found.key)
    assert len(keys) == 1


def test_text_between_marks_that_a_filter_made_markup_belongs_to_the_structure() -> None:
    found = cut([Markup(f"a{MARK}<b>{MARK}c{MARK}&LT;{MARK}")], MARK, escaped=True)
    assert found == Cut(("a", "<b>", "c", "&LT;", ""), ())


def test_text_is_cut_without_unescaping() -> None:
    assert cut([f"a{MARK}&lt;{MARK}"], MARK, escaped=False).values == ("&lt;",)


def test_a_body_is_its_pieces_and_values_in_turn() -> None:
    assert str(Body(Structure(("a", "c", "e")), ("b", "d"))) == "abcde"
    assert Structure(("a",)) != Structure(("a",))


def test_the_mark_is_a_word_of_different_private_use_characters() -> None:
    marks = {choose_mark() for _ in range(50)}
    assert len(marks) == 50
    assert all("\ue000" <= character <= "\uf8ff" for character in "".join(marks))
    assert all(len(set(mark)) == len(mark) == 4 for mark in marks)


def test_the_cache_is_bounded_and_forgets_what_was_used_longest_ago() -> None:
    cache: StructureCache[str] = StructureCache(2)
    for name in ("a", "b", "a", "c"):
        assert cache.get((name,), (), lambda name=name: name) == name  # type: ignore[misc]  # mypy does not infer a default's type
    assert len(cache) == 2
    assert cache.made == 3
    cache.get(("a",), (), lambda: pytest.fail("it was used lately"))
    assert cache.get(("b",), (), lambda: "made anew") == "made anew"


def test_a_structure_is_made_once_however_many_threads_ask() -> None:
    cache: StructureCache[object] = StructureCache(8)
    begin = threading.Barrier(8)
    got: list[object] = []

    def ask() -> None:
        begin.wait()
        got.append(cache.get(("key",), (), object))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.made == 1
    assert len(set(map(id, got))) == 1
