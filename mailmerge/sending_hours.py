"""The hours and days in which a recipient may be sent, and when they begin and end.

What can go wrong is the clock of the recipient. Twice a year an hour of local time does not exist
(the clocks go forward), and another one exists twice (they go back). A window of hours may begin or
end in such an hour, or lie inside it. Midnight may be missing, and once a whole day was (Samoa,
2011-12-30).

One law avoids a case for each: *a moment is open if the local time that a clock on the wall shows
at that moment lies in a window of an allowed day.* So an hour that exists twice is open twice, and
one that does not exist is not open at all. To find the next open moment, time is cut at the
transitions of the zone. Between two of them the offset is constant, so that each window is one
interval of seconds.

A window belongs to the day on which it begins: Friday 22:00-06:00 ends on Saturday morning.

Everything here is a pure function of values. Times are in seconds since 1970.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

from mailmerge.language import tr

_DAY_NAMES: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MINUTES: Final = 24 * 60
_MINUTE: Final = 60.0
_DAY: Final = 86_400.0
_STEP: Final = 6 * 3600.0
"""Two transitions of a zone are never nearer to each other than this many seconds."""
_HORIZON: Final = 30 * _DAY
"""One allowed day a week may be missing, or its window may lie in an hour that does not exist."""
_TIME: Final = re.compile(r"(\d{1,2})(?::(\d{2}))?")


@dataclass(frozen=True, slots=True)
class Window:
    """Minutes after midnight, of local time; an end beyond 1,440 is on the next day."""

    start: int
    end: int

    def __str__(self) -> str:
        return f"{_clock(self.start)}-{_clock(self.end)}"


@dataclass(frozen=True, slots=True)
class Hours:
    """The windows in which recipients may be sent, and the days (0 is Monday)."""

    windows: tuple[Window, ...]
    days: frozenset[int]

    def __str__(self) -> str:
        windows = ", ".join(map(str, self.windows))
        days = _days_in_words(self.days)
        return " ".join(part for part in (days, windows) if part)


_ALL_DAY: Final = Window(0, _MINUTES)
_EVERY_DAY: Final = frozenset(range(7))


def parse_hours(hours: str, days: str) -> Hours | None:
    """Return the hours that two texts describe, such as "09:00-12:00, 13:00-17:00" and "mon-fri".

    An empty text means all hours, or every day; None means that both are empty.

    Raises:
        ValueError: a text has another form.
    """
    windows = parse_windows(hours) if hours.strip() else (_ALL_DAY,)
    allowed = parse_days(days) if days.strip() else _EVERY_DAY
    return Hours(windows, allowed) if hours.strip() or days.strip() else None


def parse_windows(text: str) -> tuple[Window, ...]:
    """Return the windows of a text such as "09:00-17:00", in their order.

    Raises:
        ValueError: it has another form, or two windows overlap.
    """
    windows = sorted((_window(part) for part in text.split(",")), key=lambda one: one.start)
    first = windows[0]
    following = [*windows[1:], Window(first.start + _MINUTES, first.end + _MINUTES)]
    for before, after in zip(windows, following, strict=True):
        if before.end > after.start:
            raise ValueError(
                tr("{one} and {other} overlap; write them as one", one=before, other=after)
            )
    return tuple(windows)


def _window(text: str) -> Window:
    start, dash, end = (part.strip() for part in re.sub("[–—]", "-", text).partition("-"))
    begins, ends = _minutes(start), _minutes(end)
    if not dash or begins is None or ends is None or begins in {_MINUTES, ends}:
        raise ValueError(
            tr('expected hours such as "09:00-17:00", not {text!r}', text=text.strip())
        )
    return Window(begins, ends if ends > begins else ends + _MINUTES)


def _minutes(text: str) -> int | None:
    """Return a time of day in minutes; None if it is none. 24:00 is the end of the day."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    hour, minute = int(found[1]), int(found[2] or 0)
    minutes = hour * 60 + minute
    return minutes if minute < 60 and minutes <= _MINUTES else None


def parse_days(text: str) -> frozenset[int]:
    """Return the days of a text such as "mon-fri" or "mon, wed, sat-sun"; 0 is Monday.

    Raises:
        ValueError: it has another form.
    """
    days = set[int]()
    for part in re.sub("[–—]", "-", text).split(","):
        first, dash, last = (name.strip() for name in part.partition("-"))
        begins = _day(first, text)
        ends = _day(last, text) if dash else begins
        days.update((begins + more) % 7 for more in range((ends - begins) % 7 + 1))
    return frozenset(days)


def _day(name: str, text: str) -> int:
    lower = name.lower()
    full = (lower.startswith(day) and _LONG[day].startswith(lower) for day in _DAY_NAMES)
    found = [number for number, fits in enumerate(full) if fits]
    if not found:
        raise ValueError(
            tr('expected days such as "mon-fri" or "mon, wed, sat", not {text!r}', text=text)
        )
    return found[0]


_LONG: Final = {
    "mon": "monday", "tue": "tuesday", "wed": "wednesday", "thu": "thursday", "fri": "friday",
    "sat": "saturday", "sun": "sunday",
}  # fmt: skip


def _clock(minutes: int) -> str:
    shown = minutes if minutes <= _MINUTES else minutes - _MINUTES
    return f"{shown // 60:02}:{shown % 60:02}"


def _days_in_words(days: frozenset[int]) -> str:
    """Return the days as a user writes them, such as "mon-fri"; "" for every day."""
    if days == _EVERY_DAY:
        return ""
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    names = (
        _DAY_NAMES[run[0]] if len(run) == 1 else f"{_DAY_NAMES[run[0]]}-{_DAY_NAMES[run[-1]]}"
        for run in runs
    )
    return ", ".join(names)


# --- when hours are open


def is_open(hours: Hours, zone: tzinfo, at: float) -> bool:
    """Whether the wall clock of a zone shows an allowed time: the law of this module."""
    wall = datetime.fromtimestamp(at, UTC).astimezone(zone)
    minutes = wall.hour * 60 + wall.minute
    today, yesterday = wall.weekday(), (wall.weekday() - 1) % 7
    return any(
        (today in hours.days and one.start <= minutes < one.end)
        or (yesterday in hours.days and minutes < one.end - _MINUTES)
        for one in hours.windows
    )


def next_open(hours: Hours, zone: tzinfo, at: float) -> float:
    """Return the first open moment from `at` on; infinity if there is none within a month."""
    return max(_next_interval(hours, zone, at)[0], at)


def open_until(hours: Hours, zone: tzinfo, at: float) -> float:
    """Return when the hours that are open at `at` end; infinity if they do not within a month.

    If they are closed at `at`, it is when the next ones end.
    """
    return _next_interval(hours, zone, at)[1]


def _next_interval(hours: Hours, zone: tzinfo, at: float) -> tuple[float, float]:
    """Return the interval that `at` lies in, or else the next one: (begin, end)."""
    begin = end = float("inf")
    for opens, closes in _intervals(hours, zone, at - 2 * _DAY, at + _HORIZON):
        if closes <= at:
            continue
        if begin == float("inf"):
            begin, end = opens, closes
        elif opens <= end:  # the next day, or the other side of a transition
            end = max(end, closes)
        else:
            return begin, end
    return begin, (end if end < at + _HORIZON - _DAY else float("inf"))


def _intervals(
    hours: Hours, zone: tzinfo, start: float, end: float
) -> Iterator[tuple[float, float]]:
    """Yield the open intervals between two moments, in order; neighbours may touch."""
    for begins, ends, offset in _segments(zone, start, end):
        wall, last = begins + offset, ends + offset
        day = datetime.fromtimestamp(wall, UTC).date() - timedelta(days=1)
        while (midnight := _midnight(day)) < last:
            if day.weekday() in hours.days:
                for window in hours.windows:
                    opens = max(midnight + window.start * _MINUTE, wall)
                    closes = min(midnight + window.end * _MINUTE, last)
                    if opens < closes:
                        yield opens - offset, closes - offset
            day += timedelta(days=1)


def _midnight(day: date) -> float:
    """Return the seconds of a local midnight, counted as if local time were UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def _segments(zone: tzinfo, start: float, end: float) -> Iterator[tuple[float, float, float]]:
    """Cut a time at the transitions of a zone: (begin, end, offset in seconds)."""
    begins, offset, at = start, _offset(zone, start), start
    while at < end:
        following = min(at + _STEP, end)
        if _offset(zone, following) != offset:
            change = _transition(zone, at, following)
            yield begins, change, offset
            begins, offset = change, _offset(zone, change)
        at = following
    yield begins, end, offset


def _transition(zone: tzinfo, before: float, after: float) -> float:
    """Return the first second of the new offset, by bisection."""
    old, low, high = _offset(zone, before), int(before), int(after) + 1
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, middle) == old:
            low = middle
        else:
            high = middle
    return float(high)


def _offset(zone: tzinfo, at: float) -> float:
    offset = datetime.fromtimestamp(at, UTC).astimezone(zone).utcoffset()
    return offset.total_seconds() if offset is not None else 0.0
