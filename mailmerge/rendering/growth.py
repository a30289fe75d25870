"""An operation of a template and its operands -> an upper bound of the size of its result.

Only operations whose growth depends on a number or on a second value are here; see budget.py for
all others. The bounds are computed from sizes and counts alone, so they cost little. A bound that
is a few times too high does no harm: an honest message is far below the limit.

Three kinds of operation are refused by the size of what they get, not of what they make:

* Arithmetic with integers of more than 4,300 digits, the number that Python prints at most. The
  time of a multiplication or division grows faster than the length of the numbers.
* Filters that are written in Python and look at each character, or several times at the whole text
  (`urlize`, `striptags`, `wordwrap`, `title`, `pprint`): 100,000 characters.
* `round` with a precision beyond a thousand, and `int` of a longer text than any number has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from mailmerge.language import tr
from mailmerge.rendering.budget import ELEMENT, Budget, Containers, elements, text_size
from mailmerge.rendering.template_errors import LimitExceeded

_LONGEST_INTEGER: Final = 4_300
"""The digits of the largest integer."""

_MOST_BITS: Final = 14_300
"""About 4,300 digits."""

_LONGEST_TEXT: Final = 100_000
"""The size of the text that the slow filters accept."""

_LARGEST_PRECISION: Final = 1_000
_DEEPEST: Final = 1_000
"""The depth of lists in lists at which Python itself gives up."""

_WRITTEN: Final = 10
"""The largest factor by which `%r` or `%a` lengthens a text."""

_CONVERSION = re.compile(
    r"%(?:\([^()]*\))?[#0 +-]{0,5}(?P<width>\*|\d+)?(?:\.(?P<precision>\*|\d+))?"
)
_NUMBER = re.compile(r"\d+")


def _integer(value: Any) -> int:
    """The value as a number of characters; 0 if it is no integer, which Python refuses."""
    return max(value, 0) if isinstance(value, int) else 0


def _argument(args: tuple[Any, ...], kwargs: Mapping[str, Any], at: int, name: str) -> Any:
    return args[at] if len(args) > at else kwargs.get(name)


def _numbers_in(texts: list[str]) -> int:
    """The sum of some decimal numbers; a longer number than any limit counts as the limit."""
    return sum(int(text[:12]) for text in texts)


# -- operators -----------------------------------------------------------------------------------


def check_operands(budget: Budget, operator: str, left: Any, right: Any) -> None:
    """Refuse a binary operation whose result would be too large or would take too long.

    Raises:
        LimitExceeded: it would.
    """
    if isinstance(left, int) and isinstance(right, int):
        _check_integers(operator, left, right)
    elif operator == "%":
        if isinstance(left, (str, bytes)):
            budget.expect(_formatted(budget, left, right))
    elif operator == "*":
        count, value = (left, right) if isinstance(left, int) else (right, left)
        budget.expect(_integer(count) * budget.size(value))
    elif operator == "+":
        budget.expect(budget.size(left) + budget.size(right))
    elif operator == "-" and not isinstance(left, (int, float)):
        # The views of a dictionary have differences, which are sets without an order.
        raise TypeError(tr("- does not work with {name}", name=type(left).__name__))


def _check_integers(operator: str, left: int, right: int) -> None:
    bits = max(left.bit_length(), right.bit_length())
    if operator == "**":
        bits = max(bits, left.bit_length() * max(right, 0) if abs(left) > 1 else 0)
    elif operator == "*":
        bits = left.bit_length() + right.bit_length()
    if bits > _MOST_BITS:
        raise LimitExceeded(
            tr(
                "{operator} makes a number of more than {longest_integer:,} characters",
                operator=operator,
                longest_integer=_LONGEST_INTEGER,
            )
        )


def check_integer(value: Any) -> None:
    """Refuse an integer with which arithmetic would be slow.

    Raises:
        LimitExceeded: it has too many digits.
    """
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise LimitExceeded(
            tr(
                "it makes a number of more than {longest_integer:,} characters",
                longest_integer=_LONGEST_INTEGER,
            )
        )


def _formatted(budget: Budget, template: str | bytes, values: Any) -> int:
    """The size of `template % values`."""
    text = template if isinstance(template, str) else template.decode("latin-1")
    found = list(_CONVERSION.finditer(text))
    numbers = [number for one in found for number in one.groups() if number and number != "*"]
    starred = sum(1 for one in found for number in one.groups() if number == "*")
    widest = 0
    if starred:
        given = values if isinstance(values, tuple) else (values,)
        widest = max((abs(value) for value in given if isinstance(value, int)), default=0)
    size = len(found) * _WRITTEN * budget.size(values)
    return text_size(template) + _numbers_in(numbers) + starred * widest + size


def check_format_field(budget: Budget, value: Any, specification: str) -> None:
    """Refuse a field of `str.format` whose width or precision is too large.

    Raises:
        LimitExceeded: it is.
    """
    numbers = _NUMBER.findall(specification)
    budget.expect(budget.size(value) + len(specification) + _numbers_in(numbers))


# -- methods -------------------------------------------------------------------------------------

_Size = Callable[[Budget, Any, tuple[Any, ...], Mapping[str, Any]], int]


def _padded(_: Budget, text: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
    width = _argument(args, kwargs, 0, "width")
    fill = _argument(args, kwargs, 1, "fillchar")
    wide = 4 if (isinstance(fill, str) and not fill.isascii()) or not text.isascii() else 1
    return text_size(text) + _integer(width) * wide


def _with_tabs(_: Budget, text: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
    size = _argument(args, kwargs, 0, "tabsize")
    tabs: int = text.count("\t" if isinstance(text, str) else b"\t")
    return text_size(text) + tabs * _integer(8 if size is None else size) * 4


def _replaced(_: Budget, text: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
    old, new = _argument(args, kwargs, 0, "old"), _argument(args, kwargs, 1, "new")
    most = _argument(args, kwargs, 2, "count")
    if not isinstance(old, type(text)) and not isinstance(old, str):
        return 0
    times: int = text.count(old)
    if isinstance(most, int) and most >= 0:
        times = min(times, most)
    return text_size(text) + times * text_size(str(new) if isinstance(text, str) else new)


def _translated(budget: Budget, text: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
    table = _argument(args, kwargs, 0, "table")
    if not isinstance(text, str) or not isinstance(table, Mapping):
        return text_size(text)
    return len(text) * max(map(budget.size, table.values()), default=1)


def _as_bytes(_: Budget, __: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
    return _integer(_argument(args, kwargs, 0, "length"))


def _split(_: Budget, text: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
    separator = _argument(args, kwargs, 0, "sep")
    known = isinstance(separator, type(text)) and len(separator) > 0
    pieces = text.count(separator) if known else len(text) // 2
    return text_size(text) + (pieces + 1) * ELEMENT


def _lines(_: Budget, text: Any, __: tuple[Any, ...], ___: Mapping[str, Any]) -> int:
    return text_size(text) + len(text) // 2 * ELEMENT


METHODS: Final[Mapping[str, _Size]] = {
    "center": _padded,
    "ljust": _padded,
    "rjust": _padded,
    "zfill": _padded,
    "split": _split,
    "rsplit": _split,
    "splitlines": _lines,
    "expandtabs": _with_tabs,
    "replace": _replaced,
    "translate": _translated,
    "to_bytes": _as_bytes,
}
"""The methods of texts and numbers whose growth depends on their arguments."""

SLOW_METHODS: Final = frozenset(("striptags", "unescape", "title"))
"""Methods of a text that take long for a long one."""


# -- filters -------------------------------------------------------------------------------------


def _centred(budget: Budget, text: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
    return budget.size(text) + _integer(_argument(args, kwargs, 0, "width")) * 4


def _indented(budget: Budget, text: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
    width = _argument(args, kwargs, 0, "width")
    size = text_size(width) if isinstance(width, str) else _integer(4 if width is None else width)
    lines = len(text.splitlines()) + 1 if isinstance(text, str) else 1
    return budget.size(text) + lines * size * 4


def _replaced_by_filter(
    budget: Budget, text: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> int:
    if not isinstance(text, str):
        text = str(text)
    old, new = _argument(args, kwargs, 0, "old"), _argument(args, kwargs, 1, "new")
    names = {"old": str(old), "new": str(new), "count": _argument(args, kwargs, 2, "count")}
    return _replaced(budget, text, (), names) * (6 if hasattr(text, "__html__") else 1)


def _wrapped(budget: Budget, text: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
    mark = _argument(args, kwargs, 2, "wrapstring")
    length = budget.size(text)
    return length + length * (budget.size(mark) if mark is not None else 1)


def _linked(budget: Budget, text: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
    more = sum(budget.size(one) for one in (*args, *kwargs.values()))
    links = text.count(".") + text.count("@") + text.count(":") if isinstance(text, str) else 0
    return budget.size(text) * 2 + (links + 1) * (more + 40)


def _batched(budget: Budget, items: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
    fill = _argument(args, kwargs, 1, "fill_with")
    count = _integer(_argument(args, kwargs, 0, "linecount"))
    return budget.size(items) + (count * (budget.size(fill) + ELEMENT) if fill is not None else 0)


def _sliced(budget: Budget, items: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
    fill = _argument(args, kwargs, 1, "fill_with")
    count = _integer(_argument(args, kwargs, 0, "slices"))
    return budget.size(items) + count * (budget.size(fill) + ELEMENT)


def _formatted_by_filter(
    budget: Budget, text: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> int:
    template = text if isinstance(text, str) else str(text)
    return _formatted(budget, template, dict(kwargs) if kwargs else args)


def _as_json(budget: Budget, value: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
    size = budget.size(value)
    indent = _argument(args, kwargs, 0, "indent")
    width = text_size(indent) if isinstance(indent, str) else _integer(indent)
    return size + width * _depth(value) * (size // ELEMENT + 2)


def _depth(value: Any) -> int:
    """How deep lists are nested in lists."""
    depth, level = 0, [value]
    while level and depth < _DEEPEST:
        depth += 1
        level = [inner for one in level for inner in _containers_in(one)]
    return depth


def _containers_in(value: Any) -> list[Any]:
    if not isinstance(value, Containers):
        return []
    inner: Iterable[Any] = value.values() if isinstance(value, Mapping) else elements(value)
    return [one for one in inner if isinstance(one, Containers)]


def _rounded(_: Budget, __: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
    precision = _argument(args, kwargs, 0, "precision")
    if isinstance(precision, int) and abs(precision) > _LARGEST_PRECISION:
        raise LimitExceeded(
            tr(
                "round has a precision of more than {largest_precision:,} characters",
                largest_precision=_LARGEST_PRECISION,
            )
        )
    return 0


def _parsed(_: Budget, text: Any, __: tuple[Any, ...], ___: Mapping[str, Any]) -> int:
    if isinstance(text, str) and len(text) > _LONGEST_INTEGER:
        raise LimitExceeded(
            tr(
                "int has a text of more than {longest_integer:,} characters",
                longest_integer=_LONGEST_INTEGER,
            )
        )
    return 0


FILTERS: Final[Mapping[str, _Size]] = {
    "batch": _batched,
    "center": _centred,
    "format": _formatted_by_filter,
    "indent": _indented,
    "int": _parsed,
    "replace": _replaced_by_filter,
    "round": _rounded,
    "slice": _sliced,
    "tojson": _as_json,
    "urlize": _linked,
    "wordwrap": _wrapped,
}
"""The filters whose growth depends on their arguments."""

SLOW_FILTERS: Final = frozenset(
    ("pprint", "striptags", "title", "urlize", "wordcount", "wordwrap", "xmlattr")
)
"""Filters that take long for a long text."""


def check_slow(budget: Budget, name: str, value: Any) -> None:
    """Refuse a value that a slow filter or method would take long for.

    Raises:
        LimitExceeded: it is too long.
    """
    if budget.size(value) > _LONGEST_TEXT:
        raise LimitExceeded(
            tr(
                "{name} has a text of more than {longest_text:,} characters",
                name=name,
                longest_text=_LONGEST_TEXT,
            )
        )
