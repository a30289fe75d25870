"""Seconds since 1970, as everything in the engine counts time.

A run reads one clock. It is passed in, so that tests and simulated runs bring their own.
"""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Seconds since 1970; never runs backwards."""


def wall_clock() -> Clock:
    """A clock that starts at the time of day and does not jump when that is set.

    It goes on while the machine sleeps, so that a laptop that wakes up knows how long it was away.
    """
    elapsed = _elapsed()
    offset = time.time() - elapsed()
    return lambda: offset + elapsed()


def _elapsed() -> Clock:
    """Seconds since some moment, sleep included where the system counts it."""
    boot_time = getattr(time, "CLOCK_BOOTTIME", None)
    if boot_time is None:
        return time.monotonic
    return lambda: time.clock_gettime(boot_time)
