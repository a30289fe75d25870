"""The code of a number format -> its sections (ECMA-376, part 1, 18.8.31; [MS-XLS] 2.4.126).

A code has up to four sections between semicolons, and each section is a row of signs: places for
digits, parts of a date, literal text, padding. What a sign means depends on its neighbours (`m` is
a month, or minutes; `/` is a fraction, or stands between the parts of a date), so a section is
first cut into tokens, then classified as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from mailmerge.recipients.formats.locales import Locale, locale_of_code
from mailmerge.recipients.formats.numerals import chinese_level

_Kind = Literal[
    "literal", "pad", "digit", "point", "comma", "percent", "exponent", "slash",
    "date", "elapsed", "noon", "general", "text",
]  # fmt: skip
_System = Literal["", "date", "time"]


@dataclass(frozen=True, slots=True)
class Token:
    """One sign of a section: what it is, and how the code spells it."""

    kind: _Kind
    text: str


@dataclass(frozen=True, slots=True)
class _Condition:
    """A comparison that decides whether a section is for a number."""

    sign: str
    limit: Decimal

    def holds(self, value: Decimal) -> bool:
        """Whether it is true for a value."""
        order = (value > self.limit) - (value < self.limit)
        return order in _ORDERS[self.sign]


_ORDERS = {"<": {-1}, "<=": {-1, 0}, "=": {0}, ">=": {0, 1}, ">": {1}, "<>": {-1, 1}}


@dataclass(frozen=True, slots=True)
class Section:
    """One of the parts between semicolons.

    Attributes:
        kind: what it shows.
        condition: the comparison in it, if any.
        locale: the locale that the code names; None leaves it to the sheet.
        calendar: the calendar that the code names; 0 and 1 are the Gregorian one.
        numerals: the shape of the digits that the code names; 0 leaves them as they are.
        chinese: 1 to 3 for [DBNum1] to [DBNum3], else 0.
        system: the format is that of the country's dates or times, whatever the code says.
        known: no sign of it is unknown.
    """

    tokens: tuple[Token, ...]
    kind: Literal["general", "text", "date", "digits", "fraction", "exponent", "literal"]
    condition: _Condition | None = None
    locale: Locale | None = None
    calendar: int = 0
    numerals: int = 0
    chinese: int = 0
    system: _System = ""
    known: bool = True

    @property
    def padded(self) -> bool:
        """Whether it is laid out for a column, so that spaces at its edges mean nothing."""
        return self.kind == "fraction" or any(token.kind == "pad" for token in self.tokens)


_TOKEN = re.compile(
    r"""
      "(?P<quoted>[^"]*)"? | \\(?P<escaped>.) | _(?P<pad>.) | \*(?P<fill>.)
    | \[\$(?P<currency>[^\[\]-]*)(?:-(?P<locale>[^\[\]]*))?\]
    | \[(?P<elapsed>h+|m+|s+)\] | \[(?P<bracket>[^\[\]]*)\]
    | (?P<general>General) | (?P<noon>AM/PM|A/P|上午/下午|午前/午後|오전/오후)
    | (?P<exponent>E[+-]) | (?P<calendar>b[12]) | (?P<date>y+|m+|d+|h+|s+(?:\.0+)?|e+|g+|bbbb|bb|aaaa|aaa)
    | (?P<digit>[0\#?]) | (?P<point>\.) | (?P<comma>,) | (?P<percent>%) | (?P<slash>/) | (?P<end>;)
    | (?P<text>@) | (?P<other>.)
    """,  # noqa: E501
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_LONGEST = 1_000
"""Characters of a format; programs write at most 255."""

_COLOURS = re.compile(r"(?i)black|blue|cyan|green|magenta|red|white|yellow|colou?r ?\d+")
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][+-]?\d{1,3})?)")
_CHINESE = re.compile(r"(?i)DBNum([123])")
_DATES = frozenset({"date", "elapsed", "noon"})
_DENOMINATOR = re.compile(r"[1-9]\d{0,4}")


@lru_cache(maxsize=500)
def sections_of(code: str) -> tuple[Section, ...]:
    """The sections of a code, at least one."""
    parts = _parts_of(code)
    if len(parts) > 1 and parts[-1] and _is_only_text(parts[-1]) and len(parts) < 4:
        parts.pop()  # `0;@`: the last section is for texts, in any place
    return tuple(_Reader().section(part) for part in parts)


def _parts_of(code: str) -> list[list[re.Match[str]]]:
    """The tokens of each section."""
    parts: list[list[re.Match[str]]] = [[]]
    for match in _TOKEN.finditer(code[:_LONGEST]):
        if match.lastgroup == "end":
            parts.append([])
        else:
            parts[-1].append(match)
    return parts


@lru_cache(maxsize=500)
def text_section(code: str) -> Section | None:
    """The section for texts, if the code has one that shows something else than the text."""
    if "@" not in code and code.count(";") < 3:
        return None
    parts = _parts_of(code)
    fourth = parts[3] if len(parts) > 3 else parts[-1]
    if len(parts) <= 3 and not _is_only_text(fourth):
        return None
    section = _Reader().section(fourth)
    kinds = [token.kind for token in section.tokens if token.kind != "pad"]
    return None if kinds in (["text"], ["general"]) else section


def _is_only_text(part: Sequence[re.Match[str]]) -> bool:
    kinds = {match.lastgroup for match in part}
    return "text" in kinds and not kinds & {"digit", "date", "elapsed", "noon", "general"}


class _Reader:
    """Reads one section; what the brackets say is collected on the way."""

    def __init__(self) -> None:
        self._tokens: list[Token] = []
        self._condition: _Condition | None = None
        self._locale: Locale | None = None
        self._calendar = self._numerals = self._chinese = 0
        self._system: _System = ""
        self._known = True

    def section(self, matches: Sequence[re.Match[str]]) -> Section:
        is_date = any(match.lastgroup in _DATES for match in matches)
        for match in matches:
            self._add(match, is_date=is_date)
        return Section(
            tuple(self._tokens), self._kind(is_date=is_date), self._condition, self._locale,
            self._calendar, self._numerals, self._chinese, self._system, self._known,
        )  # fmt: skip

    def _kind(
        self, *, is_date: bool
    ) -> Literal["general", "text", "date", "digits", "fraction", "exponent", "literal"]:
        kinds = {token.kind for token in self._tokens}
        if is_date:
            return "date"
        if "general" in kinds:
            return "general"
        if "digit" not in kinds:
            return "text" if "text" in kinds else "literal"
        if "slash" in kinds:
            return "fraction"
        return "exponent" if "exponent" in kinds else "digits"

    def _add(self, match: re.Match[str], *, is_date: bool) -> None:
        kind, text = match.lastgroup or "other", match[0]
        if text.startswith("[$"):
            self._place(match["currency"] or "", match["locale"] or "")
        elif kind == "bracket":
            self._bracket(match["bracket"])
        elif kind == "calendar":
            self._known = self._known and text[1] == "1"
        elif kind in {"pad", "fill"}:
            self._tokens.append(Token("pad", " " if kind == "pad" else ""))
        elif kind in {"quoted", "escaped"}:
            self._tokens.append(Token("literal", match[kind]))
        elif kind in _DATES:
            self._tokens.append(Token(kind, match[kind].lower()))  # type: ignore[arg-type]
        elif kind == "other" or (is_date and kind not in {"general", "text", "slash"}):
            self._tokens.append(Token("literal", text))
        else:
            self._tokens.append(Token(kind, text))  # type: ignore[arg-type]

    def _bracket(self, text: str) -> None:
        """A colour, a condition or a set of numerals; what else there may be is not known."""
        condition, chinese = _CONDITION.fullmatch(text), _CHINESE.fullmatch(text)
        if condition is not None:
            self._condition = _Condition(condition[1], Decimal(condition[2]))
        elif chinese is not None:
            self._chinese = int(chinese[1])
        elif not _COLOURS.fullmatch(text):
            self._known = False

    def _place(self, currency: str, locale: str) -> None:
        """`[$€-407]` is a currency, and its locale only says which one; `[$-407]` is a locale."""
        if currency:
            self._tokens.append(Token("literal", currency))
        elif locale.upper() in _SYSTEM:
            self._system = _SYSTEM[locale.upper()]
        elif locale:
            tag, _, code = locale.partition(",")
            number = _hexadecimal(code or tag)
            if number is None or code or number & 0xFFFF:
                found = locale_of_code(tag if number is None or code else number & 0xFFFF)
                self._known = self._known and found is not None
                self._locale = found
            self._calendar = (number or 0) >> 16 & 0xFF
            self._numerals = (number or 0) >> 24
            if chinese_level(self._numerals):
                self._chinese, self._numerals = chinese_level(self._numerals), 0


_SYSTEM: dict[str, _System] = {
    "F800": "date", "X-SYSDATE": "date", "F400": "time", "X-SYSTIME": "time",
}  # fmt: skip


def _hexadecimal(text: str) -> int | None:
    return int(text, 16) if re.fullmatch(r"[0-9A-Fa-f]{1,8}", text) else None


def denominator(tokens: Sequence[Token]) -> int:
    """The fixed denominator after the slash of a fraction; 0 if it has places for digits."""
    text = "".join(token.text for token in tokens if token.kind in {"literal", "digit"}).strip()
    match = _DENOMINATOR.match(text)
    return int(match[0]) if match else 0


def is_date_code(code: str) -> bool:
    """Whether the first section of a code shows a date or a time."""
    return sections_of(code)[0].kind == "date"
