"""The position of a journal comes back as it was written, or is damaged."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, text

from mailmerge.ledger.campaigns import find_campaign
from mailmerge.ledger.database import RowDamaged
from mailmerge.ledger.migrations import LEDGER
from mailmerge.ledger.position import Position, forget_position, read_position, write_position
from mailmerge.ledger.sqlite import memory_database

HERE = Position("boot", 3, 5000, 262_144, 17, 100, 40)


@pytest.fixture
def connection() -> Iterator[Connection]:
    database = memory_database(LEDGER)
    with database.begin() as opened:
        find_campaign(opened, "spring")
        yield opened
    database.close()


def test_a_position_is_replaced_and_forgotten(connection: Connection) -> None:
    assert read_position(connection, 1) is None
    write_position(connection, 1, Position("boot", 1, 0))
    write_position(connection, 1, HERE)
    assert read_position(connection, 1) == HERE
    forget_position(connection, 1)
    assert read_position(connection, 1) is None


@pytest.mark.parametrize(
    "change",
    [
        "boot_id = 'x'", "generation = 4", '"offset" = 5001', "reserved = 0", "sequence = 1",
        "sent = 1", "deliveries = 1", "position_sum = 1", "position_sum = NULL",
    ],
)  # fmt: skip
def test_a_changed_position_is_damaged(connection: Connection, change: str) -> None:
    write_position(connection, 1, HERE)
    connection.execute(text(f"UPDATE journal SET {change}"))
    with pytest.raises(RowDamaged):
        read_position(connection, 1)


def test_a_position_of_the_first_edition_has_no_checksum(connection: Connection) -> None:
    insert = 'INSERT INTO journal (campaign_id, boot_id, generation, "offset") VALUES '
    connection.execute(text(insert + "(1, 'boot', 2, 300)"))
    assert read_position(connection, 1) == Position("boot", 2, 300)
    connection.execute(text("UPDATE journal SET generation = 'x'"))
    with pytest.raises(RowDamaged):
        read_position(connection, 1)
