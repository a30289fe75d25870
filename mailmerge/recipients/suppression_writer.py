"""Adds addresses to a suppression list, thousands a second, each on disk before it is confirmed.

The problem. `SuppressionList.add` writes the whole list again, and a sync takes milliseconds. A
server cannot do either for each request.

The idea. One thread takes all addresses that wait, appends their rows to the file in one write, and
syncs once. Then it confirms all of them. The more requests wait, the more share a sync.

What can go wrong, and the answer:

1. The process is killed. Only rows that were synced are confirmed, so a confirmed address is in the
   file. A row that was written and not confirmed is harmless.
2. Another process changes the list at the same time: `mailmerge suppress`, a second server, an
   editor. The lock of the list keeps the programs apart. Each batch opens the file by its name and
   compares it with what this writer left there; a file that differs is read again.
3. The file is not UTF-8 with commas, or does not end with a line end. Then it is written once in
   its plain form, with all its cells, before anything is appended.
4. The disk is full. The part of the batch that was written is cut off again, and no address of
   the batch is confirmed.
"""

from __future__ import annotations

import csv
import errno
import io
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

from mailmerge.errors import AddressError, SpreadsheetError
from mailmerge.language import tr
from mailmerge.library_messages import hint_for_held, system_reason
from mailmerge.portable.syncing import sync_to_disk
from mailmerge.recipients.address import parse_mailbox
from mailmerge.recipients.suppression import SuppressionList

_MOST_TOGETHER: Final = 2_000


@dataclass(frozen=True, slots=True)
class _Request:
    """One address that waits, and what its row is to hold."""

    address: str
    cells: dict[str, str]
    done: Future[bool] = field(default_factory=Future)


class SuppressionWriter:
    """Adds addresses to one list in a thread of its own; `close` ends it."""

    def __init__(
        self, path: Path, file: str = "", *, sync: Callable[[int], None] = sync_to_disk
    ) -> None:
        """Write to the list at `path`, which need not exist; `sync` puts a file on disk."""
        self._appended = _Appended(path, SuppressionList(path, file), sync)
        self._waiting: SimpleQueue[_Request | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="suppression", daemon=True)
        self._thread.start()

    def add(self, address: str, *, reason: str = "", today: date | None = None) -> Future[bool]:
        """Add an address; the future is done when it is on disk: True if it is new.

        The future raises AddressError if it is no address, and SpreadsheetError if the list cannot
        be read or written.
        """
        noted = {"reason": reason, "date": today.isoformat() if today else ""}
        request = _Request(address, {"email": address, **noted})
        self._waiting.put(request)
        return request.done

    def close(self) -> None:
        """Write what waits, and end the thread."""
        self._waiting.put(None)
        self._thread.join()

    def _work(self) -> None:
        ended = False
        while not ended:
            taken: list[_Request | None] = [self._waiting.get()]
            with suppress(Empty):
                while len(taken) < _MOST_TOGETHER:
                    taken.append(self._waiting.get_nowait())
            ended = None in taken
            _write(self._appended, [request for request in taken if request is not None])


def _write(appended: _Appended, requests: list[_Request]) -> None:
    """Add the addresses of all requests, and confirm them or say why not."""
    identities: list[tuple[str, _Request]] = []
    for request in requests:
        try:
            identities.append((parse_mailbox(request.address).identity, request))
        except AddressError as error:
            request.done.set_exception(error)
    if not identities:
        return
    try:
        new = appended.add({identity: one.cells for identity, one in reversed(identities)})
    except Exception as error:  # noqa: BLE001 - it is for those who wait
        for _, request in identities:
            request.done.set_exception(error)
        return
    for identity, request in identities:
        request.done.set_result(identity in new)
        new.discard(identity)


class _Appended:
    """The list as this writer has left it: its columns, identities and state of the file."""

    def __init__(self, path: Path, listed: SuppressionList, sync: Callable[[int], None]) -> None:
        self._path = path
        self._list = listed
        self._sync = sync
        self._columns: tuple[str, ...] = ()
        self._known: set[str] = set()
        self._state: tuple[int, ...] | None = None

    def add(self, wanted: dict[str, dict[str, str]]) -> set[str]:
        """Add rows by identity; return the identities that are new. All are on disk then."""
        with self._list.locked():
            if self._state is None or self._state != _state_of(self._path):
                self._read()
            new = {key: cells for key, cells in wanted.items() if key not in self._known}
            if new:
                self._append(_rows(self._columns, list(new.values())))
                self._known |= new.keys()
            return set(new)

    def _read(self) -> None:
        self._state = None
        self._known = set(self._list.identities())
        header = _plain_header(self._path)
        self._columns = header or self._list.rewrite()
        self._make_durable()
        self._state = _state_of(self._path)

    def _make_durable(self) -> None:
        """Another program may have written the rows that are known, without a sync."""
        with self._path.open("rb+") as file:
            self._sync(file.fileno())

    def _append(self, rows: bytes) -> None:
        self._state = None
        try:
            with self._path.open("ab", buffering=0) as file:
                self._write_whole(file, rows)
        except OSError as error:
            hint = tr("the list is unchanged; allow the program to write there")
            raise SpreadsheetError(
                tr("cannot be written: {reason}", reason=system_reason(error)),
                file=self._path.name, code="unwritable", hint=hint_for_held(error, hint),
            ) from error  # fmt: skip
        self._state = _state_of(self._path)

    def _write_whole(self, file: io.FileIO, rows: bytes) -> None:
        size = file.seek(0, os.SEEK_END)
        try:
            written = file.write(rows)
            self._sync(file.fileno())
        except OSError:
            file.truncate(size)
            raise
        if written != len(rows):
            file.truncate(size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _state_of(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _plain_header(path: Path) -> tuple[str, ...]:
    """The columns of a list to which rows can be appended as they are; () for any other."""
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return ()
    first = next(csv.reader(io.StringIO(text, newline="")), [])
    # One cell for each column and the plain names: no other delimiter, no mark, no lines above.
    plain = text.endswith("\n") and first[:1] == ["email"] and len(set(first)) == len(first)
    return tuple(first) if plain and {"reason", "date"} <= set(first) else ()


def _rows(columns: tuple[str, ...], rows: list[dict[str, str]]) -> bytes:
    written = io.StringIO(newline="")
    csv.DictWriter(written, columns, restval="", extrasaction="ignore").writerows(rows)
    return written.getvalue().encode()
