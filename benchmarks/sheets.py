"""How many cells of workbooks mailmerge reads as LibreOffice shows them.

Without folders, LibreOffice itself makes the workbooks: from a sheet with every kind of format, in
seven locales, as XLSX, ODS and XLS. With folders, the workbooks in them are compared, sheet by
sheet. LibreOffice runs in the locale that mailmerge decides for each workbook, unless --locale
names one for all: otherwise it would show the numbers of a Russian workbook as an American one's.

Each cell is in one column of the table:

* cells: it has a text, and its result is in the file. Cells with an error are not counted.
* calculated: LibreOffice has another result for its formula than the file, or it is in a pivot
  table, which LibreOffice builds again. It is not among the cells.
* equal: mailmerge reads what LibreOffice shows, to the letter.
* excused: LibreOffice shows something else than Excel. The reasons follow, with an example each.
  With --excel, one reason is that Excel itself exported what mailmerge reads: FOLDER has the CSV
  files, as the folder 2016 of github.com/SheetJS/test_files.
* warned: they differ, and mailmerge warns of the column.
* different: all others. `right` is the share of cells without these.

    python benchmarks/sheets.py [FOLDER ...] [--locale de-DE ...] [--excel FOLDER] [--show 20]
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.recipients.libreoffice import LOCALES, Comparison, Office, every_kind, locale_of

GOALS = {".xlsx": 99.5, ".xlsm": 99.5, ".ods": 99.0, ".xls": 99.0}
_BATCH = 20
_SECONDS = 120
_SECONDS_OF_ONE = 20
_COLLECTIONS = ("apachepoi_", "xlrd_", "calamine_", "roo_", "openpyxl_r_")


def main() -> int:
    """Compare, print the table, and return 1 if a goal is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--locale", action="append", default=[])
    parser.add_argument("--excel", type=Path, help="CSV files that Excel exported")
    parser.add_argument("--show", type=int, default=20, help="differences to print")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        if options.folders:
            locale = (options.locale or [""])[0]
            found = _of_folders(options.folders, locale, options.excel, work)
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
    folders: Sequence[Path], locale: str, excel: Path | None, work: Path
) -> Iterator[tuple[str, Comparison]]:
    offices = _Offices(work)
    for folder in folders:
        paths = sorted(path for path in folder.rglob("*") if path.suffix.casefold() in GOALS)
        for suffix in GOALS:
            comparison = Comparison()
            by_locale: dict[str, list[Path]] = {}
            for path in paths:
                if path.suffix.casefold() == suffix:
                    by_locale.setdefault(locale or locale_of(path), []).append(path)
            for tag, own in by_locale.items():
                for start in range(0, len(own), _BATCH):
                    _add_all(comparison, offices.of(tag), own[start : start + _BATCH], excel)
            if by_locale:
                yield f"{folder.name} {suffix}", comparison


class _Offices:
    """A LibreOffice for each locale, which reads its settings when it starts."""

    def __init__(self, work: Path) -> None:
        self._work = work
        self._found: dict[str, Office] = {}

    def of(self, locale: str) -> Office:
        """The one of a locale."""
        if locale not in self._found:
            self._found[locale] = _office(self._work / f"profile-{locale}", locale)
        return self._found[locale]


def _add_all(
    comparison: Comparison, office: Office, paths: Sequence[Path], excel: Path | None
) -> None:
    """Compare workbooks: all of them in one run of LibreOffice; if that fails, one at a time.

    They get names of their own, since two in different folders may have the same one.
    """
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        named = {
            Path(shutil.copy(path, work / f"{number}-{path.name}")): path
            for number, path in enumerate(paths)
        }
        for what in (office.shown, office.formulas):
            try:
                what(list(named), work / what.__name__, seconds=_SECONDS)
            except subprocess.SubprocessError:
                for path in named:
                    with contextlib.suppress(subprocess.SubprocessError):
                        what([path], work / what.__name__, seconds=_SECONDS_OF_ONE)
        for path, original in named.items():
            exported = _exported(excel, original) if excel else []
            comparison.add(path, work / "shown", work / "formulas", exported)


def _exported(excel: Path, path: Path) -> list[Path]:
    """What Excel exported for the sheets of a workbook: NAME.XLSX.0.csv and so on.

    The name may have the name of its collection before it, as in the corpus of SheetJS.
    """
    names = {one.name for one in excel.glob("*.csv")}
    for prefix in ("", *_COLLECTIONS):
        if f"{prefix}{path.name}.0.csv" in names:
            found: list[Path] = []
            while (name := f"{prefix}{path.name}.{len(found)}.csv") in names:
                found.append(excel / name)
            return found
    return []


def _office(profile: Path, locale: str) -> Office:
    office = Office.find(profile, locale)
    if office is None:
        sys.exit("LibreOffice is missing (Debian: libreoffice-calc)")
    return office


def _report(found: Sequence[tuple[str, Comparison]], show: int) -> int:
    print(
        f"{'set':24} {'files':>6} {'cells':>9} {'calculated':>11} {'equal':>9} {'excused':>8} "
        f"{'warned':>7} {'different':>10} {'right':>9}"
    )
    missed = False
    for name, one in found:
        goal = GOALS["." + name.rpartition(".")[2]]
        missed = missed or one.right < goal
        print(
            f"{name:24} {one.files:6} {one.cells:9,} {one.calculated:11,} {one.equal:7.2f} % "
            f"{one.excused:8,} {one.warned:7,} {len(one.different):10,} {one.right:7.2f} %"
            f"{'' if one.right >= goal else f'  (goal {goal} %)'}"
        )
    _print_reasons(found)
    for name, one in found:
        for cell in one.different[:show]:
            print(
                f"{name}: {cell.file}, {cell.sheet}, {cell.place}: {cell.theirs!r} is read as "
                f"{cell.ours!r}"
            )
    return int(missed)


def _print_reasons(found: Sequence[tuple[str, Comparison]]) -> None:
    """Why LibreOffice shows something else than Excel, with the number of cells and an example."""
    counts: Counter[str] = sum((one.reasons for _, one in found), Counter())
    examples = {reason: cell for _, one in found for reason, cell in one.examples.items()}
    for reason, count in counts.most_common():
        cell = examples[reason]
        print(
            f"{count:9,} {reason}: {cell.theirs!r} for {cell.ours!r} "
            f"({cell.file}, {cell.sheet}, {cell.place})"
        )


if __name__ == "__main__":
    sys.exit(main())
