"""What a job knows of earlier runs."""

from __future__ import annotations

from mailmerge.campaign import Campaign
from mailmerge.jobs.records import JobLedger, LedgerRecords, ReadRecords
from mailmerge.jobs.targets import DryRun, RealServer, SandboxServer
from mailmerge.ledger.ledger import Ledger
from mailmerge.ledger.states import State
from mailmerge.settings import Fingerprint
from tests.jobs.campaigns import RECIPIENTS, send

CONTENT = Fingerprint("settings", {"body.txt": "1f", "footer.txt": ""})


def test_nothing_sent_means_all_checked_are_pending() -> None:
    records = ReadRecords(None)
    assert records.counts(7)[State.PENDING] == records.claimable(7) == 7
    assert list(records.remaining({State.DEFERRED})) == []
    assert list(records.iterate()) == []
    records.remember_check("digest", CONTENT)
    assert records.checked_content("digest") is None


def test_dry_run_reads_the_ledger_of_the_folder(campaign: Campaign) -> None:
    send(campaign, limit=3)
    real = RealServer.of_settings(campaign.settings)
    records = JobLedger(campaign.settings, DryRun(real), None).records()
    assert isinstance(records, ReadRecords)
    assert records.counts(99)[State.SENT] == 3
    assert records.claimable(99) == 1
    assert [one.cells["name"] for one in records.remaining({State.DEFERRED})] == ["U3"]
    assert [one.cells["name"] for one in records.iterate()] == ["U0", "U1", "U2", "U3"]


def test_ledger_remembers_the_check_that_passed(campaign: Campaign) -> None:
    with Ledger.memory() as ledger:
        real = RealServer.of_settings(campaign.settings)
        records = JobLedger(campaign.settings, real, ledger).records()
        assert isinstance(records, LedgerRecords)
        records.remember_check("", CONTENT)
        assert records.checked_content("") is None
        records.remember_check("digest", CONTENT)
        assert records.checked_content("digest") == CONTENT
        assert records.checked_content("other") is None
        assert (records.claimable(99), sum(records.counts(99).values())) == (0, 0)


def test_reopened_ledger_keeps_what_a_fresh_one_forgets(campaign: Campaign) -> None:
    target = SandboxServer(campaign.settings.state_folder / "sandbox")
    for _ in range(2):
        opened = JobLedger(campaign.settings, target, None)
        records = opened.records()
        assert sum(records.counts(0).values()) == 0
        records.enrol(iter(campaign.recipients()), CONTENT, changes=False, partial=False)
        opened.reopen()
        assert sum(opened.records().counts(0).values()) == RECIPIENTS
        opened.close()
