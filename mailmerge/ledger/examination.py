"""A ledger examined as it is, however damaged: what is wrong, and what can still be read.

Nothing here changes the ledger. SQLite writes to a database that it opens after a crash, and even
removes its log if the database is empty, so all work is done on a copy of the files.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from mailmerge.errors import LedgerError
from mailmerge.language import marked, tr
from mailmerge.ledger import claims
from mailmerge.ledger.campaigns import CampaignRecord, all_campaigns
from mailmerge.ledger.checksums import has_right_state
from mailmerge.ledger.evidence import examine
from mailmerge.ledger.integrity import problems_of
from mailmerge.ledger.journal_file import JournalFiles
from mailmerge.ledger.migrations import LEDGER
from mailmerge.ledger.refused_copies import RefusedCopy, from_text
from mailmerge.ledger.sqlite import read_database
from mailmerge.ledger.states import Recovery, State, Transition, reported
from mailmerge.wording import counted

DATABASE: Final = f"SQLite {sqlite3.sqlite_version}"
"""The database that ledgers are kept in, and its version, for users."""


_PARTS: Final = (marked("database"), marked("recipients"), marked("journal"))
"""The parts of a ledger, which have translations; programs read them in English."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One part of a ledger: whether it is whole, and what was found."""

    part: str
    whole: bool
    text: str


@dataclass(frozen=True, slots=True)
class Salvaged:
    """A row that could be read. `whole` is False if its content is not as it was written.

    Times are in seconds since 1970; a value that is not of its type is None or "".
    """

    row: int | None
    key: str
    address: str
    state: str
    changed_at: float | None
    attempts: int | None
    reply: str
    message_id: str
    date: float | None
    whole: bool
    server_id: str = ""
    copies_refused: tuple[RefusedCopy, ...] = ()


@dataclass(frozen=True, slots=True)
class Examination:
    """What is wrong with a ledger, and what can be read of it.

    Attributes:
        findings: one or more for each part.
        states: how many recipients are in each state after the next recovery; None if the ledger
            cannot be opened.
        recovery: what the next recovery cannot determine; None if all is known.
        rows: every row that can be read, by its id.
    """

    findings: tuple[Finding, ...]
    states: Mapping[State, int] | None
    recovery: Recovery | None
    rows: tuple[Salvaged, ...] = field(repr=False)

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return all(one.whole for one in self.findings)


def examine_ledger(
    path: Path,
    journal: Callable[[int], JournalFiles],
    journals: Sequence[JournalFiles],
    boot_id: str,
) -> Examination:
    """Examine the database at `path` and its journals when no process is sending.

    `journal` returns the journal of the campaign with an id; `journals` are all that have files.
    Raises OSError if the files cannot be copied.
    """
    with _copied(path) as copy:
        findings = [Finding("database", False, problem) for problem in _structure(copy)]
        states: Mapping[State, int] | None = None
        recovery: Recovery | None = None
        try:
            more, states, recovery = _opened(copy, journal, boot_id)
            findings += more
        except LedgerError as error:
            if not findings:
                findings.append(Finding("database", False, error.problem.message))
        if not any(one.part == "database" for one in findings):
            findings.insert(0, Finding("database", True, tr("structure, indexes and checksums")))
        known = _journal_states(journals)
        rows = tuple(_salvaged(row, known) for row in _rows(copy))
    return Examination(tuple(findings), states, recovery, rows)


@contextmanager
def _copied(path: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mailmerge-doctor-") as folder:
        for name in (path.name, f"{path.name}-wal", f"{path.name}-journal"):
            if path.with_name(name).exists():
                shutil.copyfile(path.with_name(name), Path(folder) / name)
        yield Path(folder) / path.name


@contextmanager
def _raw(copy: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(copy)) as connection:
        connection.text_factory = lambda content: content.decode("utf-8", "replace")
        yield connection


def _structure(copy: Path) -> list[str]:
    """Return what SQLite finds wrong."""
    if not copy.exists():
        return [tr("the file is missing")]
    if not copy.stat().st_size:
        return [tr("the file is empty")]
    try:
        with _raw(copy) as connection:
            rows = connection.execute("PRAGMA integrity_check(20)").fetchall()
    except sqlite3.Error as error:
        return [str(error)]
    return [line for (text,) in rows if text != "ok" for line in str(text).splitlines()]


_Opened = tuple[list[Finding], Mapping[State, int] | None, Recovery | None]


def _opened(copy: Path, journal: Callable[[int], JournalFiles], boot_id: str) -> _Opened:
    """Open the copy as `status` does, and compare it with the journals.

    Raises:
        LedgerError: it cannot be opened.
    """
    database = read_database(copy, LEDGER)
    if database is None:
        return [], None, None
    try:
        with database.begin("read") as connection:
            findings = [
                Finding("recipients", False, problem)
                for problem in problems_of(connection, structure=False)
            ]
            campaigns = all_campaigns(connection)
            if findings or not campaigns:
                return findings, None, None
        with database.begin("read") as connection:
            return _all_compared(
                _compared(connection, one, journal(one.id), boot_id) for one in campaigns
            )
    finally:
        database.close()


@dataclass(frozen=True, slots=True)
class _Compared:
    """A campaign of the database, compared with its journal."""

    states: Counter[State]
    journal: Finding
    doubt: str
    doubts: int


def _all_compared(campaigns: Iterable[_Compared]) -> _Opened:
    compared = list(campaigns)
    states = sum((one.states for one in compared), Counter[State]())
    findings = [Finding("recipients", True, counted(states.total(), "recipient"))]
    findings += [one.journal for one in compared]
    doubts = sum(one.doubts for one in compared)
    doubt = next((one.doubt for one in compared if one.doubt), "")
    return findings, reported(states), Recovery(doubt, doubts) if doubt else None


def _compared(
    connection: Connection, campaign: CampaignRecord, files: JournalFiles, boot_id: str
) -> _Compared:
    found = examine(connection, campaign, files, boot_id)
    states = Counter(claims.count_states(connection, campaign.id))
    changed = counted(len(found.latest), "recipient")
    journal = found.doubt or tr("{changed} changed since the last commit", changed=changed)
    if found.behind:
        journal = tr("restores commits that the database has lost; {journal}", journal=journal)
    current = claims.select_under_way(connection, campaign.id) | dict(found.latest)
    before = claims.select_transitions(connection, list(current))
    doubts = 0
    for number, last in current.items():
        after = found.ended(found.saved.get(number, last))
        states[before[number].state] -= 1
        states[after.state] += 1
        doubts += after.state is State.IN_DOUBT and bool(found.doubt)
    return _Compared(states, Finding("journal", not found.doubt, journal), found.doubt, doubts)


# --- what can be read

_WANTED: Final = (
    "id", "row", "key", "address", "state", "changed_at", "attempts", "reply", "message_id", "date",
    "doubts", "retry_at", "stage", "state_sum", "server_id",
    "copies_refused",
)  # fmt: skip
_FARTHEST: Final = 1 << 40
_MOST_GAPS: Final = 1000
"""Damaged places that are skipped; the steps over one of them double."""


def _rows(copy: Path) -> list[dict[str, Any]]:
    """Return the rows that SQLite can read, from both ends if a page in the middle is damaged."""
    if not copy.exists():
        return []
    try:
        with _raw(copy) as connection:
            for table in ("delivery", "person"):  # the second in the first edition
                columns = {one[1] for one in connection.execute(f"PRAGMA table_info({table})")}
                if columns.issuperset(_WANTED[:2]):
                    wanted = [name if name in columns else "NULL" for name in _WANTED]
                    return _scanned(connection, table, wanted)
    except sqlite3.Error:
        return []
    return []


def _scanned(connection: sqlite3.Connection, table: str, wanted: list[str]) -> list[dict[str, Any]]:
    names = ", ".join(f'"{name}"' if name != "NULL" else name for name in wanted)
    found: dict[int, tuple[Any, ...]] = {}
    # The names come from this module.
    query = f"SELECT {names} FROM {table} NOT INDEXED WHERE id {{}} ? ORDER BY id"  # noqa: S608
    if not _scan(connection, query.format(">"), 1, found):
        _scan(connection, f"{query.format('<')} DESC", -1, found)
    return [dict(zip(_WANTED, found[number], strict=True)) for number in sorted(found)]


def _scan(
    connection: sqlite3.Connection, query: str, direction: int, found: dict[int, tuple[Any, ...]]
) -> bool:
    """Read rows in one direction, over damaged places; whether all could be read."""
    last, step = -direction * _FARTHEST, 1
    for attempt in range(_MOST_GAPS):
        try:
            for row in connection.execute(query, (last,)):
                # Damaged pages can point to each other in a circle.
                if not isinstance(row[0], int) or abs(row[0]) > _FARTHEST:
                    break
                if (row[0] - last) * direction <= 0:
                    break
                last, step = row[0], 1
                found[last] = row
            else:
                return not attempt
        except sqlite3.Error:
            pass
        last, step = last + direction * step, step * 2
        if abs(last) > _FARTHEST:
            break
    return False


def _journal_states(journals: Iterable[JournalFiles]) -> dict[int, Transition]:
    """Return the newest transition of each delivery in all journal files that can be read."""
    newest: dict[int, Transition] = {}
    for files in journals:
        with suppress(OSError):
            for generation in files.generations()[:1]:
                transitions = files.read(generation, 0).transitions
                newest |= {one.delivery_id: one for one in transitions}
    return newest


def _salvaged(row: Mapping[str, Any], known: Mapping[int, Transition]) -> Salvaged:
    columns = [row[name] for name in ("id", "state", "changed_at", "attempts", "doubts")]
    columns += [row["retry_at"], row["stage"], row["reply"], row["server_id"] or ""]
    columns += [row["copies_refused"] or "", row["state_sum"]]
    whole = row["state_sum"] is None or has_right_state(columns)
    state, changed_at, reply = row["state"], row["changed_at"], row["reply"]
    server_id, copies = row["server_id"], _copies(row["copies_refused"])
    last = known.get(row["id"])
    if last is not None and (not whole or last.at >= _as(float, changed_at, 0.0)):
        state, changed_at, reply = last.state.value, last.at, last.reply
        server_id, copies = last.server_id, last.copies_refused
    return Salvaged(
        row=_as(int, row["row"], None),
        key=_as(str, row["key"], ""),
        address=_as(str, row["address"], ""),
        state=_as(str, state, ""),
        changed_at=_as(float, changed_at, None),
        attempts=_as(int, row["attempts"], None),
        reply=_as(str, reply, ""),
        message_id=_as(str, row["message_id"], ""),
        date=_as(float, row["date"], None),
        whole=whole,
        server_id=_as(str, server_id, ""),
        copies_refused=copies,
    )


def _copies(text: object) -> tuple[RefusedCopy, ...]:
    """Return the refused copies, as far as they can be read."""
    try:
        return from_text(_as(str, text, ""))
    except ValueError:
        return ()


def _as(kind: Callable[[Any], Any], value: object, otherwise: Any) -> Any:
    """Return the value if it is of this type."""
    return value if isinstance(value, kind) else otherwise  # type: ignore[arg-type]  # a class
