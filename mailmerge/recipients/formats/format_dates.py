"""A serial number of days -> the parts of a date, a time or an elapsed time.

`m` means a month, but minutes behind hours or before seconds. The calendar is the Gregorian one
unless the format says otherwise: `e` and `g` count in the eras of Japan or since the founding of
the Republic of China, calendar 7 and `b` count Buddhist years. Lunar calendars (Hijri, Hebrew,
Chinese) are not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

from mailmerge.recipients.formats.format_code import Token
from mailmerge.recipients.formats.locales import Locale
from mailmerge.recipients.formats.numerals import digit_by_digit, shaped, small_number

_LAST_DAY = 2_958_466  # 10000-01-01
_DAY_SECONDS = 86_400
_BUDDHIST = 543
_REPUBLIC = 1911
_ERAS = (
    (datetime(2019, 5, 1), "R", "令", "令和"),  # noqa: DTZ001 - a sheet knows no time zone
    (datetime(1989, 1, 8), "H", "平", "平成"),  # noqa: DTZ001
    (datetime(1926, 12, 25), "S", "昭", "昭和"),  # noqa: DTZ001
    (datetime(1912, 7, 30), "T", "大", "大正"),  # noqa: DTZ001
    (datetime(1868, 1, 1), "M", "明", "明治"),  # noqa: DTZ001
)
_CALENDARS = {0: "", 1: "", 2: "", 9: "", 10: "", 11: "", 12: "", 3: "ja", 4: "zh-TW", 7: "th"}


@dataclass(frozen=True, slots=True)
class DateStyle:
    """How to write a date: the locale, and what the code says about calendar and script."""

    locale: Locale
    calendar: int = 0
    chinese: int = 0
    east_asian: str = ""
    numerals: int = 0


@dataclass(frozen=True, slots=True)
class _Moment:
    """A date and time as a sheet counts; `day` and `month` are Excel's where a calendar has none.

    Attributes:
        when: the date and time; for Excel's day 0 that of 31 December 1899.
        serial: the same in days.
        year, month, day: the date.
        fraction: the seconds below a whole one.
    """

    when: datetime
    serial: Decimal
    year: int
    month: int
    day: int
    fraction: Decimal


def show_date(
    serial: Decimal, tokens: Sequence[Token], style: DateStyle, *, from_1904: bool
) -> tuple[str | None, bool]:
    """The text of a date, and whether Excel shows the same; None if the number is not a date."""
    marked = _minutes_marked(tokens)
    decimals = max(
        (len(text.partition(".")[2]) for kind, text in marked if kind == "date"), default=0
    )
    kinds = {kind for kind, _ in marked}
    if "elapsed" in kinds:
        text = _elapsed(abs(serial), marked, decimals, style)
        return (f"-{text}" if serial < 0 else text), serial >= 0
    moment = _moment(serial, decimals, from_1904=from_1904)
    if moment is None:
        return None, False
    if style.calendar not in _CALENDARS:
        return _iso(moment.when), False
    noon = "noon" in kinds
    day_shown = any(kind == "date" and text in {"d", "dd"} for kind, text in marked)
    texts = [
        _part(kind, text, moment, style, noon=noon, genitive=day_shown) for kind, text in marked
    ]
    if None in texts:
        return _iso(moment.when), False
    return shaped("".join(text or "" for text in texts), style.numerals), True


def _iso(when: datetime) -> str:
    whole = when.replace(microsecond=0)
    return (
        whole.date().isoformat() if not (whole.hour or whole.minute or whole.second) else str(whole)
    )


def _moment(serial: Decimal, decimals: int, *, from_1904: bool) -> _Moment | None:
    """The moment of a serial number, rounded to so many decimals of a second."""
    if not 0 <= serial < _LAST_DAY - (1462 if from_1904 else 0):
        return None
    seconds = (serial * _DAY_SECONDS).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    days, rest = divmod(seconds, _DAY_SECONDS)
    if from_1904:
        first = datetime(1904, 1, 1)  # noqa: DTZ001 - a sheet knows no time zone
    elif days < 60:
        first = datetime(1899, 12, 31)  # noqa: DTZ001
    elif days < 61:
        return None  # 29 February 1900, which exists in Excel only
    else:
        first = datetime(1899, 12, 30)  # noqa: DTZ001
    whole = rest.to_integral_value(ROUND_FLOOR)
    if days >= _LAST_DAY:
        return None
    when = first + timedelta(days=int(days), seconds=int(whole))
    date = (1900, 1, 0) if not days and not from_1904 else (when.year, when.month, when.day)
    return _Moment(when, serial, *date, rest - whole)


def _minutes_marked(tokens: Sequence[Token]) -> list[tuple[str, str]]:
    """The tokens, with `m` as `minute` where it follows hours or precedes seconds."""
    marked: list[tuple[str, str]] = []
    dated = [i for i, token in enumerate(tokens) if token.kind in {"date", "elapsed"}]
    for index, token in enumerate(tokens):
        if token.kind == "date" and token.text in {"m", "mm"}:
            place = dated.index(index)
            before = tokens[dated[place - 1]].text if place else ""
            after = tokens[dated[place + 1]].text if place + 1 < len(dated) else ""
            if before.startswith("h") or after.startswith("s"):
                marked.append(("minute", token.text))
                continue
        marked.append((token.kind, token.text))
    return marked


def _elapsed(
    serial: Decimal, marked: Sequence[tuple[str, str]], decimals: int, style: DateStyle
) -> str:
    """A duration: the unit in brackets takes all, those below it what is left."""
    seconds = (serial * _DAY_SECONDS).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    whole = int(seconds)
    texts = []
    for kind, text in marked:
        if kind == "elapsed":
            units = {"h": 3600, "m": 60, "s": 1}[text[0]]
            texts.append(str(whole // units).zfill(len(text)))
        elif kind == "minute":
            texts.append(str(whole // 60 % 60).zfill(len(text)))
        elif kind == "date" and text[0] == "h":
            texts.append(str(whole // 3600 % 24).zfill(len(text)))
        elif kind == "date" and text[0] == "s":
            texts.append(_seconds(text, whole % 60, seconds - whole, style))
        elif kind == "date":
            texts.append("")
        else:
            # `[s].00` has its decimals outside of the seconds
            texts.append(text)
    return "".join(texts)


def _part(
    kind: str, text: str, moment: _Moment, style: DateStyle, *, noon: bool, genitive: bool
) -> str | None:
    """One token of a date; None if it is not known."""
    if kind == "minute":
        return _padded(moment.when.minute, len(text), style)
    if kind == "noon":
        return _half_of_day(text, moment.when, style)
    if kind == "slash":
        return style.locale.signs.slash
    if kind == "date":
        return _date_part(text, moment, style, noon=noon, genitive=genitive)
    return None if kind in {"general", "text"} else text


def _date_part(
    text: str, moment: _Moment, style: DateStyle, *, noon: bool, genitive: bool
) -> str | None:
    when = moment.when
    if text[0] == "s":
        return _seconds(text, when.second, moment.fraction, style)
    if text[0] == "h":
        return _padded((when.hour % 12 or 12) if noon else when.hour, len(text), style)
    if text[0] in "yegb":
        return _year(text, moment, style)
    return _day_or_month(text, moment, style, genitive=genitive)


def _half_of_day(text: str, when: datetime, style: DateStyle) -> str:
    late = when.hour >= 12
    if text == "a/p":
        return "P" if late else "A"
    if text == "am/pm":
        return style.locale.noon[late]
    return text.split("/")[late]


def _padded(number: int, width: int, style: DateStyle, *, calendar: bool = False) -> str:
    if style.chinese and style.east_asian:
        return small_number(number, style.east_asian, style.chinese, calendar=calendar)
    return str(number).zfill(min(width, 2))


def _seconds(text: str, second: int, fraction: Decimal, style: DateStyle) -> str:
    whole, _, places = text.partition(".")
    shown = _padded(second, len(whole), style)
    if not places:
        return shown
    point = style.locale.signs.point
    point = point if point == "," else "."  # also where numbers have the Arabic one
    return f"{shown}{point}{f'{fraction:.{len(places)}f}'[2:]}"


def _day_or_month(text: str, moment: _Moment, style: DateStyle, *, genitive: bool) -> str | None:
    months, days = style.locale.months, style.locale.days
    weekday = moment.when.weekday() if moment.serial >= 61 else (moment.when.weekday() - 1) % 7
    month = moment.month - 1
    if text in {"m", "mm", "d", "dd"}:
        number = moment.month if text[0] == "m" else moment.day
        return _padded(number, len(text), style, calendar=True)
    return {
        "mmm": months.short[month],
        "mmmm": (months.genitive if genitive else months.full)[month],
        "mmmmm": months.full[month][0],
        "ddd": days.short[weekday],
        "dddd": days.full[weekday],
        "aaa": days.short[weekday],
        "aaaa": days.full[weekday],
    }.get(text)


def _year(text: str, moment: _Moment, style: DateStyle) -> str | None:
    calendar = _CALENDARS[style.calendar]
    letter, width = text[0], len(text)
    language = style.locale.language
    own = calendar or {"ja": "ja", "zh": style.locale.tag}.get(language, "")
    if letter in "eg" and language in {"ja", "zh"} and own != "zh-CN":
        return _era(letter, width, moment) if own == "ja" else _republic(letter, width, moment)
    year = _counted("th" if letter == "b" else calendar, moment)
    if letter == "g" or year is None or width > 4:
        return None
    short = letter in "yb" and width <= 2
    shown = f"{year % 100:02d}" if short else str(year)
    if style.chinese and style.east_asian:
        return digit_by_digit(shown, style.east_asian, style.chinese)
    return shown


def _counted(calendar: str, moment: _Moment) -> int | None:
    """The year in a calendar; None if it is before the first one."""
    if calendar == "ja":
        shown = _era("e", 1, moment)
        return int(shown) if shown else None
    if calendar == "zh-TW":
        return moment.year - _REPUBLIC if moment.year > _REPUBLIC else None
    return moment.year + (_BUDDHIST if calendar == "th" else 0)


def _era(letter: str, width: int, moment: _Moment) -> str | None:
    for begin, *names in _ERAS:
        if moment.when >= begin:
            if letter == "g":
                return names[min(width, 3) - 1]
            return str(moment.year - begin.year + 1).zfill(min(width, 2))
    return None


def _republic(letter: str, width: int, moment: _Moment) -> str | None:
    if moment.year <= _REPUBLIC:
        return None
    if letter == "g":
        return "中華民國" if width >= 3 else "民國"
    return str(moment.year - _REPUBLIC).zfill(min(width, 2))
