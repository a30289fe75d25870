"""A number of a worksheet and its number format -> the text that the sheet shows.

The codes are those of ECMA-376, part 1, 18.8.30 and 18.8.31; XLS has the same ones. The sheet's
program does the following, and each step can go wrong in a way that no one sees in a letter:

1. **15 digits first.** A sheet keeps doubles and promises 15 digits. A file writes 17 of them, so
   44.275 stands as 44.274999999999999. What is rounded to two places is 44.2750000000000: 44.28.
   Each number is first rounded to 15 significant digits, then to the places of its format, and both
   times a half goes away from zero.
2. **The section.** A code has up to four sections. Without conditions they are for positive
   numbers, negative ones, zero and texts. Conditions (`[>=1000]`) replace these meanings, and the
   first that holds is taken. A section that only negative numbers reach shows no minus sign of its
   own: it writes what it wants, such as brackets. Every other section shows one. (LibreOffice drops
   it in more cases; a lost sign is worse than an additional one.)
3. **The kind of the section.** `General`; digits; a fraction; an exponent; a date or an elapsed
   time; or text alone. A date sign decides before digits do, because `0` and `.` also stand in
   dates.
4. **Digits** are put into places from the decimal point to both sides. The first place takes all
   that is left, so nothing is cut off. `0` writes a zero, `?` a space, `#` nothing.
5. **General** has 15 digits at most. In a cell Excel shows 11 characters, and fewer in a narrow
   one; that depends on the width of the column, and a letter has no columns. So the digits are
   those that the same cell has when it is wide or edited. Numbers from 10^16 on, and those below
   0.0001 that need more than 11 characters, have an exponent, as in Excel.
6. **Dates** are days since 1900 or 1904. Excel knows 29 February 1900, and a day 0. Times are
   rounded to what the format shows of seconds; hours and minutes are cut off, not rounded, so that
   13:59:40 is 13:59. Elapsed time, `[h]`, counts on beyond its unit.
7. **The country.** `[$-407]` names a locale: its names of months and days, decimal point and
   thousands. Without it the region of the workbook decides. `Shown.regional` says whether another
   region would give another text, so that a guess can be reported.
8. **Padding.** `_x` leaves the width of a character, `*x` fills the cell, and both are for columns
   of numbers. A section with padding, or a fraction, loses the spaces at its edges.
9. **Scripts.** A locale may name the shape of digits and a calendar; `[DBNum1]` writes numbers in
   Chinese characters. See `numerals` and `format_dates`.

What is not known (a calendar, a sign in brackets) gives the plain form of the number, marked as
uncertain; so does what Excel shows as ####, such as a negative date.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache
from typing import NamedTuple

from mailmerge.cell_numbers import parse_number
from mailmerge.recipients.formats.format_code import Section, sections_of, text_section
from mailmerge.recipients.formats.format_dates import DateStyle, show_date
from mailmerge.recipients.formats.format_digits import (
    Layout,
    layout_of,
    show_digits,
    show_exponent,
    show_fraction,
    show_simple,
)
from mailmerge.recipients.formats.locales import ENGLISH, Locale
from mailmerge.recipients.formats.numerals import shape_known, shaped, written_out

GENERAL = "General"

_KEPT = Context(prec=15, rounding=ROUND_HALF_UP)
_WIDEST_GENERAL = 11
_EXPONENT_FROM = 16

# Formats that a file names by number only. Those that differ between countries are in `_regional`.
_BUILT_IN = {
    0: GENERAL,
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    12: "# ?/?",
    13: "# ??/??",
    14: "[$-F800]yyyy-mm-dd",
    15: "d-mmm-yy",
    16: "d-mmm",
    17: "mmm-yy",
    18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM",
    20: "h:mm",
    21: "h:mm:ss",
    22: "[$-F800]yyyy-mm-dd hh:mm",
    37: "#,##0 ;(#,##0)",
    38: "#,##0 ;[Red](#,##0)",
    39: "#,##0.00;(#,##0.00)",
    40: "#,##0.00;[Red](#,##0.00)",
    41: '_(* #,##0_);_(* (#,##0);_(* "-"_);_(@_)',
    43: '_(* #,##0.00_);_(* (#,##0.00);_(* "-"??_);_(@_)',
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss.0",
    48: "##0.0E+0",
    49: "@",
}
_UNKNOWN = "[unknown]General"
_DOLLARS = {
    5: "$#,##0;($#,##0)",
    6: "$#,##0;[Red]($#,##0)",
    7: "$#,##0.00;($#,##0.00)",
    8: "$#,##0.00;[Red]($#,##0.00)",
    42: '_($* #,##0_);_($* (#,##0);_($* "-"_);_(@_)',
    44: '_($* #,##0.00_);_($* (#,##0.00);_($* "-"??_);_(@_)',
}
_EAST_ASIAN_DATES = frozenset({*range(27, 37), *range(50, 59)})
# Of these numbers: era, era in full, m/d/y, full date, time, time with seconds, and two more that
# differ; `_EAST_ASIAN` has the codes of each language in this order.
_EAST_ASIAN_KINDS = {
    27: 0, 36: 0, 50: 0, 57: 0, 28: 1, 29: 1, 51: 1, 54: 1, 58: 1, 30: 2, 31: 3, 32: 4, 33: 5,
    34: 6, 52: 6, 55: 6, 35: 7, 53: 7, 56: 7,
}  # fmt: skip
_EAST_ASIAN = {
    "zh-CN": (
        'yyyy"年"m"月"', 'm"月"d"日"', "m-d-yy", 'yyyy"年"m"月"d"日"', 'h"时"mm"分"',
        'h"时"mm"分"ss"秒"', '上午/下午h"时"mm"分"', '上午/下午h"时"mm"分"ss"秒"',
    ),
    "zh-TW": (
        "[$-404]e/m/d", '[$-404]e"年"m"月"d"日"', "m/d/yy", 'yyyy"年"m"月"d"日"', 'hh"時"mm"分"',
        'hh"時"mm"分"ss"秒"', '上午/下午hh"時"mm"分"', '上午/下午hh"時"mm"分"ss"秒"',
    ),
    "ja-JP": (
        "[$-411]ge.m.d", '[$-411]ggge"年"m"月"d"日"', "m/d/yy", 'yyyy"年"m"月"d"日"',
        'h"時"mm"分"', 'h"時"mm"分"ss"秒"', 'yyyy"年"m"月"', 'm"月"d"日"',
    ),
    "ko-KR": (
        'yyyy"年" mm"月" dd"日"', "mm-dd", "mm-dd-yy", 'yyyy"년" mm"월" dd"일"', 'h"시" mm"분"',
        'h"시" mm"분" ss"초"', "yyyy-mm-dd", 'yyyy"年" mm"月" dd"日"',
    ),
}  # fmt: skip
_CHINESE_DIFFERENCES = {52: 0, 53: 1}  # in zh-CN these two numbers mean something else


@dataclass(frozen=True, slots=True)
class Region:
    """The country whose dates and numbers a sheet shows.

    Attributes:
        locale: its names and signs.
        known: whether formats that each country has of its own are those of the locale.
        guessed: whether nothing in the campaign or the workbook says so.
    """

    locale: Locale = ENGLISH
    known: bool = False
    guessed: bool = True


class Shown(NamedTuple):
    """The text of a number.

    Attributes:
        text: what the sheet shows, or the plain form of the number.
        certain: Excel shows the same, in this region.
        regional: another region would show another text.
        misread: the format has a country of its own, and the text is another number in the region.
    """

    text: str
    certain: bool = True
    regional: bool = False
    misread: bool = False


_NOWHERE = Region()


def built_in_format(number: int, region: Region = _NOWHERE) -> str:
    """The code of a format that has only a number; it is uncertain without a fixed meaning."""
    if region.known:
        regional = _regional(number, region.locale)
        if regional:
            return regional
    if number in _EAST_ASIAN_DATES:
        return "[$-F800]yyyy-mm-dd"
    return _BUILT_IN.get(number, _UNKNOWN)


def _regional(number: int, locale: Locale) -> str:
    """The code that a number has in one country; empty if it has none of its own."""
    codes = locale.codes
    if number == 14:
        return codes.short
    if number == 22:
        return f"{codes.short} h:mm" if codes.short else ""
    if number in {15, 16, 17}:
        own = codes.month_year if number == 17 else codes.day_month_year
        return own.rstrip("y").rstrip(" .-/,") if number == 16 and own.endswith("yy") else own
    if number in _EAST_ASIAN_KINDS:
        tag = "zh-TW" if locale.tag == "zh-HK" else locale.tag
        kind = _EAST_ASIAN_KINDS[number]
        if tag == "zh-CN":
            kind = _CHINESE_DIFFERENCES.get(number, kind)
        return _EAST_ASIAN[tag][kind] if tag in _EAST_ASIAN else ""
    if locale.language == "tr":
        return {9: "%0", 10: "%0.00"}.get(number, "")
    return _DOLLARS.get(number, "") if locale.tag == "en-US" else ""


def show_number(
    raw: str, code: str, *, from_1904: bool = False, region: Region = _NOWHERE
) -> Shown:
    """The text that a cell shows.

    Args:
        raw: the number as the file has it, such as `34.3` or `1.5E-2`.
        code: its number format, such as `00000` or `yyyy-mm-dd`.
        from_1904: whether the workbook counts days from 1904 on.
        region: where formats belong that do not say it themselves.
    """
    if code in (GENERAL, "@"):
        return _localized(plain_number(raw), region.locale)
    try:
        value = _KEPT.create_decimal(raw)
        if not value.is_finite():
            return Shown(raw, certain=False)
        quick = _quick(code)
        if quick is not None:
            return _show_quickly(value, *quick, region)
        return _show(value, raw, code, from_1904=from_1904, region=region)
    except ArithmeticError:  # no number, or one that is out of the range of decimals
        return Shown(plain_number(raw), certain=False)


def show_text(text: str, code: str) -> str:
    """The text that a cell with a text shows: most formats leave it as it is."""
    section = text_section(code)
    if section is None or not section.known:
        return text
    shown = "".join(
        text if token.kind in _WHOLE_TEXT else token.text if token.kind == "literal" else ""
        for token in section.tokens
    )
    return shown if section.tokens else ""


_WHOLE_TEXT = frozenset({"text", "general"})


def shows_other_text(code: str) -> bool:
    """Whether a format changes texts."""
    return text_section(code) is not None


def plain_number(raw: str) -> str:
    """A number in the format General: 15 digits at most, and a full stop as decimal point."""
    if raw.isdigit():  # as the file spells it, with all digits of a long number
        return raw
    try:
        value = _KEPT.create_decimal(raw)
    except ArithmeticError:
        return raw
    if not value.is_finite():
        return raw
    return _general(value)


def _general(value: Decimal) -> str:
    if not value:
        return "0"
    power = value.adjusted()
    if -_EXPONENT_FROM < power < _EXPONENT_FROM:
        text = f"{value:f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
        if power >= -4 or len(text.lstrip("-")) <= _WIDEST_GENERAL:
            return text
    digits = "".join(map(str, value.as_tuple().digits)).rstrip("0") or "0"
    point = f".{digits[1:]}" if len(digits) > 1 else ""
    sign = "-" if value < 0 else ""
    return f"{sign}{digits[0]}{point}E{'-' if power < 0 else '+'}{abs(power):02d}"


def _localized(text: str, locale: Locale) -> Shown:
    point = locale.signs.point
    if "." not in text:
        return Shown(text)
    return Shown(text if point == "." else text.replace(".", point), regional=True)


def _show(value: Decimal, raw: str, code: str, *, from_1904: bool, region: Region) -> Shown:
    section, signed = _section_for(value, sections_of(code))
    if section is None or not _is_known(section):
        return Shown(plain_number(raw), certain=False)
    locale = section.locale or region.locale
    if section.kind == "date":
        return _date(value, section, raw, from_1904=from_1904, region=region)
    shown = _number(value if signed else abs(value), section, locale)
    if shown is None:
        return Shown(plain_number(raw), certain=False)
    scripted = section.chinese or section.numerals
    text = _scripted(shown, section, locale) if scripted else shown
    if section.padded:
        text = text.strip(" ")
    if section.locale is None:
        return Shown(text, regional=_is_regional(value, shown, section, locale))
    return Shown(text, misread=_is_misread(text, locale, region.locale))


@lru_cache(maxsize=500)
def _quick(code: str) -> tuple[Locale | None, Layout, bool] | None:
    """The locale and the layout of a code with one section of plain digits, and whether it has
    commas; None for any other code."""
    sections = sections_of(code)
    section = sections[0]
    if len(sections) > 1 or section.kind != "digits" or section.condition or section.padded:
        return None
    if section.chinese or section.numerals or not _is_known(section):
        return None
    layout = layout_of(section.tokens)
    commas = any(token.kind == "comma" for token in section.tokens)
    return (section.locale, layout, commas) if layout.simple is not None else None


def _show_quickly(
    value: Decimal, own: Locale | None, layout: Layout, commas: bool, region: Region
) -> Shown:
    """What `_show` gives for such a code: most numbers of a sheet have one."""
    signs = (own or region.locale).signs
    text = show_simple(value, layout, signs)
    regional = own is None and (layout.point is not None or (commas and signs.group in text))
    misread = own is not None and _is_misread(text, own, region.locale)
    return Shown(text, regional=regional, misread=misread)


def _is_misread(text: str, own: Locale, usual: Locale) -> bool:
    """Whether the text, in the signs of its own country, is another number in those of the sheet.

    `1.234` of a German format is 1234, and in an English sheet 1.234. A format may round, or
    divide by thousands; so only the power of ten is compared, and with the text in its own country.
    """
    if own.signs.point == usual.signs.point:
        return False
    here, there = parse_number(text, usual.tag), parse_number(text, own.tag)
    if not here or not there:
        return False
    return abs(math.log10(abs(here / there))) > 1


def _is_regional(value: Decimal, shown: str, section: Section, locale: Locale) -> bool:
    """Whether a number shows a decimal point or a sign between thousands."""
    kinds = {token.kind for token in section.tokens}
    if section.kind in {"general", "text"}:
        return "." in _general(abs(value))
    if section.kind not in {"digits", "exponent"}:
        return False
    return "point" in kinds or ("comma" in kinds and locale.signs.group in shown)


def _is_known(section: Section) -> bool:
    korean = section.locale is not None and section.locale.language == "ko"
    return (
        section.known
        and shape_known(section.numerals)
        and not (section.chinese == 3 and korean)  # digits mixed with Korean words
    )


def _number(value: Decimal, section: Section, locale: Locale) -> str | None:
    """The text of a number, in digits of ASCII."""
    if section.kind in {"general", "text"}:
        general = _localized(_general(abs(value)), locale).text
        sign = "-" if value < 0 else ""
        return sign + "".join(
            general if token.kind in {"general", "text"} else token.text for token in section.tokens
        )
    if section.kind == "literal":
        texts = "".join(token.text for token in section.tokens)
        signed = value < 0 and texts and section.condition is None
        return f"-{texts}" if signed else texts
    if section.kind == "fraction":
        return show_fraction(value, section.tokens)
    if section.kind == "exponent":
        return show_exponent(value, section.tokens, locale.signs)
    return show_digits(value, section.tokens, locale.signs)


def _scripted(text: str, section: Section, locale: Locale) -> str:
    """The text in the script of the section."""
    if section.chinese:
        language = _east_asian(locale)
        signs = locale.signs
        plain = text.replace(signs.group, "") if signs.group.strip() else text
        if language and section.chinese < 3:
            return written_out(plain.replace(signs.point, "."), language, section.chinese)
        return shaped(text, 0x20).replace(".", "．").replace(",", "，") if language else text
    return shaped(text, section.numerals)


def _east_asian(locale: Locale) -> str:
    if locale.language == "zh":
        return "zh" if locale.tag == "zh-CN" else "zh-TW"
    return locale.language if locale.language in {"ja", "ko"} else ""


def _date(value: Decimal, section: Section, raw: str, *, from_1904: bool, region: Region) -> Shown:
    certain = True
    locale = section.locale or region.locale
    if section.system:
        own = _system_code(section, locale) if region.known else ""
        certain = region.known
        if own:
            section = sections_of(own)[0]
    style = DateStyle(
        locale, section.calendar, section.chinese, _east_asian(locale), section.numerals
    )
    text, exact = show_date(value, section.tokens, style, from_1904=from_1904)
    if text is None:
        return Shown(plain_number(raw), certain=False)
    named = any(
        token.kind in {"noon", "slash"} or (token.kind == "date" and token.text.startswith(_NAMED))
        for token in section.tokens
    )
    return Shown(text, certain and exact, regional=named and section.locale is None)


_NAMED = ("mmm", "ddd", "aaa", "g", "e", "b")


def _system_code(section: Section, locale: Locale) -> str:
    return locale.codes.time if section.system == "time" else locale.codes.long


@lru_cache(maxsize=500)
def _negative_only(sections: tuple[Section, ...]) -> int | None:
    """The section that only negative numbers reach, and that so shows no minus sign."""
    first = sections[0].condition
    if first is not None and first.sign in {"<", "<="} and first.limit <= 0:
        return 0
    if (
        len(sections) >= 2
        and sections[1].condition is None
        and (first is None or len(sections) > 2)
    ):
        return 1
    return None


def _section_for(value: Decimal, sections: tuple[Section, ...]) -> tuple[Section | None, bool]:
    """The section for a value, and whether a minus sign is shown in addition to it."""
    chosen = _chosen(value, sections)
    if chosen is None:
        return None, True
    return sections[chosen], not (value < 0 and _negative_only(sections) == chosen)


def _chosen(value: Decimal, sections: tuple[Section, ...]) -> int | None:
    first, *rest = sections[:3]
    if first.condition is None and all(section.condition is None for section in rest):
        if value < 0 and rest:
            return 1
        return 2 if value == 0 and len(rest) > 1 else 0
    if first.condition.holds(value) if first.condition else value > 0:
        return 0
    if rest and rest[0].condition is not None:
        if rest[0].condition.holds(value):
            return 1
    elif rest and (len(rest) == 1 or value < 0):
        return 1
    return 2 if len(rest) > 1 else None
