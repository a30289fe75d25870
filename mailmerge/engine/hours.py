"""When recipients may be sent by their own clocks: the schedule of a run, and what waits for it.

    campaign.toml -> Schedule      the hours, and what is closed at a moment: a value
    ledger        -> Watch         which zones wait in this run, and until when that is known

A run never waits for one zone while another one is open: it claims deliveries of the open zones
only. When hours end, what is claimed and not sent returns to the ledger. When nothing is left that
may be sent now, the run waits for the next zone, however long that takes: `max_wait` limits the
wait for a server, and not for the hours that the user wants.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Final

from mailmerge.ledger.interface import Store
from mailmerge.ledger.zones import ZoneBacklog
from mailmerge.sending_hours import Hours, is_open, next_open, open_until, parse_hours
from mailmerge.settings import DeliverySection
from mailmerge.time_zones import LOCAL, UnknownZone, find_zone

_NEVER: Final = float("inf")
_LOOK_AGAIN: Final = 1.0
"""Seconds after which the ledger is read again while messages are being sent."""


@dataclass(frozen=True)
class Schedule:
    """The hours in which recipients may be sent, in the time zone of each.

    A name of the ledger that is no zone, which only damage explains, counts as this machine's zone.
    """

    hours: Hours
    _intervals: dict[str, tuple[float, float, float]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def is_open(self, zone: str, now: float) -> bool:
        """Whether recipients in this zone may be sent now."""
        return is_open(self.hours, _zone(zone), now)

    def opens_at(self, zone: str, at: float) -> float:
        """Return the first moment from `at` on at which this zone is open."""
        return self._interval(zone, at)[0]

    def closes_at(self, zone: str, at: float) -> float:
        """Return when this zone closes, if it is open at `at`; else when the next hours end."""
        return self._interval(zone, at)[1]

    def _interval(self, zone: str, at: float) -> tuple[float, float]:
        """Return when the zone is open next, from `at` on; the last answer is remembered."""
        since, opens, closes = self._intervals.get(zone, (_NEVER, _NEVER, _NEVER))
        if not since <= at < closes:
            place = _zone(zone)
            opens, closes = next_open(self.hours, place, at), open_until(self.hours, place, at)
            self._intervals[zone] = at, opens, closes
        return max(opens, at), closes

    def closed(self, zones: Iterable[str], now: float) -> tuple[frozenset[str], float]:
        """Return the zones that are closed now, and until when the answer holds."""
        shut, until = set[str](), _NEVER
        for zone in zones:
            opens = self.opens_at(zone, now)
            if opens > now:
                shut.add(zone)
                until = min(until, opens)
            else:
                until = min(until, self.closes_at(zone, now))
        return frozenset(shut), until


def schedule_of(section: DeliverySection) -> Schedule | None:
    """Return the schedule of [delivery]; None if its recipients may be sent at any time."""
    hours = parse_hours(section.hours, section.days)
    return None if hours is None else Schedule(hours)


def _zone(name: str) -> tzinfo:
    try:
        return find_zone(name)
    except UnknownZone:
        return LOCAL


@dataclass(frozen=True, slots=True)
class Outlook:
    """What waits in the ledger, by the hours of its zones. Times are in seconds since 1970.

    Attributes:
        next_retry: when the first deferred delivery of an open zone is due, or None.
        opens_at: when the first delivery of a closed zone may be sent; None if no zone waits.
        zone: the name of that zone.
    """

    next_retry: float | None = None
    opens_at: float | None = None
    zone: str = ""


def outlook(
    schedule: Schedule, backlog: Sequence[ZoneBacklog], now: float, retry_until: float
) -> Outlook:
    """Return what a run may wait for.

    A deferred delivery counts if it is due by `retry_until`. If its zone is closed then, it is due
    when the zone opens.
    """
    retries, openings = list[float](), list[tuple[float, str]]()
    for one in backlog:
        opens = schedule.opens_at(one.time_zone, now)
        due = one.next_retry
        if opens <= now:
            if due is not None:
                retries.append(due)
            continue
        if one.pending:
            openings.append((opens, one.time_zone))
        elif due is not None and due <= max(retry_until, now):
            openings.append((schedule.opens_at(one.time_zone, max(due, now)), one.time_zone))
    opens_at, zone = min(openings, default=(None, ""))
    return Outlook(min(retries, default=None), opens_at, zone)


class Watch:
    """The zones of one run: which are closed, and what waits for them. Used by one thread.

    Attributes:
        closed: the zones that are closed, as of the last `look`.
        until: when that changes, in seconds since 1970.
        zone: the zone that opens next, as of the last `outlook`; "" if none waits.
    """

    def __init__(self, schedule: Schedule, store: Store) -> None:
        self.closed: frozenset[str] = frozenset()
        self.until = 0.0
        self.zone = ""
        self._schedule = schedule
        self._store = store
        self._zones: list[str] | None = None
        self._backlog: list[ZoneBacklog] = []
        self._read_at = -_NEVER
        self._read_for: object = None

    def look(self, now: float) -> bool:
        """Find out which zones are closed. Returns whether that has changed."""
        if now < self.until:
            return False
        if self._zones is None:
            self._zones = [one.time_zone for one in self._store.zone_backlog()]
        before = self.closed
        self.closed, self.until = self._schedule.closed(self._zones, now)
        self._read_for = None
        return self.closed != before

    def outlook(self, now: float, retry_until: float, version: object, *, idle: bool) -> Outlook:
        """Return what the run may wait for.

        The ledger is read again when `version` has changed, which stands for its content; while
        messages are being sent (`idle` is False), at most once a second.
        """
        stale = idle or now - self._read_at >= _LOOK_AGAIN or now < self._read_at
        if self._read_for is None or (version != self._read_for and stale):
            self._backlog = self._store.zone_backlog()
            self._read_for, self._read_at = version, now
        found = outlook(self._schedule, self._backlog, now, retry_until)
        self.zone = found.zone
        return found
