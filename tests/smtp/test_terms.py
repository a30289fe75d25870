"""The terms of a connection follow from the server's offer and the caller's preferences."""

from __future__ import annotations

import pytest

from mailmerge.smtp import Capabilities, Envelope
from mailmerge.smtp.terms import Preferences, Terms

ENVELOPE = Envelope("n@x.example", ("a@x.example", "b@x.example"))


def offered(*keywords: str, **parameters: str) -> Capabilities:
    given = {**dict.fromkeys(keywords, ()), **{k: (v,) for k, v in parameters.items()}}
    return Capabilities("x", esmtp=True, keywords=given)


BOTH = offered("PIPELINING", "CHUNKING")


@pytest.mark.parametrize(
    ("wants", "offers", "pipelining", "streaming", "capacity"),
    [
        (Preferences(), offered(), False, False, 1),
        (Preferences(), offered("PIPELINING"), True, False, 3),
        (Preferences(), BOTH, True, False, 3),
        (Preferences(window=8), BOTH, True, True, 8),
        (Preferences(window=8), offered("CHUNKING"), False, False, 1),
        (Preferences(window=8), offered("PIPELINING"), True, False, 3),
        (Preferences(window=8, chunking=False), BOTH, True, False, 3),
        (Preferences(window=8, pipelining=False), BOTH, False, False, 1),
        (Preferences(window=8, lmtp=True), BOTH, True, False, 3),
    ],
)
def test_terms_need_both_the_offer_and_the_preference(
    wants: Preferences, offers: Capabilities, pipelining: bool, streaming: bool, capacity: int
) -> None:
    terms = Terms.agreed(wants, offers)
    assert (terms.pipelining, terms.streaming, terms.capacity) == (pipelining, streaming, capacity)


def test_nothing_can_be_sent_before_ehlo() -> None:
    assert Terms().capacity == 0


@pytest.mark.parametrize(
    ("offers", "envelope", "size", "says"),
    [
        (offered(SIZE="100"), ENVELOPE, 101, "the server takes 100"),
        (offered(SIZE="100"), ENVELOPE, 100, ""),
        (offered(LIMITS="RCPTMAX=1"), ENVELOPE, 0, "2 recipients, and the server takes 1"),
        (offered(LIMITS="RCPTMAX=2"), ENVELOPE, 0, ""),
        (offered(), Envelope("", ("a@x.example",), smtputf8=True), 0, "no SMTPUTF8"),
        (offered(), Envelope("", ("a@x.example",), eightbit=True), 0, "no 8BITMIME"),
        (offered("8BITMIME"), Envelope("", ("a@x.example",), eightbit=True), 0, ""),
        (
            offered("SMTPUTF8"),
            Envelope("", ("a@x.example",), smtputf8=True, eightbit=True),
            0,
            "",
        ),
    ],
)
def test_an_unsupported_message_is_explained(
    offers: Capabilities, envelope: Envelope, size: int, says: str
) -> None:
    reason = Terms.agreed(Preferences(), offers).impossible(envelope, size)
    assert says in reason
    assert bool(reason) is bool(says)
