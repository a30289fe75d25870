"""What two equal closes teach, and how the learned number is forgotten."""

from __future__ import annotations

from mailmerge.engine.recycling import Recycling


def closed(*counts: int) -> Recycling:
    """What is known after the server closed connections of worker 0 after these counts."""
    known = Recycling()
    for count in counts:
        known = known.closed(0, count)
    return known


def ended(known: Recycling, times: int, worker: int = 0) -> Recycling:
    """What is known after this many connections were ended at the learned number."""
    for _ in range(times):
        count = known.limit(worker)
        assert count is not None
        known = known.ended_by_us(worker, count)
    return known


def test_two_equal_closes_in_a_row_are_a_limit() -> None:
    assert closed(100).limit(0) is None
    assert closed(100, 100).limit(0) == 100
    assert closed(100, 100).limit(7) == 100
    assert closed(100, 99, 100).limit(0) is None


def test_close_without_any_message_teaches_nothing() -> None:
    assert closed(0, 0, 0).limit(0) is None
    assert closed(100, 0, 100).limit(0) == 100


def test_lower_limit_replaces_a_higher_one() -> None:
    assert closed(100, 100, 40).limit(0) == 100
    assert closed(100, 100, 40, 40).limit(0) == 40


def test_one_worker_asks_again_after_some_connections() -> None:
    known = ended(closed(100, 100), 24)
    assert known.limit(3) == 100
    known = ended(known, 1, worker=3)
    assert known.limit(3) is None
    assert known.limit(0) == 100


def asking() -> Recycling:
    return ended(closed(100, 100), 25)


def test_confirmed_limit_is_asked_about_half_as_often() -> None:
    known = asking().closed(0, 100)
    assert known.limit(0) == 100
    known = ended(known, 49)
    assert known.limit(0) == 100
    assert ended(known, 1).limit(0) is None


def test_connection_beyond_the_limit_forgets_it() -> None:
    for known in (asking().closed(0, 300), asking().ended_by_us(0, 300)):
        assert known.limit(0) is None
        assert known.limit(1) is None
        assert known.closed(0, 100).limit(0) is None


def test_question_without_an_answer_is_repeated() -> None:
    for known in (asking().closed(0, 50), asking().ended_by_us(0, 20)):
        assert known.limit(0) == 100
        assert ended(known, 1).limit(0) is None


def test_short_connections_do_not_count() -> None:
    known = closed(100, 100)
    for _ in range(100):
        known = known.ended_by_us(0, 7)
    assert known == closed(100, 100)
    assert Recycling().ended_by_us(0, 7) == Recycling()


def test_close_of_another_connection_keeps_the_limit() -> None:
    """Several connections were open when the limit was learned; they are closed there, too."""
    known = closed(100, 100)
    assert known.closed(1, 100) == known


def test_limit_that_costs_doubt_is_hardly_ever_asked_about() -> None:
    known = closed(100).closed(0, 100, in_doubt=True)
    assert known.limit(0) == 100
    assert ended(known, Recycling.LONGEST - 1).limit(0) == 100
    assert ended(known, Recycling.LONGEST).limit(0) is None
