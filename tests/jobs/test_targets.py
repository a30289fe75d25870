"""Each target: what a job to it does, and what it leaves behind."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

import pytest

import mailmerge as mm
from mailmerge.campaign import Campaign
from mailmerge.credentials import Account
from mailmerge.errors import AddressError, CampaignError
from mailmerge.jobs.targets import (
    DryRun,
    NoServer,
    RealServer,
    SandboxServer,
    Target,
    TestTo,
    as_target,
)
from mailmerge.ledger.ledger import Ledger
from mailmerge.sandbox import Sandbox
from mailmerge.smtp import Credentials, Server
from tests.jobs.campaigns import RECIPIENTS, job_of, make, send

AWAY = RealServer(Account(Server("smtp.example.org")), lambda: None)
HERE = RealServer(Account(Server("127.0.0.1", 25)), lambda: None)
SANDBOX = SandboxServer(Path("box"))
FAULTS = SandboxServer(Path("box"), seed=3)
TEST = TestTo("me@example.net", AWAY)


@pytest.mark.parametrize(
    ("target", "ledger", "for_real", "copies", "quotas", "sends"),
    [
        (AWAY, "ledger", True, True, True, True),
        (HERE, "ledger", False, True, True, True),
        (SANDBOX, "sandbox", False, False, False, True),
        (FAULTS, "sandbox", False, False, False, True),
        (TEST, "test", False, False, True, True),
        (DryRun(AWAY), "ledger", False, False, True, False),
        (DryRun(SANDBOX), "sandbox", False, False, True, False),
        (DryRun(TEST), "test", False, False, True, False),
        (DryRun(), "ledger", False, False, True, False),
    ],
)
def test_targets_answer_as_the_table_says(
    target: Target, ledger: str, for_real: bool, copies: bool, quotas: bool, sends: bool
) -> None:
    assert (target.ledger_name, target.fresh) == (ledger, ledger != "ledger")
    assert (target.for_real, target.keeps_copies) == (for_real, copies)
    assert (target.counts_quotas, target.sends) == (quotas, sends)


@pytest.mark.parametrize(
    ("target", "waits"),
    [
        (AWAY, (None, 5.0)),
        (SANDBOX, (None, 5.0)),
        (FAULTS, (0.0, 0.0)),
        (TEST, (0.0, 5.0)),
        (DryRun(TEST), (0.0, 5.0)),
        (DryRun(AWAY), (None, 5.0)),
    ],
)
def test_wait_by_default_and_as_asked(target: Target, waits: tuple[float | None, float]) -> None:
    assert (target.wait(None), target.wait(5.0)) == waits


def test_a_test_has_no_further_limit() -> None:
    assert (AWAY.limit(7), AWAY.most) == (7, None)
    test = TestTo("me@example.net", AWAY, 7)
    assert (test.limit(7), test.most) == (None, 7)
    assert (DryRun(test).limit(7), DryRun(test).most) == (None, 7)


def test_each_target_names_its_account() -> None:
    assert AWAY.account is TEST.account is DryRun(TEST).account is AWAY.to
    assert SandboxServer(Path("box"), AWAY.to).account is None
    assert NoServer().account is None


def test_name_of_the_server_in_the_plan() -> None:
    names = [one.server_name for one in (AWAY, TEST, DryRun(TEST), SANDBOX, DryRun())]
    away = "smtp.example.org:587"
    assert names == [away, away, away, "the sandbox on this machine", "none is named yet"]


def test_a_server_means_a_real_server() -> None:
    server = mm.Server("smtp.example.org", username="news", password="secret")
    target = as_target(server)
    with target.endpoint() as endpoint:
        assert endpoint.server.host == "smtp.example.org"
        assert endpoint.credentials == Credentials(username="news", password="secret")
    assert "secret" not in repr(target)
    with as_target(Server("127.0.0.1", 2525)).endpoint() as endpoint:
        assert (endpoint.server.port, endpoint.credentials) == (2525, None)
    assert as_target(TEST) is TEST


@pytest.mark.parametrize("target", [NoServer(), DryRun(NoServer()), DryRun(AWAY)])
def test_no_connection_without_a_server(target: Target) -> None:
    with pytest.raises(CampaignError) as raised:
        target.endpoint()
    assert raised.value.problem.code == "no-server"


def test_own_address_must_be_a_mailbox() -> None:
    with pytest.raises(AddressError):
        TestTo("me", AWAY)
    assert TestTo(" Me@Example.net ", AWAY).test_to == "Me@example.net"


# --- whole jobs


def test_real_job_keeps_copies(tmp_path: Path, server: Sandbox) -> None:
    campaign = make(tmp_path / "spring", server, '[delivery]\nkeep_copy = "maildir"\n')
    send(campaign)
    assert len(list((campaign.settings.state_folder / "sent" / "new").iterdir())) == RECIPIENTS


def test_sandbox_job_needs_no_server_and_starts_fresh(tmp_path: Path) -> None:
    campaign = make(tmp_path / "spring", more='[delivery]\nkeep_copy = "maildir"\n')
    target = SandboxServer(campaign.settings.state_folder / "sandbox")
    for _ in range(2):
        assert send(campaign, target).states["sent"] == RECIPIENTS
        assert len(list((target.folder / "new").iterdir())) == RECIPIENTS
    assert Ledger.read(campaign.settings) is None
    assert not (campaign.settings.state_folder / "sent").exists()
    assert target.document() == {"maildir": str(target.folder)}


def test_test_job_sends_only_to_the_user(campaign: Campaign, server: Sandbox) -> None:
    target = TestTo("me@example.net", RealServer.of_settings(campaign.settings), 2)
    with job_of(campaign, target) as job:
        summary = job.run_all()
        assert job.document(summary)["test_to"] == "me@example.net"
    assert summary.states["sent"] == len(server.messages) == 2
    assert {one["To"] for one in server.messages} == {"me@example.net"}
    assert subjects(list(server.messages)) == [
        "[test for u0@example.org] Hello U0",
        "[test for u1@example.org] Hello U1",
    ]
    assert Ledger.read(campaign.settings) is None


def test_several_addresses_get_each_test_message(campaign: Campaign, server: Sandbox) -> None:
    addresses = ("me@example.net", "boss@example.net")
    target = TestTo(addresses, RealServer.of_settings(campaign.settings), 2)
    with job_of(campaign, target) as job:
        assert (job.plan().to_send, job.plan().test_to) == (4, "me@example.net, boss@example.net")
        summary = job.run_all()
        assert job.document(summary)["test_to"] == list(addresses)
    assert summary.states["sent"] == len(server.messages) == 4
    assert sorted(str(one["To"]) for one in server.messages) == sorted(addresses * 2)
    assert len(set(subjects(list(server.messages)))) == 2


def test_test_without_a_count_sends_the_review_set(tmp_path: Path, server: Sandbox) -> None:
    campaign = make(tmp_path / "spring", server, "", 12)
    text = "Hello{% if name == 'U7' %}, special{% endif %}"
    (campaign.folder / "body.txt").write_text(text)
    target = TestTo("me@example.net", RealServer.of_settings(campaign.settings), None)
    with job_of(campaign, DryRun(target)) as job:
        planned = job.plan().to_send
    with job_of(campaign, target) as job:
        assert job.run_all().states["sent"] == planned
    assert "[test for u7@example.org] Hello U7" in subjects(list(server.messages))
    assert len(server.messages) < 12


def subjects(messages: list[EmailMessage]) -> list[str]:
    return sorted(str(one["Subject"]) for one in messages)


def test_dry_run_of_a_test_shows_its_subjects(campaign: Campaign, server: Sandbox) -> None:
    target = TestTo("me@example.net", RealServer.of_settings(campaign.settings))
    with job_of(campaign, DryRun(target)) as job:
        plan = job.plan()
    assert (plan.to_send, plan.test_to) == (3, "me@example.net")
    assert plan.subjects[0] == "[test for u0@example.org] Hello U0"
    assert len(server.messages) == 0


def test_test_to_the_row_itself_is_refused(campaign: Campaign, server: Sandbox) -> None:
    target = TestTo("U1@Example.ORG", RealServer.of_settings(campaign.settings))
    with (
        job_of(campaign, target, only="u1@example.org") as job,
        pytest.raises(AddressError, match="row itself"),
    ):
        job.enrol()
    assert len(server.messages) == 0


@pytest.mark.parametrize("begun", [False, True])
def test_dry_run_only_reads(campaign: Campaign, begun: bool) -> None:
    if begun:
        send(campaign, limit=1)
    with job_of(campaign, DryRun(RealServer.of_settings(campaign.settings))) as job:
        assert job.enrol().first
        assert job.plan().to_send == RECIPIENTS - begun
        with pytest.raises(CampaignError, match="dry run"):
            job.run_all()
    assert (Ledger.read(campaign.settings) is not None) is begun


def test_dry_run_reads_a_given_ledger(campaign: Campaign, server: Sandbox) -> None:
    with mm.Ledger.memory() as ledger:
        mm.Job(campaign, campaign.recipients(), server.server, ledger, limit=1).run_all()
        dry = mm.Job(campaign, campaign.recipients(), DryRun(server.server), ledger)
        assert dry.plan().to_send == RECIPIENTS - 1
