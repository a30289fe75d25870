"""The places of cells in binary workbooks are known before they are read."""

from __future__ import annotations

import struct

from mailmerge.recipients.formats.binary_extent import Extent, xlsb_extent


def test_an_extent_has_its_far_cell() -> None:
    extent = Extent("A")
    assert extent.cells == 0
    for place in ((2, 1), (9, 3), (5, 2)):
        extent.add(*place)
    assert (extent.far, extent.cells) == ((9, 3), 8 * 3)


def test_the_cells_of_xlsb_follow_their_row() -> None:
    row = b"\x00\x04" + struct.pack("<I", 7)
    cell = b"\x05\x08" + struct.pack("<II", 3, 0)
    empty = b"\x01\x08" + struct.pack("<II", 9, 0)
    long = b"\x81\x01\x85\x01" + bytes(133)  # another record, with a size of two bytes
    extent = xlsb_extent(row + long + cell + empty, "A")
    assert (extent.far, extent.cells) == ((7, 3), 1)
    assert xlsb_extent(b"\x80\xff\xff\xff\xff\xff", "A").cells == 0
