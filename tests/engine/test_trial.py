"""Messages to oneself: whose they are is in the subject, and nowhere in the envelope."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailmerge.campaign import Campaign
from mailmerge.engine.trial import Trial, trial_mailbox
from mailmerge.errors import AddressError
from mailmerge.messages import message_factory
from mailmerge.recipients.address import parse_mailbox
from mailmerge.rendering.content import Body, Content, Structure
from tests.engine.driver import make_recipients

ME = parse_mailbox("me@example.net")


def test_the_first_people_come_with_my_mailbox_and_their_own_cells() -> None:
    people = list(Trial(ME).people(make_recipients(5), 2))
    assert [one.mailbox for one in people] == [ME, ME]
    assert [one.cells["email"] for one in people] == ["u0@example.org", "u1@example.org"]
    assert len({one.key for one in people}) == 2


def test_a_row_with_my_address_is_passed_over() -> None:
    trial = Trial(parse_mailbox("U0@EXAMPLE.org"))
    people = list(trial.people(make_recipients(3), 2))
    assert [one.cells["name"] for one in people] == ["Person 1", "Person 2"]
    assert trial.passed_over == 1


def test_subject_names_the_recipient(campaign: Campaign) -> None:
    trial = Trial(ME)
    [one] = trial.people(make_recipients(1), 1)
    message = message_factory(campaign).editing(trial.edit).sample(one)
    assert message.subject == "[test for u0@example.org] For Person 0"


def test_name_of_the_recipient_is_not_put_before_my_address() -> None:
    trial = Trial(ME)
    [one] = trial.people(make_recipients(1), 1)
    content = Content("Hello", Body(Structure(("",))), to_name="Ann Smith")
    assert trial.edit(one, content).to_name == ""


def test_empty_subject_stays_empty() -> None:
    trial = Trial(ME)
    [one] = trial.people(make_recipients(1), 1)
    blank = Content(" ", Body(Structure(("",))))
    assert trial.edit(one, blank) == blank


def test_one_message_never_goes_to_the_address_of_its_row() -> None:
    own = make_recipients(1)[0].mailbox
    assert trial_mailbox(" me@example.net ", own) == ME
    with pytest.raises(AddressError, match="row itself"):
        trial_mailbox("u0@Example.org", replace(own))
