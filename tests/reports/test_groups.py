"""Outcomes by the values of a column."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailmerge.errors import CampaignError
from mailmerge.ledger.states import Delivery, State
from mailmerge.recipients.address import parse_mailbox
from mailmerge.reports.groups import outcomes_by

ROWS = [
    ("FR", State.SENT),
    ("FR", State.REJECTED),
    ("法国", State.SENT),
    ("", State.CLAIMED),
    ("FR ", State.SENT),
]


def deliveries() -> Iterator[Delivery]:
    for row, (country, state) in enumerate(ROWS, start=2):
        box = parse_mailbox(f"u{row}@example.org")
        yield Delivery(row, box.identity, row, box, {"Country": country}, state)


def test_outcomes_are_counted_by_value() -> None:
    found = outcomes_by(deliveries, "country")
    assert found.column == "Country"
    assert list(found.values) == ["FR", "", "法国"]
    assert found.values["FR"][State.SENT] == 2
    document = found.document()
    assert document["values"][0]["total"] == 3
    assert document["values"][1]["states"]["pending"] == 1
    assert "others" not in document


def test_table_has_a_column_for_each_state_that_occurs() -> None:
    lines = list(outcomes_by(deliveries, "Country").table())
    assert lines[0].split() == ["Country", "pending", "sent", "rejected", "total"]
    assert lines[1].split() == ["FR", "0", "2", "1", "3"]
    assert lines[2].split() == ["(empty)", "1", "0", "0", "1"]


def test_rare_values_are_one_line() -> None:
    def many() -> Iterator[Delivery]:
        box = parse_mailbox("u@example.org")
        for row in range(12_000):
            yield Delivery(row, str(row), row, box, {"n": str(row)}, State.SENT)

    found = outcomes_by(many, "n")
    assert len(found.values) == 10_000
    assert found.document()["others"]["total"] == 2_000
    *_, last = found.table()
    assert last.split()[-1] == "11,960"


def test_unknown_column_is_named() -> None:
    with pytest.raises(CampaignError, match=r'no column "contry".*did you mean "Country"'):
        outcomes_by(deliveries, "contry")
