"""The places of cells in binary workbooks are known before they are read."""

from __future__ import annotations

import struct

from mailmerge.recipients.formats.binary_extent import Extent, xls_extents, xlsb_extent
from tests.faults.hostile_sheets import biff


def test_the_extent_of_a_sheet_has_its_far_cell() -> None:
    _, sheet = xls_extents(biff((2, 1, 1.0), (9, 3, 2.0), (5, 2, 3.0)))
    assert (sheet.sheet, sheet.far, sheet.cells) == ("Data", (9, 3), 8 * 3)


def test_an_empty_sheet_has_no_cells() -> None:
    assert Extent("A").cells == 0
    assert [one.cells for one in xls_extents(biff())] == [0, 0]
    assert xls_extents(b"\x01\x02\x03") == []


def test_a_stream_that_is_cut_off_is_read_to_its_end() -> None:
    stream = biff((2, 1, 1.0), (9, 3, 2.0))
    for size in range(len(stream)):
        xls_extents(stream[:size])


def test_the_cells_of_xlsb_follow_their_row() -> None:
    row = b"\x00\x04" + struct.pack("<I", 7)
    cell = b"\x05\x08" + struct.pack("<II", 3, 0)
    empty = b"\x01\x08" + struct.pack("<II", 9, 0)
    long = b"\x81\x01\x85\x01" + bytes(133)  # another record, with a size of two bytes
    extent = xlsb_extent(row + long + cell + empty, "A")
    assert (extent.far, extent.cells) == ((7, 3), 1)
    assert xlsb_extent(b"\x80\xff\xff\xff\xff\xff", "A").cells == 0
