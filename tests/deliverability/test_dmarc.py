"""The walk up the tree of names: the cases of RFC 9989, 4.10."""

from __future__ import annotations

from mailmerge.deliverability.dmarc import aligned, walk_dmarc
from tests.deliverability.records import Records

P = "v=DMARC1; p=reject"


def _walk(domain: str, **records: str) -> tuple[str, str]:
    """The organizational domain, and the domain of the record that holds."""
    dns = Records(
        {f"_dmarc.{name.replace('_', '.')} TXT": [text] for name, text in records.items()}
    )
    walk = walk_dmarc(domain, dns)
    return walk.organization, walk.record.domain if walk.record else ""


def test_long_name_is_cut_to_seven_labels() -> None:
    dns = Records({})
    walk_dmarc("a.b.c.d.e.f.g.h.i.j.mail.example.com", dns)
    assert [one.removesuffix(" TXT") for one in dns.asked] == [
        "_dmarc.a.b.c.d.e.f.g.h.i.j.mail.example.com",
        "_dmarc.g.h.i.j.mail.example.com",
        "_dmarc.h.i.j.mail.example.com",
        "_dmarc.i.j.mail.example.com",
        "_dmarc.j.mail.example.com",
        "_dmarc.mail.example.com",
        "_dmarc.example.com",
        "_dmarc.com",
    ]


def test_organization_has_the_fewest_labels() -> None:
    records = {"mail_example_com": P, "example_com": P}
    assert _walk("a.mail.example.com", **records) == ("example.com", "example.com")
    assert _walk("mail.example.com", **records) == ("example.com", "mail.example.com")


def test_psd_n_is_the_organization() -> None:
    found = _walk("a.mail.example.com", mail_example_com=f"{P}; psd=n", example_com=P)
    assert found == ("mail.example.com", "mail.example.com")


def test_below_psd_y_is_the_organization() -> None:
    assert _walk("a.mail.example.com", com=f"{P}; psd=y") == ("example.com", "com")
    found = _walk("giant.bank.example", bank_example=f"{P}; psd=y", example=P)
    assert found == ("giant.bank.example", "bank.example")


def test_psd_y_at_the_start_is_its_own_organization() -> None:
    assert _walk("bank.example", bank_example=f"{P}; psd=y") == ("bank.example", "bank.example")


def test_without_records_a_domain_is_its_own_organization() -> None:
    assert _walk("a.example.com") == ("a.example.com", "")


def test_several_records_of_a_name_are_discarded() -> None:
    dns = Records({"_dmarc.a.eu TXT": [P, P], "_dmarc.b.eu TXT": [P, "v=spf1 -all"]})
    walk = walk_dmarc("a.eu", dns)
    assert (walk.record, walk.several) == (None, ("a.eu",))
    assert walk_dmarc("b.eu", dns).record is not None


def test_unknown_answer_ends_the_walk() -> None:
    walk = walk_dmarc("a.example.com", Records({"_dmarc.example.com TXT": None}))
    assert "did not answer in time" in walk.unknown
    assert walk.record is None


def test_alignment_is_relaxed_or_strict() -> None:
    dns = Records({"_dmarc.a.eu TXT": [P], "_dmarc.late.eu TXT": None})
    here, below, other, late = (
        walk_dmarc(name, dns) for name in ("a.eu", "news.a.eu", "b.eu", "late.eu")
    )
    assert aligned(here, below, strict=False) is True
    assert aligned(here, below, strict=True) is False
    assert aligned(here, here, strict=True) is True
    assert aligned(here, other, strict=False) is False
    assert aligned(here, late, strict=False) is None
