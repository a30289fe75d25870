"""Every opening checks all rows."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from mailmerge.errors import LedgerError
from mailmerge.ledger.integrity import problems_of, require_whole
from mailmerge.ledger.migrations import LEDGER
from mailmerge.ledger.sqlite import open_database
from mailmerge.settings import Settings
from tests.ledger.steps import enrol
from tests.ledgers import open_store


@pytest.fixture
def path(campaign: Settings) -> Path:
    with open_store(campaign) as store:
        enrol(store, 300)
    return campaign.state_folder / "ledger.sqlite"


def test_a_new_ledger_is_whole(path: Path) -> None:
    database = open_database(path, LEDGER)
    require_whole(database)
    with database.begin("read") as connection:
        assert list(problems_of(connection)) == []
    database.close()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("UPDATE delivery SET row = 9 WHERE id IN (7, 9)", "2 recipients are not as they were"),
        ("UPDATE campaign SET secret = x'00'", "the secret of 1 campaign is not as it was"),
        ("UPDATE delivery SET campaign_id = 5 WHERE id = 7", "1 recipient"),
    ],
)
def test_a_changed_row_is_an_error(path: Path, change: str, problem: str) -> None:
    raw = sqlite3.connect(path)
    raw.execute(change)
    raw.commit()
    raw.close()
    database = open_database(path, LEDGER)
    with pytest.raises(LedgerError, match=f"ledger.sqlite: is damaged: {problem}") as error:
        require_whole(database)
    assert error.value.problem.code == "ledger-damaged"
    database.close()


def test_a_damaged_page_is_an_error(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-4096:] = bytes(4096)
    path.write_bytes(content)
    database = open_database(path, LEDGER)
    with pytest.raises(LedgerError, match="is damaged"):
        require_whole(database)
    database.close()
