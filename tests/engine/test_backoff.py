"""The law of the pace: simulated servers with hidden limits, and the parts of the law."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.engine.backoff import (
    COOL_DOWNS_IN_VAIN,
    ConnectionLimit,
    CoolDowns,
    Pace,
)
from tests.engine.hidden_limits import (
    FixedWindow,
    Server,
    SlidingWindow,
    TokenBucket,
    at_random,
    changing,
    each,
    everything,
    nothing,
    simulate,
)

START = 1_795_400_000.0
FAST = 0.0005
"""A server on this machine: 2,000 messages a second on one connection."""


def limits(count: int, seconds: float = 1.0) -> dict[str, Server]:
    """Servers that enforce the same rate in different ways."""
    return {
        "sliding": SlidingWindow(count, seconds),
        "fixed": FixedWindow(count, seconds),
        "accepted only": FixedWindow(count, seconds, strict=False),
        "bucket": TokenBucket(count / seconds, count / seconds / 10),
    }


def failing(pace: Pace, complaints: int, now: float = START) -> Pace:
    for _ in range(complaints):
        pace = pace.complained(now)
    return pace


# --- laws of the whole, on simulated servers


@pytest.mark.parametrize("kind", limits(1))
@pytest.mark.parametrize(("connections", "latency"), [(1, FAST), (4, 0.005)])
@pytest.mark.parametrize("count", [50, 100, 500])
def test_enforced_rate_is_used(kind: str, connections: int, latency: float, count: int) -> None:
    """At least 85 % is used and at most 2 % refused, the first seconds included."""
    server = limits(count)[kind]
    course = simulate(server, 60.0, connections=connections, latency=latency)
    assert len(course.accepted) >= 0.85 * count * 60
    assert course.refused_share <= 0.02


@pytest.mark.parametrize("kind", limits(1))
def test_slow_enforced_rate_is_used_in_the_long_run(kind: str) -> None:
    course = simulate(limits(10)[kind], 600.0, connections=2, latency=0.01)
    assert course.per_second(60, 600) >= 0.85 * 10
    assert course.refused_share <= 0.02


@pytest.mark.parametrize("kind", ["sliding", "fixed", "accepted only"])
def test_limit_by_the_minute_is_used(kind: str) -> None:
    course = simulate(limits(600, 60)[kind], 600.0, connections=2, latency=0.01)
    assert len(course.accepted) >= 0.85 * 600 * 10
    assert course.refused_share <= 0.05


@pytest.mark.parametrize("share", [0.001, 0.003, 0.005, 0.01])
@pytest.mark.parametrize(("connections", "latency"), [(1, FAST), (8, 0.05)])
def test_rare_complaints_do_not_slow(share: float, connections: int, latency: float) -> None:
    for seed in range(3):
        server = at_random(share, seed)
        course = simulate(server, 20.0, connections=connections, latency=latency)
        full = simulate(everything, 20.0, connections=connections, latency=latency)
        assert len(course.accepted) >= 0.94 * len(full.accepted)


@pytest.mark.parametrize("share", [0.02, 0.03, 0.05])
def test_complaints_that_ignore_the_speed_slow_little(share: float) -> None:
    """The median of some runs: each sender's luck differs."""
    full = len(simulate(everything, 20.0).accepted)
    used = sorted(len(simulate(at_random(share, seed), 20.0).accepted) for seed in range(7))
    assert used[3] >= 0.6 * full
    assert used[0] >= 0.1 * full


@pytest.mark.parametrize(("count", "used"), [(500, 0.98), (100, 0.97), (50, 0.95), (20, 0.8)])
def test_complaint_about_each_nth_message_slows_little(count: int, used: float) -> None:
    course = simulate(each(count), 20.0, latency=FAST)
    assert len(course.accepted) >= used * len(simulate(everything, 20.0, latency=FAST).accepted)


@pytest.mark.parametrize("latency", [0.002, 0.005, 0.1])
@pytest.mark.parametrize("begins", [20.0, 200.0])
def test_full_speed_within_15_seconds_of_a_bad_minute(latency: float, begins: float) -> None:
    bad = changing(begins, everything, changing(begins + 60, nothing, everything))
    course = simulate(bad, begins + 90, latency=latency)
    full = course.per_second(0, begins)
    assert course.per_second(begins + 75, begins + 90) >= 0.9 * full
    assert len(course.refused) < Pace().probe.PATIENCE, "no suspension"


def test_lower_limit_in_the_middle_is_found() -> None:
    server = changing(60.0, SlidingWindow(200), SlidingWindow(40))
    course = simulate(server, 120.0, connections=4, latency=0.005)
    assert course.per_second(80, 120) >= 0.85 * 40
    assert course.refused_share <= 0.02


def test_higher_limit_in_the_middle_is_found() -> None:
    server = changing(60.0, SlidingWindow(50), SlidingWindow(200))
    course = simulate(server, 150.0, connections=4, latency=0.005)
    assert course.per_second(110, 150) >= 0.85 * 200


def test_limit_that_ends_is_forgotten() -> None:
    server = changing(30.0, SlidingWindow(50), everything)
    course = simulate(server, 90.0, latency=FAST)
    assert course.pace.free
    assert course.per_second(80, 90) >= 0.95 / FAST


def test_server_that_only_complains_is_probed_less_and_less() -> None:
    course = simulate(nothing, 100.0, connections=4, latency=0.005)
    assert len(course.refused) <= 13 + 20
    assert course.pace.probe.pause == Pace().probe.LONGEST


def test_refused_messages_in_flight_count_once() -> None:
    """With 50 messages in flight, the first reduction is not followed by 50 more."""
    pace = Pace()
    for number in range(200):
        pace = pace.accepted(START + number / 100)
    for waiting in range(50, 0, -1):
        pace = pace.complained(START + 2, waiting)
    assert pace.curve.limit == pytest.approx(50, rel=0.1)
    assert not pace.probe.pause


# --- the parts


def of_known_speed() -> Pace:
    """The pace of a run that has sent 60 messages."""
    pace = Pace()
    for number in range(60):
        pace = pace.accepted(START - 0.6 + number / 100)
    return pace


def test_before_a_speed_is_known_it_takes_more_complaints() -> None:
    assert failing(Pace(), 5).free
    assert not failing(Pace(), 6).free
    assert not failing(of_known_speed(), 3).free
    pace = Pace()
    for _ in range(9):
        pace = pace.complained(START, in_flight=7)
    assert pace.free, "eight connections got the same complaint"


def test_one_complaint_changes_nothing() -> None:
    """Not even the first answer of a run."""
    assert failing(Pace(), 1).free
    pace = Pace()
    for number in range(10):
        pace = pace.accepted(START + number / 1000)
    assert failing(pace, 1, START + 0.01).free


def test_reduction_halves_the_speed_that_was_reached() -> None:
    pace = Pace()
    for number in range(1000):
        pace = pace.accepted(START + number / 200)
    pace = failing(pace, 3, START + 5)
    assert pace.per_second == pytest.approx(100, rel=0.02)
    assert pace.curve.good == pytest.approx(200, rel=0.02)


def test_speed_is_that_of_the_last_messages() -> None:
    speed = Pace().speed
    for number in range(100):
        speed = speed.accepted(START + number * 10, 1)
    assert speed.per_second(START + 990) == pytest.approx(0.1, rel=0.1)
    for number in range(200):
        speed = speed.accepted(START + 1000 + number / 100, 1)
    assert speed.per_second(START + 1002) == pytest.approx(100, rel=0.05)


def test_pace_rises_quickly_to_nine_tenths_and_then_slowly() -> None:
    curve = Pace().curve.reduced(100.0)
    assert (curve.limit, curve.good) == (50.0, 100.0)
    messages = 0
    while curve.limit < 90:
        curve, messages = curve.accepted(1), messages + 1
    assert messages <= 50
    for _ in range(int(curve.stretch)):
        before, curve = curve, curve.accepted(1)
        assert before.limit <= curve.limit <= 100
    assert curve.limit == pytest.approx(100, rel=0.01)


def test_limit_is_forgotten_at_twice_the_good_speed() -> None:
    curve = Pace().curve.reduced(100.0)
    highest, messages = 0.0, 0
    while not curve.free and messages < 2000:
        highest = curve.limit
        curve, messages = curve.accepted(1), messages + 1
    assert curve.free
    assert highest == pytest.approx(200, rel=0.02)
    assert messages < 700


def test_confirmed_limit_is_passed_more_rarely() -> None:
    once = Pace().curve.reduced(100.0)
    again = replace(once, limit=100.0).reduced(98.0)
    third = replace(again, limit=100.0).reduced(99.0)
    assert once.stretch < again.stretch < third.stretch == Pace().curve.LAST_STRETCH
    assert replace(third, limit=100.0).reduced(20.0).stretch < Pace().curve.FIRST_STRETCH


def test_closed_server_is_probed_after_longer_and_longer_pauses() -> None:
    pace = failing(Pace(), 6)
    pauses = []
    for _ in range(9):
        pace = pace.complained(START)
        pauses.append(pace.interval)
    assert pauses == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 8, 8])
    assert not pace.probe.exhausted


def test_probe_that_is_accepted_opens_the_server_at_the_estimated_speed() -> None:
    pace = Pace()
    for number in range(100):
        pace = pace.accepted(START + number / 1000)
    pace = failing(pace, 8, START + 0.1)
    assert pace.probe.pause
    pace = pace.accepted(START + 2)
    assert not pace.probe.pause
    assert pace.per_second == pytest.approx(50, rel=0.05)
    assert pace.curve.good == pytest.approx(100, rel=0.05)


def test_suspension_is_due_after_20_complaints_and_then_after_5() -> None:
    pace = failing(Pace(), 6 + 19)
    assert not pace.probe.exhausted
    pace = pace.complained(START)
    assert pace.probe.exhausted
    pace = pace.suspended()
    assert pace.interval == Pace().probe.LONGEST
    assert not failing(pace, 4).probe.exhausted
    assert failing(pace, 5).probe.exhausted
    assert not pace.accepted(START + 400).probe.in_vain


def test_answers_of_an_earlier_pace_are_passed_over() -> None:
    pace = failing(of_known_speed(), 2)
    pace = pace.complained(START, in_flight=3)
    reduced = pace.curve
    assert pace.stale == 3
    pace = pace.complained(START).settled().accepted(START)
    assert (pace.stale, pace.curve, pace.probe) == (0, reduced, Pace().probe)
    assert pace.complained(START).probe.pause == Pace().probe.FIRST


def test_share_weighs_a_complaint_like_forty_successes() -> None:
    share = Pace().share.complained()
    assert share.accepted(39).excess == pytest.approx(0.0, abs=0.001)
    assert share.accepted(20).complained().excess == pytest.approx(1.45)
    assert share.accepted(9).refused == pytest.approx(0.1)


def test_tolerated_share_is_unlearned_step_by_step() -> None:
    share = Pace().share
    for _ in range(5):
        share = share.complained().accepted(19)
    learned = share.tolerating()
    assert learned.tolerated == pytest.approx(0.1)
    assert Pace().share.TOLERATED < learned.restarted().tolerated < learned.tolerated


@given(answers=st.lists(st.tuples(st.booleans(), st.floats(0.0, 20.0), st.integers(0, 20))))
def test_pace_stays_within_its_bounds(answers: list[tuple[bool, float, int]]) -> None:
    pace, now = Pace(), START
    for accepted, pause, in_flight in answers:
        now += pause
        pace = pace.accepted(now) if accepted else pace.complained(now, in_flight)
        assert 0 <= pace.interval <= 60
        assert pace.share.excess >= 0
        assert pace.curve.limit > 0
        assert pace.free == (pace.per_second is None)
        assert math.isinf(pace.curve.limit) or pace.curve.limit <= 2 * pace.curve.good


# --- connections and pauses


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
