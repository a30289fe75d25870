"""What the server meant is told once for each kind of reply."""

from __future__ import annotations

from mailmerge.ledger.states import State
from mailmerge.reports.refusals import refusals
from tests.reports.deliveries import delivery


def test_equal_replies_are_counted_and_shown_once() -> None:
    deliveries = [
        delivery(number, State.REJECTED, f"550 5.1.1 <u{number}@example.org>: no")
        for number in range(7)
    ]
    deliveries.append(delivery(8, State.DEFERRED, "450 4.7.1 Greylisted"))
    many, one = refusals(deliveries)
    assert (many.recipients, one.recipients) == (7, 1)
    assert many.reply == "550 5.1.1 <u0@example.org>: no"
    assert many.explanation.meaning
    assert one.explanation.action


def test_only_refusals_by_the_server_are_explained() -> None:
    deliveries = [
        delivery(1, State.SENT, "250 2.0.0 OK"),
        delivery(2, State.SKIPPED, "550 no"),
        delivery(3, State.REJECTED, "the server does not take SMTPUTF8"),
    ]
    assert list(refusals(deliveries)) == []


def test_only_the_most_frequent_kinds_are_shown() -> None:
    deliveries = [
        delivery(number, State.REJECTED, f"55{kind} 5.1.{kind} no")
        for kind in range(7)
        for number in range(kind + 1)
    ]
    counts = [one.recipients for one in refusals(deliveries)]
    assert counts == sorted(counts, reverse=True)
    assert len(counts) == 5


def test_explanations_follow_the_language() -> None:
    deliveries = [delivery(1, State.REJECTED, "550 5.1.1 no such user")]
    [english] = refusals(deliveries)
    [chinese] = refusals(deliveries, language="zh")
    assert english.explanation != chinese.explanation
