"""Sandbox runs with faults: several runs and their reconciliation."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mailmerge.campaign import Campaign
from mailmerge.engine.summary import Progress
from mailmerge.errors import Interrupted, MailmergeError, RunStopped
from mailmerge.jobs.faults import MAX_ROUNDS, FaultRun
from mailmerge.jobs.targets import SandboxServer
from mailmerge.ledger.ledger import Ledger
from mailmerge.sandbox import AcceleratedClock, Faults, Sandbox
from tests.jobs.campaigns import job_of, make

RATE = '[delivery]\nrate = "100/second"\n'
NUMBER = 150


@pytest.fixture
def campaign(tmp_path: Path) -> Campaign:
    """A campaign with enough recipients for every kind of fault."""
    return make(tmp_path / "spring", more=RATE, recipients=NUMBER)


def target_of(campaign: Campaign) -> SandboxServer:
    return SandboxServer(campaign.settings.state_folder / "sandbox", seed=3)


def slow_clock() -> AcceleratedClock:
    """Ten times as fast as a real one: even a slow machine reaches no retry in the first round."""
    return AcceleratedClock(lambda: time.monotonic() / 100)


def test_rounds_continue_until_all_are_settled(campaign: Campaign) -> None:
    target, seen = target_of(campaign), list[Progress]()
    with job_of(campaign, target) as job:
        faults = FaultRun(job, target, clock=slow_clock())
        faults.prepare()
        summary = faults.run_all(seen.append)
        document = faults.document(summary)
    assert summary.error is None
    assert summary.states["pending"] == summary.states["deferred"] == 0
    assert summary.sent == summary.states["sent"] < NUMBER
    assert 1 < faults.rounds < MAX_ROUNDS
    assert (seen[0].done, seen[-1].done) == (0, NUMBER)
    assert summary.seconds < 120, "real seconds, not those of the clock"
    assert (document["seed"], document["rounds"]) == (3, faults.rounds)
    assert document["maildir"] == str(target.folder)
    assert document["reconciliation"]["balanced"] is True
    assert document["reconciliation"]["taken"] == len(list((target.folder / "new").iterdir()))
    assert document["real_seconds"] == pytest.approx((NUMBER - 1) / 100, abs=0.05)
    record = Ledger.read(campaign.settings, "sandbox")
    assert record is not None
    assert record.standing().seconds == pytest.approx(summary.seconds)


def test_limit_ends_after_one_round(campaign: Campaign) -> None:
    target = target_of(campaign)
    with job_of(campaign, target, limit=20) as job:
        faults = FaultRun(job, target, clock=slow_clock())
        summary = faults.run_all()
        assert faults.real_seconds() == pytest.approx(0.19, abs=0.01)
    assert (faults.rounds, summary.error) == (1, None)
    assert summary.states["pending"] == NUMBER - 20


def test_unfinished_run_says_so(campaign: Campaign) -> None:
    target = target_of(campaign)
    with job_of(campaign, target) as job:
        error = FaultRun(job, target, clock=slow_clock(), max_rounds=1).run_all().error
    assert isinstance(error, MailmergeError)
    assert not isinstance(error, Interrupted)


def test_stop_ends_all_rounds(campaign: Campaign) -> None:
    target = target_of(campaign)
    with job_of(campaign, target) as job:
        faults = FaultRun(job, target, clock=slow_clock())
        summary = faults.run_all(lambda progress: faults.stop() if progress.done else None)
        assert not faults.giving_up
    assert isinstance(summary.error, Interrupted)
    assert summary.states["pending"] + summary.states["deferred"] > 0
    assert faults.reconciliation is not None
    assert faults.reconciliation.balanced


class Forgetting(Sandbox):
    """A server that forgets the first message that it accepted."""

    @property
    def message_ids(self) -> dict[str, int]:
        return dict(list(super().message_ids.items())[1:])


class ForgettingServer(SandboxServer):
    """The target with that server."""

    def start(self) -> Sandbox:
        assert self.seed is not None
        return Forgetting(self.folder, Faults(self.seed))


def test_disagreement_is_an_error_with_the_seed(campaign: Campaign) -> None:
    good = target_of(campaign)
    target = ForgettingServer(good.folder, seed=good.seed)
    with job_of(campaign, target) as job:
        error = FaultRun(job, target, clock=slow_clock()).run_all().error
    assert type(error) is MailmergeError
    assert not isinstance(error, RunStopped)
    assert error.problem.code == "reconciliation"
    assert "about 1 recipient" in str(error)
    assert "--seed 3" in str(error)
