"""The digits of a number -> the places of its format: decimals, fractions and exponents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from functools import lru_cache

from mailmerge.recipients.formats.format_code import Token, denominator
from mailmerge.recipients.formats.locales import Signs

# The largest double has 309 digits, and a format may add decimals.
_EXACT = Context(prec=1_400, rounding=ROUND_HALF_UP)
_LONGEST_DENOMINATOR = 7
_WHOLE_ENOUGH = 5e-8


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the digits of a section go; it is the same for all numbers.

    Attributes:
        whole, decimals: the tokens with places before and behind the point.
        point: the token with the point, if any.
        power: the power of ten that percents and commas multiply by.
        thousands: whether there are signs between thousands.
        unit: one in the last place.
        simple: least digits before the point, text before and behind the digits; only for formats
            whose places are `#` and `0` in one run, and all `0` behind the point.
    """

    whole: tuple[int, ...]
    decimals: tuple[int, ...]
    point: int | None
    power: int
    thousands: bool
    unit: Decimal
    simple: tuple[int, str, str] | None


@lru_cache(maxsize=500)
def layout_of(tokens: tuple[Token, ...]) -> Layout:
    """The layout of a section of digits; it is remembered."""
    places = [index for index, token in enumerate(tokens) if token.kind == "digit"]
    point = next((i for i, token in enumerate(tokens) if token.kind == "point"), None)
    whole = tuple(index for index in places if point is None or index < point)
    decimals = tuple(index for index in places if point is not None and index > point)
    commas = [index for index, token in enumerate(tokens) if token.kind == "comma"]
    # Commas behind the last place, or behind the last one before the point: thousandths each.
    scaling = sum(index > places[-1] or (bool(whole) and index > whole[-1]) for index in commas)
    percents = sum(token.kind == "percent" for token in tokens)
    thousands = any(whole and whole[0] < index < whole[-1] for index in commas)
    power = 2 * percents - 3 * scaling
    unit = _unit(len(decimals))
    return Layout(
        whole, decimals, point, power, thousands, unit, _simple(tokens, whole, decimals, point)
    )


def _simple(
    tokens: tuple[Token, ...], whole: tuple[int, ...], decimals: tuple[int, ...], point: int | None
) -> tuple[int, str, str] | None:
    if not whole:
        return None
    first, last = whole[0], decimals[-1] if decimals else whole[-1] if point is None else point
    inner = tokens[first : last + 1]
    digits = "".join(tokens[index].text for index in whole)
    behind = "".join(tokens[index].text for index in decimals)
    needed = digits.lstrip("#")
    if any(token.kind not in {"digit", "comma", "point"} for token in inner):
        return None
    if needed.strip("0") or behind.strip("0") or sum(t.kind == "point" for t in tokens) > 1:
        return None
    around = [
        "".join(token.text for token in part if token.kind != "comma")
        for part in (tokens[:first], tokens[last + 1 :])
    ]
    return len(needed), around[0], around[1]


def show_digits(value: Decimal, tokens: tuple[Token, ...], signs: Signs) -> str:
    """Put the digits of a number into the places of a format, from the point to both sides."""
    layout = layout_of(tokens)
    sign, before, after = _parts(value, layout)
    if layout.simple is not None:
        return sign + _filled(before, after, layout, signs)
    groups = (2 if signs.indian else 3) if layout.thousands else 0
    texts = {
        **_whole_part(before, [(i, tokens[i].text) for i in layout.whole], groups, signs.group),
        **_decimal_part(after, [(index, tokens[index].text) for index in layout.decimals]),
    }
    if layout.point is not None:
        rest = before if before != "0" and not layout.whole else ""
        texts[layout.point] = rest + signs.point
    return sign + "".join(
        texts.get(index, "" if token.kind in {"comma", "point"} else token.text)
        for index, token in enumerate(tokens)
    )


def show_simple(value: Decimal, layout: Layout, signs: Signs) -> str:
    """The same as `show_digits` for a layout that is simple, and quicker."""
    sign, before, after = _parts(value, layout)
    return sign + _filled(before, after, layout, signs)


def _parts(value: Decimal, layout: Layout) -> tuple[str, str, str]:
    """The sign of a number, and its rounded digits before and behind the point."""
    scaled = _EXACT.scaleb(value, layout.power) if layout.power else value
    exact = abs(scaled).quantize(layout.unit, context=_EXACT)
    before, _, after = f"{exact:f}".partition(".")
    return "-" if scaled < 0 and exact else "", before, after


def _filled(before: str, after: str, layout: Layout, signs: Signs) -> str:
    """The digits in a format with one run of places."""
    least, prefix, suffix = layout.simple or (0, "", "")
    digits = ("" if before == "0" else before).zfill(least)
    if layout.thousands and len(digits) > 3:
        digits = _grouped(digits, signs)
    point = "" if layout.point is None else signs.point
    return f"{prefix}{digits}{point}{after}{suffix}"


def _grouped(digits: str, signs: Signs) -> str:
    size = 2 if signs.indian else 3
    head, tail = digits[:-3], digits[-3:]
    first = len(head) % size
    groups = [head[:first]] if first else []
    groups += [head[at : at + size] for at in range(first, len(head), size)]
    return signs.group.join([*groups, tail])


def _rounded(value: Decimal, places: int) -> Decimal:
    return value.quantize(_unit(places), context=_EXACT)


@lru_cache(maxsize=500)
def _unit(places: int) -> Decimal:
    return Decimal(1).scaleb(-places)


def _whole_part(
    digits: str, places: Sequence[tuple[int, str]], groups: int, sign: str
) -> dict[int, str]:
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
            starts = groups and digit.isdigit() and _starts_group(count, groups)
            texts[index] = f"{digit}{sign if starts else ''}{texts.get(index, '')}"
            count += 1
        texts.setdefault(index, "")
    return texts


def _starts_group(count: int, groups: int) -> bool:
    """Whether a sign follows the digit with so many digits behind it; 2 is the Indian way."""
    return count >= 3 and (count - 3) % groups == 0


def _decimal_part(digits: str, places: Sequence[tuple[int, str]]) -> dict[int, str]:
    """The text of each place after the point; zeros at the end of optional places are left out."""
    texts: dict[int, str] = {}
    needed = False
    for (index, place), digit in reversed(list(zip(places, digits, strict=True))):
        needed = needed or digit != "0" or place == "0"
        texts[index] = digit if needed else (" " if place == "?" else "")
    return texts


def show_exponent(value: Decimal, tokens: tuple[Token, ...], signs: Signs) -> str | None:
    """A number with a power of ten; the power is a multiple of the places before the point."""
    at = next(index for index, token in enumerate(tokens) if token.kind == "exponent")
    mantissa, behind = tokens[:at], tokens[at + 1 :]
    places = [token for token in behind if token.kind == "digit"]
    if not places or not any(token.kind == "digit" for token in mantissa):
        return None
    point = next((i for i, token in enumerate(mantissa) if token.kind == "point"), len(mantissa))
    whole = sum(token.kind == "digit" for token in mantissa[:point])
    decimals = sum(token.kind == "digit" for token in mantissa[point:])
    power = _power(value, whole, decimals)
    shown = show_digits(_EXACT.scaleb(value, -power), mantissa, signs)
    sign = "-" if power < 0 else ("+" if tokens[at].text[1] == "+" else "")
    digits = str(abs(power)).zfill(sum(token.text == "0" for token in places))
    rest = "".join(token.text for token in behind if token.kind != "digit")
    return f"{shown}{tokens[at].text[0]}{sign}{digits}{rest}"


def _power(value: Decimal, whole: int, decimals: int) -> int:
    if not value:
        return 0
    step = max(whole, 1)
    power = (value.adjusted() + (whole == 0)) // step * step
    rounded = _rounded(abs(_EXACT.scaleb(value, -power)), decimals)
    return power + step if rounded >= 10 ** (step if whole else 0) else power


def show_fraction(value: Decimal, tokens: Sequence[Token]) -> str | None:
    """A number as a whole number and a fraction, or as a fraction alone."""
    slash = next(index for index, token in enumerate(tokens) if token.kind == "slash")
    first = slash
    while first and tokens[first - 1].kind == "digit":
        first -= 1
    fixed = denominator(tokens[slash + 1 :])
    below = [token for token in tokens[slash + 1 :] if token.kind == "digit"]
    if first == slash or not (fixed or below):
        return None
    whole = [index for index in range(first) if tokens[index].kind == "digit"]
    numerator, under = _approximated(
        _EXACT.abs(value), fixed, min(max(len(below), slash - first), _LONGEST_DENOMINATOR)
    )
    integer = 0
    if whole:
        integer, numerator = divmod(numerator, under)
    sign = "-" if value < 0 else ""  # Excel writes -0, too
    width = len(str(fixed)) if fixed else len(below)
    if whole and not numerator and not any(t.text == "0" for t in tokens[first:slash]):
        bar = " " * (slash - first + 1 + width)
    else:
        over = _spaced(str(numerator), tokens[first:slash])
        bar = f"{over}/{_under(under, fixed, below)}"
    if whole:
        front = _fronted(integer, numerator, tokens[:first])
    else:
        front = "".join(token.text for token in tokens[:first] if token.kind == "literal")
    return f"{sign}{front}{bar}{_rest(tokens[slash + 1 :], fixed)}"


def _approximated(value: Decimal, fixed: int, places: int) -> tuple[int, int]:
    """The numerator and denominator that Excel shows; the whole number is still in it.

    They are not those that come nearest: Excel takes the last convergent of the continued fraction
    whose denominator has so many digits. 0.47 is 1/2 in one digit, although 4/9 is nearer.
    """
    if fixed:
        return int((Fraction(value) * fixed + Fraction(1, 2)) // 1), fixed
    largest, rest = 10**places - 1, float(value)
    numerators, denominators = (0, 1), (1, 0)
    while denominators[1] < largest:
        term = int(rest)
        under = term * denominators[1] + denominators[0]
        if under > largest:
            break
        numerators = numerators[1], term * numerators[1] + numerators[0]
        denominators = denominators[1], under
        if rest - term < _WHOLE_ENOUGH:
            break
        rest = 1 / (rest - term)
    return numerators[1], denominators[1]


def _fronted(integer: int, numerator: int, tokens: Sequence[Token]) -> str:
    """The whole number with what stands around it; 0 is not shown before a fraction."""
    optional = all(token.text != "0" for token in tokens if token.kind == "digit")
    digits = "" if optional and not integer and numerator else str(integer)
    places = [index for index, token in enumerate(tokens) if token.kind == "digit"]
    texts = []
    for index, token in enumerate(tokens):
        if token.kind == "digit":
            needed = sum(tokens[place].text == "0" for place in places)
            texts.append(digits.zfill(needed) if index == places[-1] else "")
        else:
            texts.append(token.text)
    return "".join(texts)


def _spaced(digits: str, places: Sequence[Token]) -> str:
    zeros = sum(token.text == "0" for token in places)
    return digits.zfill(zeros).rjust(sum(token.text != "#" for token in places))


def _under(under: int, fixed: int, places: Sequence[Token]) -> str:
    if fixed:
        return str(fixed)
    return str(under).ljust(sum(token.text == "?" for token in places))


def _rest(tokens: Sequence[Token], fixed: int) -> str:
    """What stands behind the denominator."""
    text = "".join(token.text for token in tokens if token.kind != "digit" or fixed)
    return text.lstrip().removeprefix(str(fixed)) if fixed else text
