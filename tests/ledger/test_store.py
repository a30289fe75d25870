"""Every kind of store, with and without a journal: the queue, decisions, the check."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mailmerge.errors import ClaimLost
from mailmerge.ledger.interface import Store
from mailmerge.ledger.ledger import Ledger
from mailmerge.ledger.states import State, Transition, claim_transition
from mailmerge.ledger.store import LEASE
from mailmerge.settings import Settings
from tests.engine.driver import make_recipients
from tests.ledger.conftest import OpenAll
from tests.ledger.steps import NOW, by_key, claim, counts, enrol, finish, sending
from tests.ledgers import as_left_by_a_crash, store_of


def test_claims_follow_the_spreadsheet_and_never_repeat(store: Store) -> None:
    enrol(store, 5)
    first, second = store.claim("w", 3, NOW), store.claim("x", 3, NOW)
    assert [one.row for one in first + second] == [2, 3, 4, 5, 6]
    assert store.claim("w", 3, NOW) == []
    assert {one.state for one in first + second} == {State.CLAIMED}
    assert counts(store) == {"pending": 5}
    assert first[0].recipient.cells["name"] == "Person 0"


def test_the_first_claim_fixes_message_id_and_date(store: Store) -> None:
    [first] = claim(store, 1)
    assert first.message_id.endswith("@example.org>")
    assert (first.date, first.sent_on.microsecond) == (NOW, 0)
    finish(store, first, State.DEFERRED, retry_at=NOW + 10)
    assert store.claim("w", 1, NOW + 9) == []
    [second] = store.claim("w", 1, NOW + 10)
    assert (second.message_id, second.date, second.attempts) == (first.message_id, NOW, 1)


def test_message_ids_differ_between_recipients(store: Store) -> None:
    assert len({one.message_id for one in claim(store, 5)}) == 5


def test_a_released_delivery_can_be_claimed_again(store: Store) -> None:
    one, two = claim(store, 2)
    store.release([two.id, 999])
    assert [again.id for again in store.claim("w", 9, NOW)] == [two.id]
    store.release([one.id, two.id])
    assert counts(store) == {"pending": 2}


def test_every_claim_lasts_a_whole_lease(store: Store) -> None:
    enrol(store, 2)
    store.claim("w", 1, NOW)
    [later] = store.claim("w", 1, NOW + LEASE / 2)
    store.expire(NOW + LEASE)
    assert by_key(store)["u1"].state is State.CLAIMED
    assert sending(store, later, NOW + LEASE).state is State.SENDING


def test_due_deliveries_come_before_pending_ones(store: Store) -> None:
    enrol(store, 4)
    for one, retry_at in zip(store.claim("w", 2, NOW), (NOW + 20, NOW + 10), strict=True):
        finish(store, one, State.DEFERRED, retry_at=retry_at)
    assert store.next_retry() == NOW + 10
    assert store.claimable() == 4
    claimed = store.claim("w", 3, NOW + 30)
    assert [one.key[:2] for one in claimed] == ["u1", "u0", "u2"]
    assert store.next_retry() is None


def test_a_deferred_delivery_without_a_time_is_due_at_once(store: Store) -> None:
    [one] = claim(store, 1)
    assert finish(store, one, State.DEFERRED).retry_at == NOW + 1
    assert store.next_retry() == NOW + 1


def test_apply_returns_what_was_recorded(store: Store) -> None:
    one, two = claim(store, 2)
    assert sending(store, one) == claim_transition(one, State.SENDING, NOW)
    assert finish(store, two, State.SENT).state is State.SENT
    assert by_key(store)["u1"].reply == "250 Ok"
    assert counts(store) == {"pending": 1, "sent": 1}


def test_a_taken_back_message_can_be_sent_again(store: Store) -> None:
    [one] = claim(store, 1)
    sending(store, one)
    store.apply([claim_transition(one, State.CLAIMED, NOW)])
    assert finish(store, one, State.SENT).state is State.SENT


def test_a_second_sending_of_one_claim_is_refused(store: Store) -> None:
    [one] = claim(store, 1)
    sending(store, one)
    with pytest.raises(ValueError, match="sending cannot become sending"):
        sending(store, one)


@pytest.mark.parametrize("state", [State.SENT, State.CLAIMED])
def test_a_change_that_no_rule_allows_is_an_error(store: Store, state: State) -> None:
    [one] = claim(store, 1)
    with pytest.raises(ValueError, match="claimed cannot become"):
        store.apply([Transition(one.id, state, NOW)])


def test_only_success_ends_a_doubt(store: Store) -> None:
    [one] = claim(store, 1)
    finish(store, one, State.IN_DOUBT, doubts=1)
    assert store.claim("w", 1, NOW) == []
    assert store.resend_in_doubt() == 1
    [again] = store.claim("w", 1, NOW)
    assert finish(store, again, State.REJECTED).state is State.IN_DOUBT
    assert counts(store) == {"in_doubt": 1}
    assert store.resend_in_doubt() == 1
    [last] = store.claim("w", 1, NOW)
    assert finish(store, last, State.SENT).state is State.SENT


# --- expiry


def test_an_expired_claim_can_be_claimed_by_another(store: Store) -> None:
    claim(store, 2)
    assert store.expire(NOW + LEASE - 1) == 0
    assert store.expire(NOW + LEASE) == 2
    assert counts(store) == {"pending": 2}
    assert len(store.claim("x", 9, NOW + LEASE)) == 2


def test_an_expired_claim_cannot_become_sending(store: Store) -> None:
    one, two = claim(store, 2)
    sending(store, two)
    store.expire(NOW + LEASE)
    with pytest.raises(ClaimLost) as lost:
        sending(store, one, NOW + LEASE)
    assert lost.value.ids == (one.id,)
    assert counts(store) == {"pending": 1, "in_doubt": 1}


def test_an_expired_sending_is_in_doubt_until_its_reply_comes(store: Store) -> None:
    one, two = claim(store, 2)
    for each in (one, two):
        sending(store, each)
    store.expire(NOW + LEASE)
    assert counts(store) == {"in_doubt": 2}
    late = Transition(one.id, State.SENT, NOW + LEASE, 1, reply="250 Ok")
    assert store.apply([late]) == [late]
    refused = store.apply([replace(late, delivery_id=two.id, state=State.REJECTED)])
    assert [found.state for found in refused] == [State.IN_DOUBT]
    assert counts(store) == {"sent": 1, "in_doubt": 1}


def test_an_expired_deferred_claim_is_deferred_again(store: Store) -> None:
    [one] = claim(store, 1)
    finish(store, one, State.DEFERRED, retry_at=NOW + 10)
    store.claim("w", 1, NOW + 10)
    store.expire(NOW + 10 + LEASE)
    assert counts(store) == {"deferred": 1}
    assert store.next_retry() == NOW + 10


def test_a_renewed_claim_does_not_expire(store: Store) -> None:
    [one] = claim(store, 1)
    store.renew("w", NOW + LEASE / 2)
    store.renew("another", NOW + 2 * LEASE)
    assert store.expire(NOW + LEASE) == 0
    assert sending(store, one, NOW + LEASE).state is State.SENDING


def test_each_renewal_lasts_a_whole_lease(store: Store) -> None:
    """Also one that comes so soon after the last that a store need not write it yet."""
    one, two, three = claim(store, 3)
    store.renew("w", NOW + 10)
    assert sending(store, one, NOW + LEASE + 9).state is State.SENDING
    assert store.expire(NOW + LEASE + 9) == 0
    assert sending(store, two, NOW + LEASE + 9).state is State.SENDING
    assert store.expire(NOW + LEASE + 10) == 3
    with pytest.raises(ClaimLost):
        sending(store, three, NOW + LEASE + 10)


def test_a_claim_renews_the_older_claims_of_its_worker(store: Store) -> None:
    enrol(store, 2)
    [older] = store.claim("w", 1, NOW)
    store.claim("w", 1, NOW + 10)
    assert store.expire(NOW + LEASE + 9) == 0
    assert sending(store, older, NOW + LEASE + 9).state is State.SENDING
    assert store.expire(NOW + LEASE + 10) == 2


# --- decisions, memory


def test_doubts_can_be_assumed_sent(store: Store) -> None:
    one, _ = claim(store, 2)
    finish(store, one, State.IN_DOUBT, doubts=1)
    assert store.assume_sent() == 1
    assert counts(store) == {"sent": 1, "pending": 1}
    assert "assumed" in by_key(store)["u0"].reply


def test_rejected_deliveries_can_be_retried(store: Store) -> None:
    enrol(store, 2)
    finish(store, store.claim("w", 1, NOW)[0], State.REJECTED)
    assert store.claimable() == 1
    assert store.retry_rejected() == 1
    assert len(store.claim("w", 9, NOW)) == 2


def test_deferred_deliveries_can_be_made_due(store: Store) -> None:
    enrol(store, 2)
    finish(store, store.claim("w", 1, NOW)[0], State.DEFERRED, retry_at=NOW + 900)
    assert len(store.claim("w", 9, NOW)) == 1
    assert store.next_retry() == NOW + 900
    assert store.retry_deferred() == 1
    assert [one.key for one in store.claim("w", 9, NOW)] == ["u0@example.org"]


def test_a_check_is_remembered_until_another_one_passes(store: Store) -> None:
    assert not store.check_passed("")
    store.remember_check("a")
    assert store.check_passed("a")
    store.remember_check("b")
    assert not store.check_passed("a")


# --- what another process finds


def test_a_claim_is_durable_on_return(campaign: Settings, open_again: OpenAll) -> None:
    store = store_of(open_again(campaign), campaign)
    claim(store, 2)
    reader = Ledger.read(campaign)
    assert reader is not None
    assert {one.state for one in reader.iterate()} == {State.CLAIMED}


def test_a_closed_store_has_given_back_its_claims(campaign: Settings, open_again: OpenAll) -> None:
    ledger = open_again(campaign)
    store = store_of(ledger, campaign)
    claimed = claim(store)
    finish(store, claimed[0], State.SENT)
    ledger.close()
    again = store_of(open_again(campaign), campaign)
    assert counts(again) == {"sent": 1, "pending": 3}
    assert [one.key for one in again.claim("w", 9, NOW)] == [one.key for one in claimed[1:]]


def test_a_retry_time_survives_a_message_that_was_taken_back(
    campaign: Settings, open_again: OpenAll
) -> None:
    ledger = open_again(campaign)
    store = store_of(ledger, campaign)
    [one] = claim(store, 1)
    finish(store, one, State.DEFERRED, retry_at=NOW + 10)
    [again] = store.claim("w", 1, NOW + 11)
    sending(store, again)
    store.apply([claim_transition(again, State.CLAIMED, NOW)])
    ledger.close()
    found = store_of(open_again(campaign), campaign)
    assert counts(found) == {"deferred": 1}
    assert found.next_retry() == NOW + 10


def test_a_decision_to_resend_ends_with_the_session(
    campaign: Settings, open_again: OpenAll
) -> None:
    ledger = open_again(campaign)
    store = store_of(ledger, campaign)
    for one in claim(store, 2):
        finish(store, one, State.IN_DOUBT, doubts=1)
    assert store.resend_in_doubt() == 2
    assert (store.claimable(), store.next_retry()) == (2, 0.0)
    assert len(store.claim("w", 1, NOW)) == 1
    ledger.close()
    again = store_of(open_again(campaign), campaign)
    assert counts(again) == {"in_doubt": 2}
    assert (again.claimable(), again.next_retry()) == (0, None)


def test_a_decision_to_resend_ends_with_a_crash(
    campaign: Settings, open_again: OpenAll, tmp_path: Path
) -> None:
    store = store_of(open_again(campaign), campaign)
    finish(store, claim(store, 1)[0], State.IN_DOUBT, doubts=1)
    assert store.resend_in_doubt() == 1
    left = as_left_by_a_crash(campaign, tmp_path / "left")
    again = store_of(open_again(left), left)
    assert (again.claimable(), again.claim("w", 9, NOW)) == (0, [])


def test_run_times_are_written_by_a_flush(campaign: Settings, open_again: OpenAll) -> None:
    ledger = open_again(campaign)
    store = enrol(store_of(ledger, campaign))
    store.note_run(8.0, 2.5)
    store.flush()
    reader = Ledger.read(campaign)
    assert reader is not None
    assert (reader.standing().seconds, reader.standing().check_seconds) == (8.0, 2.5)


def test_decisions_concern_only_the_selected_recipients(store: Store) -> None:
    for one in claim(store, 3):
        finish(store, one, State.IN_DOUBT, doubts=1)
    store.enrol(make_recipients(1), "f", partial=True)
    assert store.resend_in_doubt() == 1
    assert [one.key[:2] for one in store.claim("w", 9, NOW)] == ["u0"]
