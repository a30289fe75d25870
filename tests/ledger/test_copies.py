"""Which sent messages need a copy in the Sent folder: those since the campaign saves copies."""

from __future__ import annotations

import math

import pytest

from mailmerge.ledger.copies import SavedCopies
from mailmerge.ledger.interface import Store
from mailmerge.ledger.ledger import Ledger
from mailmerge.ledger.states import Delivery, State
from mailmerge.settings import Settings
from tests.ledger.steps import NOW, claim, finish
from tests.ledgers import store_of


@pytest.fixture
def ledger(campaign: Settings) -> Ledger:
    return Ledger.of(campaign)


def sent(store: Store, *deliveries: Delivery) -> None:
    for one in deliveries:
        finish(store, one, State.SENT)
    store.flush()


def owed(record: SavedCopies) -> list[str]:
    return [one.key for some in record.iterate_owed() for one in some]


def test_messages_sent_since_the_beginning_need_a_copy(ledger: Ledger, campaign: Settings) -> None:
    with ledger:
        store = store_of(ledger, campaign)
        record = ledger.copies(campaign.name)
        one, two, three, four = claim(store, 4)
        sent(store, one)
        assert (record.since(), record.owed()) == (math.inf, 0)
        record.begin(NOW + 0.5)
        sent(store, two, three)
        finish(store, four, State.REJECTED)
        assert record.owed() == 3
        record.note([one.id, two.id])
        assert owed(record) == [three.key]
        record.note([two.id, three.id])
        assert (owed(record), record.owed()) == ([], 0)


def test_beginning_is_noted_once_unless_the_content_changes(
    ledger: Ledger, campaign: Settings
) -> None:
    with ledger:
        store = store_of(ledger, campaign)
        sent(store, *claim(store, 2))
        record = ledger.copies(campaign.name)
        record.begin(NOW - 5)
        record.begin(NOW + 5)
        assert (record.since(), record.owed()) == (NOW - 5, 2)
        record.begin(NOW + 5, forget=True)
        assert (record.since(), record.owed()) == (NOW + 5, 0)


def test_record_survives_the_ledger(campaign: Settings) -> None:
    with Ledger.of(campaign) as ledger:
        store = store_of(ledger, campaign)
        sent(store, *claim(store, 2))
        record = ledger.copies(campaign.name)
        record.begin(NOW)
        record.note([1])
    with Ledger.of(campaign) as ledger:
        store_of(ledger, campaign)
        assert ledger.copies(campaign.name).owed() == 1
