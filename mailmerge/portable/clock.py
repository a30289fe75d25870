"""A wall clock that never runs backwards: what a run measures its rates and waits by.

`time.time` jumps when the machine's clock is set. A monotonic clock does not, but says nothing of
the date, and most of them stand still while the machine sleeps. The clock here starts at the date
and goes on by the monotonic clock that counts sleep, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

Clock = Callable[[], float]
"""Seconds since 1970."""


def wall_clock(system: Any = time) -> Clock:
    """Seconds since 1970 that never run backwards; `system` is the module `time` or its like.

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
