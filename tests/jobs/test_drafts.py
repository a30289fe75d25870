"""Drafts in a real Dovecot: one for each recipient, by as many runs as it takes."""

from __future__ import annotations

import email
from dataclasses import replace
from pathlib import Path

import pytest

from mailmerge.campaign import Campaign
from mailmerge.engine.events import Began, Drafted, Ended, Event
from mailmerge.engine.summary import Progress, Summary
from mailmerge.errors import AssetError, CampaignError, NotAllReached
from mailmerge.jobs.drafts import DraftRun
from mailmerge.jobs.targets import Drafts, DryRun, RealServer
from mailmerge.ledger.ledger import Ledger
from mailmerge.ledger.states import State
from mailmerge.mailbox.account import ImapAccount
from mailmerge.messages import Identity, MessageFactory
from mailmerge.mime.message import Message
from mailmerge.recipients.recipient import Recipient
from mailmerge.rendering.copies import Copies
from mailmerge.sandbox import Sandbox
from tests import servers
from tests.jobs import campaigns
from tests.mailbox.mailboxes import account_of, capable

pytestmark = pytest.mark.real


@pytest.fixture
def account(dovecot: servers.Imap, certificates: servers.Certificates) -> ImapAccount:
    return account_of(dovecot, certificates.ca_file)


def drafts(dovecot: servers.Imap) -> dict[str, bytes]:
    """The drafts by the address in To."""
    found = [raw for _, raw in dovecot.messages("news", "Drafts")]
    by_address = {str(email.message_from_bytes(raw)["To"]): raw for raw in found}
    assert len(by_address) == len(found)
    return by_address


def states(campaign: Campaign) -> set[State]:
    reader = Ledger.read(campaign.settings)
    assert reader is not None
    return {one.state for one in reader.iterate()}


def make_drafts(campaign: Campaign, account: ImapAccount, **options: object) -> Summary:
    return campaigns.send(campaign, Drafts(account), **options)


def test_a_draft_names_its_blind_copies(
    tmp_path: Path, dovecot: servers.Imap, account: ImapAccount, server: Sandbox
) -> None:
    made = campaigns.make(tmp_path / "blind", server, recipients=2)
    settings = made.folder / "campaign.toml"
    bcc = 'bcc = "kept@example.org; {{ name }}@example.net"'
    settings.write_text(settings.read_text().replace("[smtp]", f"{bcc}\n[smtp]"))
    assert make_drafts(Campaign.load(made.folder), account).drafted == 2
    found = email.message_from_bytes(drafts(dovecot)["u1@example.org"])
    assert found["Bcc"].split() == ["kept@example.org,", "U1@example.net"]


def test_each_message_becomes_one_draft(
    campaign: Campaign, dovecot: servers.Imap, account: ImapAccount, server: Sandbox
) -> None:
    summary = make_drafts(campaign, account)
    assert (summary.error, summary.drafted, summary.sent) == (None, 4, 0)
    assert summary.states == {
        "pending": 4, "sent": 0, "rejected": 0, "deferred": 0, "in_doubt": 0, "skipped": 0,
    }  # fmt: skip
    assert summary.to_json()["drafted"] == 4
    assert sorted(drafts(dovecot)) == [f"u{number}@example.org" for number in range(4)]
    assert {flags for flags, _ in dovecot.messages("news", "Drafts")} == {"DS"}
    assert b"Dear U2," in drafts(dovecot)["u2@example.org"]
    assert states(campaign) == {State.DRAFTED}
    assert not server.messages
    again = make_drafts(campaign, account)
    assert (again.error, again.drafted) == (None, 0)
    assert len(drafts(dovecot)) == 4


def test_limit_and_selection_leave_the_rest_to_later_runs(
    campaign: Campaign, dovecot: servers.Imap, account: ImapAccount
) -> None:
    assert make_drafts(campaign, account, limit=1).drafted == 1
    assert make_drafts(campaign, account, only="u3@example.org").drafted == 1
    assert sorted(drafts(dovecot)) == ["u0@example.org", "u3@example.org"]
    assert make_drafts(campaign, account).drafted == 2
    assert len(drafts(dovecot)) == 4


def test_draft_that_the_ledger_does_not_know_is_not_doubled(
    campaign: Campaign, dovecot: servers.Imap, account: ImapAccount
) -> None:
    make_drafts(campaign, account)
    forget_drafts(campaign)
    assert make_drafts(campaign, account).drafted == 4
    assert len(drafts(dovecot)) == 4


def forget_drafts(campaign: Campaign) -> None:
    """Let the ledger know of no draft, as if the process had ended before it was told."""
    with campaigns.job_of(campaign) as job:
        job.enrol()
        assert job.ledger.store().retry_drafted() == 4


def test_cut_connection_leaves_what_is_missing_to_the_next_run(
    campaign: Campaign, dovecot: servers.Imap, account: ImapAccount
) -> None:
    named = replace(account, drafts="INBOX.Drafts")
    with capable("IMAP4rev1 AUTH=PLAIN", named, cut_at=b"u2@example.org") as cut:
        summary = make_drafts(campaign, cut)
        assert summary.error is not None
        assert summary.error.problem.code == "imap-lost"
        assert make_drafts(campaign, cut).error is None
    assert len(drafts(dovecot)) == 4


def test_full_mailbox_ends_the_run(campaign: Campaign, certificates: servers.Certificates) -> None:
    with servers.dovecot_imap({"news": "secret"}, certificates, quota="1k") as full:
        summary = make_drafts(campaign, account_of(full, certificates.ca_file))
    assert summary.error is not None
    assert summary.error.problem.code == "imap-full"
    assert 0 < summary.drafted < 4
    assert states(campaign) == {State.DRAFTED, State.PENDING}


def test_send_leaves_out_drafted_recipients_unless_asked(
    campaign: Campaign, account: ImapAccount, server: Sandbox
) -> None:
    make_drafts(campaign, account, limit=1)
    with campaigns.job_of(campaign, DryRun(RealServer.of_settings(campaign.settings))) as job:
        assert job.plan().to_send == 3
    assert campaigns.send(campaign).sent == 3
    with campaigns.job_of(campaign, retry="drafted") as job:
        plan = job.plan()
        assert (plan.to_send, plan.again) == (1, {State.DRAFTED: 1})
        assert job.run_all().sent == 1
    assert len(server.messages) == 4
    assert states(campaign) == {State.SENT}


def test_selected_drafted_recipient_is_sent_on_request(
    campaign: Campaign, account: ImapAccount, server: Sandbox
) -> None:
    make_drafts(campaign, account)
    with campaigns.job_of(campaign, retry="drafted", only="u1@example.org") as job:
        assert job.plan().again == {State.DRAFTED: 1}
        assert job.run_all().sent == 1
    assert [one["To"] for one in server.messages] == ["u1@example.org"]


def test_events_name_each_draft(campaign: Campaign, account: ImapAccount) -> None:
    heard = list[Event]()
    with campaigns.job_of(campaign, Drafts(account), listener=heard.append) as job:
        events = list(job.run())
        assert job.summary.drafted == 4
    assert events == heard
    assert [type(one) for one in events] == [Began, *[Drafted] * 4, Ended]


def test_stop_ends_after_the_present_batch(campaign: Campaign, account: ImapAccount) -> None:
    with campaigns.job_of(campaign, Drafts(account)) as job:
        for event in job.run():
            if isinstance(event, Began):
                job.stop()
        assert not job.giving_up
        assert job.summary.drafted == 0
        assert job.summary.error is not None
        assert job.summary.error.problem.code == "interrupted"


def test_recipient_who_left_the_spreadsheet_is_skipped(
    campaign: Campaign, account: ImapAccount
) -> None:
    make_drafts(campaign, account)
    (campaign.settings.folder / "recipients.csv").write_text("email,name\nu0@example.org,U0\n")
    with campaigns.job_of(Campaign.load(campaign.settings.folder), accept_changes=True) as job:
        job.enrol()
    assert states(campaign) == {State.DRAFTED, State.SKIPPED}


def test_mailbox_comes_from_the_campaign(campaign: Campaign, tmp_path: Path) -> None:
    with pytest.raises(CampaignError) as caught:
        Drafts.of_settings(campaign.settings)
    assert caught.value.problem.code == "no-imap-server"
    more = '[imap]\nhost = "imap.example.org"\nusername = "news"\ndrafts = "Entwurf"\n'
    target = Drafts.of_settings(campaigns.make(tmp_path / "other", more=more).settings)
    assert target.drafts.drafts == "Entwurf"
    assert target.server_name == "the drafts of news at imap.example.org"
    assert (target.counts_quotas, target.ledger_name) == (False, "ledger")


class FailingFor:
    """Makes all messages but that of one recipient."""

    def __init__(self, messages: MessageFactory, address: str) -> None:
        self._messages = messages
        self._address = address

    def make(self, recipient: Recipient, identity: Identity) -> Message:
        if recipient.mailbox.address == self._address:
            raise AssetError("a file is missing", code="asset-unreadable")
        return self._messages.make(recipient, identity)

    def copies(self, recipient: Recipient) -> Copies:
        return self._messages.copies(recipient)


def test_message_that_cannot_be_made_is_left_to_the_next_run(
    campaign: Campaign, dovecot: servers.Imap, account: ImapAccount
) -> None:
    with campaigns.job_of(campaign, Drafts(account)) as job:
        job.enrol()
        failing = FailingFor(campaign.messages, "u1@example.org")
        run = DraftRun(job.ledger.store(), failing, account, "spring", 4)
        heard = list[Progress]()
        summary = run.execute(heard.append)
    assert (summary.drafted, summary.unmade) == (3, 1)
    assert isinstance(summary.error, NotAllReached)
    assert (heard[-1].done, heard[-1].sent, heard[-1].failed) == (4, 3, 1)
    assert "u1@example.org" not in drafts(dovecot)
    assert make_drafts(campaign, account).drafted == 1
