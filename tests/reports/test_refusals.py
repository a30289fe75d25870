"""What the server meant is told once for each kind of reply."""

from __future__ import annotations

from mailmerge.ledger.states import Delivery, State
from mailmerge.recipients.address import Mailbox
from mailmerge.reports.refusals import KINDS, refusals


def person(number: int, state: State, reply: str) -> Delivery:
    address = f"p{number}@example.org"
    return Delivery(
        number, address, number, Mailbox(address, address, address), {}, state, reply=reply
    )


def test_equal_replies_are_told_once_with_their_number() -> None:
    people = [person(n, State.REJECTED, f"550 5.1.1 <p{n}@example.org>: no") for n in range(7)]
    people.append(person(8, State.DEFERRED, "450 4.7.1 Greylisted"))
    many, one = refusals(people)
    assert (many.people, one.people) == (7, 1)
    assert many.reply == "550 5.1.1 <p0@example.org>: no"
    assert many.explanation.meaning
    assert one.explanation.action


def test_only_refusals_by_the_server_are_explained() -> None:
    people = [
        person(1, State.SENT, "250 2.0.0 OK"),
        person(2, State.SKIPPED, "550 no"),
        person(3, State.REJECTED, "the server does not take SMTPUTF8"),
    ]
    assert list(refusals(people)) == []


def test_the_most_frequent_kinds_come_first_and_few() -> None:
    people = [
        person(number, State.REJECTED, f"55{kind} 5.1.{kind} no")
        for kind in range(KINDS + 2)
        for number in range(kind + 1)
    ]
    counts = [one.people for one in refusals(people)]
    assert counts == sorted(counts, reverse=True)
    assert len(counts) == KINDS


def test_the_language_is_the_readers() -> None:
    people = [person(1, State.REJECTED, "550 5.1.1 no such user")]
    (english,) = refusals(people)
    (chinese,) = refusals(people, language="zh")
    assert english.explanation != chinese.explanation
