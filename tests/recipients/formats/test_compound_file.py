"""The workbook in an OLE2 file is found, and no chain of sectors is endless."""

from __future__ import annotations

import struct

import pytest

from mailmerge.recipients.formats.compound_file import (
    BrokenChainError,
    CircleError,
    workbook_stream,
)
from tests.faults.hostile_sheets import biff, ole


def test_the_workbook_is_found() -> None:
    stream = biff((0, 0, 1.0))
    found = workbook_stream(ole(stream))
    assert found is not None
    assert found.startswith(stream)


def test_a_file_without_a_workbook_has_none() -> None:
    other = ole(b"x").replace("Workbook".encode("utf-16-le"), "Document".encode("utf-16-le"))
    assert workbook_stream(other) is None


def test_a_circle_of_sectors_is_found() -> None:
    with pytest.raises(CircleError):
        workbook_stream(ole(biff((0, 0, 1.0)), table=lambda n: n))
    with pytest.raises(CircleError):
        workbook_stream(ole(biff((0, 0, 1.0)), table=lambda n: 2))


@pytest.mark.parametrize("size", [10, 40, 600, 1100, 2000])
def test_a_file_that_is_cut_off_is_damaged(size: int) -> None:
    with pytest.raises(BrokenChainError):
        workbook_stream(ole(biff((0, 0, 1.0)))[:size])


def with_more_tables(content: bytes, first: int) -> bytes:
    """The file with sectors that list the sectors of its table, the first of them this one."""
    return content[:68] + struct.pack("<I", first) + content[72:]


def test_a_long_table_lists_its_sectors_elsewhere() -> None:
    content = ole(biff((0, 0, 1.0)))
    number = len(content) // 512 - 1
    table = struct.pack("<128I", 0, *[0xFFFFFFFF] * 126, 0xFFFFFFFE)
    # The header lists no sector of the table, the added one lists it.
    moved = content[:76] + b"\xff" * 4 + content[80:] + table
    assert workbook_stream(with_more_tables(moved, number)) == workbook_stream(content)


def test_a_circle_in_the_list_of_the_table_is_found() -> None:
    content = ole(biff((0, 0, 1.0)))
    number = len(content) // 512 - 1
    table = struct.pack("<128I", *[0xFFFFFFFF] * 127, number)
    with pytest.raises(CircleError):
        workbook_stream(with_more_tables(content + table, number))


def test_a_stream_shorter_than_its_size_is_damaged() -> None:
    content = ole(biff((0, 0, 1.0)))
    size = struct.pack("<III", 2, 4096, 0)
    assert size in content
    with pytest.raises(BrokenChainError, match="cut off"):
        workbook_stream(content.replace(size, struct.pack("<III", 2, 5000, 0)))


def test_a_chain_beyond_the_table_is_damaged() -> None:
    with pytest.raises(BrokenChainError):
        workbook_stream(ole(biff((0, 0, 1.0)), table=lambda n: 4_000_000))
