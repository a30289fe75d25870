"""Batches become rows in the order of the sheet, without the rows that have an error."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mailmerge.errors import Problem
from mailmerge.recipients.columns import Header
from mailmerge.recipients.table import Batch, RowReader, SheetRow, Table, no_recipients


def reader(*batches: Batch, columns: Sequence[str] = ("email", "n")) -> RowReader:
    return RowReader(Table("r.csv", Header(1, tuple(columns)), lambda: iter(batches)))


def problem(row: int, severity: str = "error") -> Problem:
    return Problem(severity, "x", "x", "r.csv", row)  # type: ignore[arg-type]  # one of two


def test_columns_become_rows() -> None:
    rows = reader(Batch([2, 3], [["a", "b"], ["1", "2"]]), Batch([7], [["c"], ["3"]]))
    expected = [
        SheetRow(2, {"email": "a", "n": "1"}),
        SheetRow(3, {"email": "b", "n": "2"}),
        SheetRow(7, {"email": "c", "n": "3"}),
    ]
    assert list(rows) == expected
    assert list(rows) == expected


def test_blank_rows_are_counted_in_each_pass() -> None:
    rows = reader(Batch([2, 3, 4], [["a", " ", ""], ["", "", "\t"]], blank=5))
    for _ in range(2):
        assert [row.number for row in rows if isinstance(row, SheetRow)] == [2]
        assert rows.blank == 7


def test_a_row_with_an_error_is_left_out() -> None:
    problems = [problem(9), problem(3), problem(2, "warning")]
    rows = list(reader(Batch([2, 3, 4], [["a", "b", "c"], ["1", "2", "3"]], problems)))
    assert [one.number if isinstance(one, SheetRow) else one for one in rows] == [
        problem(2, "warning"),
        2,
        problem(3),
        4,
        problem(9),
    ]


@pytest.mark.parametrize(
    ("cell", "code", "severity"),
    [
        ("a\0b", "cell-not-text", "error"),
        ("a\ud800", "cell-not-text", "error"),
        ("Ren\N{REPLACEMENT CHARACTER}e", "cell-damaged", "warning"),
        ("An\u200bne", "cell-invisible", "warning"),
        ("An\u202ene", "cell-invisible", "warning"),
        ("An\x1bne", "cell-invisible", "warning"),
        ("An\x85ne", "cell-invisible", "warning"),
    ],
)
def test_suspect_characters_are_found_in_any_column(cell: str, code: str, severity: str) -> None:
    found = list(reader(Batch([2, 3], [["a", "b"], ["1", cell]])))
    problems = [one for one in found if isinstance(one, Problem)]
    assert [(p.code, p.severity, p.row, p.column) for p in problems] == [(code, severity, 3, "n")]
    assert str(problems[0]).isprintable()
    rows = [one.number for one in found if isinstance(one, SheetRow)]
    assert rows == ([2] if severity == "error" else [2, 3])


def test_tabs_line_breaks_and_joiners_are_text() -> None:
    cell = "a\tb\r\nc\u200d\u00a0\u061c"
    assert list(reader(Batch([2], [["x"], [cell]]))) == [SheetRow(2, {"email": "x", "n": cell})]


def test_a_table_without_rows_names_its_header() -> None:
    assert str(no_recipients("r.csv", Header(3, ("email",)))) == (
        "r.csv, row 3: there are no rows below the header (add one row for each recipient)"
    )
    assert no_recipients("r.jsonl", Header(0, ("email",))).problem.row is None
