"""When may the next message be sent, and to which domain? One throttle answers for a whole run.

    rates of the account and of domains (rates.py)      -+
    a pause that the server asked for                    +-> ready_at, take, connections
    the speed limit that complaints cause (backoff.py)  -+

The throttle combines the three, and the latest time decides. rates.py knows how one rate is kept,
backoff.py how the engine slows down and recovers.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mailmerge.engine.backoff import ConnectionLimit, CoolDowns, Slowdown
from mailmerge.engine.rates import Meter, Quota, even_interval, is_quota, meter_of
from mailmerge.ledger.quota import Quotas
from mailmerge.settings import Rate


@dataclass(frozen=True, slots=True)
class Forecast:
    """When the next message may be sent, and until when a quota prevents it.

    Times are in seconds since 1970. The present time or an earlier one means at once.
    """

    ready_at: float
    quota_until: float


class Throttle:
    """Decides when the next message may be sent, and on how many connections. Thread-safe.

    Three things delay a message: the rates of the account and of the recipient's domain, a pause
    that the server asked for, and the speed limit that complaints cause (backoff.py).

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
        self._slowed_until = 0.0
        self._slowdown = Slowdown()
        self._connection_limit = ConnectionLimit(connections, connections)
        self._cool_downs = CoolDowns()
        self.interval = max(
            (even_interval(rate) for rate in rates if not is_quota(rate)), default=0.0
        )
        """Seconds between two messages at the slowest rate that is not a quota; 0 for none."""

    # --- questions

    def take(self, now: float, domain: str = "") -> bool:
        """Return whether a message may be sent now. If so, it counts as sent."""
        with self._lock:
            if self._ready_at(now, domain) > now:
                return False
            for meter in self._meters(domain):
                meter.spend(now)
            if self._slowdown.interval:
                self._slowed_until = max(self._slowed_until, now) + self._slowdown.interval
            return True

    def ready_at(self, now: float, domain: str = "") -> float:
        """Return when the next message to `domain` may be sent; `now` or earlier means at once."""
        with self._lock:
            return self._ready_at(now, domain)

    def forecast(self, now: float) -> Forecast:
        """Return when the next message to a domain without rates of its own may be sent."""
        with self._lock:
            ready, quota_until = self._held(now), now
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
        return self._slowdown.per_second

    def _held(self, now: float) -> float:
        """Return until when pauses and complaints delay messages."""
        self._slowdown = self._slowdown.recovered(now)
        return max(self._held_until, self._slowed_until if self._slowdown.interval else 0.0)

    def _ready_at(self, now: float, domain: str) -> float:
        ready = self._held(now)
        for meter in self._meters(domain):
            ready = max(ready, meter.ready_at(now))
        return ready

    def _meters(self, domain: str) -> Sequence[Meter]:
        own = self._domains.get(domain)
        return self._general if own is None else [*self._general, *own]

    # --- reports about the server

    def complained(self, now: float, per_second: float) -> None:
        """Slow down: the server said that `per_second` messages per second are too fast."""
        with self._lock:
            self._slowdown = self._slowdown.complained(now, per_second)

    def cool_down(self, now: float, seconds: float) -> bool:
        """Send nothing for `seconds`, then use one connection, because the server asked for it.

        Returns False if several pauses in a row, without a sent message between them, did not help.
        """
        with self._lock:
            self._held_until = max(self._held_until, now + seconds)
            self._connection_limit = self._connection_limit.cooled_down(now, seconds)
            self._cool_downs = self._cool_downs.cooled_down(now, seconds)
            return not self._cool_downs.in_vain

    def sent(self) -> None:
        """Note that a message was sent, so the last pause helped."""
        if self._cool_downs.count:
            with self._lock:
                self._cool_downs = self._cool_downs.sent()

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
