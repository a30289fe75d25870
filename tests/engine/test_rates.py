"""One rate: evenly spread, and never exceeded in any window, across processes and restarts."""

from __future__ import annotations

import bisect
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailmerge.engine.rates import even_interval, is_quota, meter_of
from mailmerge.engine.throttle import Throttle
from mailmerge.ledger.quota import Quotas
from mailmerge.settings import Rate, parse_rate
from tests.engine.clocks import START

DAY = 86_400.0

rates = st.builds(
    Rate, st.integers(1, 300), st.sampled_from([1.0, 2.0, 60.0, 300.0, 3600.0, DAY, 7 * DAY])
)
pauses = st.one_of(
    st.floats(0, 0.02), st.floats(0, 2), st.floats(0, 100), st.floats(0, 20_000), st.just(0.0)
)


def most_in_a_window(sends: list[float], seconds: float) -> int:
    """The most sends in any half-open window of that length."""
    ordered = sorted(sends)
    return max(
        (bisect.bisect_left(ordered, at + seconds) - place for place, at in enumerate(ordered)),
        default=0,
    )


@given(
    limits=st.lists(rates, min_size=1, max_size=3),
    arrivals=st.lists(st.tuples(pauses, st.integers(0, 2), st.booleans()), max_size=120),
)
@settings(max_examples=150, deadline=None)
def test_no_window_holds_more_than_its_rate_allows(
    limits: list[Rate], arrivals: list[tuple[float, int, bool]]
) -> None:
    """Any arrivals, three processes with one account, each of which may be killed and restarted."""
    usage = Quotas()
    throttles = [Throttle(limits, account="me", usage=usage) for _ in range(3)]
    now, sends = START, list[float]()
    for pause, process, restarts in arrivals:
        now += pause
        if restarts:
            throttles[process] = Throttle(limits, account="me", usage=usage)
        for _ in range(3):
            if throttles[process].take(now):
                sends.append(now)
    usage.close()
    for rate in limits:
        assert most_in_a_window(sends, rate.seconds) <= rate.count


@given(
    rate=rates, delays=st.lists(st.floats(0, 0.3), min_size=1, max_size=200), close=st.booleans()
)
@settings(max_examples=100, deadline=None)
def test_waiting_until_ready_always_gets_a_turn(
    rate: Rate, delays: list[float], close: bool
) -> None:
    throttle = Throttle([rate])
    now = START
    for delay in delays:
        for _ in range(4):
            now = max(now, throttle.ready_at(now)) + delay
            if throttle.take(now):
                break
        else:
            pytest.fail("a turn never came")
        if close:
            throttle.close()


def sent_by(throttle: Throttle, start: float, end: float, step: float = 0.001) -> list[float]:
    """Return when messages are sent if workers ask all the time."""
    sends, now = [], start
    while now < end:
        if throttle.take(now):
            sends.append(now)
        now = max(now + step, min(throttle.ready_at(now), end))
    return sends


def test_60_a_minute_is_one_each_second() -> None:
    sends = sent_by(Throttle([parse_rate("60/minute")]), START, START + 120)
    gaps = [later - earlier for earlier, later in pairwise(sends)]
    assert len(sends) >= 118
    assert min(gaps) >= 1.0
    assert max(gaps) < 1.1


def test_no_burst_after_a_pause() -> None:
    throttle = Throttle([parse_rate("10/second")])
    sent_by(throttle, START, START + 5)
    after_sleep = sent_by(throttle, START + 50_000, START + 50_001)
    assert len(after_sleep) <= 10
    assert after_sleep[1] - after_sleep[0] >= 0.1


def test_fast_rate_makes_up_for_late_wake_ups() -> None:
    throttle, now, sends = Throttle([parse_rate("1000/second")]), START, 0
    while now < START + 2:
        sends += throttle.take(now)
        now = max(now, throttle.ready_at(now)) + 0.0005
    assert 1900 < sends <= 2000


def test_rate_per_day_is_used_at_any_speed() -> None:
    throttle = Throttle([parse_rate("500/day")], account="a")
    sends = sent_by(throttle, START, START + 10)
    assert len(sends) == 500
    assert sends[-1] < START + 2
    assert START + DAY < throttle.forecast(START + 10).quota_until < START + DAY + 120


def test_quota_is_counted_per_account_across_restarts(tmp_path: Path) -> None:
    first, second = Quotas(tmp_path / "usage.sqlite"), Quotas(tmp_path / "usage.sqlite")
    limits = [parse_rate("100/day")]
    earlier = Throttle(limits, account="me@here", usage=first)
    assert len(sent_by(earlier, START, START + 0.0595)) == 60
    earlier.close()
    assert len(sent_by(Throttle(limits, account="me@here", usage=second), START, START + 1)) == 40
    assert len(sent_by(Throttle(limits, account="me@there", usage=second), START, START + 1)) == 100
    first.close()
    second.close()


def test_two_runs_share_one_rate_and_use_most_of_it() -> None:
    """Each run reserves a second of slots at a time, after those of the other."""
    usage = Quotas()
    limits = [parse_rate("10/second")]
    one, two = (Throttle(limits, account="me", usage=usage) for _ in range(2))
    sends: list[float] = []
    shares = [0, 0]
    now = START
    while now < START + 60:
        for number, throttle in enumerate((one, two)):
            if throttle.take(now):
                sends.append(now)
                shares[number] += 1
        now += 0.005
    usage.close()
    assert 0.85 * 600 <= len(sends) <= 600
    assert most_in_a_window(sends, 1.0) <= 10
    assert min(shares) >= 0.4 * len(sends), "neither waits for the other"


def test_clock_set_back_does_not_stop_the_run() -> None:
    usage = Quotas()
    limits = [parse_rate("60/minute")]
    assert Throttle(limits, usage=usage).take(START + 3 * DAY)
    throttle = Throttle(limits, usage=usage)
    assert START < throttle.ready_at(START) <= START + 2
    assert throttle.take(START + 2)


def test_clock_set_back_leaves_no_slot_before_the_next_interval() -> None:
    """A message was sent a moment ago by the old time, so no other run may send at once."""
    usage = Quotas()
    limits = [parse_rate("60/minute")]
    throttle = Throttle(limits, account="me", usage=usage)
    assert throttle.take(START + 3 * DAY)
    assert throttle.ready_at(START) >= START + 1
    other = Throttle(limits, account="me", usage=usage)
    assert not other.take(START)
    assert START + 1 <= other.ready_at(START) <= START + 2.1
    usage.close()


def test_runs_whose_clock_was_set_back_do_not_share_slots() -> None:
    """Each run reserves its own slots, even at the same moment of the new time."""
    usage = Quotas()
    limits = [parse_rate("60/minute")]
    throttles = [Throttle(limits, account="me", usage=usage) for _ in range(2)]
    for throttle in throttles:
        throttle.take(START + 3 * DAY)
    sends: list[float] = []
    now = START
    while now < START + 120:
        sends += [now for throttle in throttles if throttle.take(now)]
        now += 0.01
    usage.close()
    assert most_in_a_window(sends, 60.0) <= 60
    assert most_in_a_window(sends, 0.9) == 1
    assert len(sends) >= 0.85 * 120


@pytest.mark.parametrize(
    ("text", "quota"), [("60/minute", False), ("1/day", True), ("7/3 days", True)]
)
def test_rate_over_a_day_or_more_is_a_quota(text: str, quota: bool) -> None:
    assert is_quota(parse_rate(text)) is quota


def test_interval_leaves_room_for_late_slots() -> None:
    assert 1.0 < even_interval(parse_rate("60/minute")) < 1.001
    assert 0.1 < even_interval(parse_rate("10/second")) < 0.102


def test_closed_meter_gives_back_what_it_reserved() -> None:
    usage = Quotas()
    rate = parse_rate("100/day")
    meter = meter_of("me 100/day", rate, usage)
    assert meter.ready_at(START) == START
    meter.spend(START)
    meter.close()
    assert usage.reserve_quota("me 100/day", 100, DAY, 100, START) == (99, START)
    usage.close()
