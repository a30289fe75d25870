"""SPF as receivers evaluate it, and the costs of a record."""

from __future__ import annotations

import ipaddress

import pytest

from mailmerge.deliverability.spf import evaluate_spf, survey_spf
from tests.deliverability.records import Records

DNS = {
    "a.eu TXT": ["other", "v=spf1 ip4:5.9.0.0/24 a:h.eu mx include:b.eu ~all"],
    "a.eu MX": ["10 m.eu", "20 n.eu"],
    "b.eu TXT": ["v=spf1 ip6:2a01::/16 -all"],
    "h.eu A": ["5.9.1.1"],
    "h.eu AAAA": ["2a02::1"],
    "m.eu A": ["5.9.2.1"],
    "n.eu A": ["5.9.2.2"],
    "exists.eu TXT": ["v=spf1 exists:%{ir}.list.eu -all"],
    "7.0.9.5.list.eu A": ["127.0.0.2"],
    "named.eu TXT": ["v=spf1 ptr ?all"],
    "8.0.9.5.in-addr.arpa PTR": ["out.named.eu", "liar.eu"],
    "out.named.eu A": ["5.9.0.8"],
    "to.eu TXT": ["v=spf1 redirect=b.eu"],
    "to-none.eu TXT": ["v=spf1 redirect=none.eu"],
    "in-none.eu TXT": ["v=spf1 include:none.eu -all"],
    "two.eu TXT": ["v=spf1 -all", "v=spf1 ~all"],
    "loop.eu TXT": ["v=spf1 include:loop2.eu -all"],
    "loop2.eu TXT": ["v=spf1 include:loop.eu -all"],
    "late.eu TXT": ["v=spf1 ip4:5.9.0.1 include:silent.eu -all"],
    "silent.eu TXT": None,
    "ends.eu TXT": ["v=spf1 a:h.eu"],
    "typo.eu TXT": ["v=spf1 ip4:5.9.0.1 ipv4:5.9.0.2 -all"],
}


@pytest.mark.parametrize(
    ("ip", "domain", "result"),
    [
        ("5.9.0.77", "a.eu", "pass"),
        ("5.9.1.1", "a.eu", "pass"),
        ("2a02::1", "a.eu", "pass"),
        ("5.9.2.2", "a.eu", "pass"),
        ("2a01::5", "a.eu", "pass"),
        ("8.8.8.8", "a.eu", "softfail"),
        ("8.8.8.8", "b.eu", "fail"),
        ("5.9.0.7", "exists.eu", "pass"),
        ("5.9.0.6", "exists.eu", "fail"),
        ("5.9.0.8", "named.eu", "pass"),
        ("5.9.0.9", "named.eu", "neutral"),
        ("2a01::5", "to.eu", "pass"),
        ("5.9.0.1", "to.eu", "fail"),
        ("5.9.0.1", "to-none.eu", "permerror"),
        ("5.9.0.1", "in-none.eu", "permerror"),
        ("5.9.0.1", "two.eu", "permerror"),
        ("5.9.0.1", "loop.eu", "permerror"),
        ("5.9.0.1", "late.eu", "pass"),
        ("5.9.0.2", "late.eu", "temperror"),
        ("5.9.0.1", "ends.eu", "neutral"),
        ("5.9.0.1", "none.eu", "none"),
        ("5.9.0.1", "silent.eu", "temperror"),
        ("5.9.0.1", "typo.eu", "permerror"),
    ],
)
def test_result_is_that_of_the_first_match(ip: str, domain: str, result: str) -> None:
    assert evaluate_spf(ipaddress.ip_address(ip), domain, Records(DNS)).result == result


def test_survey_reaches_each_term() -> None:
    report = survey_spf("a.eu", Records(DNS))
    assert (report.result, report.lookups, report.void) == ("softfail", 3, 0)
    assert report.domains == ("b.eu",)
    assert report.record.startswith("v=spf1 ip4:5.9.0.0/24")


def _chain(length: int) -> dict[str, list[str]]:
    chain = {f"{n}.eu TXT": [f"v=spf1 include:{n + 1}.eu -all"] for n in range(length)}
    return {**chain, f"{length}.eu TXT": ["v=spf1 -all"]}


def test_ten_lookups_are_allowed_and_eleven_are_not() -> None:
    ip = ipaddress.ip_address("5.9.0.1")
    for length, result in ((10, "fail"), (11, "permerror")):
        records = Records(_chain(length))
        assert evaluate_spf(ip, "0.eu", records).result == result
        assert survey_spf("0.eu", records).lookups == length


def test_two_void_lookups_are_allowed_and_three_are_not() -> None:
    ip = ipaddress.ip_address("5.9.0.1")
    for count, result in ((2, "fail"), (3, "permerror")):
        names = " ".join(f"a:gone{number}.eu" for number in range(count))
        records = Records({"x.eu TXT": [f"v=spf1 {names} -all"]})
        assert evaluate_spf(ip, "x.eu", records).result == result
        assert survey_spf("x.eu", records).void == count


def test_survey_names_all_faults() -> None:
    report = survey_spf("in-none.eu", Records(DNS))
    assert report.faults == ("include:none.eu: none.eu has no SPF record",)
    assert survey_spf("loop.eu", Records(DNS)).faults == (
        "the records include each other: loop.eu > loop2.eu > loop.eu",
    )
    assert survey_spf("two.eu", Records(DNS)).faults == ("two.eu has 2 SPF records",)
    assert survey_spf("typo.eu", Records(DNS)).faults == (
        "typo.eu: ipv4:5.9.0.2 is no mechanism of SPF",
    )


def test_unknown_answer_is_no_fault() -> None:
    report = survey_spf("late.eu", Records(DNS))
    assert (report.result, report.faults) == ("temperror", ())
    assert report.unknown == ("silent.eu: the name server did not answer in time",)


def test_terms_with_macros_are_counted_and_not_followed() -> None:
    report = survey_spf("exists.eu", Records(DNS))
    assert (report.lookups, report.void, report.macros) == (1, 0, True)


def test_survey_of_a_huge_record_ends() -> None:
    wide = {f"{n}.eu TXT": [f"v=spf1 {' '.join(f'include:{m}.eu' for m in range(20, 60))}"]
            for n in range(60)}  # fmt: skip
    records = Records(wide)
    assert survey_spf("0.eu", records).lookups > 10
    assert len(records.asked) < 60


def test_term_with_more_than_ten_mail_servers_is_an_error() -> None:
    many = {"x.eu TXT": ["v=spf1 mx -all"], "x.eu MX": [f"{n} m{n}.eu" for n in range(11)]}
    assert "more than ten mail servers" in survey_spf("x.eu", Records(many)).faults[0]
