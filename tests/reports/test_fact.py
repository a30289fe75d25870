"""One fact about the installation."""

from __future__ import annotations

from mailmerge.reports.fact import Fact


def test_a_part_that_works_needs_no_fix() -> None:
    assert Fact("locks", works=True, text="fine").fix == ""
