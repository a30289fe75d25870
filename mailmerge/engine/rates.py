"""One rate -> when the next message may be sent: evenly, and never more than the rate allows.

    "60/minute"  a cadence: one slot each second. A slot that nothing used is gone, so there is no
                 burst at the start, after a pause, or after a laptop's sleep.
    "500/day"    a quota: as many as are left of the last 24 hours, at any speed.

The promise is about every window: in no 60 seconds, wherever they begin, are there more than 60.
Three things could break it.

* A late wake-up. A thread that sleeps until its slot wakes up a little later. If the next slot
  counted from that moment, the rate would never be reached; if a late slot were simply used, two
  messages could fall so close together that one more fits into a window. So a slot is good for a
  short `lateness`, and slots are that much further apart (`Spacing`).
* Another process with the same account. Slots and shares of a quota are therefore reserved in the
  account's record (ledger/quota.py) before they are used: a second of slots ahead, or a twentieth
  of a quota. What a process that is killed has reserved stays unused; the limit is never exceeded.
* A clock that was set back. The reserved slots then lie in a future that is no longer near. They
  are given up, and new ones are reserved from the new time on.

`now` is passed in, in seconds since 1970: nothing here sleeps or asks for the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from mailmerge.ledger.quota import BUCKETS, Quotas
from mailmerge.settings import Rate

_QUOTA_SECONDS: Final = 86_400
"""A rate over a day or more is a quota; spreading it evenly would send one mail in minutes."""

_SHORTEST_LATENESS: Final = 0.01
_LONGEST_LATENESS: Final = 0.25
_ROUNDING: Final = 0.001
"""Seconds of each window that are left free: doubles of this size are 0.24 microseconds apart."""


class Meter(Protocol):
    """What keeps one rate. The throttle calls it with its lock held."""

    def secure(self, now: float) -> float:
        """When the next message may go; at or before `now` means: at once."""
        ...

    def spend(self, now: float) -> None:
        """One message goes now; `secure(now)` has allowed it."""
        ...

    def close(self) -> None:
        """Give back what was reserved and not spent."""
        ...


@dataclass(frozen=True, slots=True)
class _Spacing:
    """How a rate is spread: slots `interval` seconds apart, each good for `lateness` seconds.

    `count` slots take the window and the lateness: so even where one slot is used as late and
    another as early as can be, no window holds more than `count`.
    """

    interval: float
    lateness: float
    catches_up: bool
    slots: int


def even_interval(rate: Rate) -> float:
    """Seconds between two messages at this rate, if it is spread evenly."""
    return _spacing(rate).interval


def is_quota(rate: Rate) -> bool:
    """Whether a rate is over a day or more, and so a quota that is used at any speed."""
    return rate.seconds >= _QUOTA_SECONDS


def meter_of(name: str, rate: Rate, usage: Quotas) -> Meter:
    """What keeps this rate; `name` is the limit's name in the account's record."""
    return Quota(name, rate, usage) if is_quota(rate) else _Cadence(name, rate, usage)


def _spacing(rate: Rate) -> _Spacing:
    """The spacing of a rate. A fast one may catch up what a late wake-up has lost."""
    even = rate.seconds / rate.count
    lateness = min(max(even / 50, _SHORTEST_LATENESS), _LONGEST_LATENESS, rate.seconds / 100)
    interval = (rate.seconds + lateness + _ROUNDING) / rate.count
    return _Spacing(interval, lateness, even < _SHORTEST_LATENESS * 5, max(1, int(1 / interval)))


class _Cadence:
    """A rate that is spread evenly; its slots are reserved a second ahead."""

    def __init__(self, name: str, rate: Rate, usage: Quotas) -> None:
        self._name = name
        self._usage = usage
        self._longest = rate.seconds
        self._spacing = _spacing(rate)
        self._next = self._end = usage.slots_until(name)

    def secure(self, now: float) -> float:
        """When the next message may go; at or before `now` means: at once."""
        if self._next - now > self._longest + self._spacing.interval + 1:
            # The machine's clock was set back; the slots of that other time mean nothing now.
            self._usage.leave_slots(self._name, self._end, now + self._spacing.interval)
            self._next = self._end = now + self._spacing.interval
        if self._next <= now and not self._fits(self._nominal(now)):
            self._reserve(self._nominal(now))
        return self._next

    def _nominal(self, now: float) -> float:
        late = self._spacing.lateness if self._spacing.catches_up else 0.0
        return max(self._next, now - late)

    def _fits(self, nominal: float) -> bool:
        late = 0.0 if self._spacing.catches_up else self._spacing.lateness
        return nominal + self._spacing.interval <= self._end + late

    def _reserve(self, nominal: float) -> None:
        length = self._spacing.slots * self._spacing.interval
        self._next = self._usage.take_slots(self._name, self._end, nominal, length)
        self._end = self._next + length

    def spend(self, now: float) -> None:
        """One message goes now."""
        self._next = self._nominal(now) + self._spacing.interval

    def close(self) -> None:
        """Give back the slots that are still to come."""
        if self._next < self._end:
            self._usage.leave_slots(self._name, self._end, self._next)
            self._end = self._next


class Quota:
    """A rate over a day or more; shares of it are reserved as they are needed."""

    def __init__(self, name: str, rate: Rate, usage: Quotas) -> None:
        self._name = name
        self._rate = rate
        self._usage = usage
        self._share = min(max(rate.count // 20, 1), 50)
        self._left = 0
        self._taken_at = 0.0

    def secure(self, now: float) -> float:
        """When the next message may go; at or before `now` means: at once."""
        width = self._rate.seconds / BUCKETS
        if self._left and int(self._taken_at // width) != int(now // width):
            self.close()
        if self._left:
            return now
        self._left, ready = self._usage.take_quota(
            self._name, self._rate.count, self._rate.seconds, self._share, now
        )
        self._taken_at = now
        return ready

    def spend(self, now: float) -> None:
        """One message goes now."""
        assert now >= self._taken_at
        self._left -= 1

    def close(self) -> None:
        """Give back what was taken and not spent."""
        if self._left:
            self._usage.leave_quota(self._name, self._rate.seconds, self._left, self._taken_at)
            self._left = 0
