"""Time zones of deliveries in every kind of ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.ledger.states import State, Transition
from mailmerge.ledger.zones import ZoneBacklog
from tests.engine.driver import make_campaign, make_recipients
from tests.ledger.steps import NOW
from tests.ledgers import DURABLE, KINDS, open_store

TOKYO, BERLIN = "Asia/Tokyo", "Europe/Berlin"


@pytest.mark.parametrize("kind", KINDS)
def test_claim_leaves_out_closed_zones(tmp_path: Path, kind: str) -> None:
    with open_store(make_campaign(tmp_path), kind) as store:
        store.enrol(make_recipients(5), "")
        ids = [one.id for one in store.iterate()]
        store.assign_zones(zip(ids, [TOKYO, BERLIN, TOKYO, BERLIN], strict=False))
        assert store.zone_backlog() == [
            ZoneBacklog("", 1), ZoneBacklog(TOKYO, 2), ZoneBacklog(BERLIN, 2),
        ]  # fmt: skip
        claimed = store.claim("run", 10, NOW, frozenset({TOKYO}))
        assert [one.time_zone for one in claimed] == [BERLIN, BERLIN, ""]
        assert store.zone_backlog() == [ZoneBacklog(TOKYO, 2)]
        store.release([one.id for one in claimed])
        assert len(store.claim("run", 10, NOW)) == 5


@pytest.mark.parametrize("kind", KINDS)
def test_deferred_delivery_of_a_closed_zone_is_not_claimed(tmp_path: Path, kind: str) -> None:
    with open_store(make_campaign(tmp_path), kind) as store:
        store.enrol(make_recipients(1), "")
        [one] = store.iterate()
        store.assign_zones([(one.id, TOKYO)])
        store.claim("run", 1, NOW)
        store.apply([Transition(one.id, State.DEFERRED, NOW, 1, retry_at=NOW + 60, stage="rcpt")])
        assert store.zone_backlog() == [ZoneBacklog(TOKYO, 0, 1, NOW + 60)]
        assert store.claim("run", 1, NOW + 61, [TOKYO]) == []
        assert [again.id for again in store.claim("run", 1, NOW + 61, [BERLIN])] == [one.id]


@pytest.mark.parametrize("kind", DURABLE)
def test_zones_survive_the_process(tmp_path: Path, kind: str) -> None:
    campaign = make_campaign(tmp_path)
    with open_store(campaign, kind) as store:
        store.enrol(make_recipients(1), "")
        store.assign_zones([(one.id, BERLIN) for one in store.iterate()])
    with open_store(campaign, kind) as store:
        assert [one.time_zone for one in store.iterate()] == [BERLIN]
