"""The rules of receivers are met, not met, or not known."""

from __future__ import annotations

from dataclasses import replace

from mailmerge.deliverability.receiver_rules import rule_states, verdicts
from mailmerge.deliverability.receivers import Receiver
from tests.deliverability.senders import OWN, facts


def test_good_sender_meets_all() -> None:
    assert set(rule_states(facts()).values()) == {True}


def test_each_rule_fails_by_its_own_record() -> None:
    def unmet(records: dict[str, list[str]]) -> list[str]:
        return [name for name, met in rule_states(facts(records)).items() if met is False]

    assert unmet({"a.eu TXT": []}) == ["spf"]
    assert unmet({"s1._domainkey.a.eu TXT": []}) == ["dkim", "aligned-dkim"]
    assert unmet({"_dmarc.a.eu TXT": []}) == ["dmarc"]
    assert unmet({"1.0.9.5.in-addr.arpa PTR": []}) == ["names"]
    assert unmet({"a.eu TXT": [], "s1._domainkey.a.eu TXT": []}) == [
        "spf", "dkim", "spf-or-dkim", "aligned", "aligned-dkim",
    ]  # fmt: skip


def test_signing_by_the_server_is_not_known() -> None:
    states = rule_states(facts(identity=replace(OWN, selectors=())))
    assert (states["dkim"], states["aligned-dkim"], states["aligned"]) == (None, None, True)


def test_provider_may_sign_where_the_own_key_fails() -> None:
    provider = replace(OWN, provider="gmail", host="smtp.gmail.com")
    states = rule_states(facts({"s1._domainkey.a.eu TXT": []}, provider))
    assert (states["spf"], states["dkim"], states["aligned"]) == (False, None, None)


def test_bulk_rules_hold_for_many_messages() -> None:
    receiver = Receiver("x", "X", rules=("spf",), bulk=("dmarc", "spf"), many=5000)
    known = facts({"_dmarc.a.eu TXT": []})
    assert [one.rule for one in verdicts(receiver, known, 4999)] == ["spf"]
    (first, second) = verdicts(receiver, known, 5000)
    assert (first.rule, first.met, second.rule, second.met) == ("spf", True, "dmarc", False)
    assert second.text == "From has a DMARC policy"
    assert second.fix.startswith("publish")
