"""A fact says its reason in words."""

from __future__ import annotations

from mailmerge.mailbox.facts import Fact, Kind
from mailmerge.mailbox.reasons import Reason


def test_reason_has_status_words_and_what_the_server_said() -> None:
    one = Fact(Kind.BOUNCED, status="5.2.2", cause=Reason.MAILBOX_FULL, text="552 full")
    assert one.reason == "5.2.2 the mailbox is full: 552 full"
    assert not one.hard


def test_reason_of_an_answer_is_its_text() -> None:
    assert Fact(Kind.ANSWERED, text="Re: Hello").reason == "Re: Hello"
