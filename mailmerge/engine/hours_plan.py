"""When the recipients of each time zone go, and when all of them are done: a part of the plan.

The end is found by going through the time ahead, as a run would: in each stretch in which the same
zones are open, as many recipients are sent as the rates allow. It is the earliest end, since a
server may be slower.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from mailmerge.engine.hours import Schedule
from mailmerge.engine.rates import even_interval, is_quota
from mailmerge.language import tr, trn
from mailmerge.portable.clock import local_time
from mailmerge.settings import Rate
from mailmerge.time_zones import find_zone
from mailmerge.wording import counted

_ZONES_SHOWN: Final = 12
_STRETCHES: Final = 100_000
"""The plan looks no further ahead than this many stretches of time."""


@dataclass(frozen=True, slots=True)
class ZonePlan:
    """The recipients of one time zone.

    Attributes:
        time_zone: its name; "" is that of this machine.
        recipients: how many there are.
        opens_at: when the first of them may be sent, in seconds since 1970.
        is_open: whether that is now.
    """

    time_zone: str
    recipients: int
    opens_at: float
    is_open: bool

    def __str__(self) -> str:
        values = {
            "zone": self.time_zone or tr("the time zone of this machine"),
            "recipients": counted(self.recipients, "recipient"),
        }
        if self.is_open:
            return tr("{zone}: {recipients}, now", **values)
        here, there = local_time(self.opens_at), _moment(self.opens_at, self.time_zone)
        if (here.date(), here.time()) == (there.date(), there.time()):
            return tr("{zone}: {recipients}, from {time:%Y-%m-%d %H:%M}", time=here, **values)
        return tr(
            "{zone}: {recipients}, from {time:%Y-%m-%d %H:%M} ({there:%H:%M} there)",
            time=here,
            there=there,
            **values,
        )


@dataclass(frozen=True, slots=True)
class HoursPlan:
    """When each time zone goes, the first one first, and when all will be done at the earliest.

    `hours` are those of campaign.toml in words; `done_at` is in seconds since 1970.
    """

    hours: str
    zones: tuple[ZonePlan, ...]
    done_at: float

    def lines(self) -> Iterator[str]:
        """Yield the hours and the zones as lines for the user."""
        yield tr("{hours}, by the clock of each recipient", hours=self.hours)
        yield from map(str, self.zones[:_ZONES_SHOWN])
        more = len(self.zones) - _ZONES_SHOWN
        if more > 0:
            yield trn("and {count:,} more time zone", "and {count:,} more time zones", more)

    def end_in_words(self) -> str:
        """Return the end in local time."""
        return tr("{time:%Y-%m-%d %H:%M} at the earliest", time=local_time(self.done_at))

    def to_json(self) -> dict[str, Any]:
        """Return the object of `--json`; times are local with their offset (ISO 8601)."""
        return {
            "hours": self.hours,
            "zones": [
                {
                    "time_zone": one.time_zone,
                    "recipients": one.recipients,
                    "opens_at": _moment(one.opens_at, one.time_zone).isoformat(timespec="seconds"),
                }
                for one in self.zones
            ],
            "done_at": local_time(self.done_at).isoformat(timespec="seconds"),
        }


def plan_hours(
    schedule: Schedule,
    recipients: Mapping[str, int],
    now: float,
    *,
    rates: Sequence[Rate] = (),
    most: int | None = None,
) -> HoursPlan:
    """Plan when the recipients of each zone are sent.

    `recipients` counts them by their time zone; `most` is the largest number that the run tries.
    """
    zones = [
        ZonePlan(zone, count, opens, opens <= now)
        for zone, count in recipients.items()
        if count
        for opens in [schedule.opens_at(zone, now)]
    ]
    zones.sort(key=lambda one: (one.opens_at, one.time_zone))
    left = {one.time_zone: one.recipients for one in zones}
    return HoursPlan(str(schedule.hours), tuple(zones), _done_at(schedule, left, now, rates, most))


def _done_at(
    schedule: Schedule,
    left: dict[str, int],
    now: float,
    rates: Sequence[Rate],
    most: int | None,
) -> float:
    """Return when the last recipient can be sent, in seconds since 1970."""
    interval = max((even_interval(one) for one in rates if not is_quota(one)), default=0.0)
    quotas = [_Quota(one) for one in rates if is_quota(one)]
    allowed = sum(left.values()) if most is None else min(most, sum(left.values()))
    at = last = now
    for _ in range(_STRETCHES):
        left = {zone: count for zone, count in left.items() if count}
        if not left or allowed <= 0:
            return last
        opens = {zone: schedule.opens_at(zone, at) for zone in left}
        current = [zone for zone in left if opens[zone] <= at]
        blocked = max((one.ready_at(at) for one in quotas), default=at)
        if not current or blocked > at:
            at = min(opens.values()) if not current else blocked
            continue
        ahead = [opens[zone] for zone in left if opens[zone] > at]
        until = min([schedule.closes_at(zone, at) for zone in current] + ahead)
        room = min([one.room for one in quotas] + [allowed])
        if interval:
            room = min(room, int((until - at) / interval) + 1)
        sent = _take(left, sorted(current, key=lambda zone: schedule.closes_at(zone, at)), room)
        for one in quotas:
            one.use(sent, at)
        allowed -= sent
        last = at + max(sent - 1, 0) * interval
        at = max(last + interval, at) if room == sent else min(until, last + interval)
    return last


def _take(left: dict[str, int], zones: list[str], room: int) -> int:
    """Take recipients of these zones, the first zone first; returns how many."""
    taken = 0
    for zone in zones:
        some = min(left[zone], room - taken)
        left[zone] -= some
        taken += some
    return taken


class _Quota:
    """A quota from its first use on."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._since = 0.0
        self.room = rate.count

    def ready_at(self, at: float) -> float:
        """Return when it permits a message, from `at` on."""
        ends = self._since + self._rate.seconds
        if at >= ends:
            self.room = self._rate.count
        return at if self.room else ends

    def use(self, messages: int, at: float) -> None:
        """Count messages."""
        if self.room == self._rate.count:
            self._since = at
        self.room -= messages


def _moment(at: float, zone: str) -> datetime:
    return datetime.fromtimestamp(at, find_zone(zone)) if zone else local_time(at)
