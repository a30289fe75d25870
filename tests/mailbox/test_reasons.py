"""Status and text of a server give a reason, and only certain ones are hard."""

from __future__ import annotations

import pytest

from mailmerge.mailbox.reasons import Reason, reason_of


@pytest.mark.parametrize(
    ("status", "text", "reason"),
    [
        ("5.1.1", "550 5.1.1 <a@b>: Recipient rejected: User unknown", Reason.NO_SUCH_ADDRESS),
        ("", "550 No such user here", Reason.NO_SUCH_ADDRESS),
        ("5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found", Reason.NO_SUCH_ADDRESS),
        ("5.7.1", "550 5.7.1 user unknown", Reason.NO_SUCH_ADDRESS),
        ("5.0.0", "550 User not found: a@163.com", Reason.NO_SUCH_ADDRESS),
        ("5.1.2", "Host or domain name not found. Name service error", Reason.NO_SUCH_DOMAIN),
        ("5.4.4", "Unrouteable address", Reason.NO_SUCH_DOMAIN),
        ("5.1.10", "Recipient address has null MX", Reason.TAKES_NO_MAIL),
        ("5.1.6", "", Reason.MOVED),
        ("5.2.2", "", Reason.MAILBOX_FULL),
        ("5.1.1", "550 5.1.1 mailbox full", Reason.MAILBOX_FULL),
        ("4.2.2", "452-4.2.2 The email account is over quota", Reason.MAILBOX_FULL),
        ("5.0.0", "552 邮箱空间不足", Reason.MAILBOX_FULL),
        ("5.2.1", "The email account that you tried to reach is disabled", Reason.DISABLED),
        ("5.3.4", "552 message size exceeds fixed limit", Reason.TOO_BIG),
        ("5.7.1", "554 5.7.1 relay access denied", Reason.RELAY_DENIED),
        ("5.7.26", "Unauthenticated email, DMARC policy", Reason.NOT_AUTHENTICATED),
        ("5.7.1", "554 Client host blocked using zen.spamhaus.org", Reason.BLOCKED),
        ("5.1.1", "550 5.1.1 IP address blacklisted by recipient", Reason.BLOCKED),
        ("5.7.1", "Message rejected as spam", Reason.SPAM),
        ("5.7.0", "552 virus found: Eicar", Reason.VIRUS),
        ("4.7.0", "421 rate limit exceeded", Reason.TOO_FAST),
        ("4.4.7", "delivery time expired", Reason.EXPIRED),
        ("4.4.1", "connect to mx[192.0.2.1]:25: Connection refused", Reason.NETWORK),
        ("5.7.9", "Rejected", Reason.POLICY),
        ("4.0.0", "451 try again", Reason.EXPIRED),
        ("5.0.0", "554 no", Reason.UNKNOWN),
    ],
)  # fmt: skip
def test_reason_of_status_and_text(status: str, text: str, reason: Reason) -> None:
    assert reason_of(status, text) is reason


def test_only_dead_addresses_are_hard() -> None:
    hard = {one for one in Reason if one.hard}
    assert hard == {
        Reason.NO_SUCH_ADDRESS,
        Reason.NO_SUCH_DOMAIN,
        Reason.MOVED,
        Reason.TAKES_NO_MAIL,
    }


def test_refusal_after_the_text_is_that_of_a_filter() -> None:
    assert reason_of("5.0.0", "550 Unknown user", after_data=True) is Reason.REFUSED
    assert reason_of("5.2.2", "mailbox full", after_data=True) is Reason.MAILBOX_FULL


def test_every_reason_has_words() -> None:
    assert len({one.words for one in Reason}) == len(Reason)
