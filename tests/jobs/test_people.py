"""The recipients of a job: those of campaign.toml, or a collection."""

from __future__ import annotations

from mailmerge.campaign import Campaign
from mailmerge.jobs.people import people_of
from mailmerge.preflight.check import CheckOptions
from mailmerge.recipients.audience import Selection
from mailmerge.recipients.collection import read_recipients
from tests.jobs.campaigns import ALL, RECIPIENTS


def test_own_recipients_are_read_when_asked(campaign: Campaign) -> None:
    people = people_of(campaign.settings, ALL)
    with (campaign.folder / "recipients.csv").open("a") as sheet:
        sheet.write("new@example.org,New\n")
    assert len(list(people.recipients())) == RECIPIENTS + 1
    assert (people.partial, people.given) == (False, None)


def test_selection_makes_them_partial(campaign: Campaign) -> None:
    for selection in (Selection(where="name == 'U1'"), Selection(only="u1@example.org")):
        people = people_of(campaign.settings, selection)
        assert people.partial
        assert [one.row for one in people.recipients()] == [3]
        assert people.selection is selection
    assert people_of(campaign.settings, campaign.recipients(where="name == 'U1'")).partial
    assert not people_of(campaign.settings, campaign.recipients()).partial


def test_only_own_recipients_have_a_digest(campaign: Campaign) -> None:
    own = people_of(campaign.settings, ALL)
    before = own.digest(CheckOptions())
    assert before == own.digest(CheckOptions()) != ""
    (campaign.folder / "recipients.csv").write_text("email,name\n")
    assert own.digest(CheckOptions()) != before
    collection = read_recipients(campaign.folder / "recipients.csv")
    given = people_of(campaign.settings, collection)
    assert given.digest(CheckOptions()) == ""
    assert (given.given, given.selection) == (collection, ALL)
