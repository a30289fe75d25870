"""The recipients of a job: those of campaign.toml, or a collection."""

from __future__ import annotations

from mailmerge.campaign import Campaign
from mailmerge.jobs.recipient_source import source_of
from mailmerge.preflight.check import CheckOptions
from mailmerge.recipients.audience import Selection
from mailmerge.recipients.collection import read_recipients
from tests.jobs.campaigns import ALL, RECIPIENTS


def test_recipients_of_a_campaign_are_read_lazily(campaign: Campaign) -> None:
    source = source_of(campaign.settings, ALL)
    with (campaign.folder / "recipients.csv").open("a") as sheet:
        sheet.write("new@example.org,New\n")
    assert len(list(source.recipients())) == RECIPIENTS + 1
    assert (source.partial, source.given) == (False, None)


def test_selection_makes_the_source_partial(campaign: Campaign) -> None:
    for selection in (Selection(where="name == 'U1'"), Selection(only="u1@example.org")):
        source = source_of(campaign.settings, selection)
        assert source.partial
        assert [one.row for one in source.recipients()] == [3]
        assert source.selection is selection
    assert source_of(campaign.settings, campaign.recipients(where="name == 'U1'")).partial
    assert not source_of(campaign.settings, campaign.recipients()).partial


def test_only_recipients_of_a_campaign_have_a_digest(campaign: Campaign) -> None:
    own = source_of(campaign.settings, ALL)
    before = own.digest(CheckOptions())
    assert before == own.digest(CheckOptions()) != ""
    (campaign.folder / "recipients.csv").write_text("email,name\n")
    assert own.digest(CheckOptions()) != before
    collection = read_recipients(campaign.folder / "recipients.csv")
    given = source_of(campaign.settings, collection)
    assert given.digest(CheckOptions()) == ""
    assert (given.given, given.selection) == (collection, ALL)
