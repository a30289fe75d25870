"""Test messages: the subject names the recipient, and the envelope does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailmerge.engine.redirect import Direct, Redirect, parse_own_address
from mailmerge.errors import AddressError
from mailmerge.messages import message_factory
from mailmerge.recipients.address import parse_mailbox
from mailmerge.rendering.content import Body, Content, Structure
from mailmerge.settings import Settings
from tests.engine.driver import make_recipients

ME = parse_mailbox("me@example.net")


def test_recipients_get_my_mailbox_and_keep_their_cells() -> None:
    recipients = list(Redirect((ME,), 2).recipients(make_recipients(5)))
    assert [one.mailbox for one in recipients] == [ME, ME]
    assert [one.cells["email"] for one in recipients] == ["u0@example.org", "u1@example.org"]
    assert len({one.key for one in recipients}) == 2


def test_each_test_address_gets_every_message() -> None:
    boss = parse_mailbox("boss@example.net")
    redirect = Redirect((ME, boss, parse_mailbox("ME@example.net")), 2)
    assert redirect.addresses == ("me@example.net", "boss@example.net")
    recipients = list(redirect.recipients(make_recipients(3)))
    assert [one.mailbox for one in recipients] == [ME, boss, ME, boss]
    assert len({one.key for one in recipients}) == 4
    assert recipients[0].key == make_recipients(1)[0].key


def test_row_with_my_address_is_left_out() -> None:
    redirect = Redirect((parse_mailbox("U0@EXAMPLE.org"),), 2)
    recipients = list(redirect.recipients(make_recipients(3)))
    assert [one.cells["name"] for one in recipients] == ["Person 1", "Person 2"]


def test_test_message_without_another_row_is_refused() -> None:
    redirect = Redirect((parse_mailbox("U0@EXAMPLE.org"),))
    assert list(redirect.recipients(make_recipients(1))) == []
    with pytest.raises(AddressError, match="row itself") as raised:
        redirect.require_recipient(0)
    assert raised.value.problem.code == "test-to-row"
    redirect.require_recipient(1)


def test_test_without_recipients_is_not_an_error() -> None:
    redirect = Redirect((ME,))
    assert list(redirect.recipients([])) == []
    redirect.require_recipient(0)


def test_direct_changes_nothing(campaign: Settings) -> None:
    direct, recipients = Direct(), make_recipients(4)
    assert list(direct.recipients(recipients)) == recipients
    factory = message_factory(campaign)
    assert direct.messages(factory) is factory
    assert (direct.edits, Redirect((ME,)).edits) == (False, True)
    assert direct.addresses == ()
    direct.require_recipient(0)


def test_subject_names_the_recipient(campaign: Settings) -> None:
    redirect = Redirect((ME,))
    [one] = redirect.recipients(make_recipients(1))
    message = redirect.messages(message_factory(campaign)).sample(one)
    assert message.subject == "[test for u0@example.org] For Person 0"


def test_display_name_of_the_recipient_is_removed() -> None:
    redirect = Redirect((ME,))
    [one] = redirect.recipients(make_recipients(1))
    content = Content("Hello", Body(Structure(("",))), to_name="Ann Smith")
    assert redirect.edit(one, content).to_name == ""


def test_empty_subject_stays_empty() -> None:
    redirect = Redirect((ME,))
    [one] = redirect.recipients(make_recipients(1))
    blank = Content(" ", Body(Structure(("",))))
    assert redirect.edit(one, blank) == blank


def test_address_of_the_row_itself_is_refused() -> None:
    own = make_recipients(1)[0].mailbox
    assert parse_own_address(" me@example.net ", own) == ME
    with pytest.raises(AddressError, match="row itself"):
        parse_own_address("u0@Example.org", replace(own))
