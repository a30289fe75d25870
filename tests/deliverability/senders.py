"""A sender in which nothing is wrong, and facts about spoilt ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailmerge.deliverability.sender import Identity, Selector, SenderFacts, learn
from mailmerge.signing.keys import new_key
from tests.deliverability.records import Records

KEY = new_key("ed25519").record()
SELECTOR = Selector("a.eu", "s1", KEY)
OWN = Identity(
    "a.eu", "a.eu", selectors=(SELECTOR,), one_click=True, host="out.a.eu", helo="out.a.eu"
)
"""A sender with a server of his own."""

GOOD: Mapping[str, Sequence[str] | None] = {
    "a.eu MX": ["10 mx.a.eu"],
    "a.eu TXT": ["v=spf1 a:out.a.eu -all"],
    "s1._domainkey.a.eu TXT": [KEY],
    "_dmarc.a.eu TXT": ["v=DMARC1; p=reject; rua=mailto:r@a.eu"],
    "out.a.eu A": ["5.9.0.1"],
    "1.0.9.5.in-addr.arpa PTR": ["out.a.eu"],
}


def facts(
    records: Mapping[str, Sequence[str] | None] | None = None, identity: Identity = OWN
) -> SenderFacts:
    """The facts with some records changed; an empty list removes one."""
    together = {**GOOD, **(records or {})}
    return learn(identity, Records({k: v for k, v in together.items() if v is None or v}))
