"""Numbers of templates, computed and rounded as a spreadsheet does it.

A cell says a decimal number, such as 1234.50; a float is the nearest binary one. So 1234.5 * 1.19
is 1469.0549999999998 in Python and rounds to 1469.05, where every spreadsheet and every accountant
has 1469.06. Two rules make the difference:

* **Operations.** If both operands are decimals of at most 15 significant digits, which a float
  keeps exactly, the result is that of decimal arithmetic, as the nearest float. Any other operand,
  such as 1/3, is no decimal that a user wrote, and Python's own arithmetic is nearer to the
  truth: 1/3*3 is 1.
* **Rounding.** A number is first rounded to 15 significant digits, which removes what is left of
  the binary form, and then to the wanted places; a half goes away from zero. That is Excel's
  ROUND. Python rounds the binary number, and a half to the even digit.
"""

from __future__ import annotations

import math
import operator as operators
import re
from collections.abc import Callable, Mapping
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal, DecimalException
from typing import Any, Final

_DIGITS: Final = 15
"""The significant digits of a decimal number that a float (IEEE 754, binary64) always keeps."""

_LARGEST_EXACT: Final = 10**_DIGITS
_LARGEST_POWER: Final = 1_000
_EXACT: Final = Context(prec=60)
_WIDE: Final = Context(prec=700)
_FINEST: Final = 300
"""More decimal places than any number below has digits that matter."""

_CONVERSION = re.compile(
    r"%(?:\((?P<key>[^()]*)\))?[#0 +-]*(?P<width>\*|\d+)?"
    r"(?:(?P<point>\.)(?P<precision>\*|\d+)?)?[hlL]?(?P<kind>.)",
    re.DOTALL,
)
_FIELD = re.compile(r"(?P<point>\.(?P<precision>\d+))?(?P<kind>[a-zA-Z%]?)$")


def _floor_divide(left: Decimal, right: Decimal) -> Decimal:
    return _EXACT.divide(left, right).to_integral_value(ROUND_FLOOR)


def _remainder(left: Decimal, right: Decimal) -> Decimal:
    return _EXACT.subtract(left, _EXACT.multiply(right, _floor_divide(left, right)))


_OPERATIONS: Final[Mapping[str, Callable[[Decimal, Decimal], Decimal]]] = {
    "+": _EXACT.add,
    "-": _EXACT.subtract,
    "*": _EXACT.multiply,
    "/": _EXACT.divide,
    "//": _floor_divide,
    "%": _remainder,
    "**": _EXACT.power,
}


def calculate(operator: str, left: object, right: object) -> float | None:
    """`left operator right` in decimal arithmetic; None where Python's own result is the right one.

    At least one operand must be a float, and both decimals of at most 15 significant digits.
    """
    if type(left) is not float and type(right) is not float:
        return None
    operation = _OPERATIONS.get(operator)
    first, second = _as_decimal(left), _as_decimal(right)
    if operation is None or first is None or second is None:
        return None
    if operator == "**" and not (second == int(second) and abs(second) <= _LARGEST_POWER):
        return None
    try:
        result = float(operation(first, second))
    except (DecimalException, OverflowError):  # such as a division by zero
        return None
    return result if math.isfinite(result) else None


def add(left: Any, right: Any) -> Any:
    """`left + right`, in decimal arithmetic where both are decimal numbers."""
    found = calculate("+", left, right)
    return operators.add(left, right) if found is None else found


def _as_decimal(value: object) -> Decimal | None:
    """The decimal number that a value stands for; None if it stands for none that is exact."""
    if type(value) is float:
        written = repr(value)  # the shortest decimal that is this float
        return Decimal(written) if _digits_of(written) <= _DIGITS else None
    if type(value) is int and -_LARGEST_EXACT < value < _LARGEST_EXACT:
        return Decimal(value)
    return None


def _digits_of(written: str) -> int:
    if written[-1] in "fn":  # inf, nan
        return _DIGITS + 1
    digits = written.partition("e")[0].lstrip("-").replace(".", "").strip("0")
    return len(digits)


def round_half_away(value: float, places: int, rounding: str = ROUND_HALF_UP) -> float:
    """Round to decimal places as Excel does: 15 significant digits first, a half away from zero.

    `rounding` is another rule of the module decimal, such as ROUND_CEILING.
    """
    if not _is_roundable(value) or places > _FINEST:
        return value
    number = Decimal(f"{value:.{_DIGITS}g}")
    return float(number.quantize(Decimal(1).scaleb(-places), rounding, _WIDE))


def _is_roundable(value: float) -> bool:
    return math.isfinite(value) and abs(value) < _LARGEST_EXACT


def formatted(template: str, values: Any) -> str:
    """`template % values` with numbers that are rounded as `round_half_away` does it.

    Raises:
        TypeError, KeyError, ValueError: as Python does.
    """
    if isinstance(values, Mapping):
        return _with_names(template, values)
    given = values if isinstance(values, tuple) else (values,)
    if not any(type(one) is float for one in given):
        unchanged: str = template % values
        return unchanged
    rounded = list(given)
    at = 0
    for found in _CONVERSION.finditer(template):
        if found["kind"] == "%":
            continue
        at += found["width"] == "*"
        places = found["precision"] or ("0" if found["point"] else "6")
        if places == "*":
            places = str(given[at]) if at < len(given) and type(given[at]) is int else "6"
            at += 1
        if at < len(given):
            rounded[at] = _rounded_for(given[at], int(places), found["kind"])
        at += 1
    return template % tuple(rounded)


def _with_names(template: str, values: Mapping[str, Any]) -> str:
    def one(found: re.Match[str]) -> str:
        key, kind = found["key"], found["kind"]
        if key is None or key not in values or not _is_number(found["precision"]):
            return found[0]
        places = int(found["precision"] or ("0" if found["point"] else "6"))
        value = _rounded_for(values[key], places, kind)
        if value is values[key]:
            return found[0]
        return (found[0] % {key: value}).replace("%", "%%")

    made = _CONVERSION.sub(one, str(template)) if _has_float(values) else template
    text: str = type(template)(made) % values
    return text


def _is_number(text: str | None) -> bool:
    return text is None or text.isdigit()


def _has_float(values: Mapping[str, Any]) -> bool:
    return any(type(one) is float for one in values.values())


def field_value(value: Any, specification: str) -> Any:
    """The value for one field of `str.format`, rounded for its specification, such as `,.2f`."""
    found = _FIELD.search(specification)
    if type(value) is not float or found is None or not (found["point"] or found["kind"]):
        return value
    return _rounded_for(value, int(found["precision"] or 6), found["kind"] or "g")


def _rounded_for(value: Any, places: int, kind: str) -> Any:
    """The number as a conversion such as `f` with `places` shall show it."""
    if type(value) is not float or not _is_roundable(value) or value == 0:
        return value
    exponent = math.floor(math.log10(abs(value)))
    if kind in "fF":
        return round_half_away(value, places)
    if kind == "%":
        return round_half_away(value, places + 2)
    if kind in "eE":
        return round_half_away(value, places - exponent)
    if kind in "gGn":
        return round_half_away(value, max(places, 1) - 1 - exponent)
    return value
