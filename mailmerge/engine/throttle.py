"""When may the next message be sent, and to which domain? One throttle answers for a whole run.

    rates of the account and of domains (rates.py)      -+
    a pause that the server asked for                    +-> ready_at, take, connections
    the pace that the server's answers allow (backoff.py) +

The throttle combines the three, and the latest time decides. rates.py knows how one rate is kept,
backoff.py how the engine slows down and recovers.

Each message that `take` permits is reported once: `accepted`, `complained` or `settled`. So the
throttle knows how many are in flight, and how long the run had nothing to send: that time does not
count as time of sending.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mailmerge.engine.backoff import SUSPENSION, ConnectionLimit, CoolDowns, Pace
from mailmerge.engine.rates import Meter, Quota, even_interval, is_quota, meter_of
from mailmerge.ledger.quota import Quotas
from mailmerge.settings import Rate

_LATE: Final = 0.03
"""Messages may make up for a wake-up that comes this many seconds too late."""

_NOTHING_TO_SEND: Final = 1.0
"""A pause that is longer, and that nothing here demands, is no time of sending."""

_COUNT_EVERY: Final = 0.05
"""Seconds between two updates of the pace while no server complains."""


@dataclass(frozen=True, slots=True)
class Slowing:
    """What a complaint changed.

    Attributes:
        seconds: the pause before the next message; 0 for none.
        per_second: the maximum speed from now on; None for no limit.
        in_vain: several suspensions did not help, so the run must end.
    """

    seconds: float
    per_second: float | None
    in_vain: bool = False


@dataclass(frozen=True, slots=True)
class Forecast:
    """When the next message may be sent, and until when a quota prevents it.

    Times are in seconds since 1970. The present time or an earlier one means at once. `opens_at` is
    when the next delivery of a closed time zone may be sent; None if none waits for that.
    """

    ready_at: float
    quota_until: float
    opens_at: float | None = None


class Throttle:
    """Decides when the next message may be sent, and on how many connections. Thread-safe.

    Three things delay a message: the rates of the account and of the recipient's domain, a pause
    that the server asked for, and the pace that its answers allow (backoff.py).

    `account` is the name under which `rates` are counted in `usage`. `domain_rates` has further
    rates for the recipients of some domains. In every method `now` is the time of the run's clock,
    in seconds since 1970.

    Raises:
        LedgerError: the record of what the account has used cannot be read.
    """

    def __init__(
        self,
        rates: Sequence[Rate] = (),
        domain_rates: Mapping[str, Sequence[Rate]] | None = None,
        *,
        connections: int = 1,
        account: str = "",
        usage: Quotas | None = None,
    ) -> None:
        self._lock = threading.Lock()
        usage = usage or Quotas()
        self._general = _meters(account, rates, usage)
        self._domains = {
            domain.lower(): _meters(f"{account} {domain.lower()}", own, usage)
            for domain, own in (domain_rates or {}).items()
        }
        self._held_until = 0.0
        self._pace = _Paced()
        self._connection_limit = ConnectionLimit(connections, connections)
        self._cool_downs = CoolDowns()
        self.interval = max(
            (even_interval(rate) for rate in rates if not is_quota(rate)), default=0.0
        )
        """Seconds between two messages at the slowest rate that is not a quota; 0 for none."""

    # --- questions

    def take(self, now: float, domain: str = "", further: Sequence[str] = ()) -> bool:
        """Return whether a message may be sent now. If so, it counts as sent.

        `further` has the domain of each further recipient of the message: the rates count each.
        """
        with self._lock:
            if self._ready_at(now, domain, further) > now:
                return False
            if further:
                for meter, count in self._counted(domain, further):
                    meter.spend(now, count)
            else:
                for meter in self._meters(domain):
                    meter.spend(now)
            self._pace.take(now, self._held_until, self.interval)
            return True

    def ready_at(self, now: float, domain: str = "", further: Sequence[str] = ()) -> float:
        """Return when the next message to `domain` may be sent; `now` or earlier means at once.

        `further` is as for `take`; the domain "" has no rates of its own.
        """
        with self._lock:
            return self._ready_at(now, domain, further)

    def forecast(self, now: float) -> Forecast:
        """Return when the next message to a domain without rates of its own may be sent."""
        with self._lock:
            ready, quota_until = self._held(), now
            for meter in self._general:
                turn = meter.ready_at(now)
                ready = max(ready, turn)
                if isinstance(meter, Quota):
                    quota_until = max(quota_until, turn)
            return Forecast(ready, quota_until)

    def has_rates(self, domain: str) -> bool:
        """Whether a domain has rates of its own."""
        return domain in self._domains

    def connections(self, now: float) -> int:
        """Return the number of connections that may be used now."""
        with self._lock:
            self._connection_limit = self._connection_limit.recovered(now)
            return self._connection_limit.allowed

    @property
    def limited(self) -> bool:
        """Whether fewer connections than wanted may be used."""
        return self._connection_limit.allowed < self._connection_limit.wanted

    @property
    def per_second(self) -> float | None:
        """The maximum messages per second because of complaints; None for no limit."""
        return self._pace.pace.per_second

    def _held(self) -> float:
        """Return until when pauses and complaints delay messages."""
        return max(self._held_until, self._pace.ready_at)

    def _ready_at(self, now: float, domain: str, further: Sequence[str] = ()) -> float:
        ready = self._held()
        if further:
            for meter, count in self._counted(domain, further):
                ready = max(ready, meter.ready_at(now, count))
            return ready
        for meter in self._meters(domain):
            ready = max(ready, meter.ready_at(now))
        return ready

    def _meters(self, domain: str) -> Sequence[Meter]:
        own = self._domains.get(domain)
        return self._general if own is None else [*self._general, *own]

    def _counted(self, domain: str, further: Sequence[str]) -> Iterator[tuple[Meter, int]]:
        """The meters of a message with further recipients, each with how many it counts."""
        for meter in self._general:
            yield meter, 1 + len(further)
        for name, count in Counter((domain, *further)).items():
            for meter in self._domains.get(name, ()):
                yield meter, count

    # --- reports about the server

    def accepted(self, now: float) -> bool:
        """Note that the server accepted a message. Returns whether this ended a limit."""
        with self._lock:
            if self._cool_downs.count:
                self._cool_downs = self._cool_downs.sent()
            return self._pace.accepted(now)

    def settled(self, now: float) -> None:
        """Note an outcome that says nothing about the speed."""
        with self._lock:
            self._pace.settled(now)

    def complained(self, now: float) -> Slowing | None:
        """Note that the server complained about the speed. Returns what changed, or None."""
        with self._lock:
            slowing = self._pace.complained(now)
            if not self._pace.exhausted:
                return slowing
            self._pace.suspend()
            self._held_until = max(self._held_until, now + SUSPENSION)
            self._cool_downs = self._cool_downs.cooled_down(now, SUSPENSION)
            return Slowing(SUSPENSION, self.per_second, self._cool_downs.in_vain)

    def cool_down(self, now: float, seconds: float) -> bool:
        """Send nothing for `seconds`, then use one connection, because the server asked for it.

        Returns False if several pauses in a row, without a sent message between them, did not help.
        """
        with self._lock:
            self._held_until = max(self._held_until, now + seconds)
            self._connection_limit = self._connection_limit.cooled_down(now, seconds)
            self._cool_downs = self._cool_downs.cooled_down(now, seconds)
            return not self._cool_downs.in_vain

    def cap(self, now: float, connections: int) -> None:
        """Use this number of connections for a while, because the server refused one more."""
        with self._lock:
            self._connection_limit = self._connection_limit.capped(now, connections)

    def close(self) -> None:
        """Return unused reservations of the account's limits."""
        with self._lock:
            for meters in (self._general, *self._domains.values()):
                for meter in meters:
                    meter.close()


def _meters(account: str, rates: Sequence[Rate], usage: Quotas) -> list[Meter]:
    return [meter_of(f"{account} {rate}", rate, usage) for rate in rates]


class _Paced:
    """The pace with what it needs to know about time: messages in flight, and time of sending."""

    def __init__(self) -> None:
        self.pace = Pace()
        self.ready_at = 0.0
        self._quiet = True
        self._in_flight = 0
        self._active_at = 0.0
        self._idle = 0.0
        self._uncounted = 0
        self._count_at = 0.0

    @property
    def exhausted(self) -> bool:
        """Whether it is time for a suspension."""
        return self.pace.probe.exhausted

    def take(self, now: float, held_until: float, interval: float) -> None:
        """Note that a message leaves at `now`.

        Other limits delayed it until `held_until`, or by `interval` seconds after the last one.
        """
        if not self._in_flight and now - self._active_at > _NOTHING_TO_SEND:
            idle = now - max(self._active_at, self.ready_at, held_until) - 2 * interval
            if self._active_at and idle > _NOTHING_TO_SEND:
                self._idle += idle
        self._in_flight += 1
        self._active_at = now
        if not self._quiet and (own := self.pace.interval):
            late = 0.0 if self.pace.probe.pause else _LATE
            self.ready_at = max(self.ready_at, now - late) + own

    def accepted(self, now: float) -> bool:
        """Note an accepted message. Returns whether this ended a limit."""
        self._answered(now)
        self._uncounted += 1
        if self._quiet and now < self._count_at:
            return False
        before = self.pace
        self._count(now)
        ended = self.pace.free and not before.free
        if ended or (before.probe.pause and not self.pace.probe.pause):
            self.ready_at = now
        return ended

    def settled(self, now: float) -> None:
        """Note an outcome that is neither a success nor a complaint."""
        self._answered(now)
        if self.pace.stale:
            self._set(self.pace.settled())

    def complained(self, now: float) -> Slowing | None:
        """Note a complaint. Returns what changed, or None."""
        self._answered(now)
        if self._uncounted:
            self._count(now)
        before = self.pace
        self._set(before.complained(now - self._idle, self._in_flight))
        pace = self.pace
        if pace.interval == before.interval and pace.probe == before.probe:
            return None
        self.ready_at = now + pace.interval
        return Slowing(pace.probe.pause, pace.per_second)

    def _answered(self, now: float) -> None:
        self._in_flight = max(0, self._in_flight - 1)
        self._active_at = now

    def _set(self, pace: Pace) -> None:
        self.pace = pace
        self._quiet = pace.quiet

    def suspend(self) -> None:
        """Note a suspension."""
        self._set(self.pace.suspended())

    def _count(self, now: float) -> None:
        self._set(self.pace.accepted(now - self._idle, self._uncounted))
        self._uncounted = 0
        self._count_at = now + _COUNT_EVERY
