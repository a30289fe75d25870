"""The steps before the run: which limits hold, and what the plan shows."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailmerge.campaign import Campaign
from mailmerge.engine.events import Began
from mailmerge.errors import AddressError
from mailmerge.jobs.job import Job
from mailmerge.jobs.preparation import Preparation
from mailmerge.jobs.recipient_source import source_of
from mailmerge.jobs.targets import DryRun, NoServer, RealServer, SandboxServer, Target, TestTo
from mailmerge.preflight.report import CheckReport
from mailmerge.recipients.audience import Selection
from mailmerge.sandbox import Sandbox
from mailmerge.settings import parse_rate
from tests.jobs.campaigns import RECIPIENTS, job_of, make, send

RATES = st.sampled_from([None, "600/minute", "90000/day", ["1000/second", "90000/day"]])
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "rate": RATES,
        "connections": st.integers(1, 5),
        "window": st.integers(1, 5),
        "limit": st.integers(1, 9),
        "wait": st.sampled_from([0.0, "1 second"]),
    },
)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(options=OPTIONS, kind=st.sampled_from(["real", "sandbox", "test"]))
def test_plan_and_run_have_the_same_limits(
    tmp_path: Path, server: Sandbox, options: dict[str, Any], kind: str
) -> None:
    campaign = make(tmp_path / "spring", server, "[delivery]\nwindow = 2\nconnections = 2\n", 2)
    real = RealServer.of_settings(campaign.settings)
    targets: dict[str, Target] = {
        "real": real,
        "sandbox": SandboxServer(tmp_path / "box"),
        "test": TestTo("me@example.net", real, 1),
    }
    shutil.rmtree(campaign.folder / ".mailmerge", ignore_errors=True)
    with job_of(campaign, targets[kind], **options) as job:
        plan, limits = job.plan(), job.limits
        assert (plan.rates, plan.connections) == (limits.rates, limits.connections)
        assert plan.window == limits.window
        began = next(one for one in job.run() if isinstance(one, Began))
        assert (began.connections, began.to_send) == (plan.connections, plan.to_send)


def test_plan_shows_the_subjects_of_the_remaining(campaign: Campaign) -> None:
    send(campaign, limit=2)
    with job_of(campaign) as job:
        assert job.plan().subjects == ("Hello U2", "Hello U3")
    with job_of(campaign, DryRun(RealServer.of_settings(campaign.settings))) as job:
        assert job.plan().subjects == ("Hello U2", "Hello U3")


@pytest.mark.parametrize("dry", [False, True])
def test_plan_of_a_selection_shows_only_the_selected(campaign: Campaign, dry: bool) -> None:
    send(campaign, limit=1)
    real = RealServer.of_settings(campaign.settings)
    target = DryRun(real) if dry else real
    for selection, subjects in [
        (Selection(where="name == 'U3'"), ("Hello U3",)),
        (Selection(where="name in ('U0', 'U2', 'U3')"), ("Hello U2", "Hello U3")),
        (Selection(where="name == 'U0'"), ()),
    ]:
        with Job(campaign, selection, target) as job:
            plan = job.plan()
        assert (plan.to_send, plan.subjects) == (len(subjects), subjects)


def test_plan_shows_no_more_subjects_than_messages(campaign: Campaign) -> None:
    with job_of(campaign, limit=2) as job:
        assert job.plan().subjects == ("Hello U0", "Hello U1")


def test_plan_of_a_dry_run_counts_new_rows_of_a_selection(campaign: Campaign) -> None:
    send(campaign, limit=1)
    with (campaign.folder / "recipients.csv").open("a", encoding="utf-8") as file:
        file.write("new@example.net,New\n")
    target = DryRun(RealServer.of_settings(campaign.settings))
    with Job(campaign, Selection(where="name in ('U0', 'U1', 'New')"), target) as job:
        plan = job.plan()
    assert (plan.to_send, plan.subjects) == (2, ("Hello U1", "Hello New"))


def prepared(campaign: Campaign, target: Target, **options: Any) -> Preparation:
    """The steps of a job by themselves."""
    job = job_of(campaign, target, **options)
    source = source_of(campaign.settings, Selection())
    return Preparation(campaign, source, target, job.options, job.ledger)


@pytest.mark.parametrize(("seconds", "slow"), [(1.9, False), (2.0, True), (0.0, False)])
def test_plan_is_as_slow_as_the_check_was(campaign: Campaign, seconds: float, slow: bool) -> None:
    target = DryRun(RealServer.of_settings(campaign.settings))
    preparation = prepared(campaign, target)
    report = preparation.check()
    assert isinstance(report, CheckReport)
    preparation.report = replace(report, seconds=seconds, slow_because="a value in <style>")
    plan = preparation.plan()
    assert plan.slow_because == ("a value in <style>" if slow else "")
    assert plan.per_second == (RECIPIENTS / seconds if slow else 0.0)
    assert plan.ends_after == (seconds if slow else 0.0), "each recipient is made once more"
    assert ("about 2 a second: styles depend on the row" in str(plan)) is slow


def test_rate_that_is_slower_than_the_messages_decides_the_end(campaign: Campaign) -> None:
    target = DryRun(RealServer.of_settings(campaign.settings))
    preparation = prepared(campaign, target, rate="1/minute")
    preparation.report = replace(preparation.check(), seconds=2.0, slow_because="a value")
    assert preparation.plan().ends_after == pytest.approx((RECIPIENTS - 1) * 60, abs=2)


@pytest.mark.parametrize(("seconds", "named"), [(1.9, False), (2.0, True)])
def test_plan_names_what_slows_messages_down_only_if_they_are_slow(
    campaign: Campaign, seconds: float, named: bool
) -> None:
    (campaign.folder / "body.html").write_text("<style>p { color: {{ name }} }</style><p>Hi")
    text = (campaign.folder / "campaign.toml").read_text()
    (campaign.folder / "campaign.toml").write_text(
        text.replace("[message]", '[message]\nhtml = "body.html"')
    )
    target = DryRun(RealServer.of_settings(campaign.settings))
    preparation = prepared(Campaign.load(campaign.folder), target)
    report = preparation.check()
    assert report.slow_because == "a value stands in <style>"
    assert isinstance(report, CheckReport)
    preparation.report = replace(report, seconds=seconds)
    assert ("(a value stands in <style>)" in str(preparation.plan())) is named


@pytest.mark.parametrize(("limit", "to_send"), [(2, 2), (9, RECIPIENTS), (None, RECIPIENTS)])
def test_limit_bounds_what_would_be_sent(
    campaign: Campaign, limit: int | None, to_send: int
) -> None:
    target = DryRun(RealServer.of_settings(campaign.settings))
    assert prepared(campaign, target, limit=limit).to_send() == to_send


def test_a_failed_check_is_made_again(campaign: Campaign) -> None:
    (campaign.folder / "body.txt").write_text("Dear {{ nobody_knows }}")
    for _ in range(2):
        with job_of(Campaign.load(campaign.folder)) as job:
            assert job.check().errors > 0


def test_dry_run_makes_every_check_again(campaign: Campaign) -> None:
    with job_of(campaign) as job:
        assert not job.check().passed_before
    with job_of(campaign) as job:
        assert job.check().passed_before
    with job_of(campaign, DryRun(RealServer.of_settings(campaign.settings))) as job:
        assert not job.check().passed_before


def test_test_message_passes_over_the_testers_own_row(campaign: Campaign) -> None:
    """One row more is checked than is sent, and the plan counts only what is sent."""
    real = RealServer.of_settings(campaign.settings)
    with job_of(campaign, TestTo("me@example.net", real, 1)) as job:
        assert job.check().recipients == 2
        plan = job.plan()
        assert (plan.total, plan.to_send) == (1, 1)
        assert plan.subjects == ("[test for u0@example.org] Hello U0",)
    with job_of(campaign, TestTo("u0@example.org", real, 1)) as job:
        assert job.plan().subjects == ("[test for u1@example.org] Hello U1",)
    with job_of(campaign, DryRun(TestTo("me@example.net", real, 1))) as job:
        plan = job.plan()
        assert (plan.total, plan.to_send) == (1, 1)


def test_test_message_needs_another_recipient_than_the_tester(
    tmp_path: Path, server: Sandbox
) -> None:
    alone = make(tmp_path / "alone", server, recipients=1)
    target = TestTo("u0@example.org", RealServer.of_settings(alone.settings))
    with (
        job_of(alone, target) as job,
        pytest.raises(AddressError, match="of the row itself"),
    ):
        job.enrol()


def test_limits_and_rules_come_from_the_provider(tmp_path: Path) -> None:
    campaign = make(tmp_path / "spring", more='[smtp]\nprovider = "163"\nusername = "me@163.com"\n')
    with job_of(campaign, connections=1) as job:
        assert job.limits.rules(550, "MI:DMC") == "reconnect"
        assert job.limits.account.startswith("me@163.com@")
    by_host = make(tmp_path / "host", more='[smtp]\nhost = "smtp.qq.com"\nport = 465\n')
    with job_of(by_host, rate="1/second") as job:
        assert job.limits.rules(550, "Mailbox frequency limited") == "pause"
        assert job.limits.rates == (parse_rate("1/second"),)


def test_dry_run_without_a_server_makes_a_plan(tmp_path: Path) -> None:
    with job_of(make(tmp_path / "spring"), DryRun(NoServer())) as job:
        plan = job.plan()
    assert (plan.server, plan.to_send) == ("none is named yet", RECIPIENTS)
    assert not (tmp_path / "spring" / ".mailmerge").exists()
