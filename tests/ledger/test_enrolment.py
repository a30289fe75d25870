"""Recipients become deliveries: the snapshot, the difference, and what a difference may change."""

from __future__ import annotations

from dataclasses import replace

from mailmerge.ledger.interface import Store
from mailmerge.ledger.states import State, Transition
from mailmerge.recipients.audience import Recipient
from tests.engine.driver import make_recipient, make_recipients
from tests.ledger.steps import NOW, by_key, claim, counts, enrol, finish


def send_first(store: Store, recipients: int) -> None:
    """Enrol recipients, and send the first of them."""
    enrol(store, recipients)
    finish(store, store.claim("w", 1, NOW)[0], State.SENT)


def test_before_the_first_message_recipients_are_replaced(store: Store) -> None:
    enrol(store, 4)
    difference = store.enrol(make_recipients(2), "another")
    assert (difference.first, bool(difference), difference.added) == (True, False, 2)
    assert counts(store) == {"pending": 2}


def test_a_released_claim_does_not_count_as_sent(store: Store) -> None:
    store.release([one.id for one in claim(store, 2)])
    assert store.enrol(make_recipients(3), "g").first


def test_a_difference_is_not_applied_unless_accepted(store: Store) -> None:
    send_first(store, 3)
    difference = store.enrol(make_recipients(2), "f")
    assert difference
    assert not difference.applied
    assert len(by_key(store)) == 3
    assert store.enrol(make_recipients(2), "f", accept_changes=True).applied


def test_only_removed_recipients_are_a_difference(store: Store) -> None:
    send_first(store, 3)
    difference = store.enrol([make_recipient(0), make_recipient(1)], "f")
    assert (difference.removed, difference.changed) == (1, 0)
    assert not difference.applied


def test_only_changed_recipients_are_a_difference(store: Store) -> None:
    send_first(store, 2)
    difference = store.enrol([make_recipient(0), make_recipient(1, name="Renamed")], "f")
    assert (difference.removed, difference.changed) == (0, 1)
    assert not difference.applied


def test_removed_recipients_that_were_sent_are_counted(store: Store) -> None:
    send_first(store, 4)
    difference = store.enrol([make_recipient(1)], "f")
    assert (difference.removed, difference.removed_sent) == (3, 1)
    assert str(difference) == "-3 gone (1 already sent)"
    store.enrol([make_recipient(1)], "f", accept_changes=True)
    assert by_key(store)["u0"].state is State.SENT, "a removed recipient that was sent stays sent"
    assert by_key(store)["u2"].state is State.SKIPPED
    assert by_key(store)["u2"].reply == "no longer in the spreadsheet"


def test_recipients_are_compared_by_key(store: Store) -> None:
    sent, refused, waiting, gone = claim(store)
    finish(store, sent, State.SENT)
    finish(store, refused, State.REJECTED)
    store.release([waiting.id, gone.id])
    edited = [
        make_recipient(0, name="Renamed"),
        make_recipient(2, name="Renamed"),
        make_recipient(1),
        make_recipient(9),
    ]
    assert str(store.enrol(edited, "g")) == (
        "+1 new, -1 gone (0 already sent), ~2 changed (1 already sent), "
        "content changed (1 already sent)"
    )
    assert by_key(store)["u2"].cells["name"] == "Person 2"
    store.enrol(edited, "g", accept_changes=True)
    found = by_key(store)
    assert found["u0"].cells["name"] == "Person 0", "what was sent is what is kept"
    assert found["u2"].cells["name"] == "Renamed"
    assert (found["u3"].state, found["u9"].state) == (State.SKIPPED, State.PENDING)
    assert [one.key[:2] for one in store.claim("w", 9, NOW)] == ["u2", "u9"]


def test_an_accepted_difference_is_not_reported_again(store: Store) -> None:
    send_first(store, 3)
    edited = [make_recipient(0, name="Renamed"), make_recipient(5)]
    store.enrol(edited, "g", accept_changes=True)
    assert not store.enrol(edited, "g")
    assert store.enrol(edited, "g").applied


def leave_after_all_outcomes(store: Store) -> list[Recipient]:
    """Reject, doubt and send; then these leave the spreadsheet. Returns the recipients left."""
    first, second, third, _ = claim(store)
    finish(store, first, State.REJECTED)
    finish(store, second, State.IN_DOUBT, doubts=1)
    finish(store, third, State.SENT)
    left = make_recipients(4)[3:]
    assert store.enrol(left, "f").removed == 3
    store.enrol(left, "f", accept_changes=True)
    return left


def test_recipients_that_left_are_reported_once(store: Store) -> None:
    left = leave_after_all_outcomes(store)
    assert not store.enrol(left, "f")
    assert store.counts()[State.SENT] == 1


def test_recipients_that_left_are_not_tried_again(store: Store) -> None:
    left = leave_after_all_outcomes(store)
    assert (store.retry_rejected(), store.resend_in_doubt()) == (0, 0)
    assert store.assume_sent() == 1, "a doubt can always be settled"
    store.enrol([*make_recipients(1), *left], "f", accept_changes=True)
    assert store.retry_rejected() == 1, "it has returned"


def test_a_recipient_that_comes_back_is_pending(store: Store) -> None:
    send_first(store, 2)
    store.enrol(make_recipients(1), "f", accept_changes=True)
    assert by_key(store)["u1"].state is State.SKIPPED
    assert store.enrol(make_recipients(2), "f").added == 1
    store.enrol(make_recipients(2), "f", accept_changes=True)
    assert (by_key(store)["u1"].state, by_key(store)["u1"].reply) == (State.PENDING, "")


def test_sorting_rows_is_not_a_difference(store: Store) -> None:
    send_first(store, 3)
    moved = [replace(one, row=9 - one.row) for one in make_recipients(3)]
    assert not store.enrol(moved, "f")
    assert [(one.row, one.key[:2]) for one in store.iterate()] == [(5, "u2"), (6, "u1"), (7, "u0")]


def test_a_rejected_recipient_with_another_address_is_pending(store: Store) -> None:
    enrol(store, 2)
    finish(store, store.claim("w", 1, NOW)[0], State.REJECTED)
    moved = replace(make_recipient(0), mailbox=make_recipient(77).mailbox)
    store.enrol([moved, make_recipient(1)], "f", accept_changes=True)
    found = by_key(store)["u0"]
    assert (found.state, found.address, found.date) == (State.PENDING, "u77@example.org", None)


def test_a_selection_of_recipients_is_not_a_difference(store: Store) -> None:
    enrol(store, 4)
    some = [make_recipient(1), make_recipient(8)]
    assert not store.enrol(some, "f", partial=True)
    assert store.claimable() == 2
    assert {one.key[:2] for one in store.claim("w", 9, NOW)} == {"u1", "u8"}
    store.release([one.id for one in store.iterate()])
    store.enrol([*make_recipients(4), make_recipient(8)], "f")
    assert store.claimable() == 5


def test_other_content_alone_is_a_difference(store: Store) -> None:
    send_first(store, 2)
    difference = store.enrol(make_recipients(2), "other content")
    assert (difference.content_changed, difference.already_sent, difference.applied) == (
        True,
        1,
        False,
    )


def skip_second(store: Store, reason: str = "body.txt: x is not defined") -> None:
    """Send the first recipient and skip the second, whose message cannot be made."""
    first, second, *others = claim(store)
    finish(store, first, State.SENT)
    store.apply([Transition(second.id, State.SKIPPED, NOW, 0, 0, None, "mail", reason)])
    store.release([one.id for one in others])


def test_a_recipient_without_a_message_is_pending_again(store: Store) -> None:
    skip_second(store)
    assert (store.unmade(), store.claimable()) == (1, 2)
    assert not store.enrol(make_recipients(4), "f")
    assert (store.unmade(), store.claimable()) == (0, 3)
    found = by_key(store)["u1"]
    assert (found.state, found.stage, found.reply) == (State.PENDING, "", "")


def test_a_selection_leaves_other_recipients_without_a_message(store: Store) -> None:
    skip_second(store)
    store.enrol([make_recipient(2)], "f", partial=True)
    assert store.unmade() == 1
    store.enrol([make_recipient(1)], "f", partial=True)
    assert (store.unmade(), store.claimable()) == (0, 1)


def test_a_refused_difference_changes_no_recipient_without_a_message(store: Store) -> None:
    skip_second(store)
    assert not store.enrol(make_recipients(4), "other content").applied
    assert store.unmade() == 1


def test_a_removed_recipient_without_a_message_is_gone(store: Store) -> None:
    skip_second(store)
    left = [make_recipient(0), make_recipient(2), make_recipient(3)]
    assert store.enrol(left, "f").removed == 1
    store.enrol(left, "f", accept_changes=True)
    assert (store.unmade(), store.counts()[State.SKIPPED]) == (0, 1)
    assert not store.enrol(left, "f")


def test_messages_that_could_not_be_made_leave_the_campaign_untried(store: Store) -> None:
    """Nothing was offered to a server, so recipients and content may change without a question."""
    first, *others = claim(store)
    store.apply([Transition(first.id, State.SKIPPED, NOW, 0, 0, None, "mail", "x is not defined")])
    store.release([one.id for one in others])
    difference = store.enrol(make_recipients(2), "other content")
    assert (difference.first, difference.applied, store.claimable()) == (True, True, 2)
