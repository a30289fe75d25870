"""Digits in other scripts, and numbers in Chinese characters.

`[$-D000000]` gives each digit the shape that the first byte names. `[DBNum1]` to `[DBNum3]` are
East Asian: a number is written out with a character for each power of ten (四万六千), in plain
characters, in those of cheques, or with wide digits; a year is written digit by digit.
"""

from __future__ import annotations

from dataclasses import dataclass

_ZEROS = {
    2: 0x660, 3: 0x6F0, 4: 0x966, 5: 0x9E6, 6: 0xA66, 7: 0xAE6, 8: 0xB66, 9: 0xBE6, 0xA: 0xC66,
    0xB: 0xCE6, 0xC: 0xD66, 0xD: 0xE50, 0xE: 0xED0, 0xF: 0xF20, 0x10: 0x1040, 0x11: 0x1369 - 1,
    0x12: 0x17E0, 0x13: 0x1810,
}  # fmt: skip
# The three sets of each language, as DBNum1 to DBNum3 also name them.
_SETS = {0x1B: ("ja", 1), 0x1C: ("ja", 2), 0x1D: ("ja", 3), 0x1E: ("zh", 1), 0x1F: ("zh", 2),
         0x20: ("zh", 3), 0x21: ("zh-TW", 1), 0x22: ("zh-TW", 2), 0x23: ("zh-TW", 3),
         0x24: ("ko", 1), 0x25: ("ko", 2), 0x26: ("ko", 3)}  # fmt: skip


def shape_known(shape: int) -> bool:
    """Whether the digits of a shape are known."""
    return shape in _ZEROS or shape in _SETS or shape in {0, 1}


def chinese_level(shape: int) -> int:
    """Which of DBNum1 to DBNum3 a shape is the same as; 0 if it is none of them."""
    return _SETS[shape][1] if shape in _SETS else 0


def shaped(text: str, shape: int) -> str:
    """A text whose digits have the shape with this number."""
    if shape in _SETS:
        return digit_by_digit(text, *_SETS[shape])
    zero = _ZEROS.get(shape)
    return text if zero is None else text.translate({48 + n: zero + n for n in range(10)})


@dataclass(frozen=True, slots=True)
class _Writing:
    """The characters of a language: digits, powers below 10,000, powers above, the point."""

    digits: str
    tens: str
    groups: str
    point: str
    zero_inside: bool
    one_before_ten: bool


_WIDE = "０１２３４５６７８９"
_WRITINGS = {
    ("zh", 1): _Writing("〇一二三四五六七八九", "十百千", "万亿兆", "．", True, True),
    ("zh", 2): _Writing("零壹贰叁肆伍陆柒捌玖", "拾佰仟", "万亿兆", "点", True, True),
    ("zh-TW", 1): _Writing("〇一二三四五六七八九", "十百千", "萬億兆", "．", True, True),
    ("zh-TW", 2): _Writing("零壹貳參肆伍陸柒捌玖", "拾佰仟", "萬億兆", "點", True, True),
    ("ja", 1): _Writing("〇一二三四五六七八九", "十百千", "万億兆", "・", False, False),
    ("ja", 2): _Writing("零壱弐参四伍六七八九", "拾百阡", "萬億兆", "・", False, False),
    ("ko", 1): _Writing("零一二三四五六七八九", "十百千", "万億兆", "．", False, True),
    ("ko", 2): _Writing("零壹貳參四伍六七八九", "拾佰阡", "萬億兆", "點", True, True),
}


def written_out(text: str, language: str, level: int) -> str:
    """A number such as `-1,234.50` in the characters of DBNum `level`."""
    writing = _WRITINGS.get((language, level))
    if writing is None:
        return digit_by_digit(text, language, level)
    whole, point, decimals = text.replace(",", "").partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    if not digits.isdigit() or len(digits) > 16 or (decimals and not decimals.isdigit()):
        return digit_by_digit(text, language, level)
    spelt = _whole(digits.lstrip("0"), writing) or writing.digits[0]
    return sign + spelt + (writing.point if point else "") + _replaced(decimals, writing.digits)


def _whole(digits: str, writing: _Writing) -> str:
    """Digits without leading zeros, in groups of four with a power of 10,000 each."""
    parts: list[str] = []
    gap = False
    for place in range((len(digits) - 1) // 4, -1, -1):
        four = digits[: len(digits) - 4 * place][-4:]
        if not four.strip("0"):
            gap = True
            continue
        if writing.zero_inside and parts and (gap or four[0] == "0"):
            parts.append(writing.digits[0])
        gap = False
        parts.append(
            _four(four.lstrip("0"), writing) + (writing.groups[place - 1] if place else "")
        )
    return "".join(parts)


def _four(digits: str, writing: _Writing) -> str:
    spelt, gap = "", False
    for index, digit in enumerate(digits):
        power = len(digits) - 1 - index
        if digit == "0":
            gap = True
            continue
        if gap and writing.zero_inside:
            spelt += writing.digits[0]
        gap = False
        silent = digit == "1" and power in {1, 2} and not writing.one_before_ten
        spelt += ("" if silent else writing.digits[int(digit)]) + (
            writing.tens[power - 1] if power else ""
        )
    return spelt


def digit_by_digit(text: str, language: str, level: int) -> str:
    """A text with each digit in the characters of DBNum `level`, as in a year."""
    writing = _WRITINGS.get((language, level))
    if writing is not None:
        return _replaced(text, writing.digits)
    return _replaced(text, _WIDE).replace(".", "．").replace(",", "，")


def small_number(number: int, language: str, level: int, *, calendar: bool) -> str:
    """A part of a date or time, written out; of `calendar`, a month or a day, 12 is 十二."""
    if level == 3:
        return _replaced(str(number), _WIDE)
    text = written_out(str(number), language, level)
    writing = _WRITINGS[language, level]
    return text.removeprefix(writing.digits[1]) if calendar and 10 <= number < 20 else text


def _replaced(text: str, digits: str) -> str:
    return text.translate({48 + n: digit for n, digit in enumerate(digits)})
