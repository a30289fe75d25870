"""The stream of an XLS workbook in its OLE2 file ([MS-CFB]), with a bound on each chain.

An OLE2 file is a small file system: sectors, and a table that says for each one which sector
follows. A table that leads in a circle makes a reader that follows it collect sectors for ever, and
one that leads beyond the end makes it read what is not there. Here a chain has at most as many
sectors as the file.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from mailmerge.language import tr

_END_OF_CHAIN = 0xFFFFFFFE
_ENTRY = 128
_HEADER_TABLE = 109
_MINI_SECTOR = 64
_STREAMS = ("workbook", "book")


class BrokenChainError(Exception):
    """The table of sectors is damaged; the text says how."""


class CircleError(BrokenChainError):
    """Sectors form a circle, which a reader could follow for ever."""


@dataclass(frozen=True, slots=True)
class _Header:
    sector: int
    directory: int
    mini_cutoff: int
    mini_table: int
    more_tables: int
    tables: tuple[int, ...]


def workbook_stream(data: bytes) -> bytes | None:
    """The workbook in an OLE2 file; None if the file holds something else.

    Raises:
        BrokenChainError: the file is cut off, or its sectors form a circle.
    """
    try:
        return _CompoundFile(data).workbook()
    except struct.error as error:
        raise BrokenChainError(tr("it is cut off")) from error


class _CompoundFile:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._header = _read_header(data)
        self._table = self._read_table()

    def workbook(self) -> bytes | None:
        directory = self._chain(self._header.directory)
        if len(directory) % _ENTRY:
            raise BrokenChainError(tr("it is cut off"))
        root = b""
        found: dict[str, tuple[int, int]] = {}
        for offset in range(0, len(directory), _ENTRY):
            entry = directory[offset : offset + _ENTRY]
            length, kind = struct.unpack_from("<HB", entry, 64)
            start, size = struct.unpack_from("<II", entry, 116)
            if kind == 5:
                root = self._chain(start) if size else b""
            name = entry[: max(min(length, 64) - 2, 0)].decode("utf-16-le", "replace")
            if kind == 2:
                found.setdefault(name.casefold(), (start, size))
        # A file for Excel 5 and 97 has both streams, and the newer one says more.
        chosen = next((found[name] for name in _STREAMS if name in found), None)
        return None if chosen is None else self._whole(*chosen, root)

    def _whole(self, start: int, size: int, root: bytes) -> bytes:
        stream = self._stream(start, size, root)
        if len(stream) < size:
            raise BrokenChainError(tr("it is cut off"))
        return stream

    def _stream(self, start: int, size: int, root: bytes) -> bytes:
        if size >= self._header.mini_cutoff:
            return self._chain(start)[:size]
        raw = self._chain(self._header.mini_table)
        table = struct.unpack(f"<{len(raw) // 4}I", raw[: len(raw) // 4 * 4])
        numbers = _follow(table, start, len(table))
        pieces = (root[n * _MINI_SECTOR : (n + 1) * _MINI_SECTOR] for n in numbers)
        return b"".join(pieces)[:size]

    def _sector(self, number: int) -> bytes:
        begin = (number + 1) * self._header.sector
        if begin >= len(self._data):
            raise BrokenChainError(tr("it is cut off"))
        return self._data[begin : begin + self._header.sector]

    def _chain(self, start: int) -> bytes:
        numbers = _follow(self._table, start, len(self._data) // self._header.sector + 1)
        return b"".join(map(self._sector, numbers))

    def _read_table(self) -> tuple[int, ...]:
        """The table of sectors; where it is long, sectors of its own list its sectors."""
        numbers = list(self._header.tables)
        following, count = self._header.more_tables, 0
        most = len(self._data) // self._header.sector + 1
        while following < _END_OF_CHAIN - 1:
            count += 1
            if count > most:
                raise CircleError(tr("its sectors form a circle"))
            raw = self._sector(following)
            *more, following = struct.unpack(f"<{len(raw) // 4}I", raw)
            numbers += more
        used = [number for number in numbers if number < _END_OF_CHAIN - 1]
        raw = b"".join(map(self._sector, used[:most]))
        return struct.unpack(f"<{len(raw) // 4}I", raw[: len(raw) // 4 * 4])


def _read_header(data: bytes) -> _Header:
    (shift,) = struct.unpack_from("<H", data, 30)
    if shift not in {9, 12}:
        raise BrokenChainError(tr("its sectors have 2 to the {shift} bytes", shift=shift))
    directory, _, mini_cutoff, mini_table, _, more = struct.unpack_from("<6I", data, 48)
    tables = struct.unpack_from(f"<{_HEADER_TABLE}I", data, 76)
    return _Header(1 << shift, directory, mini_cutoff, mini_table, more, tables)


def _follow(table: tuple[int, ...], start: int, most: int) -> list[int]:
    numbers: list[int] = []
    while start < _END_OF_CHAIN - 1:
        if len(numbers) >= most:
            raise CircleError(tr("its sectors form a circle"))
        if start >= len(table):
            raise BrokenChainError(tr("it is cut off"))
        numbers.append(start)
        start = table[start]
    return numbers
