"""The rows of a group in the ledger: written, read, compared, and never mixed up."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.ledger.checksums import SUMMED_COLUMNS, is_sealed
from mailmerge.ledger.group_rows import (
    cells_to_write,
    read_rows,
    rows_to_write,
    rows_without_numbers,
)
from mailmerge.ledger.interface import Store
from mailmerge.ledger.states import State
from mailmerge.recipients.address import parse_mailbox
from mailmerge.recipients.groups import make_group
from mailmerge.recipients.recipient import Recipient, Row
from tests.engine.driver import make_recipient
from tests.ledger.steps import NOW, finish


def group(key: str, *rows: tuple[int, str]) -> Recipient:
    """A group of rows, each with a number and an invoice."""
    address = f"{key}@example.org"
    cells = [{"email": address, "invoice": nr, "name": key.title()} for _, nr in rows]
    members = [Row(number, one) for (number, _), one in zip(rows, cells, strict=True)]
    return make_group(members, parse_mailbox(address), key)


ANN, BOB = group("ann", (2, "17"), (4, "18")), group("bob", (3, "19"))


@given(
    st.lists(
        st.fixed_dictionaries({"a": st.text(), "b": st.sampled_from("xy"), "c": st.just(" z")}),
        min_size=1,
        max_size=5,
    )
)
def test_rows_come_back_as_they_were(cells: list[dict[str, str]]) -> None:
    rows = [Row(number, dict(sorted(one.items()))) for number, one in enumerate(cells, start=2)]
    one = make_group(rows, parse_mailbox("ann@example.org"), "k")
    written = cells_to_write(one)
    back = read_rows(rows_to_write(one), written)
    assert back == one.rows
    assert [list(row.cells) for row in back] == [list(row.cells) for row in one.rows]
    assert {name: text for name, text in written.items() if text is not None} == one.cells


def test_recipient_without_a_group_costs_nothing() -> None:
    one = make_recipient(1)
    assert cells_to_write(one) == dict(one.cells)
    assert rows_to_write(one) == rows_without_numbers(one) == ""


def test_numbers_are_no_part_of_the_digest() -> None:
    moved = group("ann", (12, "17"), (14, "18"))
    assert rows_without_numbers(moved) == rows_without_numbers(ANN)
    assert rows_to_write(moved) != rows_to_write(ANN)


@pytest.mark.parametrize("written", ["[1]", "{", '[["x", {}]]', '[[2, "x"]]', "7"])
def test_damaged_rows_are_an_error(written: str) -> None:
    with pytest.raises((ValueError, TypeError, LookupError, AttributeError)):
        read_rows(written, {})


def test_claimed_delivery_has_the_rows(store: Store) -> None:
    store.enrol([ANN, BOB], "f")
    first, second = store.claim("w", 2, NOW)
    assert (first.recipient, second.recipient) == (ANN, BOB)
    assert [row.number for row in first.all_rows] == [2, 4]
    finish(store, first, State.SENT)
    assert [one.rows for one in store.iterate()] == [ANN.rows, BOB.rows]


@pytest.mark.parametrize(
    ("now", "changed"),
    [
        (group("ann", (2, "17"), (4, "18")), 0),
        (group("ann", (12, "17"), (14, "18")), 0),
        (group("ann", (2, "17"), (4, "18"), (5, "20")), 1),
        (group("ann", (2, "17"), (4, "99")), 1),
        (group("ann", (2, "17")), 1),
        (group("ann", (2, "18"), (4, "17")), 1),
    ],
)
def test_edited_and_added_rows_are_a_changed_recipient(
    store: Store, now: Recipient, changed: int
) -> None:
    store.enrol([ANN, BOB], "f")
    finish(store, store.claim("w", 1, NOW)[0], State.SENT)
    difference = store.enrol([now, BOB], "f", accept_changes=True)
    assert (difference.changed, difference.changed_sent) == (changed, changed)
    ann = next(one for one in store.iterate() if one.key == "ann")
    # What was sent stays in the ledger; rows that only moved have their new numbers.
    assert ann.rows == (ANN.rows if changed else now.rows)
    assert not store.enrol([now, BOB], "f")


def test_a_group_that_was_not_sent_takes_its_new_rows(store: Store) -> None:
    store.enrol([ANN, BOB], "f")
    finish(store, store.claim("w", 1, NOW)[0], State.SENT)
    now = group("bob", (3, "19"), (9, "21"))
    assert store.enrol([ANN, now], "f", accept_changes=True).changed == 1
    [claimed] = store.claim("w", 1, NOW)
    assert claimed.recipient == now


def test_the_checksum_covers_the_rows() -> None:
    columns = [column.name for column in SUMMED_COLUMNS]
    from mailmerge.ledger.checksums import NEW_STATE_SUM, snapshot_sum

    values = {"id": 1, "key": "k", "row": 2, "rows": "[]", "cells": "{}", "campaign_id": 3}
    texts = {"address": "a", "forward_path": "a", "identity": "a", "display_name": ""}
    state = {"state": "pending", "attempts": 0, "doubts": 0, "stage": "", "reply": ""}
    right = snapshot_sum(3, 2, b"k\0a\0a\0a\0\0{}\0[]")
    sums = {"snapshot_sum": right, "state_sum": NEW_STATE_SUM, "message_id": "", "server_id": ""}
    row = values | texts | state | sums
    assert is_sealed([row.get(name) for name in columns])
    assert not is_sealed([(row | {"rows": "[[]]"}).get(name) for name in columns])
    assert replace(ANN, rows=()).all_rows == (Row(2, ANN.cells),)
