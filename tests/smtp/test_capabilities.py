"""The reply to EHLO -> the extensions of the server; malformed parameters are ignored."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.smtp import Capabilities, Reply
from mailmerge.smtp.capabilities import parse_capabilities


def offered(*lines: str) -> Capabilities:
    return parse_capabilities(Reply(250, ("mail.example.org hello", *lines)))


def test_every_extension_is_known_by_its_keyword() -> None:
    everything = offered(
        "PIPELINING", "chunking", "8BITMIME", "SMTPUTF8", "STARTTLS", "DSN", "ENHANCEDSTATUSCODES"
    )
    assert everything.name == "mail.example.org"
    assert everything.esmtp
    assert everything.pipelining
    assert everything.chunking
    assert everything.eightbitmime
    assert everything.smtputf8
    assert everything.starttls
    assert everything.dsn


def test_nothing_is_offered_before_ehlo() -> None:
    nothing = Capabilities()
    assert not nothing.esmtp
    assert not any((nothing.pipelining, nothing.chunking, nothing.eightbitmime, nothing.smtputf8))
    assert not any((nothing.starttls, nothing.dsn))
    assert nothing.auth == ()
    assert nothing.size is nothing.mail_max is nothing.rcpt_max is None


@pytest.mark.parametrize(
    ("line", "size"),
    [("SIZE 1000", 1000), ("SIZE 0", None), ("SIZE", None), ("SIZE x", None), ("SIZE -5", None),
     ("size 7", 7), ("SIZE " + "9" * 21, None), ("SIZE ٣", None)],
)  # fmt: skip
def test_size_is_a_number_or_no_maximum(line: str, size: int | None) -> None:
    assert offered(line).size == size


def test_auth_is_read_in_both_spellings() -> None:
    assert offered("AUTH PLAIN login", "AUTH=PLAIN CRAM-MD5").auth == ("PLAIN", "LOGIN", "CRAM-MD5")


def test_the_last_size_counts() -> None:
    assert offered("SIZE 1", "SIZE 2").size == 2


@pytest.mark.parametrize(
    ("line", "mails", "rcpts"),
    [
        ("LIMITS MAILMAX=5 RCPTMAX=100 RCPTDOMAINMAX=1", 5, 100),
        ("LIMITS rcptmax=3", None, 3),
        ("LIMITS MAILMAX", None, None),
        ("LIMITS MAILMAX=0 RCPTMAX=x", None, None),
        ("LIMITS", None, None),
    ],
)
def test_limits_are_read_and_malformed_ones_ignored(
    line: str, mails: int | None, rcpts: int | None
) -> None:
    assert (offered(line).mail_max, offered(line).rcpt_max) == (mails, rcpts)


@given(st.lists(st.text(max_size=40), max_size=10))
def test_any_ehlo_line_is_accepted(lines: list[str]) -> None:
    capabilities = offered(*lines)
    assert capabilities.size is None or capabilities.size > 0
    assert capabilities.mail_max is None or capabilities.mail_max > 0
