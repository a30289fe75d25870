"""After a cool-down one connection, then one more a minute; the clock is a number."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mailmerge.engine.ramp import ONE_MORE, Ramp


def test_after_gmails_ten_minutes_connections_come_back_one_a_minute() -> None:
    ramp = Ramp(4, 4)
    ramp.cool_down(0.0, 600.0)
    allowed: dict[int, float] = {}
    for second in range(1200):
        ramp.grow(float(second))
        allowed.setdefault(ramp.allowed, second)
    assert allowed == {1: 0, 2: 660.0, 3: 720.0, 4: 780.0}


def test_a_second_complaint_begins_again() -> None:
    ramp = Ramp(3, 3)
    ramp.cool_down(0.0, 600.0)
    ramp.grow(660.0)
    assert ramp.allowed == 2
    ramp.cool_down(661.0, 600.0)
    ramp.grow(1300.0)
    assert ramp.allowed == 1


def test_what_the_server_does_not_take_is_not_wanted_again() -> None:
    ramp = Ramp(5, 5)
    ramp.settle_for(2)
    ramp.grow(1e9)
    assert ramp.allowed == 2
    ramp.settle_for(0)
    assert ramp.allowed == 1


@given(pauses=st.lists(st.floats(0, 300), max_size=60), complaints=st.sets(st.integers(0, 59)))
def test_no_two_connections_come_back_within_a_minute(
    pauses: list[float], complaints: set[int]
) -> None:
    ramp, now, grown = Ramp(6, 6), 0.0, -ONE_MORE
    for number, pause in enumerate(pauses):
        now += pause
        if number in complaints:
            ramp.cool_down(now, 600.0)
            assert ramp.allowed == 1
        before = ramp.allowed
        ramp.grow(now)
        assert before <= ramp.allowed <= before + 1
        if ramp.allowed > before:
            assert now - grown >= ONE_MORE
            grown = now
