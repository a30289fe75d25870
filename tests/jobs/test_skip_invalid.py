"""`skip_invalid`: the valid rows are sent to, the others are recorded with their reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.campaign import Campaign
from mailmerge.errors import CheckFailed
from mailmerge.jobs.job import Job
from mailmerge.jobs.targets import SandboxServer
from mailmerge.ledger.ledger import Ledger
from mailmerge.ledger.states import State
from mailmerge.recipients.audience import Selection
from tests.campaign_folder import CampaignFolder, make_campaign_folder

SHEET = "email,name,n\na@x-firma.de,A,1\n,B,2\nbad@@x.de,C,3\nd@x-firma.de,D,x\ne@x-firma.de,E,5\n"


@pytest.fixture
def folder(tmp_path: Path) -> CampaignFolder:
    made = make_campaign_folder(tmp_path / "campaign")
    made.recipients(SHEET)
    made.write("body.txt", "Dear {{ name }}, {{ n|int }}\n")
    return made


def job_of(folder: CampaignFolder, *, skip_invalid: bool) -> Job:
    target = SandboxServer(folder.path / "box")
    campaign = Campaign.of(folder.campaign)
    return Job(campaign, Selection(), target, Ledger.memory(), skip_invalid=skip_invalid)


def test_valid_rows_are_sent_to_and_others_have_their_reason(folder: CampaignFolder) -> None:
    with job_of(folder, skip_invalid=True) as job:
        assert job.plan().to_send == 2
        assert len(job.plan().subjects) == 2
        summary = job.run_all()
        assert summary.states[State.SENT] == 2
        assert summary.states[State.SKIPPED] == 3
        replies = {one.row: one.reply for one in job.ledger.store().iterate() if one.reply}
    assert replies[3] == "not sent: the address is empty"
    assert "2 @ signs" in replies[4]
    assert "no number" in replies[5]


def test_without_the_option_nothing_is_sent_and_it_is_named(folder: CampaignFolder) -> None:
    with job_of(folder, skip_invalid=False) as job, pytest.raises(CheckFailed) as caught:
        job.run_all()
    assert "--skip-invalid to leave out 3 rows" in caught.value.problem.hint


def test_an_error_of_no_row_is_never_skipped(folder: CampaignFolder) -> None:
    folder.write("body.txt", "Dear {{ name }\n")
    with job_of(folder, skip_invalid=True) as job, pytest.raises(CheckFailed):
        job.run_all()


def test_rows_that_were_skipped_are_sent_to_when_they_are_valid(folder: CampaignFolder) -> None:
    ledger = Ledger.memory()
    target = SandboxServer(folder.path / "box")
    first = Job(Campaign.of(folder.campaign), Selection(), target, ledger, skip_invalid=True)
    with first as job:
        job.run_all()
    folder.recipients(SHEET.replace("D,x", "D,4"))
    again = Job(
        Campaign.of(folder.campaign), Selection(), target, ledger,
        skip_invalid=True, accept_changes=True,
    )  # fmt: skip
    with again as job:
        summary = job.run_all()
    assert summary.sent == 1
    assert summary.states[State.SENT] == 3
