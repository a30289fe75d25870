"""A file may cost as much as its size entitles it to."""

from __future__ import annotations

import pytest

from mailmerge.errors import SpreadsheetError
from mailmerge.recipients.bounds import Bounds, Budget, outside, too_large, too_long


def test_bounds_grow_with_the_file_beyond_10_mb() -> None:
    small = Bounds.of(0)
    assert Bounds.of(10 << 20) == small
    large = Bounds.of(40 << 20)
    assert (large.cells, large.memory) == (4 * small.cells, 4 * small.memory)
    assert large.unpacked == 2 * small.unpacked


def exceeded(budget: Budget, kind: str, count: int) -> str:
    with pytest.raises(SpreadsheetError) as caught:
        getattr(budget, kind)(count)
    assert caught.value.problem.code == "sheet-too-large"
    return caught.value.problem.message


def test_each_cost_has_its_bound() -> None:
    bounds = Bounds(cells=3, tags=4, memory=80, unpacked=0)
    budget = Budget(bounds, "r.xlsx")
    budget.cell(3)
    assert exceeded(budget, "cell", 1) == "the sheet has more than 3 cells, empty ones included"
    budget.tags(4)
    assert exceeded(budget, "tags", 1) == "the sheet has more than 4 tags of XML"
    budget.places(10)
    assert "more than 80 bytes of memory" in exceeded(budget, "places", 1)


def test_a_text_costs_what_python_takes() -> None:
    budget = Budget(Bounds(0, 0, 100, 0), "r.xlsx")
    budget.text("x" * 20)
    with pytest.raises(SpreadsheetError):
        budget.text("x" * 20)


def test_errors_name_file_row_and_column() -> None:
    assert (too_large("is far", "r.ods", 3).problem.row, outside("B0", "r.ods").problem.row) == (
        3,
        None,
    )
    assert len(outside("9" * 10_000, "r.ods").problem.message) < 120
    problem = too_long("B2", "r.ods", 2, "name").problem
    assert (problem.code, problem.row, problem.column) == ("cell-too-long", 2, "name")
