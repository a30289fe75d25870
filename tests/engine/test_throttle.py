"""Rates, with a clock of our own: never more in any window, evenly, across lanes and restarts."""

from __future__ import annotations

import bisect
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailmerge.campaign import Rate, parse_rate
from mailmerge.engine.throttle import Brake, Throttle
from mailmerge.ledger.quota import Usage

START = 1_795_400_000.0
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
    usage = Usage()
    pacers = [Throttle(limits, account="me", usage=usage) for _ in range(3)]
    now, sends = START, list[float]()
    for pause, process, restarts in arrivals:
        now += pause
        if restarts:
            pacers[process] = Throttle(limits, account="me", usage=usage)
        for _ in range(3):
            if pacers[process].take(now):
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
    pacer = Throttle([rate])
    now = START
    for delay in delays:
        for _ in range(4):
            now = max(now, pacer.ready_at(now)) + delay
            if pacer.take(now):
                break
        else:
            pytest.fail("a turn never came")
        if close:
            pacer.close()


def sent_by(pacer: Throttle, start: float, end: float, step: float = 0.001) -> list[float]:
    """When messages go where lanes ask all the time."""
    sends, now = [], start
    while now < end:
        if pacer.take(now):
            sends.append(now)
        now = max(now + step, min(pacer.ready_at(now), end))
    return sends


def test_60_a_minute_is_one_a_second_from_the_first_on() -> None:
    sends = sent_by(Throttle([parse_rate("60/minute")]), START, START + 120)
    gaps = [later - earlier for earlier, later in pairwise(sends)]
    assert len(sends) >= 118
    assert min(gaps) >= 1.0
    assert max(gaps) < 1.1


def test_there_is_no_burst_after_a_pause() -> None:
    pacer = Throttle([parse_rate("10/second")])
    sent_by(pacer, START, START + 5)
    after_sleep = sent_by(pacer, START + 50_000, START + 50_001)
    assert len(after_sleep) <= 10
    assert after_sleep[1] - after_sleep[0] >= 0.1


def test_a_fast_rate_catches_up_what_a_late_wake_up_has_lost() -> None:
    pacer, now, sends = Throttle([parse_rate("1000/second")]), START, 0
    while now < START + 2:
        sends += pacer.take(now)
        now = max(now, pacer.ready_at(now)) + 0.0005
    assert 1900 < sends <= 2000


def test_a_day_is_a_quota_and_not_a_cadence() -> None:
    pacer = Throttle([parse_rate("500/day")], account="a")
    sends = sent_by(pacer, START, START + 10)
    assert len(sends) == 500
    assert sends[-1] < START + 2
    assert START + DAY < pacer.spent_until(START + 10) < START + DAY + 120


def test_a_day_is_counted_for_the_account_across_campaigns_and_restarts(tmp_path: Path) -> None:
    first, second = Usage(tmp_path / "usage.sqlite"), Usage(tmp_path / "usage.sqlite")
    limits = [parse_rate("100/day")]
    earlier = Throttle(limits, account="me@here", usage=first)
    assert len(sent_by(earlier, START, START + 0.0595)) == 60
    earlier.close()
    assert len(sent_by(Throttle(limits, account="me@here", usage=second), START, START + 1)) == 40
    assert len(sent_by(Throttle(limits, account="me@there", usage=second), START, START + 1)) == 100
    first.close()
    second.close()


def test_a_domain_has_its_own_rates_besides_the_general_ones() -> None:
    pacer = Throttle([parse_rate("10/second")], {"Slow.example": [parse_rate("1/second")]})
    assert pacer.paces("slow.example")
    assert not pacer.paces("fast.example")
    assert pacer.take(START, "slow.example")
    assert not pacer.take(START + 0.5, "slow.example")
    assert pacer.take(START + 0.5, "fast.example")
    assert not pacer.take(START + 0.55, "fast.example")
    assert pacer.take(START + 1.1, "slow.example")


def test_a_clock_that_was_set_back_does_not_stop_the_run() -> None:
    usage = Usage()
    limits = [parse_rate("60/minute")]
    assert Throttle(limits, usage=usage).take(START + 3 * DAY)
    pacer = Throttle(limits, usage=usage)
    assert pacer.ready_at(START) <= START + 2
    assert pacer.take(START + 2)


def test_complaints_halve_the_speed_and_quiet_minutes_bring_it_back() -> None:
    pacer = Throttle()
    pacer.slow(START, messages_per_second=100.0)
    assert len(sent_by(pacer, START, START + 1)) == pytest.approx(50, abs=2)
    pacer.slow(START + 1.5, messages_per_second=1.0)
    pacer.slow(START + 1.6, messages_per_second=1.0)
    assert len(sent_by(pacer, START + 2, START + 3)) == pytest.approx(25, abs=2)
    assert pacer.take(START + 70)
    assert pacer.take(START + 140)
    assert pacer.brake.interval == 0


def test_braking_has_an_end() -> None:
    brake = Brake()
    for second in range(0, 100, 2):
        brake.slow(START + second, 0.0)
    assert brake.interval == Brake.SLOWEST


def test_nothing_goes_while_the_run_is_held() -> None:
    pacer = Throttle()
    pacer.hold(START + 600)
    assert not pacer.take(START + 599)
    assert pacer.ready_at(START) == START + 600
    assert pacer.take(START + 600)
