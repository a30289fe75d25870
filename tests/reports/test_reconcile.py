"""The ledger compared with the server's own list: every disagreement is named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailmerge.ledger.states import State
from mailmerge.reports.reconcile import Reconciliation, reconcile
from tests.reports.deliveries import delivery

EVERY_STATE = [
    delivery(0, State.SENT),
    delivery(1, State.IN_DOUBT),
    delivery(2, State.IN_DOUBT),
    delivery(3, State.REJECTED),
    delivery(4, State.DEFERRED),
    replace(delivery(5, State.PENDING), message_id=""),
    delivery(6, State.SKIPPED),
]
TAKEN = {"<0@example.org>": 1, "<1@example.org>": 1}


def test_what_is_taken_must_be_sent_or_in_doubt() -> None:
    found = reconcile(EVERY_STATE, TAKEN, enrolled=7)
    assert found == Reconciliation(recipients=7, taken=2, sent=1, in_doubt=2, in_doubt_taken=1)
    assert (found.balanced, found.wrong) == (True, 0)


def test_sent_but_never_taken_is_found() -> None:
    found = reconcile(EVERY_STATE, {"<1@example.org>": 1}, enrolled=7)
    assert (found.wrong, found.never_taken) == (1, ("u0@example.org",))


@pytest.mark.parametrize("number", [3, 4, 6])
def test_taken_but_neither_sent_nor_in_doubt_is_found(number: int) -> None:
    found = reconcile(EVERY_STATE, {**TAKEN, f"<{number}@example.org>": 1}, enrolled=7)
    assert (found.wrong, found.unaccounted) == (1, (f"u{number}@example.org",))


def test_a_second_copy_is_found() -> None:
    found = reconcile(EVERY_STATE, {**TAKEN, "<1@example.org>": 2}, enrolled=7)
    assert (found.balanced, found.twice) == (False, ("u1@example.org",))


def test_a_lost_recipient_is_found() -> None:
    found = reconcile(EVERY_STATE[1:], {}, enrolled=7)
    assert (found.balanced, found.missing) == (False, 1)


def test_a_recipient_with_two_states_is_found() -> None:
    doubled = [*EVERY_STATE, replace(EVERY_STATE[0], id=9)]
    assert reconcile(doubled, TAKEN, enrolled=8).missing == 1


def test_one_recipient_with_two_faults_counts_once() -> None:
    found = reconcile(EVERY_STATE, {**TAKEN, "<3@example.org>": 2}, enrolled=8)
    assert (found.unaccounted, found.twice) == (("u3@example.org",), ("u3@example.org",))
    assert found.wrong == 2, "the recipient, and one that is missing"


def test_the_document_has_every_finding() -> None:
    document = reconcile(EVERY_STATE, {"<3@example.org>": 1}, enrolled=7).to_json()
    assert document == {
        "balanced": False,
        "taken": 1,
        "in_doubt_taken": 0,
        "never_taken": ["u0@example.org"],
        "unaccounted": ["u3@example.org"],
        "twice": [],
        "missing": 0,
    }
