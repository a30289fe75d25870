"""Why a message came back: status code and text of a server -> a reason, and whether it is final.

A *hard* bounce says that the address will never take mail: it does not exist, its domain does not,
it has moved, or it takes no mail at all. Everything else is *soft*: a full mailbox, a block list, a
size limit or a server that is down say nothing about the address. Such an address may be written to
again.

What can go wrong: the status code alone is not enough. Servers report a full mailbox as 5.1.1, a
spam filter as 5.1.1, and an unknown user as 5.7.1 or 5.0.0 (RFC 3463 defines the codes; the text is
what the administrator wrote). So texts that can mean only one thing come first, then the code, then
the texts that are vague. A code 5.1.1 counts only if no text contradicts it. In doubt the bounce is
soft: that costs another message, while a wrong hard one costs a reader.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from mailmerge.language import marked, tr
from mailmerge.mailbox.phrases import table


class Reason(StrEnum):
    """Why a message came back."""

    NO_SUCH_ADDRESS = "no-such-address"
    NO_SUCH_DOMAIN = "no-such-domain"
    MOVED = "moved"
    TAKES_NO_MAIL = "takes-no-mail"
    MAILBOX_FULL = "mailbox-full"
    DISABLED = "disabled"
    TOO_BIG = "too-big"
    RELAY_DENIED = "relay-denied"
    NOT_AUTHENTICATED = "not-authenticated"
    BLOCKED = "blocked"
    SPAM = "spam"
    VIRUS = "virus"
    CONTENT = "content"
    POLICY = "policy"
    TOO_FAST = "too-fast"
    EXPIRED = "expired"
    NETWORK = "network"
    SERVER = "server"
    REFUSED = "refused"
    UNKNOWN = "unknown"

    @property
    def hard(self) -> bool:
        """Whether the address will never take mail."""
        return self in _HARD

    @property
    def words(self) -> str:
        """The reason in words, in the language of the user."""
        return tr(_WORDS[self])

    @property
    def english(self) -> str:
        """The reason in English words, to be kept."""
        return _WORDS[self]


_HARD: Final = frozenset(
    {Reason.NO_SUCH_ADDRESS, Reason.NO_SUCH_DOMAIN, Reason.MOVED, Reason.TAKES_NO_MAIL}
)

_WORDS: Final = {
    Reason.NO_SUCH_ADDRESS: marked("the address does not exist"),
    Reason.NO_SUCH_DOMAIN: marked("the domain of the address does not exist"),
    Reason.MOVED: marked("the mailbox has moved to another address"),
    Reason.TAKES_NO_MAIL: marked("the domain takes no mail"),
    Reason.MAILBOX_FULL: marked("the mailbox is full"),
    Reason.DISABLED: marked("the mailbox is disabled"),
    Reason.TOO_BIG: marked("the message is too big"),
    Reason.RELAY_DENIED: marked("the server does not relay to this address"),
    Reason.NOT_AUTHENTICATED: marked("SPF, DKIM or DMARC of the sender failed"),
    Reason.BLOCKED: marked("the sending server or the sender is blocked"),
    Reason.SPAM: marked("the message was taken for spam"),
    Reason.VIRUS: marked("the message was taken for a virus"),
    Reason.CONTENT: marked("the content was refused"),
    Reason.POLICY: marked("a policy of the receiver refuses it"),
    Reason.TOO_FAST: marked("too many messages or connections"),
    Reason.EXPIRED: marked("the server could not deliver it in time"),
    Reason.NETWORK: marked("the receiving server could not be reached"),
    Reason.SERVER: marked("the receiving server has a fault"),
    Reason.REFUSED: marked("the receiver refused it"),
    Reason.UNKNOWN: marked("the server gave no reason that is known"),
}

_BY_STATUS: Final = {
    code: reason
    for reason, codes in {
        Reason.NO_SUCH_ADDRESS: "1.0 1.1 1.3 1.4 7.17",
        Reason.NO_SUCH_DOMAIN: "1.2 4.4",
        Reason.MOVED: "1.6",
        Reason.TAKES_NO_MAIL: "1.10 3.2",
        Reason.MAILBOX_FULL: "2.2",
        Reason.DISABLED: "2.1 7.13",
        Reason.TOO_BIG: "2.3 3.4",
        Reason.NOT_AUTHENTICATED: "7.20 7.21 7.22 7.23 7.24 7.26",
        Reason.BLOCKED: "1.7 1.8 7.25 7.27",
        Reason.CONTENT: "5.2 5.4 5.6 6.0 6.1 6.2 6.3 6.5 6.6 7.7",
        Reason.POLICY: "7.0 7.1 7.2",
        Reason.TOO_FAST: "4.5 5.3 7.28",
        Reason.EXPIRED: "4.1 4.7",
        Reason.NETWORK: "4.0 4.2 4.6",
        Reason.SERVER: "2.4 3.0 3.1 3.3 3.5 4.3 5.0",
        Reason.REFUSED: "2.0",
        Reason.UNKNOWN: "0.0",
    }.items()
    for code in codes.split()
}
"""The reason of a status code without its class (RFC 3463, RFC 7372, RFC 7504, RFC 7505)."""

_VAGUE: Final = frozenset(
    "0.0 1.0 1.2 1.10 2.0 2.1 3.0 3.2 4.0 4.1 4.4 4.7 5.0 6.0 7.0 7.1".split()  # noqa: SIM905
)
"""Codes that servers use for anything, so that the text decides."""

_KNOWS_USERS: Final = "This user doesn't have a"
"""Yahoo looks the address up after the text of the message."""

_SPACE: Final = re.compile(r"\s+")
_LONGEST: Final = 1500


def reason_of(status: str, text: str, *, after_data: bool = False) -> Reason:
    """Return the reason of a bounce.

    Args:
        status: the enhanced status code, such as "5.1.1"; "" if there is none.
        text: what the server said.
        after_data: the server had accepted the address, and refused only after the text came. Then
            "user unknown" is the answer of a filter and says nothing about the address.
    """
    found = _reason(status, text)
    filtered = after_data and found is Reason.NO_SUCH_ADDRESS and _KNOWS_USERS not in text
    return Reason.REFUSED if filtered else found


def _reason(status: str, text: str) -> Reason:
    small = _SPACE.sub(" ", text[:_LONGEST].lower()).replace("’", "'")
    detail = status.partition(".")[2]
    found = _first("against_the_code", small)
    if found is not None:
        return found
    by_code = _BY_STATUS.get(detail)
    if by_code is not None and detail not in _VAGUE:
        return by_code
    return (
        _first("by_text", small)
        or (by_code if by_code is not Reason.UNKNOWN else None)
        or _by_class(status)
    )


def _by_class(status: str) -> Reason:
    if status[2:].startswith("7."):
        return Reason.POLICY
    return Reason.EXPIRED if status.startswith("4") else Reason.UNKNOWN


def _first(name: str, text: str) -> Reason | None:
    for reason, phrases in table(name):
        for phrase in phrases:
            if phrase in text or ("*" in phrase and _has_in_order(phrase, text)):
                return Reason(reason)
    return None


def _has_in_order(phrase: str, text: str) -> bool:
    first, _, second = phrase.partition("*")
    at = text.find(first)
    return at >= 0 and text.find(second, at + len(first)) >= 0
