"""The records of XLS give the texts that Excel shows."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace

import pytest

from mailmerge.errors import SpreadsheetError
from mailmerge.recipients.formats.markup import Range, SeenCell
from mailmerge.recipients.formats.xls_book import SheetNotes, XlsBook

Row = tuple[int, list[tuple[int, str]]]


def record(kind: int, body: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def begin(kind: int, version: int = 0x600) -> bytes:
    return record(
        0x809,
        struct.pack("<HHHHII", version, kind, 0, 0, 0, 0x600)[: 16 if version == 0x600 else 8],
    )


END = record(0x0A)


def text(value: str) -> bytes:
    return struct.pack("<HB", len(value), 1) + value.encode("utf-16-le")


def style(number: int) -> bytes:
    return record(0xE0, struct.pack("<HH", 0, number) + bytes(16))


def book(*cells: bytes, before: bytes = b"", version: int = 0x600, state: int = 0) -> XlsBook:
    """A workbook with one sheet; `before` are records of the workbook itself."""
    name = b"Data" if version == 0x500 else b"\0Data"

    def head(offset: int) -> bytes:
        sheet = struct.pack("<IBBB", offset, state, 0, 4) + name
        return begin(5, version) + before + record(0x85, sheet) + END

    offset = len(head(0))
    return XlsBook(head(offset) + begin(0x10, version) + b"".join(cells) + END, "")


def read(found: XlsBook) -> tuple[Sequence[Row], SheetNotes]:
    notes = SheetNotes()
    return list(found.rows(found.sheets[0], notes)), notes


def cell(kind: int, column: int, value: bytes, form: int = 0) -> bytes:
    return record(kind, struct.pack("<HHH", 0, column, form) + value)


STYLES = record(0x41E, struct.pack("<H", 164) + text("0.00 €")) + style(0) + style(164) + style(9)


def test_numbers_have_the_format_of_their_style() -> None:
    rows, notes = read(
        book(
            cell(0x203, 0, struct.pack("<d", 2.675), 1),
            cell(0x27E, 1, struct.pack("<i", (50 << 2) | 3), 2),
            cell(0x27E, 2, struct.pack("<d", 0.25)[4:], 2),
            record(0xBD, struct.pack("<HHHiHiH", 0, 3, 0, 7 << 2 | 2, 1, -7 << 2 | 2, 4)),
            before=STYLES,
        )
    )
    assert rows == [(0, [(0, "2.68 €"), (1, "50%"), (2, "25%"), (3, "7"), (4, "-7.00 €")])]
    assert notes.guessed is not None
    assert notes.guessed.text == "2.68 €"


def test_shared_texts_may_be_counted_wrongly() -> None:
    """Some programs count texts wrongly; only a cell that refers to a missing one is damaged."""
    cells = [cell(0xFD, column, struct.pack("<I", 1 - column)) for column in (0, 1)]
    for count in (9, 0, 2):
        body = struct.pack("<II", count, count) + text("Ann") + text("Bob") + b"\x05"
        texts = record(0xFC, body)
        rows, _ = read(book(*cells, before=texts))
        assert rows == [(0, [(0, "Bob"), (1, "Ann")])]
    with pytest.raises(SpreadsheetError, match='A1 refers to the text "2"'):
        read(book(cell(0xFD, 0, struct.pack("<I", 2)), before=texts))


@pytest.mark.parametrize("bytes_before", [0, 2])
def test_a_shared_text_may_begin_at_the_end_of_a_record(bytes_before: int) -> None:
    """The bytes of its length end the record; the rest is in those that continue it."""
    whole = struct.pack("<II", 3, 3) + text("Ann") + text("Bob")
    at = len(whole) - len(text("Bob")) + bytes_before
    texts = record(0xFC, whole[:at]) + record(0x3C) + record(0x3C, whole[at:] + text("Cy"))
    cells = [cell(0xFD, column, struct.pack("<I", column)) for column in range(3)]
    rows, _ = read(book(*cells, before=texts))
    assert rows == [(0, [(0, "Ann"), (1, "Bob"), (2, "Cy")])]


def test_each_row_has_its_cells() -> None:
    numbers = [
        record(0x203, struct.pack("<HHHd", row, column, 0, float(row)))
        for row, column in ((0, 0), (0, 1), (2, 0))
    ]
    assert read(book(*numbers))[0] == [(0, [(0, "0"), (1, "0")]), (2, [(0, "2")])]
    with pytest.raises(SpreadsheetError, match="cut off"):
        read(book(*numbers, record(0x203, b"")))


def test_the_country_of_the_file_is_its_region() -> None:
    german = record(0x8C, struct.pack("<HH", 1, 49))
    rows, notes = read(book(cell(0x203, 0, struct.pack("<d", 2.675), 1), before=german + STYLES))
    assert (rows, notes.guessed) == ([(0, [(0, "2,68 €")])], None)


def test_texts_are_shared_or_in_the_cell() -> None:
    shared = record(0xFC, struct.pack("<II", 1, 1) + text("王"))
    rows, _ = read(
        book(
            cell(0xFD, 0, struct.pack("<I", 0)),
            cell(0x204, 1, text("Ann")),
            cell(0x06, 2, b"\0" * 6 + b"\xff\xff"),
            record(0x4BC, b"shared formula"),
            record(0x207, text("Zoë")),
            before=shared,
        )
    )
    assert rows == [(0, [(0, "王"), (1, "Ann"), (2, "Zoë")])]


def test_results_of_formulas_may_be_numbers_truths_and_errors() -> None:
    rows, notes = read(
        book(
            cell(0x06, 0, struct.pack("<d", 5)),
            cell(0x06, 1, b"\1\0\1\0\0\0\xff\xff"),
            cell(0x06, 2, b"\2\0\x2a\0\0\0\xff\xff"),
            cell(0x06, 3, b"\3\0\0\0\0\0\xff\xff"),
            cell(0x205, 4, b"\0\0"),
            cell(0x205, 5, b"\x07\1"),
            cell(0x203, 6, struct.pack("<d", float("nan"))),
        )
    )
    assert rows == [(0, [(0, "5"), (1, "TRUE"), (4, "FALSE")])]
    assert notes.faults == [
        SeenCell(0, 2, "#N/A", fault="error"),
        SeenCell(0, 5, "#DIV/0!", fault="error"),
        SeenCell(0, 6, "nan", fault="number"),
    ]


def test_hidden_rows_and_merged_cells_are_noted() -> None:
    hidden = record(0x208, struct.pack("<HHHHHHI", 3, 0, 1, 255, 0, 0, 0x20))
    merged = record(0xE5, struct.pack("<H4H", 1, 1, 2, 0, 3))
    _, notes = read(book(hidden, merged))
    assert (notes.hidden, notes.merged) == ([3], [Range(1, 0, 2, 3)])


def test_hidden_columns_are_noted() -> None:
    columns = [record(0x7D, struct.pack("<5H", 2, 4, 0, 15, flags)) for flags in (1, 0)]
    _, notes = read(book(*columns))
    assert notes.hidden_columns == [(2, 4)]


def test_a_chart_in_a_sheet_is_no_part_of_it() -> None:
    chart = begin(0x20) + cell(0x203, 0, struct.pack("<d", 1)) + END
    found = book(chart, cell(0x203, 1, struct.pack("<d", 2)))
    assert read(found)[0] == [(0, [(1, "2")])]
    assert found.has_cells(found.sheets[0])
    assert not book(chart).has_cells(book(chart).sheets[0])


def test_excel_5_has_texts_in_a_code_page() -> None:
    russian = record(0x42, struct.pack("<H", 1251)) + record(0x41E, b"\xa4\0\x050 \xf0\xf3\xe1")
    label = cell(0x204, 0, struct.pack("<H", 4) + "Анна".encode("cp1251"))
    number = cell(0x203, 1, struct.pack("<d", 5), 0)
    rows, _ = read(book(label, number, before=russian + style(164), version=0x500))
    assert rows == [(0, [(0, "Анна"), (1, "5 руб")])]


def test_days_may_count_from_1904() -> None:
    dates = (
        record(0x22, b"\1\0") + record(0x41E, struct.pack("<H", 164) + text("yyyy")) + style(164)
    )
    rows, _ = read(book(cell(0x203, 0, struct.pack("<d", 1)), before=dates))
    assert rows == [(0, [(0, "1904")])]


def test_a_sheet_may_start_behind_its_first_record() -> None:
    found = book(cell(0x203, 1, struct.pack("<d", 2)))
    behind = replace(found.sheets[0], start=found.sheets[0].start + len(begin(0x10)))
    assert list(found.rows(behind, SheetNotes())) == [(0, [(1, "2")])]
    assert found.has_cells(behind)


def test_charts_are_no_sheets_and_names_may_be_in_utf_16() -> None:
    chart = record(0x85, struct.pack("<IBBB", 0, 0, 2, 1) + b"\0C")
    name = "数据".encode("utf-16-le")
    chinese = record(0x85, struct.pack("<IBBB", 10**6, 0, 0, 2) + b"\1" + name)
    found = book(cell(0x203, 0, struct.pack("<d", 1)), before=chart + chinese)
    assert [one.name for one in found.sheets] == ["数据", "Data"]
    assert [found.has_cells(one) for one in found.sheets] == [False, True]


def test_hidden_sheets_are_named() -> None:
    assert [one.visible for one in book(state=2).sheets] == [False]


@pytest.mark.parametrize(
    ("stream", "code", "words"),
    [
        (b"", "file-damaged", "no workbook"),
        (b"\x09\x00\x04\x00\x02\x00\x10\x00", "format-unknown", "Excel 2, 3 or 4"),
        (begin(5) + record(0x2F, bytes(6)), "file-protected", ""),
        (begin(5) + b"\x85\x00\xff\x00", "file-damaged", "cut off"),
        (begin(5) + record(0xFC, struct.pack("<II", 1, 9)), "file-damaged", "cut off"),
    ],
)
def test_what_cannot_be_read_is_named(stream: bytes, code: str, words: str) -> None:
    with pytest.raises(SpreadsheetError) as caught:
        XlsBook(stream, "")
    assert caught.value.problem.code == code
    assert words in caught.value.problem.message


def test_a_cell_may_refer_to_no_text() -> None:
    with pytest.raises(SpreadsheetError, match='A1 refers to the text "7"'):
        read(book(cell(0xFD, 0, struct.pack("<I", 7))))


def test_a_sheet_that_is_cut_off_is_damage() -> None:
    whole = book(cell(0x203, 0, struct.pack("<d", 1)))
    assert read(whole)[0]
    with pytest.raises(SpreadsheetError, match="cut off"):
        read(book(b"\x03\x02\x40\x00"))
