"""The row of a campaign is found by its name, and keeps what is remembered about it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, update

from mailmerge.ledger.campaigns import (
    all_campaigns,
    find_campaign,
    known_campaign,
    read_campaign,
    read_times,
    write_campaign,
    write_times,
)
from mailmerge.ledger.migrations import LEDGER
from mailmerge.ledger.schema import campaign
from mailmerge.ledger.sqlite import memory_database


@pytest.fixture
def connection() -> Iterator[Connection]:
    database = memory_database(LEDGER)
    with database.begin() as opened:
        yield opened
    database.close()


def test_a_name_stands_for_one_campaign(connection: Connection) -> None:
    spring, autumn = (find_campaign(connection, name) for name in ("spring", "autumn"))
    assert (spring.id, autumn.id) == (1, 2)
    assert find_campaign(connection, "spring") == spring
    assert all_campaigns(connection) == [spring, autumn]
    assert known_campaign(connection, "autumn") == autumn
    assert known_campaign(connection, "winter") is None
    assert all_campaigns(connection) == [spring, autumn]


def test_each_campaign_has_a_secret_of_its_own(connection: Connection) -> None:
    secrets = {find_campaign(connection, name).secret for name in ("spring", "autumn")}
    assert {len(secret) for secret in secrets} == {32}
    assert len(secrets) == 2


def test_the_only_campaign_can_be_renamed(connection: Connection) -> None:
    spring = find_campaign(connection, "spring", only_one=True)
    assert find_campaign(connection, "autumn", only_one=True) == spring
    assert read_campaign(connection, spring.id, "name") == "autumn"


def test_a_campaign_without_a_name_takes_the_first_one(connection: Connection) -> None:
    unnamed = find_campaign(connection, "x")
    connection.execute(update(campaign).values(name=""))
    assert find_campaign(connection, "spring") == unnamed
    assert find_campaign(connection, "autumn") != unnamed


def test_values_of_a_campaign_are_its_own(connection: Connection) -> None:
    spring, autumn = (find_campaign(connection, name) for name in ("spring", "autumn"))
    write_campaign(connection, spring.id, checked="digest")
    write_times(connection, spring.id, 2.0, 0.5)
    assert read_campaign(connection, spring.id, "checked") == "digest"
    assert read_campaign(connection, autumn.id, "checked") == ""
    assert read_times(connection, spring.id) == (2.0, 0.5)
    assert read_times(connection, autumn.id) == (0.0, 0.0)
