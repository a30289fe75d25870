"""Rules on the hours in which recipients are sent, and on the time zone of each."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mailmerge.errors import Problem
from mailmerge.language import tr
from mailmerge.preflight.rules import MadeMessage, Setup
from mailmerge.time_zones import UnknownZone, find_zone

_TIME_ZONE = "delivery.time_zone"
_SYNTAX = re.compile(r"\{[{%#]")


def check_hours(setup: Setup) -> Iterator[Problem]:
    """A time zone that is the same for all recipients is one, and there are hours for it."""
    delivery, file = setup.campaign.delivery, setup.campaign.file
    zone = delivery.time_zone.strip()
    if zone and not (delivery.hours.strip() or delivery.days.strip()):
        message = tr("time_zone has no effect without hours or days")
        hint = tr('add hours = "09:00-17:00"')
        yield Problem("warning", "no-hours", message, file, column=_TIME_ZONE, hint=hint)
    if zone and not _SYNTAX.search(zone):
        yield from _judge(zone, file)


def check_time_zone(made: MadeMessage, setup: Setup) -> Iterator[Problem]:
    """The time zone of each recipient is one of the IANA database."""
    template = setup.campaign.delivery.time_zone
    if "{" not in template or not _SYNTAX.search(template):
        return
    zone, row = made.content.time_zone, made.recipient.row
    if not zone:
        message = tr("no time zone: the hours of this machine apply")
        hint = tr('fill in the cell, or write {{ tz or "Europe/Berlin" }}')
        yield Problem(
            "warning", "empty-time-zone", message, setup.campaign.file, row, _TIME_ZONE, hint
        )
        return
    yield from _judge(zone, setup.campaign.file, row)


def _judge(zone: str, file: str, row: int | None = None) -> Iterator[Problem]:
    try:
        find_zone(zone)
    except UnknownZone as error:
        yield Problem("error", "time-zone", str(error), file, row, _TIME_ZONE, error.hint)
