"""Recipients and skipped rows are values."""

from __future__ import annotations

import dataclasses

import pytest

from mailmerge.recipients.address import parse_mailbox
from mailmerge.recipients.recipient import Recipient, Skipped, SkipReason


def test_a_skipped_row_is_known_by_its_number_and_reason() -> None:
    row = Skipped(7, SkipReason.SUPPRESSED)
    assert (row.number, row.row) == (7, 7)
    assert f"{row.number}: {row.reason}" == "7: suppressed"
    assert (dict(row.cells), row.mailbox, row.problem) == ({}, None, None)


def test_a_reason_may_be_compared_with_its_text() -> None:
    assert [reason.value for reason in SkipReason] == [
        "duplicate",
        "suppressed",
        "filtered",
        "empty",
        "sent-before",
        "invalid",
    ]
    assert Skipped(2, SkipReason.FILTERED).reason == "filtered"


def test_recipients_and_skipped_rows_are_immutable() -> None:
    recipient = Recipient(2, {"email": "a@x.org"}, parse_mailbox("a@x.org"), "a@x.org")
    for value in (recipient, Skipped(2, SkipReason.EMPTY)):
        with pytest.raises(dataclasses.FrozenInstanceError):
            value.row = 3  # type: ignore[misc]  # what must fail
