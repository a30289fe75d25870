"""Transition -> one line on disk, and back: the append-only files next to a database.

    ledger-00000007.journal

The checksum of each line also covers the number of its file, the *generation*. So reading stops
safely at an incomplete last line, at the zeros of reserved space, and at remains of another file.
"""

from __future__ import annotations

import json
import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mailmerge.errors import LedgerError
from mailmerge.ledger.database import Observer, observed
from mailmerge.ledger.disk_hints import hint_for_unwritable
from mailmerge.ledger.states import State, Transition
from mailmerge.portable.files import reserve, write_at
from mailmerge.private_files import open_private

_RESERVED_AHEAD: Final = 1 << 18
"""The bytes that are reserved at a time."""

_LONGEST_REPLY: Final = 500
"""The maximum characters of a reply that are kept."""

_NAME = re.compile(r"(?P<ledger>.+)-(?P<generation>\d{8})\.journal")
_CHECKSUM = 9  # eight hexadecimal digits and a space
_quoted = json.encoder.encode_basestring_ascii


def encode(transition: Transition, generation: int) -> bytes:
    """Return one line: checksum, space, a JSON array of the transition's fields, LF."""
    # The result is that of json.dumps, in a third of its time.
    retry_at = "null" if transition.retry_at is None else repr(transition.retry_at)
    words = (
        f"{_quoted(transition.stage)},{_quoted(transition.reply[:_LONGEST_REPLY])}"
        if transition.reply
        else f'{_quoted(transition.stage)},""'
    )
    payload = (
        f'[{transition.delivery_id},"{transition.state}",{transition.at!r},'
        f"{transition.attempts},{transition.doubts},{retry_at},{words}]"
    ).encode()
    return b"%08x %b\n" % (zlib.crc32(payload, generation), payload)


def decode_all(content: bytes, generation: int) -> Iterator[Transition]:
    """Yield the transitions in order, up to the first line that is not complete."""
    start = 0
    while (end := content.find(b"\n", start)) >= 0:
        transition = _decode(content[start:end], generation)
        if transition is None:
            return
        yield transition
        start = end + 1


def _decode(line: bytes, generation: int) -> Transition | None:
    payload = line[_CHECKSUM:]
    if line[:_CHECKSUM] != b"%08x " % zlib.crc32(payload, generation):
        return None
    number, state, *rest = json.loads(payload)
    return Transition(number, State(state), *rest)


@dataclass(frozen=True, slots=True)
class JournalFiles:
    """The journal files in `folder` of the ledger with this file name (without its ending)."""

    folder: Path
    ledger: str
    observer: Observer | None = None

    def path(self, generation: int) -> Path:
        """The path of a generation."""
        return self.folder / f"{self.ledger}-{generation:08d}.journal"

    def generations(self) -> list[int]:
        """Return the generations that exist in the folder, the oldest first."""
        names = (_NAME.fullmatch(path.name) for path in self.folder.glob("*.journal"))
        own = (name for name in names if name and name["ledger"] == self.ledger)
        return sorted(int(name["generation"]) for name in own)

    def read(self, generation: int, offset: int) -> list[Transition] | None:
        """Return all transitions since byte `offset` of `generation`, in order.

        Returns None if that generation is missing, so that later transitions are not known.
        """
        transitions: list[Transition] = []
        wanted = [later for later in self.generations() if later >= generation]
        if not wanted or wanted[0] != generation:
            return None
        for later in wanted:
            try:
                content = self.path(later).read_bytes()
            except FileNotFoundError:
                return None
            transitions += decode_all(content[offset if later == generation else 0 :], later)
        return transitions

    def remove(self, *, before: int | None = None) -> None:
        """Remove the generations below `before`, or all; the database has their transitions.

        Windows cannot remove a file that a reader has open. The next call tries it again.
        """
        old = [one for one in self.generations() if before is None or one < before]
        for generation in old:
            with observed(self.observer, "journal removed"):
                try:
                    self.path(generation).unlink(missing_ok=True)
                except PermissionError:
                    continue


class JournalFile:
    """One generation, open for writing. Not thread-safe: the caller must hold a lock.

    Space is reserved in advance, so that a full disk is noticed before the next claim and not
    between the end of data and its outcome. After one write has failed nothing more is written,
    because lines after an incomplete one are never read.

    Raises:
        LedgerError: the file cannot be made, or the disk is full.
    """

    def __init__(self, files: JournalFiles, generation: int) -> None:
        self.generation = generation
        self.offset = 0
        self._path = files.path(generation)
        self._observer = files.observer
        self._reserved = 0
        self._broken = False
        try:
            with observed(self._observer, "journal made"):
                self._file = open_private(self._path, "write")
        except OSError as error:
            raise self._unwritable(error) from error

    def reserve(self, size: int) -> None:
        """Reserve disk space for `size` more bytes.

        Raises:
            LedgerError: the disk is full. Nothing was lost, and nothing more may be claimed.
        """
        wanted = self.offset + size
        if wanted <= self._reserved:
            return
        end = (wanted // _RESERVED_AHEAD + 1) * _RESERVED_AHEAD
        try:
            with observed(self._observer, "journal reserved"):
                reserve(self._file, max(self._reserved, self.offset), end)
        except OSError as error:
            raise self._unwritable(error) from error
        self._reserved = end

    def append(self, line: bytes) -> None:
        """Write one line with one write(2).

        Raises:
            LedgerError: the line was not written completely; no later line will be written.
        """
        if self._broken:
            raise LedgerError(
                "an earlier write failed",
                file=self._path.name,
                hint=hint_for_unwritable(self._path),
                code="ledger-unwritable",
            )
        try:
            # Not `observed`, because a context manager for each line would cost speed.
            if self._observer is not None:
                self._observer("before journal line")
            written = write_at(self._file, line, self.offset)
            if self._observer is not None:
                self._observer("after journal line")
        except OSError as error:
            self._broken = True
            raise self._unwritable(error) from error
        if written != len(line):
            self._broken = True
            raise LedgerError(
                "no disk space is left",
                file=self._path.name,
                hint=hint_for_unwritable(self._path),
                code="ledger-unwritable",
            )
        self.offset += written

    def close(self) -> None:
        """Close the file; calling it twice does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _unwritable(self, error: OSError) -> LedgerError:
        return LedgerError(
            f"cannot be written: {error.strerror}",
            file=self._path.name,
            hint=hint_for_unwritable(self._path, error),
            code="ledger-unwritable",
        )
