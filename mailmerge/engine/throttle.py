"""When may which recipient be sent to next? The throttle gives one answer for a whole run.

    rates of the account and of domains (rates.py)  -+
    a pause that the server asked for                +-> ready_at, take, connections
    the speed that complaints have left (backoff.py) -+

The throttle only combines: the latest of the three decides. How one rate is kept, and how the
engine slows down and recovers, are questions of the other two modules.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mailmerge.engine.backoff import Brake, CoolDowns, Ramp
from mailmerge.engine.rates import Meter, Quota, even_interval, is_quota, meter_of
from mailmerge.ledger.quota import Quotas
from mailmerge.settings import Rate


@dataclass(frozen=True, slots=True)
class Outlook:
    """When the next message may be sent, and how much of that wait is the quotas'.

    Times are seconds since 1970; at or before the time of asking means: at once.
    """

    ready_at: float
    quota_until: float


class Throttle:
    """When may which recipient be sent to next, and over how many connections. Thread-safe.

    Three things hold a message back: the rates of the account and of the recipient's domain, a
    pause that the server asked for, and the speed that complaints have left (backoff.py).

    `account` names the log-in whose rates these are; `domain_rates` holds more rates for the
    recipients of some domains. `now` is in seconds since 1970 everywhere; it comes from the clock
    of the run.

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
        self._braked_until = 0.0
        self._brake = Brake()
        self._ramp = Ramp(connections, connections)
        self._cool_downs = CoolDowns()
        self.interval = max(
            (even_interval(rate) for rate in rates if not is_quota(rate)), default=0.0
        )
        """Seconds between two messages at the slowest of the even rates; 0 where there is none."""

    # --- the answer

    def take(self, now: float, domain: str = "") -> bool:
        """Whether a message may be sent now; if so, it counts as sent."""
        with self._lock:
            if self._ready_at(now, domain) > now:
                return False
            for meter in self._meters(domain):
                meter.spend(now)
            if self._brake.interval:
                self._braked_until = max(self._braked_until, now) + self._brake.interval
            return True

    def ready_at(self, now: float, domain: str = "") -> float:
        """When the next message may be sent; at or before `now` means: at once."""
        with self._lock:
            return self._ready_at(now, domain)

    def outlook(self, now: float) -> Outlook:
        """When the next message to a domain without rates of its own may be sent, and why then."""
        with self._lock:
            ready, quota_until = self._held(now), now
            for meter in self._general:
                turn = meter.secure(now)
                ready = max(ready, turn)
                if isinstance(meter, Quota):
                    quota_until = max(quota_until, turn)
            return Outlook(ready, quota_until)

    def paces(self, domain: str) -> bool:
        """Whether a domain has rates of its own."""
        return domain in self._domains

    def connections(self, now: float) -> int:
        """How many connections may be used now."""
        with self._lock:
            self._ramp = self._ramp.recovered(now)
            return self._ramp.allowed

    @property
    def per_second(self) -> float | None:
        """Messages a second that complaints have left; None where nothing slows."""
        return self._brake.per_second

    def _held(self, now: float) -> float:
        """Until when the server's own words hold messages back."""
        self._brake = self._brake.recovered(now)
        return max(self._held_until, self._braked_until if self._brake.interval else 0.0)

    def _ready_at(self, now: float, domain: str) -> float:
        ready = self._held(now)
        for meter in self._meters(domain):
            ready = max(ready, meter.secure(now))
        return ready

    def _meters(self, domain: str) -> Sequence[Meter]:
        own = self._domains.get(domain)
        return self._general if own is None else [*self._general, *own]

    # --- what it learns

    def complained(self, now: float, per_second: float) -> None:
        """The server said that `per_second` messages a second are too fast."""
        with self._lock:
            self._brake = self._brake.complained(now, per_second)

    def cool_down(self, now: float, seconds: float) -> bool:
        """The server asked for a pause: send nothing for `seconds`, then over one connection.

        Returns whether pausing helps; False after several in a row with nothing sent in between.
        """
        with self._lock:
            self._held_until = max(self._held_until, now + seconds)
            self._ramp = self._ramp.cooled_down(now, seconds)
            self._cool_downs = self._cool_downs.cooled_down(now, seconds)
            return not self._cool_downs.in_vain

    def sent(self) -> None:
        """A message was sent: the last pause has helped."""
        if self._cool_downs.count:
            with self._lock:
                self._cool_downs = self._cool_downs.sent()

    def cap(self, connections: int) -> None:
        """The server takes no more connections than these."""
        with self._lock:
            self._ramp = self._ramp.capped(connections)

    def close(self) -> None:
        """Give back what was reserved and not used."""
        with self._lock:
            for meters in (self._general, *self._domains.values()):
                for meter in meters:
                    meter.close()


def _meters(account: str, rates: Sequence[Rate], usage: Quotas) -> list[Meter]:
    return [meter_of(f"{account} {rate}", rate, usage) for rate in rates]
