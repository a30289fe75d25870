"""The words and signs of numbers and dates in one language and country.

`locales.tsv` has a line for each: names of months and days, signs of numbers, and the codes of the
dates that Excel and LibreOffice call "short", "long" and "d-mmm-yy". The names are those that
LibreOffice shows. A language without its country means the country with most speakers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class _Names:
    """_Names of the months or days, in their order; Monday is first."""

    full: tuple[str, ...]
    short: tuple[str, ...]
    genitive: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Signs:
    """What stands in a number: the decimal point, the sign between groups, and their sizes.

    `slash` stands between the parts of a date where a code has a slash.
    """

    point: str
    group: str
    indian: bool
    slash: str


@dataclass(frozen=True, slots=True)
class _Codes:
    """Number formats whose meaning differs between countries; "" if it is not known."""

    short: str
    long: str
    time: str
    day_month_year: str
    month_year: str


@dataclass(frozen=True, slots=True)
class Locale:
    """One language and country; `tag` is that of BCP 47, such as `de-CH`."""

    tag: str
    months: _Names
    days: _Names
    signs: Signs
    codes: _Codes
    noon: tuple[str, str]
    truth: tuple[str, str]

    @property
    def language(self) -> str:
        """The language alone, such as `de`."""
        return self.tag.partition("-")[0]


def find_locale(tag: str) -> Locale | None:
    """The locale with a tag such as `de`, `de-DE` or `de_DE.UTF-8`; None if it is not known.

    A country that is not known is that of the language.
    """
    match = re.match(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{4}))?(?:[-_]([A-Za-z]{2}|\d{3}))?\b", tag)
    if match is None:
        return None
    language, script, country = match[1].lower(), match[2] or "", (match[3] or "").upper()
    if language == "zh" and not country:
        country = "TW" if script.lower() == "hant" else "CN"
    language = {"no": "nb", "iw": "he", "in": "id"}.get(language, language)
    table = _table()[0]
    if language == "sr" and script.lower() == "latn":
        return table["sr-latn-rs"]
    return table.get(f"{language}-{country}".lower()) or table.get(language)


def locale_of_code(code: int | str) -> Locale | None:
    """The locale that a number format names: a Windows language id, or a tag."""
    if isinstance(code, str):
        return find_locale(code)
    names = _table()[1]
    if code & 0xFC00 == 0xFC00:  # the names of months as in a full date: the signs are the same
        return names.get(code & 0x3FF)
    return names.get(code) or names.get(code & 0x3FF)


@cache
def _table() -> tuple[Mapping[str, Locale], Mapping[int, Locale]]:
    """All locales by tag in small letters, and by Windows language id."""
    by_tag: dict[str, Locale] = {}
    by_id: dict[int, Locale] = {}
    for number, locale in _lines():
        by_tag.setdefault(locale.tag.lower(), locale)
        if not locale.tag.lower().startswith("sr-latn"):
            by_tag.setdefault(locale.language, locale)
        by_id.setdefault(number, locale)
        by_id.setdefault(number & 0x3FF, locale)
    return by_tag, by_id


def _lines() -> Iterator[tuple[int, Locale]]:
    text = resources.files("mailmerge.recipients.formats").joinpath("locales.tsv")
    for line in text.read_text("utf-8").splitlines():
        number, tag, *fields = line.split("\t")
        full, genitive, short, days, short_days, noon, signs, truth, codes = (
            tuple(field.split("|")) for field in fields
        )
        yield int(number, 16), Locale(
            tag, _Names(full, short, genitive), _Names(days, short_days, days),
            Signs(signs[0], signs[1], signs[2] == "2", signs[3]), _Codes(*codes),
            (noon[0], noon[1]), (truth[0], truth[1]),
        )  # fmt: skip


ENGLISH = _table()[0]["en-us"]
