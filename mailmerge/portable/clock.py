"""A wall clock that never runs backwards, by which a run measures its rates and waits.

`time.time` jumps when the machine's clock is set. A monotonic clock does not jump, but it does not
know the date, and most of them stop while the machine sleeps. The clock here starts at the date and
then follows the monotonic clock that counts sleep.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

Clock = Callable[[], float]
"""Returns seconds since 1970."""


def wall_clock(system: Any = time) -> Clock:
    """Return a clock in seconds since 1970 that never runs backwards; tests replace `system`.

    Linux counts sleep in CLOCK_BOOTTIME, macOS in CLOCK_MONOTONIC, Windows in `time.monotonic`.
    """
    clock = getattr(system, "CLOCK_BOOTTIME", getattr(system, "CLOCK_MONOTONIC", None))
    if clock is None or not hasattr(system, "clock_gettime"):
        ticks = system.monotonic
        offset = system.time() - ticks()
        return lambda: offset + ticks()
    read = system.clock_gettime
    start = system.time() - read(clock)
    return lambda: start + read(clock)


def local_time(at: float) -> datetime:
    """The local date and time of `at` seconds since 1970, with its time zone.

    Windows cannot convert the first day of 1970, which damaged files have: that is given in UTC.
    """
    try:
        return datetime.fromtimestamp(at).astimezone()
    except OSError:
        return datetime.fromtimestamp(at, UTC)
