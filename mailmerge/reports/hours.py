"""Ledger -> the recipients that wait for their hours: when each time zone goes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from mailmerge.engine.hours import schedule_of
from mailmerge.engine.hours_plan import HoursPlan, plan_hours
from mailmerge.language import tr
from mailmerge.ledger.states import Delivery, State
from mailmerge.settings import Settings

_WAITING = frozenset({State.PENDING, State.DEFERRED})


def waiting_hours(
    campaign: Settings, deliveries: Iterable[Delivery], clock: Callable[[], float] = time.time
) -> HoursPlan | None:
    """Return when the recipients that wait can be sent.

    It is None if recipients may be sent at any time, or if none waits; `deliveries` are read only
    if there are hours.
    """
    schedule = schedule_of(campaign.delivery)
    if schedule is None:
        return None
    counts = Counter(one.time_zone for one in deliveries if one.state in _WAITING)
    plan = plan_hours(schedule, counts, clock(), rates=campaign.delivery.rate)
    return plan if plan.zones else None


def hours_lines(plan: HoursPlan) -> Iterator[str]:
    """Yield the hours and what waits for them as lines for the user."""
    first, *zones = plan.lines()
    yield tr("Sending hours: {hours}", hours=first)
    for line in zones:
        yield f"  {line}"
