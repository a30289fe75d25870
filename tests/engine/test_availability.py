"""Failures of a run and of its workers, without socket and clock."""

from __future__ import annotations

from mailmerge.engine.availability import NEVER, Availability
from tests.engine.clocks import START


def failed(state: Availability, worker: int, pause: float = 10.0) -> Availability:
    return state.failed(worker, retry_at=START + pause, own_retry_at=START + 2 * pause)


def test_every_worker_may_connect_at_first() -> None:
    state = Availability().began(0).began(1)
    assert [state.permits(worker) for worker in range(3)] == [0.0, 0.0, 0.0]


def test_failure_delays_all_workers_and_its_own_more() -> None:
    state = failed(Availability().began(0), 0)
    assert state.run.count == 1
    assert state.permits(1) == START + 10
    assert state.permits(0) == START + 20


def test_connections_that_fail_together_are_one_failure() -> None:
    state = Availability().began(0).began(1).began(2)
    for worker in range(3):
        state = failed(state, worker)
    assert state.run.count == 1
    assert [state.own_count(worker) for worker in range(3)] == [2, 2, 2]


def test_failures_one_after_another_add_up() -> None:
    state = Availability()
    for count in range(1, 5):
        state = state.began(0)
        assert state.counts(0) == count
        state = failed(state, 0)
        assert state.run.count == count


def test_one_worker_at_a_time_tries_after_a_failure() -> None:
    state = failed(Availability().began(0), 0).began(1)
    assert state.permits(2) == NEVER
    assert state.permits(1) < NEVER
    assert state.ended(1).permits(2) == START + 10


def test_answer_ends_the_failures_of_the_run_and_of_its_worker() -> None:
    state = failed(failed(Availability().began(0), 0).began(1), 1)
    answered = state.began(1).answered(1)
    assert answered.run.count == 0
    assert answered.permits(1) == 0.0
    assert answered.permits(2) == 0.0
    assert answered.permits(0) == START + 20, "its own connections did not work yet"
    assert answered.own_count(1) == 1


def test_older_connection_that_works_is_no_trial() -> None:
    state = Availability().began(0).answered(0).began(1)
    state = failed(state, 1)
    assert state.permits(2) == START + 10


def test_ended_connection_is_forgotten() -> None:
    state = Availability().began(0).answered(0).ended(0)
    assert state == Availability().ended(5)
