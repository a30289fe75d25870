"""The names of time zones: the IANA database, and the nearest name to one that it does not have.

People write `Europe/Berln`, `berlin`, `CET` or `UTC+1` into their spreadsheets. Each name is looked
up as it is written, then in another case. What is not found is an error, which names the nearest
zones. An abbreviation such as CST is refused: it stands for several zones.
"""

from __future__ import annotations

import difflib
import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from mailmerge.language import listed, tr

_NAMED: Final = 3
_OFFSET: Final = re.compile(r"(?:UTC|GMT)?\s*([+−-])\s*(\d{1,2})(?::?(\d{2}))?", re.IGNORECASE)
_ABBREVIATIONS: Final = {
    "cest": "Europe/Berlin", "bst": "Europe/London", "ist": "Asia/Kolkata", "jst": "Asia/Tokyo",
    "pst": "America/Los_Angeles", "pdt": "America/Los_Angeles", "edt": "America/New_York",
    "cst": "America/Chicago", "cdt": "America/Chicago", "mdt": "America/Denver",
    "aest": "Australia/Sydney", "msk": "Europe/Moscow", "sgt": "Asia/Singapore",
    "hkt": "Asia/Hong_Kong",
}  # fmt: skip
"""Abbreviations that people write, and a zone that each may mean."""


_CITIES: Final = {
    "beijing": "Asia/Shanghai", "shenzhen": "Asia/Shanghai", "guangzhou": "Asia/Shanghai",
    "mumbai": "Asia/Kolkata", "delhi": "Asia/Kolkata", "new_delhi": "Asia/Kolkata",
    "bangalore": "Asia/Kolkata", "osaka": "Asia/Tokyo", "hanoi": "Asia/Ho_Chi_Minh",
    "munich": "Europe/Berlin", "hamburg": "Europe/Berlin", "frankfurt": "Europe/Berlin",
    "milan": "Europe/Rome", "barcelona": "Europe/Madrid", "geneva": "Europe/Zurich",
    "edinburgh": "Europe/London", "manchester": "Europe/London",
    "san_francisco": "America/Los_Angeles", "seattle": "America/Los_Angeles",
    "boston": "America/New_York", "washington": "America/New_York",
    "miami": "America/New_York", "dallas": "America/Chicago", "houston": "America/Chicago",
    "rio_de_janeiro": "America/Sao_Paulo", "cape_town": "Africa/Johannesburg",
}  # fmt: skip
"""Cities that no zone is named after, and their zones."""


class UnknownZone(ValueError):
    """There is no zone of this name; the text says so, `hint` names the nearest ones."""

    def __init__(self, name: str, hint: str) -> None:
        super().__init__(tr("{name!r} is not the name of a time zone", name=name))
        self.hint = hint


@cache
def find_zone(name: str) -> tzinfo:
    """Return the time zone of a name such as `Europe/Berlin`; "" is the zone of this machine.

    Raises:
        UnknownZone: the IANA database has no such name.
    """
    if not name:
        return LOCAL
    key = _every_name().get(name.strip().replace(" ", "_").lower())
    try:
        if key is not None:
            return ZoneInfo(key)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        pass
    raise UnknownZone(name, _hint(name))


def canonical_name(name: str) -> str:
    """Return a name as the IANA database writes it; "" is the zone of this machine.

    Raises:
        UnknownZone: the IANA database has no such name.
    """
    zone = find_zone(name)
    return zone.key if isinstance(zone, ZoneInfo) else ""


@cache
def _every_name() -> dict[str, str]:
    """Return each name by its lower-case form."""
    return {name.lower(): name for name in sorted(available_timezones())}


def _hint(name: str) -> str:
    nearest = nearest_names(name)
    if not nearest:
        return tr('write a name such as "Europe/Berlin" or "America/New_York"')
    return tr("did you mean {names}?", names=listed(nearest))


def nearest_names(name: str) -> list[str]:
    """Return the names of zones that a text may mean, the likeliest first; at most three."""
    text = name.strip().lower()
    if offset := _OFFSET.fullmatch(text):
        return _by_offset(offset)
    if text in _ABBREVIATIONS:
        return [_ABBREVIATIONS[text]]
    text = re.sub(r"[\s-]+", "_", text)
    names = _every_name()
    cities: dict[str, list[str]] = {city: [zone] for city, zone in _CITIES.items()}
    for lower, known in names.items():
        if "/" in known and not known.startswith(("Etc/", "posix/", "right/", "SystemV/")):
            cities.setdefault(lower.rpartition("/")[2], []).append(known)
    last = text.rpartition("/")[2]
    found = sorted(cities.get(last, ()), key=len)
    found += [names[one] for one in difflib.get_close_matches(text, names, _NAMED, 0.75)]
    for city in difflib.get_close_matches(last, cities, _NAMED, 0.75):
        found += cities[city]
    return list(dict.fromkeys(found))[:_NAMED]


def _by_offset(found: re.Match[str]) -> list[str]:
    """Return the zone of a fixed offset; the signs of these names are the other way round."""
    hours, minutes = int(found[2]), int(found[3] or 0)
    sign = "-" if found[1] == "+" else "+"
    name = f"Etc/GMT{sign}{hours}" if hours else "UTC"
    return [name] if not minutes and name in available_timezones() else []


class _LocalZone(tzinfo):
    """The zone of this machine, with the rules of its system for each moment."""

    def fromutc(self, dt: datetime) -> datetime:
        local = dt.replace(tzinfo=UTC).astimezone()
        wall = local.replace(tzinfo=None)
        second = wall.astimezone().utcoffset() != local.utcoffset()
        return wall.replace(tzinfo=self, fold=second)

    def utcoffset(self, dt: datetime | None) -> timedelta | None:
        return None if dt is None else dt.replace(tzinfo=None).astimezone().utcoffset()

    def dst(self, dt: datetime | None) -> None:
        del dt

    def tzname(self, dt: datetime | None) -> str | None:
        return None if dt is None else dt.replace(tzinfo=None).astimezone().tzname()


LOCAL: Final[tzinfo] = _LocalZone()
"""The time zone of this machine."""
