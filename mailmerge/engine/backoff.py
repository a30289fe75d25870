"""Complaints of the server -> how fast, and over how many connections: the law of slowing down.

A server complains in two ways. "Too fast" (421, 450 to 452, 4.7.x) costs speed: the `Brake` halves
it and gives it back step by step. "Stop for a while" (4.7.28 and the pauses of providers) costs a
cool-down: silence, then one connection, then one more each minute; the `Ramp` counts connections,
and `CoolDowns` counts pauses that did not help.

Everything here is a frozen value, and each method returns the next one. Nothing waits, locks or
reads a clock: `now` is seconds since 1970. The throttle (throttle.py) holds one value of each kind
and asks them; to change how the engine slows down and recovers, change this module only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

COOL_DOWNS_IN_VAIN = 3
"""Cool-downs in a row without one message sent, after which the next one ends the run."""


@dataclass(frozen=True, slots=True)
class Brake:
    """The speed that complaints have left: half after each one, twice after each quiet minute.

    `interval` is the least time between two messages in seconds; 0 means that nothing slows.
    `normal` is the interval at the speed of the first complaint, where braking ends. `changed_at`
    is the time of the last complaint or recovery.
    """

    interval: float = 0.0
    normal: float = 0.0
    changed_at: float = 0.0

    QUIET: ClassVar[float] = 60.0
    """Seconds without a complaint after which the speed doubles."""
    SLOWEST: ClassVar[float] = 60.0
    """The longest interval in seconds."""
    SAME_COMPLAINT: ClassVar[float] = 1.0
    """Complaints within this many seconds count as one: several connections hear the same."""
    UNKNOWN_SPEED: ClassVar[float] = 2.0
    """Messages a second that are assumed where the run has just begun."""

    @property
    def per_second(self) -> float | None:
        """Messages a second at most; None where nothing slows."""
        return 1 / self.interval if self.interval else None

    def complained(self, now: float, per_second: float) -> Brake:
        """After a complaint; `per_second` is how many messages a second went."""
        if self.interval and now - self.changed_at < self.SAME_COMPLAINT:
            return self
        normal = self.normal if self.interval else 1 / max(per_second, self.UNKNOWN_SPEED)
        interval = min((self.interval or normal) * 2, self.SLOWEST)
        return Brake(interval, normal, now)

    def recovered(self, now: float) -> Brake:
        """After the time up to `now` without a complaint."""
        if not self.interval or now - self.changed_at < self.QUIET:
            return self
        interval = self.interval / 2
        return Brake(interval if interval > self.normal else 0.0, self.normal, now)


@dataclass(frozen=True, slots=True)
class Ramp:
    """How many connections are `allowed` of those `wanted`; the next one is at `grows_at`."""

    wanted: int
    allowed: int
    grows_at: float = 0.0

    ONE_MORE: ClassVar[float] = 60.0
    """Seconds between two connections that are allowed again."""

    def cooled_down(self, now: float, seconds: float) -> Ramp:
        """One connection after `seconds` of silence, and one more each minute after that."""
        return Ramp(self.wanted, 1, now + seconds + self.ONE_MORE)

    def recovered(self, now: float) -> Ramp:
        """One more connection where its time has come."""
        if self.allowed >= self.wanted or now < self.grows_at:
            return self
        return Ramp(self.wanted, self.allowed + 1, now + self.ONE_MORE)

    def capped(self, connections: int) -> Ramp:
        """The server takes no more connections than these at a time."""
        most = max(1, connections)
        return Ramp(most, most, self.grows_at)


@dataclass(frozen=True, slots=True)
class CoolDowns:
    """Cool-downs in a row with nothing sent between them; the last one lasts `until`."""

    count: int = 0
    until: float = 0.0

    @property
    def in_vain(self) -> bool:
        """Whether another pause would not help either."""
        return self.count > COOL_DOWNS_IN_VAIN

    def cooled_down(self, now: float, seconds: float) -> CoolDowns:
        """After a reply that asks for a pause; during a pause it is about the same one."""
        if now < self.until:
            return self
        return CoolDowns(self.count + 1, now + seconds)

    def sent(self) -> CoolDowns:
        """After a message was sent: the last pause has helped."""
        return replace(self, count=0)
