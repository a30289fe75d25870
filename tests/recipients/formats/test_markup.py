"""Cells have names and places."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.recipients.formats.markup import Range, cell_name, cell_place


@pytest.mark.parametrize(
    ("row", "column", "name"),
    [(0, 0, "A1"), (0, 25, "Z1"), (9, 26, "AA10"), (1_048_575, 16_383, "XFD1048576")],
)
def test_a_place_has_a_name(row: int, column: int, name: str) -> None:
    assert cell_name(row, column) == name
    assert cell_place(name) == (row, column)


@given(st.integers(0, 1_048_575), st.integers(0, 16_383))
def test_names_and_places_are_inverse(row: int, column: int) -> None:
    assert cell_place(cell_name(row, column)) == (row, column)


@pytest.mark.parametrize("name", ["", "A", "1", "a1", "A1B", "ABCD1", "A12345678", "R1C1"])
def test_a_text_that_is_no_name_has_no_place(name: str) -> None:
    assert cell_place(name) is None


def test_dollar_signs_do_not_matter() -> None:
    assert cell_place("$C$7") == cell_place("C7") == (6, 2)


def test_an_area_is_shown_by_its_corners() -> None:
    assert str(Range(1, 1, 3, 27)) == "B2:AB4"
