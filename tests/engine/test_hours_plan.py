"""The plan of sending hours: when each zone goes, and when all are done."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailmerge.engine.hours_plan import HoursPlan, ZonePlan, plan_hours
from mailmerge.settings import parse_rate
from tests.engine.test_hours import BERLIN, CHICAGO, FRIDAY, SCHEDULE, TOKYO, at

MONDAY = at("2026-11-30 09:00")


def test_zones_come_in_the_order_of_their_hours() -> None:
    plan = plan_hours(SCHEDULE, {TOKYO: 2, BERLIN: 1, CHICAGO: 0}, FRIDAY)
    tokyo = at("2026-11-30 09:00", TOKYO)
    assert plan.zones == (ZonePlan(BERLIN, 1, FRIDAY, True), ZonePlan(TOKYO, 2, tokyo, False))
    assert plan.done_at == tokyo


def test_rate_delays_the_end_into_the_next_hours() -> None:
    rates = [parse_rate("1/minute")]
    assert plan_hours(SCHEDULE, {BERLIN: 59}, FRIDAY, rates=rates).done_at == pytest.approx(
        FRIDAY + 58 * 60, abs=60
    )
    plan = plan_hours(SCHEDULE, {BERLIN: 62}, FRIDAY, rates=rates)
    assert plan.done_at == pytest.approx(MONDAY, abs=61)
    assert plan_hours(SCHEDULE, {BERLIN: 62}, FRIDAY, rates=rates, most=5).done_at == pytest.approx(
        FRIDAY + 240, abs=5
    )


def test_quota_delays_the_end_by_days() -> None:
    plan = plan_hours(
        SCHEDULE, {BERLIN: 250}, at("2026-11-25 09:00"), rates=[parse_rate("100/day")]
    )
    assert plan.done_at == at("2026-11-27 09:00")


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.sampled_from([TOKYO, BERLIN, CHICAGO, ""]), st.integers(0, 2000)),
    st.sampled_from([[], ["60/minute"], ["1/minute"], ["500/day"], ["30/minute", "300/day"]]),
    st.floats(0, 7 * 86_400),
)
def test_end_lies_in_the_hours_of_a_zone(
    counts: dict[str, int], rates: list[str], later: float
) -> None:
    now = FRIDAY + later
    plan = plan_hours(SCHEDULE, counts, now, rates=[parse_rate(one) for one in rates])
    assert sum(one.recipients for one in plan.zones) == sum(counts.values())
    if plan.zones:
        assert plan.done_at >= min(one.opens_at for one in plan.zones)
        assert any(SCHEDULE.is_open(one.time_zone, plan.done_at) for one in plan.zones)


def test_lines_say_both_times(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_hours(SCHEDULE, {TOKYO: 2, BERLIN: 1, "": 1}, FRIDAY)
    first, *zones = plan.lines()
    assert first == "mon-fri 09:00-17:00, by the clock of each recipient"
    assert "Europe/Berlin: 1 recipient, now" in zones
    assert any(line.startswith("Asia/Tokyo: 2 recipients, from 2026-11-") for line in zones)
    assert any(line.startswith("the time zone of this machine: 1 recipient") for line in zones)
    assert plan.end_in_words().endswith(" at the earliest")


def test_many_zones_are_counted() -> None:
    zones = tuple(ZonePlan(f"Etc/GMT+{number % 12}", 1, FRIDAY, True) for number in range(14))
    *_, last = HoursPlan("09:00-17:00", zones, FRIDAY).lines()
    assert last == "and 2 more time zones"


def test_document_has_local_times() -> None:
    document = plan_hours(SCHEDULE, {TOKYO: 2, "": 1}, FRIDAY).to_json()
    by_name = {one["time_zone"]: one for one in document["zones"]}
    assert by_name[TOKYO] == {
        "time_zone": TOKYO, "recipients": 2, "opens_at": "2026-11-30T09:00:00+09:00",
    }  # fmt: skip
    assert document["hours"] == "mon-fri 09:00-17:00"
    assert "T" in document["done_at"]
