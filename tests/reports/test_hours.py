"""Recipients that wait for their hours, in the status."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mailmerge.ledger.states import Delivery, State
from mailmerge.reports.hours import hours_lines, waiting_hours
from tests.engine.driver import make_campaign, make_recipient
from tests.engine.test_hours import BERLIN, FRIDAY, HOURS, TOKYO


def delivery(number: int, zone: str, state: State) -> Delivery:
    one = make_recipient(number)
    return Delivery(number, one.key, one.row, one.mailbox, one.cells, state, time_zone=zone)


DELIVERIES = [
    delivery(1, TOKYO, State.PENDING),
    delivery(2, BERLIN, State.SENT),
    delivery(3, BERLIN, State.DEFERRED),
]


def test_waiting_recipients_are_counted_by_zone(tmp_path: Path) -> None:
    plan = waiting_hours(make_campaign(tmp_path, HOURS), DELIVERIES, lambda: FRIDAY)
    assert plan is not None
    assert [(one.time_zone, one.recipients) for one in plan.zones] == [(BERLIN, 1), (TOKYO, 1)]
    first, berlin, tokyo = hours_lines(plan)
    assert first == "Sending hours: mon-fri 09:00-17:00, by the clock of each recipient"
    assert berlin == "  Europe/Berlin: 1 recipient, now"
    assert tokyo.startswith("  Asia/Tokyo: 1 recipient, from ")


def test_nothing_is_shown_if_none_waits_or_there_are_no_hours(tmp_path: Path) -> None:
    sent = [replace(one, state=State.SENT) for one in DELIVERIES]
    assert waiting_hours(make_campaign(tmp_path / "a", HOURS), sent) is None
    assert waiting_hours(make_campaign(tmp_path / "b"), DELIVERIES) is None
