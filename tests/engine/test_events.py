"""The log of events: one JSON object per line, for nobody else, and never a reason to lose mail."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from mailmerge.campaign import Campaign
from mailmerge.engine.events import Event, EventLog, event
from mailmerge.errors import CampaignError, RunStopped
from mailmerge.ledger.states import State
from tests.engine.test_run import send
from tests.scripted_server import Close, Reply, Rule, Sleep, Stage, Usual, When, serve


def lines_of(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_events_are_appended_to_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    for number in range(2):
        with EventLog(path) as log:
            log(event("waits", 0.0, what=f"für {number}\n\ud800"))
    assert [one["what"][:5] for one in lines_of(path)] == ["für 0", "für 1"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_lines_of_many_threads_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with EventLog(path) as log:
        lines = [event("x", 0.0, text="y" * 9999)] * 4
        threads = [threading.Thread(target=lambda: [*map(log, lines)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(lines_of(path)) == 16


def test_a_file_that_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match=r"--log-json: .*No such file"):
        EventLog(tmp_path / "nowhere" / "log.jsonl")


def test_a_run_that_is_slowed_down_and_dropped_says_all_of_it(campaign: Campaign) -> None:
    events: list[Event] = []
    leaving = Rule(When(Stage.END_OF_DATA, times=1), (Reply(421, "4.3.2 Busy"), Close()))
    gone = Rule(When(Stage.GREETING, connection=1), (Close(),))
    with serve(leaving, gone) as server:
        send(campaign, server, 3, events=events.append)
    kinds = [one["event"] for one in events]
    assert kinds[:4] == ["began", "opened", "outcome", "slowed"]
    assert kinds[-2:] == ["closed", "ended"]
    assert kinds.count("opened") == kinds.count("closed") == 2
    slowed = events[3]
    assert (slowed["reply"], slowed["seconds"]) == ("421 4.3.2 Busy", 0.0)
    assert slowed["per_second"] == pytest.approx(1.0)
    [closed, _] = [one for one in events if one["event"] == "closed"]
    assert closed["reason"]
    assert any("a connection" in one["what"] for one in events if one["event"] == "waits")
    assert events[-1]["states"] == {
        "pending": 0, "sent": 2, "rejected": 0, "deferred": 1, "in_doubt": 0, "skipped": 0,
    }  # fmt: skip


def test_a_log_that_cannot_be_written_stops_the_run_and_loses_nobody(campaign: Campaign) -> None:
    def full(one: Event) -> None:
        if one["event"] == "outcome":
            raise OSError(28, os.strerror(28))

    slow = Rule(When(Stage.END_OF_DATA), (Sleep(0.01), Usual()))
    with serve(slow) as server:
        summary = send(campaign, server, 60, events=full)
    assert isinstance(summary.error, RunStopped)
    assert "log of events" in str(summary.error)
    assert 0 < summary.states[State.SENT] < 60
    assert summary.states[State.SENT] + summary.states[State.PENDING] == 60
