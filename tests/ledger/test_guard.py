"""An open ledger notices at its next write that it is no longer the only one."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from mailmerge.errors import LedgerError, LedgerHeld
from mailmerge.ledger.guard import LedgerGuard, Unguarded
from mailmerge.ledger.high_water import Unmarked
from mailmerge.ledger.ledger import Ledger
from mailmerge.ledger.lock import Lock, owner_of
from mailmerge.ledger.migrations import LEDGER
from mailmerge.ledger.sender import Fence, this_process
from mailmerge.ledger.sqlite import open_database
from mailmerge.ledger.states import State, Transition, claim_transition
from mailmerge.portable.boot import boot_id
from mailmerge.settings import Settings
from tests.ledger.conftest import OpenAll
from tests.ledger.steps import NOW, claim, counts, enrol, finish
from tests.ledgers import open_ledger, store_of
from tests.platforms import needs_links, open_files_stay

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def take_over(campaign: Settings) -> None:
    """Another process takes the row of the sender, as it may after the expiry."""
    with closing(sqlite3.connect(campaign.state_folder / "ledger.sqlite")) as other, other:
        other.execute("UPDATE sender SET token = 'other', host = 'there', generation = 9")


@open_files_stay
def test_a_removed_lock_file_is_locked_again(campaign: Settings, open_again: OpenAll) -> None:
    store = store_of(open_again(campaign), campaign)
    lock = campaign.state_folder / "ledger.lock"
    lock.unlink()
    one, _ = claim(store, 2)
    assert owner_of(lock) is not None
    finish(store, one, State.SENT)
    assert store.failure is None


@open_files_stay
def test_a_second_opening_is_refused_without_a_lock_file(
    campaign: Settings, open_again: OpenAll
) -> None:
    store_of(open_again(campaign), campaign)
    (campaign.state_folder / "ledger.lock").unlink()
    with pytest.raises(LedgerHeld, match="is being sent by process"):
        open_again(campaign)


def test_a_ledger_that_was_taken_over_sends_nothing_more(
    campaign: Settings, open_again: OpenAll
) -> None:
    ledger = open_again(campaign)
    store = store_of(ledger, campaign)
    one, two, _ = claim(store, 3)
    store.apply([claim_transition(one, State.SENDING, NOW)])
    take_over(campaign)
    with pytest.raises(LedgerHeld, match="has taken over this campaign"):
        store.claim("w", 1, NOW)
    assert isinstance(store.failure, LedgerHeld)
    with pytest.raises(LedgerHeld):
        store.apply([claim_transition(two, State.SENDING, NOW)])


@open_files_stay
@pytest.mark.parametrize("what", ["moved", "replaced", "removed"])
def test_a_missing_database_ends_the_run(
    campaign: Settings, open_again: OpenAll, what: str
) -> None:
    store = store_of(open_again(campaign), campaign)
    claim(store, 2)
    path = campaign.state_folder / "ledger.sqlite"
    if what == "moved":
        campaign.folder.rename(campaign.folder.with_name("moved"))
    elif what == "replaced":
        shutil.copyfile(path, path.with_name("copy"))
        path.with_name("copy").replace(path)
    else:
        path.unlink()
    with pytest.raises(LedgerError, match="was moved, replaced or removed") as error:
        store.claim("w", 1, NOW)
    assert error.value.problem.code == "ledger-moved"


@needs_links
def test_database_that_cannot_be_looked_up_ends_the_run(
    campaign: Settings, open_again: OpenAll
) -> None:
    ledger = open_again(campaign)
    store = store_of(ledger, campaign)
    claim(store, 2)
    campaign.folder.rename(campaign.folder.with_name("moved"))
    campaign.folder.symlink_to(campaign.folder)  # stat(2) fails, as on a disk that has gone
    with pytest.raises(LedgerError, match=r"ledger\.sqlite: cannot be looked up"):
        store.claim("w", 1, NOW)
    assert store.failure is not None
    ledger.close()


@open_files_stay
def test_a_ledger_that_failed_can_be_opened_again_in_this_process(campaign: Settings) -> None:
    ledger = open_ledger(campaign)
    store = store_of(ledger, campaign)
    claim(store, 1)
    (campaign.state_folder / "ledger.sqlite").unlink()
    with pytest.raises(LedgerError):
        store.claim("w", 1, NOW)
    ledger.close()
    shutil.rmtree(campaign.state_folder)
    Ledger.of(campaign, accept_older=True).close()


def in_child(action: Callable[[], object]) -> int:
    """Fork, do this in the child, and end it without its clean-up; return its process id."""
    child = os.fork()
    if child == 0:
        try:
            action()
        finally:
            os._exit(0)
    return child


@needs_fork
def test_a_forked_child_leaves_the_ledger_alone(campaign: Settings, open_again: OpenAll) -> None:
    ledger = open_again(campaign)
    store = store_of(ledger, campaign)
    one, two, three, _ = claim(store, 4)
    finish(store, one, State.SENT)
    store.apply([claim_transition(two, State.SENDING, NOW)])
    os.waitpid(in_child(ledger.close), 0)
    store.apply([Transition(two.id, State.SENT, NOW, 1)])
    finish(store, three, State.SENT)
    store.flush()
    ledger.close()
    again = store_of(open_again(campaign), campaign)
    assert counts(again) == {"sent": 3, "pending": 1}
    assert again.recovery is None


@needs_fork
def test_a_forked_child_may_not_write(campaign: Settings, tmp_path: Path) -> None:
    with open_ledger(campaign) as ledger:
        store = enrol(store_of(ledger, campaign), 3)

        def write() -> None:
            try:
                store.claim("w", 1, NOW)
            except LedgerHeld as error:
                (tmp_path / "refused").write_text(str(error))

        os.waitpid(in_child(write), 0)
        assert "belongs to the process that opened it" in (tmp_path / "refused").read_text()
        assert len(store.claim("w", 1, NOW)) == 1


@needs_fork
def test_a_child_of_a_killed_sender_holds_no_lock(campaign: Settings) -> None:
    """Worker processes of the caller's own may live on for a while."""
    reader, writer = os.pipe()

    def open_and_die() -> None:
        ledger = Ledger.of(campaign)
        claim(store_of(ledger, campaign), 2)
        in_child(lambda: os.read(reader, 1))
        os.kill(os.getpid(), signal.SIGKILL)

    try:
        os.waitpid(in_child(open_and_die), 0)
        with Ledger.of(campaign) as ledger:
            assert counts(store_of(ledger, campaign)) == {"pending": 2}
    finally:
        os.write(writer, b"end")
        os.close(writer)
        os.close(reader)


def test_a_ledger_in_memory_has_no_guard() -> None:
    guard = Unguarded()
    guard.confirm()
    guard.keep()
    guard.note_sent({State.SENT: 1})
    with Ledger.memory() as ledger:
        assert ledger.notice == ""


class _NotedBeats(Unmarked):
    def __init__(self) -> None:
        self.beats: list[int] = []

    def write(self, beat: int) -> None:
        self.beats.append(beat)


def test_a_mark_is_not_ahead_of_what_was_committed(tmp_path: Path) -> None:
    """Another thread begins its transaction between the commit of this one and its mark."""
    path = tmp_path / "spring.db"
    with closing(open_database(path, LEDGER)) as database:
        fence, noted = Fence(this_process(boot_id())), _NotedBeats()
        fence.take(database, path)
        guard = LedgerGuard(path, Lock(tmp_path / "spring.lock"), fence, noted)

        def renew() -> None:
            with database.begin() as connection:
                guard.inside(connection)

        renew()
        other = threading.Thread(target=renew)
        other.start()
        other.join()
        guard.after()
        assert (noted.beats, fence.row.beat) == ([1], 2)
        fence.give_back(database)
