"""mailmerge doctor: what works here, and whether a ledger is whole."""

from __future__ import annotations

import csv
import json
import sqlite3
from pathlib import Path

import pytest

from tests.cli.conftest import Call


@pytest.fixture
def sent(campaign: Path, call: Call) -> Path:
    """The campaign after a sandbox run."""
    assert call("send", campaign, "--sandbox", "--yes").exit_code == 0
    return campaign


def damage(campaign: Path) -> None:
    database = sqlite3.connect(campaign / ".mailmerge" / "sandbox.sqlite")
    database.execute("UPDATE delivery SET state = 'pending' WHERE id = 2")
    database.commit()
    database.close()


def test_doctor_shows_what_works(campaign: Path, call: Call) -> None:
    result = call("doctor", campaign)
    assert result.exit_code == 0
    assert "ok   locks" in result.stdout
    assert "SQLite" in result.stdout
    assert not (campaign / ".mailmerge").exists()
    document = json.loads(call("doctor", campaign, "--json").stdout)
    assert document["works"] is True
    assert {one["name"] for one in document["facts"]} >= {"mailmerge", "Python", "locks"}


def test_a_state_folder_that_cannot_be_written_fails(
    campaign: Path, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MAILMERGE_STATE_HOME", str(tmp_path / "file" / "home"))
    result = call("doctor", campaign)
    assert result.exit_code == 3
    assert "FAIL state folder" in result.stdout


def test_a_whole_ledger_is_whole(sent: Path, call: Call) -> None:
    result = call("doctor", sent, "--ledger", "--sandbox")
    assert result.exit_code == 0
    assert "The ledger is whole." in result.stdout
    assert "3  sent" in result.stdout


def test_a_damaged_ledger_is_shown_and_saved(sent: Path, call: Call, tmp_path: Path) -> None:
    damage(sent)
    path = tmp_path / "saved.csv"
    result = call("doctor", sent, "--ledger", "--sandbox", "--export", path)
    assert result.exit_code == 3
    assert "FAIL" in result.stdout
    assert "3 recipients can be read, 1 of them damaged" in result.stdout
    assert "What to do" in result.stdout
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["address"], row["status"], row["damaged"]) for row in rows] == [
        ("ann@example.org", "sent", ""),
        ("bob@example.org", "sent", "yes"),  # the journal still has it
        ("zoe@example.org", "sent", ""),
    ]
    assert rows[0]["message-id"].startswith("<")


def test_the_document_has_the_findings(sent: Path, call: Call, tmp_path: Path) -> None:
    damage(sent)
    options = ("--ledger", "--sandbox", "--json", "--export", tmp_path / "saved.xlsx")
    document = json.loads(call("doctor", sent, *options).stdout)
    assert document["whole"] is False
    assert document["states"] is None
    assert (document["readable"], document["damaged"], document["exported"]) == (3, 1, 3)


def test_export_needs_a_ledger(sent: Path, call: Call) -> None:
    assert call("doctor", sent, "--export", "x.csv").exit_code == 2
    result = call("doctor", sent, "--ledger")
    assert result.exit_code == 2
    assert "has not been sent yet" in result.stderr
