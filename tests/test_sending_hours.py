"""Hours by the wall clock of a zone, at the transitions of its clocks too."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailmerge.sending_hours import (
    Hours,
    Window,
    is_open,
    next_open,
    open_until,
    parse_days,
    parse_hours,
    parse_windows,
)

BERLIN = ZoneInfo("Europe/Berlin")
SAMOA = ZoneInfo("Pacific/Apia")
ZONES = [
    BERLIN, SAMOA, ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe"),
    ZoneInfo("Asia/Kolkata"), ZoneInfo("Africa/Casablanca"), ZoneInfo("America/Sao_Paulo"),
]  # fmt: skip
MINUTE = 60.0


def at(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()


def hours(windows: str, days: str = "") -> Hours:
    found = parse_hours(windows, days)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "windows"),
    [
        ("09:00-17:00", (Window(540, 1020),)),
        ("9-17", (Window(540, 1020),)),
        ("13:00 - 17:30, 9:00–12:00", (Window(540, 720), Window(780, 1050))),
        ("22:00-06:00", (Window(1320, 1800),)),
        ("00:00-24:00", (Window(0, 1440),)),
        ("18:00-00:00", (Window(1080, 1440),)),
    ],
)
def test_windows_are_read(text: str, windows: tuple[Window, ...]) -> None:
    assert parse_windows(text) == windows


@pytest.mark.parametrize(
    "text",
    ["9", "25:00-26:00", "09:60-10:00", "9-9", "24:00-06:00", "a-b", "9-12, 11-13", "22-6, 5-7"],
)
def test_other_texts_are_no_windows(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected hours|overlap"):
        parse_windows(text)


def test_days_are_read() -> None:
    assert parse_days("mon-fri") == {0, 1, 2, 3, 4}
    assert parse_days("Mon, wed,Saturday-sunday") == {0, 2, 5, 6}
    assert parse_days("fri-mon") == {4, 5, 6, 0}
    for wrong in ("", "mo", "monx", "1-5", "mon-"):
        with pytest.raises(ValueError, match="expected days"):
            parse_days(wrong)


def test_hours_are_shown_as_users_write_them() -> None:
    assert parse_hours("", " ") is None
    assert str(hours("9-12,13-17", "mon-wed, sat")) == "mon-wed, sat 09:00-12:00, 13:00-17:00"
    assert str(hours("22-6")) == "22:00-06:00"


def test_next_window_is_that_of_the_next_allowed_day() -> None:
    office = hours("09:00-17:00", "mon-fri")
    friday = at("2026-11-27 17:00")
    assert not is_open(office, BERLIN, friday)
    assert is_open(office, BERLIN, friday - 1)
    assert next_open(office, BERLIN, friday) == at("2026-11-30 09:00")
    assert open_until(office, BERLIN, friday) == at("2026-11-30 17:00")
    assert next_open(office, BERLIN, friday - 1) == friday - 1


def test_night_belongs_to_the_day_on_which_it_begins() -> None:
    night = hours("22:00-06:00", "fri")
    assert is_open(night, BERLIN, at("2026-11-28 05:59"))
    assert not is_open(night, BERLIN, at("2026-11-27 05:59"))
    assert open_until(night, BERLIN, at("2026-11-27 23:00")) == at("2026-11-28 06:00")


def test_whole_days_join() -> None:
    weekdays = hours("", "mon-fri")
    assert open_until(weekdays, BERLIN, at("2026-11-25 12:00")) == at("2026-11-28 00:00")
    assert open_until(hours("0-24"), BERLIN, at("2026-11-25 12:00")) == float("inf")


def test_window_in_the_missing_hour_opens_on_the_next_day() -> None:
    """On 2026-03-29 the clocks of Berlin go from 02:00 to 03:00."""
    inside = hours("02:15-02:45")
    assert next_open(inside, BERLIN, at("2026-03-29 00:00")) == at("2026-03-30 02:15")
    across = hours("02:30-04:00")
    assert next_open(across, BERLIN, at("2026-03-29 00:00")) == at("2026-03-29 03:00")


def test_repeated_hour_is_open_twice() -> None:
    """On 2026-10-25 the clocks of Berlin go from 03:00 to 02:00."""
    window = hours("02:15-02:45")
    first, second = at("2026-10-25 02:15"), at("2026-10-25 02:15", fold=1)
    assert second - first == 3600
    assert next_open(window, BERLIN, at("2026-10-25 00:00")) == first
    assert next_open(window, BERLIN, first + 31 * MINUTE) == second


def test_missing_day_is_passed_over() -> None:
    """Samoa had no Friday 2011-12-30."""
    fridays = hours("09:00-10:00", "fri")
    assert next_open(fridays, SAMOA, at("2011-12-29 12:00", SAMOA)) == at("2012-01-06 09:00", SAMOA)


_WINDOWS = st.tuples(st.integers(0, 1439), st.integers(1, 1440)).map(
    lambda one: (Window(one[0], one[0] + one[1]),)
)
_HOURS = st.builds(Hours, _WINDOWS, st.frozensets(st.integers(0, 6), min_size=1))
_TIMES = st.sampled_from(
    [at("2026-03-28 12:00"), at("2026-10-24 12:00"), at("2011-12-29 00:00", SAMOA),
     at("2026-04-04 12:00"), at("2026-10-03 12:00"), at("2026-11-01 00:00"), at("2017-10-14 12:00")]
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(_HOURS, st.sampled_from(ZONES), _TIMES, st.integers(0, 2 * 24 * 60))
def test_next_open_moment_is_the_first_by_the_wall_clock(
    any_hours: Hours, zone: ZoneInfo, start: float, later: int
) -> None:
    """The law, minute by minute: nothing before it is open, and all of it until its end."""
    now = start + later * MINUTE
    opens, closes = next_open(any_hours, zone, now), open_until(any_hours, zone, now)
    assert now <= opens < closes
    assert is_open(any_hours, zone, opens)
    minutes = int(min(opens - now, 4 * 86_400) // MINUTE)
    assert not any(is_open(any_hours, zone, now + one * MINUTE) for one in range(0, minutes, 7))
    if opens > now:
        assert not is_open(any_hours, zone, opens - 1)
    if closes < float("inf"):
        assert is_open(any_hours, zone, closes - 1)
        assert not is_open(any_hours, zone, closes)
        step = max((closes - opens) / 50, 1)
        assert all(is_open(any_hours, zone, opens + one * step) for one in range(50))


def test_moments_are_those_of_utc() -> None:
    assert next_open(hours("9-10"), BERLIN, 0.0) == datetime(1970, 1, 1, 8, tzinfo=UTC).timestamp()
