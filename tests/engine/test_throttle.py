"""The throttle: the latest of rates, pauses and complaints decides when to send next."""

from __future__ import annotations

import pytest

from mailmerge.engine.throttle import Forecast, Throttle
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


def test_complaint_halves_the_speed_until_a_quiet_minute() -> None:
    throttle = Throttle()
    throttle.complained(START, per_second=100.0)
    assert throttle.per_second == pytest.approx(50.0)
    assert count_sent(throttle, START, START + 1) == pytest.approx(50, abs=2)
    throttle.complained(START + 1.5, per_second=1.0)
    throttle.complained(START + 1.6, per_second=1.0)
    assert count_sent(throttle, START + 2, START + 3) == pytest.approx(25, abs=2)
    assert throttle.take(START + 70)
    assert throttle.take(START + 140)
    assert throttle.per_second is None


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
    throttle.sent()
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
