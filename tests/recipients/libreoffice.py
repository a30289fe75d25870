"""What LibreOffice shows in the cells of a workbook, compared with what mailmerge reads.

LibreOffice is not Excel, and it calculates some formulas again. `reason_to_differ` names why it shows
something else than a sheet does, so that a comparison counts these cells apart. It also shows a file
without a country of its own as the country of the computer does: so it runs in the locale that
mailmerge decides for the file (`locale_of`), and the decimal sign is on neither side of the
comparison.
"""

from __future__ import annotations

import csv
import datetime as dt
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import openpyxl

from mailmerge.errors import MailmergeError
from mailmerge.recipients.bounds import Bounds, Budget
from mailmerge.recipients.formats.binary_book import BinaryBook
from mailmerge.recipients.formats.locales import find_locale
from mailmerge.recipients.formats.office_open import OfficeOpenBook
from mailmerge.recipients.formats.open_document import OpenDocumentBook
from mailmerge.recipients.formats.sheet import Book, Sheet
from mailmerge.recipients.input_file import open_input_file

LOCALES = ("de-DE", "fr-FR", "es-ES", "ar-SA", "zh-CN", "ja-JP", "ru-RU")
_SETTINGS = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry"><item
oor:path="/org.openoffice.Setup/L10N"><prop oor:name="ooSetupSystemLocale" oor:op="fuse"><value
>{locale}</value></prop></item></oor:items>
"""
# Tokens: comma, quotation mark, UTF-8, first row, ..., as shown, formulas, ..., all sheets.
_AS_SHOWN = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,true,false,false,-1"
_FORMULAS = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,true,false,-1"

NUMBERS = (0, 1, -1, 5, 0.5, -0.5, 12, 1234.5, -1234.567, 44.274999999999999, 1234567.891, 0.045)
# Not before March 1900: there LibreOffice counts without Excel's 29 February.
DAYS = (400.25, 45366.0, 46055.75, 46376.510416666664, 44197.999988425923, 61.5)
NUMBER_CODES = (
    "General", "0", "0.00", "#,##0", "#,##0.00", "0%", "0.0%", "0.00E+00", "##0.0E+0", "0.0E-0",
    "# ?/?", "# ??/??", "# ?/16", "00000", "000-00-0000", "(000) 000-0000",
    "#,##0.00;[Red]-#,##0.00", "0;(0)", '0;-0;"none"', '"yes";"no";"zero"', '0" pcs"',
    '#,##0.00\\ "€"', "[$€-407] #,##0.00", '_-* #,##0.00\\ "kr"_-', "#,##0 ;(#,##0)",
    '_(* #,##0.00_);_(* \\(#,##0.00\\);_(* "-"??_);_(@_)', '0.0,"K"', "[$-407]#,##0.00",
    "[$-40C]#,##0.00", "[$-419]#,##0.00", "[$-4009]#,##0.00", "0.000", "+0;-0", "$#,##0.00",
    '[<1]"low";[>=100]"high";"middle"', "[DBNum1][$-804]General", "[DBNum2][$-804]0",
    "[DBNum1][$-411]0", "[DBNum3][$-804]0",
)  # fmt: skip
DATE_CODES = (
    "yyyy-mm-dd", "dd.mm.yyyy", "d/m/yyyy", "m/d/yy", "d mmm yyyy", "dddd, d mmmm yyyy", "mmm yy",
    "h:mm", "hh:mm:ss", "h:mm AM/PM", "yyyy-mm-dd hh:mm", "[h]:mm", "[mm]:ss", "mm:ss.0",
    "[$-407]d. mmmm yyyy", "[$-40C]dddd d mmmm yyyy", "[$-C0A]d mmm yyyy", "[$-419]d mmmm yyyy",
    '[$-411]ggge"年"m"月"d"日"', "[$-404]e/m/d", '[$-804]yyyy"年"m"月"d"日"', "[$-804]aaaa",
    "[$-2000401]dd/mm/yyyy", "[$-D07041E]d mmmm yyyy", '[DBNum1][$-804]yyyy"年"m"月"d"日"',
    "[$-415]d mmmm yyyy",
)  # fmt: skip


def every_kind(path: Path) -> None:
    """Write a workbook with a cell of every kind of format; column A says which code it is."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["code", *(f"n{index}" for index in range(len(NUMBERS)))])
    for code, values in [
        *((code, NUMBERS) for code in NUMBER_CODES),
        *((code, DAYS) for code in DATE_CODES),
    ]:
        sheet.append([f"code {code}", *values])
        for cell in sheet[sheet.max_row][1 : len(values) + 1]:
            cell.number_format = code
    sheet.append(["truth", True, False, "text", dt.date(2026, 11, 30)])
    for letter in "BCDEFGHIJKLM":
        sheet.column_dimensions[letter].width = 45
    book.save(path)


@dataclass(frozen=True)
class Office:
    """A LibreOffice with a profile of its own, in one locale."""

    program: str
    profile: Path
    locale: str = "en-US"

    @classmethod
    def find(cls, profile: Path, locale: str = "en-US") -> Office | None:
        """The LibreOffice of this computer; None if it has none."""
        program = shutil.which("soffice")
        if program is None:
            return None
        (profile / "user").mkdir(parents=True, exist_ok=True)
        settings = profile / "user" / "registrymodifications.xcu"
        settings.write_text(_SETTINGS.format(locale=locale), "utf-8")
        return cls(program, profile, locale)

    def convert(self, paths: Sequence[Path], to: str, folder: Path, seconds: int = 300) -> None:
        """Save workbooks in another format, into a folder; those that it cannot read are left out.

        Raises:
            subprocess.SubprocessError: it failed, or took longer than that.
        """
        subprocess.run(
            [
                self.program, f"-env:UserInstallation={self.profile.as_uri()}", "--headless",
                "--convert-to", to, "--outdir", str(folder), *map(str, paths),
            ],
            check=True, capture_output=True, timeout=seconds,
        )  # fmt: skip

    def shown(self, paths: Sequence[Path], folder: Path, seconds: int = 300) -> None:
        """Write what each sheet of each workbook shows: STEM-SHEET.csv."""
        self.convert(paths, _AS_SHOWN, folder, seconds)

    def formulas(self, paths: Sequence[Path], folder: Path, seconds: int = 300) -> None:
        """Write the formulas of each sheet, and the values of other cells: STEM-SHEET.csv."""
        self.convert(paths, _FORMULAS, folder, seconds)


@dataclass
class Comparison:
    """How many cells are equal, and which are not.

    Attributes:
        cells: those that have a text for either of the two.
        excused: those in which LibreOffice is known to differ from Excel, or that have a warning.
        different: file, sheet, cell, what LibreOffice shows, what mailmerge reads.
    """

    files: int = 0
    cells: int = 0
    excused: int = 0
    different: list[tuple[str, str, str, str, str]] = field(default_factory=list)

    @property
    def equal(self) -> float:
        """The share of equal cells, in percent."""
        return 100 * (1 - len(self.different) / max(self.cells, 1))

    def add(self, path: Path, csv_folder: Path, locale: str = "") -> bool:
        """Compare all sheets of a workbook; false if one of the two programs cannot read it."""
        read = False
        for name, sheet in _sheets(path, locale):
            written = csv_folder / f"{path.stem}-{re.sub(r'[/:*?<>|]', '_', name)}.csv"
            if written.exists():
                read = True
                self._sheet(path, name, sheet, written)
        self.files += read
        return read

    def _sheet(self, path: Path, name: str, sheet: Sheet, written: Path) -> None:
        with written.open(encoding="utf-8", newline="") as stream:
            shown = list(csv.reader(stream))
        faults = {(seen.row, seen.column) for seen in sheet.faults}
        width = max([len(sheet.columns), *map(len, shown)], default=0)
        for row in range(max(sheet.height, len(shown))):
            theirs = shown[row] if row < len(shown) else []
            code = theirs[0].removeprefix("code ") if theirs else ""
            for column in range(width):
                seen = _tidy(theirs[column]) if column < len(theirs) else ""
                ours = _tidy(sheet.cell(row, column))
                if not (seen or ours) or (row, column) in faults:
                    continue
                self.cells += 1
                if seen == ours:
                    continue
                warned = sheet.uncertain.get(column)
                if (warned and warned.row == row) or differs_from_excel(code, seen, ours):
                    self.excused += 1
                else:
                    place = openpyxl.utils.get_column_letter(column + 1) + str(row + 1)
                    self.different.append((path.name, name, place, seen, ours))


@cache
def _truths() -> frozenset[str]:
    locales = filter(None, map(find_locale, ("en-US", *LOCALES)))
    return frozenset(word for locale in locales for word in locale.truth)


_SIGNS = {ord(sign): "-" for sign in "负負−－"}


def differs_from_excel(code: str, theirs: str, ours: str) -> bool:
    """Whether LibreOffice shows something else than Excel, for a reason that is known."""
    if theirs.lstrip("-") == ours.lstrip("-") and code.startswith("["):
        return True  # it drops the sign of conditions
    if re.sub(r"E([+-])0(?=\d\d\b)", r"E\1", theirs) == ours:
        return True  # it writes three digits of an exponent
    if theirs in {"0", "1"} and ours in _truths():
        return True  # it shows the truth of an XLS file as a number
    if theirs.translate(_SIGNS) == ours:
        return True  # it writes the sign of a number in Chinese characters too
    if theirs.startswith("#") and theirs.strip("#") == "":
        return True  # its column is too narrow
    return _seconds_apart(theirs, ours)


_NUMBERS = re.compile(r"\d+")


def _seconds_apart(theirs: str, ours: str) -> bool:
    """Whether the times are one unit apart: LibreOffice cuts off the second that Excel rounds."""
    if ":" not in ours or _NUMBERS.sub("", theirs) != _NUMBERS.sub("", ours):
        return False
    pairs = list(zip(_NUMBERS.findall(theirs), _NUMBERS.findall(ours), strict=True))
    first = next(index for index, (one, other) in enumerate(pairs) if one != other)
    one, other = map(int, pairs[first])
    rest = pairs[first + 1 :]
    return other - one == 1 and all(int(after) == 0 for _, after in rest)


def _tidy(text: str) -> str:
    return " ".join(text.replace("\xa0", " ").replace("\u202f", " ").split())


def _sheets(path: Path, locale: str) -> Iterator[tuple[str, Sheet]]:
    source = open_input_file(path, path.name)
    bounds = Bounds.of(source.size)
    try:
        if not zipfile.is_zipfile(path):
            yield from _of(BinaryBook(source, Budget(bounds, path.name), locale))
            return
        with zipfile.ZipFile(path) as archive:
            budget = Budget(bounds, path.name)
            book: Book
            if "content.xml" in archive.namelist():
                book = OpenDocumentBook(archive, budget)
            else:
                book = OfficeOpenBook(archive, budget, locale)
            yield from _of(book)
    except (MailmergeError, zipfile.BadZipFile):
        return


def _of(book: Book) -> Iterator[tuple[str, Sheet]]:
    for sheet in book.sheets:
        yield sheet.name, book.read(sheet.name)
