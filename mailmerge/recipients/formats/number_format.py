"""A number of a worksheet and its number format -> the text that the sheet shows.

The codes are those of ECMA-376, part 1, 18.8.30 and 18.8.31. A format that depends on the country
(such as "short date") or is rare (fractions, conditions) gives the plain form of the number, marked
as uncertain.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from functools import lru_cache

GENERAL = "General"

# The largest double has 309 digits, and a format may add decimals.
_PRECISION = 400

# Formats that a file names by number only. Those that differ between countries are missing here,
# and so they are uncertain.
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
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss.0",
    48: "##0.0E+0",
    49: "@",
}
_UNKNOWN_DATES = {*range(27, 37), *range(50, 59)}  # East Asian dates, by country


@dataclass(frozen=True, slots=True)
class Shown:
    """The text of a number; `certain` unless Excel may show it differently."""

    text: str
    certain: bool = True


def built_in_format(number: int) -> str:
    """The code of a format that has only a number; it is uncertain without a fixed meaning."""
    if number in _UNKNOWN_DATES:
        return "[$-F800]yyyy-mm-dd"
    return _BUILT_IN.get(number, "[>0]General")


def show_number(raw: str, code: str, *, from_1904: bool = False) -> Shown:
    """The text that a cell shows.

    Args:
        raw: the number as the file has it, such as `34.3` or `1.5E-2`.
        code: its number format, such as `00000` or `yyyy-mm-dd`.
        from_1904: whether the workbook counts days from 1904 on.
    """
    if code in (GENERAL, "@"):
        return Shown(_general(raw))
    try:
        return _show(Decimal(raw), raw, code, from_1904=from_1904)
    except ArithmeticError:  # no number, or one that is out of the range of decimals
        return Shown(_general(raw), certain=False)


def _show(value: Decimal, raw: str, code: str, *, from_1904: bool) -> Shown:
    section, signed = _section_for(value, _sections(code))
    if section is None:
        return Shown(_general(raw), certain=False)
    if section.is_date:
        return _show_date(value, section, from_1904=from_1904)
    text = _show_digits(value if signed else abs(value), section)
    return Shown(_general(raw), certain=False) if text is None else Shown(text)


def _general(raw: str) -> str:
    """A number in the format General: 15 digits at most, as Excel keeps them, and no exponent."""
    if raw.isdigit():
        return raw
    try:
        with localcontext(prec=15):
            value = +Decimal(raw)
    except ArithmeticError:
        return raw
    if not value.is_finite() or abs(value.adjusted()) > 20:
        return raw
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


# -- reading a code -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Section:
    """One of the parts between semicolons: tokens, and whether they form a date or time.

    A token is a kind and a text: `literal`, `digit` (one of 0 # ?), `sign` (. , % E+), `date`,
    `elapsed`, `general`.
    """

    tokens: tuple[tuple[str, str], ...]
    is_date: bool
    certain: bool


_TOKEN = re.compile(
    r"""
      "(?P<quoted>[^"]*)" | \\(?P<escaped>.) | _(?P<space>.) | \*(?P<fill>.)
    | \[\$(?P<currency>[^\[\]-]*)(?:-(?P<locale>[^\[\]]*))?\]
    | \[(?P<elapsed>h+|m+|s+)\] | \[(?P<bracket>[^\[\]]*)\]
    | (?P<general>General) | (?P<noon>AM/PM|A/P)
    | (?P<exponent>E[+-]) | (?P<date>y+|m+|d+|h+|s+(?:\.0+)?|e+|g+|b+)
    | (?P<digit>[0\#?]) | (?P<sign>[.,%]) | (?P<fraction>/) | (?P<end>;)
    | (?P<other>.)
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_LONGEST = 1_000
"""Characters of a format; programs write at most 255."""

_COLOURS = re.compile(r"(?i)black|blue|cyan|green|magenta|red|white|yellow|colou?r ?\d+")
_ENGLISH = ("", "409", "0409", "809", "0809", "1009", "C09", "0C09")


@lru_cache(maxsize=500)
def _sections(code: str) -> tuple[_Section | None, ...]:
    """The sections of a code; None for a section that is not understood."""
    parts: list[list[re.Match[str]]] = [[]]
    for match in _TOKEN.finditer(code[:_LONGEST]):
        if match.lastgroup == "end":
            parts.append([])
        else:
            parts[-1].append(match)
    return tuple(_section(part) for part in parts)


def _section(matches: list[re.Match[str]]) -> _Section | None:
    tokens: list[tuple[str, str]] = []
    certain = True
    is_date = any(match.lastgroup in {"date", "elapsed", "noon"} for match in matches)
    for match in matches:
        kind, text = match.lastgroup or "other", match[0]
        if "[$" in text:
            locale = (match["locale"] or "").upper()
            certain = certain and (not is_date or locale in _ENGLISH)
            tokens.append(("literal", match["currency"] or ""))
        elif kind == "bracket":
            if not _COLOURS.fullmatch(match["bracket"]):
                return None
        elif kind == "fraction" and not is_date:
            return None
        else:
            tokens.append(_token(kind, match, is_date=is_date))
    return _Section(tuple(tokens), is_date, certain)


def _token(kind: str, match: re.Match[str], *, is_date: bool) -> tuple[str, str]:
    if kind in {"quoted", "escaped"}:
        return "literal", match[kind]
    if kind == "space":
        return "literal", " "
    if kind == "fill":
        return "literal", ""
    if kind in {"elapsed", "date", "noon"}:
        return kind, match[kind].lower()
    if is_date or kind == "other":
        return "literal", match[0]
    return kind, match[0]


def _section_for(
    value: Decimal, sections: tuple[_Section | None, ...]
) -> tuple[_Section | None, bool]:
    """The section for a value, and whether a minus sign is shown in addition to the section."""
    if len(sections) >= 3 and value == 0:
        return sections[2], False
    if len(sections) >= 2 and value < 0:
        return sections[1], False
    return sections[0], True


# -- numbers --------------------------------------------------------------------------------------


def _show_digits(value: Decimal, section: _Section) -> str | None:
    kinds = [kind for kind, _ in section.tokens]
    if "general" in kinds:
        general = _general(str(value))
        return "".join(general if kind == "general" else text for kind, text in section.tokens)
    if "exponent" in kinds:
        return _show_exponent(value, section)
    if "digit" not in kinds:
        return "".join(text for _, text in section.tokens)
    return _fill(value, section)


def _show_exponent(value: Decimal, section: _Section) -> str | None:
    shape = "".join(text for _, text in section.tokens)
    match = re.fullmatch(r"0(?:\.(0*))?E([+-])(0+)", shape)
    if match is None:
        return None
    text = f"{value:.{len(match[1] or '')}E}"
    mantissa, exponent = text.split("E")
    sign = "-" if exponent[0] == "-" else ("+" if match[2] == "+" else "")
    return f"{mantissa}E{sign}{exponent[1:].zfill(len(match[3]))}"


def _fill(value: Decimal, section: _Section) -> str:
    """Put the digits of a number into the places of its format, from the point to both sides."""
    tokens = list(section.tokens)
    percents = tokens.count(("sign", "%"))
    places = [index for index, token in enumerate(tokens) if token[0] == "digit"]
    last = places[-1]
    point = next((i for i, token in enumerate(tokens) if token == ("sign", ".")), None)
    whole = [index for index in places if point is None or index < point]
    decimals = [index for index in places if point is not None and index > point]
    commas = [index for index, token in enumerate(tokens) if token == ("sign", ",")]
    scaling = sum(index > last or (bool(whole) and index > whole[-1]) for index in commas)
    thousands = any(whole and whole[0] < index < whole[-1] for index in commas)
    scaled = value * 100**percents / 1000**scaling
    with localcontext(prec=_PRECISION):
        exact = abs(scaled).quantize(Decimal(1).scaleb(-len(decimals)), rounding=ROUND_HALF_UP)
    before, _, after = f"{exact:f}".partition(".")
    texts = {
        **_whole_part(before, [(index, tokens[index][1]) for index in whole], thousands=thousands),
        **_decimal_part(after, [(index, tokens[index][1]) for index in decimals]),
    }
    if point is not None and not whole:
        texts[point] = f"{before if before != '0' else ''}."
    shown = [
        texts.get(index, "" if token == ("sign", ",") else token[1])
        for index, token in enumerate(tokens)
    ]
    sign = "-" if scaled < 0 and exact else ""
    return sign + "".join(shown)


def _whole_part(digits: str, places: list[tuple[int, str]], *, thousands: bool) -> dict[int, str]:
    """The text of each place before the point; the first one takes all remaining digits."""
    texts: dict[int, str] = {}
    rest = "" if digits == "0" else digits
    count = 0
    for index, place in reversed(places):
        first = index == places[0][0]
        taken = rest if first else rest[-1:]
        rest = "" if first else rest[:-1]
        text = taken or {"0": "0", "?": " "}.get(place, "")
        for digit in reversed(text):
            grouped = thousands and count and count % 3 == 0 and digit.isdigit()
            texts[index] = f"{digit}{',' if grouped else ''}{texts.get(index, '')}"
            count += 1
        texts.setdefault(index, "")
    return texts


def _decimal_part(digits: str, places: list[tuple[int, str]]) -> dict[int, str]:
    """The text of each place after the point; zeros at the end of optional places are left out."""
    texts: dict[int, str] = {}
    needed = False
    for (index, place), digit in reversed(list(zip(places, digits, strict=True))):
        needed = needed or digit != "0" or place == "0"
        texts[index] = digit if needed else (" " if place == "?" else "")
    return texts


# -- dates and times ------------------------------------------------------------------------------

_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_LAST_DAY = 2_958_466  # 10000-01-01


def _moment(serial: Decimal, *, from_1904: bool = False) -> datetime | None:
    """The date and time of a serial number; None for one that is not a date."""
    if not 0 <= serial < _LAST_DAY - (1462 if from_1904 else 0):
        return None
    if from_1904:
        first = datetime(1904, 1, 1)  # noqa: DTZ001 - a sheet knows no time zone
    elif serial < 60:
        first = datetime(1899, 12, 31)  # noqa: DTZ001
    elif serial < 61:
        return None  # 29 February 1900, which exists in Excel only
    else:
        first = datetime(1899, 12, 30)  # noqa: DTZ001
    return first + timedelta(milliseconds=round(serial * 86_400_000))


def _show_date(serial: Decimal, section: _Section, *, from_1904: bool) -> Shown:
    when = _moment(serial, from_1904=from_1904)
    if when is None:
        return Shown(_general(str(serial)), certain=False)
    kinds = _minutes_marked(section.tokens)
    fine = any(re.fullmatch(r"s+\.0+", text) for kind, text in kinds if kind == "date")
    if not fine:
        when = (when + timedelta(microseconds=500_000)).replace(microsecond=0)
    noon = any(kind == "noon" for kind, _ in kinds)
    texts = [_date_text(kind, text, when, serial, noon=noon) for kind, text in kinds]
    if None in texts:
        return Shown(_iso(when), certain=False)
    return Shown("".join(text or "" for text in texts), section.certain)


def _iso(when: datetime) -> str:
    midnight = when.time() == time()
    return when.date().isoformat() if midnight else when.isoformat(" ")


def _minutes_marked(tokens: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    """The tokens, with `m` as `minute` where it follows hours or precedes seconds."""
    marked: list[tuple[str, str]] = []
    dated = [i for i, token in enumerate(tokens) if token[0] in {"date", "elapsed"}]
    for index, (kind, text) in enumerate(tokens):
        if kind == "date" and text in {"m", "mm"}:
            place = dated.index(index)
            before = tokens[dated[place - 1]][1] if place else ""
            after = tokens[dated[place + 1]][1] if place + 1 < len(dated) else ""
            if before.startswith("h") or after.startswith("s"):
                marked.append(("minute", text))
                continue
        marked.append((kind, text))
    return marked


def _date_text(kind: str, text: str, when: datetime, serial: Decimal, *, noon: bool) -> str | None:
    """One token of a date; None if it belongs to another calendar."""
    if kind == "minute":
        return str(when.minute).zfill(len(text))
    if kind == "noon":
        half = "AM" if when.hour < 12 else "PM"
        return half if text == "am/pm" else half[0]
    if kind == "elapsed":
        units = {"h": 24, "m": 1440, "s": 86_400}[text[0]]
        return str(int(round(serial * 86_400) * units // 86_400)).zfill(len(text))
    if kind != "date":
        return text
    if text[0] == "s":
        return _seconds(text, when)
    hour = (when.hour % 12 or 12) if noon else when.hour
    return {
        "yy": f"{when.year % 100:02d}",  # strftime of Windows knows no year before 1900
        "yyyy": f"{when.year:04d}",
        "m": str(when.month),
        "mm": f"{when.month:02d}",
        "mmm": _MONTHS[when.month - 1][:3],
        "mmmm": _MONTHS[when.month - 1],
        "mmmmm": _MONTHS[when.month - 1][0],
        "d": str(when.day),
        "dd": f"{when.day:02d}",
        "ddd": _DAYS[when.weekday()][:3],
        "dddd": _DAYS[when.weekday()],
        "h": str(hour),
        "hh": f"{hour:02d}",
    }.get(text)


def _seconds(text: str, when: datetime) -> str:
    whole, _, fraction = text.partition(".")
    seconds = str(when.second).zfill(len(whole))
    return (
        f"{seconds}.{when.microsecond:06d}"[: len(seconds) + 1 + len(fraction)]
        if fraction
        else seconds
    )
