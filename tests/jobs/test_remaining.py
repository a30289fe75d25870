"""The recipients that a run would still try."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mailmerge.jobs.options import JobOptions
from mailmerge.jobs.remaining import Remaining
from mailmerge.ledger.states import State
from mailmerge.sandbox import Sandbox
from tests.jobs.campaigns import job_of, make


def test_selected_recipients_are_counted_one_by_one(tmp_path: Path, server: Sandbox) -> None:
    campaign = make(tmp_path / "spring", server, "", 4)
    with job_of(campaign, limit=2) as job:
        list(job.run())
    with job_of(campaign) as job:
        job.enrol()
        records = job.ledger.records()
        keys = [one.key for one in records.iterate()]
        sent = {one.key for one in records.iterate() if one.state is State.SENT}
        assert len(sent) == 2
        left = next(key for key in keys if key not in sent)
        selected = frozenset({left, *sent, "new@x-firma.de"})
        remaining = Remaining(records, JobOptions(), selected)
        assert remaining.count({}, 4) == 2  # the one that is left, and the one of a new row
        new = replace(next(records.remaining(())), key="new@x-firma.de")
        assert [one.key for one in remaining.next_ones([new])] == [left, new.key]
        assert [one.key for one in remaining.next_ones(())] == [left]
