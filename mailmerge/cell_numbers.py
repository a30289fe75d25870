"""The text of a cell -> the number that it shows, or None: for the filters `int` and `float`.

Jinja2's own filters make 0 of every text that Python does not read as a number, such as `1,234.50`,
`43,0` or an empty cell. In an invoice that is a wrong amount. So a text that is no number is an
error of its row, and the signs that sheets write in and around numbers are understood.

Which of comma and point separates the decimals follows from the text itself wherever it can: the
last of the two does, and a sign that stands several times separates thousands. `1,234` could be
both; with a point Python reads it as decimals, and so do the templates of earlier versions; with a
comma it is ambiguous, and refused unless the language of the sheet is known.
"""

from __future__ import annotations

import math
import re
import unicodedata
from decimal import Decimal
from typing import Final

_SPACE = r"[\s\u00a0\u2007\u2009\u202f'’_]"
_SPACES = re.compile(rf"(?<!{_SPACE}){_SPACE}++(?=\d)")
_AROUND = re.compile(
    r"^(?P<before>[^\d.,+-]{0,8})(?P<sign>[+-]?)(?P<middle>[^\d.,+-]{0,4})"
    r"(?P<number>\d[\d.,]*|[.,]\d+)(?P<percent>\s*%)?(?P<after>[^\d.,%]{0,8})$"
)
_WORD = re.compile(r"[A-Za-z]{4,}")
_COMMA_DECIMALS: Final = frozenset(
    [
        "af",
        "az",
        "be",
        "bg",
        "bs",
        "ca",
        "cs",
        "da",
        "de",
        "el",
        "es",
        "et",
        "eu",
        "fi",
        "fr",
        "gl",
        "hr",
        "hu",
        "hy",
        "id",
        "is",
        "it",
        "ka",
        "kk",
        "lt",
        "lv",
        "mk",
        "nb",
        "nl",
        "nn",
        "no",
        "pl",
        "pt",
        "ro",
        "ru",
        "sk",
        "sl",
        "sq",
        "sr",
        "sv",
        "tr",
        "uk",
        "uz",
        "vi",
    ]
)
"""Languages whose decimals follow a comma."""


def parse_number(text: str, locale: str = "") -> float | None:
    """The number of a text such as `1,234.50`, `1.234,50 €`, `12.5%` or `(5)`; None if it is none.

    A percentage is a hundredth of its number. `locale` is a language such as "de" or "de-CH", or
    "".
    """
    text = unicodedata.normalize("NFKC", text).strip().replace("\u2212", "-")
    try:
        number = float(text)
    except ValueError:
        parsed = _parse(text, locale)
        return parsed if parsed is None or math.isfinite(parsed) else None
    finite = math.isfinite(number)
    if finite and _is_comma_language(locale) and re.fullmatch(r"[+-]?\d{1,3}(\.\d{3})+", text):
        return float(text.replace(".", ""))
    return number if finite and "_" not in text else None


def _parse(text: str, locale: str) -> float | None:
    negative = text.startswith("(") and text.endswith(")")
    found = _AROUND.fullmatch(_SPACES.sub("", text.strip("()") if negative else text))
    if found is None or _WORD.search(found["before"] + found["after"]):
        return None
    digits = _with_point(found["number"], locale)
    if digits is None:
        return None
    number = Decimal(digits) / 100 if found["percent"] else Decimal(digits)
    if negative or found["sign"] == "-" or found["before"].endswith("-"):
        number = -number
    return float(number)


def _with_point(number: str, locale: str) -> str | None:
    """The digits with a point before the decimals; None if they are no number, or ambiguous."""
    commas, points = number.count(","), number.count(".")
    if commas and points:
        decimal = max(",", ".", key=number.rfind)
        return _grouped(number, "." if decimal == "," else ",", decimal)
    sign = "," if commas else "."
    if commas + points > 1:
        return _grouped(number, sign, "")
    return _with_one_sign(number, sign, locale) if commas + points else number


def _with_one_sign(number: str, sign: str, locale: str) -> str | None:
    """The digits of a number with one comma or point, as `_with_point`."""
    could_group = re.fullmatch(rf"[1-9]\d{{0,2}}{re.escape(sign)}\d{{3}}", number) is not None
    if could_group and sign == "," and not locale:
        return None
    groups = could_group and bool(locale) and (sign == ".") is _is_comma_language(locale)
    return number.replace(sign, "" if groups else ".")


def _grouped(number: str, group: str, decimal: str) -> str | None:
    whole, point, rest = number.partition(decimal) if decimal else (number, "", "")
    if decimal and (number.count(decimal) > 1 or group in rest):
        return None
    # Groups of three, or in India of two before the last three.
    if not re.fullmatch(
        rf"\d{{1,3}}(?:{re.escape(group)}\d{{2,3}})*{re.escape(group)}\d{{3}}", whole
    ):
        return None
    return whole.replace(group, "") + ("." + (rest or "0") if point else "")


def _is_comma_language(locale: str) -> bool:
    language = re.split(r"[-_]", locale.casefold())[0]
    return language in _COMMA_DECIMALS and not locale.casefold().replace("_", "-").startswith(
        ("de-ch", "de-li", "es-mx", "it-ch")
    )
