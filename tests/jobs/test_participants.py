"""The recipients of a job, for the check, the ledger and the run."""

from __future__ import annotations

from mailmerge.campaign import Campaign
from mailmerge.engine.redirect import Direct, Redirect
from mailmerge.jobs.participants import Participants
from mailmerge.jobs.recipient_source import source_of
from mailmerge.recipients.address import parse_mailbox
from mailmerge.recipients.audience import Selection
from tests.jobs.campaigns import ALL, RECIPIENTS

ME = Redirect((parse_mailbox("me@example.net"),), 2)


def of(
    campaign: Campaign, selection: Selection = ALL, redirect: Direct | None = None
) -> Participants:
    return Participants(source_of(campaign.settings, selection), redirect or Direct())


def test_invalid_rows_get_no_message_but_are_enrolled(campaign: Campaign) -> None:
    skipped: dict[str, str] = {}
    participants, invalid = of(campaign), {3: "no such file"}
    assert len(list(participants.valid({}))) == RECIPIENTS
    assert 3 not in {one.row for one in participants.valid(invalid)}
    enrolled = list(participants.to_enrol(invalid, skipped))
    assert len(enrolled) == RECIPIENTS
    [(key, reason)] = skipped.items()
    assert key in {one.key for one in enrolled if one.row == 3}
    assert "no such file" in reason


def test_test_messages_go_to_valid_rows_alone(campaign: Campaign) -> None:
    skipped: dict[str, str] = {}
    participants = of(campaign, redirect=ME)
    enrolled = list(participants.to_enrol({2: "broken"}, skipped))
    assert [one.row for one in enrolled] == [3, 4]
    assert {one.mailbox.address for one in enrolled} == {"me@example.net"}
    assert not skipped


def test_a_sample_is_enrolled_after_the_whole(campaign: Campaign) -> None:
    half = Selection(percent=50)
    assert of(campaign).whole({}) is None
    assert of(campaign, half, ME).whole({}) is None
    assert of(campaign, half).partial
    assert not of(campaign, half, ME).partial
    for invalid in ({}, {3: "broken"}):
        whole = of(campaign, half).whole(invalid)
        assert whole is not None
        recipients, partial = whole
        assert (len(list(recipients)), partial) == (RECIPIENTS, False)
