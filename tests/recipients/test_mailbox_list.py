"""One or several mailboxes of a text; groups are refused."""

from __future__ import annotations

import email.policy
from email.headerregistry import AddressHeader

import pytest

from mailmerge.errors import AddressError
from mailmerge.recipients.mailbox_list import parse_mailboxes


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ann@x.org", [("", "ann@x.org")]),
        ("Ann <ann@x.org>", [("Ann", "ann@x.org")]),
        ("ann@x.org, bob@x.org", [("", "ann@x.org"), ("", "bob@x.org")]),
        ("ann@x.org; bob@x.org;", [("", "ann@x.org"), ("", "bob@x.org")]),
        ("ann@x.org\nbob@x.org\n", [("", "ann@x.org"), ("", "bob@x.org")]),
        ('"Doe, Ann" <ann@x.org>, bob@x.org', [("Doe, Ann", "ann@x.org"), ("", "bob@x.org")]),
        ("Doe, Ann <ann@x.org>", [("Doe, Ann", "ann@x.org")]),
        ("bob@x.org, Doe, Ann <ann@x.org>", [("", "bob@x.org"), ("Doe, Ann", "ann@x.org")]),
        ("Zoë <zoe@x.org>; 王 <wang@x.org>", [("Zoë", "zoe@x.org"), ("王", "wang@x.org")]),
        ("ann@x.org, Ann <ANN@x.org>", [("Ann", "ANN@x.org")]),
        ('"a,b"@x.org, bob@x.org', [("", '"a,b"@x.org'), ("", "bob@x.org")]),
        ("ann@x.org, bob@münchen.de", [("", "ann@x.org"), ("", "bob@münchen.de")]),
    ],
)
def test_the_mailboxes_of_a_text_are_found(text: str, found: list[tuple[str, str]]) -> None:
    assert [(one.display_name, one.address) for one in parse_mailboxes(text)] == found


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Team: ann@x.org, bob@x.org;", "address-group"),
        ('"The team": ann@x.org;', "address-group"),
        ("undisclosed-recipients:;", "address-group"),
        ("ann@x.org, bob", "address-no-at"),
        ("bob, ann@", "address-space"),
        ("ann@x.org, bob@@x.org", "address-two-at"),
        ("ann@x.org, mailto:bob@x.org", "address-mailto"),
        ("mailto:bob@x.org", "address-mailto"),
        ("", "address-empty"),
        (",", "address-no-at"),
        ("ann@x.org bob@x.org", "address-many"),
    ],
)
def test_what_is_no_list_of_mailboxes_is_refused(text: str, code: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_mailboxes(text)
    assert caught.value.problem.code == code
    assert caught.value.problem.hint


def test_readers_find_the_same_mailboxes() -> None:
    text = '"Doe, Ann" <ann@x.org>, Bob Roe <bob@x.org>, "c,d"@x.org'
    header = email.policy.default.header_factory("reply-to", text)
    assert isinstance(header, AddressHeader)
    read = [(one.display_name, one.addr_spec) for one in header.addresses]
    assert [(one.display_name, one.address) for one in parse_mailboxes(text)] == read
