"""How many cells of workbooks mailmerge reads as LibreOffice shows them.

Without folders, LibreOffice itself makes the workbooks: from a sheet with every kind of format, in
seven locales, as XLSX, ODS and XLS. With folders, the workbooks in them are compared, sheet by
sheet. Not counted are cells that have an error, cells of a column for which mailmerge warns, and
cells in which LibreOffice is known to differ from Excel (`excused`).

    python benchmarks/sheets.py [FOLDER ...] [--locale de-DE ...] [--show 20]
    python benchmarks/sheets.py --speed     # 65,000 rows of 10 columns, as XLS, XLSX and ODS
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import openpyxl
from openpyxl.cell import WriteOnlyCell

from mailmerge import read_recipients
from tests.recipients.libreoffice import LOCALES, Comparison, Office, every_kind

GOALS = {".xlsx": 99.5, ".xlsm": 99.5, ".ods": 99.0, ".xls": 99.0}
_BATCH = 20
_SECONDS = 120
_ROWS = 65_000


def main() -> int:
    """Compare, print the table, and return 1 if a goal is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--locale", action="append", default=[])
    parser.add_argument("--show", type=int, default=20, help="differences to print")
    parser.add_argument("--speed", action="store_true", help="print the time to read 65,000 rows")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        if options.speed:
            return _speed(work)
        if options.folders:
            found = _of_folders(options.folders, (options.locale or ["en-US"])[0], work)
        else:
            found = _of_locales(options.locale or LOCALES, work)
        return _report(list(found), options.show)


def _of_locales(locales: Sequence[str], work: Path) -> Iterator[tuple[str, Comparison]]:
    for locale in locales:
        folder = work / locale
        folder.mkdir()
        office = _office(work / f"profile-{locale}", locale)
        every_kind(folder / "kinds.xlsx")
        for suffix in (".xlsx", ".ods", ".xls"):
            saved, shown = folder / f"saved{suffix}", folder / f"shown{suffix}"
            office.convert([folder / "kinds.xlsx"], suffix[1:], saved)
            office.shown([saved / f"kinds{suffix}"], shown)
            comparison = Comparison()
            comparison.add(saved / f"kinds{suffix}", shown)
            yield f"{locale} {suffix}", comparison


def _of_folders(
    folders: Sequence[Path], locale: str, work: Path
) -> Iterator[tuple[str, Comparison]]:
    office = _office(work / "profile", locale)
    for folder in folders:
        paths = sorted(path for path in folder.rglob("*") if path.suffix.casefold() in GOALS)
        for suffix in GOALS:
            comparison = Comparison()
            own = [path for path in paths if path.suffix.casefold() == suffix]
            for number, start in enumerate(range(0, len(own), _BATCH)):
                _add_all(
                    comparison, office, own[start : start + _BATCH], work / f"{suffix}{number}"
                )
            if own:
                yield f"{folder.name} {suffix}", comparison


def _add_all(comparison: Comparison, office: Office, paths: Sequence[Path], shown: Path) -> None:
    """Compare workbooks: all of them in one run of LibreOffice; if that fails, one at a time.

    They get names of their own, since two in different folders may have the same one.
    """
    shown.mkdir(parents=True)
    named = [
        Path(shutil.copy(path, shown / f"{number}-{path.name}"))
        for number, path in enumerate(paths)
    ]
    try:
        office.shown(named, shown, seconds=_SECONDS)
    except subprocess.SubprocessError:
        for path in named:
            with contextlib.suppress(subprocess.SubprocessError):
                office.shown([path], shown, seconds=_SECONDS)
    for path in named:
        comparison.add(path, shown)


def _speed(work: Path) -> int:
    """Print how long a large sheet takes in each format; the aim for XLS is 3 seconds."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Data")
    source = random.Random(1)
    sheet.append(["email", "name", "city", "n", "price", "day", "share", "id", "x", "note"])
    first = dt.date(2020, 1, 1)
    for row in range(_ROWS - 1):
        formatted = (
            (source.random() * 1000, "#,##0.00"), (first + dt.timedelta(row % 2000), "dd.mm.yyyy"),
            (source.random(), "0.0%"), (row, "00000"),
        )  # fmt: skip
        cells = [WriteOnlyCell(sheet, value) for value, _ in formatted]
        for cell, (_, code) in zip(cells, formatted, strict=True):
            cell.number_format = code
        sheet.append([f"p{row}@example.org", f"Name {row}", f"City {row % 500}", row, *cells,
                      source.random(), f"note {row % 77}"])  # fmt: skip
    book.save(work / "large.xlsx")
    office = _office(work / "profile", "en-US")
    for suffix in ("xls", "ods"):
        office.convert([work / "large.xlsx"], suffix, work)
    for suffix in ("xls", "xlsx", "ods"):
        before = _processor_seconds()
        rows = read_recipients(work / f"large.{suffix}")
        seconds = _processor_seconds() - before
        print(f".{suffix:5} {len(rows):7,} rows {seconds:6.2f} s of processor time")
    return 0


def _processor_seconds() -> float:
    """The processor time of this process and of those that it started."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _office(profile: Path, locale: str) -> Office:
    office = Office.find(profile, locale)
    if office is None:
        sys.exit("LibreOffice is missing (Debian: libreoffice-calc)")
    return office


def _report(found: Sequence[tuple[str, Comparison]], show: int) -> int:
    print(f"{'set':24} {'files':>6} {'cells':>9} {'excused':>8} {'different':>10} {'equal':>8}")
    missed = False
    for name, one in found:
        goal = GOALS["." + name.rpartition(".")[2]]
        missed = missed or one.equal < goal
        print(
            f"{name:24} {one.files:6} {one.cells:9,} {one.excused:8,} {len(one.different):10,} "
            f"{one.equal:7.2f} %{'' if one.equal >= goal else f'  (goal {goal} %)'}"
        )
    for name, one in found:
        for file, sheet, place, theirs, ours in one.different[:show]:
            print(f"{name}: {file}, {sheet}, {place}: {theirs!r} is read as {ours!r}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
