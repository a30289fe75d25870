"""A run whose server complains now and then crawls on, long after the complaint."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

import mailmerge as mm
from mailmerge.engine import events
from tests.scripted_server import Close, Reply, Rule, ScriptedServer, Stage, When, serve

RECIPIENTS = 300


def send(
    folder: Path, server: ScriptedServer, connections: int = 1
) -> tuple[mm.Summary, list[float]]:
    """Send to all recipients. Returns the summary, and the speeds to which the run was slowed."""
    campaign = mm.Campaign(
        name="pace", sender="news@example.org", subject="Hello", text="Dear {{ name }}"
    )
    rows = [{"email": f"u{row}@example.org", "name": f"U{row}"} for row in range(RECIPIENTS)]
    people = mm.read_recipients(rows, address="email")
    with mm.Ledger.open(f"sqlite:///{folder}/ledger.db") as ledger:
        port = mm.Server(server.host, port=server.port, security="none")
        job = mm.Job(campaign, people, port, ledger, wait=0, connections=connections)
        slowed = [one.per_second or 0.0 for one in job.run() if isinstance(one, events.Slowed)]
        assert job.summary is not None
        return job.summary, slowed


@pytest.mark.parametrize("text", ["4.3.2 Closing", "4.7.0 Too fast", "Bye"])
@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT, Stage.END_OF_DATA])
def test_one_421_early_in_a_run_costs_a_reconnect(tmp_path: Path, text: str, stage: Stage) -> None:
    closing = Rule(When(stage, skip=9, times=1), (Reply(421, text), Close()))
    with serve(closing) as server:
        summary, slowed = send(tmp_path, server)
        assert (summary.states["sent"], slowed) == (RECIPIENTS, [])
        assert server.connections == 2


@pytest.mark.parametrize("places", [(50, 100, 150, 200, 250), (50, 110, 140, 215, 260)])
def test_421_now_and_then_does_not_slow(tmp_path: Path, places: tuple[int, ...]) -> None:
    """So the recipients are reached at full speed, each of them once, and in this run."""
    closings = [
        Rule(When(Stage.RCPT, skip=place, times=1), (Reply(421, "4.3.2 Restart"), Close()))
        for place in places
    ]
    with serve(*closings) as server:
        summary, slowed = send(tmp_path, server)
        assert (summary.states["sent"], slowed) == (RECIPIENTS, [])
        assert len(server.taken) == RECIPIENTS
        regular = len({after - before for before, after in pairwise(places)}) == 1
        learned = RECIPIENTS // 50 if regular else 0  # the client ends connections there itself
        assert server.connections <= 1 + len(places) + learned


def test_complaint_about_the_first_message_of_each_connection(tmp_path: Path) -> None:
    """Four connections, and so four complaints before anything was sent."""
    early = Rule(
        When(Stage.RCPT, transaction=0, connection=(0, 4), times=4), (Reply(421, "4.7.0 Rate"),)
    )
    with serve(early) as server:
        summary, slowed = send(tmp_path, server, connections=4)
        assert summary.states["sent"] >= RECIPIENTS - 4
        assert summary.states["sent"] + summary.states["deferred"] == RECIPIENTS
    assert all(speed > 20 for speed in slowed), "no speed of a run that has only just begun"
