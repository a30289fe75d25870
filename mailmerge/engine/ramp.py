"""How many connections a run may use now: all, one after a cool-down, then one more a minute.

The clock is passed in as seconds since 1970. One thread at a time changes it; any may read.
"""

from __future__ import annotations

from dataclasses import dataclass

ONE_MORE = 60.0
"""Seconds after a cool-down until each further connection is allowed again."""


@dataclass(slots=True)
class Ramp:
    """`allowed` connections of the `wanted` ones."""

    wanted: int
    allowed: int
    next_at: float = 0.0

    def cool_down(self, now: float, seconds: float) -> None:
        """After so many seconds of silence, go on with one."""
        self.allowed = 1
        self.next_at = now + seconds + ONE_MORE

    def grow(self, now: float) -> None:
        """Allow one more where a minute has passed without a complaint."""
        if self.allowed < self.wanted and now >= self.next_at:
            self.allowed += 1
            self.next_at = now + ONE_MORE

    def settle_for(self, connections: int) -> None:
        """The server takes no more than these at a time: want no more."""
        self.wanted = self.allowed = max(1, connections)
