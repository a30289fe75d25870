"""Date is the time of the attempt that is sent, not of an earlier claim of which nothing left."""

from __future__ import annotations

from email.parser import BytesHeaderParser
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from mailmerge.ledger.states import State
from mailmerge.settings import Settings, parse_rate
from tests.engine.clocks import START, Clock
from tests.engine.driver import make_campaign, make_recipients, make_run
from tests.ledger.steps import sending
from tests.ledgers import DURABLE, as_left_by_a_crash, open_store
from tests.scripted_server import Accept, Close, Reply, Rule, ScriptedServer, Stage, When, serve

DAY = 86_400.0
LATER = START + 3 * DAY

every_store = pytest.mark.parametrize("kind", DURABLE)


def dates(server: ScriptedServer) -> dict[str, list[float]]:
    """The Date of each message that reached the end of its data, by recipient."""
    found: dict[str, list[float]] = {}
    for message in server.messages:
        fields = BytesHeaderParser().parsebytes(message.content)
        at = parsedate_to_datetime(str(fields["Date"])).timestamp()
        found.setdefault(message.to, []).append(at)
    return found


def message_ids(server: ScriptedServer) -> set[str]:
    return {message.message_id for message in server.messages}


def send(campaign: Settings, server: ScriptedServer, kind: str, at: float, **asked: Any) -> None:
    with open_store(campaign, kind) as store:
        store.enrol(make_recipients(3), campaign.fingerprint())
        make_run(campaign, store, server.port, clock=Clock(at), **asked).execute()


@every_store
def test_released_claim_leaves_no_date(tmp_path: Path, kind: str) -> None:
    """The quota of an account allows one message; the others were claimed with it."""
    campaign = make_campaign(tmp_path)
    with serve() as server:
        send(campaign, server, kind, START, rates=[parse_rate("1/day")])
        assert [at for [at] in dates(server).values()] == [START]
        send(campaign, server, kind, LATER)
        assert sorted(at for [at] in dates(server).values()) == [START, LATER, LATER]


@every_store
def test_claim_of_a_killed_process_leaves_no_date(tmp_path: Path, kind: str) -> None:
    campaign = make_campaign(tmp_path / "campaign")
    with serve() as server:
        send(campaign, server, kind, START, limit=1)
        with open_store(campaign, kind) as store:
            claimed = [one.message_id for one in store.claim("w", 3, START)]
            left = as_left_by_a_crash(campaign, tmp_path / "left")
        send(left, server, kind, LATER)
        assert sorted(at for [at] in dates(server).values()) == [START, LATER, LATER]
        assert set(claimed) < message_ids(server)


@every_store
def test_refusal_before_the_content_leaves_no_date(tmp_path: Path, kind: str) -> None:
    campaign = make_campaign(tmp_path)
    later = Rule(When(Stage.RCPT, times=3), (Reply(450, "4.2.0 Greylisted"),))
    with serve(later) as server:
        send(campaign, server, kind, START)
        send(campaign, server, kind, LATER)
        assert [at for [at] in dates(server).values()] == [LATER] * 3


@every_store
def test_message_that_may_have_arrived_keeps_its_date(tmp_path: Path, kind: str) -> None:
    campaign = make_campaign(tmp_path)
    lost = Rule(When(Stage.END_OF_DATA, times=1), (Accept(), Close()))
    with serve(lost) as server:
        send(campaign, server, kind, START)
        send(campaign, server, kind, LATER, in_doubt="resend")
        [twice] = [found for found in dates(server).values() if len(found) == 2]
        assert twice == [START, START]
        first, second = [one for one in server.messages if one.to in _twice(server)]
        assert first.sha256 == second.sha256
        assert first.message_id == second.message_id


def _twice(server: ScriptedServer) -> set[str]:
    return {to for to, found in dates(server).items() if len(found) == 2}


@every_store
def test_message_refused_for_now_after_its_content_keeps_its_date(
    tmp_path: Path, kind: str
) -> None:
    campaign = make_campaign(tmp_path)
    later = Rule(When(Stage.END_OF_DATA, times=3), (Reply(451, "4.2.0 Greylisted"),))
    with serve(later) as server:
        send(campaign, server, kind, START)
        send(campaign, server, kind, LATER)
        assert {at for found in dates(server).values() for at in found} == {START}


@every_store
def test_message_that_was_ending_keeps_its_date(tmp_path: Path, kind: str) -> None:
    """A delivery in doubt was perhaps sent, so its Date stays."""
    campaign = make_campaign(tmp_path)
    with open_store(campaign, kind) as store:
        store.enrol(make_recipients(1), campaign.fingerprint())
        [one] = store.claim("w", 1, START)
        assert one.date == START
        sending(store, one, START)
    with open_store(campaign, kind) as store:
        assert store.counts()[State.IN_DOUBT] == 1
        store.resend_in_doubt()
        [again] = store.claim("w", 1, LATER)
        assert (again.date, again.message_id) == (START, one.message_id)
