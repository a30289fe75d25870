"""Facts find their delivery by what proves most; a mail about another message finds none."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from mailmerge.ledger.after import SentMessage
from mailmerge.mailbox.facts import Fact, Kind
from mailmerge.mailbox.matching import Match, index_for, match
from mailmerge.unsubscribe_links import UnsubscribeKeys

NOW = 1_800_000_000.0
DAY = 86_400.0
KEYS = UnsubscribeKeys("key-" * 10)


def sent(number: int, name: str = "ann", at: float = NOW - DAY, server_id: str = "") -> SentMessage:
    address = f"{name}@example.org"
    left = f"{number:032x}"
    return SentMessage(
        1, number, f"key-{name}", address, address, f"<{left}@example.org>", server_id, at
    )


ANN, BOB = sent(1, "ann"), sent(2, "bob", server_id="<0100@email.amazonses.com>")


def found(
    fact: Fact,
    messages: Iterable[SentMessage] = (ANN, BOB),
    *,
    verp_domain: str = "",
    own: str = "",
) -> Match | None:
    index = index_for([fact], messages, KEYS.read, verp_domain)
    return match(
        fact, index, KEYS.read, verp_domain=verp_domain, now=NOW, own=frozenset({own} - {""})
    )


def way(fact: Fact, **more: str) -> tuple[str, str] | None:
    one = found(fact, **more)  # type: ignore[arg-type]
    return None if one is None else (one.way, one.address)


def bounce(**fields: object) -> Fact:
    return Fact(Kind.BOUNCED, at=NOW, **fields)  # type: ignore[arg-type]


def test_our_id_counts_more_than_any_address() -> None:
    one = bounce(ids=(f"{1:032X}@Example.org",), addresses=("bob@example.org",))
    assert way(one) == ("id", "ann@example.org")


def test_id_of_the_server_is_one_of_ours() -> None:
    assert way(bounce(ids=("0100@email.amazonses.com",))) == ("id", "bob@example.org")


def test_envelope_identifier_names_the_message() -> None:
    assert way(bounce(envid=f"{2:032x}")) == ("envid", "bob@example.org")
    assert way(bounce(envid="f" * 32, addresses=("ann@example.org",))) is None


def test_id_that_was_never_used_is_not_ours() -> None:
    one = bounce(ids=("f" * 32 + "@example.org",), addresses=("ann@example.org",))
    assert way(one) is None


def test_replaced_id_leaves_the_address() -> None:
    one = bounce(ids=("0999@email.amazonses.com",), addresses=("ann@example.org",))
    assert way(one) == ("address", "ann@example.org")


def test_verp_needs_a_reverse_path_of_our_own() -> None:
    one = bounce(to=("bounces+ann=example.org@lists.example.org",))
    assert way(one, verp_domain="lists.example.org") == ("verp", "ann@example.org")
    assert way(one) is None


@pytest.mark.parametrize(
    ("days", "known"), [(-2.0, False), (-0.5, True), (1.0, True), (13.0, True), (15.0, False)]
)
def test_address_counts_in_the_days_after_sending(days: float, known: bool) -> None:
    one = found(bounce(addresses=("Ann@Example.org",)), [sent(1, at=NOW - days * DAY)])
    assert (one is not None) == known


def test_last_message_before_the_mail_is_meant() -> None:
    messages = [sent(1, at=NOW - 9 * DAY), sent(2, at=NOW - 2 * DAY), sent(3, at=NOW + 3 * DAY)]
    one = found(bounce(addresses=("ann@example.org",)), messages)
    assert one is not None
    assert one.sent is not None
    assert one.sent.delivery_id == 2


def test_token_names_the_recipient_whoever_writes() -> None:
    token = KEYS.token("spring", "key-ann", "ann@example.org")
    one = Fact(Kind.UNSUBSCRIBED, ("eve@example.org",), token=token)
    assert way(one) == ("token", "ann@example.org")
    alone = found(one, [])
    assert alone is not None
    assert (alone.address, alone.sent) == ("ann@example.org", None)
    assert way(Fact(Kind.UNSUBSCRIBED, ("ann@example.org",), token=token[:-4] + "AAAA")) is None


def test_answers_from_our_own_address_are_not_answers() -> None:
    one = Fact(Kind.ANSWERED, ("ann@example.org",), (f"{1:032x}@example.org",))
    assert way(one) == ("id", "ann@example.org")
    assert way(one, own="ann@example.org") is None


def test_other_mails_match_nothing() -> None:
    assert way(Fact(Kind.OTHER, ("ann@example.org",), (f"{1:032x}@example.org",))) is None


def test_broken_addresses_match_nothing() -> None:
    assert way(bounce(addresses=("@", "a@", "x" * 400 + "@example.org"))) is None
