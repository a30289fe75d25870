"""`not_in`: recipients that other campaigns have reached are left out, with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.campaign import Campaign
from mailmerge.errors import CampaignError
from mailmerge.jobs.targets import DryRun, NoServer
from mailmerge.preflight.check import CheckOptions, check_campaign, check_digest
from mailmerge.recipients.audience import Selection, Skipped, SkipReason, open_audience
from mailmerge.reports.planned import PlannedDeliveries
from mailmerge.reports.sent_before import count_left_out, without_sent_before
from mailmerge.sandbox import Sandbox
from mailmerge.settings import load_settings
from tests.jobs.campaigns import job_of, make

NOT_IN = '\n[recipients]\nnot_in = "../november"\n'


@pytest.fixture
def spring(tmp_path: Path) -> Campaign:
    """A campaign for u0 to u5; november has been sent to u0 and u1."""
    with Sandbox(tmp_path / "mail") as server:
        november = make(tmp_path / "november", server, "", 3)
        text = (november.folder / "campaign.toml").read_text()
        (november.folder / "campaign.toml").write_text(text.replace('"spring"', '"november"'))
        with job_of(Campaign.load(november.folder), limit=2) as job:
            assert job.run_all().sent == 2
    return make(tmp_path / "spring", None, NOT_IN, 6)


def test_recipients_of_another_campaign_are_left_out(spring: Campaign) -> None:
    selection = without_sent_before(spring.settings)
    assert selection.sent_before.campaigns == ("november",)
    audience = open_audience(spring.settings, selection)
    results = list(audience)
    skipped = [one for one in results if isinstance(one, Skipped)]
    assert [(one.row, one.reason, one.campaign) for one in skipped] == [
        (2, SkipReason.SENT_BEFORE, "november"),
        (3, SkipReason.SENT_BEFORE, "november"),
    ]
    assert audience.sent_before == {"november": 2}
    assert len(list(PlannedDeliveries(spring.settings).iterate())) == 4
    assert count_left_out(spring.settings) == {"november": 2}


def test_check_and_plan_say_how_many_are_left_out(spring: Campaign) -> None:
    report = check_campaign(
        spring.settings, CheckOptions(selection=without_sent_before(spring.settings))
    )
    assert report.to_json()["sent_before"] == {"november": 2}
    with job_of(spring, DryRun(NoServer())) as job:
        plan = job.plan()
    assert plan.to_send == 4
    assert '2 already sent "november"' in str(plan)


def test_recipients_in_code_are_left_out(spring: Campaign) -> None:
    from mailmerge.jobs.job import Job

    with Job(spring, spring.recipients(), DryRun(NoServer())) as job:
        assert job.plan().to_send == 4


def test_more_recipients_of_the_other_campaign_repeat_the_check(spring: Campaign) -> None:
    def digest() -> str:
        selection = without_sent_before(spring.settings)
        return check_digest(spring.settings, CheckOptions(selection=selection))

    before = digest()
    assert before == digest()
    with Sandbox(spring.folder.parent / "more") as server:
        folder = spring.folder.parent / "november"
        text = (folder / "campaign.toml").read_text().splitlines()
        text = [f"port = {server.server.port}" if one.startswith("port") else one for one in text]
        (folder / "campaign.toml").write_text("\n".join(text))
        with job_of(Campaign.load(folder)) as job:
            assert job.run_all().sent == 1
    assert digest() != before


def test_campaign_without_not_in_keeps_its_selection(tmp_path: Path) -> None:
    settings = make(tmp_path / "spring").settings
    selection = Selection(limit=3)
    assert without_sent_before(settings, selection) is selection
    assert count_left_out(settings) == {}


def test_campaign_that_was_never_sent_leaves_out_nothing(tmp_path: Path) -> None:
    make(tmp_path / "november")
    settings = make(tmp_path / "spring", None, NOT_IN).settings
    assert without_sent_before(settings).sent_before.by_identity == {}


@pytest.mark.parametrize("folder", ["../nowhere", ".", "../spring/campaign.toml"])
def test_wrong_folders_are_named(tmp_path: Path, folder: str) -> None:
    campaign = make(tmp_path / "spring", None, NOT_IN.replace("../november", folder))
    with pytest.raises(CampaignError, match="not_in") as raised:
        without_sent_before(campaign.settings)
    assert raised.value.problem.code == "not-in"
    assert raised.value.problem.file == "campaign.toml"


def test_empty_folder_is_refused(tmp_path: Path) -> None:
    folder = make(tmp_path / "spring").folder
    with (folder / "campaign.toml").open("a") as file:
        file.write('[recipients]\nnot_in = [" "]\n')
    with pytest.raises(CampaignError, match="folders of campaigns"):
        load_settings(folder)
