"""Rows of the tables become deliveries and transitions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, select, text

from mailmerge.ledger.migrations import LEDGER
from mailmerge.ledger.schema import (
    DELIVERY_COLUMNS,
    TRANSITION_COLUMNS,
    delivery,
    delivery_of,
    ledger,
    limits,
    transition_of,
)
from mailmerge.ledger.sqlite import memory_database
from mailmerge.ledger.states import State, Transition
from tests.engine.driver import make_recipient
from tests.ledger.steps import NOW


@pytest.fixture
def connection() -> Iterator[Connection]:
    database = memory_database(LEDGER)
    with database.begin() as opened:
        yield opened
    database.close()


def insert_delivery(connection: Connection, number: int = 7, **values: object) -> None:
    one = make_recipient(0)
    row = {
        "id": number, "campaign_id": 1, "key": f"key-{number}", "row": 2,
        "address": one.mailbox.address, "forward_path": one.mailbox.forward_path,
        "identity": one.mailbox.identity, "display_name": "", "cells": '{"name": "Ann"}',
        "digest": "", "selected": True, "message_id": "", "state": "pending", "attempts": 0,
        "doubts": 0, "stage": "", "reply": "", "owner": "", **values,
    }  # fmt: skip
    connection.execute(delivery.insert().values(**row))


def test_every_table_of_a_campaign_names_it() -> None:
    # A mailbox may have answers to several campaigns, and is read once for all of them.
    own = {"migration", "campaign", "sender", "read_mail", "mailbox_position"}
    for name, table in ledger.tables.items():
        assert name in own or "campaign_id" in table.columns, name
    assert set(limits.tables) == {"migration", "slot", "used"}


def test_a_row_is_a_delivery(connection: Connection) -> None:
    insert_delivery(connection, state="deferred", retry_at=NOW, attempts=2, reply="450 later")
    [row] = connection.execute(select(*DELIVERY_COLUMNS)).all()
    one = delivery_of(row)
    assert (one.id, one.key, one.row, one.cells) == (7, "key-7", 2, {"name": "Ann"})
    assert one.mailbox == make_recipient(0).mailbox
    assert (one.state, one.retry_at, one.attempts) == (State.DEFERRED, NOW, 2)
    assert (one.reply, one.changed_at) == ("450 later", None)


def test_a_newer_transition_replaces_the_state_of_a_row(connection: Connection) -> None:
    insert_delivery(connection)
    [row] = connection.execute(select(*DELIVERY_COLUMNS)).all()
    newer = Transition(7, State.SENT, NOW, 1, 0, None, "content", "250 Ok")
    one = delivery_of(row, newer, message_id="<new>", date=NOW)
    assert (one.state, one.changed_at, one.reply, one.stage) == (
        State.SENT, NOW, "250 Ok", "content",
    )  # fmt: skip
    assert (one.message_id, one.date) == ("<new>", NOW)


def test_message_id_and_date_of_a_row_are_kept(connection: Connection) -> None:
    insert_delivery(connection, message_id="<old>", date=NOW)
    [row] = connection.execute(select(*DELIVERY_COLUMNS)).all()
    one = delivery_of(row, message_id="<new>", date=NOW + 1)
    assert (one.message_id, one.date) == ("<old>", NOW)


def test_a_row_of_either_kind_is_a_transition(connection: Connection) -> None:
    insert_delivery(connection, state="in_doubt", doubts=1, changed_at=NOW)
    [short] = connection.execute(select(*TRANSITION_COLUMNS)).all()
    [long] = connection.execute(select(*DELIVERY_COLUMNS)).all()
    expected = Transition(7, State.IN_DOUBT, NOW, 0, 1)
    assert transition_of(short) == transition_of(long) == expected


def test_claims_use_the_index_of_pending_deliveries(connection: Connection) -> None:
    for number in range(1, 50):
        insert_delivery(connection, number)
    query = "SELECT id FROM delivery WHERE campaign_id = 1 AND state = 'pending' ORDER BY id"
    plan = connection.execute(text(f"EXPLAIN QUERY PLAN {query}")).all()
    assert "delivery_pending" in str(plan)
