"""The workbook in an OLE2 file is found, and no chain of sectors is endless."""

from __future__ import annotations

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


def test_a_chain_beyond_the_table_is_damaged() -> None:
    with pytest.raises(BrokenChainError):
        workbook_stream(ole(biff((0, 0, 1.0)), table=lambda n: 4_000_000))
