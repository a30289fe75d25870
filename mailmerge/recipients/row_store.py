"""Rows by their groups -> the groups, with little memory: rows need not be adjacent.

The rows that belong together are known at the end of the spreadsheet. Until then they lie in a
temporary file; only a hash of the group and the place in the file stay in memory, 16 bytes for each
row. A small spreadsheet never reaches the disk.

Two groups may have the same hash, although that takes billions of rows. `groups` may then mix their
rows, and its caller compares the groups themselves.
"""

from __future__ import annotations

import json
import tempfile
from array import array
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import IO, Any, Final

_IN_MEMORY: Final = 1 << 23
"""Bytes of rows that need no file."""


class RowStore(AbstractContextManager["RowStore"]):
    """Keeps records by the group that they belong to; a record is a list of texts and numbers."""

    def __init__(self, in_memory: int = _IN_MEMORY) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(in_memory)  # noqa: SIM115
        self._hashes, self._places = array("q"), array("q")
        self._end = 0

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def add(self, group: str, record: list[Any]) -> None:
        """Keep a record; call it before `groups`."""
        line = json.dumps(record).encode() + b"\n"
        self._file.write(line)
        self._hashes.append(hash(group))
        self._places.append(self._end)
        self._end += len(line)

    def groups(self) -> Iterator[list[list[Any]]]:
        """Yield the records of each group in their order; the groups by their first record."""
        if not self._hashes:
            return
        file, at, group = self._file, -1, list[list[Any]]()
        last = None
        for first, place in self._order():
            if first != last and group:
                yield group
                group = []
            last = first
            if place != at:
                file.seek(place)
            line = file.readline()
            at = place + len(line)
            group.append(json.loads(line))
        yield group

    def _order(self) -> Iterator[tuple[int, int]]:
        """The place of each record, grouped, with the number of the first record of its group."""
        import numpy as np

        hashes = np.frombuffer(self._hashes, np.int64)
        _, firsts, groups = np.unique(hashes, return_index=True, return_inverse=True)
        first = firsts[groups]
        order = np.argsort(first, kind="stable")
        places = np.frombuffer(self._places, np.int64)[order]
        return zip(first[order].tolist(), places.tolist(), strict=True)
