"""Test messages: the recipient is named in the subject, and nowhere in the envelope."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailmerge.engine.redirect import Redirect, parse_own_address
from mailmerge.errors import AddressError
from mailmerge.messages import message_factory
from mailmerge.recipients.address import parse_mailbox
from mailmerge.rendering.content import Body, Content, Structure
from mailmerge.settings import Settings
from tests.engine.driver import make_recipients

ME = parse_mailbox("me@example.net")


def test_recipients_get_my_mailbox_and_keep_their_cells() -> None:
    recipients = list(Redirect(ME).recipients(make_recipients(5), 2))
    assert [one.mailbox for one in recipients] == [ME, ME]
    assert [one.cells["email"] for one in recipients] == ["u0@example.org", "u1@example.org"]
    assert len({one.key for one in recipients}) == 2


def test_row_with_my_address_is_left_out() -> None:
    redirect = Redirect(parse_mailbox("U0@EXAMPLE.org"))
    recipients = list(redirect.recipients(make_recipients(3), 2))
    assert [one.cells["name"] for one in recipients] == ["Person 1", "Person 2"]
    assert redirect.left_out == 1


def test_subject_names_the_recipient(campaign: Settings) -> None:
    redirect = Redirect(ME)
    [one] = redirect.recipients(make_recipients(1), 1)
    message = message_factory(campaign).editing(redirect.edit).sample(one)
    assert message.subject == "[test for u0@example.org] For Person 0"


def test_display_name_of_the_recipient_is_removed() -> None:
    redirect = Redirect(ME)
    [one] = redirect.recipients(make_recipients(1), 1)
    content = Content("Hello", Body(Structure(("",))), to_name="Ann Smith")
    assert redirect.edit(one, content).to_name == ""


def test_empty_subject_stays_empty() -> None:
    redirect = Redirect(ME)
    [one] = redirect.recipients(make_recipients(1), 1)
    blank = Content(" ", Body(Structure(("",))))
    assert redirect.edit(one, blank) == blank


def test_own_address_is_not_that_of_the_row() -> None:
    own = make_recipients(1)[0].mailbox
    assert parse_own_address(" me@example.net ", own) == ME
    with pytest.raises(AddressError, match="row itself"):
        parse_own_address("u0@Example.org", replace(own))
