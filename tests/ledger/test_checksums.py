"""A row whose content changed behind SQLite's back has a wrong checksum."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, select, text

from mailmerge.ledger.checksums import (
    NEW_STATE_SUM,
    STATE_COLUMNS,
    SUMMED_COLUMNS,
    damaged_campaigns,
    damaged_deliveries,
    has_right_state,
    is_sealed,
    seal,
    state_columns,
    state_sum,
    state_sum_of_claim,
)
from mailmerge.ledger.database import Database, RowDamaged
from mailmerge.ledger.ledger import Ledger
from mailmerge.ledger.migrations import LEDGER
from mailmerge.ledger.sqlite import open_database
from mailmerge.ledger.states import State, Transition
from mailmerge.settings import Settings
from tests.ledger.steps import NOW, claim, finish
from tests.ledgers import open_store


@pytest.fixture
def database(campaign: Settings) -> Database:
    """A ledger with a sent, a rejected and a pending recipient."""
    with open_store(campaign) as store:
        one, two, _ = claim(store, 3)
        finish(store, one, State.SENT)
        finish(store, two, State.REJECTED, reply="550 no")
    return open_database(campaign.state_folder / "ledger.sqlite", LEDGER)


def change(connection: Connection, values: str) -> None:
    connection.execute(text(f"UPDATE delivery SET {values} WHERE id = 2"))


@pytest.mark.parametrize(
    "values",
    [
        "state = 'pending'", "changed_at = changed_at + 1", "attempts = 7", "doubts = 1",
        "retry_at = 1.0", "stage = 'rcpt'", "reply = ''", "key = 'x'", "row = 9", "address = 'a@b'",
        "forward_path = 'a@b'", "identity = 'a@b'", "display_name = 'A'", "cells = '{}'",
        "message_id = '<x>'", "campaign_id = 2", "attempts = 'x'", "changed_at = NULL",
        "snapshot_sum = NULL", "state_sum = NULL", "cells = x'00'",
    ],
)  # fmt: skip
def test_a_changed_column_is_noticed(database: Database, values: str) -> None:
    with database.begin() as connection:
        assert damaged_deliveries(connection) == []
        change(connection, values)
        assert damaged_deliveries(connection) == [2]
        for row in connection.execute(select(*SUMMED_COLUMNS)):
            assert is_sealed(row) == (row[0] != 2)
    database.close()


def test_the_state_can_be_checked_alone(database: Database) -> None:
    with database.begin() as connection:
        change(connection, "state = 'pending'")
        found = {row[0]: has_right_state(row) for row in connection.execute(select(*STATE_COLUMNS))}
        change(connection, "attempts = 'x'")
        rows = connection.execute(select(*STATE_COLUMNS)).all()
    assert found == {1: True, 2: False, 3: True}
    assert not has_right_state(rows[1])
    database.close()


def test_seal_computes_only_missing_checksums(database: Database) -> None:
    with database.begin() as connection:
        change(connection, "state = 'pending', state_sum = NULL")
        connection.execute(text("UPDATE delivery SET state = 'pending' WHERE id = 1"))
        seal(connection)
        assert damaged_deliveries(connection) == [1]
    database.close()


def test_a_row_of_another_type_cannot_be_sealed(database: Database) -> None:
    with database.begin() as connection:
        change(connection, "changed_at = 'x', state_sum = NULL")
        with pytest.raises(RowDamaged):
            seal(connection)
    database.close()


def test_the_secret_has_a_checksum(database: Database) -> None:
    with database.begin() as connection:
        assert damaged_campaigns(connection) == []
        connection.execute(text("UPDATE campaign SET secret = x'00'"))
        assert damaged_campaigns(connection) == [1]
    database.close()


def test_a_claim_changes_the_state_alone() -> None:
    columns = (NOW, 2, 1, None, "data", "451 later")
    before = state_sum("in_doubt", *columns)
    assert state_sum_of_claim(columns, before) == state_sum("claimed", *columns)
    new = state_sum_of_claim((None, 0, 0, None, "", ""), NEW_STATE_SUM)
    assert new == state_sum("claimed", None, 0, 0, None, "", "")


def test_integers_have_the_checksum_of_floats() -> None:
    """A column of type FLOAT returns 5.0 where 5 was written."""
    one = Transition(1, State.DEFERRED, 5, retry_at=6)
    assert state_sum(*state_columns(one)) == state_sum("deferred", 5.0, 0, 0, 6.0, "", "")


def test_every_way_to_change_rows_keeps_the_checksums(campaign: Settings) -> None:
    with Ledger.of(campaign) as ledger:
        store = ledger.store("spring", lambda _, key: f"<{key}>")
        one, two, three, _ = claim(store, 4)
        finish(store, one, State.REJECTED)
        finish(store, two, State.IN_DOUBT, doubts=1)
        finish(store, three, State.DEFERRED, retry_at=NOW + 9)
        assert (store.retry_rejected(), store.resend_in_doubt()) == (1, 1)
        store.claim("w", 9, NOW + 99)
        store.release([one.id, two.id])
        assert store.assume_sent() == 1
    with open_database(campaign.state_folder / "ledger.sqlite", LEDGER).begin() as connection:
        assert damaged_deliveries(connection) == []
