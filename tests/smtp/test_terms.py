"""What holds on a connection follows from what is offered and what is wanted."""

from __future__ import annotations

import pytest

from mailmerge.smtp import Capabilities, Envelope
from mailmerge.smtp.terms import Terms, Wants

ENVELOPE = Envelope("n@x.example", ("a@x.example", "b@x.example"))


def offered(*keywords: str, **parameters: str) -> Capabilities:
    given = {**dict.fromkeys(keywords, ()), **{k: (v,) for k, v in parameters.items()}}
    return Capabilities("x", esmtp=True, keywords=given)


BOTH = offered("PIPELINING", "CHUNKING")


@pytest.mark.parametrize(
    ("wants", "offers", "pipelining", "streaming", "capacity"),
    [
        (Wants(), offered(), False, False, 1),
        (Wants(), offered("PIPELINING"), True, False, 3),
        (Wants(), BOTH, True, False, 3),
        (Wants(window=8), BOTH, True, True, 8),
        (Wants(window=8), offered("CHUNKING"), False, False, 1),
        (Wants(window=8), offered("PIPELINING"), True, False, 3),
        (Wants(window=8, chunking=False), BOTH, True, False, 3),
        (Wants(window=8, pipelining=False), BOTH, False, False, 1),
        (Wants(window=8, lmtp=True), BOTH, True, False, 3),
    ],
)
def test_the_way_to_send_is_what_both_sides_want(
    wants: Wants, offers: Capabilities, pipelining: bool, streaming: bool, capacity: int
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
def test_an_impossible_message_is_explained(
    offers: Capabilities, envelope: Envelope, size: int, says: str
) -> None:
    reason = Terms.agreed(Wants(), offers).impossible(envelope, size)
    assert says in reason
    assert bool(reason) is bool(says)
