"""How the engine slows down and recovers, with times as numbers."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.engine.backoff import COOL_DOWNS_IN_VAIN, ConnectionLimit, CoolDowns, Slowdown

START = 1_795_400_000.0


def test_complaint_halves_the_speed_that_was_reached() -> None:
    brake = Slowdown().complained(START, per_second=100.0)
    assert brake.per_second == pytest.approx(50.0)
    assert brake.complained(START + 1, per_second=1.0).per_second == pytest.approx(25.0)


def test_complaints_within_a_second_count_as_one() -> None:
    brake = Slowdown().complained(START, 100.0)
    assert brake.complained(START + 0.9, 100.0) == brake


def test_complaint_before_any_message_assumes_two_a_second() -> None:
    assert Slowdown().complained(START, 0.0).per_second == pytest.approx(1.0)


def test_slowest_speed_is_one_message_a_minute() -> None:
    brake = Slowdown()
    for second in range(0, 100, 2):
        brake = brake.complained(START + second, 0.0)
    assert brake.interval == 60.0


def test_speed_doubles_after_each_quiet_minute() -> None:
    brake = Slowdown().complained(START, 100.0).complained(START + 2, 100.0)
    assert brake.recovered(START + 61.9) == brake
    once = brake.recovered(START + 62)
    assert once.per_second == pytest.approx(50.0)
    assert once.recovered(START + 63) == once, "the next minute counts from here"
    twice = once.recovered(START + 122)
    assert (twice.interval, twice.per_second) == (0.0, None)


def test_complaint_after_recovery_halves_the_speed_of_that_time() -> None:
    recovered = Slowdown().complained(START, 100.0).recovered(START + 60)
    assert recovered.complained(START + 60.1, 10.0).per_second == pytest.approx(5.0)


def test_connections_return_one_a_minute_after_ten_minutes() -> None:
    ramp = ConnectionLimit(4, 4).cooled_down(0.0, 600.0)
    allowed: dict[int, float] = {}
    for second in range(1200):
        ramp = ramp.recovered(float(second))
        allowed.setdefault(ramp.allowed, second)
    assert allowed == {1: 0, 2: 660.0, 3: 720.0, 4: 780.0}


def test_second_cool_down_starts_with_one_connection_again() -> None:
    ramp = ConnectionLimit(3, 3).cooled_down(0.0, 600.0).recovered(660.0)
    assert ramp.allowed == 2
    assert ramp.cooled_down(661.0, 600.0).recovered(1300.0).allowed == 1


def test_refused_connection_is_tried_again_after_a_short_time() -> None:
    capped = ConnectionLimit(4, 4).capped(START, 3)
    assert capped.recovered(START + 4.9).allowed == 3
    assert capped.recovered(START + 5).allowed == 4
    assert capped.capped(START, 0).allowed == 1


def tries(limit: ConnectionLimit, allowed: int, seconds: int) -> list[int]:
    """The seconds at which one more connection than allowed is tried, and refused each time."""
    tried = []
    for second in range(seconds):
        limit = limit.recovered(START + second)
        if limit.allowed > allowed:
            tried.append(second)
            limit = limit.capped(START + second, allowed)
    return tried


def test_real_limit_of_connections_is_asked_about_less_and_less() -> None:
    tried = tries(ConnectionLimit(8, 8).capped(START, 3), 3, 3600)
    gaps = [later - earlier for earlier, later in pairwise([0, *tried])]
    assert gaps == [5, 10, 20, 40, 80, 160, 320, 600, 600, 600, 600]


def test_connections_return_one_by_one_after_a_passing_refusal() -> None:
    limit, allowed = ConnectionLimit(8, 8).capped(START, 3), dict[int, int]()
    for second in range(60):
        limit = limit.recovered(START + second)
        allowed.setdefault(limit.allowed, second)
    assert allowed == {3: 0, 4: 5, 5: 10, 6: 15, 7: 20, 8: 25}
    assert limit.capped(START + 60, 7).recovered(START + 65).allowed == 8, "another number"


def test_refusal_does_not_shorten_a_cool_down() -> None:
    limit = ConnectionLimit(4, 4).cooled_down(START, 600.0).capped(START + 1, 3)
    assert limit.allowed == 1
    assert limit.recovered(START + 659).allowed == 1


@given(pauses=st.lists(st.floats(0, 300), max_size=60), complaints=st.sets(st.integers(0, 59)))
def test_no_two_connections_return_within_a_minute(
    pauses: list[float], complaints: set[int]
) -> None:
    ramp, now, grown = ConnectionLimit(6, 6), 0.0, -60.0
    for number, pause in enumerate(pauses):
        now += pause
        if number in complaints:
            ramp = ramp.cooled_down(now, 600.0)
            assert ramp.allowed == 1
        before = ramp.allowed
        ramp = ramp.recovered(now)
        assert before <= ramp.allowed <= before + 1
        if ramp.allowed > before:
            assert now - grown >= 60
            grown = now


def test_fourth_cool_down_in_a_row_does_not_help() -> None:
    """docs/delivery.md: three such pauses in a row, with nothing sent in between, end the run."""
    assert COOL_DOWNS_IN_VAIN == 3
    downs, now = CoolDowns(), START
    for _ in range(3):
        downs = downs.cooled_down(now, 600.0)
        assert downs.cooled_down(now + 599, 600.0) == downs, "all connections hear of the same one"
        assert not downs.in_vain
        now += 600
    assert downs.cooled_down(now, 600.0).in_vain


def test_sent_message_resets_the_count_of_cool_downs() -> None:
    downs, now = CoolDowns(), START
    for _ in range(10):
        downs = downs.cooled_down(now, 600.0)
        assert not downs.in_vain
        downs = downs.sent()
        now += 600
