"""A clock that a test sets."""

from __future__ import annotations

START = 1_795_400_000.0
"""A day in November 2026."""


class Clock:
    """Seconds since 1970, set by a test; safe to read from any thread."""

    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
