"""A database and its transactions; every table of mailmerge is read and written through it.

    Engine of SQLAlchemy -> Database -> SqlStore, Journaled, Quotas

Each thread has one transaction at a time. A transaction that begins inside another one joins it, so
that several steps become one durable write. An error of the database becomes one clear line. After
a write has failed, `failure` holds the reason, and nothing more may be sent.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, Literal, Protocol

from sqlalchemy import Connection, Engine, Update
from sqlalchemy.exc import DBAPIError, NoResultFound, NoSuchTableError

from mailmerge.errors import LedgerError, LedgerHeld
from mailmerge.language import tr

Purpose = Literal["opened", "read", "written"]
"""The purpose of a transaction, as an error message says it: "cannot be read"."""


class RowDamaged(Exception):
    """A row has a value that was never written; `str()` says which."""


Explain = Callable[[Purpose, Exception], LedgerError]
"""Turns an error of the database, or RowDamaged, into one line with a fix."""

Observer = Callable[[str], None]
"""Called before and after each durable step with "before commit", "after commit", and so on.

Tests inject faults here: an observer may end the process, or raise OSError as a full disk does.
"""


@contextmanager
def observed(observer: Observer | None, step: str) -> Iterator[None]:
    """Call the observer, if there is one, before and after a step."""
    if observer is not None:
        observer(f"before {step}")
    yield
    if observer is not None:
        observer(f"after {step}")


class Guard(Protocol):
    """Decides at each write whether this process may still write.

    `before` and `inside` raise LedgerError if it may not. The error becomes `Database.failure`.
    """

    def before(self) -> None:
        """Called before a transaction that writes begins."""
        ...

    def inside(self, connection: Connection) -> None:
        """Called in the transaction, before the first statement of the caller."""
        ...

    def after(self) -> None:
        """Called after the transaction was committed."""
        ...


class _Refusal:
    """The guard of a database that another process uses: no write is allowed."""

    def __init__(self, error: LedgerError) -> None:
        self._error = error

    def before(self) -> None:
        raise self._error

    def inside(self, connection: Connection) -> None:
        del connection

    def after(self) -> None:
        pass


_of_parents: Final[list[object]] = []
"""Connections that a child process has inherited; it must not close them."""


class Database:
    """Transactions on one engine, from any thread.

    Attributes:
        failure: the error of the first write that failed, or None.
        guard: asked at each transaction that writes; None for a database that needs no guard.
    """

    def __init__(
        self,
        engine: Engine,
        explain: Explain,
        observer: Observer | None = None,
        settle: Callable[[Engine], bool] = lambda _: True,
    ) -> None:
        self._engine = engine
        self._settle = settle
        self._explain = explain
        self._observer = observer
        self._own = threading.local()
        self.failure: LedgerError | None = None
        self.guard: Guard | None = None

    @contextmanager
    def begin(self, purpose: Purpose = "written") -> Iterator[Connection]:
        """Begin a transaction; it is committed at the end, and rolled back after an error.

        Raises:
            LedgerError: the database cannot be read or written.
        """
        outer: Connection | None = getattr(self._own, "connection", None)
        if outer is not None:
            yield outer
            return
        guard = self.guard if purpose == "written" else None
        try:
            if guard is not None:
                self._asked(guard.before)
            with self._connected() as connection:
                transaction = connection.begin()
                try:
                    if guard is not None:
                        self._asked(partial(guard.inside, connection))
                    yield connection
                except BaseException:
                    transaction.rollback()
                    raise
                if purpose == "read":
                    transaction.commit()
                else:
                    with observed(self._observer, "commit"):
                        transaction.commit()
            if guard is not None:
                guard.after()
        except UnicodeDecodeError as error:
            # SQLite quotes a damaged name or statement in a message that Python cannot decode.
            raise self.damage(tr("it has text that is not UTF-8")) from error
        except (DBAPIError, NoResultFound, NoSuchTableError, RowDamaged) as error:
            failure = self._explain(purpose, error)
            if purpose == "written":
                self.failure = self.failure or failure
            raise failure from error

    def _asked(self, question: Callable[[], None]) -> None:
        try:
            question()
        except LedgerError as refusal:
            self.failure = self.failure or refusal
            raise

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        with self._engine.connect() as connection:
            self._own.connection = connection
            try:
                yield connection
            finally:
                self._own.connection = None

    def settle(self) -> bool:
        """Move committed changes to their last place; call it outside of transactions.

        Returns False if that was not possible now. It never raises.
        """
        try:
            return self._settle(self._engine)
        except DBAPIError:
            return False

    def damage(self, reason: str) -> LedgerError:
        """Return the error for damage of this database."""
        return self._explain("read", RowDamaged(reason))

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def abandon(self) -> None:
        """Use no connection of the parent in a child process, and write no more if it is guarded.

        To close such a connection could change files that the parent uses.
        """
        _of_parents.append(self._engine.pool)
        self._engine.dispose(close=False)
        if self.guard is not None:
            self.failure = LedgerHeld(
                tr(
                    "the ledger belongs to the process that opened it, and not to its child "
                    "processes"
                ),
                hint=tr("open it in the process that sends"),
            )
            self.guard = _Refusal(self.failure)


class Bulk:
    """An UPDATE that runs for many rows at once.

    The rows are tuples in the order of the statement's parameters. They bypass SQLAlchemy Core,
    which takes 5 us for each row. Core still compiles the SQL for the dialect of the connection.
    """

    def __init__(self, statement: Update) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, Sequence[str], bool]] = {}

    def run(self, connection: Connection, rows: Iterable[Sequence[object]]) -> None:
        """Run the UPDATE once for each row of parameters."""
        sql, names, positional = self._for(connection)
        values: list[Any] = list(rows)
        if not positional:
            values = [dict(zip(names, row, strict=True)) for row in values]
        if values:
            connection.exec_driver_sql(sql, values)

    def _for(self, connection: Connection) -> tuple[str, Sequence[str], bool]:
        dialect = connection.dialect
        if dialect.name not in self._compiled:
            compiled = self._statement.compile(dialect=dialect)
            names = list(compiled.positiontup or compiled.bind_names.values())
            self._compiled[dialect.name] = (str(compiled), names, bool(compiled.positional))
        return self._compiled[dialect.name]
