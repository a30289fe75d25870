"""The runs of a job over one endpoint."""

from __future__ import annotations

from pathlib import Path

from mailmerge.campaign import Campaign
from mailmerge.jobs.options import JobOptions
from mailmerge.jobs.preparation import Preparation
from mailmerge.jobs.recipient_source import source_of
from mailmerge.jobs.records import JobLedger
from mailmerge.jobs.sending import Sending
from mailmerge.jobs.targets import Endpoint, NoServer, RealServer, SandboxServer, Target
from mailmerge.ledger.ledger import Ledger
from mailmerge.sandbox import Sandbox
from tests.jobs.campaigns import ALL, RECIPIENTS


def sending_to(
    campaign: Campaign, target: Target, ledger: Ledger, limit: int | None = None
) -> Sending:
    """The runs of a job that is enrolled."""
    opened = JobLedger(campaign.settings, target, ledger)
    source = source_of(campaign.settings, ALL)
    preparation = Preparation(campaign, source, target, JobOptions(limit=limit), opened)
    preparation.enrol()
    return Sending(campaign, target, preparation, opened)


def test_runs_share_the_server_that_was_started(campaign: Campaign, tmp_path: Path) -> None:
    with Ledger.memory() as ledger:
        target = SandboxServer(tmp_path / "box")
        sending = sending_to(campaign, target, ledger, limit=2)
        for sent in (2, 4):
            before = sending.ready
            sending.prepare()
            assert (before, sending.ready) == (False, True)
            assert sending.execute(lambda _: None).states["sent"] == sent
            assert len(list((target.folder / "new").iterdir())) == sent
        assert sending.summary is not None
        sending.close()


def test_given_endpoint_replaces_that_of_the_target(campaign: Campaign, server: Sandbox) -> None:
    with Ledger.memory() as ledger:
        sending = sending_to(campaign, NoServer(), ledger)
        sending.stop()
        sending.prepare(Endpoint(server.server))
        events = list(sending.steps())
        assert len(server.messages) == RECIPIENTS
        assert sending.summary is events[-1].summary  # type: ignore[union-attr]  # Ended
        assert not sending.giving_up
        sending.close()


def test_second_stop_abandons_messages_in_flight(campaign: Campaign, server: Sandbox) -> None:
    with Ledger.memory() as ledger:
        sending = sending_to(campaign, NoServer(), ledger)
        sending.prepare(Endpoint(server.server))
        sending.stop()
        once = sending.giving_up
        sending.stop()
        assert (once, sending.giving_up) == (False, True)
        assert sending.execute(lambda _: None).states["sent"] == len(server.messages) == 0
        sending.close()


def test_run_without_rates_needs_no_state_folder(
    campaign: Campaign, server: Sandbox, state_home: Path
) -> None:
    state_home.rmdir()
    state_home.write_text("a file where the folder should be")
    with Ledger.of(campaign.settings) as ledger:
        sending = sending_to(campaign, RealServer.of(server.server), ledger)
        sending.prepare()
        assert sending.execute(lambda _: None).states["sent"] == RECIPIENTS
        assert "the state folder cannot be written" in ledger.notice
        sending.close()
