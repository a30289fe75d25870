"""The row of a campaign is found by its name, and keeps what is remembered about it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, insert, update

from mailmerge.ledger.campaigns import (
    CampaignRecord,
    OtherMailing,
    all_campaigns,
    find_campaign,
    find_campaign_of_folder,
    known_campaign,
    known_campaign_of_folder,
    read_campaign,
    read_times,
    write_campaign,
    write_times,
)
from mailmerge.ledger.migrations import LEDGER
from mailmerge.ledger.schema import campaign, delivery
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


def of_folder(
    connection: Connection, name: str, *, named: bool = True, begin: bool = False
) -> CampaignRecord:
    return find_campaign_of_folder(connection, name, named=named, begin=begin)


def send_one(connection: Connection, campaign_id: int) -> None:
    """Write a delivery that was sent."""
    values = {one.name: "" for one in delivery.columns if not one.nullable and one.name != "id"}
    values |= {"row": 2, "selected": True, "attempts": 1, "doubts": 0, "state": "sent"}  # type: ignore[dict-item]
    connection.execute(insert(delivery).values(**values | {"campaign_id": campaign_id}))


def test_a_folder_that_sent_nothing_can_be_renamed(connection: Connection) -> None:
    spring = of_folder(connection, "spring")
    assert of_folder(connection, "autumn") == spring
    assert read_campaign(connection, spring.id, "name") == "autumn"


def test_another_chosen_name_is_another_mailing(connection: Connection) -> None:
    spring = of_folder(connection, "spring")
    send_one(connection, spring.id)
    with pytest.raises(OtherMailing) as caught:
        of_folder(connection, "autumn")
    assert caught.value.name == "spring"
    assert known_campaign_of_folder(connection, "autumn", named=True) is None
    autumn = of_folder(connection, "autumn", begin=True)
    assert autumn != spring
    assert of_folder(connection, "spring") == spring, "its name continues the earlier mailing"
    assert of_folder(connection, "autumn") == autumn


def test_without_a_chosen_name_the_folder_goes_on(connection: Connection) -> None:
    spring = of_folder(connection, "spring", named=False)
    send_one(connection, spring.id)
    assert of_folder(connection, "renamed", named=False) == spring
    assert known_campaign_of_folder(connection, "again", named=False) == spring
    autumn = of_folder(connection, "autumn", begin=True)
    assert of_folder(connection, "renamed", named=False) == autumn, "the last mailing"


def test_a_folder_of_the_first_edition_takes_the_first_name(connection: Connection) -> None:
    old = of_folder(connection, "x")
    send_one(connection, old.id)
    connection.execute(update(campaign).values(name=""))
    assert known_campaign_of_folder(connection, "spring", named=True) == old
    assert of_folder(connection, "spring") == old
    with pytest.raises(OtherMailing):
        of_folder(connection, "autumn")


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
