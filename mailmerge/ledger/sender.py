"""One sender: the row of the ledger that says which process may write it.

The locks of the system (lock.py) keep a second process away as long as both see the same lock file
on the same machine. A lock file can be removed. A folder can be copied while it is sent. Locks of a
network disk may not reach the other machine. So the database itself has the last word:

1. *Take.* Opening a ledger for sending writes a new token into the row, together with the process.
2. *Renew.* Each transaction that writes first renews the row, on the condition that the token is
   still there. Without it nothing is written, and the process may not send anything more.
3. *Confirm.* A renewal is good for `_FRESH` seconds. A message may leave only within this time; a
   process that has slept renews the row first.

When may a second process take the row of the first?

* The first closed the ledger: at once.
* The first is on this machine, in this boot: when it does not run any more. This needs no time, so
  `send` resumes at once after a crash.
* The first is on another machine: when `_EXPIRY` seconds have passed since its last renewal, and
  then `_WATCH` seconds more without a renewal. The clocks of the machines may differ, so the second
  time is measured by the renewals themselves. It is longer than `_FRESH`: if the first did not
  renew meanwhile, it has to renew before its next message, and will find another token.
* The first was on this machine in an earlier boot: after `_WATCH` seconds without a renewal. It has
  ended with that boot, unless another machine has the same name.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, bindparam, insert, select, update

from mailmerge.errors import LedgerError, LedgerHeld
from mailmerge.language import tr
from mailmerge.ledger.database import Database, RowDamaged
from mailmerge.ledger.lock import Owner, held_by
from mailmerge.ledger.schema import sender
from mailmerge.portable.boot import same_boot
from mailmerge.portable.clock import local_time, wall_clock
from mailmerge.portable.files import Identity, file_identity
from mailmerge.portable.processes import abandon_in_children, process_start, same_process

_EXPIRY: Final = 60.0
"""Seconds after its last renewal during which a process on another machine keeps the row."""
_LATEST: Final = 600.0
"""The expiry of a row is at most this many seconds ahead, unless the clocks differ by minutes."""
_FRESH: Final = 5.0
"""Seconds after its last renewal during which a process may send."""
_RENEW_AFTER: Final = 2.0
"""Seconds after which a process without anything to write renews the row nevertheless."""
_WATCH: Final = 6.0
"""Seconds without a renewal after which the row of another machine may be taken."""
_LOOK: Final = 0.5
"""Seconds between two looks at the row of another machine."""

_live: Final[dict[str, Identity | None]] = {}
"""The ledgers that this process has open: the token of each, and the identity of its file."""


@dataclass(frozen=True, slots=True)
class SenderRow:
    """The row of the database.

    Attributes:
        identity: the name of this ledger for ever, also if it is moved or copied.
        generation: the number of openings for sending.
        token: the present opening; "" if the ledger was closed.
        beat: the number of renewals, which only grows.
        until: when the row of another machine expires (seconds since 1970).
        owner: the process of the present or the last opening.
    """

    identity: str
    generation: int
    token: str
    beat: int
    until: float
    owner: Owner


class Verdict(Enum):
    """Whether a process may take the row of another one."""

    FREE = auto()
    HELD = auto()
    WATCH = auto()


def judge(row: SenderRow, own: Owner, now: float, runs: Callable[[SenderRow], bool]) -> Verdict:
    """Decide whether the process `own` may take this row at `now` (seconds since 1970).

    `runs` tells whether a process of this machine and boot still has the ledger open. WATCH means:
    if the row is not renewed for a while.
    """
    if not row.token:
        return Verdict.FREE
    same_host = row.owner.host == own.host
    if same_host and same_boot(row.owner.boot_id, own.boot_id):
        return Verdict.HELD if runs(row) else Verdict.FREE
    # An expiry that is too far away is damaged, or from a machine whose clock is ahead.
    valid = now < row.until <= now + _LATEST
    return Verdict.HELD if valid and not same_host else Verdict.WATCH


def runs_here(row: SenderRow) -> bool:
    """Whether the process of this row, which is of this machine and boot, has the ledger open."""
    if row.owner.pid == os.getpid():
        return row.token in _live
    return same_process(row.owner.started, process_start(row.owner.pid))


def refuse_if_open_here(file: Path) -> None:
    """Raise LedgerHeld if this process has the database in `file` open for sending.

    Call it before the file is opened in any other way than by SQLite: to close it would release
    SQLite's locks on it, which belong to the process (fcntl(2)).
    """
    identity = file_identity(file)
    if identity is not None and identity[1] and identity in _live.values():
        raise held_by(this_process(""))


def this_process(boot_id: str) -> Owner:
    """Return the present process as an owner."""
    pid = os.getpid()
    return Owner(pid, socket.gethostname(), boot_id, time.time(), process_start(pid) or "")


def read_sender(connection: Connection) -> SenderRow | None:
    """Return the row; None if the ledger was never opened for sending.

    Raises:
        RowDamaged: a value is of another type, or no possible number.
    """
    query = select(
        sender.c.identity, sender.c.generation, sender.c.token, sender.c.beat, sender.c.until,
        sender.c.pid, sender.c.host, sender.c.boot_id, sender.c.since, sender.c.started,
    )  # fmt: skip
    row = connection.execute(query).first()
    if row is None:
        return None
    if not all(map(_is_possible, row, _TYPES)):
        raise RowDamaged(tr("the record of the sending process is not as it was written"))
    identity, generation, token, beat, until, *owner = row
    return SenderRow(identity, generation, token, beat, until, Owner(*owner))


_TYPES: Final = (str, int, str, int, float, int, str, str, float, str)
_LARGEST: Final = 1e10
"""More than any of the numbers: seconds since 1970 up to the year 2286, and counts."""


def _is_possible(value: object, kind: type) -> bool:
    """Whether a value of the row is of its type and, if it is a number, of a possible size."""
    if not isinstance(value, kind):
        return False
    return not isinstance(value, int | float) or 0 <= value < _LARGEST


def sending_now(connection: Connection, boot_id: str) -> Owner | None:
    """Return the process that has the ledger open for sending, as far as its row tells."""
    row = read_sender(connection)
    if row is None:
        return None
    verdict = judge(row, this_process(boot_id), time.time(), runs_here)
    return row.owner if verdict is Verdict.HELD else None


_RENEW: Final = (
    update(sender)
    .where(sender.c.token == bindparam("own"))
    .values(beat=bindparam("next"), until=bindparam("expiry"))
)


class Fence:
    """The right of this process to write one ledger, kept in its row.

    Attributes:
        row: the row as this process has written it last.
        found_beat: the beat of the row when it was taken.
    """

    def __init__(self, owner: Owner, *, clock: Callable[[], float] | None = None) -> None:
        """`clock` counts seconds, also while the machine sleeps."""
        self._owner = owner
        self._clock = clock or wall_clock()
        self._renewed_at = 0.0
        self.found_beat = 0
        self.row = SenderRow("", 0, "", 0, 0.0, owner)

    def take(
        self,
        database: Database,
        file: Path | None = None,
        *,
        sleep: Callable[[float], Any] = time.sleep,
    ) -> None:
        """Take the row of the database in `file`; on return, this process alone may write.

        Raises:
            LedgerHeld: another process has the ledger open.
            LedgerError: the ledger cannot be read or written.
        """
        watched: SenderRow | None = None
        waited = 0.0
        while True:
            with database.begin() as connection:
                row = read_sender(connection)
                verdict = self._verdict(row, watched, waited)
                if row is not None and verdict is Verdict.HELD:
                    raise held_by(row.owner)
                if verdict is Verdict.FREE:
                    self._write(connection, row)
                    break
            watched = row
            sleep(_LOOK)
            waited += _LOOK
        _live[self.row.token] = file_identity(file) if file is not None else None
        abandon_in_children(self)

    def abandon(self) -> None:
        """Leave the row alone in a child process: it names the parent."""
        _live.pop(self.row.token, None)

    def _verdict(self, row: SenderRow | None, watched: SenderRow | None, waited: float) -> Verdict:
        """Judge a row; `watched` is the row of the last look, `waited` the seconds of watching."""
        if row is None:
            return Verdict.FREE
        verdict = judge(row, self._owner, time.time(), runs_here)
        if verdict is not Verdict.WATCH:
            return verdict
        if watched not in {None, row}:
            return Verdict.HELD
        return Verdict.FREE if waited >= _WATCH else Verdict.WATCH

    def _write(self, connection: Connection, before: SenderRow | None) -> None:
        token = secrets.token_hex(8)
        moment = self._clock()
        until = time.time() + _EXPIRY
        if before is None:
            self.row = SenderRow(secrets.token_hex(16), 1, token, 0, until, self._owner)
        else:
            self.row = replace(
                before,
                generation=before.generation + 1,
                token=token,
                until=until,
                owner=self._owner,
            )
        self.found_beat = self.row.beat
        owner = self._owner
        values = {
            "identity": self.row.identity, "generation": self.row.generation, "token": token,
            "beat": self.row.beat, "until": until, "pid": owner.pid, "host": owner.host,
            "boot_id": owner.boot_id, "since": owner.since, "started": owner.started,
        }  # fmt: skip
        statement = insert(sender) if before is None else update(sender)
        connection.execute(statement.values(**values))
        self._renewed_at = moment

    def skip_to(self, beat: int) -> None:
        """Continue the beats after this one, which a newer ledger has reached."""
        self.row = replace(self.row, beat=max(beat, self.row.beat))

    def renew(self, connection: Connection) -> float:
        """Renew the row in the caller's transaction. Returns the moment for `renewed`.

        Raises:
            LedgerHeld: another process has taken the row; nothing more may be sent.
        """
        moment = self._clock()
        beat = self.row.beat + 1
        values = {"own": self.row.token, "next": beat, "expiry": time.time() + _EXPIRY}
        if not connection.execute(_RENEW, values).rowcount:
            raise _taken(read_sender(connection))
        self.row = replace(self.row, beat=beat)
        return moment

    def renewed(self, moment: float) -> None:
        """The transaction of the `renew` that returned this moment was committed."""
        self._renewed_at = max(moment, self._renewed_at)

    @property
    def fresh(self) -> bool:
        """Whether this process may send without renewing the row."""
        return self._clock() - self._renewed_at < _FRESH

    @property
    def due(self) -> bool:
        """Whether the row should be renewed although there is nothing to write."""
        return self._clock() - self._renewed_at >= _RENEW_AFTER

    def give_back(self, database: Database) -> None:
        """Clear the token, so that the next process may take the row. Calls after that are safe."""
        if self.row.token not in _live:
            return
        own = sender.c.token == self.row.token
        try:
            with database.begin() as connection:
                connection.execute(update(sender).where(own).values(token=""))
        except LedgerError:
            # The disk is full, or the file is gone. The row names a process that does not have the
            # ledger open any more, which is as good.
            return
        finally:
            _live.pop(self.row.token, None)


def _taken(row: SenderRow | None) -> LedgerHeld:
    """The error of a process that finds the token of another one."""
    if row is None or not row.token:
        return LedgerHeld(
            tr("another process has sent this campaign meanwhile"),
            hint=tr("nothing more is sent; send again to continue"),
        )
    since = local_time(row.owner.since)
    return LedgerHeld(
        tr("{owner} has taken over this campaign ({since:%H:%M:%S})", owner=row.owner, since=since),
        hint=tr("nothing more is sent here; wait for it to end, or stop it"),
    )
