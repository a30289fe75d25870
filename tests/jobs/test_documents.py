"""The JSON document of a `send` that sent nothing."""

from __future__ import annotations

from mailmerge.campaign import Campaign
from mailmerge.jobs.documents import unsent_document
from mailmerge.jobs.targets import DryRun, RealServer
from tests.jobs.campaigns import RECIPIENTS, job_of


def test_failed_check_lists_its_problems(campaign: Campaign) -> None:
    (campaign.folder / "body.txt").write_text("{{ nmae }}")
    with job_of(campaign) as job:
        assert unsent_document(job)["total"] == 0, "before the check"
        job.check()
        document = unsent_document(job)
    assert document["total"] == document["states"]["pending"] == RECIPIENTS
    assert document["problems"][0]["code"] == "undefined-variable"
    assert "to_send" not in document


def test_dry_run_says_how_many_it_would_send(campaign: Campaign) -> None:
    with job_of(campaign, DryRun(RealServer.of_settings(campaign.settings)), limit=3) as job:
        document = unsent_document(job, job.plan())
    assert (document["total"], document["to_send"]) == (RECIPIENTS, 3)
    assert (document["states"]["sent"], document["problems"]) == (0, [])
    assert document["check_seconds"] > 0
