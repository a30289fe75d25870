"""Rates and durations as texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.settings.rates import Rate, parse_duration, parse_rate


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("60/minute", Rate(60, 60)),
        (" 10 / second ", Rate(10, 1)),
        ("500/day", Rate(500, 86_400)),
        ("50/5 minutes", Rate(50, 300)),
    ],
)
def test_rates_are_read_as_providers_state_them(text: str, rate: Rate) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "fast", "0/day", "1/0 seconds", "1/week", "-1/day", "1/dayz"])
def test_other_texts_are_no_rates(text: str) -> None:
    with pytest.raises(ValueError, match="expected a rate such as"):
        parse_rate(text)


@given(st.integers(1, 10**6), st.integers(1, 10**4), st.sampled_from(["second", "minute", "hour"]))
def test_text_of_a_rate_gives_the_rate(count: int, times: int, unit: str) -> None:
    rate = parse_rate(f"{count}/{times} {unit}")
    assert parse_rate(str(rate)) == rate


def test_rate_in_odd_seconds_is_printable() -> None:
    assert str(Rate(3, 0.5)) == "3/0.5 seconds"


@pytest.mark.parametrize(
    ("text", "seconds"), [("15 minutes", 900), ("0 seconds", 0), ("1 hour", 3600)]
)
def test_durations_are_seconds(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "15", "15 weeks", "a minute", "1.5 hours"])
def test_other_texts_are_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="expected a duration such as"):
        parse_duration(text)
