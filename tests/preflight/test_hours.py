"""The check of sending hours and time zones."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from mailmerge.errors import CampaignError
from mailmerge.preflight.check import check_campaign
from mailmerge.settings import load_settings

CAMPAIGN = """
[message]
from = "Ann <ann@example.org>"
subject = "Hello {{ name }}"
text = "body.txt"
[recipients]
file = "r.csv"
[delivery]
"""


def problems(folder: Path, delivery: str, *zones: str) -> list[tuple[str, str, int | None, str]]:
    (folder / "campaign.toml").write_text(CAMPAIGN + delivery)
    (folder / "body.txt").write_text("Dear {{ name }}, hello.\n")
    rows = "".join(f"u{number}@example.org,N{number},{zone}\n" for number, zone in enumerate(zones))
    (folder / "r.csv").write_text("email,name,tz\n" + (rows or "u@example.org,N,UTC\n"))
    report = check_campaign(load_settings(folder))
    found = cast("list[dict[str, Any]]", report.to_json()["problems"])
    return [
        (one["severity"], one["code"], one["row"], one["hint"])
        for one in found
        if one["column"] == "delivery.time_zone"
    ]


HOURS = 'hours = "09:00-17:00"\n'


def test_zone_of_a_row_is_checked(tmp_path: Path) -> None:
    found = problems(tmp_path, HOURS + 'time_zone = "{{ tz }}"', "Europe/Berlin", "Tokio", "utc")
    assert found == [("error", "time-zone", 3, "did you mean Asia/Tokyo?")]


def test_row_without_a_zone_is_a_warning(tmp_path: Path) -> None:
    found = problems(tmp_path, HOURS + 'time_zone = "{{ tz }}"', "UTC", "")
    hint = 'fill in the cell, or write {{ tz or "Europe/Berlin" }}'
    assert found == [("warning", "empty-time-zone", 3, hint)]


def test_constant_zone_is_checked_once(tmp_path: Path) -> None:
    found = problems(tmp_path, HOURS + 'time_zone = "Europe/Berln"', "UTC", "UTC")
    assert [one[:3] for one in found] == [("error", "time-zone", None)]
    assert problems(tmp_path, HOURS + 'time_zone = "Europe/Berlin"') == []


def test_zone_without_hours_is_a_warning(tmp_path: Path) -> None:
    found = problems(tmp_path, 'time_zone = "Europe/Berlin"')
    assert found == [("warning", "no-hours", None, 'add hours = "09:00-17:00"')]


@pytest.mark.parametrize("wrong", ['hours = "9"', 'days = "montag"', 'hours = "9-12, 11-13"'])
def test_wrong_hours_are_an_error_of_campaign_toml(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(CampaignError, match=r"hours|days|overlap"):
        problems(tmp_path, wrong)
