"""The record of limits: never more than allowed, over any number of processes and restarts."""

from __future__ import annotations

import multiprocessing
import sqlite3
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailmerge.errors import LedgerError
from mailmerge.ledger.quota import BUCKETS, Quotas, open_quotas
from tests.forked import CONTEXT
from tests.platforms import assert_private

NOW = 1_795_400_000.0
DAY = 86_400.0
BUCKET = DAY / BUCKETS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "usage.sqlite"


@pytest.fixture
def two(path: Path) -> Iterator[tuple[Quotas, Quotas]]:
    """The same record, as two processes have it open."""
    first, second = Quotas(path), Quotas(path)
    yield first, second
    first.close()
    second.close()


# --- slots of a rate


def test_slots_of_two_processes_interleave(two: tuple[Quotas, Quotas]) -> None:
    """The slots do not overlap, and no time between them is lost."""
    taken, ends = list[float](), [0.0, 0.0]
    for turn in range(10):
        who = turn % 2
        start = two[who].reserve_slots("a", ends[who], NOW, 1.0)
        ends[who] = start + 1.0
        taken.append(start)
    assert taken == [NOW + turn for turn in range(10)]


def test_ones_own_last_slots_can_be_moved_earlier(two: tuple[Quotas, Quotas]) -> None:
    first, second = two
    end = first.reserve_slots("a", 0.0, NOW + 100, 1.0) + 1.0
    assert first.reserve_slots("a", end, NOW, 1.0) == NOW
    assert second.reserve_slots("a", 0.0, NOW, 1.0) == NOW + 1


def test_slots_begin_no_earlier_than_wanted(two: tuple[Quotas, Quotas]) -> None:
    first, second = two
    first.reserve_slots("a", 0.0, NOW, 1.0)
    assert second.reserve_slots("a", 0.0, NOW + 60, 1.0) == NOW + 60


def test_slots_that_were_left_go_to_the_next(two: tuple[Quotas, Quotas]) -> None:
    first, second = two
    end = first.reserve_slots("a", 0.0, NOW, 10.0) + 10.0
    first.return_slots("a", end, NOW + 3)
    assert second.reserve_slots("a", 0.0, NOW, 1.0) == NOW + 3


def test_slots_before_those_of_others_are_not_returned(two: tuple[Quotas, Quotas]) -> None:
    first, second = two
    end = first.reserve_slots("a", 0.0, NOW, 10.0) + 10.0
    second.reserve_slots("a", 0.0, NOW, 1.0)
    first.return_slots("a", end, NOW + 3)
    assert first.slots_until("a") == NOW + 11


def test_after_the_clock_was_set_back_slots_follow_each_other(two: tuple[Quotas, Quotas]) -> None:
    """The slots of the former time are returned, and the next process reserves others."""
    first, second = two
    end = first.reserve_slots("a", 0.0, NOW + 3 * DAY, 1.0) + 1.0
    first.return_slots("a", end, NOW + 1.0)
    taken = [
        second.reserve_slots("a", 0.0, NOW, 1.0),
        first.reserve_slots("a", NOW + 1.0, NOW, 1.0),
    ]
    assert taken == [NOW + 1.0, NOW + 2.0]


def test_limits_do_not_touch_each_other(two: tuple[Quotas, Quotas]) -> None:
    first, _ = two
    first.reserve_slots("a", 0.0, NOW, 50.0)
    assert first.slots_until("b") == 0.0
    assert first.reserve_quota("b", 5, DAY, 5, NOW) == (5, NOW)
    assert first.reserve_quota("c", 5, DAY, 5, NOW) == (5, NOW)


# --- quotas


def test_a_quota_is_shared_and_counts_what_is_given_back(two: tuple[Quotas, Quotas]) -> None:
    first, second = two
    assert first.reserve_quota("a", 100, DAY, 60, NOW) == (60, NOW)
    assert second.reserve_quota("a", 100, DAY, 60, NOW) == (40, NOW)
    granted, again_at = first.reserve_quota("a", 100, DAY, 1, NOW)
    assert granted == 0
    assert NOW + DAY - BUCKET <= again_at <= NOW + DAY + BUCKET
    second.return_quota("a", DAY, 10, NOW)
    assert first.reserve_quota("a", 100, DAY, 60, NOW + 1)[0] == 10


def test_a_quota_is_free_again_when_its_time_comes(two: tuple[Quotas, Quotas]) -> None:
    first, second = two
    first.reserve_quota("a", 10, DAY, 10, NOW)
    _, again_at = second.reserve_quota("a", 10, DAY, 1, NOW + DAY / 2)
    assert second.reserve_quota("a", 10, DAY, 10, again_at - 1)[0] == 0
    assert second.reserve_quota("a", 10, DAY, 10, again_at + 1)[0] == 10


def test_a_lowered_limit_takes_nothing_back(two: tuple[Quotas, Quotas]) -> None:
    """More is used than is allowed now; what was used is still counted."""
    first, _ = two
    first.reserve_quota("a", 10, DAY, 8, NOW)
    assert first.reserve_quota("a", 3, DAY, 1, NOW)[0] == 0
    assert first.reserve_quota("a", 10, DAY, 9, NOW) == (2, NOW)


def test_what_was_given_back_does_not_say_when_to_ask_again(two: tuple[Quotas, Quotas]) -> None:
    first, _ = two
    first.reserve_quota("a", 5, DAY, 5, NOW)
    first.return_quota("a", DAY, 5, NOW)
    first.reserve_quota("a", 5, DAY, 5, NOW + DAY / 4)
    granted, again_at = first.reserve_quota("a", 5, DAY, 1, NOW + DAY / 2)
    assert granted == 0
    assert again_at >= NOW + DAY / 4 + DAY - BUCKET


@given(st.lists(st.tuples(st.floats(0, DAY / 3), st.integers(1, 40)), max_size=40))
@settings(max_examples=40, deadline=None)
def test_no_window_holds_more_than_the_quota(takes: list[tuple[float, int]]) -> None:
    quotas, now, taken = Quotas(), NOW, list[tuple[float, int]]()
    for pause, wanted in takes:
        now += pause
        taken.append((now, quotas.reserve_quota("a", 100, DAY, wanted, now)[0]))
        used = sum(count for at, count in taken if at > now - DAY)
        assert used <= 100
    quotas.close()


def take_many(path: Path, turns: int, answers: multiprocessing.SimpleQueue[list[float]]) -> None:
    quotas, end = Quotas(path), 0.0
    starts = list[float]()
    for _ in range(turns):
        start = quotas.reserve_slots("rate", end, max(NOW, end), 1.0)
        end = start + 1.0
        starts.append(start)
        quotas.reserve_quota("quota", 10**6, DAY, 1, NOW)
    quotas.close()
    answers.put(starts)


def test_processes_that_run_at_once_take_nothing_twice(path: Path) -> None:
    answers = CONTEXT.SimpleQueue()
    processes = [CONTEXT.Process(target=take_many, args=(path, 25, answers)) for _ in range(3)]
    for process in processes:
        process.start()
    starts = sorted(start for _ in processes for start in answers.get())
    for process in processes:
        process.join(60)
    assert len(starts) == 75
    assert all(later - earlier >= 1.0 for earlier, later in pairwise(starts))
    quotas = Quotas(path)
    assert quotas.reserve_quota("quota", 75, DAY, 1, NOW)[0] == 0
    assert quotas.reserve_quota("quota", 76, DAY, 9, NOW)[0] == 1
    quotas.close()


# --- the file


def test_the_record_is_private_and_survives(state_home: Path) -> None:
    quotas = open_quotas()
    quotas.reserve_slots("a", 0.0, NOW, 1.0)
    quotas.close()
    assert_private(state_home / "usage.sqlite")
    quotas = open_quotas()
    assert quotas.slots_until("a") == NOW + 1
    quotas.close()


def test_a_record_of_the_first_edition_is_still_read(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as old:
        old.executescript(
            """
            CREATE TABLE slot (limit_name TEXT PRIMARY KEY, until REAL NOT NULL);
            CREATE TABLE used (
                limit_name TEXT NOT NULL, bucket INTEGER NOT NULL, count INTEGER NOT NULL,
                PRIMARY KEY (limit_name, bucket)
            );
            """
        )
        old.execute("INSERT INTO slot VALUES ('a', ?)", (NOW + 5,))
        old.execute("INSERT INTO used VALUES ('a', ?, 7)", (int(NOW // BUCKET),))
    old.close()
    quotas = Quotas(path)
    assert quotas.slots_until("a") == NOW + 5
    assert quotas.reserve_quota("a", 10, DAY, 9, NOW) == (3, NOW)
    quotas.close()


def test_a_damaged_record_is_one_clear_line(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(LedgerError, match="record of daily limits cannot be used") as error:
        Quotas(path)
    assert error.value.problem.file == "usage.sqlite"
    assert "move the file away" in error.value.problem.hint
