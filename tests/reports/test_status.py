"""How a campaign stands: the document, the table, and the recipients that were not reached."""

from __future__ import annotations

from mailmerge.ledger.states import Standing, State, reported
from mailmerge.reports.status import FAILED, status_document, status_table, unreached
from tests.reports.deliveries import FOUR


def test_the_table_lists_states_with_their_meanings() -> None:
    counts = reported({State.CLAIMED: 2, State.PENDING: 1, State.IN_DOUBT: 1000})
    assert status_table(counts).splitlines() == [
        "    3  pending   not sent yet",
        "    0  sent      accepted by the server",
        "1,000  in_doubt  may have arrived (docs/delivery.md says what to do)",
        "1,003  total",
    ]


def test_the_table_fits_a_narrow_terminal() -> None:
    counts = reported(dict.fromkeys(State, 1_000_000))
    assert max(map(len, status_table(counts).splitlines())) <= 79


def test_an_empty_campaign_has_a_table() -> None:
    assert status_table(reported({})).splitlines() == [
        "0  sent      accepted by the server",
        "0  total",
    ]


def test_the_document_has_every_state() -> None:
    standing = Standing(reported({State.SENT: 2}), seconds=1.23456, check_seconds=0.5)
    assert status_document("kept", standing, owner="process 1") == {
        "campaign": "kept",
        "total": 2,
        "states": {
            "pending": 0,
            "sent": 2,
            "rejected": 0,
            "deferred": 0,
            "in_doubt": 0,
            "skipped": 0,
        },
        "after": {
            "bounced": 0,
            "complained": 0,
            "unsubscribed": 0,
            "answered": 0,
            "auto_replied": 0,
        },
        "seconds": 1.235,
        "check_seconds": 0.5,
        "sending": "process 1",
    }


def test_the_first_unreached_deliveries_are_listed() -> None:
    assert [one.row for one in unreached(FOUR.iterate(), 20)] == [3, 5]
    assert [one.row for one in unreached(FOUR.iterate(), 1)] == [3]
    assert {State.REJECTED, State.DEFERRED} == FAILED
