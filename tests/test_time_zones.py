"""Names of time zones, and the nearest name to one that does not exist."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from mailmerge.time_zones import LOCAL, UnknownZone, canonical_name, find_zone, nearest_names


@pytest.fixture
def in_new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_zone_is_found_in_any_case() -> None:
    assert find_zone("Europe/Berlin") == ZoneInfo("Europe/Berlin")
    assert canonical_name(" europe/berlin") == "Europe/Berlin"
    assert canonical_name("america/new york") == "America/New_York"
    assert canonical_name("") == ""


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("Europe/Berln", "Europe/Berlin"),
        ("berlin", "Europe/Berlin"),
        ("New York", "America/New_York"),
        ("Tokio", "Asia/Tokyo"),
        ("Beijing", "Asia/Shanghai"),
        ("UTC+1", "Etc/GMT-1"),
        ("-05:00", "Etc/GMT+5"),
        ("GMT+0", "UTC"),
        ("CST", "America/Chicago"),
        ("Amerika/New_York", "America/New_York"),
    ],
)
def test_unknown_name_gets_the_nearest(name: str, nearest: str) -> None:
    assert nearest_names(name)[0] == nearest


def test_hint_names_zones() -> None:
    with pytest.raises(UnknownZone, match=r"'Berln' is not the name of a time zone") as unknown:
        find_zone("Berln")
    assert "Europe/Berlin" in unknown.value.hint
    with pytest.raises(UnknownZone) as unknown:
        find_zone("x")
    assert unknown.value.hint == 'write a name such as "Europe/Berlin" or "America/New_York"'


def test_half_an_hour_of_offset_has_no_name() -> None:
    assert nearest_names("UTC+5:30") == []
    assert nearest_names("UTC+23") == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no TZ")
def test_local_zone_follows_the_rules_of_this_machine(in_new_york: None) -> None:
    summer = datetime(2026, 7, 1, 12, tzinfo=UTC).astimezone(LOCAL)
    assert (summer.hour, summer.utcoffset()) == (8, timedelta(hours=-4))
    assert summer.tzname() == "EDT"
    assert summer.dst() is None
    winter = datetime(2026, 12, 1, 12, tzinfo=UTC).astimezone(LOCAL)
    assert winter.utcoffset() == timedelta(hours=-5)
    repeated = datetime(2026, 11, 1, 6, 30, tzinfo=UTC).astimezone(LOCAL)
    assert (repeated.hour, repeated.fold) == (1, 1)
    assert repeated.astimezone(UTC).hour == 6
    assert LOCAL.utcoffset(None) is None
    assert LOCAL.tzname(None) is None
