"""A fact -> the delivery that it is about. Pure.

What can go wrong: anybody can write a bounce, and a wrong match marks a wrong recipient. So the
ways are tried from the one that proves most to the one that proves least:

1. A Message-ID of ours, or the id that the server gave the message, anywhere in the mail. Ours
   cannot be guessed (128 bits), so whoever wrote a mail that has one has seen the message.
2. The envelope identifier (RFC 3461, 4.4), which is the left part of the Message-ID.
3. The token of an unsubscribe mail, which is signed.
4. A VERP address: the bounce was sent to `bounces+ann=example.org@...`.
5. The address of the failed recipient or of the author, if a message was sent to it in the days
   before.

A mail that names another message proves that it is not about ours. So the ways 4 and 5 are only for
mails that name no message, or whose id was given by a service that replaces all ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from mailmerge.errors import AddressError
from mailmerge.ledger.after import SentMessage
from mailmerge.mailbox.addresses import named_by_verp
from mailmerge.mailbox.facts import Fact, Kind
from mailmerge.recipients.address import parse_mailbox
from mailmerge.unsubscribe_links import Unsubscription

_DAY: Final = 86_400.0
_AFTER_SENDING: Final = {
    Kind.BOUNCED: 14 * _DAY,
    Kind.DELIVERED: 14 * _DAY,
    Kind.AUTO_REPLIED: 14 * _DAY,
    Kind.COMPLAINED: 60 * _DAY,
    Kind.ANSWERED: 60 * _DAY,
    Kind.UNSUBSCRIBED: 3650 * _DAY,
}
"""How long after a message a mail without its id may be about it, in seconds."""

_BEFORE_SENDING: Final = 1 * _DAY
"""How far the clocks of two servers may differ, in seconds."""

_REPLACED_IDS: Final = ("amazonses.com", "outlook.com")
"""Services that give each message a Message-ID of their own."""


@dataclass(frozen=True, slots=True)
class Match:
    """A fact with its recipient.

    Attributes:
        fact: the fact.
        address: the address of the recipient.
        sent: the delivery; None if only a token names the recipient.
        way: how it was found: id, envid, token, verp or address.
    """

    fact: Fact
    address: str
    sent: SentMessage | None
    way: str


@dataclass(frozen=True)
class SentIndex:
    """The messages that some facts may be about, by all that can name them."""

    by_id: dict[str, SentMessage] = field(default_factory=dict)
    by_left: dict[str, SentMessage] = field(default_factory=dict)
    by_identity: dict[str, list[SentMessage]] = field(default_factory=dict)


ReadToken = Callable[[str], Unsubscription | None]
"""Returns what a token says; None if it is not signed with a key of ours."""


def index_for(
    facts: Iterable[Fact], sent: Iterable[SentMessage], read_token: ReadToken, verp_domain: str
) -> SentIndex:
    """Index those sent messages that the facts may be about; `sent` is read once."""
    ids, lefts, identities = set[str](), set[str](), set[str]()
    for fact in facts:
        ids.update(_normal(one) for one in fact.ids)
        lefts.add(fact.envid.lower())
        addresses = [*fact.addresses, *_verp(fact, verp_domain)]
        if fact.token and (found := read_token(fact.token)):
            addresses.append(found.address)
        identities.update(_identity(one) for one in addresses)
    index = SentIndex()
    for one in sent:
        left, _, _ = (normal := _normal(one.message_id)).partition("@")
        if normal in ids:
            index.by_id[normal] = one
        if one.server_id and (named := _normal(one.server_id)) in ids:
            index.by_id.setdefault(named, one)
        if left in lefts:
            index.by_left[left] = one
        if one.identity in identities:
            index.by_identity.setdefault(one.identity, []).append(one)
    for messages in index.by_identity.values():
        messages.sort(key=lambda one: one.at)
    return index


def match(
    fact: Fact,
    index: SentIndex,
    read_token: ReadToken,
    *,
    verp_domain: str = "",
    now: float,
    own: frozenset[str] = frozenset(),
) -> Match | None:
    """Return the recipient that a fact is about; None if it is not about a message of ours.

    Args:
        fact: what a mail says.
        index: the messages that it may be about.
        read_token: reads unsubscribe tokens.
        verp_domain: the domain of the reverse path; "" if there is none of our own.
        now: seconds since 1970, for a mail without a date.
        own: the identities of our own addresses, whose answers are our own messages.
    """
    if fact.kind is Kind.OTHER or _is_own(fact, own):
        return None
    if fact.token:
        return _by_token(fact, index, read_token)
    return _by_id(fact, index) or _by_address(fact, index, verp_domain, now)


def _by_id(fact: Fact, index: SentIndex) -> Match | None:
    for one in fact.ids:
        if sent := index.by_id.get(_normal(one)):
            return Match(fact, sent.address, sent, "id")
    if fact.envid and (sent := index.by_left.get(fact.envid.lower())):
        return Match(fact, sent.address, sent, "envid")
    return None


def _by_address(fact: Fact, index: SentIndex, verp_domain: str, now: float) -> Match | None:
    if fact.envid or any(not _is_replaced(one) for one in fact.ids):
        return None  # it is about another message
    for way, addresses in (("verp", _verp(fact, verp_domain)), ("address", fact.addresses)):
        for address in addresses:
            if sent := _latest(index, fact, _identity(address), now):
                return Match(fact, sent.address, sent, way)
    return None


def _by_token(fact: Fact, index: SentIndex, read_token: ReadToken) -> Match | None:
    found = read_token(fact.token)
    if found is None:
        return None
    messages = index.by_identity.get(_identity(found.address), [])
    own = [one for one in messages if found.is_for(one.key)] or messages
    return Match(fact, found.address, own[-1] if own else None, "token")


def _latest(index: SentIndex, fact: Fact, identity: str, now: float) -> SentMessage | None:
    """The last message to an address before the mail, if that is not too long ago."""
    at = now if fact.at is None else fact.at
    most = _AFTER_SENDING[fact.kind]
    return next(
        (
            one
            for one in reversed(index.by_identity.get(identity, []))
            if -_BEFORE_SENDING <= at - one.at <= most
        ),
        None,
    )


def _normal(message_id: str) -> str:
    return message_id.strip("<> ").lower()


def _is_replaced(message_id: str) -> bool:
    """Whether a service gave this id, so that it does not show which message it was."""
    return message_id.lower().endswith(_REPLACED_IDS)


def _is_own(fact: Fact, own: frozenset[str]) -> bool:
    """Whether it is an answer that we wrote: a copy of a message of our own."""
    if fact.kind not in (Kind.ANSWERED, Kind.AUTO_REPLIED):
        return False
    return any(_identity(one) in own for one in fact.addresses)


def _identity(address: str) -> str:
    try:
        return parse_mailbox(address).identity
    except AddressError:
        return ""


def _verp(fact: Fact, domain: str) -> list[str]:
    if not domain:
        return []
    return [
        found
        for address in fact.to
        if address.endswith(f"@{domain.lower()}")
        for found in named_by_verp(address)
    ]
