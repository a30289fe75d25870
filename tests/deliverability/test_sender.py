"""Facts about a sender."""

from __future__ import annotations

from dataclasses import replace

from mailmerge.deliverability.sender import Selector
from tests.deliverability.senders import KEY, OWN, facts


def test_good_sender_is_good() -> None:
    found = facts()
    assert (found.spf_allows, found.spf_aligned, found.helo_exists) == (True, True, True)
    assert found.relay is not None
    assert found.relay.refused == ()
    assert found.relay.addresses[0].confirmed
    assert [(one.found.state, one.aligned) for one in found.keys] == [("good", True)]
    assert found.reports_refused == ()


def test_provider_must_be_included() -> None:
    provider = replace(OWN, provider="gmail", host="smtp.gmail.com")
    assert facts(identity=provider).spf_allows is False
    included = {"a.eu TXT": ["v=spf1 include:x.eu -all"],
                "x.eu TXT": ["v=spf1 include:_spf.google.com ?all"],
                "_spf.google.com TXT": ["v=spf1 ip4:5.9.1.0/24 ~all"]}  # fmt: skip
    assert facts(included, provider).spf_allows is True
    assert facts({"a.eu TXT": ["v=spf1 include:%{d}.x.eu -all"]}, provider).spf_allows is None


def test_own_server_must_be_allowed() -> None:
    found = facts({"a.eu TXT": ["v=spf1 ip4:5.9.0.2 -all"]})
    assert found.spf_allows is False
    assert found.relay is not None
    assert found.relay.refused == ("5.9.0.1",)


def test_server_on_this_machine_is_not_judged() -> None:
    found = facts(identity=replace(OWN, host=""))
    assert (found.spf_allows, found.relay, found.helo_exists) == (None, None, None)


def test_unknown_answers_leave_facts_open() -> None:
    found = facts({"a.eu TXT": None, "_dmarc.a.eu TXT": None, "s1._domainkey.a.eu TXT": None})
    assert (found.spf_allows, found.keys[0].found.state) == (None, "unknown")
    assert found.dmarc.unknown
    assert facts({"out.a.eu A": None}).relay is None


def test_reverse_path_of_a_provider_does_not_count() -> None:
    found = facts(identity=replace(OWN, provider="sendgrid"))
    assert (found.spf_allows, found.spf_aligned) == (None, None)
    own = replace(OWN, provider="sendgrid", reverse="b.a.eu", own_reverse=True)
    assert facts(identity=own).spf_aligned is True


def test_strict_modes_need_the_same_domain() -> None:
    strict = {"_dmarc.a.eu TXT": ["v=DMARC1; p=none; adkim=s; aspf=s"],
              "s1._domainkey.b.a.eu TXT": [KEY]}  # fmt: skip
    below = replace(OWN, reverse="b.a.eu", own_reverse=True,
                    selectors=(Selector("b.a.eu", "s1", KEY),))  # fmt: skip
    found = facts(strict, below)
    assert (found.spf_aligned, found.keys[0].aligned) == (False, False)
    relaxed = facts({"s1._domainkey.b.a.eu TXT": [KEY]}, below)
    assert (relaxed.spf_aligned, relaxed.keys[0].aligned) == (True, True)


def test_reports_elsewhere_need_consent() -> None:
    elsewhere = {"_dmarc.a.eu TXT": ["v=DMARC1; p=none; rua=mailto:r@b.eu"],
                 "_dmarc.b.eu TXT": ["v=DMARC1; p=none"]}  # fmt: skip
    assert facts(elsewhere).reports_refused == ("b.eu",)
    agreed = {**elsewhere, "a.eu._report._dmarc.b.eu TXT": ["v=DMARC1"]}
    assert facts(agreed).reports_refused == ()
