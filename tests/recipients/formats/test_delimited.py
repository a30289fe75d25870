"""Delimited text is read cell for cell, and every row keeps the number of its line."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mailmerge.errors import Problem, SpreadsheetError
from mailmerge.recipients.formats.delimited import plain_text
from mailmerge.recipients.table import BATCH_ROWS, SheetRow
from tests.recipients.conftest import Folder

# What each encoding can write, without what is blank or refused in any file.
LETTERS = {
    "utf-8": "aZ0 é姓名😀\"',;|\t\n\r=@-\u00a0",
    "utf-8-sig": "aZ0 é姓名😀\"',;|\t\n\r=@-\u00a0",
    "utf-16": "aZ0 é姓名😀\"',;|\t\n\r=@-\u00a0",
    "gb18030": "aZ0 é姓名王李北京😀\"',;|\t\n\r=@-",
    "cp950": "aZ0 姓名陳美台北\"',;|\t\n\r=@-",
    "cp932": "aZ0 名前田中さくらタロ\"',;|\t\n\r=@-",
    "cp1252": "aZ0 éüñ€\"',;|\t\n\r=@-",
}


@st.composite
def tables(draw: st.DrawFn) -> tuple[str, list[list[str]]]:
    """An encoding, and some rows of cells that it can write; the first cell names the row."""
    encoding = draw(st.sampled_from(sorted(LETTERS)))
    width = draw(st.integers(1, 5))
    cells = st.text(LETTERS[encoding], max_size=8)
    body = draw(st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=12))
    return encoding, [[f"p{n}", *row] for n, row in enumerate(body)]


def number_of_lines(row: list[str]) -> int:
    text = "\x1f".join(row)
    return len(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    tables(),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\r\n", "\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
@example(("utf-8", [["p0", "\r"], ["p1", "\n"], ["p2", '"']]), ",", "\r\n", csv.QUOTE_MINIMAL)
def test_any_table_is_read_back_cell_for_cell(
    folder: Folder,
    table: tuple[str, list[list[str]]],
    delimiter: str,
    end: str,
    quoting: int,
) -> None:
    encoding, body = table
    if end == "\n":  # the csv module then writes a lone CR without quotation marks
        body = [[cell.replace("\r", "") for cell in row] for row in body]
    header = ["email", *(f"column {n}" for n in range(1, len(body[0])))]
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)  # type: ignore[arg-type] # one of csv's constants
    writer.writerows([header, *body])
    folder.put(text.getvalue().encode(encoding))
    for wanted in ({}, {"encoding": encoding}, {"delimiter": delimiter}):
        if not wanted and encoding not in {"utf-8", "utf-8-sig", "utf-16"}:
            continue  # a table of three letters may belong to several encodings
        if "delimiter" in wanted:
            wanted["encoding"] = encoding
        rows = [row for row in folder.open(**wanted).records() if isinstance(row, SheetRow)]
        assert [list(row.cells.values()) for row in rows] == [
            list(map(plain_text, cells)) for cells in body
        ]
        expected = 2
        for row, cells in zip(rows, body, strict=True):
            assert row.number == expected
            expected += number_of_lines(cells)


@pytest.mark.parametrize("before", [0, *range(BATCH_ROWS - 8, BATCH_ROWS + 1)])
def test_rows_of_every_kind_may_lie_across_two_blocks(folder: Folder, before: int) -> None:
    above = "x,0\n" * before
    folder.put(f'email,n\n{above}a,1\n"b\nb",2\n\nc\nd,4,5\ne,5\n\nf,"6\n6"\n')
    records = list(folder.open().records())
    rows = [(one.number, one.cells["n"]) for one in records if isinstance(one, SheetRow)]
    assert rows[:before] == [(n, "0") for n in range(2, before + 2)]
    below = [(2, "1"), (3, "2"), (6, ""), (8, "5"), (10, "6\n6")]
    assert rows[before:] == [(number + before, text) for number, text in below]
    problems = [one.row for one in records if isinstance(one, Problem)]
    assert problems == [before + 6, before + 7]


def test_rows_ends_at_the_first_error(folder: Folder) -> None:
    folder.put("email,n\na,1\nb\nc,3,3\nd,4\n")
    rows = folder.open().rows()
    assert [next(rows).number, next(rows).number] == [2, 3]
    with pytest.raises(SpreadsheetError) as caught:
        next(rows)
    assert caught.value.problem.row == 4
    assert caught.value.problem.code == "row-too-long"


def test_disagreeing_readers_are_an_error(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    import pandas as pd

    folder.put("email,n\na,1\nb,2\n")
    spreadsheet = folder.open()
    monkeypatch.setattr(pd, "read_csv", lambda *_, **__: pd.DataFrame([["a", "1"]]))
    with pytest.raises(SpreadsheetError) as caught:
        list(spreadsheet.rows())
    assert caught.value.problem.code == "readers-disagree"


def test_a_broken_header_is_an_error_of_its_line(folder: Folder) -> None:
    folder.put('em"ail","na"me"\na,1\n')
    assert (folder.problem().code, folder.problem().row) == ("quote-stray", 1)
    folder.put('"email,name\na,1\n')
    assert (folder.problem().code, folder.problem().row) == ("quote-open", 1)


SAMPLE = 65_536
"""How many characters are looked at for the delimiter."""


def test_a_very_wide_table_is_read_whole(folder: Folder) -> None:
    names = ",".join(f"c{n}" for n in range(1200))
    cells = ",".join(f"x{n}" for n in range(1199))
    folder.put(f'email,{names}\na@x.org,"=""007""",{cells}\n"b@x.org",,{cells}\n')
    first, second = folder.open().rows()
    assert (first.cells["email"], first.cells["c0"], first.cells["c1199"]) == (
        "a@x.org", "007", "x1198",
    )  # fmt: skip
    assert (second.cells["email"], second.cells["c0"], second.cells["c1"]) == ("b@x.org", "", "x0")


def test_short_rows_of_a_wide_table_are_refused(folder: Folder) -> None:
    names = ",".join(f"c{n}" for n in range(2000))
    folder.put(f"email,{names}\n" + "a@x.org\n" * 3000)
    with pytest.raises(SpreadsheetError, match="of 2,001 columns") as caught:
        list(folder.open().rows())
    assert caught.value.problem.code == "cells-missing"


def test_a_file_that_changes_into_another_encoding_has_changed(folder: Folder) -> None:
    path = folder.put("email,n\n" + "a@x.org,é\n" * 3000)
    rows = folder.open().rows()
    path.write_bytes(b"email,n\n" + b"a@x.org,\xe9\n" * 3000)
    with pytest.raises(SpreadsheetError, match="changed"):
        list(rows)


def test_spaced_quotation_marks_below_a_title_line_are_cells(folder: Folder) -> None:
    folder.put('sep=;\nemail; "name"\na@x.org; "Bob; Jr."\n')
    (row,) = folder.open().rows()
    assert row.cells["name"] == "Bob; Jr."


def test_a_file_longer_than_its_sample_is_read_whole(folder: Folder) -> None:
    lines = "".join(f"p{n};{'x' * 100}\n" for n in range(2000))
    path = folder.put("email;text\n" + lines)
    assert path.stat().st_size > 3 * SAMPLE
    assert [row.number for row in folder.open().rows()] == list(range(2, 2002))


@pytest.mark.parametrize("end", ["\n", "\r"])
def test_the_sample_ends_with_a_whole_line(folder: Folder, end: str) -> None:
    """Commas and semicolons make equally good tables here; half a line would break the tie."""
    lines = ["email,a;b", "x,1;email"]
    lines += [f"{'y' * 1000},1;2"] * 64
    size = len(end.join([*lines, ""]))
    assert size < SAMPLE - 100
    lines.append(f"{'z' * 50};{'z' * (SAMPLE - size)},1")  # the sample ends before the comma
    folder.put(end.join([*lines, ""]))
    assert folder.open().columns == ("email", "a;b")


def test_a_line_without_an_end_is_an_error(folder: Folder, tmp_path: Path) -> None:
    folder.put("email," + "x" * 300_000)
    assert folder.problem().code == "cell-too-long"


def test_a_pandas_index_is_left_out_with_a_notice(folder: Folder) -> None:
    folder.put(',email,name\n0,a@x.org,Ann\n1,b@x.org,"B\n B"\n2,c@x.org\n')
    index, short = folder.problems()
    assert (index.code, index.row, index.message[:8]) == ("column-index", 1, "column A")
    assert (short.code, short.row) == ("row-too-short", 5)
    rows = [row.cells for row in folder.open().rows()]
    assert rows == [
        {"email": "a@x.org", "name": "Ann"},
        {"email": "b@x.org", "name": "B\n B"},
        {"email": "c@x.org", "name": ""},
    ]


def test_a_first_column_without_a_name_that_does_not_count_is_an_error(folder: Folder) -> None:
    for cells in (("x", "y"), ("1", "1"), ("2", "1"), ("", "1")):
        folder.put(",email\n" + "".join(f"{one},a@x.org\n" for one in cells))
        assert folder.problem().code == "column-unnamed"


def rows_of(folder: Folder, text: str) -> list[list[str]]:
    folder.put(text)
    return [list(row.cells.values()) for row in folder.open().rows()]


@pytest.mark.parametrize("above", [0, 9000])
def test_spaces_before_quotation_marks_are_left_out(folder: Folder, above: int) -> None:
    rows = rows_of(folder, "email, name\n" + "a@x.de,A\n" * above + 'b@x.de, "Doe, ""J"" Jane"\n')
    assert rows[-1] == ["b@x.de", 'Doe, "J" Jane']


def test_spaces_inside_of_quotation_marks_stay(folder: Folder) -> None:
    rows = rows_of(folder, 'email,name,b\na@x.de," ""x, ""y""",  z\n')
    assert rows == [["a@x.de", ' "x, "y"', "  z"]]


@pytest.mark.parametrize("written", ['="00123"', '"=""00123"""', ' ="00123"'])
def test_a_text_formula_is_its_text(folder: Folder, written: str) -> None:
    assert rows_of(folder, f"email,n\na@x.de,{written}\n") == [["a@x.de", "00123"]]
    folder.put('email,="n"\na@x.de,1\n')
    assert folder.open().columns == ("email", "n")


def test_separators_at_the_end_of_lines_are_no_cells(folder: Folder) -> None:
    assert rows_of(folder, "email,n,,\na@x.de,1,,\nb@x.de,2\n") == [
        ["a@x.de", "1"],
        ["b@x.de", "2"],
    ]
    assert rows_of(folder, 'email,n\na@x.de,"1, 2",\n') == [["a@x.de", "1, 2"]]
    folder.put("email,n\na@x.de,1,oops\n")
    assert folder.problem().code == "row-too-long"
    folder.put("email,n,\na@x.de,1,text\n")
    assert folder.problem().code == "column-unnamed"


def test_backslashes_before_quotation_marks_are_read_as_a_database_writes_them(
    folder: Folder,
) -> None:
    rows = rows_of(folder, 'email,n\na@x.de,"The \\"Rock\\" Jones"\n')
    assert rows == [["a@x.de", 'The "Rock" Jones']]
    assert rows_of(folder, 'email,n\na@x.de,"C:\\"\n') == [["a@x.de", "C:\\"]]
