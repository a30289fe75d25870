"""The server's complaints -> speed and connections: how the engine slows down and recovers.

A server can complain in two ways:

* "Too fast" (421, 450 to 452, 4.7.x) costs speed. `Slowdown` halves the speed, and doubles it after
  each quiet minute.
* "Pause" (4.7.28, and the rules of providers) costs a cool-down: a pause, then one connection, then
  one more each minute. `ConnectionLimit` counts the connections. `CoolDowns` counts the pauses
  without a sent message between them.

All values are frozen, and each method returns the next value. Nothing waits, locks or reads a
clock: `now` is in seconds since 1970. The throttle (throttle.py) holds one value of each kind. To
change how the engine slows down and recovers, change only this module.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

COOL_DOWNS_IN_VAIN = 3
"""The cool-downs in a row, without a sent message, that a run accepts; the next one ends it."""


@dataclass(frozen=True, slots=True)
class Slowdown:
    """The speed limit that complaints cause: halved by each one, doubled after a quiet minute.

    Attributes:
        interval: the minimum seconds between two messages; 0 means no limit.
        normal: the interval at the speed of the first complaint; at this speed the limit ends.
        changed_at: the time of the last complaint or recovery.
    """

    interval: float = 0.0
    normal: float = 0.0
    changed_at: float = 0.0

    QUIET: ClassVar[float] = 60.0
    """Seconds without a complaint after which the speed doubles."""
    SLOWEST: ClassVar[float] = 60.0
    """The maximum interval in seconds."""
    SAME_COMPLAINT: ClassVar[float] = 1.0
    """Complaints within this many seconds count as one: several connections get the same."""
    UNKNOWN_SPEED: ClassVar[float] = 2.0
    """The speed in messages per second that is assumed if the run has just begun."""

    @property
    def per_second(self) -> float | None:
        """The maximum messages per second; None for no limit."""
        return 1 / self.interval if self.interval else None

    def complained(self, now: float, per_second: float) -> Slowdown:
        """Return the limit after a complaint; `per_second` is the speed so far."""
        if self.interval and now - self.changed_at < self.SAME_COMPLAINT:
            return self
        normal = self.normal if self.interval else 1 / max(per_second, self.UNKNOWN_SPEED)
        interval = min((self.interval or normal) * 2, self.SLOWEST)
        return Slowdown(interval, normal, now)

    def recovered(self, now: float) -> Slowdown:
        """Return the limit after the quiet time up to `now`."""
        if not self.interval or now - self.changed_at < self.QUIET:
            return self
        interval = self.interval / 2
        return Slowdown(interval if interval > self.normal else 0.0, self.normal, now)


@dataclass(frozen=True, slots=True)
class ConnectionLimit:
    """The number of connections: `allowed` now, `wanted` in the end; one more at `grows_at`.

    Two things lower the number. After a cool-down it is 1. If the server refuses one connection
    more than are open, it is the number of open ones. A single refusal proves little: the server
    may have been busy for a moment. So one connection more is tried after a short time. Only if the
    server refuses at the same number again, that number is its limit, and the time until the next
    try doubles. So a limit that is real costs the server a few connections in an hour.

    Attributes:
        wanted: the number of connections that the user wants.
        allowed: the number that may be used now.
        grows_at: when one more is allowed, in seconds since 1970.
        step: the seconds from one more connection to the next.
        found: the number at which the server refused one more; 0 if it never did.
        pause: the seconds that followed the last refusal.
    """

    wanted: int
    allowed: int
    grows_at: float = 0.0
    step: float = 5.0
    found: int = 0
    pause: float = 0.0

    ONE_MORE: ClassVar[float] = 60.0
    """Seconds from one more connection to the next after a cool-down."""
    FIRST_PAUSE: ClassVar[float] = 5.0
    """Seconds after a refused connection until one more is tried."""
    LONGEST_PAUSE: ClassVar[float] = 600.0
    """The maximum seconds between two tries."""

    def cooled_down(self, now: float, seconds: float) -> ConnectionLimit:
        """Return the limit after a cool-down of `seconds`: one connection at first."""
        grows_at = now + seconds + self.ONE_MORE
        return replace(self, allowed=1, grows_at=grows_at, step=self.ONE_MORE)

    def recovered(self, now: float) -> ConnectionLimit:
        """Return the limit at `now`: one more connection if it is due."""
        if self.allowed >= self.wanted or now < self.grows_at:
            return self
        allowed = self.allowed + 1
        step = self.FIRST_PAUSE if allowed == self.wanted else self.step
        return replace(self, allowed=allowed, grows_at=now + self.step, step=step)

    def capped(self, now: float, connections: int) -> ConnectionLimit:
        """Return the limit after the server refused one more than this number of connections."""
        most = max(1, min(connections, self.allowed))
        again = most == self.found
        pause = min(self.pause * 2, self.LONGEST_PAUSE) if again else self.FIRST_PAUSE
        grows_at = max(self.grows_at if self.allowed < self.wanted else 0.0, now + pause)
        return replace(self, allowed=most, grows_at=grows_at, found=most, pause=pause)


@dataclass(frozen=True, slots=True)
class CoolDowns:
    """The number of cool-downs without a sent message between them, and the end of the last."""

    count: int = 0
    until: float = 0.0

    @property
    def in_vain(self) -> bool:
        """Whether cool-downs do not help."""
        return self.count > COOL_DOWNS_IN_VAIN

    def cooled_down(self, now: float, seconds: float) -> CoolDowns:
        """Return the count after a reply that asks for a pause; during a pause it stays."""
        if now < self.until:
            return self
        return CoolDowns(self.count + 1, now + seconds)

    def sent(self) -> CoolDowns:
        """Return the count after a sent message: 0, because the last pause helped."""
        return replace(self, count=0)
