"""What is said about a sender, and how serious it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from mailmerge.deliverability.sender import Identity
from mailmerge.deliverability.sender_findings import sender_notes, sender_problems
from tests.deliverability.senders import KEY, OWN, facts


def _found(
    records: Mapping[str, Sequence[str] | None], identity: Identity = OWN
) -> list[tuple[str, str]]:
    return [(one.severity, one.code) for one in sender_problems(facts(records, identity))]


def test_good_sender_has_no_problem() -> None:
    assert list(sender_problems(facts())) == []
    notes = list(sender_notes(facts()))
    assert notes == [
        "SPF of a.eu needs 1 of 10 look-ups: v=spf1 a:out.a.eu -all",
        "the DKIM record s1._domainkey.a.eu is that of the key",
        "DMARC of a.eu: reject, from a.eu: v=DMARC1; p=reject; rua=mailto:r@a.eu",
    ]


@pytest.mark.parametrize(
    ("records", "found"),
    [
        ({"a.eu MX": ["0 "]}, [("error", "from-domain")]),
        ({"a.eu MX": []}, [("warning", "from-domain")]),
        ({"a.eu TXT": []}, [("warning", "spf-missing")]),
        ({"a.eu TXT": ["v=spf1 ipv4:5.9.0.1 -all"]}, [("error", "spf-broken")]),
        ({"a.eu TXT": ["v=spf1 -all", "v=spf1 ~all"]}, [("error", "spf-broken")]),
        ({"a.eu TXT": ["v=spf1 ip4:5.9.0.9 -all"]}, [("warning", "spf-server")]),
        ({"a.eu TXT": ["v=spf1 +all"]}, [("warning", "spf-weak")]),
        ({"a.eu TXT": ["v=spf1 a:out.a.eu"]}, [("warning", "spf-weak")]),
        ({"a.eu TXT": ["v=spf1 a:out.a.eu ptr -all"]}, [("warning", "spf-weak")]),
        (
            {"a.eu TXT": ["v=spf1 a:out.a.eu a:x.eu a:y.eu a:z.eu -all"]},
            [("error", "spf-lookups")],
        ),
        ({"s1._domainkey.a.eu TXT": []}, [("error", "dkim-record")]),
        ({"s1._domainkey.a.eu TXT": [KEY, KEY]}, [("error", "dkim-record")]),
        ({"s1._domainkey.a.eu TXT": ["v=DKIM1; k=ed25519; p="]}, [("error", "dkim-record")]),
        ({"s1._domainkey.a.eu TXT": ["v=DKIM1; p=AAAA"]}, [("error", "dkim-record")]),
        ({"s1._domainkey.a.eu TXT": [f"{KEY}; t=y"]}, [("warning", "dkim-testing")]),
        ({"_dmarc.a.eu TXT": []}, [("warning", "dmarc-missing")]),
        ({"_dmarc.a.eu TXT": ["v=DMARC1; p=none"] * 2}, [("warning", "dmarc-broken")]),
        ({"_dmarc.a.eu TXT": ["v=DMARC1; p=no"]}, [("warning", "dmarc-broken")] * 2),
        ({"_dmarc.a.eu TXT": ["v=DMARC1; p=none; pct=10"]}, [("warning", "dmarc-obsolete")]),
        ({"1.0.9.5.in-addr.arpa PTR": []}, [("warning", "relay-name")]),
    ],
)
def test_problem_of_one_record(
    records: Mapping[str, Sequence[str]], found: list[tuple[str, str]]
) -> None:
    assert _found(records) == found


def test_spf_record_with_too_many_lookups_is_an_error() -> None:
    names = [f"m{number}.a.eu" for number in range(11)]
    record = "v=spf1 a:out.a.eu " + " ".join(f"a:{name}" for name in names) + " -all"
    records: dict[str, list[str]] = {f"{name} A": ["5.9.0.2"] for name in names}
    found = [
        one
        for one in sender_problems(facts({**records, "a.eu TXT": [record]}))
        if one.code == "spf-lookups"
    ]
    assert [one.severity for one in found] == ["error"]
    assert "needs 12 look-ups; receivers stop after 10" in found[0].message


def test_address_for_reports_that_does_not_agree_is_a_warning() -> None:
    record = "v=DMARC1; p=reject; rua=mailto:r@reports.example"
    problems = list(sender_problems(facts({"_dmarc.a.eu TXT": [record]})))
    assert [one.code for one in problems] == ["dmarc-reports"]
    assert "at a.eu._report._dmarc.reports.example" in problems[0].hint
    agreed = {"a.eu._report._dmarc.reports.example TXT": ["v=DMARC1"]}
    assert list(sender_problems(facts({"_dmarc.a.eu TXT": [record], **agreed}))) == []


def test_server_that_sets_the_reverse_path_leaves_spf_out() -> None:
    identity = replace(OWN, provider="sendgrid")
    found = facts({"a.eu TXT": []}, identity)
    assert "spf-missing" not in {one.code for one in sender_problems(found)}
    assert "the server sets the reverse path, so SPF of a.eu does not count" in sender_notes(found)


def test_domain_that_does_not_exist_is_an_error() -> None:
    (first, *_) = sender_problems(facts(identity=replace(OWN, domain="gone.eu", reverse="a.eu")))
    assert (first.severity, first.code) == ("error", "from-domain")
    assert first.message == "the domain gone.eu does not exist"


def test_unaligned_mail_is_an_error_with_an_enforced_policy() -> None:
    elsewhere = replace(OWN, reverse="b.eu", own_reverse=True, selectors=())
    spf = {"b.eu TXT": ["v=spf1 a:out.a.eu -all"]}
    unsigned = facts(spf, elsewhere)
    assert [one.code for one in sender_problems(unsigned)] == []  # the server may sign
    broken = replace(elsewhere, selectors=OWN.selectors)
    for policy, severity in (("reject", "error"), ("reject; t=y", "warning"), ("none", "warning")):
        records = {
            **spf,
            "s1._domainkey.a.eu TXT": [],
            "_dmarc.a.eu TXT": [f"v=DMARC1; p={policy}"],
        }
        found = {one.code: one for one in sender_problems(facts(records, broken))}
        assert found["dmarc-alignment"].severity == severity


def test_provider_missing_from_spf_is_named_with_its_include() -> None:
    provider = replace(OWN, provider="office365", host="smtp.office365.com")
    (found,) = sender_problems(facts({}, provider))
    assert (found.code, found.hint) == ("spf-server", "add include:spf.protection.outlook.com")


def test_helo_without_address_is_a_warning() -> None:
    assert _found({}, replace(OWN, helo="pc.local.eu")) == [("warning", "helo-name")]


def test_time_outs_are_notes_and_no_problems() -> None:
    silent = {"a.eu MX": None, "a.eu TXT": None, "s1._domainkey.a.eu TXT": None,
              "_dmarc.a.eu TXT": None, "out.a.eu A": None,
              "1.0.9.5.in-addr.arpa PTR": None}  # fmt: skip
    known = facts(silent)
    assert list(sender_problems(known)) == []
    assert all(note.startswith("not known: ") for note in sender_notes(known))
    assert len(list(sender_notes(known))) == 4
