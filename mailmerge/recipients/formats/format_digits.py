"""The digits of a number -> the places of its format: decimals, fractions and exponents."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from fractions import Fraction

from mailmerge.recipients.formats.format_code import Token, denominator
from mailmerge.recipients.formats.locales import Signs

# The largest double has 309 digits, and a format may add decimals.
_EXACT = Context(prec=1_400, rounding=ROUND_HALF_UP)
_LONGEST_DENOMINATOR = 5


def show_digits(value: Decimal, tokens: Sequence[Token], signs: Signs) -> str:
    """Put the digits of a number into the places of a format, from the point to both sides."""
    places = [index for index, token in enumerate(tokens) if token.kind == "digit"]
    point = next((i for i, token in enumerate(tokens) if token.kind == "point"), None)
    whole = [index for index in places if point is None or index < point]
    decimals = [index for index in places if point is not None and index > point]
    commas = [index for index, token in enumerate(tokens) if token.kind == "comma"]
    scaling = _scaling(commas, places, whole)
    thousands = any(whole and whole[0] < index < whole[-1] for index in commas)
    percents = sum(token.kind == "percent" for token in tokens)
    scaled = _EXACT.scaleb(value, 2 * percents - 3 * scaling)
    exact = _rounded(abs(scaled), len(decimals))
    before, _, after = f"{exact:f}".partition(".")
    groups = (2 if signs.indian else 3) if thousands else 0
    texts = {
        **_whole_part(before, [(i, tokens[i].text) for i in whole], groups, signs.group),
        **_decimal_part(after, [(index, tokens[index].text) for index in decimals]),
    }
    if point is not None:
        rest = before if before != "0" and not whole else ""
        texts[point] = rest + signs.point
    shown = [
        texts.get(index, "" if token.kind in {"comma", "point"} else token.text)
        for index, token in enumerate(tokens)
    ]
    sign = "-" if scaled < 0 and exact else ""
    return sign + "".join(shown)


def _scaling(commas: Sequence[int], places: Sequence[int], whole: Sequence[int]) -> int:
    """Commas behind the last place, or behind the last one before the point: thousandths each."""
    return sum(index > places[-1] or (bool(whole) and index > whole[-1]) for index in commas)


def _rounded(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), context=_EXACT)


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


def show_exponent(value: Decimal, tokens: Sequence[Token], signs: Signs) -> str | None:
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
        _EXACT.abs(value), fixed, min(len(below), _LONGEST_DENOMINATOR)
    )
    integer = 0
    if whole:
        integer, numerator = divmod(numerator, under)
    sign = "-" if value < 0 and (integer or numerator) else ""
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
    """The numerator and denominator that come nearest; the whole number is still in it."""
    exact = Fraction(value)
    if fixed:
        return int((exact * fixed + Fraction(1, 2)) // 1), fixed
    whole = int(value.to_integral_value(ROUND_FLOOR))
    near = (exact - whole).limit_denominator(10**places - 1)
    return whole * near.denominator + near.numerator, near.denominator


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
