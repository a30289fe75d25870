"""Both books beside each other: whoever the ledger lies about is named."""

from __future__ import annotations

from dataclasses import replace

from mailmerge.ledger.states import Delivery, State
from mailmerge.reports.reconcile import Books, balance
from tests.engine.driver import make_recipient


def person(number: int, state: State) -> Delivery:
    one = make_recipient(number)
    message_id = "" if state is State.PENDING else f"<{number}@x>"
    return Delivery(number, one.key, one.row, one.mailbox, one.cells, state, message_id)


EVERY_STATE = [
    person(0, State.SENT),
    person(1, State.IN_DOUBT),
    person(2, State.IN_DOUBT),
    person(3, State.REJECTED),
    person(4, State.DEFERRED),
    person(5, State.PENDING),
    person(6, State.SKIPPED),
]
TAKEN = {"<0@x>": 1, "<1@x>": 1}


def test_sent_is_taken_and_what_is_taken_beyond_that_is_in_doubt() -> None:
    books = balance(EVERY_STATE, TAKEN, enrolled=7)
    assert books == Books(people=7, taken=2, sent=1, in_doubt=2, in_doubt_taken=1)
    assert books.balanced
    assert books.to_json()["balanced"] is True


def test_sent_but_never_taken_is_found() -> None:
    books = balance(EVERY_STATE, {"<1@x>": 1}, enrolled=7)
    assert (books.balanced, books.never_taken) == (False, ("u0@example.org",))


def test_taken_but_not_said_so_is_found() -> None:
    for number in (3, 4, 6):
        books = balance(EVERY_STATE, {**TAKEN, f"<{number}@x>": 1}, enrolled=7)
        assert (books.balanced, books.unaccounted) == (False, (f"u{number}@example.org",))


def test_a_second_copy_is_found() -> None:
    books = balance(EVERY_STATE, {**TAKEN, "<1@x>": 2}, enrolled=7)
    assert (books.balanced, books.twice) == (False, ("u1@example.org",))


def test_somebody_who_is_lost_is_found() -> None:
    books = balance(EVERY_STATE[1:], {}, enrolled=7)
    assert (books.balanced, books.missing) == (False, 1)
    doubled = [*EVERY_STATE, replace(EVERY_STATE[0], id=9)]
    assert balance(doubled, TAKEN, enrolled=8).missing == 1
