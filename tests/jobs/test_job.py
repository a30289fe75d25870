"""A job from its check to its summary."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import mailmerge as mm
from mailmerge.campaign import Campaign
from mailmerge.credentials import require_account
from mailmerge.engine.events import Began, Ended, Sent
from mailmerge.errors import CampaignError, CheckFailed, Declined, Interrupted, LedgerError
from mailmerge.jobs.job import Job
from mailmerge.jobs.targets import DryRun, NoServer, RealServer
from mailmerge.ledger.interface import InDoubt
from mailmerge.ledger.ledger import Ledger
from mailmerge.ledger.quota import open_quotas
from mailmerge.ledger.states import State
from mailmerge.recipients.audience import Selection
from mailmerge.recipients.collection import read_recipients
from mailmerge.sandbox import Sandbox
from tests.jobs.campaigns import ALL, RECIPIENTS, job_of, make, send
from tests.open_files import needs_open_files, open_files
from tests.scripted_server import Reply, Rule, Stage, When, serve
from tests.scripted_server.faults import end_of_data_faults

QUOTAS = "usage.sqlite"


def test_run_reaches_all_and_counts_them_for_the_account(tmp_path: Path, server: Sandbox) -> None:
    campaign = make(tmp_path / "spring", server, '[delivery]\nrate = "100/day"\n')
    summary = send(campaign)
    assert summary.states["sent"] == len(server.messages) == RECIPIENTS
    assert summary.error is None
    account = require_account(campaign.settings.smtp, campaign.folder)
    quotas = open_quotas()
    left, _ = quotas.reserve_quota(f"{account.name} 100/day", 100, 86_400.0, 100, time.time())
    quotas.close()
    assert left == 100 - RECIPIENTS


@needs_open_files
def test_end_of_a_run_closes_the_record_of_quotas(campaign: Campaign, server: Sandbox) -> None:
    with Ledger.memory() as ledger:
        job = Job(campaign, ALL, server.server, ledger, limit=1, rate="1000/second")
        for _ in job.run():
            assert QUOTAS in {path.name for path in open_files()}
        assert QUOTAS not in {path.name for path in open_files()}
        job.run_all()
        assert QUOTAS not in {path.name for path in open_files()}


def test_events_come_while_the_run_goes_on(campaign: Campaign, server: Sandbox) -> None:
    with job_of(campaign) as job:
        events = list(job.run())
        assert isinstance(events[0], Began)
        assert isinstance(events[-1], Ended)
        assert events[-1].summary == job.summary
    sent = [one for one in events if isinstance(one, Sent)]
    assert {one.address for one in sent} == {f"u{number}@example.org" for number in range(4)}
    assert job.summary.states == {
        "pending": 0, "sent": 4, "rejected": 0, "deferred": 0, "in_doubt": 0, "skipped": 0,
    }  # fmt: skip


def test_leaving_the_iteration_stops_the_run(campaign: Campaign, server: Sandbox) -> None:
    with job_of(campaign, connections=1) as job:
        for event in job.run():
            if isinstance(event, Sent):
                break
        assert job.summary.states["sent"] == len(server.messages) < RECIPIENTS + 1
        assert job.run_all().states["sent"] == RECIPIENTS


def test_stop_ends_the_run_and_the_next_one_resumes(campaign: Campaign, server: Sandbox) -> None:
    with job_of(campaign, connections=1, rate="2/second") as job:
        job.stop()  # nothing is going on: this has no effect
        for event in job.run():
            if isinstance(event, Sent):
                job.stop()
        assert isinstance(job.summary.error, Interrupted)
        assert job.summary.states["pending"] > 0
        assert not job.giving_up
    summary = send(campaign)
    assert summary.states["sent"] == len(server.messages) == RECIPIENTS


def test_second_run_sends_nothing_and_does_not_check(campaign: Campaign, server: Sandbox) -> None:
    send(campaign)
    with job_of(campaign) as job:
        assert job.check().passed_before
        assert not job.enrol()
        plan = job.plan()
        assert (plan.to_send, plan.subjects) == (0, ())
        assert list(job.run()) == []
        assert (job.summary.states["sent"], job.summary.error) == (RECIPIENTS, None)
    assert len(server.messages) == RECIPIENTS


def test_resumed_run_makes_its_own_messages(campaign: Campaign, server: Sandbox) -> None:
    send(campaign, limit=1)
    assert send(campaign).states["sent"] == len(server.messages) == RECIPIENTS


def test_changed_recipients_need_a_confirmation(campaign: Campaign) -> None:
    send(campaign, limit=1)
    with (campaign.folder / "recipients.csv").open("a") as sheet:
        sheet.write("new@example.org,New\n")
    with pytest.raises(Declined, match=r"\+1 new") as raised:
        send(campaign)
    assert raised.value.problem.code == "changed"
    assert send(campaign, accept_changes=True).states["sent"] == RECIPIENTS + 1


@pytest.fixture
def rejecting(tmp_path: Path) -> Iterator[Campaign]:
    """A campaign with one rejected recipient, which would now be accepted."""
    once = Rule(When(Stage.RCPT, recipient="u1@*", times=1), (Reply(550, "5.1.1 No"),))
    with serve(once) as server:
        campaign = make(tmp_path / "spring", server)
        assert send(campaign).states["rejected"] == 1
        yield campaign


def test_retry_tries_rejected_recipients_again(rejecting: Campaign) -> None:
    assert send(rejecting, retry="rejected").states["sent"] == RECIPIENTS


@pytest.fixture
def deferring(tmp_path: Path) -> Iterator[Campaign]:
    """A campaign with one rejected and one deferred recipient, who would now be accepted."""
    rejected = Rule(When(Stage.RCPT, recipient="u1@*", times=1), (Reply(550, "5.1.1 No"),))
    deferred = Rule(When(Stage.RCPT, recipient="u2@*", times=1), (Reply(450, "4.2.1 Later"),))
    with serve(rejected, deferred) as server:
        campaign = make(tmp_path / "spring", server)
        states = send(campaign, wait=0).states
        assert (states["rejected"], states["deferred"]) == (1, 1)
        yield campaign


def test_retry_tries_deferred_recipients_at_once(deferring: Campaign) -> None:
    assert send(deferring, wait=0).states["deferred"] == 1, "it is due in five minutes"
    states = send(deferring, wait=0, retry="deferred").states
    assert (states["sent"], states["rejected"]) == (RECIPIENTS - 1, 1)


def test_retry_of_both_states_and_the_plan_of_it(deferring: Campaign) -> None:
    with job_of(deferring, retry=["rejected", "deferred"]) as job:
        plan = job.plan()
        assert plan.to_send == 2
        assert "  again      1 deferred, 1 rejected" in str(plan).split("\n")
    assert send(deferring, retry=["rejected", "deferred"]).states["sent"] == RECIPIENTS


def test_plan_alone_leaves_the_rejected_rejected(rejecting: Campaign) -> None:
    with job_of(rejecting, retry="rejected") as job:
        assert job.plan().to_send == 1
    record = Ledger.read(rejecting.settings)
    assert record is not None
    assert record.counts()[State.REJECTED] == 1


@pytest.fixture
def doubtful(tmp_path: Path) -> Iterator[Campaign]:
    """All are sent but one in doubt: the server took the message and did not say so."""
    silent = Rule(
        When(Stage.END_OF_DATA, recipient="u1@*", times=1),
        end_of_data_faults()["taken-and-closed"],
    )
    with serve(silent) as server:
        campaign = make(tmp_path / "spring", server)
        states = send(campaign).states
        assert (states["in_doubt"], states["sent"]) == (1, RECIPIENTS - 1)
        yield campaign


def test_resend_plans_and_sends_the_last_in_doubt(doubtful: Campaign) -> None:
    with job_of(doubtful, in_doubt="resend") as job:
        assert job.plan().to_send == 1
        summary = job.run_all()
    assert (summary.sent, summary.states["sent"]) == (1, RECIPIENTS)


@pytest.mark.parametrize(("choice", "sent"), [("hold", RECIPIENTS - 1), ("assume-sent", 4)])
def test_hold_and_assume_sent_send_nothing(doubtful: Campaign, choice: InDoubt, sent: int) -> None:
    with job_of(doubtful, in_doubt=choice) as job:
        assert job.plan().to_send == 0
        assert job.run_all().states["sent"] == sent
        assert list(job.run()) == []


def test_resolve_of_the_ledger_lets_a_job_resend(tmp_path: Path) -> None:
    silent = Rule(
        When(Stage.END_OF_DATA, recipient="u1@*", times=1),
        end_of_data_faults()["taken-and-closed"],
    )
    with serve(silent) as server, mm.Ledger.open(f"sqlite:///{tmp_path}/spring.db") as ledger:
        campaign = make(tmp_path / "spring", server)
        people, real = campaign.recipients(), mm.Server("127.0.0.1", port=server.port)
        first = mm.Job(campaign, people, real, ledger).run_all()
        assert first.states["in_doubt"] == 1
        assert ledger.resolve("in_doubt", "resend") == 1
        assert mm.Job(campaign, people, real, ledger).run_all().states["sent"] == RECIPIENTS


def test_errors_of_the_check_end_the_job(campaign: Campaign, server: Sandbox) -> None:
    (campaign.folder / "body.txt").write_text("{{ nmae }}")
    with job_of(campaign) as job:
        assert not job.check().passed()
        for step in (job.enrol, job.plan, job.prepare, job.run_all):
            with pytest.raises(CheckFailed, match="nothing was sent"):
                step()
    assert len(server.messages) == 0


def test_job_in_code_needs_a_ledger(campaign: Campaign, server: Sandbox) -> None:
    in_code = mm.Campaign(name="x", sender="a@example.org", subject="Hi", text="Hello {{ name }}")
    people = read_recipients(campaign.folder / "recipients.csv")
    with pytest.raises(CampaignError) as raised:
        Job(in_code, people, server.server).run_all()
    assert raised.value.problem.code == "no-ledger"
    ledger = mm.Ledger.memory()
    assert Job(in_code, people, server.server, ledger).run_all().states["sent"] == RECIPIENTS
    ledger.close()


def test_given_ledger_stays_open_and_an_own_one_is_closed(campaign: Campaign) -> None:
    with mm.Ledger.memory() as ledger:
        with Job(campaign, ALL, NoServer(), ledger) as job:
            job.enrol()
        with Job(campaign, ALL, NoServer(), ledger) as job:
            assert job.enrolled == RECIPIENTS
    with job_of(campaign) as job:
        job.enrol()
        with pytest.raises(LedgerError):
            Ledger.of(campaign.settings)
    Ledger.of(campaign.settings).close()


def test_export_has_the_outcome_of_each_recipient(tmp_path: Path, rejecting: Campaign) -> None:
    with job_of(rejecting) as job:
        assert job.export(tmp_path / "done.csv") == RECIPIENTS
    with (tmp_path / "done.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == ["sent", "rejected", "sent", "sent"]
    assert [row["name"] for row in rows] == ["U0", "U1", "U2", "U3"]
    assert rows[1]["reply"] == "550 5.1.1 No"


def test_export_of_a_dry_run_makes_no_ledger(campaign: Campaign, tmp_path: Path) -> None:
    with job_of(campaign, DryRun()) as job:
        assert job.export(str(tmp_path / "done.csv")) == 0
    assert not campaign.settings.state_folder.exists()


def test_job_over_no_server_says_so(campaign: Campaign) -> None:
    with job_of(campaign, NoServer()) as job, pytest.raises(CampaignError, match="no server"):
        job.run_all()


def test_report_of_a_job_reaches_the_summary(campaign: Campaign) -> None:
    with job_of(campaign) as job:
        report = job.check()
        assert job.report is report
        assert job.summary.check_seconds == report.seconds > 0
        assert job.document(job.summary) == replace(job.summary).to_json()


def test_job_goes_on_after_a_sample(tmp_path: Path, server: Sandbox) -> None:
    campaign = make(tmp_path / "many", server, recipients=60)
    target = RealServer.of_settings(campaign.settings)
    sent = []
    for percent in (20, 20, 50, 100):
        with Job(campaign, Selection(percent=percent), target) as job:
            sent.append(job.run_all().sent)
    assert 3 < sent[0] < 30
    assert sent[1] == 0
    assert sum(sent) == 60
