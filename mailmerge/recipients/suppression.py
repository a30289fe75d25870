"""The list of people who are never written to: a CSV with the column `email`, in the campaign.

In and out: the file `suppress` under [recipients]. Whatever other columns stand in it (a reason, a
date, notes of somebody's own) are kept. It is compared by identity, so no other spelling of an
address gets past it. Every change writes the whole file anew beside the old one and puts it in its
place at once (mode 0600): after a crash there is the old list or the new one.
"""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from mailmerge.campaign import Campaign, RecipientsSection
from mailmerge.errors import AddressError, SpreadsheetError
from mailmerge.recipients.address import parse_mailbox
from mailmerge.recipients.spreadsheet import read_spreadsheet

_COLUMN = "email"
_COLUMNS = (_COLUMN, "reason", "date")


@dataclass(frozen=True, slots=True)
class Suppression:
    """One person who is never written to: the identity, and the cells of the list by column."""

    identity: str
    cells: dict[str, str] = field(hash=False)

    @property
    def address(self) -> str:
        """The address as it was written into the list."""
        return self.cells[_COLUMN]


def list_suppressions(campaign: Campaign) -> list[Suppression]:
    """The list in its order; empty where there is no file.

    Raises:
        SpreadsheetError: the file is no such list, or holds an address that is none: to pass over
            it might mean to write to somebody who must not be written to.
    """
    return _read(campaign)[1]


def read_suppressions(campaign: Campaign) -> frozenset[str]:
    """The identities of all who are never written to.

    Raises:
        SpreadsheetError: as for `list_suppressions`.
    """
    return frozenset(entry.identity for entry in list_suppressions(campaign))


def add_suppressions(
    campaign: Campaign, addresses: Iterable[str], *, reason: str = "", today: date | None = None
) -> list[str]:
    """Put addresses on the list; returns those that were not there yet, in normal form.

    Raises:
        AddressError: one of them is no address; then none is added.
        SpreadsheetError: as for `list_suppressions`.
    """
    noted = {"reason": reason, "date": today.isoformat() if today else ""}
    wanted = [parse_mailbox(address, names=True) for address in addresses]
    new = [Suppression(box.identity, {_COLUMN: box.address, **noted}) for box in wanted]
    return _add(campaign, new)


def remove_suppressions(campaign: Campaign, addresses: Iterable[str]) -> list[str]:
    """Take addresses off the list, whatever their spelling; returns those that stood on it.

    Raises:
        AddressError: one of them is no address; then none is removed.
        SpreadsheetError: as for `list_suppressions`.
    """
    unwanted = {parse_mailbox(address, names=True).identity for address in addresses}
    columns, entries = _read(campaign)
    removed = [entry.address for entry in entries if entry.identity in unwanted]
    if removed:
        _write(campaign, columns, [e for e in entries if e.identity not in unwanted])
    return removed


def import_suppressions(campaign: Campaign, path: Path, column: str = _COLUMN) -> list[str]:
    """Add everybody of any spreadsheet, with its other columns; returns who is new.

    Raises:
        SpreadsheetError: the spreadsheet cannot be read, or one of its addresses is none; then
            nobody is added.
    """
    section = RecipientsSection(file=path.name, address=column)
    return _add(campaign, _entries(path, section)[1])


def _file(campaign: Campaign) -> Path:
    return campaign.folder / campaign.recipients.suppress


def _read(campaign: Campaign) -> tuple[tuple[str, ...], list[Suppression]]:
    path = _file(campaign)
    if not path.exists() or not path.stat().st_size:
        return _COLUMNS, []
    return _entries(path, RecipientsSection(file=campaign.recipients.suppress, address=_COLUMN))


def _entries(path: Path, section: RecipientsSection) -> tuple[tuple[str, ...], list[Suppression]]:
    spreadsheet = read_spreadsheet(path, section, section.file)
    column = spreadsheet.column(section.address)
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
        problem = error.problem
        raise SpreadsheetError(
            problem.message,
            hint=problem.hint,
            code=problem.code,
            file=file,
            row=row,
            column=column,
        ) from error


def _add(campaign: Campaign, wanted: Iterable[Suppression]) -> list[str]:
    columns, entries = _read(campaign)
    known = {entry.identity for entry in entries}
    new: dict[str, Suppression] = {}
    for entry in wanted:
        if entry.identity not in known:
            new.setdefault(entry.identity, entry)
    if new:
        more = (name for entry in new.values() for name in entry.cells)
        _write(campaign, tuple(dict.fromkeys((*columns, *more))), [*entries, *new.values()])
    return [entry.address for entry in new.values()]


def _write(campaign: Campaign, columns: Sequence[str], entries: Iterable[Suppression]) -> None:
    path = _file(campaign)
    try:
        _replace(path, columns, entries)
    except OSError as error:
        raise SpreadsheetError(
            f"cannot be written: {error.strerror}",
            file=campaign.recipients.suppress,
            hint="the list is as it was before",
            code="unwritable",
        ) from error


def _replace(path: Path, columns: Sequence[str], entries: Iterable[Suppression]) -> None:
    """Write the list beside the old one, make it durable, and put it in its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # mkstemp makes the file 0600 and refuses to follow what lies there already.
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(descriptor, "w", encoding="utf-8", newline="") as stream:  # noqa: PTH123
            writer = csv.DictWriter(stream, columns, restval="")
            writer.writeheader()
            writer.writerows(entry.cells for entry in entries)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
        _sync_folder(path.parent)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
