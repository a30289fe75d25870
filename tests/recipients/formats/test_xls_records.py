"""Texts of XLS go on in the next record, and say there again how wide their characters are."""

from __future__ import annotations

import struct

import pytest

from mailmerge.recipients.formats.xls_records import (
    CutOffError,
    TextReader,
    codec_of,
    records,
)

CONTINUE = 0x3C


def record(kind: int, body: bytes) -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def text_of(*bodies: bytes) -> str:
    stream = record(0xFC, bodies[0]) + b"".join(record(CONTINUE, one) for one in bodies[1:])
    return TextReader(stream, 4, 4 + len(bodies[0])).text()


def test_each_record_has_its_kind_and_place() -> None:
    stream = record(1, b"ab") + record(2, b"")
    assert list(records(stream, 0)) == [(1, 4, 6), (2, 10, 10)]
    assert list(records(stream + bytes(2), 6)) == [(2, 10, 10)]


def test_a_record_beyond_the_end_is_cut_off() -> None:
    with pytest.raises(CutOffError):
        list(records(record(1, b"abc")[:-1], 0))
    assert list(records(bytes(2) + b"\xff\xff", 0)) == []  # what pads the last sector


def test_a_text_is_narrow_or_wide() -> None:
    assert text_of(b"\x02\x00\x00\xe9!") == "é!"
    assert text_of(b"\x01\x00\x01" + "王".encode("utf-16-le")) == "王"


def test_a_text_changes_its_width_in_the_next_record() -> None:
    assert text_of(b"\x04\x00\x00ab", b"\x01" + "王明".encode("utf-16-le")) == "ab王明"
    assert text_of(b"\x03\x00\x01" + "王".encode("utf-16-le"), b"\x00cd") == "王cd"
    assert text_of(b"\x01\x00", b"\x00", b"\x00x") == "x"


def test_a_record_that_continues_nothing_is_passed_over() -> None:
    assert text_of(b"\x02\x00", b"", b"\x00", b"", b"\x00xy") == "xy"
    assert text_of(b"\x03\x00\x00a", b"", b"\x00bc") == "abc"
    assert text_of(b"\x02\x00\x01a\x00b", b"\x01c\x00") == "ac"


def test_the_sizes_of_a_text_may_be_in_the_next_record() -> None:
    assert text_of(b"\x01\x00\x04", b"\x00\x00\x00\x00x") == "x"
    assert text_of(b"\x01\x00\x08", b"\x00\x00x") == "x"


def test_runs_and_phonetic_parts_are_passed_over() -> None:
    two = b"\x01\x00\x0c\x01\x00\x02\x00\x00\x00x" + bytes(4)
    stream = record(0xFC, two) + record(CONTINUE, bytes(2) + b"\x01\x00\x00y")
    reader = TextReader(stream, 4, 4 + len(two))
    assert (reader.text(), reader.text()) == ("x", "y")


def test_a_text_that_ends_too_early_is_cut_off() -> None:
    for bodies in ([b"\x05\x00\x00ab"], [b"\x02\x00\x01a"], [b""]):
        with pytest.raises(CutOffError):
            text_of(*bodies)


def test_code_pages_have_a_codec() -> None:
    assert [codec_of(n) for n in (1251, 10000, 1200, 4711)] == [
        "cp1251", "mac-roman", "utf-16-le", "cp1252",
    ]  # fmt: skip
