"""The recipients of other campaigns as a value."""

from __future__ import annotations

from mailmerge.recipients.address import loose_identity
from mailmerge.recipients.sent_before import NONE_BEFORE, SentBefore


def test_repr_is_a_digest_of_all_recipients() -> None:
    one = SentBefore(("spring",), {"a@x-firma.de": "spring", "b@x-firma.de": "spring"})
    turned = SentBefore(("spring",), {"b@x-firma.de": "spring", "a@x-firma.de": "spring"})
    assert repr(one) == repr(turned)
    assert "a@x-firma.de" not in repr(one)
    assert len({repr(one), repr(NONE_BEFORE), repr(SentBefore(("spring",)))}) == 3
    assert repr(one) != repr(SentBefore(("spring",), {"a@x-firma.de": "spring"}))


def test_identities_may_be_compared_loosely() -> None:
    known = SentBefore(("spring",), {"a.b+news@gmail.com": "spring"}).known_as(loose_identity)
    assert known.by_identity == {loose_identity("ab@gmail.com"): "spring"}
    assert known.campaigns == ("spring",)
