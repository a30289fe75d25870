"""The pure rules: the possible changes of state, and the end of a claim."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.ledger.interface import Store
from mailmerge.ledger.states import (
    CLAIM_PREDECESSORS,
    GONE,
    LONGEST_RETRY,
    MAKING,
    TRANSITIONS,
    UNDER_WAY,
    Delivery,
    Difference,
    State,
    Transition,
    as_recorded,
    claim_transition,
    due_at,
    end_claim,
    is_unmade,
    reported,
    state_before,
)
from mailmerge.ledger.store import LEASE
from tests.engine.driver import make_recipient, make_recipients
from tests.ledger.steps import NOW, by_key, claim, counts, finish, sending

states = st.sampled_from(State)


# --- a step for each row of the table of transitions, taken in a store of each kind


def deferred(store: Store) -> Delivery:
    [one] = claim(store, 1)
    finish(store, one, State.DEFERRED, retry_at=NOW + 10)
    return one


def doubtful(store: Store) -> Delivery:
    [one] = claim(store, 1)
    finish(store, one, State.IN_DOUBT, doubts=1)
    return one


def before_data(store: Store, state: State) -> None:
    [one] = claim(store, 1)
    store.apply([Transition(one.id, state, NOW, 1, retry_at=None)])


def rejected_with_another_address(store: Store) -> None:
    finish(store, claim(store, 1)[0], State.REJECTED)
    moved = replace(make_recipient(0), mailbox=make_recipient(77).mailbox)
    store.enrol([moved], "f", accept_changes=True)


def gone(store: Store, *, deferred: bool) -> None:
    """The second recipient leaves the spreadsheet."""
    one, two = claim(store, 2)
    finish(store, one, State.SENT)
    if deferred:
        finish(store, two, State.DEFERRED, retry_at=NOW + 10)
    else:
        store.release([two.id])
    store.enrol(make_recipients(1), "f", accept_changes=True)


def claimed_after_a_doubt(store: Store) -> None:
    doubtful(store)
    store.resend_in_doubt()
    store.release([store.claim("w", 1, NOW)[0].id])


def taken_back(store: Store) -> None:
    [one] = claim(store, 1)
    sending(store, one)
    store.apply([claim_transition(one, State.CLAIMED, NOW)])


def back_in_the_spreadsheet(store: Store) -> None:
    gone(store, deferred=False)
    store.enrol(make_recipients(2), "f", accept_changes=True)


def drafted(store: Store, deliveries: list[Delivery]) -> None:
    store.release([one.id for one in deliveries])
    store.note_drafted(store.undrafted(0, 100), NOW)


def drafted_and_retried(store: Store) -> None:
    drafted(store, claim(store, 1))
    store.retry_drafted()


def drafted_and_gone(store: Store) -> None:
    drafted(store, claim(store, 2))
    store.enrol(make_recipients(1), "f", accept_changes=True)


STEPS: dict[tuple[State, State], Callable[[Store], object]] = {
    (State.PENDING, State.CLAIMED): lambda store: claim(store, 1),
    (State.DEFERRED, State.CLAIMED): lambda store: (
        deferred(store),
        store.claim("w", 1, NOW + 10),
    ),
    (State.IN_DOUBT, State.CLAIMED): lambda store: (
        doubtful(store),
        store.resend_in_doubt(),
        store.claim("w", 1, NOW),
    ),
    (State.CLAIMED, State.SENDING): lambda store: sending(store, claim(store, 1)[0]),
    (State.CLAIMED, State.PENDING): lambda store: store.release([claim(store, 1)[0].id]),
    (State.CLAIMED, State.DEFERRED): lambda store: before_data(store, State.DEFERRED),
    (State.CLAIMED, State.REJECTED): lambda store: before_data(store, State.REJECTED),
    (State.CLAIMED, State.SKIPPED): lambda store: before_data(store, State.SKIPPED),
    (State.CLAIMED, State.IN_DOUBT): claimed_after_a_doubt,
    (State.SENDING, State.CLAIMED): taken_back,
    (State.SENDING, State.SENT): lambda store: finish(store, claim(store, 1)[0], State.SENT),
    (State.SENDING, State.REJECTED): lambda store: finish(
        store, claim(store, 1)[0], State.REJECTED
    ),
    (State.SENDING, State.DEFERRED): deferred,
    (State.SENDING, State.IN_DOUBT): lambda store: (
        sending(store, claim(store, 1)[0]),
        store.expire(NOW + LEASE),
    ),
    (State.IN_DOUBT, State.SENT): lambda store: (doubtful(store), store.assume_sent()),
    (State.REJECTED, State.PENDING): rejected_with_another_address,
    (State.SKIPPED, State.PENDING): back_in_the_spreadsheet,
    (State.PENDING, State.SKIPPED): lambda store: gone(store, deferred=False),
    (State.DEFERRED, State.SKIPPED): lambda store: gone(store, deferred=True),
    (State.PENDING, State.DRAFTED): lambda store: drafted(store, claim(store, 1)),
    (State.DEFERRED, State.DRAFTED): lambda store: drafted(store, [deferred(store)]),
    (State.DRAFTED, State.PENDING): drafted_and_retried,
    (State.DRAFTED, State.SKIPPED): drafted_and_gone,
}


@pytest.mark.parametrize("change", TRANSITIONS, ids="-".join)
def test_each_transition_of_the_table_happens(store: Store, change: tuple[State, State]) -> None:
    STEPS[change](store)
    [*_, last] = by_key(store).values()
    assert last.state is change[1]
    assert sum(counts(store).values()) == len(by_key(store))


def test_a_worker_changes_only_what_it_has_claimed() -> None:
    for state, before in CLAIM_PREDECESSORS.items():
        beyond = before - UNDER_WAY
        assert beyond == ({State.IN_DOUBT} if state is State.SENT else set())
    assert CLAIM_PREDECESSORS[State.SENDING] == {State.CLAIMED}
    assert CLAIM_PREDECESSORS[State.SENT] == {State.SENDING, State.IN_DOUBT}


def test_nothing_leaves_sent() -> None:
    assert State.SENT not in {old for old, _ in TRANSITIONS}


# --- the rules


@given(states, st.integers(0, 2), st.none() | st.floats(1, 2), st.booleans())
def test_a_possibly_sent_delivery_is_never_pending(
    state: State, doubts: int, retry_at: float | None, known: bool
) -> None:
    left = end_claim(Transition(1, state, NOW, 1, doubts, retry_at), known=known)
    assert left.state not in UNDER_WAY
    if state is State.SENDING or (state is State.CLAIMED and (doubts or not known)):
        assert left.state is State.IN_DOUBT
        assert left.retry_at is None


@given(states, st.integers(0, 2), st.none() | st.floats(1, 2), st.booleans())
def test_a_new_doubt_is_counted_once(
    state: State, doubts: int, retry_at: float | None, known: bool
) -> None:
    left = end_claim(Transition(1, state, NOW, 1, doubts, retry_at), known=known)
    new = state is State.SENDING or (state is State.CLAIMED and not known)
    assert left.doubts == doubts + new


@given(states, st.integers(0, 2), st.none() | st.floats(1, 2), st.booleans())
def test_a_doubt_lasts_until_success(
    state: State, doubts: int, retry_at: float | None, known: bool
) -> None:
    """A delivery that was in doubt, claimed again and refused does not become `rejected`."""
    left = end_claim(Transition(1, state, NOW, 1, doubts, retry_at), known=known)
    refused = as_recorded(replace(left, state=State.REJECTED))
    assert refused.state is (State.IN_DOUBT if left.doubts else State.REJECTED)
    assert as_recorded(replace(left, state=State.SENT)).state is State.SENT


@given(states, st.integers(0, 2), st.none() | st.floats(1, 2))
def test_only_refusals_are_recorded_otherwise(
    state: State, doubts: int, retry_at: float | None
) -> None:
    transition = Transition(1, state, NOW, 1, doubts, retry_at)
    recorded = as_recorded(transition)
    if doubts and state in {State.PENDING, State.REJECTED, State.DEFERRED, State.SKIPPED}:
        assert (recorded.state, recorded.retry_at) == (State.IN_DOUBT, None)
    elif state is State.DEFERRED:
        assert recorded.retry_at == (NOW if retry_at is None else retry_at)
    else:
        assert recorded == transition


@given(st.integers(0, 1), st.none() | st.floats(1, 2))
def test_a_claim_that_is_ended_is_what_it_was(doubts: int, retry_at: float | None) -> None:
    claimed = Transition(1, State.CLAIMED, NOW, 1, doubts, retry_at)
    assert end_claim(claimed, known=True).state is state_before(claimed)


def test_users_see_claims_as_pending() -> None:
    found = reported({State.CLAIMED: 2, State.SENDING: 1, State.PENDING: 4, State.SENT: 5})
    assert found[State.PENDING] == 7
    assert list(found) == [
        State.PENDING,
        State.SENT,
        State.REJECTED,
        State.DEFERRED,
        State.IN_DOUBT,
        State.SKIPPED,
    ]


@pytest.mark.parametrize(
    ("difference", "asks"),
    [
        (Difference(), False),
        (Difference(added=1), True),
        (Difference(removed=1), True),
        (Difference(changed=1), True),
        (Difference(content_changed=True), True),
        (Difference(first=True, added=3), False),
        (Difference(removed_sent=1, changed_sent=1, already_sent=1), False),
    ],
)
def test_each_kind_of_difference_alone_asks_the_user(difference: Difference, asks: bool) -> None:
    assert bool(difference) is asks


def test_a_difference_is_one_line_of_text() -> None:
    difference = Difference(
        added=1, removed=2, removed_sent=1, changed=3, content_changed=True, already_sent=20
    )
    assert str(difference) == (
        "+1 new, -2 gone (1 already sent), ~3 changed (0 already sent), "
        "content changed (20 already sent)"
    )
    assert str(Difference()) == "the same recipients, the same content"


@pytest.mark.parametrize(
    ("state", "stage", "reply", "unmade"),
    [
        (State.SKIPPED, "mail", "x is not defined", True),
        (State.SKIPPED, "", GONE, False),
        (State.PENDING, MAKING, "there is no such file", True),
        (State.PENDING, "", "", False),
        (State.PENDING, "rcpt", "550 No", False),
        (State.DEFERRED, MAKING, "there is no such file", False),
    ],
)
def test_message_that_could_not_be_made_is_recognised(
    state: State, stage: str, reply: str, unmade: bool
) -> None:
    assert is_unmade(state, stage, reply) is unmade


def test_retry_time_of_a_wrong_clock_is_due_at_once() -> None:
    assert due_at(None, NOW) is None
    assert due_at(NOW + 300, NOW) == NOW + 300
    assert due_at(NOW + LONGEST_RETRY, NOW) == NOW + LONGEST_RETRY
    assert due_at(NOW + LONGEST_RETRY + 1, NOW) == NOW
