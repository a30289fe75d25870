"""A machine whose clock was ahead does not postpone a deferred recipient by as much."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.ledger.states import LONGEST_RETRY, State
from tests.engine.clocks import START, Clock
from tests.engine.driver import make_campaign, make_recipients, make_run
from tests.ledgers import KINDS, open_store
from tests.scripted_server import serve
from tests.scripted_server.faults import greylist

YEAR = 365 * 86_400.0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ahead", [YEAR, 30 * 86_400.0, LONGEST_RETRY + 1.0])
def test_next_run_with_the_right_clock_sends(tmp_path: Path, kind: str, ahead: float) -> None:
    campaign = make_campaign(tmp_path)
    with serve(greylist(1)) as server, open_store(campaign, kind) as store:
        store.enrol(make_recipients(3), campaign.fingerprint())
        wrong = make_run(campaign, store, server.port, clock=Clock(START + ahead)).execute()
        assert wrong.states[State.DEFERRED] == 3
        right = make_run(campaign, store, server.port, clock=Clock(START)).execute()
        assert right.states[State.SENT] == 3


def test_recipient_that_is_due_soon_is_not_sent_early(tmp_path: Path) -> None:
    campaign = make_campaign(tmp_path)
    with serve(greylist(1)) as server, open_store(campaign) as store:
        store.enrol(make_recipients(3), campaign.fingerprint())
        make_run(campaign, store, server.port, clock=Clock(START)).execute()
        early = make_run(campaign, store, server.port, clock=Clock(START + 200)).execute()
        assert early.states[State.DEFERRED] == 3


def test_pending_recipients_and_late_ones_are_claimed_together(tmp_path: Path) -> None:
    campaign = make_campaign(tmp_path)
    with serve(greylist(1)) as server, open_store(campaign) as store:
        store.enrol(make_recipients(5), campaign.fingerprint())
        clock = Clock(START + YEAR)
        make_run(campaign, store, server.port, clock=clock, limit=2).execute()
        assert store.counts()[State.DEFERRED] == 2
        claimed = store.claim("w", 4, START)
        assert [one.row for one in claimed] == [2, 3, 4, 5]
