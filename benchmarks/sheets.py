"""How many cells of workbooks mailmerge reads as LibreOffice shows them.

Without folders, LibreOffice itself makes the workbooks: from a sheet with every kind of format, in
seven locales, as XLSX, ODS and XLS. With folders, the workbooks in them are compared, sheet by
sheet. Not counted are cells that have an error, cells of a column for which mailmerge warns, and
cells in which LibreOffice is known to differ from Excel (`excused`).

    python benchmarks/sheets.py [FOLDER ...] [--locale de-DE ...] [--show 20]
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.recipients.libreoffice import LOCALES, Comparison, Office, every_kind

GOALS = {".xlsx": 99.5, ".xlsm": 99.5, ".ods": 99.0, ".xls": 99.0}
_BATCH = 20
_SECONDS = 120


def main() -> int:
    """Compare, print the table, and return 1 if a goal is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--locale", action="append", default=[])
    parser.add_argument("--show", type=int, default=20, help="differences to print")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
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
