"""Rates -> when the next message may be sent: evenly, together for all lanes, never too many.

    "60/minute"  a cadence: one slot each second; a slot that nobody used is gone, so there is no
                 burst at the start, after a pause, or after a laptop's sleep
    "500/day"    a quota: as many as are left of the last 24 hours, at any speed

The clock is passed in as seconds since 1970, so nothing here sleeps or asks for the time.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from mailmerge.campaign import Rate
from mailmerge.ledger.quota import BUCKETS, Usage

QUOTA_SECONDS = 86_400
"""A rate over a day or more is a quota; spreading it evenly would send one mail in minutes."""

SHORTEST_LATENESS = 0.01
LONGEST_LATENESS = 0.25
ROUNDING = 0.001
"""Seconds of each window that are left free: doubles of this size are 0.24 microseconds apart."""

FOREVER = float("inf")


class _Meter(Protocol):
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
class Spacing:
    """How a rate is spread: slots `interval` seconds apart, each good for `lateness` seconds.

    `count` slots take the window and the lateness: so even where one slot is used as late and
    another as early as can be, no window holds more than `count`.
    """

    interval: float
    lateness: float
    catches_up: bool
    slots: int


def spacing(rate: Rate) -> Spacing:
    """The spacing of a rate. Fast ones may catch up what a late wake-up has lost."""
    even = rate.seconds / rate.count
    lateness = min(max(even / 50, SHORTEST_LATENESS), LONGEST_LATENESS, rate.seconds / 100)
    interval = (rate.seconds + lateness + ROUNDING) / rate.count
    return Spacing(interval, lateness, even < SHORTEST_LATENESS * 5, max(1, int(1 / interval)))


class Cadence:
    """A rate that is spread evenly; its slots are taken from the usage a second ahead."""

    def __init__(self, name: str, rate: Rate, usage: Usage) -> None:
        self._name = name
        self._usage = usage
        self._longest = rate.seconds
        self._spacing = spacing(rate)
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
    """A rate over a day or more; parts of it are taken from the usage as they are needed."""

    def __init__(self, name: str, rate: Rate, usage: Usage) -> None:
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


@dataclass(slots=True)
class Brake:
    """Slowing down: half as fast at each complaint, twice as fast after each quiet minute.

    `interval` is the least time between two messages, in seconds; 0 means that nothing slows.
    """

    interval: float = 0.0
    unbraked: float = 0.0
    next_at: float = 0.0
    changed_at: float = 0.0

    QUIET = 60.0
    SLOWEST = 60.0
    UNKNOWN_SPEED = 2.0

    @property
    def per_second(self) -> float | None:
        """How fast it lets messages go; None where nothing slows."""
        return 1 / self.interval if self.interval else None

    def slow(self, now: float, messages_per_second: float) -> None:
        """The server complained; `messages_per_second` is how fast it went."""
        if now - self.changed_at < 1 and self.interval:
            return
        if not self.interval:
            self.unbraked = 1 / max(messages_per_second, self.UNKNOWN_SPEED)
            self.interval = self.unbraked
        self.interval = min(self.interval * 2, self.SLOWEST)
        self.changed_at = now

    def relax(self, now: float) -> None:
        """Go faster again where nobody has complained for a minute."""
        if self.interval and now - self.changed_at >= self.QUIET:
            self.interval /= 2
            self.changed_at = now
            if self.interval <= self.unbraked:
                self.interval = 0.0

    def spend(self, now: float) -> None:
        """One message goes now."""
        if self.interval:
            self.next_at = max(self.next_at, now) + self.interval


class Throttle:
    """All the rates of a run, for all its lanes. Safe from any thread.

    `account` names the log-in whose limits these are; `domain_rates` holds more rates for the
    people of some domains.
    """

    def __init__(
        self,
        rates: Sequence[Rate] = (),
        domain_rates: Mapping[str, Sequence[Rate]] | None = None,
        *,
        account: str = "",
        usage: Usage | None = None,
    ) -> None:
        self._lock = threading.Lock()
        usage = usage or Usage()
        self._general = _meters(account, rates, usage)
        self._domains = {
            domain.lower(): _meters(f"{account} {domain.lower()}", own, usage)
            for domain, own in (domain_rates or {}).items()
        }
        self._held_until = 0.0
        self.brake = Brake()
        self.interval = max((spacing(rate).interval for rate in rates if _even(rate)), default=0.0)
        """Seconds between two messages at the slowest of the even rates; 0 where there is none."""

    def paces(self, domain: str) -> bool:
        """Whether a domain has rates of its own."""
        return domain in self._domains

    def ready_at(self, now: float, domain: str = "") -> float:
        """When the next message may go; at or before `now` means: at once."""
        with self._lock:
            return self._ready_at(now, domain)

    def take(self, now: float, domain: str = "") -> bool:
        """Whether a message may go now; if so, it has gone."""
        with self._lock:
            if self._ready_at(now, domain) > now:
                return False
            for meter in self._meters(domain):
                meter.spend(now)
            self.brake.spend(now)
            return True

    def _ready_at(self, now: float, domain: str) -> float:
        self.brake.relax(now)
        ready = max(self._held_until, self.brake.next_at if self.brake.interval else 0.0)
        for meter in self._meters(domain):
            ready = max(ready, meter.secure(now))
        return ready

    def _meters(self, domain: str) -> Sequence[_Meter]:
        own = self._domains.get(domain)
        return self._general if own is None else [*self._general, *own]

    def spent_until(self, now: float) -> float:
        """When the quotas let the next message go."""
        with self._lock:
            quotas = [meter for meter in self._general if isinstance(meter, Quota)]
            return max((quota.secure(now) for quota in quotas), default=now)

    def hold(self, until: float) -> None:
        """Let nothing go before then."""
        with self._lock:
            self._held_until = max(self._held_until, until)

    def slow(self, now: float, messages_per_second: float) -> None:
        """The server complained: go half as fast."""
        with self._lock:
            self.brake.slow(now, messages_per_second)

    def close(self) -> None:
        """Give back what was reserved and not used."""
        with self._lock:
            for meters in (self._general, *self._domains.values()):
                for meter in meters:
                    meter.close()


def _even(rate: Rate) -> bool:
    return rate.seconds < QUOTA_SECONDS


def _meters(account: str, rates: Sequence[Rate], usage: Usage) -> list[_Meter]:
    return [(Cadence if _even(rate) else Quota)(f"{account} {rate}", rate, usage) for rate in rates]
