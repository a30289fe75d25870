"""Transition -> one line on disk, and back: the append-only files next to a database.

    ledger-00000007.journal     header (4,096 bytes), lines, reserved zeros

What can go wrong with such a file, and how each case is recognised:

* *The process ends during a write.* The last line is incomplete. It was not returned from
  write(2), so nothing depends on it: a reader ignores it.
* *Bytes change, or lines are removed, repeated, moved or come from another file.* The checksum of
  a line also covers the number of its file, the *generation*, and its offset in the file. So a line
  is valid only where it was written. Whatever follows an incomplete line must be zeros.
* *The end of the file is cut off or overwritten with zeros.* The valid lines alone do not show it.
  So the header records how many bytes have been written. It is mapped into memory: a store of eight
  bytes after each line needs no system call, and the kernel keeps it when the process ends. The
  database also records the space that was reserved before the last claim (journal.py).
* *The database has lost commits* (its write-ahead log was damaged). The header records the number
  of the last commit, and of the last one that changed more than the lines of a journal can restore.
* *A whole file is missing.* The header of a file that was continued in another one says so, and a
  small file of its own (`ledger.mark`) has the numbers of the commits once more.

Each number of the header is stored twice, the second time with some of its bits inverted. The files
of the first edition have no header, and their checksums do not cover the offset. The database knows
which kind it has.
"""

from __future__ import annotations

import json
import mmap
import os
import re
import sys
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mailmerge.errors import LedgerError
from mailmerge.language import tr
from mailmerge.ledger.database import Observer, observed
from mailmerge.ledger.disk_hints import hint_for_unwritable
from mailmerge.ledger.refused_copies import of_json, to_text
from mailmerge.ledger.states import State, Transition
from mailmerge.library_messages import system_reason
from mailmerge.portable.files import reserve, write_at
from mailmerge.private_files import open_private

HEADER_BYTES: Final = 4096
"""The size of the header, a page of memory; the lines follow."""

BYTES_PER_CLAIM: Final = 2048
"""The space for the lines of one claim: an outcome of the greatest length, and shorter ones."""

_RESERVED_AHEAD: Final = 1 << 18
"""The bytes that are reserved at a time."""

_LONGEST_REPLY: Final = 500
"""The maximum characters of a reply that are kept."""

_LONGEST_TEXT: Final = 1200
"""The maximum bytes of a reply in a line; an escaped control character takes six."""

_LONGEST_WITH_COPIES: Final = 400
"""The same in a line with refused copies, which need the space."""

_ESCAPED: Final = 6
"""The most bytes that a character takes in a line."""

_SPREAD: Final = 0x9E3779B1  # keeps the places of different files apart

_NAME = re.compile(r"(?P<ledger>.+)-(?P<generation>\d{8})\.journal")
_CHECKSUM = 9  # eight hexadecimal digits and a space
_MASK: Final = 0x2AAAAAAA  # of 30 bits, because larger numbers are slower
_WORDS_AT: Final = 64
_WRITTEN, _SEQUENCE, _BASE, _CONTINUED = range(0, 8, 2)
_FIELDS: Final = 8
"""The fields of a line after the state, if it has refused copies."""
_quoted = json.encoder.encode_basestring
_NAMES: Final = {state: f'"{state}"' for state in State}  # formatting an Enum is slow


def encode(transition: Transition, generation: int, offset: int) -> bytes:
    """Return the line at this offset: checksum, space, a JSON array of the fields, LF."""
    # The result is that of json.dumps, in a third of its time.
    retry_at, stage, reply = transition.retry_at, transition.stage, transition.reply
    due = "null" if retry_at is None else repr(retry_at)
    words = f"{_quoted(stage)},{_shortened(reply)}" if stage or reply else '"",""'
    # Lines without them are as they were before there were such ids and copies.
    if transition.copies_refused:
        words = f"{_quoted(stage)},{_shortened(reply, _LONGEST_WITH_COPIES)}"
        words = f"{words},{_quoted(transition.server_id)},{to_text(transition.copies_refused)}"
    elif transition.server_id:
        words = f"{words},{_quoted(transition.server_id)}"
    payload = (
        f"[{transition.delivery_id},{_NAMES[transition.state]},{transition.at!r},"
        f"{transition.attempts},{transition.doubts},{due},{words}]"
    )
    try:
        content = payload.encode()
    except UnicodeEncodeError:  # half a character, which JSON escapes
        content = payload.encode("utf-8", "backslashreplace")
    seed = (generation * _SPREAD + offset) & 0xFFFFFFFF
    return b"%08x %b\n" % (zlib.crc32(content, seed), content)


def _shortened(reply: str, most: int = _LONGEST_TEXT) -> str:
    """Return a reply as JSON, within the bounds of characters and bytes."""
    if len(reply) * _ESCAPED <= most:
        return _quoted(reply)
    quoted = _quoted(reply[:_LONGEST_REPLY])
    size = _LONGEST_REPLY
    while _size(quoted) > most:
        size = size * 3 // 4
        quoted = _quoted(reply[:size])
    return quoted


def _size(text: str) -> int:
    return len(text.encode("utf-8", "backslashreplace"))


def _seed(generation: int, offset: int) -> int:
    """Return what the checksum of a line begins with: another number for every place."""
    return (generation * _SPREAD + offset) & 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a file.

    Attributes:
        transitions: those of the valid lines, in order; also behind a damaged place.
        end: the offset behind the last line before the first damaged place.
        whole: nothing but zeros, or one incomplete line and zeros, follows the valid lines.
    """

    transitions: list[Transition]
    end: int
    whole: bool


def decode_all(content: bytes, generation: int, start: int = 0, *, placed: bool = True) -> Lines:
    """Read all lines from offset `start` on.

    `placed` says that the checksums cover the offset; those of the first edition do not.
    """
    transitions: list[Transition] = []
    whole, end = True, start
    for place, line in _lines(content, start):
        transition = _decode(line, _seed(generation, place) if placed else generation)
        if transition is None:
            whole = False
            continue
        transitions.append(transition)
        if whole:
            end = place + len(line) + 1
    rest = content[end:].rstrip(b"\0") if whole else b""
    return Lines(transitions, end, whole and b"\0" not in rest)


def _lines(content: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    while (end := content.find(b"\n", start)) >= 0:
        yield start, content[start:end]
        start = end + 1


def _decode(line: bytes, seed: int) -> Transition | None:
    payload = line[_CHECKSUM:]
    if line[:_CHECKSUM] != b"%08x " % zlib.crc32(payload, seed):
        return None
    try:
        number, state, *rest = json.loads(payload)
        if len(rest) == _FIELDS:
            rest[-1] = of_json(rest[-1])
        return Transition(number, State(state), *rest)
    except (ValueError, TypeError):
        return None


@dataclass(frozen=True, slots=True)
class Header:
    """What the header of a journal file says.

    Attributes:
        written: the offset behind the last line.
        sequence: the number of the last commit of the database.
        base: the number of the last commit that the lines of journals cannot restore.
        continued: another file follows this one.
    """

    written: int
    sequence: int
    base: int
    continued: bool


def read_header(content: bytes, generation: int) -> Header | None:
    """Return the header of a file; None if the file has none, or if it is damaged."""
    if len(content) < HEADER_BYTES or not content.startswith(_title(generation)):
        return None
    words = memoryview(content)[_WORDS_AT : _WORDS_AT + 64].cast("Q")
    values = [_value(words[at], words[at + 1]) for at in range(0, 8, 2)]
    if None in values:
        return None
    written, sequence, base, continued = (value or 0 for value in values)
    return Header(written, sequence, base, bool(continued))


def _value(word: int, inverted: int) -> int | None:
    """Return the number; the smaller one if the process ended between the two stores."""
    second = inverted ^ _MASK
    if word == second:
        return word
    return second if 0 < word - second <= 2 * BYTES_PER_CLAIM else None


def _title(generation: int) -> bytes:
    return b"mailmerge journal 2 %08d\n" % generation


@dataclass(frozen=True, slots=True)
class Tail:
    """What the journal files say since the last fold.

    Attributes:
        transitions: all that can be read, in order.
        damage: which file is damaged and how, for users; "" if every transition is known.
        sequence: the number of the last commit that a header knows, or 0.
        base: the last of those commits that lines cannot restore, or 0.
    """

    transitions: list[Transition]
    damage: str = ""
    sequence: int = 0
    base: int = 0


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

    def read(self, generation: int, offset: int, reserved: int = 0) -> Tail:
        """Read all transitions since byte `offset` of `generation`, in order.

        `reserved` is the least size of that file in bytes; 0 means a file of the first edition.
        """
        found = _Found([])
        expected = generation
        for later in self.generations():
            if later < expected:
                continue
            if later != expected:
                break
            first = later == generation
            expected = later + 1
            try:
                content = self.path(later).read_bytes()
            except FileNotFoundError:
                expected = later
                break
            except OSError as error:
                found.note(
                    self.path(later), tr("cannot be read: {reason}", reason=system_reason(error))
                )
                break
            # A process can end before it has written the header of a new file.
            if first or found.continued or content.strip(b"\0"):
                start = _Start(offset, reserved, first)
                _read_file(found, self.path(later), later, content, start)
        if expected == generation or found.continued or self.generations()[-1:] > [expected]:
            found.note(self.path(expected), tr("is missing"))
        if (mark := self.read_mark()) is not None:
            found.sequence = max(found.sequence, mark.sequence)
            found.base = max(found.base, mark.base)
        return Tail(found.transitions, found.damage, found.sequence, found.base)

    @property
    def mark(self) -> Path:
        """The file with a copy of the numbers in the headers."""
        return self.folder / f"{self.ledger}.mark"

    def read_mark(self) -> Header | None:
        """Return the copy of the numbers; None if there is none, or if it is damaged."""
        try:
            return read_header(self.mark.read_bytes(), 0)
        except OSError:
            return None

    def has_content(self) -> bool:
        """Whether a file of this ledger has lines, or knows of a commit."""
        if (mark := self.read_mark()) is not None and mark.sequence:
            return True
        for generation in self.generations():
            content = self.path(generation).read_bytes()
            header = read_header(content, generation)
            if header is not None and not header.sequence:
                content = content[HEADER_BYTES:]
            if content.strip(b"\0"):
                return True
        return False

    def remove(self, *, before: int | None = None) -> bool:
        """Remove the generations below `before`, or all; the database has their transitions.

        Windows cannot remove a file that a reader has open, and a disk may fail. Then this returns
        False, and the next call tries it again.
        """
        removed = True
        if before is None:
            with suppress(PermissionError):
                self.mark.unlink(missing_ok=True)
        for generation in self.generations():
            if before is not None and generation >= before:
                continue
            try:
                with observed(self.observer, "journal removed"):
                    self.path(generation).unlink(missing_ok=True)
            except OSError:
                removed = False
        return removed


@dataclass(frozen=True, slots=True)
class _Start:
    """Where to start in a file; `first` says that the database has recorded this place."""

    offset: int
    reserved: int
    first: bool


@dataclass(slots=True)
class _Found:
    """What has been read so far; the first damage counts."""

    transitions: list[Transition]
    damage: str = ""
    sequence: int = 0
    base: int = 0
    continued: bool = False

    def note(self, path: Path, damage: str) -> None:
        self.damage = self.damage or f"{path.name} {damage}"


def _read_file(found: _Found, path: Path, generation: int, content: bytes, start: _Start) -> None:
    """Read one file, and note what is wrong with it."""
    header = read_header(content, generation)
    found.continued = header is not None and header.continued
    if header is not None:
        found.sequence = max(found.sequence, header.sequence)
        found.base = max(found.base, header.base)
    # Only what the database has recorded can be a file of the first edition, or one after it.
    placed = header is not None or start.reserved > 0
    begin = start.offset if start.first else HEADER_BYTES if placed else 0
    if start.first and len(content) < max(start.offset, start.reserved):
        found.note(path, tr("is shorter than it was"))
    lines = decode_all(content, generation, begin, placed=placed)
    found.transitions += lines.transitions
    if not lines.whole:
        found.note(path, tr("is damaged: a line is not as it was written"))
    elif placed and header is None:
        found.note(path, tr("is damaged: its beginning is not as it was written"))
    elif header is not None and lines.end < header.written:
        found.note(path, tr("is damaged: its last lines are missing"))


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
        self.offset = HEADER_BYTES
        self.reserved = 0
        self._path = files.path(generation)
        self._observer = files.observer
        self._broken = False
        self.base = 0
        try:
            with observed(self._observer, "journal made"):
                self._file = open_private(self._path, "update")
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            os.ftruncate(self._file, 0)
            # A store into a mapped page without space on the disk would end the process.
            reserve(self._file, 0, HEADER_BYTES)
            write_at(self._file, _new_header(generation), 0)
            self._map, self._words = _mapped(self._file)
        except OSError as error:
            os.close(self._file)
            raise self._unwritable(error) from error
        self.reserved = HEADER_BYTES

    def reserve(self, size: int) -> None:
        """Reserve disk space for `size` more bytes.

        Raises:
            LedgerError: the disk is full. Nothing was lost, and nothing more may be claimed.
        """
        wanted = self.offset + size
        if wanted <= self.reserved:
            return
        end = (wanted // _RESERVED_AHEAD + 1) * _RESERVED_AHEAD
        try:
            with observed(self._observer, "journal reserved"):
                reserve(self._file, max(self.reserved, self.offset), end)
        except OSError as error:
            raise self._unwritable(error) from error
        self.reserved = end

    def append(self, transition: Transition) -> None:
        """Write a transition as one line with one write(2).

        Raises:
            LedgerError: the line was not written completely; no later line will be written.
        """
        if self._broken:
            raise LedgerError(
                tr("an earlier write failed"),
                file=self._path.name,
                hint=hint_for_unwritable(self._path),
                code="ledger-unwritable",
            )
        line = encode(transition, self.generation, self.offset)
        observer = self._observer
        try:
            # Not `observed`, because a context manager for each line would cost speed.
            if observer is not None:
                observer("before journal line")
            written = write_at(self._file, line, self.offset)
            if observer is not None:
                observer("after journal line")
        except OSError as error:
            self._broken = True
            raise self._unwritable(error) from error
        if written != len(line):
            self._broken = True
            raise LedgerError(
                tr("no disk space is left"),
                file=self._path.name,
                hint=hint_for_unwritable(self._path),
                code="ledger-unwritable",
            )
        words = self._words
        words[0] = self.offset = end = self.offset + written
        words[1] = end ^ _MASK

    def committed(self, sequence: int, *, restorable: bool) -> None:
        """Record the number of a commit of the database in the header.

        `restorable` says that the lines of the journals can restore everything in it.
        """
        self.base = self.base if restorable else sequence
        self._store(_SEQUENCE, sequence)
        self._store(_BASE, self.base)

    def _store(self, word: int, value: int) -> None:
        if self._file >= 0:
            self._words[word] = value
            self._words[word + 1] = value ^ _MASK

    def continue_in(self, other: JournalFile) -> None:
        """Close this file; `other` is the one that follows it."""
        other.base = self.base
        self._store(_CONTINUED, 1)
        self.close()

    def close(self) -> None:
        """Close the file; calling it twice does nothing."""
        if self._file >= 0:
            if isinstance(self._words, memoryview):
                self._words.release()
            if self._map is not None:
                self._map.close()
            os.close(self._file)
            self._file = -1

    def _unwritable(self, error: OSError) -> LedgerError:
        return LedgerError(
            tr("cannot be written: {reason}", reason=system_reason(error)),
            file=self._path.name,
            hint=hint_for_unwritable(self._path, error),
            code="ledger-unwritable",
        )


class Mark:
    """Writes the copy of the numbers in the header. Raises OSError if it cannot be made."""

    def __init__(self, files: JournalFiles) -> None:
        self._file = open_private(files.mark, "update")
        try:
            os.ftruncate(self._file, 0)
            reserve(self._file, 0, HEADER_BYTES)
            write_at(self._file, _new_header(0), 0)
            self._map, self._words = _mapped(self._file)
        except BaseException:
            os.close(self._file)
            raise

    def store(self, sequence: int, base: int) -> None:
        """Record the numbers of the last commit, and of the last that lines cannot restore."""
        for word, value in ((_SEQUENCE, sequence), (_BASE, base)):
            self._words[word] = value
            self._words[word + 1] = value ^ _MASK

    def close(self) -> None:
        """Close the file."""
        if isinstance(self._words, memoryview):
            self._words.release()
        if self._map is not None:
            self._map.close()
        os.close(self._file)


class _StoredWords:
    """The words of a header where a file system cannot map files: a write for each store."""

    def __init__(self, file: int) -> None:
        self._file = file

    def __setitem__(self, word: int, value: int) -> None:
        write_at(self._file, value.to_bytes(8, sys.byteorder), _WORDS_AT + 8 * word)


def _mapped(file: int) -> tuple[mmap.mmap | None, memoryview | _StoredWords]:
    """Return the words of the header, each of eight bytes, and the map that must be closed."""
    try:
        page = mmap.mmap(file, HEADER_BYTES)
    except (OSError, ValueError):
        return None, _StoredWords(file)
    return page, memoryview(page)[_WORDS_AT : _WORDS_AT + 64].cast("Q")


def _new_header(generation: int) -> bytes:
    words = [HEADER_BYTES, HEADER_BYTES ^ _MASK, *[0, _MASK] * 3]
    numbers = b"".join(word.to_bytes(8, sys.byteorder) for word in words)
    return _title(generation).ljust(_WORDS_AT, b"\0") + numbers
