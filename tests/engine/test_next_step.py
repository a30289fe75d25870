"""What a run does next: one test for each case of the table, and the order of the cases."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.engine.queue import Backlog
from mailmerge.engine.run import Claim, Fold, Reason, RunState, Stop, Wait, next_step
from mailmerge.engine.throttle import Forecast

NOW = 1_795_400_000.0
DAY = 86_400.0

SENDING = RunState(
    backlog=Backlog(waiting=400, in_flight=2),
    forecast=Forecast(NOW, NOW),
    batch=500,
    low_water=250,
    max_wait=900.0,
    active_at=NOW - 1,
    folded_at=NOW - 0.1,
)
"""Messages are being sent, and the queue is full."""

SETTLED = replace(SENDING, backlog=Backlog(0, 0), exhausted=True)
"""Every delivery has its outcome, and the store has no more."""


def test_full_queue_waits_for_outcomes() -> None:
    assert next_step(SENDING, NOW) == Wait(250)


def test_stop_request_or_failure_ends_the_run() -> None:
    assert next_step(replace(SENDING, ending=True), NOW) == Stop(Reason.REQUESTED)
    low = replace(SENDING, backlog=Backlog(0, 1), ending=True)
    assert next_step(low, NOW) == Stop(Reason.REQUESTED), "nothing more is claimed"


@pytest.mark.parametrize(
    ("waiting", "claim"), [(251, None), (250, Claim(250)), (1, Claim(499)), (0, Claim(500))]
)
def test_low_queue_claims_what_fills_it(waiting: int, claim: Claim | None) -> None:
    state = replace(SENDING, backlog=Backlog(waiting, 1))
    assert next_step(state, NOW) == (claim or Wait(250))


def test_limit_bounds_the_claim() -> None:
    low = replace(SENDING, backlog=Backlog(100, 1))
    assert next_step(replace(low, claims_left=7), NOW) == Claim(7)
    assert next_step(replace(low, claims_left=700), NOW) == Claim(400), "the batch bounds it too"
    assert next_step(replace(low, claims_left=0), NOW) == Wait(0)


def test_exhausted_store_is_asked_only_when_a_retry_is_due() -> None:
    low = replace(SENDING, backlog=Backlog(100, 1), exhausted=True)
    assert next_step(low, NOW) == Wait(0), "taking a delivery need not wake the run any more"
    assert next_step(replace(low, next_retry=NOW + 1), NOW) == Wait(0)
    assert next_step(replace(low, next_retry=NOW), NOW) == Claim(400)


def test_run_without_deliveries_finishes() -> None:
    assert next_step(SETTLED, NOW) == Stop(Reason.FINISHED)


def test_run_is_not_finished_while_a_message_is_in_flight() -> None:
    state = replace(SETTLED, backlog=Backlog(0, 1))
    assert next_step(state, NOW) == Wait(0)
    assert next_step(replace(SETTLED, backlog=Backlog(1, 0)), NOW) == Wait(0)


def test_reached_limit_finishes_although_a_retry_is_due() -> None:
    state = replace(SETTLED, claims_left=0, next_retry=NOW - 1)
    assert next_step(state, NOW) == Stop(Reason.FINISHED)


def test_max_wait_for_a_retry_counts_from_the_last_outcome() -> None:
    due = SETTLED.active_at + SETTLED.max_wait
    waiting = replace(SETTLED, next_retry=due)
    assert next_step(waiting, NOW) == Wait(0, Reason.RETRY, due)
    later = replace(SETTLED, next_retry=due + 0.001)
    assert next_step(later, NOW) == Stop(Reason.FINISHED)


def test_transitions_are_folded_five_times_a_second() -> None:
    late = replace(SENDING, folded_at=NOW - 0.2)
    assert next_step(late, NOW) == Fold()
    assert next_step(replace(late, folded_at=NOW - 0.19), NOW) == Wait(250)


def test_no_fold_follows_a_fold() -> None:
    simulated = replace(SENDING, folded_at=NOW - 60, just_folded=True)
    assert next_step(simulated, NOW) == Wait(250)


def test_claim_comes_before_fold() -> None:
    state = replace(SENDING, backlog=Backlog(0, 1), folded_at=NOW - 60)
    assert next_step(state, NOW) == Claim(500)


def test_waiting_for_the_rate_is_shown_after_two_seconds() -> None:
    soon = replace(SENDING, forecast=Forecast(NOW + 2, NOW))
    assert next_step(soon, NOW) == Wait(250)
    later = replace(SENDING, forecast=Forecast(NOW + 3, NOW))
    assert next_step(later, NOW) == Wait(250, Reason.RATE, NOW + 3)


def test_used_up_quota_stops_the_run_after_max_wait() -> None:
    within = replace(SENDING, forecast=Forecast(NOW + 900, NOW + 900))
    assert next_step(within, NOW) == Wait(250, Reason.RATE, NOW + 900)
    beyond = replace(SENDING, forecast=Forecast(NOW + DAY, NOW + DAY))
    assert next_step(beyond, NOW) == Stop(Reason.QUOTA, NOW + DAY)


def test_run_waits_for_a_long_pause_without_a_quota() -> None:
    """A cool-down or a slow rate ends by itself, even after a long time."""
    state = replace(SENDING, forecast=Forecast(NOW + DAY, NOW))
    assert next_step(state, NOW) == Wait(250, Reason.RATE, NOW + DAY)


@given(
    waiting=st.integers(0, 3),
    in_flight=st.integers(0, 2),
    low_water=st.integers(0, 3),
    left=st.none() | st.integers(0, 2),
    exhausted=st.booleans(),
    just_folded=st.booleans(),
    retry=st.none() | st.floats(-10, 2000),
    folded=st.floats(0, 1),
)
def test_every_state_has_a_step_that_can_be_done(
    waiting: int,
    in_flight: int,
    low_water: int,
    left: int | None,
    exhausted: bool,
    just_folded: bool,
    retry: float | None,
    folded: float,
) -> None:
    """No claim of nothing or beyond the limit; no end while a delivery is unsettled."""
    state = replace(
        SENDING,
        backlog=Backlog(waiting, in_flight),
        batch=4,
        low_water=low_water,
        claims_left=left,
        exhausted=exhausted,
        just_folded=just_folded,
        next_retry=None if retry is None else NOW + retry,
        folded_at=NOW - folded,
    )
    match next_step(state, NOW):
        case Claim(limit):
            assert 0 < limit <= 4 - waiting
            assert left is None or limit <= left
        case Stop(reason):
            assert reason is Reason.FINISHED
            assert waiting == in_flight == 0
        case Fold():
            assert not just_folded
        case Wait(low):
            assert low in (0, low_water)
