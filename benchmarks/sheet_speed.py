"""How much processor time large spreadsheets take: CSV, XLSX, XLS and ODS.

Each file is read by a process of its own; its imports are not counted. With another checkout of
this repository, both read each file in turns, and the shortest time of each counts: CSV is to take
no longer than there, XLSX at most 1.1 times as long, and 65,000 rows of XLS 3 seconds.

    python benchmarks/sheet_speed.py [--against CHECKOUT] [--rounds 3] [--rows 1000000]
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import openpyxl
from openpyxl.cell import WriteOnlyCell

from benchmarks.recipients import write_people
from tests.recipients.libreoffice import Office

_XLSX_ROWS = 100_000
_XLS_ROWS = 65_000
_READ = """
import os, pathlib, sys
from mailmerge.recipients.spreadsheet import read_spreadsheet
from mailmerge.settings import RecipientsSection
import pandas
begun = sum(os.times()[:4])
rows = sum(1 for _ in read_spreadsheet(pathlib.Path(sys.argv[1]), RecipientsSection()).rows())
print(rows, sum(os.times()[:4]) - begun)
"""


def main() -> None:
    """Make the files, read them, and print the times."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--against", type=Path, help="another checkout of this repository")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the CSV file")
    options = parser.parse_args()
    checkouts = [Path(__file__).parents[1], *filter(None, [options.against])]
    with tempfile.TemporaryDirectory() as folder:
        for path in _files(Path(folder), options.rows):
            print(_line(path, checkouts, options.rounds), flush=True)


def _files(work: Path, csv_rows: int) -> list[Path]:
    """The large files; XLS and ODS only where LibreOffice can make them."""
    files = [work / "large.csv", work / "large.xlsx"]
    write_people(files[0], csv_rows)
    _write_workbook(files[1], _XLSX_ROWS)
    office = Office.find(work / "profile")
    if office is not None:
        _write_workbook(work / "small.xlsx", _XLS_ROWS)
        for suffix in ("xls", "ods"):
            office.convert([work / "small.xlsx"], suffix, work)
            files.append(work / f"small.{suffix}")
    return files


def _write_workbook(path: Path, rows: int) -> None:
    """Write a sheet of 10 columns: texts, numbers and dates, in several formats."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Data")
    source = random.Random(1)
    sheet.append(["email", "name", "city", "n", "price", "day", "share", "id", "x", "note"])
    first = dt.date(2020, 1, 1)
    for row in range(rows - 1):
        formatted = (
            (source.random() * 1000, "#,##0.00"), (first + dt.timedelta(row % 2000), "dd.mm.yyyy"),
            (source.random(), "0.0%"), (row, "00000"),
        )  # fmt: skip
        cells = [WriteOnlyCell(sheet, value) for value, _ in formatted]
        for cell, (_, code) in zip(cells, formatted, strict=True):
            cell.number_format = code
        sheet.append([f"p{row}@example.org", f"Name {row}", f"City {row % 500}", row, *cells,
                      source.random(), f"note {row % 77}"])  # fmt: skip
    book.save(path)


def _line(path: Path, checkouts: Sequence[Path], rounds: int) -> str:
    """The rows of a file, and the shortest time of each checkout."""
    times: dict[Path, list[float]] = {one: [] for one in checkouts}
    rows = 0
    for _ in range(rounds):
        for checkout in checkouts:
            rows, seconds = _read(path, checkout)
            times[checkout].append(seconds)
    own, *others = (min(one) for one in times.values())
    text = f"{path.suffix:6} {rows:9,} rows {own:6.2f} s of processor time"
    return f"{text}; there {others[0]:.2f} s: {own / others[0]:.2f} times" if others else text


def _read(path: Path, checkout: Path) -> tuple[int, float]:
    """The rows of a file, and the processor time of the process that reads it with a checkout."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", _READ, str(path)],
        cwd=path.parent, env={**os.environ, "PYTHONPATH": str(checkout)},
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    rows, seconds = done.stdout.split()
    return int(rows), float(seconds)


if __name__ == "__main__":
    main()
