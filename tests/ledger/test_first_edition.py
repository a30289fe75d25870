"""Real ledgers of the first edition are read as they are, and a run brings them up to date."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect

from mailmerge.ledger.ledger import Ledger, LedgerOptions
from mailmerge.ledger.migrations import LEDGER
from mailmerge.ledger.sqlite import memory_database, open_database
from mailmerge.ledger.states import State
from mailmerge.settings import Settings
from tests.engine.driver import make_recipients
from tests.ledger.steps import NOW, by_key, counts
from tests.ledgers import open_store, read_ledger

DATA = Path(__file__).parents[1] / "data" / "ledger"
CLOSED, KILLED = "version-1", "version-2-killed"


def install(campaign: Settings, name: str) -> Path:
    """Put a ledger of the first edition into a campaign folder; the path of its database."""
    shutil.copytree(DATA / name, campaign.state_folder)
    return campaign.state_folder / "ledger.sqlite"


def old_boot_id(path: Path) -> str:
    """The start of the machine that the old ledger was written on."""
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    [[boot_id]] = database.execute("SELECT boot_id FROM book").fetchall()
    database.close()
    return str(boot_id)


def old_rows(path: Path) -> list[tuple[Any, ...]]:
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    found = database.execute("SELECT id, key, message_id, date, cells FROM person").fetchall()
    database.close()
    return found


def contents(folder: Path) -> dict[str, bytes]:
    """All files; but for the shared memory of readers, which is rebuilt at each opening."""
    return {one.name: one.read_bytes() for one in folder.iterdir() if one.suffix != ".sqlite-shm"}


AFTER_CLOSE = {
    "sent": 1,
    "rejected": 1,
    "deferred": 1,
    "in_doubt": 1,
    "skipped": 2,
    "pending": 6,
}
AFTER_KILL = {**AFTER_CLOSE, "sent": 2, "in_doubt": 2, "pending": 4}
"""u5 is sent and u6 was being sent, which only the journal knows."""


@pytest.mark.parametrize(("name", "expected"), [(CLOSED, AFTER_CLOSE), (KILLED, AFTER_KILL)])
def test_an_old_ledger_is_read_without_a_change(
    campaign: Settings, name: str, expected: dict[str, int]
) -> None:
    path = install(campaign, name)
    options = LedgerOptions(boot_id=lambda: boot_id)
    boot_id = old_boot_id(path)
    before = contents(campaign.state_folder)
    reader = read_ledger(campaign, options)
    assert counts(reader) == expected
    found = by_key(reader)
    assert found["u0"].reply == "250 2.0.0 Ok: queued as 4XyZ"
    assert found["u2"].retry_at == NOW + 300
    assert found["u11"].state is State.SKIPPED
    assert contents(campaign.state_folder) == before


@pytest.mark.parametrize(("name", "expected"), [(CLOSED, AFTER_CLOSE), (KILLED, AFTER_KILL)])
def test_an_old_ledger_is_resumed(campaign: Settings, name: str, expected: dict[str, int]) -> None:
    path = install(campaign, name)
    boot_id, before = old_boot_id(path), old_rows(path)
    options = LedgerOptions(boot_id=lambda: boot_id)
    with open_store(campaign, options=options) as store:
        assert counts(store) == expected
        assert store.check_passed("digest of a check")
        assert not store.enrol(make_recipients(11), "f")
        claimed = store.claim("w", 99, NOW + 60)
        known = {number: (message_id, date) for number, _, message_id, date, _ in before}
        for one in claimed:
            message_id, date = known[one.id]
            assert one.message_id == message_id or message_id == ""
            transmitted = one.attempts or one.doubts
            assert one.date == (date if transmitted and date is not None else NOW + 60)
    with open_store(campaign, options=options) as store:
        unmade_again = {"skipped": expected["skipped"] - 1, "pending": expected["pending"] + 1}
        assert counts(store) == {**expected, **unmade_again}


def test_after_a_power_cut_the_old_claims_are_in_doubt(campaign: Settings) -> None:
    install(campaign, KILLED)
    options = LedgerOptions(boot_id=lambda: "another start of the machine")
    in_doubt = {**AFTER_KILL, "in_doubt": 5, "pending": 1, "sent": 2}
    assert counts(read_ledger(campaign, options)) == in_doubt
    with open_store(campaign, options=options) as store:
        assert counts(store) == in_doubt


def test_run_times_are_kept_or_zero(campaign: Settings, tmp_path: Path) -> None:
    install(campaign, KILLED)
    assert read_ledger(campaign).standing().seconds == 8.0
    with open_store(campaign):
        pass
    assert read_ledger(campaign).standing().check_seconds == 2.5


def test_a_ledger_without_run_times_has_none(campaign: Settings) -> None:
    install(campaign, CLOSED)
    assert read_ledger(campaign).standing().seconds == 0.0


def test_the_old_ledger_takes_the_name_of_the_campaign(tmp_path: Path) -> None:
    shutil.copytree(DATA / CLOSED, tmp_path / "old")
    with Ledger.open(f"sqlite:///{tmp_path}/old/ledger.sqlite") as ledger:
        assert counts(ledger.store("spring", lambda _, key: key)) == AFTER_CLOSE
        assert counts(ledger.store("another", lambda _, key: key)) == {}


def test_programs_of_the_first_edition_refuse_the_new_tables(campaign: Settings) -> None:
    """They read `user_version`, and stop at anything above 2."""
    path = install(campaign, CLOSED)
    with open_store(campaign):
        pass
    database = sqlite3.connect(path)
    assert database.execute("PRAGMA user_version").fetchall() == [(3,)]
    database.close()


def test_an_upgraded_ledger_has_the_tables_of_a_new_one(tmp_path: Path) -> None:
    shutil.copytree(DATA / CLOSED, tmp_path / "old")
    upgraded = open_database(tmp_path / "old" / "ledger.sqlite", LEDGER)
    new = memory_database(LEDGER)
    with upgraded.begin() as first, new.begin() as second:
        found, expected = inspect(first), inspect(second)
        assert found.get_table_names() == expected.get_table_names()
        for table in expected.get_table_names():
            assert described(found, table) == described(expected, table), table
    upgraded.close()


def described(inspector: Any, table: str) -> dict[str, Any]:
    """Everything about a table that a query can notice."""
    return {
        "columns": [
            (one["name"], str(one["type"]), one["nullable"]) for one in inspector.get_columns(table)
        ],
        "key": inspector.get_pk_constraint(table)["constrained_columns"],
        "unique": [one["column_names"] for one in inspector.get_unique_constraints(table)],
        "foreign": [one["referred_table"] for one in inspector.get_foreign_keys(table)],
        "indexes": [
            (one["name"], one["column_names"], *map(str, one["dialect_options"].values()))
            for one in inspector.get_indexes(table)
        ],
    }
