"""A job writes the time zones of its recipients into the ledger, and plans by them."""

from __future__ import annotations

from pathlib import Path

import mailmerge as mm
from mailmerge.jobs.targets import DryRun
from mailmerge.jobs.zones import assign_zones, zone_counts, zone_of

PEOPLE = [
    {"email": "a@example.org", "tz": "asia/tokyo"},
    {"email": "b@example.org", "tz": "Europe/Berlin"},
    {"email": "c@example.org", "tz": "Nowhere"},
]


def campaign(**more: str) -> mm.Campaign:
    return mm.Campaign(
        name="x",
        sender="ann@example.org",
        subject="Hello",
        text="Hello.\n",
        **more,  # type: ignore[arg-type]
    )


ZONED = campaign(hours="09:00-17:00", time_zone="{{ tz }}")


def test_names_are_written_as_the_database_has_them() -> None:
    people = mm.read_recipients(PEOPLE)
    assert [zone_of(ZONED.messages, one) for one in people] == ["Asia/Tokyo", "Europe/Berlin", ""]
    assert zone_counts(ZONED.messages, None, people) == {"Asia/Tokyo": 1, "Europe/Berlin": 1, "": 1}


def test_only_changed_zones_are_written() -> None:
    with mm.Ledger.memory() as ledger:
        store = ledger.store("x", lambda secret, key: f"<{key}>")
        store.enrol(mm.read_recipients(PEOPLE), "")
        assign_zones(store, ZONED.messages)
        assert [one.time_zone for one in store.iterate()] == ["Asia/Tokyo", "Europe/Berlin", ""]
        assign_zones(store, campaign(hours="9-17").messages)
        assert [one.time_zone for one in store.iterate()] == ["", "", ""]


def test_plan_of_a_job_has_the_zones(tmp_path: Path) -> None:
    server = mm.Server("127.0.0.1", port=25, security="none")
    with mm.Ledger.memory() as ledger:
        people = mm.read_recipients(PEOPLE[:2])
        for target in (DryRun(server), server):
            hours = mm.Job(ZONED, people, target, ledger).plan().hours
            assert hours is not None
            zones = {one.time_zone: one.recipients for one in hours.zones}
            assert zones == {"Asia/Tokyo": 1, "Europe/Berlin": 1}
        assert mm.Job(campaign(), people, DryRun(server), ledger).plan().hours is None
    with mm.Sandbox() as sandbox, mm.Ledger.memory() as ledger:
        always = campaign(hours="00:00-24:00", time_zone="{{ tz }}")
        assert mm.Job(always, people, sandbox.server, ledger).run_all().states["sent"] == 2
