"""The suppression list: addresses that get no message, a CSV file with the column `email`.

Each campaign has its own list, in the file `suppress` under [recipients]. Its other columns (a
reason, a date, the user's own notes) are kept. Addresses are compared by identity, so another
spelling of an address matches too. Every change writes a whole new file (mode 0600), syncs it to
disk and replaces the old file with it: after a crash there is the old list or the new one. A lock
beside the list keeps two changes apart, in all processes: the unsubscribe server adds addresses
at any time (suppression_writer.py).
"""

from __future__ import annotations

import csv
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from mailmerge.errors import AddressError, SpreadsheetError
from mailmerge.language import tr
from mailmerge.library_messages import hint_for_held, system_reason
from mailmerge.portable.locks import system_locking
from mailmerge.portable.syncing import sync_to_disk
from mailmerge.private_files import open_private
from mailmerge.recipients.address import parse_mailbox
from mailmerge.recipients.input_file import find_campaign_file
from mailmerge.recipients.spreadsheet import read_spreadsheet
from mailmerge.settings import RecipientsSection, Settings

_COLUMN = "email"
_LOCK_SECONDS = 10.0
_LOCK_PAUSE = 0.005
_COLUMNS = (_COLUMN, "reason", "date")


@dataclass(frozen=True, slots=True)
class Suppression:
    """One row of the list: the identity of the address, and its cells by column."""

    identity: str
    cells: dict[str, str] = field(hash=False)

    @property
    def address(self) -> str:
        """The address in the spelling of the list."""
        return self.cells[_COLUMN]


class SuppressionList:
    """One suppression list; every call reads the file, so it may change in between.

    All methods raise SpreadsheetError if the file is not such a list, or one of its cells is not
    an address. Ignoring that cell could send mail to an address that must get none.
    """

    def __init__(self, path: Path, file: str = "") -> None:
        """The list at `path`, which need not exist; `file` is its name in messages."""
        self._path = path
        self._file = file or path.name

    @classmethod
    def of(cls, campaign: Settings) -> SuppressionList:
        """The list of a campaign; it raises SpreadsheetError if a link leads out of the folder."""
        file = campaign.recipients.suppress
        return cls(find_campaign_file(campaign.folder, file), file)

    def entries(self) -> list[Suppression]:
        """The rows in their order; none if there is no file."""
        return self._read()[1]

    def identities(self) -> frozenset[str]:
        """The identities of all addresses on the list."""
        return frozenset(entry.identity for entry in self.entries())

    def add(
        self, addresses: Iterable[str], *, reason: str = "", today: date | None = None
    ) -> list[str]:
        """Add addresses and return those that were not on the list yet, in normal form.

        Raises:
            AddressError: one of them is not an address; then none is added.
        """
        noted = {"reason": reason, "date": today.isoformat() if today else ""}
        wanted = [parse_mailbox(address, names=True) for address in addresses]
        return self._add(
            Suppression(box.identity, {_COLUMN: box.address, **noted}) for box in wanted
        )

    def add_from(self, path: Path, column: str = _COLUMN) -> list[str]:
        """Add the addresses of any spreadsheet, with its other columns; return those that are new.

        Raises:
            SpreadsheetError: also where that spreadsheet cannot be read, or one of its cells is not
                an address; then none is added.
        """
        return self._add(_entries(path, path.name, column)[1])

    def remove(self, addresses: Iterable[str]) -> list[str]:
        """Remove addresses in any spelling; return those that were on the list.

        Raises:
            AddressError: one of them is not an address; then none is removed.
        """
        unwanted = {parse_mailbox(address, names=True).identity for address in addresses}
        with self.locked():
            return self._remove(unwanted)

    def _remove(self, unwanted: set[str]) -> list[str]:
        columns, entries = self._read()
        removed = [entry.address for entry in entries if entry.identity in unwanted]
        if removed:
            self._write(columns, [e for e in entries if e.identity not in unwanted])
        return removed

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the list, to change it; at most 10 seconds pass until it is free.

        Raises:
            SpreadsheetError: another program holds it, or the folder cannot be written.
        """
        end = time.monotonic() + _LOCK_SECONDS
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            while (lock := _take(self._lock_file)) is None:
                if time.monotonic() > end:
                    hint = tr("the list is unchanged; allow the program to write there")
                    raise self._unwritable(tr("another program is changing it"), hint)
                time.sleep(_LOCK_PAUSE)
        except OSError as error:
            raise self._refused(error) from error
        try:
            yield
        finally:
            removed = self._remove_lock_file()
            os.close(lock)
            if not removed:  # Windows removes no open file, so never one that the next holder has
                self._remove_lock_file()

    def _remove_lock_file(self) -> bool:
        try:
            self._lock_file.unlink()
        except OSError:
            return False
        return True

    @property
    def _lock_file(self) -> Path:
        return self._path.with_name(f".{self._path.name}.lock")

    def rewrite(self) -> tuple[str, ...]:
        """Write the list in its plain form, UTF-8 with commas, and return its columns.

        The caller holds the lock. Raises SpreadsheetError.
        """
        columns, entries = self._read()
        self._write(columns, entries)
        return columns

    def _read(self) -> tuple[tuple[str, ...], list[Suppression]]:
        if not self._path.exists() or not self._path.stat().st_size:
            return _COLUMNS, []
        try:
            return _entries(self._path, self._file, _COLUMN)
        except SpreadsheetError as error:
            if error.problem.code != "no-column":
                raise
            # The hint of a spreadsheet names keys of [recipients], which are not about this file.
            hint = tr('call the column with the addresses "{column}" in this file', column=_COLUMN)
            raise SpreadsheetError.from_problem(replace(error.problem, hint=hint)) from error

    def _add(self, wanted: Iterable[Suppression]) -> list[str]:
        wanted = list(wanted)  # an address that is wrong is found before the lock is taken
        with self.locked():
            return self._add_locked(wanted)

    def _add_locked(self, wanted: Iterable[Suppression]) -> list[str]:
        columns, entries = self._read()
        known = {entry.identity for entry in entries}
        new: dict[str, Suppression] = {}
        for entry in wanted:
            if entry.identity not in known:
                new.setdefault(entry.identity, entry)
        if new:
            more = (name for entry in new.values() for name in entry.cells)
            self._write(tuple(dict.fromkeys((*columns, *more))), [*entries, *new.values()])
        return [entry.address for entry in new.values()]

    def _write(self, columns: Sequence[str], entries: Iterable[Suppression]) -> None:
        try:
            _replace(self._path, columns, entries)
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> SpreadsheetError:
        hint = tr("the list is unchanged; allow the program to write there")
        return self._unwritable(system_reason(error), hint_for_held(error, hint))

    def _unwritable(self, reason: str, hint: str) -> SpreadsheetError:
        return SpreadsheetError(
            tr("cannot be written: {reason}", reason=reason),
            file=self._file, code="unwritable", hint=hint,
        )  # fmt: skip


def read_suppressions(campaign: Settings) -> frozenset[str]:
    """The identities of the addresses to which a campaign sends nothing.

    Raises:
        SpreadsheetError: as for `SuppressionList`.
    """
    return SuppressionList.of(campaign).identities()


def _take(path: Path) -> int | None:
    """The descriptor of a lock file that is held now; None if another program holds it.

    The holder removes the file. So a lock counts only while its file still has this name.
    """
    lock = open_private(path, "update")
    with suppress(FileNotFoundError):
        if system_locking().lock(lock) and os.path.samestat(os.fstat(lock), path.stat()):
            return lock
    os.close(lock)
    return None


def _entries(path: Path, file: str, address: str) -> tuple[tuple[str, ...], list[Suppression]]:
    """The columns and rows of any spreadsheet with a column of addresses."""
    spreadsheet = read_spreadsheet(path, RecipientsSection(address=address), file)
    column = spreadsheet.column(address)
    entries = []
    try:
        for row in spreadsheet.rows():
            cells = {
                (_COLUMN if name == column else name): text for name, text in row.cells.items()
            }
            entries.append(_entry(cells, spreadsheet.file, row.number, column))
    except SpreadsheetError as error:
        if error.problem.code != "no-recipients":
            raise
    columns = tuple(_COLUMN if name == column else name for name in spreadsheet.columns)
    return columns, entries


def _entry(cells: dict[str, str], file: str, row: int, column: str) -> Suppression:
    try:
        return Suppression(parse_mailbox(cells[_COLUMN], names=True).identity, cells)
    except AddressError as error:
        problem = replace(error.problem, file=file, row=row, column=column)
        raise SpreadsheetError.from_problem(problem) from error


def _replace(path: Path, columns: Sequence[str], entries: Iterable[Suppression]) -> None:
    """Write the list into a new file, sync it to disk, and replace the old file with it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # mkstemp makes the file with mode 0600 and never follows a link.
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(descriptor, "w", encoding="utf-8", newline="") as stream:  # noqa: PTH123
            writer = csv.DictWriter(stream, columns, restval="")
            writer.writeheader()
            writer.writerows(entry.cells for entry in entries)
            stream.flush()
            sync_to_disk(stream.fileno())
        Path(name).replace(path)
        _sync_folder(path.parent)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return  # Windows cannot open folders, and its file system keeps names in a journal
    try:
        sync_to_disk(descriptor)
    finally:
        os.close(descriptor)
