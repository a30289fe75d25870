"""The styles of an XLSX workbook: the number format of each one, and what cells show in it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, time
from typing import Literal

from mailmerge.recipients.formats.format_code import is_date_code
from mailmerge.recipients.formats.markup import SeenCell
from mailmerge.recipients.formats.number_format import (
    GENERAL,
    Region,
    Shown,
    built_in_format,
    show_number,
    show_text,
    shows_other_text,
)

_DIGITS_KEPT = 15
"""Digits of a number that a sheet keeps: those of an IEEE 754 double."""

_LONGEST_FORMAT = 1024  # Excel allows 255
_REMEMBERED = 50_000
_NUMBER = re.compile(r"[ \t\r\n]*[+-]?([0-9]++\.?[0-9]*+|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t\r\n]*")
_NO_NUMBER = frozenset({"nan", "inf", "infinity"})
_DAY_SECONDS = 86_400
_EXACT = 1e16

_Tag = tuple[str, Mapping[str, str]]


def integer(text: str | None) -> int:
    """A number of a style; 0, which is General, if it is missing or not one."""
    return int(text) if text and len(text) < 10 and text.isascii() and text.isdigit() else 0


def is_text_value(raw: str) -> bool:
    """Whether a value without a type is a text, as some programs write it: no number at all."""
    word = raw.strip(" \t\r\n+-").lower()
    return word not in _NO_NUMBER and not _NUMBER.fullmatch(raw)


def read_formats(tags: Sequence[_Tag], region: Region) -> list[str]:
    """The number format of each cell style, in their order.

    A conditional format has number formats too, under numbers of its own (`dxf`); they are not
    those of cells.
    """
    own: dict[int, str] = {}
    styles: list[int] = []
    inside = ""
    for tag, element in tags:
        if tag in {"dxfs", "cellXfs"}:
            inside = tag
        elif tag in {"/dxfs", "/cellXfs"}:
            inside = ""
        elif tag == "numFmt" and inside != "dxfs":
            code = element.get("formatCode", GENERAL)
            own[integer(element.get("numFmtId"))] = code if len(code) <= _LONGEST_FORMAT else ""
        elif tag == "xf" and inside == "cellXfs":
            styles.append(integer(element.get("numFmtId")))
    return [own.get(number) or built_in_format(number, region) for number in styles] or [GENERAL]


def style_names(tags: Sequence[_Tag]) -> Iterator[str]:
    """The name of the normal cell style, in the language of the program."""
    for tag, element in tags:
        if tag == "cellStyle" and element.get("builtinId") == "0":
            yield element.get("name", "")


class Styles:
    """What the cells of a workbook look like; the results are remembered.

    Attributes:
        texts: the texts that cells share.
        truth: the words for true and false.
        changes_texts: whether any format changes texts.
        guessed: whether the region is a guess.
    """

    def __init__(
        self, formats: Sequence[str], texts: list[str], region: Region, *, from_1904: bool
    ) -> None:
        """`formats` has the number format of each cell style."""
        self.texts = texts
        self.truth = region.locale.truth
        self.guessed = region.guessed
        self._region = region
        self._formats = formats
        self._from_1904 = from_1904
        self._codes = {str(index): code for index, code in enumerate(formats)}
        self._shown: dict[tuple[str, str], SeenCell] = {}
        self._texts_changed = {
            str(index): code for index, code in enumerate(formats) if shows_other_text(code)
        }
        self.changes_texts = bool(self._texts_changed)

    def number(self, raw: str, style: str) -> SeenCell:
        """What a number shows, as a cell at row 0 and column 0."""
        key = raw, style
        shown = self._shown.get(key)
        if shown is None:
            if len(self._shown) >= _REMEMBERED:
                self._shown.clear()
            shown = self._shown[key] = self.show(raw, style)
        return shown

    def text(self, text: str, style: str) -> str:
        """What a text shows."""
        code = self._texts_changed.get(style) if self.changes_texts else None
        return text if code is None else show_text(text, code)

    def date(self, raw: str, style: str) -> SeenCell:
        """What a date in ISO 8601 shows; its own text without a format of dates."""
        serial = _serial(raw, from_1904=self._from_1904)
        if serial is None or not is_date_code(self._code(style)):
            return SeenCell(0, 0, raw.removesuffix("T00:00:00"))
        return self.number(serial, style)

    def _code(self, style: str) -> str:
        code = self._codes.get(style)
        if code is None:
            index = integer(style)
            code = self._formats[index] if index < len(self._formats) else GENERAL
        return code

    def show(self, raw: str, style: str) -> SeenCell:
        """The same as `number`, for a caller that remembers its results."""
        value = float(raw) if _NUMBER.fullmatch(raw) else math.nan
        if not math.isfinite(value):
            return SeenCell(0, 0, raw[:40], fault="number")
        if not value:
            raw = "0"  # 1e-999999999 is none that Decimal can calculate with
        shown = show_number(raw, self._code(style), from_1904=self._from_1904, region=self._region)
        return self.seen(shown, value, 0, 0)

    def show_finite(self, value: float, style: int) -> Shown:
        """What a number shows that is not a text in the file, and the number of its style."""
        code = self._formats[style] if style < len(self._formats) else GENERAL
        raw = str(int(value)) if value.is_integer() and abs(value) < _EXACT else repr(value)
        return show_number(raw, code, from_1904=self._from_1904, region=self._region)

    def seen(self, shown: Shown, value: float, row: int, column: int) -> SeenCell:
        """What the cell in a place shows, and what is to be said about it."""
        fault: Literal["", "digits", "country"] = "country" if shown.misread else ""
        if abs(value) >= 10**_DIGITS_KEPT:
            fault = "digits"
        regional = shown.regional and self.guessed
        return SeenCell(row, column, shown.text, shown.certain, fault, regional)


def _serial(raw: str, *, from_1904: bool) -> str | None:
    """The number of a date, a date with a time, or a time alone, in ISO 8601."""
    text = raw.strip().removesuffix("Z")
    try:
        if "-" not in text:
            clock = time.fromisoformat(text.removeprefix("T"))
            whole = clock.hour * 3600 + clock.minute * 60 + clock.second
            return repr((whole + clock.microsecond / 1_000_000) / _DAY_SECONDS)
        when = datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return None
    first = datetime(1904, 1, 1) if from_1904 else datetime(1899, 12, 30)  # noqa: DTZ001
    days = (when - first).total_seconds() / _DAY_SECONDS
    return repr(days if from_1904 or days > 60 else days - 1)
