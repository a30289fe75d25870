"""The row of the sender: who may take it, and what a process does that has lost it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from mailmerge.errors import LedgerError, LedgerHeld
from mailmerge.ledger.database import Database
from mailmerge.ledger.integrity import require_whole
from mailmerge.ledger.lock import Owner
from mailmerge.ledger.migrations import LEDGER
from mailmerge.ledger.schema import sender
from mailmerge.ledger.sender import (
    Fence,
    SenderRow,
    Verdict,
    judge,
    read_sender,
    refuse_if_open_here,
    runs_here,
    sending_now,
    this_process,
)
from mailmerge.ledger.sqlite import open_database
from mailmerge.portable.boot import boot_id
from tests.platforms import on_posix

HERE = Owner(100, "here", "boot-1", 0.0)
NOW = 1000.0


def row(owner: Owner, *, token: str = "t", until: float = NOW + 1) -> SenderRow:
    return SenderRow("id", 1, token, 5, until, owner)


@pytest.mark.parametrize(
    ("owner", "runs", "until", "verdict"),
    [
        (HERE, True, NOW - 99, Verdict.HELD),
        (HERE, False, NOW + 99, Verdict.FREE),
        (replace(HERE, host="there"), False, NOW + 1, Verdict.HELD),
        (replace(HERE, host="there", boot_id="boot-2"), True, NOW + 1, Verdict.HELD),
        (replace(HERE, host="there"), True, NOW - 1, Verdict.WATCH),
        (replace(HERE, host="there"), True, NOW + 9e8, Verdict.WATCH),
        (replace(HERE, boot_id="boot-2"), True, NOW + 1, Verdict.WATCH),
        (replace(HERE, boot_id=""), True, NOW + 1, Verdict.WATCH),
    ],
)
def test_the_row_is_judged_by_its_owner(
    owner: Owner, runs: bool, until: float, verdict: Verdict
) -> None:
    assert judge(row(owner, until=until), HERE, NOW, lambda _: runs) is verdict


def test_a_closed_ledger_is_free() -> None:
    assert judge(row(HERE, token=""), HERE, NOW, lambda _: True) is Verdict.FREE


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.sqlite"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    opened = open_database(path, LEDGER)
    yield opened
    opened.close()


@pytest.fixture
def fence(database: Database, path: Path) -> Iterator[Fence]:
    taken = Fence(this_process(boot_id()), clock=Clock())
    taken.take(database, path)
    yield taken
    taken.give_back(database)


def seen(database: Database) -> SenderRow:
    with database.begin("read") as connection:
        found = read_sender(connection)
    assert found is not None
    return found


def renew(fence: Fence, database: Database) -> None:
    with database.begin() as connection:
        moment = fence.renew(connection)
    fence.renewed(moment)


def test_each_renewal_is_one_beat(fence: Fence, database: Database) -> None:
    renew(fence, database)
    renew(fence, database)
    assert (seen(database).beat, fence.row.beat) == (2, 2)
    fence.skip_to(50)
    renew(fence, database)
    assert seen(database).beat == 51


@on_posix
def test_the_same_process_is_refused(fence: Fence, database: Database, path: Path) -> None:
    with pytest.raises(LedgerHeld, match="is being sent by process"):
        Fence(this_process(boot_id())).take(database)
    with pytest.raises(LedgerHeld):
        refuse_if_open_here(path)
    with database.begin("read") as connection:
        assert sending_now(connection, boot_id()) is not None
    fence.give_back(database)
    refuse_if_open_here(path)
    with database.begin("read") as connection:
        assert sending_now(connection, boot_id()) is None
    again = Fence(this_process(boot_id()))
    again.take(database)
    assert again.row.generation == 2
    assert again.row.identity == fence.row.identity
    again.give_back(database)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("until", "soon"),
        ("until", 1e300),
        ("pid", -1),
        ("beat", b"7"),
        ("host", b"x"),
        ("since", ""),
    ],
)
@pytest.mark.usefixtures("fence")
def test_a_damaged_row_is_one_clear_error(database: Database, column: str, value: object) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql(f"UPDATE sender SET {column} = ?", (value,))
    with pytest.raises(LedgerError, match="sending process is not"), database.begin() as connection:
        read_sender(connection)
    with pytest.raises(LedgerError, match="sending process is not"):
        require_whole(database)


def test_a_fence_that_lost_its_row_refuses_to_write(fence: Fence, database: Database) -> None:
    with database.begin() as connection:
        connection.execute(update(sender).values(token="other", host="there"))
    with pytest.raises(LedgerHeld, match=r"there.* has taken over this campaign"):
        renew(fence, database)


def test_a_fence_is_fresh_for_a_few_seconds(database: Database) -> None:
    clock = Clock()
    fence = Fence(this_process(boot_id()), clock=clock)
    fence.take(database)
    for now, fresh, due in ((1.0, True, False), (3.0, True, True), (6.0, False, True)):
        clock.now = now
        assert (fence.fresh, fence.due) == (fresh, due)
    renew(fence, database)
    assert (fence.fresh, fence.due) == (True, False)
    fence.give_back(database)


def abandoned(database: Database, host: str, until: float) -> None:
    """A process of another machine has ended without closing the ledger."""
    fence = Fence(this_process(boot_id()))
    fence.take(database)
    fence.give_back(database)
    with database.begin() as connection:
        connection.execute(update(sender).values(token="gone", host=host, until=until, beat=7))


def test_an_expired_row_of_another_machine_is_watched_and_taken(database: Database) -> None:
    abandoned(database, "there", until=0.0)
    pauses: list[float] = []
    fence = Fence(this_process(boot_id()))
    fence.take(database, sleep=pauses.append)
    assert sum(pauses) >= 6.0
    assert (fence.found_beat, seen(database).token) == (7, fence.row.token)
    fence.give_back(database)


def test_a_row_that_is_renewed_meanwhile_is_not_taken(database: Database) -> None:
    """The clock of the other machine is wrong: its row seems to have expired."""
    abandoned(database, "there", until=0.0)

    def beat(seconds: float) -> None:
        with database.begin() as connection:
            connection.execute(update(sender).values(beat=sender.c.beat + 1))

    with pytest.raises(LedgerHeld, match=r"is being sent by process .* on there"):
        Fence(this_process(boot_id())).take(database, sleep=beat)
    assert seen(database).token == "gone"


@on_posix
def test_a_reused_process_id_does_not_hold_the_row() -> None:
    stranger = replace(HERE, pid=1, started="not the start of process 1")
    assert not runs_here(row(stranger))
    assert runs_here(row(replace(stranger, started="")))
