"""The throttle: the latest of rates, pauses and complaints decides when to send next."""

from __future__ import annotations

import pytest

from mailmerge.engine.throttle import Forecast, Slowing, Throttle
from mailmerge.settings import parse_rate
from tests.engine.clocks import START


def count_sent(throttle: Throttle, start: float, end: float) -> int:
    """Return how many messages are sent if workers ask each millisecond."""
    steps = int((end - start) * 1000)
    return sum(throttle.take(start + step / 1000) for step in range(steps))


def test_domain_rates_hold_besides_the_general_ones() -> None:
    throttle = Throttle([parse_rate("10/second")], {"Slow.example": [parse_rate("1/second")]})
    assert throttle.has_rates("slow.example")
    assert not throttle.has_rates("fast.example")
    assert throttle.take(START, "slow.example")
    assert not throttle.take(START + 0.5, "slow.example")
    assert throttle.take(START + 0.5, "fast.example")
    assert not throttle.take(START + 0.55, "fast.example")
    assert throttle.take(START + 1.1, "slow.example")


def answer(throttle: Throttle, now: float, *, accepted: bool = True) -> Slowing | None:
    """Send a message that the server answers at once."""
    assert throttle.take(now)
    if accepted:
        throttle.accepted(now)
        return None
    return throttle.complained(now)


def reach(throttle: Throttle, per_second: float, messages: int, start: float = START) -> float:
    """Send this many messages at this speed. Returns the time of the next one."""
    for number in range(messages):
        answer(throttle, start + number / per_second)
    return start + messages / per_second


def complain(throttle: Throttle, now: float, times: int = 3) -> Slowing | None:
    """Let the server complain about several messages at about the same time."""
    return [answer(throttle, now + number / 1e6, accepted=False) for number in range(times)][-1]


def test_complaints_halve_the_speed_that_was_reached() -> None:
    throttle = Throttle()
    now = reach(throttle, 100.0, 400)
    slowing = complain(throttle, now)
    assert slowing is not None
    assert (slowing.seconds, slowing.in_vain) == (0.0, False)
    assert throttle.per_second == slowing.per_second == pytest.approx(50.0, rel=0.03)
    assert count_sent(throttle, now + 0.1, now + 1.1) == pytest.approx(50, abs=3)


def test_single_complaint_does_not_slow() -> None:
    throttle = Throttle()
    now = reach(throttle, 100.0, 10)
    assert complain(throttle, now, 1) is None
    assert throttle.per_second is None


def test_time_with_nothing_to_send_does_not_count() -> None:
    """After a wait of ten minutes for deferred recipients, the speed is not ten minutes slower."""
    throttle = Throttle()
    now = reach(throttle, 100.0, 400)
    now = reach(throttle, 100.0, 20, start=now + 600)
    complain(throttle, now)
    assert throttle.per_second == pytest.approx(50.0, rel=0.05)


def test_time_of_a_slow_answer_counts() -> None:
    throttle = Throttle()
    for number in range(20):
        now = START + number * 2
        assert throttle.take(now)
        throttle.accepted(now + 2)
    complain(throttle, START + 40)
    assert throttle.per_second == pytest.approx(0.25, rel=0.1)


def test_slow_rate_is_no_time_with_nothing_to_send() -> None:
    throttle = Throttle([parse_rate("20/minute")])
    now = START
    for _ in range(20):
        now = max(now, throttle.ready_at(now))
        answer(throttle, now)
    for _ in range(3):
        now = max(now, throttle.ready_at(now))
        answer(throttle, now, accepted=False)
    assert throttle.per_second is not None
    assert 1 / 24 < throttle.per_second <= 1 / 5


def test_successes_bring_the_full_speed_back() -> None:
    throttle = Throttle()
    now = reach(throttle, 100.0, 400)
    complain(throttle, now)
    for _ in range(2000):
        now = max(now, throttle.ready_at(now)) + 0.001
        assert throttle.take(now)
        if throttle.accepted(now):
            break
    assert throttle.per_second is None
    assert throttle.take(now)


def test_closed_server_is_probed_with_one_message_at_a_time() -> None:
    throttle = Throttle()
    now = reach(throttle, 100.0, 400)
    complain(throttle, now)
    now = throttle.ready_at(now)
    slowing = answer(throttle, now, accepted=False)
    assert slowing is not None
    assert slowing.seconds == pytest.approx(0.1)
    assert not throttle.take(now + 0.09)
    assert throttle.take(now + 0.11)
    assert not throttle.take(now + 0.15), "one probe is under way"
    throttle.accepted(now + 0.16)
    assert throttle.take(now + 0.17), "the server is open again"


def test_server_that_only_complains_is_suspended_and_then_given_up() -> None:
    throttle = Throttle()
    now, pauses, probes = START, list[float](), 0
    for _ in range(100):
        now = max(now, throttle.ready_at(now))
        slowing = answer(throttle, now, accepted=False)
        probes += 1
        if slowing and slowing.seconds >= 300:
            pauses.append(now)
            assert throttle.ready_at(now) == now + 300
        if slowing and slowing.in_vain:
            break
    assert slowing is not None
    assert slowing.in_vain
    assert len(pauses) == 4
    assert probes < 50
    assert now - START < 20 * 60


def test_success_after_a_suspension_restarts_the_count() -> None:
    throttle = Throttle()
    now, suspended = START, 0
    for _ in range(300):
        now = max(now, throttle.ready_at(now))
        slowing = answer(throttle, now, accepted=False)
        if slowing and slowing.seconds >= 300:
            suspended += 1
            now = throttle.ready_at(now)
            answer(throttle, now)
            assert not slowing.in_vain
    assert suspended > 4


def test_messages_in_flight_at_a_complaint_do_not_slow_again() -> None:
    throttle = Throttle()
    now = reach(throttle, 100.0, 400)
    for _ in range(40):
        assert throttle.take(now)
    slowed = [throttle.complained(now) for _ in range(40)]
    assert sum(one is not None for one in slowed) == 1
    assert throttle.per_second == pytest.approx(50.0, rel=0.03)


def test_cool_down_pauses_and_leaves_one_connection() -> None:
    throttle = Throttle(connections=3)
    assert throttle.connections(START) == 3
    assert throttle.cool_down(START, 600.0)
    assert not throttle.take(START + 599)
    assert throttle.ready_at(START) == START + 600
    assert throttle.take(START + 600)
    assert [throttle.connections(START + second) for second in (600, 659, 660, 720)] == [1, 1, 2, 3]


def test_fourth_cool_down_without_a_sent_message_does_not_help() -> None:
    throttle = Throttle()
    helps = [throttle.cool_down(START + 600 * number, 600.0) for number in range(4)]
    assert helps == [True, True, True, False]
    throttle.accepted(START + 2300)
    assert throttle.cool_down(START + 2400, 600.0)


def test_shorter_pause_does_not_end_a_longer_one() -> None:
    throttle = Throttle()
    throttle.cool_down(START, 600.0)
    throttle.cool_down(START, 60.0)
    assert throttle.ready_at(START) == START + 600


def test_refused_connection_caps_the_number_for_a_while() -> None:
    throttle = Throttle(connections=5)
    throttle.cap(START, 4)
    assert throttle.connections(START + 1) == 4
    assert throttle.connections(START + 10) == 5


def test_forecast_separates_quotas_from_other_reasons() -> None:
    throttle = Throttle([parse_rate("2/day")])
    assert throttle.forecast(START) == Forecast(START, START)
    throttle.cool_down(START, 600.0)
    assert throttle.forecast(START) == Forecast(START + 600, START)
    assert throttle.take(START + 600)
    assert throttle.take(START + 600)
    used_up = throttle.forecast(START + 601)
    assert used_up.ready_at == used_up.quota_until > START + 86_400


def test_interval_is_that_of_the_slowest_even_rate() -> None:
    rates = [parse_rate("10/second"), parse_rate("1/minute"), parse_rate("5/day")]
    assert Throttle(rates).interval == pytest.approx(60, rel=0.01)
    assert Throttle([parse_rate("5/day")]).interval == 0.0
