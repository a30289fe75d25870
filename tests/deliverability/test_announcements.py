"""BIMI, MTA-STS and TLS reports are information."""

from __future__ import annotations

from mailmerge.deliverability.announcements import announcements
from mailmerge.deliverability.dmarc import walk_dmarc
from tests.deliverability.records import Records


def _announced(policy: str, **records: str) -> list[str]:
    dns = Records({"_dmarc.a.eu TXT": [f"v=DMARC1; {policy}"],
                   **{f"{name}.a.eu TXT": [text] for name, text in records.items()}})  # fmt: skip
    return list(announcements(walk_dmarc("a.eu", dns), dns))


def test_nothing_is_announced_without_records() -> None:
    assert _announced("p=none") == []
    assert _announced("p=none", **{"_mta-sts": "v=STSv2; id=1"}) == []


def test_each_announcement_is_one_sentence() -> None:
    found = _announced(
        "p=reject",
        **{
            "default._bimi": "v=BIMI1; l=https://a.eu/l.svg",
            "_mta-sts": "v=STSv1; id=1",
            "_smtp._tls": "v=TLSRPTv1; rua=mailto:t@a.eu",
        },
    )
    assert [one.partition(" ")[2] for one in found] == [
        "publishes a BIMI logo",
        "publishes MTA-STS (RFC 8461): replies come encrypted",
        "gets reports about TLS (RFC 8460)",
    ]


def test_logo_needs_an_enforced_policy() -> None:
    for policy in ("p=none", "p=reject; t=y"):
        (found,) = _announced(policy, **{"default._bimi": "v=BIMI1; l=https://a.eu/l.svg"})
        assert "needs the DMARC policy" in found
