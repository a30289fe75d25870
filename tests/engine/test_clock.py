"""The clock of a run."""

from __future__ import annotations

import time

from mailmerge.engine.clock import wall_clock


def test_clock_starts_at_the_time_of_day_and_goes_on() -> None:
    before = time.time()
    clock = wall_clock()
    first = clock()
    assert abs(first - before) < 1.0
    time.sleep(0.02)
    assert 0.02 <= clock() - first < 1.0


def test_clock_never_runs_backwards() -> None:
    clock = wall_clock()
    readings = [clock() for _ in range(1000)]
    assert readings == sorted(readings)
    assert len(set(readings)) > 1
