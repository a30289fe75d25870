"""Buckets: stable, even, and independent of the spelling."""

from __future__ import annotations

from collections import Counter

import pytest

from mailmerge.buckets import bucket, in_sample

KEYS = [f"user{n}@example.org" for n in range(10_000)]


def test_buckets_never_change() -> None:
    assert [bucket(key, 10) for key in KEYS[:8]] == STABLE


STABLE = [2, 1, 1, 4, 0, 9, 0, 5]


def test_buckets_are_even() -> None:
    assert all(900 < count < 1_100 for count in Counter(bucket(key, 10) for key in KEYS).values())


def test_spelling_keeps_the_bucket() -> None:
    assert bucket(" ANN@example.org ", 1000) == bucket("ann@example.org", 1000)
    assert bucket("e\u0301", 1000) == bucket("é", 1000)


@pytest.mark.parametrize("n", [0, -1, 2.0, "2", True, None])
def test_number_of_buckets_must_be_a_whole_number(n: object) -> None:
    with pytest.raises(ValueError, match="not a number of buckets"):
        bucket("a", n)


def test_larger_sample_contains_the_smaller() -> None:
    small = {key for key in KEYS if in_sample(key, 10, "spring")}
    large = {key for key in KEYS if in_sample(key, 12.5, "spring")}
    assert small < large
    assert 900 < len(small) < 1_100
    assert all(in_sample(key, 100, "spring") for key in KEYS)
    assert not any(in_sample(key, 0, "spring") for key in KEYS)


def test_samples_of_campaigns_and_buckets_are_independent() -> None:
    small = [key for key in KEYS if in_sample(key, 10, "spring")]
    again = sum(in_sample(key, 10, "autumn") for key in small)
    assert 50 < again < 150
    assert 380 < sum(bucket(key, 2) for key in small) < 620
