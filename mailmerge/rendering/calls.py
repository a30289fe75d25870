"""Calls of methods of texts, numbers and containers in a template, each within the budget."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any, Final

from jinja2.sandbox import (
    SandboxedEnvironment,
    SandboxedEscapeFormatter,
    SandboxedFormatter,
)
from markupsafe import Markup

from mailmerge.arithmetic import field_value
from mailmerge.rendering import growth
from mailmerge.rendering.budget import Budget
from mailmerge.rendering.guarded import is_short_text, printable

_METHODS = (types.BuiltinMethodType, types.MethodType)
_VALUES = (str, bytes, int, float, list, tuple, dict, type)


_CHEAP: Final = frozenset(
    (
        "split",
        "rsplit",
        "splitlines",
        "partition",
        "rpartition",
        "strip",
        "lstrip",
        "rstrip",
        "lower",
        "upper",
        "title",
        "capitalize",
        "startswith",
        "endswith",
        "removeprefix",
        "find",
        "removesuffix",
        "isdigit",
        "isalpha",
        "isspace",
        "count",
    )
)
"""Methods of a text whose result is not much larger than the text, whatever their arguments."""


def is_cheap(method: Any) -> bool:
    """Whether a method is that of a short text, and makes nothing large."""
    owner = method.__self__
    return is_short_text(owner) and method.__name__ in _CHEAP


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
        text = super().format_field(field_value(value, format_spec), format_spec)  # type: ignore[misc]
        self.budget.add_text(text)
        return text  # type: ignore[no-any-return]


class _TextFormatter(_Fields, SandboxedFormatter):
    """`str.format` in the sandbox."""


class _MarkupFormatter(_Fields, SandboxedEscapeFormatter):
    """`Markup.format` in the sandbox."""


def guarded_format(
    environment: SandboxedEnvironment, budget: Budget, method: Any
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
            made: str = formatter.vformat(text, (), args[0])
        else:
            made = formatter.vformat(text, args, kwargs)
        result: str = budget.check(type(text)(made))
        return result

    return guarded
