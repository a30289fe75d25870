"""Lists of tags."""

from __future__ import annotations

from mailmerge.deliverability.tag_list import parse_tags


def test_tags_keep_order_and_first_value() -> None:
    found = parse_tags(" v = DKIM1 ; P=ab=c; k=rsa;k=ed25519; =x; word;; ")
    assert found.order == ("v", "p", "k")
    assert found.tags == {"v": "DKIM1", "p": "ab=c", "k": "rsa"}
    assert (found.repeated, found.broken) == (("k",), ("=x", "word"))
    assert (found.get("h", "none"), found.get("h")) == ("none", "")
