"""The ledger remembers the content of the snapshot, and that of the last check."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, inspect, text

from mailmerge.ledger.campaigns import find_campaign
from mailmerge.ledger.content import add_content_files, read_content, write_content
from mailmerge.ledger.interface import Store
from mailmerge.ledger.migrations import LEDGER
from mailmerge.ledger.sqlite import memory_database
from mailmerge.ledger.states import State
from mailmerge.settings import NOTHING_RECORDED, Fingerprint
from tests.engine.driver import make_recipients
from tests.ledger.steps import NOW, finish

ONE = Fingerprint("2:one", {"a.txt": "1", "b.txt": ""})
MANY = Fingerprint("2:many", {f"{number}.pdf": "1" for number in range(2500)})


@pytest.fixture
def connection() -> Iterator[Connection]:
    database = memory_database(LEDGER)
    with database.begin() as opened:
        find_campaign(opened, "spring")
        find_campaign(opened, "autumn")
        yield opened
    database.close()


def test_each_list_of_each_campaign_is_its_own(connection: Connection) -> None:
    write_content(connection, 1, "snapshot", ONE)
    write_content(connection, 1, "check", MANY)
    assert read_content(connection, 1, "snapshot") == ONE
    assert read_content(connection, 1, "check") == MANY
    assert read_content(connection, 2, "snapshot") == NOTHING_RECORDED
    write_content(connection, 1, "check", ONE)
    assert read_content(connection, 1, "check") == ONE


def test_upgrade_makes_the_table_of_now(connection: Connection) -> None:
    columns = [str(one) for one in inspect(connection).get_columns("content_file")]
    connection.execute(text("DROP TABLE content_file"))
    add_content_files(connection)
    inspector = inspect(connection)
    inspector.clear_cache()
    assert [str(one) for one in inspector.get_columns("content_file")] == columns


def test_check_is_remembered_with_its_content(store: Store) -> None:
    assert store.checked_content() == NOTHING_RECORDED
    store.remember_check("digest", ONE)
    assert (store.check_passed("digest"), store.checked_content()) == (True, ONE)
    store.remember_check("another")
    assert store.checked_content() == NOTHING_RECORDED


def send_one(store: Store, content: Fingerprint) -> None:
    store.enrol(make_recipients(3), content)
    finish(store, store.claim("w", 1, NOW)[0], State.SENT)


def test_changed_file_is_named(store: Store) -> None:
    send_one(store, ONE)
    changed = Fingerprint("2:one", {"a.txt": "2", "b.txt": ""})
    difference = store.enrol(make_recipients(3), changed)
    assert (difference.content_changed, difference.changed_files) == (True, ("a.txt",))
    assert not difference.applied
    assert not store.enrol(make_recipients(3), ONE)
    assert store.enrol(make_recipients(3), changed, accept_changes=True).applied
    assert not store.enrol(make_recipients(3), changed)


def test_files_of_recipients_that_are_not_selected_are_kept(store: Store) -> None:
    send_one(store, ONE)
    some = Fingerprint("2:one", {"c.txt": "3"})
    assert not store.enrol(make_recipients(1), some, partial=True)
    both = Fingerprint("2:one", {"a.txt": "1", "c.txt": "4"})
    assert store.enrol(make_recipients(3), both).changed_files == ("c.txt",)
