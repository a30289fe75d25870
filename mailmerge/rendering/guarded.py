"""The filters, methods and operators of templates, each within the budget of the rendering.

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
from typing import Any, Final, Protocol

import jinja2
from jinja2 import nodes
from jinja2.filters import FILTERS, make_attrgetter
from jinja2.runtime import Context, LoopContext, markup_join, str_join
from jinja2.sandbox import SandboxedEscapeFormatter, SandboxedFormatter
from jinja2.tests import TESTS
from jinja2.utils import _PassArg
from markupsafe import Markup

from mailmerge.rendering import growth
from mailmerge.rendering.budget import Budget, Containers
from mailmerge.rendering.variables import CampaignView, RowVariable

_PLAIN: Final = frozenset((str, Markup, int, float, bool, type(None)))
_STABLE = (str, bytes, int, float, type(None), range, RowVariable, CampaignView, LoopContext)
_ITERATED = (*Containers, type({}.keys()), type({}.values()), type({}.items()))

CONTAINER: Final = "_container"
CONCATENATED: Final = "_concatenated"
SLICED: Final = "_sliced"
COMPARED: Final = "_compared"
"""Names of filters that `rewrite` puts in place of syntax that Jinja2 does not let us intercept."""

_UNGUARDED: Final = frozenset(
    ("abs", "attr", "count", "d", "default", "first", "last", "length", "items", "map", "safe")
    + ("select", "selectattr", "reject", "rejectattr")
)
"""Filters that make nothing, or make one element at a time."""

_NO_TEXT: Final = frozenset(
    ("dictsort", "groupby", "list", "max", "min", "reverse", "sort", "sum", "unique", "batch")
    + ("slice", "tojson", "int", "float", "round", "filesizeformat", "join")
)
"""Filters that do not turn their operand into a text."""

_COMPARING: Final = frozenset(
    ("in", "==", "eq", "equalto", "!=", "ne", ">", "gt", "greaterthan", "ge", ">=", "<", "lt")
    + ("lessthan", "<=", "le", "lower", "upper")
)
"""Tests that read the whole of their operands."""


class _Limited(Protocol):
    """What this module needs of an environment."""

    @property
    def budget(self) -> Budget: ...

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any: ...


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
        elif isinstance(one, _ITERATED):
            waiting += [*one, *one.values()] if isinstance(one, Mapping) else one
        else:
            raise jinja2.TemplateRuntimeError(_unprintable(one))
    return value


def _unprintable(value: Any) -> str:
    if isinstance(value, types.GeneratorType):
        return "a sequence cannot be printed: add |join or |list"
    if callable(value):
        return "a function cannot be printed: add () to call it"
    return f"an object ({type(value).__name__}) cannot be printed: print one of its attributes"


# -- filters and tests ---------------------------------------------------------------------------


def guarded_filters() -> dict[str, Callable[..., Any]]:
    """Filters in place of those of Jinja2 that could use up memory or time."""
    guarded = {
        name: _guarded_filter(name, original)
        for name, original in FILTERS.items()
        if name not in _UNGUARDED
    }
    own = {"join": _join, "list": _list, "sum": _sum, CONTAINER: _container}
    return {**guarded, **own, CONCATENATED: _concatenated, SLICED: _sliced, COMPARED: _compared}


def guarded_tests() -> dict[str, Callable[..., Any]]:
    """Tests in place of those of Jinja2 that may take long."""
    return {name: _guarded_test(TESTS[name]) for name in _COMPARING}


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
    if isinstance(start, (str, int, float)) and all(isinstance(one, (int, float)) for one in items):
        for one in items:
            growth.check_integer(one)
        return sum(items, start)
    for one in items:  # each addition makes a list, for example
        start = environment.call_binop(context, "+", start, one)
    return start


@jinja2.pass_context
def _container(context: Context, value: Any) -> Any:
    """A list, tuple or dictionary of a template."""
    return _budget_of(context).check(value)


@jinja2.pass_context
def _concatenated(context: Context, values: list[Any]) -> Any:
    """`a ~ b`."""
    budget = _budget_of(context)
    budget.step()
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
    budget.look_at_time()
    return value


# -- syntax --------------------------------------------------------------------------------------


def rewrite(tree: nodes.Template, environment: jinja2.Environment) -> None:
    """Put filters in place of `~`, slices, comparisons, and lists that are not constant."""
    _Rewriter(environment).visit(tree)


class _Rewriter(jinja2.visitor.NodeTransformer):
    """Replaces nodes by filters of this module."""

    def __init__(self, environment: jinja2.Environment) -> None:
        self._environment = environment

    def _filter(self, name: str, node: nodes.Expr, *args: nodes.Expr) -> nodes.Expr:
        made = nodes.Filter(node, name, list(args), [], None, None, lineno=node.lineno)
        made.set_environment(self._environment)
        return made

    def visit_Concat(self, node: nodes.Concat) -> nodes.Expr:  # noqa: N802 - Jinja2's naming
        self.generic_visit(node)
        return self._filter(CONCATENATED, nodes.List(node.nodes, lineno=node.lineno))

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        if not isinstance(node.arg, nodes.Slice):
            return node
        part = node.arg
        bounds = [one or nodes.Const(None) for one in (part.start, part.stop, part.step)]
        return self._filter(SLICED, node.node, *bounds)

    def visit_Compare(self, node: nodes.Compare) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        operands = [node.expr, *(operand.expr for operand in node.ops)]
        if not any(isinstance(one, nodes.Literal) and _is_constant(one) for one in operands):
            node.expr = self._filter(COMPARED, node.expr)
        return node

    def visit_List(self, node: nodes.List) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        return node if _is_constant(node) else self._filter(CONTAINER, node)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        if node.ctx != "load" or _is_constant(node):
            return node
        return self._filter(CONTAINER, node)

    def visit_Dict(self, node: nodes.Dict) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        return node if _is_constant(node) else self._filter(CONTAINER, node)


def _is_constant(node: nodes.Expr) -> bool:
    if isinstance(node, nodes.Dict):
        return all(_is_constant(one.key) and _is_constant(one.value) for one in node.items)
    if isinstance(node, (nodes.List, nodes.Tuple)):
        return all(map(_is_constant, node.items))
    return isinstance(node, (nodes.Const, nodes.TemplateData))


# -- calls ---------------------------------------------------------------------------------------

_METHODS = (types.BuiltinMethodType, types.MethodType)
_VALUES = (str, bytes, int, float, list, tuple, dict, type)


_SHORT: Final = 1_000
_CHEAP: Final = frozenset(
    ("split", "rsplit", "splitlines", "partition", "rpartition", "strip", "lstrip", "rstrip")
    + ("lower", "upper", "title", "capitalize", "startswith", "endswith", "removeprefix", "find")
    + ("removesuffix", "isdigit", "isalpha", "isspace", "count")
)
"""Methods of a text whose result is not much larger than the text, whatever their arguments."""


def is_cheap(method: types.BuiltinMethodType) -> bool:
    """Whether a method is that of a short text, and makes nothing large."""
    owner = method.__self__
    return type(owner) is str and len(owner) <= _SHORT and method.__name__ in _CHEAP


def is_method_of_value(function: Any) -> bool:
    """Whether a function is a method of a text, a number or a container."""
    return isinstance(function, _METHODS) and isinstance(function.__self__, _VALUES)


def call_method(budget: Budget, method: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a method of a text, a number or a container, within the budget.

    Raises:
        LimitExceeded: its result would be too large.
    """
    owner, name = method.__self__, method.__name__
    if name in growth.METHODS:
        budget.expect(growth.METHODS[name](budget, owner, args, kwargs))
    elif name == "join" and args:
        items = list(budget.counted(args[0]))
        budget.expect(budget.size(items) + len(items) * budget.size(owner))
        args = (items, *args[1:])
    elif name == "fromkeys" and args:
        args = (list(budget.counted(args[0])), *args[1:])
    elif name in growth.SLOW_METHODS:
        growth.check_slow(budget, name, owner)
    return budget.check(method(*args, **kwargs))


class _Fields:
    """Checks each field of `str.format` before it is formatted."""

    budget: Budget

    def format_field(self, value: Any, format_spec: str) -> str:
        growth.check_format_field(self.budget, printable(value), format_spec)
        self.budget.step()
        text = super().format_field(value, format_spec)  # type: ignore[misc]
        self.budget.add_text(text)
        return text  # type: ignore[no-any-return]


class _TextFormatter(_Fields, SandboxedFormatter):
    """`str.format` in the sandbox."""


class _MarkupFormatter(_Fields, SandboxedEscapeFormatter):
    """`Markup.format` in the sandbox."""


def guarded_format(
    environment: jinja2.sandbox.SandboxedEnvironment, budget: Budget, method: Any
) -> Callable[..., str]:
    """A function that does what `method`, which is `format` or `format_map` of a text, does."""
    text = method.__self__
    if isinstance(text, Markup):
        formatter: Any = _MarkupFormatter(environment, escape=text.escape)
    else:
        formatter = _TextFormatter(environment)
    formatter.budget = budget

    def guarded(*args: Any, **kwargs: Any) -> str:
        if method.__name__ == "format_map":
            if kwargs or len(args) != 1:
                raise TypeError("format_map() takes exactly one argument")
            args, kwargs = (), args[0]
        made: str = budget.check(type(text)(formatter.vformat(text, args, kwargs)))
        return made

    return guarded
