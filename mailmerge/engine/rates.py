"""One rate -> when the next message may be sent: evenly, and never more than the rate allows.

    "60/minute"  a cadence: one slot each second. An unused slot is lost, so there is no burst at
                 the start, after a pause, or after a laptop has slept.
    "500/day"    a quota: the messages that are left of the last 24 hours, at any speed.

The promise covers every window: no period of 60 seconds, whenever it begins, has more than 60
messages. Three things could break it:

* A late wake-up. A thread that sleeps until its slot wakes up slightly later. If the next slot were
  counted from that moment, the rate would never be reached. If a late slot were simply used, two
  messages could be so close together that a window contains one more. So a slot is valid for a
  short time, its *lateness*, and the slots are spaced so that even the latest use of one and the
  earliest use of another keep the promise (`_Spacing`).
* Another process with the same account. So slots and shares of a quota are reserved in the
  account's record (ledger/quota.py) before they are used: a second of slots, or a twentieth of a
  quota (at most 50 messages). What a killed process has reserved stays unused; the limit is never
  exceeded.
* A clock that was set back. Then the reserved slots are too far in the future. They are returned,
  and new ones are reserved from the present time on.

A message with copies counts once for each recipient: it uses as many slots, or as much of a quota.
Its further slots follow it. Between two messages are as many slots as the larger one has
recipients; this keeps the promise for each window that has a message without copies. For the
others, the messages with copies are remembered as long as a window lasts (`_Recent`).

`now` is a parameter, in seconds since 1970: nothing here sleeps or reads a clock.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final, Protocol

from mailmerge.ledger.quota import BUCKETS, Quotas
from mailmerge.settings import Rate

_QUOTA_SECONDS: Final = 86_400
"""A rate over this many seconds or more is a quota. Spread evenly, it would send one message every
few minutes."""

_SHORTEST_LATENESS: Final = 0.01
_LONGEST_LATENESS: Final = 0.25
_ROUNDING: Final = 0.001
"""Seconds of each window that stay free, because times as floats are rounded to 0.24 us."""


class Meter(Protocol):
    """Keeps one rate. The throttle calls it with its lock held."""

    def ready_at(self, now: float, count: int = 1) -> float:
        """Reserve the next slots if needed, and return their time; `now` or earlier means at once.

        `count` is the number of recipients of the message.
        """
        ...

    def spend(self, now: float, count: int = 1) -> None:
        """Use up one message at `now`, which `ready_at(now, count)` has permitted."""
        ...

    def close(self) -> None:
        """Return unused reservations."""
        ...


@dataclass(frozen=True, slots=True)
class _Spacing:
    """The slots of a rate: `interval` seconds apart, each valid for `lateness` seconds.

    The slots of one window take as long as the window and the lateness together. So no window has
    more messages than the rate allows, even if one slot is used as late and another as early as
    possible. `catches_up` means that messages may make up for late wake-ups. `slots` is the number
    of slots to reserve at a time.
    """

    interval: float
    lateness: float
    catches_up: bool
    slots: int


def even_interval(rate: Rate) -> float:
    """Return the seconds between two messages at this rate if it is spread evenly."""
    return _spacing(rate).interval


def is_quota(rate: Rate) -> bool:
    """Whether a rate covers a day or more, and so is a quota that is used at any speed."""
    return rate.seconds >= _QUOTA_SECONDS


def meter_of(name: str, rate: Rate, usage: Quotas) -> Meter:
    """Return the meter of this rate; `name` is the limit's name in the account's record."""
    return Quota(name, rate, usage) if is_quota(rate) else _Cadence(name, rate, usage)


def _spacing(rate: Rate) -> _Spacing:
    """Return the spacing of a rate. A fast one may make up for a late wake-up."""
    even = rate.seconds / rate.count
    lateness = min(max(even / 50, _SHORTEST_LATENESS), _LONGEST_LATENESS, rate.seconds / 100)
    interval = (rate.seconds + lateness + _ROUNDING) / rate.count
    return _Spacing(interval, lateness, even < _SHORTEST_LATENESS * 5, max(1, int(1 / interval)))


class _Recent:
    """The messages with copies in the last window of a rate."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._messages: deque[tuple[float, int]] = deque()

    def add(self, now: float, count: int) -> None:
        """Remember a message with `count` recipients."""
        self._messages.append((now, count))

    def ready_at(self, now: float, count: int) -> float:
        """Return when a message with `count` recipients fits into the window that ends with it."""
        messages, window = self._messages, self._rate.seconds + _ROUNDING
        while messages and messages[0][0] + window <= now:
            messages.popleft()
        while messages and messages[-1][0] > now:  # the machine's clock was set back
            messages.pop()
        total, ready = sum(one for _, one in messages), now
        for at, one in messages:
            if total + count <= self._rate.count:
                break
            total, ready = total - one, at + window
        return ready


class _Cadence:
    """A rate that is spread evenly; its slots are reserved a second ahead."""

    def __init__(self, name: str, rate: Rate, usage: Quotas) -> None:
        self._name = name
        self._usage = usage
        self._longest = rate.seconds
        self._spacing = _spacing(rate)
        self._next = self._end = usage.slots_until(name)
        self._last = (0.0, 1)
        self._recent = _Recent(rate)

    def ready_at(self, now: float, count: int = 1) -> float:
        """Reserve slots if needed, and return their time; `now` or earlier means at once."""
        if self._next - now > self._longest + self._last[1] * self._spacing.interval + 1:
            # The machine's clock was set back, so the slots of the former time have no meaning.
            self._usage.return_slots(self._name, self._end, now + self._spacing.interval)
            self._next = self._end = now + self._spacing.interval
            self._last = (0.0, 1)
        if self._next <= now and not self._fits(self._nominal(now), count):
            self._reserve(self._nominal(now), count)
        if count == 1:
            return self._next
        at = self._last[0] + count * self._spacing.interval
        return max(self._next, at, self._recent.ready_at(now, count))

    def _nominal(self, now: float) -> float:
        late = self._spacing.lateness if self._spacing.catches_up else 0.0
        return max(self._next, now - late)

    def _fits(self, nominal: float, count: int) -> bool:
        late = 0.0 if self._spacing.catches_up else self._spacing.lateness
        return nominal + count * self._spacing.interval <= self._end + late

    def _reserve(self, nominal: float, count: int) -> None:
        length = max(self._spacing.slots, count) * self._spacing.interval
        self._next = self._usage.reserve_slots(self._name, self._end, nominal, length)
        self._end = self._next + length

    def spend(self, now: float, count: int = 1) -> None:
        """Use up one message with `count` recipients at `now`."""
        at = self._nominal(now)
        self._next = at + count * self._spacing.interval
        self._last = at, count
        if count > 1:
            self._recent.add(now, count)

    def close(self) -> None:
        """Return the unused slots."""
        if self._next < self._end:
            self._usage.return_slots(self._name, self._end, self._next)
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

    def ready_at(self, now: float, count: int = 1) -> float:
        """Reserve what is needed, and return when it may be used; `now` or earlier means at once.

        A message with more recipients than the whole quota uses up all of it.
        """
        width = self._rate.seconds / BUCKETS
        if self._left and int(self._taken_at // width) != int(now // width):
            self.close()
        needed = min(count, self._rate.count)
        while self._left < needed:
            granted, ready = self._usage.reserve_quota(
                self._name,
                self._rate.count,
                self._rate.seconds,
                max(self._share, needed - self._left),
                now,
            )
            self._taken_at = now
            if not granted:
                return ready
            self._left += granted
        return now

    def spend(self, now: float, count: int = 1) -> None:
        """Use up one message with `count` recipients at `now`."""
        assert now >= self._taken_at
        self._left -= min(count, self._left)

    def close(self) -> None:
        """Return the unused messages."""
        if self._left:
            self._usage.return_quota(self._name, self._rate.seconds, self._left, self._taken_at)
            self._left = 0
