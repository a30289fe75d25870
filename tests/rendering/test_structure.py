from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup, escape

from mailmerge.rendering.marking import OutputValue
from mailmerge.rendering.structure import (
    Body,
    RenderedPieces,
    Structure,
    interleave,
    split_pieces,
)

SENTINEL = "\ue123"
TEXT = st.text(st.characters(exclude_characters=SENTINEL, exclude_categories=["Cs"]), max_size=8)
PIECE = st.one_of(
    TEXT,
    TEXT.map(OutputValue),
    st.lists(TEXT, min_size=3, max_size=3).map(
        lambda texts: Markup(
            f"{escape(texts[0])}{SENTINEL}{escape(texts[1])}{SENTINEL}{escape(texts[2])}"
        )
    ),
)


@given(pieces=st.lists(PIECE, max_size=8))
def test_splitting_loses_nothing(pieces: list[str]) -> None:
    rendered = split_pieces(pieces, SENTINEL, escaped=True)
    whole = "".join(str(escape(str(p))) if isinstance(p, OutputValue) else p for p in pieces)
    assert rendered.as_written(SENTINEL, escaped=True) == whole.replace(SENTINEL, "")
    assert len(rendered.static(SENTINEL)) == len(rendered.values) + 1


@given(values=st.lists(TEXT, max_size=6))
def test_key_does_not_depend_on_values(values: list[str]) -> None:
    keys = set()
    for row in (values, ["x"] * len(values)):
        pieces = [piece for value in row for piece in ("static", OutputValue(value))]
        rendered = split_pieces(pieces, SENTINEL, escaped=True)
        assert rendered.values == tuple(row)
        keys.add(rendered.key)
    assert len(keys) == 1


def test_filtered_captured_text_is_part_of_the_structure() -> None:
    piece = Markup(f"a{SENTINEL}<b>{SENTINEL}c{SENTINEL}&LT;{SENTINEL}")
    rendered = split_pieces([piece], SENTINEL, escaped=True)
    assert rendered == RenderedPieces(("a", "<b>", "c", "&LT;", ""), ())


def test_plain_text_is_split_without_unescaping() -> None:
    rendered = split_pieces([f"a{SENTINEL}&lt;{SENTINEL}"], SENTINEL, escaped=False)
    assert rendered.values == ("&lt;",)


def test_static_texts_are_joined_between_values() -> None:
    pieces = ["a", "b", OutputValue("1"), OutputValue("2"), "c", ""]
    rendered = split_pieces(pieces, SENTINEL, escaped=False)
    assert rendered.static(SENTINEL) == ("ab", "", "c")
    assert rendered.joined(SENTINEL, ["x", "y"]) == "abxyc"


def test_body_is_static_texts_and_values_in_turn() -> None:
    assert str(Body(Structure(("a", "c", "e")), ("b", "d"))) == "abcde"
    assert str(Body(Structure(("a",)))) == "a"


def test_interleaving_needs_one_value_less_than_texts() -> None:
    assert interleave(["a", "c"], ["b"]) == "abc"
    with pytest.raises(ValueError, match="slice"):
        interleave(["a", "c"], ["b", "d", "e"])


def test_structures_are_compared_by_identity() -> None:
    one = Structure(("a",))
    assert one == one
    assert one != Structure(("a",))
