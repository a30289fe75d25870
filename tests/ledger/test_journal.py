"""A journal around a store: cheap transitions, folds, rotation, recovery, full disks."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from mailmerge.errors import LedgerError
from mailmerge.ledger.campaigns import find_campaign
from mailmerge.ledger.database import Database
from mailmerge.ledger.journal import Journaled
from mailmerge.ledger.journal_file import HEADER_BYTES, JournalFiles
from mailmerge.ledger.ledger import LedgerOptions
from mailmerge.ledger.migrations import LEDGER
from mailmerge.ledger.position import Position, forget_position, read_position
from mailmerge.ledger.sqlite import memory_database
from mailmerge.ledger.states import State, Transition
from mailmerge.ledger.store import SqlStore
from mailmerge.settings import Settings
from tests.ledger.steps import NOW, by_key, claim, counts, enrol, finish, sending
from tests.ledgers import as_left_by_a_crash, open_store, read_ledger


class FullDisk:
    """An observer that lets a step fail as a full disk does."""

    def __init__(self, *steps: str) -> None:
        self.steps = set[str]()
        self.planned = steps

    def fill(self) -> None:
        self.steps = {f"before {step}" for step in self.planned}

    def __call__(self, step: str) -> None:
        if step in self.steps:
            raise OSError(errno.ENOSPC, "No space left on device")


def commits(campaign: Settings) -> tuple[LedgerOptions, list[str]]:
    seen: list[str] = []
    return LedgerOptions(observer=seen.append), seen


def test_a_transition_is_one_line_and_no_commit(campaign: Settings) -> None:
    options, seen = commits(campaign)
    with open_store(campaign, options=options) as store:
        [one] = claim(store, 1)
        seen.clear()
        sending(store, one)
        assert seen == ["before journal line", "after journal line"]
        store.flush()
        assert seen[2:] == ["before commit", "after commit"]


def test_a_flush_without_news_writes_nothing(campaign: Settings) -> None:
    options, seen = commits(campaign)
    with open_store(campaign, options=options) as store:
        claim(store, 1)
        seen.clear()
        store.flush()
        assert seen == []


class _Interrupted(SqlStore):
    """A store in whose folds something happens, and which then fails, once."""

    during_fold: Callable[[], object] | None = None

    def flush(self) -> None:
        if self.during_fold is not None:
            happens, self.during_fold = self.during_fold, None
            happens()
            raise LedgerError("the disk is full")
        super().flush()


def test_a_failed_fold_does_not_hide_what_came_meanwhile(
    database: Database, tmp_path: Path
) -> None:
    """A worker goes on while its earlier transitions are being folded."""
    with database.begin() as connection:
        campaign = find_campaign(connection, "spring")
    inner = _Interrupted(database, campaign, lambda _, key: key)
    store = Journaled(inner, JournalFiles(tmp_path, "x"))
    [one] = claim(store, 1)
    sending(store, one)
    sent = Transition(one.id, State.SENT, NOW + 1, 1, reply="250 Ok")
    inner.during_fold = lambda: store.apply([sent])
    with pytest.raises(LedgerError, match="the disk is full"):
        store.flush()
    store.flush()
    assert [one.state for one in inner.iterate()] == [State.SENT]
    store.close()


def test_space_is_reserved_for_all_that_is_claimed(campaign: Settings) -> None:
    """Two lines of each, also of earlier claims that have no outcome yet."""
    with open_store(campaign) as store:
        enrol(store, 200)
        for _ in range(2):
            assert len(store.claim("w", 100, NOW)) == 100
        [journal] = campaign.state_folder.glob("*.journal")
        assert journal.stat().st_size >= 200 * 2048


def test_a_reader_sees_what_only_the_journal_has(campaign: Settings) -> None:
    with open_store(campaign) as store:
        one, two, _ = claim(store, 3)
        finish(store, one, State.SENT)
        sending(store, two)
        reader = read_ledger(campaign)
        assert reader.counts() == store.counts()
        assert by_key(reader)["u0"].reply == "250 Ok"
        store.flush()
        assert reader.counts() == store.counts()


def test_id_of_the_server_is_in_the_journal_before_the_fold(campaign: Settings) -> None:
    with open_store(campaign) as store:
        one, two = claim(store, 2)
        finish(store, one, State.SENT, reply="250 OK id=A1", server_id="A1")
        finish(store, two, State.SENT)
        reader = read_ledger(campaign)
        assert [by_key(reader)[name].server_id for name in ("u0", "u1")] == ["A1", ""]
        store.flush()
        assert [by_key(store)[name].server_id for name in ("u0", "u1")] == ["A1", ""]
    assert by_key(read_ledger(campaign))["u0"].server_id == "A1"


def test_a_long_journal_is_replaced_and_loses_nothing(campaign: Settings) -> None:
    with open_store(campaign, options=LedgerOptions(rotate_after=300)) as store:
        enrol(store, 30)
        reader = read_ledger(campaign)
        generations = set[str]()
        while claimed := store.claim("w", 4, NOW):
            for one in claimed:
                finish(store, one, State.SENT)
            assert reader.counts() == store.counts()
            [journal] = campaign.state_folder.glob("*.journal")
            generations.add(journal.name)
    assert len(generations) > 3
    assert reader.counts()[State.SENT] == 30


def test_a_crash_leaves_sending_in_doubt_and_claims_free(
    campaign: Settings, tmp_path: Path
) -> None:
    with open_store(campaign) as store:
        one, two, _ = claim(store, 3)
        finish(store, one, State.SENT)
        sending(store, two)
        left = as_left_by_a_crash(campaign, tmp_path / "left")
    expected = {"sent": 1, "in_doubt": 1, "pending": 1}
    assert counts(read_ledger(left)) == expected
    with open_store(left) as again:
        assert counts(again) == expected
        assert len(again.claim("w", 9, NOW)) == 1


@pytest.mark.parametrize("how", ["another boot", "no journal"])
def test_lost_bytes_put_every_claim_in_doubt(campaign: Settings, tmp_path: Path, how: str) -> None:
    with open_store(campaign) as store:
        one, *_ = enrol(store, 3).claim("w", 2, NOW)
        finish(store, one, State.SENT)
        left = as_left_by_a_crash(campaign, tmp_path / "left")
    for journal in left.state_folder.glob("*.journal"):
        journal.unlink() if how == "no journal" else journal.write_bytes(b"")
    options = LedgerOptions(boot_id=lambda: how) if how == "another boot" else LedgerOptions()
    with open_store(left, options=options) as again:
        assert counts(again) == {"in_doubt": 2, "pending": 1}
        assert by_key(again)["u0"].doubts == 1
        assert again.resend_in_doubt() == 2
        assert len(again.claim("w", 9, NOW)) == 3
    assert counts(read_ledger(left)) == {"in_doubt": 2, "pending": 1}


def test_a_full_journal_stops_sending_and_saves_outcomes(campaign: Settings) -> None:
    disk = FullDisk("journal line")
    with open_store(campaign, options=LedgerOptions(observer=disk)) as store:
        one, two, three = claim(store, 3)
        for each in (one, two):
            sending(store, each)
        disk.fill()
        store.apply([Transition(one.id, State.SENT, NOW, 1, reply="250 Ok")])
        assert store.failure is not None
        assert "free some disk space" in str(store.failure)
        with pytest.raises(LedgerError, match="No space left"):
            sending(store, three)
        with pytest.raises(LedgerError, match="No space left"):
            store.claim("w", 1, NOW)
    expected = {"sent": 1, "in_doubt": 1, "pending": 1}
    assert len(list(campaign.state_folder.glob("emergency-*"))) == 1
    assert counts(read_ledger(campaign)) == expected
    for _ in range(2):
        with open_store(campaign) as store:
            assert counts(store) == expected
            assert not list(campaign.state_folder.glob("emergency-*")), "it is in the database"


def test_a_full_disk_shows_before_the_claim(campaign: Settings) -> None:
    disk = FullDisk("journal reserved")
    with open_store(campaign, options=LedgerOptions(observer=disk)) as store:
        enrol(store, 3)
        disk.fill()
        with pytest.raises(LedgerError, match="No space left"):
            store.claim("w", 3, NOW)
        assert counts(read_ledger(campaign)) == {"pending": 3}
        disk.steps.clear()
        assert len(store.claim("w", 3, NOW)) == 3


def test_old_journal_that_cannot_be_removed_is_tried_again(campaign: Settings) -> None:
    refused: list[str] = []

    def refuse(step: str) -> None:
        if step == "before journal removed" and len(refused) < 2:
            refused.append(step)
            raise OSError(errno.EIO, "Input/output error")

    options = LedgerOptions(rotate_after=10, observer=refuse)
    with open_store(campaign, options=options) as store:
        for one in claim(store, 4):
            finish(store, one, State.SENT)
            store.flush()
        assert store.failure is None
    assert len(refused) == 2
    assert len(list(campaign.state_folder.glob("*.journal"))) == 1


def test_a_failed_rotation_loses_no_transition(campaign: Settings, tmp_path: Path) -> None:
    """Nothing is taken out of memory before the new file is there."""
    disk = FullDisk("journal made")
    options = LedgerOptions(observer=disk, rotate_after=10)
    with open_store(campaign, options=options) as store:
        one, two = claim(store, 2)
        finish(store, one, State.SENT)
        disk.fill()
        with pytest.raises(LedgerError, match="No space left"):
            store.flush()
        disk.steps.clear()
        finish(store, two, State.SENT)
        store.flush()
        left = as_left_by_a_crash(campaign, tmp_path / "left")
    assert counts(read_ledger(left)) == {"sent": 2}


def test_a_failed_commit_keeps_transitions_for_the_next(campaign: Settings) -> None:
    seen: list[str] = []

    def fail_once(step: str) -> None:
        if step == "before commit" and seen == ["armed"]:
            seen.append("failed")
            raise OSError(errno.EIO, "Input/output error")

    with open_store(campaign, options=LedgerOptions(observer=fail_once)) as store:
        [one] = claim(store, 1)
        finish(store, one, State.SENT)
        seen.append("armed")
        with pytest.raises(OSError, match="Input/output error"):
            store.flush()
        store.flush()
    assert counts(read_ledger(campaign)) == {"sent": 1}


def test_a_ledger_without_a_journal_reads_an_old_journal(
    campaign: Settings, tmp_path: Path
) -> None:
    with open_store(campaign) as store:
        one, two = claim(store, 2)
        finish(store, one, State.SENT)
        sending(store, two)
        left = as_left_by_a_crash(campaign, tmp_path / "left")
    with open_store(left, "plain sqlite") as plain:
        assert counts(plain) == {"sent": 1, "in_doubt": 1}
    assert not list(left.state_folder.glob("*.journal"))
    assert counts(read_ledger(left)) == {"sent": 1, "in_doubt": 1}


def test_a_late_reply_ends_the_wait_for_a_retry(campaign: Settings) -> None:
    with open_store(campaign) as store:
        [one] = claim(store, 1)
        sending(store, one)
        store.expire(NOW + 10_000)
        store.resend_in_doubt()
        assert store.next_retry() is not None
        store.apply([Transition(one.id, State.SENT, NOW + 10_001, 1, reply="250 Ok")])
        assert store.next_retry() is None


def test_a_transition_without_a_claim_is_an_error(campaign: Settings) -> None:
    with open_store(campaign) as store:
        enrol(store, 1)
        with pytest.raises(ValueError, match="is not claimed"):
            store.apply([Transition(1, State.SENT, NOW)])


# --- the position


@pytest.fixture
def database() -> Database:
    return memory_database(LEDGER)


def test_a_position_is_read_as_it_was_written(database: Database, tmp_path: Path) -> None:
    with database.begin() as connection:
        campaign = find_campaign(connection, "spring")
        assert read_position(connection, campaign.id) is None
    store = SqlStore(database, campaign, lambda _, key: key)
    journaled = Journaled(store, JournalFiles(tmp_path, "x"), boot_id=lambda: "boot")
    with database.begin() as connection:
        expected = Position("boot", 1, HEADER_BYTES, HEADER_BYTES, 1)
        assert read_position(connection, campaign.id) == expected
    journaled.close()
    with database.begin() as connection:
        forget_position(connection, campaign.id)
        assert read_position(connection, campaign.id) is None


def test_two_campaigns_of_a_database_have_two_journals(tmp_path: Path) -> None:
    from mailmerge.ledger.ledger import Ledger

    with Ledger.open(f"sqlite:///{tmp_path}/both.db") as ledger:
        stores = [ledger.store(name, lambda _, key: key) for name in ("spring", "autumn")]
        for store in stores:
            [one] = claim(store, 1)
            sending(store, one)
        names = {path.name for path in tmp_path.glob("*.journal")}
        assert names == {"both-00000001.journal", "both.2-00000001.journal"}
        assert [counts(store) for store in stores] == [{"pending": 1}] * 2
