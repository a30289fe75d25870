"""The filters and tests of templates, each within the budget of the rendering.

`budget.py` says what is limited and why; `growth.py` computes the size of a result beforehand. This
module puts both in front of what Jinja2 and Python offer, and counts the result.

No guarded filter runs while a template is compiled (`pass_context`), where no budget is known:
Jinja2 would compute `{{ "a"|center(999999999) }}` there.

Whatever becomes a text must have the same text in each run. `printable` refuses functions,
generators and other objects, whose text is their address in memory.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP
from functools import reduce
from typing import Any, Final

import jinja2
from jinja2.exceptions import FilterArgumentError
from jinja2.filters import FILTERS, make_attrgetter
from jinja2.runtime import Context, LoopContext, markup_join, str_join
from jinja2.tests import TESTS
from jinja2.utils import _PassArg
from markupsafe import Markup, escape, soft_str

from mailmerge.arithmetic import add, formatted, round_half_away
from mailmerge.buckets import bucket
from mailmerge.cell_numbers import parse_number
from mailmerge.language import tr
from mailmerge.rendering import growth
from mailmerge.rendering.budget import Budget, Containers, elements
from mailmerge.rendering.number_errors import NotANumber
from mailmerge.rendering.variables import CampaignView, RowVariable, number_locale
from mailmerge.rendering.written_numbers import decimals_of, write_number

_PLAIN: Final = frozenset((str, Markup, int, float, bool, type(None)))
_SHORT: Final = 1_000
"""Characters of a text that costs no more than a step."""

_STABLE = (str, bytes, int, float, type(None), range, RowVariable, CampaignView, LoopContext)

CONTAINER: Final = "_container"
CONCATENATED: Final = "_concatenated"
SLICED: Final = "_sliced"
COMPARED: Final = "_compared"
LINES: Final = "_lines"
"""Names of filters that `rewrite` puts in place of syntax that Jinja2 does not let us intercept."""

NUMBER: Final = "number"
"""The filter that writes a number as the readers of a country do."""

LINE_BREAKS: Final = "nl2br"
"""The filter that shows the line breaks of a cell."""

_UNGUARDED: Final = frozenset(
    (
        "abs",
        "attr",
        "count",
        "d",
        "default",
        "first",
        "last",
        "length",
        "items",
        "map",
        "safe",
        "select",
        "selectattr",
        "reject",
        "rejectattr",
    )
)
"""Filters that make nothing, or make one element at a time."""

_NO_TEXT: Final = frozenset(
    (
        "dictsort",
        "groupby",
        "list",
        "max",
        "min",
        "reverse",
        "sort",
        "sum",
        "unique",
        "batch",
        "slice",
        "tojson",
        "int",
        "float",
        "round",
        "filesizeformat",
        "join",
    )
)
"""Filters that do not turn their operand into a text."""

_COMPARING: Final = frozenset(
    (
        "in",
        "==",
        "eq",
        "equalto",
        "!=",
        "ne",
        ">",
        "gt",
        "greaterthan",
        "ge",
        ">=",
        "<",
        "lt",
        "lessthan",
        "<=",
        "le",
        "lower",
        "upper",
    )
)
"""Tests that read the whole of their operands."""


# -- what may be printed -------------------------------------------------------------------------


def printable(value: Any) -> Any:
    """The value itself, if it can be written into a message.

    Raises:
        TemplateRuntimeError: it is, or contains, a function, as in `{{ name.upper }}`, or another
            object without a text. Its text would be its address in memory, which differs in each
            run.
    """
    if type(value) in _PLAIN:
        return value
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, jinja2.Undefined):
            str(one)  # raises: it is not defined
        elif isinstance(one, _STABLE) or hasattr(one, "__html__"):
            continue
        elif isinstance(one, Containers):
            waiting += elements(one)
        else:
            raise jinja2.TemplateRuntimeError(_unprintable(one))
    return value


def _unprintable(value: Any) -> str:
    if isinstance(value, types.GeneratorType):
        return tr("a sequence cannot be printed: add |join or |list")
    if callable(value):
        return tr("a function cannot be printed: add () to call it")
    return tr(
        "an object ({name}) cannot be printed: print one of its attributes",
        name=type(value).__name__,
    )


# -- filters and tests ---------------------------------------------------------------------------


def guarded_filters() -> dict[str, Callable[..., Any]]:
    """Filters in place of those of Jinja2 that could use up memory or time."""
    guarded = {
        name: _guarded_filter(name, original)
        for name, original in FILTERS.items()
        if name not in _UNGUARDED
    }
    own: dict[str, Callable[..., Any]] = {
        "join": _join, "list": _list, "sum": _sum, CONTAINER: _container,
        "int": _number_filter("int"), "float": _number_filter("float"),
        NUMBER: _number,
        "round": _guarded_filter("round", _rounded), "format": _guarded_filter("format", _format),
        LINE_BREAKS: _line_breaks, LINES: _lines, "bucket": _bucket,
    }  # fmt: skip
    return {**guarded, **own, CONCATENATED: _concatenated, SLICED: _sliced, COMPARED: _compared}


@jinja2.pass_context  # so that Jinja2 reports errors of a constant with the row, too
def _bucket(context: Context, key: Any, n: Any = 2) -> int:
    _budget_of(context).step()
    if isinstance(key, jinja2.Undefined):
        str(key)  # raises: it is not defined
    return bucket(key, n)


def guarded_tests() -> dict[str, Callable[..., Any]]:
    """Tests in place of those of Jinja2 that may take long."""
    tests: Mapping[str, Any] = TESTS
    return {name: _guarded_test(tests[name]) for name in _COMPARING}


def _budget_of(context: Context) -> Budget:
    environment: Any = context.environment
    budget: Budget = environment.budget
    return budget


def _guarded_filter(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    size_of = growth.FILTERS.get(name)
    is_slow = name in growth.SLOW_FILTERS
    writes = name not in _NO_TEXT
    passed = _PassArg.from_obj(original)

    @jinja2.pass_context
    def guarded(context: Context, value: Any, *args: Any, **kwargs: Any) -> Any:
        budget = _budget_of(context)
        budget.step()
        if writes:
            printable(value)
            for one in (*args, *kwargs.values()):
                printable(one)
        if size_of is not None and not isinstance(value, jinja2.Undefined):
            if isinstance(value, types.GeneratorType):
                value = _list(context, value)
            budget.expect(size_of(budget, value, args, kwargs))
        if is_slow:
            growth.check_slow(budget, name, value)
        if passed is _PassArg.eval_context:
            return budget.check(original(context.eval_ctx, value, *args, **kwargs))
        if passed is _PassArg.environment:
            return budget.check(original(context.environment, value, *args, **kwargs))
        return budget.check(original(value, *args, **kwargs))

    return guarded


def _guarded_test(original: Callable[..., Any]) -> Callable[..., Any]:
    @jinja2.pass_context
    def guarded(context: Context, value: Any, *args: Any) -> Any:
        _budget_of(context).step(16)
        return original(value, *args)

    return guarded


def _format(value: Any, *args: Any, **kwargs: Any) -> str:
    """Jinja2's filter `format`, with numbers rounded as a spreadsheet does it."""
    if args and kwargs:
        raise FilterArgumentError("can't handle positional and keyword arguments at the same time")
    return formatted(soft_str(value), kwargs or args)


def _rounded(value: Any, precision: Any = 0, method: str = "common") -> Any:
    """Jinja2's filter `round` for decimal numbers: a half goes away from zero."""
    rounding = _ROUNDING.get(method)
    if type(value) is not float or type(precision) is not int or rounding is None:
        return FILTERS["round"](value, precision, method)
    return round_half_away(value, precision, rounding)


_ROUNDING: Final = {"common": ROUND_HALF_UP, "ceil": ROUND_CEILING, "floor": ROUND_FLOOR}
_NOT_GIVEN: Final = object()


def _number_filter(name: str) -> Callable[..., Any]:
    """`int` or `float`, which never make 0 of a text that is no number.

    A second argument is used instead, as in Jinja2: `{{ seats|int(0) }}`.
    """
    original = _guarded_filter(name, FILTERS[name])

    @jinja2.pass_context
    def number(
        context: Context, value: Any, default: Any = _NOT_GIVEN, *args: Any, **kw: Any
    ) -> Any:
        if not isinstance(value, str) or args or kw:
            default = (0 if name == "int" else 0.0) if default is _NOT_GIVEN else default
            return original(context, value, default, *args, **kw)
        _budget_of(context).step()
        if len(value) > _LONGEST_NUMBER:
            raise NotANumber(value, "", name)
        try:
            return int(value) if name == "int" else _finite(float(value), value)
        except ValueError:
            pass
        found = parse_number(value, number_locale(context.get("campaign")))
        if found is not None:
            return int(found) if name == "int" else found
        if default is not _NOT_GIVEN:
            return default
        raise _not_a_number(context, value, name)

    return number


@jinja2.pass_context
def _number(context: Context, value: Any, *wanted: Any) -> Any:
    """A number as a country writes it: `1234.5|number(2, "de")` is 1.234,50.

    Args:
        context: of the rendering.
        value: a number, or a cell that shows one.
        *wanted: the decimal places, by default those that the number has; a language or country, by
            default that of the sheet, else en-US.
    """
    _budget_of(context).step(4)
    if isinstance(value, jinja2.Undefined):
        str(value)  # raises: it is not defined
    places = next((one for one in wanted if type(one) is int), None)
    tag = next((one for one in wanted if isinstance(one, str)), None)
    if len(wanted) > (places is not None) + (tag is not None):
        raise jinja2.TemplateRuntimeError(tr('write the filter as number(2) or number(2, "de")'))
    own = number_locale(context.get("campaign"))
    amount = value
    if isinstance(value, str):
        amount = parse_number(value, own) if len(value) <= _LONGEST_NUMBER else None
        if amount is None:
            raise _not_a_number(context, value, NUMBER)
        if places is None:
            places = decimals_of(value, amount)
    if type(amount) not in (int, float):
        raise jinja2.TemplateRuntimeError(tr("the filter number needs a number"))
    return write_number(amount, places, tag if tag is not None else own or "en-US")


def _not_a_number(context: Context, value: str, name: str) -> NotANumber:
    """The error of a text that is no number, with the column that it comes from."""
    row = context.get("row")
    cells = row.items() if isinstance(row, RowVariable) else ()
    return NotANumber(value, next((one for one, text in cells if text == value), ""), name)


_LONGEST_NUMBER: Final = 400


def _finite(number: float, text: str) -> float:
    if number - number != 0 or "." in text:  # infinite, or decimals that may be thousands
        raise ValueError
    return number


@jinja2.pass_context
def _line_breaks(context: Context, value: Any) -> Any:
    """A text with `<br>` in place of its line breaks; unchanged outside of HTML."""
    text = printable(value)
    if not context.eval_ctx.autoescape:
        return text
    lines = [escape(line) for line, _ in _lines(context, text)]
    return _budget_of(context).check(Markup("<br>").join(lines))


@jinja2.pass_context
def _lines(context: Context, value: Any) -> list[tuple[str, bool]]:
    """The lines of a text, each with whether another one follows."""
    text = str(printable(value))
    lines = text.rstrip("\n").split("\n") if context.eval_ctx.autoescape else [text]
    _budget_of(context).step(len(lines))
    return [(line, at < len(lines)) for at, line in enumerate(lines, 1)]


@jinja2.pass_context
def _list(context: Context, value: Iterable[Any]) -> list[Any]:
    budget = _budget_of(context)
    if isinstance(value, str):
        budget.add(len(value) * 100)  # each character becomes an object
    budget.step()
    return list(budget.counted(value))


@jinja2.pass_context
def _join(
    context: Context, value: Iterable[Any], d: Any = "", attribute: str | int | None = None
) -> Any:
    budget = _budget_of(context)
    environment: Any = context.environment
    if attribute is not None:
        value = map(make_attrgetter(environment, attribute), value)
    items = [printable(item) for item in budget.counted(value)]
    budget.expect(budget.size(items) + len(items) * budget.size(printable(d)))
    return budget.check(FILTERS["join"](context.eval_ctx, items, d))


@jinja2.pass_context
def _sum(
    context: Context, value: Iterable[Any], attribute: str | int | None = None, start: Any = 0
) -> Any:
    environment: Any = context.environment
    if attribute is not None:
        value = map(make_attrgetter(environment, attribute), value)
    items = list(_budget_of(context).counted(value))
    if start == 0 and any(type(one) is str for one in items):  # cells: `rows|sum("amount")`
        items = [_as_number(context, one) if type(one) is str else one for one in items]
    if isinstance(start, (str, int, float)) and all(isinstance(one, (int, float)) for one in items):
        for one in items:
            growth.check_integer(one)
        return reduce(add, items, start)
    for one in items:  # each addition makes a list, for example
        start = environment.call_binop(context, "+", start, one)
    return start


def _as_number(context: Context, text: str) -> int | float:
    _budget_of(context).step(4)
    own = number_locale(context.get("campaign"))
    number = parse_number(text, own) if len(text) <= _LONGEST_NUMBER else None
    if number is None:
        raise _not_a_number(context, text, "sum")
    return number if decimals_of(text, number) else int(number)


@jinja2.pass_context
def _container(context: Context, value: Any) -> Any:
    """A list, tuple or dictionary of a template."""
    return _budget_of(context).check(value)


@jinja2.pass_context
def _concatenated(context: Context, values: list[Any]) -> Any:
    """`a ~ b`."""
    budget = _budget_of(context)
    budget.step()
    if not all(map(is_short_text, values)):
        budget.expect(sum(budget.size(printable(value)) for value in values))
    join = markup_join if context.eval_ctx.autoescape else str_join
    return budget.check(join(values))


@jinja2.pass_context
def _sliced(context: Context, value: Any, start: Any, stop: Any, step: Any) -> Any:
    """`value[start:stop:step]`."""
    budget = _budget_of(context)
    budget.step()
    return budget.check(value[start:stop:step])


@jinja2.pass_context
def _compared(context: Context, value: Any) -> Any:
    """The left operand of a comparison of two values, which may both be long."""
    budget = _budget_of(context)
    budget.step()
    if not is_short_text(value):
        budget.look_at_time()
    return value


def is_short_text(value: Any) -> bool:
    """Whether a value is a text that costs no more than a step."""
    return type(value) is str and len(value) <= _SHORT
