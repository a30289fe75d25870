"""What the journal and the database say about each other after a crash."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from mailmerge.errors import LedgerError
from mailmerge.ledger.emergency import EmergencyFiles
from mailmerge.ledger.ledger import LedgerOptions
from mailmerge.ledger.states import State, Transition
from mailmerge.settings import Settings
from tests.ledger.steps import NOW, by_key, claim, counts, enrol, finish, sending
from tests.ledgers import as_left_by_a_crash, open_store, read_ledger


def restore_database(older: Settings, newer: Settings) -> None:
    """Put the older database into the newer folder; it needs no log any more."""
    shutil.copy(older.state_folder / "ledger.sqlite", newer.state_folder / "ledger.sqlite")
    (newer.state_folder / "ledger.sqlite-wal").unlink(missing_ok=True)


def with_lost_commits(campaign: Settings, folder: Path) -> Settings:
    """A copy with 3 of 4 recipients sent, whose database is that of the time before."""
    with open_store(campaign) as store:
        enrol(store, 4)
        older = as_left_by_a_crash(campaign, folder / "older")
        for one in store.claim("w", 3, NOW):
            finish(store, one, State.SENT)
        newer = as_left_by_a_crash(campaign, folder / "newer")
    restore_database(older, newer)
    return newer


def test_lost_commits_are_restored_from_the_journal(campaign: Settings, tmp_path: Path) -> None:
    with open_store(campaign) as store:
        enrol(store, 4)
        older = as_left_by_a_crash(campaign, tmp_path / "older")
        one, two, _ = store.claim("w", 3, NOW)
        finish(store, one, State.SENT)
        store.flush()
        sending(store, two)
        newer = as_left_by_a_crash(campaign, tmp_path / "newer")
    restore_database(older, newer)
    expected = {"sent": 1, "in_doubt": 1, "pending": 2}
    assert counts(read_ledger(newer)) == expected
    with open_store(newer) as again:
        assert counts(again) == expected
        assert again.recovery is None
        assert by_key(again)["u0"].message_id == one.message_id


def test_a_lost_enrolment_is_damage(campaign: Settings, tmp_path: Path) -> None:
    with open_store(campaign) as store:
        older = as_left_by_a_crash(campaign, tmp_path / "older")
        claim(store, 3)
        newer = as_left_by_a_crash(campaign, tmp_path / "newer")
    restore_database(older, newer)
    with pytest.raises(LedgerError, match="older than the journal"), open_store(newer):
        pass
    with pytest.raises(LedgerError, match="older than the journal"):
        read_ledger(newer).counts()


def test_lost_commits_and_a_damaged_journal_are_damage(campaign: Settings, tmp_path: Path) -> None:
    newer = with_lost_commits(campaign, tmp_path)
    [journal] = newer.state_folder.glob("*.journal")
    content = bytearray(journal.read_bytes())
    content[4200] ^= 1
    journal.write_bytes(content)
    with pytest.raises(LedgerError, match="older than the journal"), open_store(newer):
        pass


def test_doubt_is_told_with_its_reason(
    campaign: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_store(campaign) as store:
        one, _, _ = claim(store, 3)
        finish(store, one, State.SENT)
        left = as_left_by_a_crash(campaign, tmp_path / "left")
    [journal] = left.state_folder.glob("*.journal")
    journal.write_bytes(journal.read_bytes()[:4500])
    told = read_ledger(left).recovery()
    with open_store(left) as again:
        assert again.recovery == told
        assert told is not None
        assert (told.reason, told.in_doubt) == (f"{journal.name} is shorter than it was", 2)
        assert "shorter" in by_key(again)["u1"].reply
    assert str(told) in caplog.text
    with open_store(left) as third:
        assert third.recovery is None
    assert read_ledger(left).recovery() is None


def test_damage_that_concerns_no_recipient_says_so(campaign: Settings, tmp_path: Path) -> None:
    with open_store(campaign) as store:
        enrol(store, 3)
        left = as_left_by_a_crash(campaign, tmp_path / "left")
    [journal] = left.state_folder.glob("*.journal")
    journal.unlink()
    assert str(read_ledger(left).recovery()).endswith("no recipient is concerned")
    with open_store(left) as again:
        assert counts(again) == {"pending": 3}


def test_outcome_of_an_earlier_attempt_is_left_out(
    campaign: Settings, tmp_path: Path, state_home: Path
) -> None:
    """Its file is in the state folder of a machine on which the campaign was not sent since."""
    old = Transition(1, State.DEFERRED, NOW - 60, 1, 0, NOW, "content", "451 later")
    with open_store(campaign) as store:
        one, two, _ = claim(store, 3)
        sending(store, one)
        sending(store, two, NOW - 90)
        crashed = as_left_by_a_crash(campaign, tmp_path / "crashed")
    with closing(sqlite3.connect(crashed.state_folder / "ledger.sqlite")) as database:
        [secret] = database.execute("SELECT secret FROM campaign").fetchone()
    files = EmergencyFiles(state_home, secret)
    files.save(replace(old, delivery_id=one.id))
    files.save(replace(old, delivery_id=two.id))
    expected = {"in_doubt": 1, "deferred": 1, "pending": 1}
    assert counts(read_ledger(crashed)) == expected
    with open_store(crashed) as store:
        assert counts(store) == expected
        assert by_key(store)["u0"].state is State.IN_DOUBT


def test_restart_after_a_closed_run_is_no_news(campaign: Settings) -> None:
    with open_store(campaign, options=LedgerOptions(boot_id=lambda: "one")) as store:
        finish(store, claim(store, 3)[0], State.SENT)
    later = LedgerOptions(boot_id=lambda: "two")
    assert read_ledger(campaign, later).recovery() is None
    with open_store(campaign, options=later) as store:
        assert store.recovery is None
        assert counts(store) == {"sent": 1, "pending": 2}


def test_a_lost_journal_does_not_hide_lost_commits(campaign: Settings, tmp_path: Path) -> None:
    newer = with_lost_commits(campaign, tmp_path)
    [journal] = newer.state_folder.glob("*.journal")
    journal.unlink()
    with pytest.raises(LedgerError, match="older than the journal"), open_store(newer):
        pass
    (newer.state_folder / "ledger.sqlite").write_bytes(b"")
    with pytest.raises(LedgerError, match="is empty or missing"), open_store(newer):
        pass


def test_a_removed_file_in_the_middle_is_noticed(campaign: Settings, tmp_path: Path) -> None:
    with open_store(campaign) as store:
        one, two, _ = claim(store, 3)
        finish(store, one, State.SENT)
        sending(store, two)
        left = as_left_by_a_crash(campaign, tmp_path / "left")
    [journal] = left.state_folder.glob("*.journal")
    shutil.copy(journal, journal.with_name("ledger-00000003.journal"))
    told = read_ledger(left).recovery()
    assert told is not None
    assert told.reason == "ledger-00000002.journal is missing"
