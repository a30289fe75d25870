"""A value has one plain text."""

from __future__ import annotations

import datetime as dt

import pytest

from mailmerge.recipients.formats.values import nested_cell, plain_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "TRUE"),
        (5, "5"),
        (34.3, "34.3"),
        (1e20, "100000000000000000000"),
        (dt.datetime.fromisoformat("2026-01-02"), "2026-01-02"),
        (dt.datetime.fromisoformat("2026-01-02T03:04"), "2026-01-02 03:04:00"),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (dt.time(3, 4), "03:04:00"),
        (dt.timedelta(hours=255, minutes=10, seconds=9.6), "255:10:10"),
        (dt.timedelta(minutes=-90), "-1:30:00"),
        (1e-7, "0.0000001"),
        (1e300, "1E+300"),
    ],
)
def test_a_value_becomes_plain_text(value: object, text: str) -> None:
    assert plain_text(value) == text


def test_a_cell_with_several_values_is_an_error_of_its_row() -> None:
    problem = nested_cell("r.jsonl", 3, "tags")
    assert (problem.severity, problem.code) == ("error", "cell-nested")
    assert problem.place == "r.jsonl, row 3, column tags"
