"""Mark -> one line on disk, and back: the append-only file beside the ledger.

A commit for each message would be the slowest part of the run, so marks go into this file, one
write(2) each, and are folded into the ledger in groups. What was written stays in the kernel's page
cache when the process is killed; only a power cut can lose it, and then the boot id says so.

Each line carries a checksum that also covers the generation: a torn last line, the zeros of the
space that was reserved ahead, and the remains of another file all end the reading safely.
"""

from __future__ import annotations

import json
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

from mailmerge.errors import LedgerError
from mailmerge.ledger.states import State, Transition

RESERVED_AHEAD = 1 << 18
OCTETS_PER_CLAIM = 2048
LONGEST_REPLY = 500

_NAME = re.compile(r"(?P<ledger>.+)-(?P<generation>\d{8})\.journal")
_CHECKSUM = 9  # eight hexadecimal digits and a space
_quoted = json.encoder.encode_basestring_ascii


def encode(mark: Transition, generation: int) -> bytes:
    """One line: checksum, space, a JSON array of the mark's fields, LF."""
    # The same as json.dumps of a list; put together by hand it takes a third of the time.
    retry_at = "null" if mark.retry_at is None else repr(mark.retry_at)
    words = (
        f"{_quoted(mark.stage)},{_quoted(mark.reply[:LONGEST_REPLY])}"
        if mark.reply
        else f'{_quoted(mark.stage)},""'
    )
    payload = (
        f'[{mark.person},"{mark.state}",{mark.at!r},{mark.attempts},{mark.doubts},{retry_at},{words}]'
    ).encode()
    return b"%08x %b\n" % (zlib.crc32(payload, generation), payload)


def decode(line: bytes, generation: int) -> Transition | None:
    """The mark of a line without its LF; None for a line that was not written whole."""
    payload = line[_CHECKSUM:]
    if line[:_CHECKSUM] != b"%08x " % zlib.crc32(payload, generation):
        return None
    person, state, *rest = json.loads(payload)
    return Transition(person, State(state), *rest)


def decode_all(octets: bytes, generation: int) -> Iterator[Transition]:
    """The marks in their order, up to the first line that was not written whole."""
    start = 0
    while (end := octets.find(b"\n", start)) >= 0:
        mark = decode(octets[start:end], generation)
        if mark is None:
            return
        yield mark
        start = end + 1


def journal_path(folder: Path, ledger: str, generation: int) -> Path:
    """Where a generation of a ledger's journal lies."""
    return folder / f"{ledger}-{generation:08d}.journal"


def generations(folder: Path, ledger: str) -> list[int]:
    """The generations that lie in the folder, oldest first."""
    names = (_NAME.fullmatch(path.name) for path in folder.glob("*.journal"))
    return sorted(int(name["generation"]) for name in names if name and name["ledger"] == ledger)


def read_journals(
    folder: Path, ledger: str, generation: int, offset: int
) -> list[Transition] | None:
    """All marks since `offset` of `generation`, in their order.

    None where that generation is missing: what was marked since then is not known.
    """
    marks: list[Transition] = []
    wanted = [later for later in generations(folder, ledger) if later >= generation]
    if not wanted or wanted[0] != generation:
        return None
    for later in wanted:
        try:
            octets = journal_path(folder, ledger, later).read_bytes()
        except FileNotFoundError:
            return None
        marks += decode_all(octets[offset if later == generation else 0 :], later)
    return marks


class Journal:
    """One generation, open for writing. Not thread-safe: the ledger holds a lock around it.

    Space is reserved ahead of need, so that a full disk shows before the next claim and not between
    the end of data and its outcome. After one write has failed nothing more is written: the lines
    behind a torn one would never be read.

    Raises:
        LedgerError: the file cannot be made, or the disk is full.
    """

    def __init__(self, folder: Path, ledger: str, generation: int) -> None:
        self.path = journal_path(folder, ledger, generation)
        self.generation = generation
        self.offset = 0
        self._reserved = 0
        self._broken = False
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
            self._file = os.open(self.path, flags, 0o600)
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def reserve(self, octets: int) -> None:
        """Make sure that so much more can be written.

        Raises:
            LedgerError: the disk is full; nothing was lost, and nothing more may be claimed.
        """
        wanted = self.offset + octets
        if wanted <= self._reserved:
            return
        size = (wanted // RESERVED_AHEAD + 1) * RESERVED_AHEAD
        try:
            _allocate(self._file, max(self._reserved, self.offset), size)
        except OSError as error:
            raise _unwritable(self.path, error) from error
        self._reserved = size

    def append(self, line: bytes) -> None:
        """Write one line with one write(2).

        Raises:
            LedgerError: it could not be written whole; the journal is closed for good.
        """
        if self._broken:
            raise LedgerError(
                "an earlier write failed", file=self.path.name, code="ledger-unwritable"
            )
        try:
            written = os.pwrite(self._file, line, self.offset)
        except OSError as error:
            self._broken = True
            raise _unwritable(self.path, error) from error
        if written != len(line):
            self._broken = True
            raise LedgerError("no space is left", file=self.path.name, code="ledger-unwritable")
        self.offset += written

    def close(self) -> None:
        """Close the file; calling it twice does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _allocate(file: int, start: int, end: int) -> None:
    """Give a file its space on the disk up to `end`; macOS has no posix_fallocate."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, end)
        return
    while start < end:
        start += os.pwrite(file, bytes(end - start), start)


def _unwritable(path: Path, error: OSError) -> LedgerError:
    return LedgerError(
        f"cannot be written: {error.strerror}",
        file=path.name,
        hint="make room on the disk and send again; nobody is lost",
        code="ledger-unwritable",
    )
