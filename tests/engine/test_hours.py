"""Recipients are sent in the hours of their own time zones."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from mailmerge.engine.events import Event, Waiting
from mailmerge.engine.hours import Outlook, Schedule, Watch, outlook, schedule_of
from mailmerge.engine.run import Claim, Reason, Run, Stop, Wait, next_step
from mailmerge.engine.throttle import Forecast
from mailmerge.ledger.interface import Store
from mailmerge.ledger.states import Delivery, State
from mailmerge.ledger.zones import ZoneBacklog
from mailmerge.sending_hours import Hours, is_open, parse_hours
from mailmerge.settings import DeliverySection, Settings, parse_rate
from tests.engine.clocks import Clock
from tests.engine.driver import make_campaign, make_recipients, make_run
from tests.engine.stepping import Stepping
from tests.engine.test_next_step import NOW, SETTLED
from tests.ledgers import open_store, read_ledger
from tests.scripted_server import ScriptedServer, serve
from tests.scripted_server.faults import greylist

HOURS = '[delivery]\nhours = "09:00-17:00"\ndays = "mon-fri"\n'
OFFICE = cast("Hours", parse_hours("09:00-17:00", "mon-fri"))
SCHEDULE = Schedule(OFFICE)
TOKYO, BERLIN, CHICAGO = "Asia/Tokyo", "Europe/Berlin", "America/Chicago"


def at(text: str, zone: str = BERLIN) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


FRIDAY = at("2026-11-27 16:00")
"""Berlin is open for an hour, Chicago has just opened, Tokyo is closed until Monday."""


def test_schedule_comes_from_campaign_toml() -> None:
    assert schedule_of(DeliverySection()) is None
    assert schedule_of(DeliverySection(hours="9-17", days="mon-fri")) == SCHEDULE


def test_schedule_knows_each_zone() -> None:
    assert SCHEDULE.is_open(BERLIN, FRIDAY)
    assert not SCHEDULE.is_open(TOKYO, FRIDAY)
    assert SCHEDULE.opens_at(TOKYO, FRIDAY) == at("2026-11-30 09:00", TOKYO)
    assert SCHEDULE.opens_at(BERLIN, FRIDAY) == FRIDAY
    assert SCHEDULE.closes_at(BERLIN, FRIDAY) == at("2026-11-27 17:00")
    assert SCHEDULE.opens_at(BERLIN, FRIDAY + 3600) == at("2026-11-30 09:00"), "not the old answer"
    assert SCHEDULE.opens_at(BERLIN, FRIDAY) == FRIDAY, "time may go back"
    shut, until = SCHEDULE.closed([BERLIN, TOKYO, CHICAGO], FRIDAY)
    assert (shut, until) == (frozenset({TOKYO}), at("2026-11-27 17:00"))
    assert SCHEDULE.closed([TOKYO], FRIDAY) == (
        frozenset({TOKYO}),
        at("2026-11-30 09:00", TOKYO),
    )


def test_damaged_name_counts_as_this_machine() -> None:
    assert SCHEDULE.opens_at("Nowhere", FRIDAY) == SCHEDULE.opens_at("", FRIDAY)


def test_outlook_tells_open_zones_from_closed_ones() -> None:
    backlog = [ZoneBacklog(BERLIN, 2, 1, FRIDAY + 60), ZoneBacklog(TOKYO, 1)]
    assert outlook(SCHEDULE, backlog, FRIDAY, FRIDAY) == Outlook(
        FRIDAY + 60, at("2026-11-30 09:00", TOKYO), TOKYO
    )
    assert outlook(SCHEDULE, [], FRIDAY, FRIDAY) == Outlook()


def test_deferred_recipient_waits_for_hours_if_it_may_be_retried() -> None:
    closed = at("2026-11-27 17:30")
    monday = at("2026-11-30 09:00")
    deferred = [ZoneBacklog(BERLIN, 0, 1, closed - 10)]
    assert outlook(SCHEDULE, deferred, closed, closed - 100) == Outlook(None, monday, BERLIN)
    late = [ZoneBacklog(BERLIN, 0, 1, closed + 600)]
    assert outlook(SCHEDULE, late, closed, closed + 900) == Outlook(None, monday, BERLIN)
    assert outlook(SCHEDULE, late, closed, closed + 60) == Outlook(), "beyond max_wait"


def test_run_waits_for_hours_beyond_max_wait() -> None:
    night = replace(SETTLED, forecast=Forecast(NOW, NOW, NOW + 50_000.0))
    assert next_step(night, NOW) == Wait(0, Reason.HOURS, NOW + 50_000.0)
    retry = replace(night, next_retry=NOW + 40_000.0)
    assert next_step(retry, NOW) == Wait(0, Reason.RETRY, NOW + 40_000.0)
    assert next_step(replace(retry, next_retry=NOW), NOW) == Claim(500)
    assert next_step(replace(night, claims_left=0), NOW) == Stop(Reason.FINISHED)


def enrolled(store: Store, zones: list[str], campaign: Settings) -> None:
    store.enrol(make_recipients(len(zones)), campaign.fingerprint())
    ids = [one.id for one in store.iterate()]
    store.assign_zones(zip(ids, zones, strict=True))


class Sleeping:
    """A listener that lets the clock go on to the hours that a run waits for."""

    def __init__(self, clock: Clock, zones: list[str]) -> None:
        self.clock = clock
        self.zones = set(zones)
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, Waiting) and "sending hours" in event.what:
            now = self.clock.now
            openings = [SCHEDULE.opens_at(zone, now) for zone in self.zones]
            self.clock.now = min(at for at in openings if at > now)


def send(
    folder: Path, server: ScriptedServer, zones: list[str], *, step: float, **asked: Any
) -> tuple[list[Delivery], list[Event]]:
    """Send from Friday on with a clock that goes on by `step` seconds in each step of the run."""
    campaign, clock = make_campaign(folder, HOURS), Clock(at("2026-11-27 16:50"))
    listener = Sleeping(clock, zones)
    with open_store(campaign) as store:
        enrolled(store, zones, campaign)
        stepping = cast("Store", Stepping(store, clock, step))
        more = {"listener": listener}
        run = make_run(campaign, stepping, server.port, clock=clock, more=more, **asked)
        summary = run.execute()
        assert summary.error is None, summary.error
    return list(read_ledger(campaign).iterate()), listener.events


@pytest.mark.parametrize("rate", ["", "1/minute"])
def test_each_recipient_is_sent_within_its_own_hours(tmp_path: Path, rate: str) -> None:
    """With one message a minute, Berlin closes while its recipients are claimed."""
    zones = [TOKYO, *[BERLIN] * 20, CHICAGO, TOKYO] if rate else [TOKYO, BERLIN, CHICAGO, TOKYO]
    asked = {"rates": [parse_rate(rate)]} if rate else {}
    with serve() as server:
        sent, events = send(tmp_path, server, zones, step=20.0 if rate else 5.0, **asked)
    assert {one.state for one in sent} == {State.SENT}
    for one in sent:
        assert one.changed_at is not None
        # Between the decision to send and the reply, the clock of the test has gone on.
        within = [one.changed_at - seconds for seconds in (0, 300, 600, 900)]
        assert any(is_open(OFFICE, ZoneInfo(one.time_zone), moment) for moment in within), one
    waits = [one.what for one in events if isinstance(one, Waiting)]
    assert any("the sending hours of " in what for what in waits), waits


def test_deferred_recipient_is_tried_again_in_the_next_hours(tmp_path: Path) -> None:
    with serve(greylist(1)) as server:
        campaign, clock = make_campaign(tmp_path, HOURS), Clock(at("2026-11-27 16:59:30"))
        with open_store(campaign) as store:
            enrolled(store, [BERLIN], campaign)
            stepping = cast("Store", Stepping(store, clock, 20.0))
            more = {"listener": Sleeping(clock, [BERLIN])}
            run = make_run(campaign, stepping, server.port, clock=clock, wait=3600.0, more=more)
            summary = run.execute()
    assert summary.states["sent"] + summary.states["deferred"] == 1
    [one] = read_ledger(campaign).iterate()
    assert one.changed_at is not None
    assert one.changed_at >= at("2026-11-30 09:00")


def test_limit_counts_recipients_that_were_given_back(tmp_path: Path) -> None:
    with serve() as server:
        sent, _ = send(
            tmp_path, server, [BERLIN] * 20, step=20.0, rates=[parse_rate("1/minute")], limit=15
        )
    assert [one.state for one in sent].count(State.SENT) == 15


def test_next_run_keeps_the_zones(tmp_path: Path) -> None:
    """A run that was stopped before the hours leaves them in the ledger."""
    campaign, clock = make_campaign(tmp_path, HOURS), Clock(FRIDAY)
    with open_store(campaign) as store:
        enrolled(store, [TOKYO, BERLIN], campaign)
    with open_store(campaign) as store, serve() as server:
        stopped: list[Run] = []

        def stop_when_waiting(event: Event) -> None:
            if isinstance(event, Waiting):
                stopped[0].stop()

        more = {"listener": stop_when_waiting}
        stopped.append(make_run(campaign, store, server.port, clock=clock, more=more))
        stopped[0].execute()
    states = {one.time_zone: one.state for one in read_ledger(campaign).iterate()}
    assert states == {TOKYO: State.PENDING, BERLIN: State.SENT}


def test_watch_reads_the_ledger_only_after_a_change(tmp_path: Path) -> None:
    campaign = make_campaign(tmp_path, HOURS)
    with open_store(campaign) as store:
        enrolled(store, [TOKYO, BERLIN], campaign)
        watch = Watch(SCHEDULE, store)
        assert watch.look(FRIDAY)
        assert not watch.look(FRIDAY + 1)
        assert watch.closed == {TOKYO}
        first = watch.outlook(FRIDAY, FRIDAY, 1, idle=False)
        assert first.zone == TOKYO
        store.assign_zones([(one.id, BERLIN) for one in store.iterate()])
        assert watch.outlook(FRIDAY, FRIDAY, 1, idle=True) == first, "nothing has changed"
        assert watch.outlook(FRIDAY + 0.5, FRIDAY, 2, idle=False) == first, "within a second"
        assert watch.outlook(FRIDAY + 0.5, FRIDAY, 2, idle=True) == Outlook()
