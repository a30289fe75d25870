"""The program that reads binary workbooks prints JSON."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import openpyxl

from tests.faults.hostile_sheets import biff, ole, xls_cut, xlsb_far_cell, xlsb_noise

ROOT = Path(__file__).parents[3]


def printed(path: Path, *sheet: str) -> list[object]:
    command = [sys.executable, "-m", "mailmerge.recipients.formats.binary_reader"]
    done = subprocess.run(
        [*command, str(path), *sheet], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_sheets_and_cells_are_printed(tmp_path: Path) -> None:
    path = tmp_path / "r.xls"
    path.write_bytes(ole(biff((1, 2, 34.3), (1, 3, 7.0))))
    sheets, *rest = printed(path, "de-DE")
    assert sheets == {"sheets": [["Data", True, True]]}
    cells, notes = printed(path, "de-DE", "Data")
    assert [cells, notes] == rest  # the cells of the only sheet follow the list
    assert cells == [[1, [[2, "34,3"], [3, "7"]]]]
    assert isinstance(notes, dict)
    assert (notes["merged"], notes["hidden"], notes["locale"]) == ([], [], "de-DE")
    assert printed(path, "xx-XX") == [
        {"error": ['locale: "xx-XX" is not known',
                   'write a language and a country, such as "de-DE"', "wrong-value", None]}
    ]  # fmt: skip


def test_a_broken_xlsb_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "r.xlsb"
    xlsb_noise(path)
    for sheet in (("",), ("", "sheet1")):
        (error,) = printed(path, *sheet)
        assert isinstance(error, dict)
        assert error["error"][2] == "file-damaged"


def test_a_part_of_an_xlsb_that_unpacks_to_far_more_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.xlsb"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("xl/workbook.bin", b"")
        archive.writestr("xl/worksheets/sheet1.bin", bytes((128 << 20) + 1))
    (error,) = printed(path, "", "sheet1")
    assert isinstance(error, dict)
    assert (error["error"][0], error["error"][2]) == (
        "the sheet is too large for this format",
        "sheet-too-large",
    )


def test_several_sheets_are_listed_alone(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.create_sheet("Second")
    book.save(tmp_path / "r.xlsx")
    assert printed(tmp_path / "r.xlsx", "") == [
        {"sheets": [["Sheet", True, False], ["Second", True, False]]}
    ]


def test_many_rows_are_printed_on_a_line(tmp_path: Path) -> None:
    path = tmp_path / "r.xls"
    path.write_bytes(ole(biff(*((row, 0, 1.0) for row in range(250)))))
    _, *batches, notes = printed(path, "")
    assert isinstance(notes, dict)
    assert [len(batch) for batch in batches if isinstance(batch, list)] == [100, 100, 50]


def test_what_is_wrong_is_printed(tmp_path: Path) -> None:
    path = tmp_path / "r.xls"
    xls_cut(path)
    ((error),) = printed(path, "")
    assert isinstance(error, dict)
    assert error["error"][2] == "file-damaged"
    xlsb_far_cell(path)
    ((error),) = printed(path, "", "sheet1")
    assert isinstance(error, dict)
    assert error["error"][2:] == ["sheet-too-large", 1_048_576]
