"""Drafted deliveries: found once, recorded with their identity, pending for every report."""

from __future__ import annotations

from dataclasses import replace

from mailmerge.ledger.interface import Store
from mailmerge.ledger.states import State, reported_state
from tests.engine.driver import make_recipients
from tests.ledger.steps import NOW, by_key, claim, counts, enrol, finish


def test_undrafted_deliveries_come_in_pages_with_their_message_ids(store: Store) -> None:
    enrol(store, 5)
    first = store.undrafted(0, 3)
    rest = store.undrafted(first[-1].id, 3)
    assert [len(first), len(rest)] == [3, 2]
    ids = [one.message_id for one in (*first, *rest)]
    assert len(set(ids)) == 5
    assert all(one.startswith("<") for one in ids)
    assert [one.message_id for one in store.undrafted(0, 9)] == ids


def test_drafted_delivery_counts_as_pending_and_is_not_claimed(store: Store) -> None:
    enrol(store, 2)
    [one] = store.undrafted(0, 1)
    assert store.note_drafted([one], NOW) == 1
    assert (counts(store), store.claimable(), store.drafted()) == ({"pending": 2}, 1, 1)
    drafted = by_key(store)["u0"]
    assert (drafted.state, drafted.message_id) == (State.DRAFTED, one.message_id)
    assert (drafted.date, drafted.changed_at) == (NOW, NOW)
    assert reported_state(drafted.state) is State.PENDING
    assert [two.key for two in store.claim("w", 9, NOW)] == ["u1@example.org"]


def test_message_keeps_its_message_id_when_it_is_sent_after_all(store: Store) -> None:
    enrol(store, 1)
    [one] = store.undrafted(0, 1)
    store.note_drafted([one], NOW)
    assert store.retry_drafted() == 1
    [claimed] = store.claim("w", 1, NOW + 60)
    assert (claimed.message_id, claimed.date) == (one.message_id, NOW + 60)
    finish(store, claimed, State.SENT)
    assert counts(store) == {"sent": 1}


def test_delivery_with_an_outcome_gets_no_draft(store: Store) -> None:
    one, two = claim(store, 2)
    finish(store, one, State.SENT)
    finish(store, two, State.DEFERRED, retry_at=NOW + 10)
    [undrafted] = store.undrafted(0, 9)
    assert undrafted.key == two.key
    store.note_drafted([one, two], NOW)
    assert {key: each.state for key, each in by_key(store).items()} == {
        "u0": State.SENT,
        "u1": State.DRAFTED,
    }
    assert store.next_retry() is None


def test_only_selected_recipients_get_drafts(store: Store) -> None:
    enrol(store, 3)
    store.enrol(make_recipients(1), "f", partial=True)
    assert [one.key for one in store.undrafted(0, 9)] == ["u0@example.org"]


def test_drafted_recipient_takes_new_cells(store: Store) -> None:
    enrol(store, 1)
    store.note_drafted(store.undrafted(0, 1), NOW)
    [one] = make_recipients(1)
    store.enrol([replace(one, cells={**one.cells, "name": "New"})], "f", accept_changes=True)
    assert by_key(store)["u0"].cells["name"] == "New"
    assert by_key(store)["u0"].state is State.DRAFTED
