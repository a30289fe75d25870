"""docs/delivery.md: its tables of states, of events and of a sandbox run match the program."""

from __future__ import annotations

import re
from pathlib import Path

from mailmerge.engine.events import (
    Began,
    Closed,
    Ended,
    Event,
    Opened,
    Recovered,
    Sent,
    Slowed,
    Waiting,
    to_json,
)
from mailmerge.engine.summary import Summary
from mailmerge.errors import RunStopped
from mailmerge.ledger.states import UNDER_WAY, State
from mailmerge.reports.reconcile import reconcile

DOCUMENT = (Path(__file__).parents[1] / "docs" / "delivery.md").read_text(encoding="utf-8")

SUMMARY = Summary(
    "spring", {State.SENT: 2}, sent=1, seconds=1.0, check_seconds=0.5, error=RunStopped("gone")
)
EVENTS: list[Event] = [
    Began(0.0, "spring", 2, 1),
    Opened(0.0, 0, "mail.example.org port 25"),
    Closed(0.0, 0, 2, "gone"),
    Sent(0.0, 3, "ann", "ann@example.org", "content", "250 Ok", "<1@example.org>"),
    Slowed(0.0, "421 Busy", 600.0, None),
    Recovered(0.0),
    Waiting(0.0, "a connection"),
    Ended(0.0, SUMMARY),
]


def table(chapter: str) -> dict[str, str]:
    """The rows of a chapter's table by the name in their first cell."""
    text = DOCUMENT.partition(f"\n## {chapter}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` *\|(.*)\|$", text, re.MULTILINE)
    assert rows, chapter
    return dict(rows)


def fields(cell: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", cell))


def test_every_reported_state_is_documented() -> None:
    assert list(table("The states")) == [one.value for one in State if one not in UNDER_WAY]
    assert all(f"`{one.value}` (" in DOCUMENT for one in UNDER_WAY)


def test_every_field_of_an_event_is_documented() -> None:
    rows = table("The event log")
    documents = [to_json(event) for event in EVENTS]
    assert [one["event"] for one in documents] == list(rows)
    for one in documents:
        assert fields(rows[one["event"]]) == {*one} - {"event", "at"}, one["event"]


def test_every_key_of_a_reconciliation_is_documented() -> None:
    row = table("Sandbox runs")["reconciliation"]
    assert fields(row) == {*reconcile([], {}, enrolled=0).to_json()}


def test_links_to_chapters_lead_to_one() -> None:
    chapters = re.findall(r"^## (.+)$", DOCUMENT, re.MULTILINE)
    anchors = [re.sub(r"[^a-z -]", "", one.lower()).replace(" ", "-") for one in chapters]
    assert re.findall(r"\]\(#([a-z-]+)\)", DOCUMENT) == anchors
