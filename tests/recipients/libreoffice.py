"""What LibreOffice shows in the cells of a workbook, compared with what mailmerge reads.

LibreOffice is not Excel, and it calculates some formulas again. `reason_to_differ` names why it
shows something else than a sheet does, so that a comparison counts these cells apart. It also shows
a workbook in the country of the computer, whatever country the workbook names: so it has to run in
the locale that mailmerge decides for the workbook (`locale_of`), or both would be right and differ.
"""

from __future__ import annotations

import contextlib
import csv
import datetime as dt
import html
import os
import re
import shutil
import signal
import subprocess
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import openpyxl

from mailmerge.errors import MailmergeError
from mailmerge.recipients.bounds import Bounds, Budget
from mailmerge.recipients.formats.binary_book import BinaryBook
from mailmerge.recipients.formats.compound_file import BrokenChainError, workbook_stream
from mailmerge.recipients.formats.locales import find_locale
from mailmerge.recipients.formats.markup import SeenCell
from mailmerge.recipients.formats.office_open import OfficeOpenBook
from mailmerge.recipients.formats.open_document import OpenDocumentBook
from mailmerge.recipients.formats.sheet import Book, Sheet
from mailmerge.recipients.formats.xls_book import XlsBook
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
        command = [
            self.program, f"-env:UserInstallation={self.profile.as_uri()}", "--headless",
            "--convert-to", to, "--outdir", str(folder), *map(str, paths),
        ]  # fmt: skip
        # The program starts another one, which does the work: a group of their own ends both.
        nothing = subprocess.DEVNULL
        process = subprocess.Popen(command, stdout=nothing, stderr=nothing, start_new_session=True)
        try:
            if process.wait(seconds):
                raise subprocess.CalledProcessError(process.returncode, command)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def shown(self, paths: Sequence[Path], folder: Path, seconds: int = 300) -> None:
        """Write what each sheet of each workbook shows: STEM-SHEET.csv."""
        self.convert(paths, _AS_SHOWN, folder, seconds)

    def formulas(self, paths: Sequence[Path], folder: Path, seconds: int = 300) -> None:
        """Write the formulas of each sheet, and the values of other cells: STEM-SHEET.csv."""
        self.convert(paths, _FORMULAS, folder, seconds)


@dataclass(frozen=True)
class Difference:
    """A cell in which the two differ, and what is known about it.

    Attributes:
        theirs, ours: what LibreOffice shows, what mailmerge reads.
        code: the number format, if the sheet says it in column A.
        formula: the formula of the cell; "" if it has none.
        saved: the texts that are in the file; only for OpenDocument.
        excel: what Excel itself exported for the cell; None if there is no such export.
        in_pivot: the cell is in or beneath a pivot table.
    """

    file: str
    sheet: str
    place: str
    theirs: str
    ours: str
    code: str = ""
    formula: str = ""
    saved: frozenset[str] = frozenset()
    excel: str | None = None
    in_pivot: bool = False


@dataclass
class Comparison:
    """How many cells are equal, and which are not.

    Attributes:
        cells: those that have a text for either of the two, and whose result is in the file:
            without those that LibreOffice calculates again, or builds again in a pivot table.
        calculated: those.
        warned: those that differ, and for whose column mailmerge warns.
        reasons: how many cells differ because LibreOffice shows something else than Excel.
        examples: the first cell of each reason.
        different: all others.
    """

    files: int = 0
    cells: int = 0
    calculated: int = 0
    warned: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    examples: dict[str, Difference] = field(default_factory=dict)
    different: list[Difference] = field(default_factory=list)

    @property
    def excused(self) -> int:
        """The cells in which LibreOffice shows something else than Excel."""
        return sum(self.reasons.values())

    @property
    def equal(self) -> float:
        """The share of cells that are equal to the letter, in percent."""
        unequal = len(self.different) + self.warned + self.excused
        return 100 * (1 - unequal / max(self.cells, 1))

    @property
    def right(self) -> float:
        """The share of cells that are equal, warned of, or excused, in percent."""
        return 100 * (1 - len(self.different) / max(self.cells, 1))

    def add(
        self,
        path: Path,
        shown: Path,
        formulas: Path | None = None,
        excel: Sequence[Path] = (),
        locale: str = "",
    ) -> bool:
        """Compare all sheets of a workbook; false if one of the two programs cannot read it.

        Args:
            path: the workbook.
            shown: the folder with the CSV files of `Office.shown`.
            formulas: that with those of `Office.formulas`; without it no cell is known to have one.
            excel: the CSV files that Excel exported, one for each sheet; none if it is not known.
            locale: as under [recipients].
        """
        read = False
        pivots = _pivots(path)
        for number, (name, sheet) in enumerate(_sheets(path, locale)):
            written = f"{path.stem}-{re.sub(r'[/:*?<>|]', '_', name)}.csv"
            if (shown / written).exists():
                read = True
                known = _Known(
                    path, name,
                    _rows(formulas / written) if formulas else [],
                    _aligned(_rows(excel[number]), sheet) if number < len(excel) else None,
                    pivots.get(name, ()),
                )  # fmt: skip
                self._sheet(known, sheet, _rows(shown / written))
        self.files += read
        return read

    def _sheet(self, known: _Known, sheet: Sheet, shown: _Rows) -> None:
        faults = {(seen.row, seen.column) for seen in sheet.faults}
        width = max([len(sheet.columns), *map(len, shown)], default=0)
        for row in range(max(sheet.height, len(shown))):
            theirs = shown[row] if row < len(shown) else []
            code = theirs[0].removeprefix("code ") if theirs else ""
            for column in range(width):
                seen, ours = _tidy(_cell(shown, row, column)), _tidy(sheet.cell(row, column))
                if not (seen or ours) or (row, column) in faults:
                    continue
                self.cells += 1
                if seen == ours:
                    continue
                found = known.difference(row, column, seen, ours, code)
                self._differs(found, sheet.uncertain.get(column), row)

    def _differs(self, found: Difference, warning: SeenCell | None, row: int) -> None:
        reason = reason_to_differ(found)
        if found.in_pivot or (not reason and _calculated_again(found)):
            self.cells -= 1
            self.calculated += 1
            return
        if not reason and found.ours in found.saved and found.theirs not in found.saved:
            reason = "it shows another text than the program that saved the file (ODS)"
        if not reason and found.excel == found.ours:
            reason = "Excel's own export says what mailmerge reads"
        if reason:
            self.reasons[reason] += 1
            self.examples.setdefault(reason, found)
        elif warning is not None and warning.row <= row:
            self.warned += 1
        else:
            self.different.append(found)


_Area = tuple[int, int, int, int]
_Rows = list[list[str]]


@dataclass(frozen=True)
class _Known:
    """What is known about a sheet besides the two texts of each cell."""

    path: Path
    sheet: str
    formulas: _Rows
    excel: _Rows | None
    pivots: Sequence[_Area]

    def difference(self, row: int, column: int, theirs: str, ours: str, code: str) -> Difference:
        """What is known about a cell in which the two differ."""
        formula = _cell(self.formulas, row, column)
        return Difference(
            self.path.name,
            self.sheet,
            openpyxl.utils.get_column_letter(column + 1) + str(row + 1),
            theirs,
            ours,
            code,
            formula if formula.startswith(("=", "{=")) else "",
            _saved_texts(self.path),
            None if self.excel is None else _tidy(_cell(self.excel, row, column)),
            any(_near(area, row, column) for area in self.pivots),
        )


def _aligned(rows: _Rows, sheet: Sheet) -> _Rows:
    """What Excel exported, from A1 on: it leaves out empty rows and columns before the first."""
    ours = [sheet.row(row) for row in range(sheet.height)]
    (top, left), (first, begin) = _first_cell(ours), _first_cell(rows)
    below = [[""] * (left - begin) + row for row in rows]
    return [[] for _ in range(top - first)] + below


def _first_cell(rows: _Rows) -> tuple[int, int]:
    """The first row and the first column that have a text."""
    full = [row for row, texts in enumerate(rows) if any(text.strip() for text in texts)]
    columns = [next((n for n, one in enumerate(row) if one.strip()), 10**6) for row in rows]
    return (full[0], min(columns)) if full else (0, 0)


_PIVOT_MARGIN = 30


def _near(area: _Area, row: int, column: int) -> bool:
    """Whether a cell is in a pivot table, or where one that is built again may reach."""
    left, top, right, bottom = area
    return (
        left - 1 <= column + 1 <= right + _PIVOT_MARGIN
        and top - _PIVOT_MARGIN <= row + 1 <= bottom + _PIVOT_MARGIN
    )


def _pivots(path: Path) -> dict[str, list[_Area]]:
    """The pivot tables of an XLSX workbook: the areas that they fill, by the name of the sheet."""
    found: dict[str, list[_Area]] = {}
    if not _is_archive(path):
        return found
    with contextlib.suppress(KeyError, zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        book = archive.read("xl/workbook.xml").decode("utf-8", "replace")
        relations = archive.read("xl/_rels/workbook.xml.rels").decode("utf-8", "replace")
        targets = {}
        for element in re.findall(r"<Relationship [^>]*>", relations):
            about = dict(re.findall(r'(Id|Target)="([^"]*)"', element))
            targets[about["Id"]] = about["Target"].rpartition("/")[2]
        for name, relation in re.findall(r'<sheet [^>]*name="([^"]*)"[^>]*r:id="([^"]*)"', book):
            rels = f"xl/worksheets/_rels/{targets.get(relation)}.rels"
            if rels in names:
                text = archive.read(rels).decode("utf-8", "replace")
                for part in re.findall(r"pivotTables/[^\"]+\.xml", text):
                    table = archive.read(f"xl/{part}").decode("utf-8", "replace")
                    for ref in re.findall(r'<location [^>]*ref="([^"]*)"', table):
                        area = openpyxl.utils.range_boundaries(ref)
                        found.setdefault(name, []).append(area)
    return found


@cache
def _saved_texts(path: Path) -> frozenset[str]:
    """All texts of the cells of an OpenDocument file, as its program saved them."""
    if path.suffix.casefold() != ".ods":
        return frozenset()
    with zipfile.ZipFile(path) as archive:
        content = archive.read("content.xml").decode("utf-8", "replace")
    texts = re.findall(r"<text:p>(.*?)</text:p>", content, re.DOTALL)
    return frozenset(_tidy(html.unescape(re.sub("<[^>]*>", "", text))) for text in texts)


def _rows(path: Path) -> _Rows:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", errors="replace", newline="") as stream:
        return list(csv.reader(stream))


def _cell(rows: _Rows, row: int, column: int) -> str:
    return rows[row][column] if row < len(rows) and column < len(rows[row]) else ""


_ERROR = re.compile(r"#[A-Z/0!?]+[!?A]|Err:\d+|#MACRO\?")


def _calculated_again(found: Difference) -> bool:
    """Whether LibreOffice has another result for a formula than the file."""
    if not found.formula:
        return False
    if _ERROR.fullmatch(found.theirs) or not (found.theirs and found.ours):
        return True
    return _number(found.theirs) is None or _number(found.theirs) != _number(found.ours)


def _number(text: str) -> float | None:
    """The value of a plain number."""
    try:
        return float(text)
    except ValueError:
        return None


@cache
def _truths() -> frozenset[tuple[str, str]]:
    """The numbers and the words of what is true and false."""
    locales = filter(None, map(find_locale, ("en-US", *LOCALES)))
    return frozenset(pair for locale in locales for pair in zip("10", locale.truth, strict=True))


_SIGNS = {ord(sign): "-" for sign in "负負−－"}
_FRACTION = re.compile(r"-? ?(?:(?P<whole>\d+)(?: |$))?(?:(?P<over>\d+)/(?P<under>[1-9]\d*))?")
_OLD_YEAR = re.compile(r"(?:1899|1900|\b00\b|\b99\b)")


def reason_to_differ(found: Difference) -> str:
    """Why LibreOffice shows something else than Excel; "" if no reason is known."""
    return next((reason for reason, holds in _REASONS.items() if holds(found)), "")


def _exponent(found: Difference) -> bool:
    return re.sub(r"E([+-])0(?=\d\d\b)", r"E\1", found.theirs) == found.ours


def _condition(found: Difference) -> bool:
    return found.code.startswith("[") and found.theirs.lstrip("-") == found.ours.lstrip("-")


def _narrow(found: Difference) -> bool:
    return found.theirs.startswith("#") and found.theirs.strip("#") == ""


_REASONS: dict[str, Callable[[Difference], bool]] = {
    "it drops the sign of conditions": _condition,
    "it writes three digits of an exponent": _exponent,
    "it shows the truth of an XLS file as a number": lambda found: (
        (found.theirs, found.ours) in _truths()
    ),
    "it writes the sign of a number in Chinese characters too": lambda found: (
        found.theirs.translate(_SIGNS) == found.ours
    ),
    "it writes a space before the percent sign of formats that have only a number": (
        lambda found: found.theirs == found.ours.replace("%", " %")
    ),
    "its column is too narrow": _narrow,
    "it cuts off the second that Excel rounds": lambda found: _seconds_apart(
        found.theirs, found.ours
    ),
    "it leaves out the sign of a fraction that is rounded to 0": lambda found: (
        f"-{found.theirs}" == found.ours == "-0"
    ),
    "it takes the nearest fraction, Excel a convergent": lambda found: _fractions_of_one(
        found.theirs, found.ours
    ),
    "it counts the days before March 1900 without Excel's 29 February": lambda found: _is_day_apart(
        found.theirs, found.ours
    ),
}


def _fractions_of_one(theirs: str, ours: str) -> bool:
    """Whether both are fractions of one number; days such as 12/7 and 12/8 share a part."""
    one, other = _FRACTION.fullmatch(theirs), _FRACTION.fullmatch(ours)
    if one is None or other is None or not (one["over"] or other["over"]):
        return False
    if any(one[part] and one[part] == other[part] for part in ("over", "under")):
        return False
    return abs(_fraction(one) - _fraction(other)) < _NEAR


_NEAR = 0.12  # one ninth and nothing


def _fraction(match: re.Match[str]) -> float:
    return int(match["whole"] or 0) + int(match["over"] or 0) / int(match["under"] or 1)


def _is_day_apart(theirs: str, ours: str) -> bool:
    """Whether two dates of 1900 may be one day apart."""
    if _number(theirs) is not None or not (_OLD_YEAR.search(theirs) and _OLD_YEAR.search(ours)):
        return False
    return _FORM.sub("", theirs) == _FORM.sub("", ours)


_FORM = re.compile(r"[^\W_]+")
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


def locale_of(path: Path) -> str:
    """The locale that mailmerge decides for a workbook, or the language of an OpenDocument file.

    It is "en-US" if the file names none.
    """
    source = open_input_file(path, path.name)
    with contextlib.suppress(MailmergeError, zipfile.BadZipFile, BrokenChainError, KeyError):
        if not _is_archive(path):
            data = path.read_bytes()
            stream = data if data[:1] == b"\x09" else workbook_stream(data) or b""
            return XlsBook(stream, "").region.locale.tag
        with zipfile.ZipFile(path) as archive:
            if "content.xml" not in archive.namelist():
                budget = Budget(Bounds.of(source.size), path.name)
                return OfficeOpenBook(archive, budget, "").locale
            styles = archive.read("styles.xml").decode("utf-8", "replace")
        default = _DEFAULT_STYLE.search(styles)
        named = dict(re.findall(r'fo:(language|country)="(\w+)"', default[0])) if default else {}
        locale = find_locale("-".join(named.get(one, "") for one in ("language", "country")))
        return locale.tag if locale else "en-US"
    return "en-US"


_DEFAULT_STYLE = re.compile(
    r'<style:default-style [^>]*style:family="table-cell".*?</style:default-style>', re.DOTALL
)


def _is_archive(path: Path) -> bool:
    """Whether it begins as a ZIP file does: one may also be at the end of an XLS file."""
    return path.read_bytes()[:2] == b"PK"


def _sheets(path: Path, locale: str) -> Iterator[tuple[str, Sheet]]:
    source = open_input_file(path, path.name)
    bounds = Bounds.of(source.size)
    try:
        if not _is_archive(path):
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
