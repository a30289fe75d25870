"""A damaged ledger is examined without a change, and its rows are saved."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from mailmerge.errors import LedgerHeld
from mailmerge.ledger.examination import Examination
from mailmerge.ledger.ledger import Ledger
from mailmerge.ledger.states import State
from mailmerge.settings import Settings
from tests.ledger.steps import claim, enrol, finish, sending
from tests.ledger.test_first_edition import KILLED, install
from tests.ledgers import as_left_by_a_crash, open_store


@pytest.fixture
def left(campaign: Settings, tmp_path: Path) -> Settings:
    """A killed run: one sent, one being sent, one claimed."""
    with open_store(campaign) as store:
        one, two, _ = claim(store, 3)
        finish(store, one, State.SENT)
        sending(store, two)
        return as_left_by_a_crash(campaign, tmp_path / "left")


def examined(campaign: Settings) -> Examination:
    before = {path: path.read_bytes() for path in campaign.state_folder.iterdir()}
    found = Ledger.examine(campaign)
    assert found is not None
    assert {path: path.read_bytes() for path in campaign.state_folder.iterdir()} == before
    return found


def test_a_killed_run_is_whole(left: Settings) -> None:
    found = examined(left)
    assert found.whole
    assert [one.part for one in found.findings] == ["database", "recipients", "journal"]
    assert found.states is not None
    assert {state.value: n for state, n in found.states.items() if n} == {
        "sent": 1, "in_doubt": 1, "pending": 1,
    }  # fmt: skip
    assert [(one.address, one.state, one.whole) for one in found.rows] == [
        ("u0@example.org", "sent", True),
        ("u1@example.org", "sending", True),
        ("u2@example.org", "claimed", True),
    ]


def test_a_damaged_journal_is_found(left: Settings) -> None:
    [journal] = left.state_folder.glob("*.journal")
    content = bytearray(journal.read_bytes())
    content[4130] ^= 1
    journal.write_bytes(content)
    found = examined(left)
    assert [one.part for one in found.findings if not one.whole] == ["journal"]
    assert found.recovery is not None
    assert found.recovery.in_doubt == 2


def test_rows_around_a_damaged_page_are_saved(campaign: Settings) -> None:
    with open_store(campaign) as store:
        enrol(store, 500)
    path = campaign.state_folder / "ledger.sqlite"
    content = bytearray(path.read_bytes())
    place = content.index(b'"Person 250"') // 4096 * 4096
    content[place : place + 4096] = b"\xff" * 4096
    path.write_bytes(content)
    found = examined(campaign)
    assert not found.whole
    assert found.states is None
    addresses = {one.address for one in found.rows}
    assert {"u0@example.org", "u499@example.org"} <= addresses
    assert 300 < len(addresses) < 500


def test_a_row_with_a_wrong_checksum_is_marked(left: Settings) -> None:
    database = sqlite3.connect(left.state_folder / "ledger.sqlite")
    database.execute("UPDATE delivery SET state = 'x' WHERE id = 3")
    database.commit()
    database.close()
    found = examined(left)
    assert [one.whole for one in found.rows] == [True, True, False]
    assert "1 recipient are not" in found.findings[-1].text or not found.whole


@pytest.mark.parametrize("content", [b"", b"no database", bytes(20_000)])
def test_no_database_has_no_rows(left: Settings, content: bytes) -> None:
    (left.state_folder / "ledger.sqlite").write_bytes(content)
    found = examined(left)
    assert not found.whole
    assert (found.rows, found.states) == ((), None)


def test_a_missing_database_is_named(left: Settings) -> None:
    (left.state_folder / "ledger.sqlite").unlink()
    found = Ledger.examine(left)
    assert found is not None
    assert not found.whole
    assert "the file is missing" in found.findings[0].text
    assert found.states is None


def test_a_ledger_of_the_first_edition_is_examined(campaign: Settings) -> None:
    install(campaign, KILLED)
    found = examined(campaign)
    assert len(found.rows) == 12
    assert any(one.state == "sent" for one in found.rows)


def test_a_running_send_is_not_examined(campaign: Settings) -> None:
    with open_store(campaign), pytest.raises(LedgerHeld, match="examine the ledger when"):
        Ledger.examine(campaign)


def test_nothing_is_examined_before_the_first_run(campaign: Settings) -> None:
    assert Ledger.examine(campaign) is None
    with open_store(campaign):
        pass
    shutil.rmtree(campaign.state_folder)
    assert Ledger.examine(campaign) is None
