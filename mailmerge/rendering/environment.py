"""A campaign folder -> the Jinja2 environment in which its templates are compiled and run.

The environment is sandboxed and strict: a cell is data and never a template, an undefined
variable is an error, and what is rendered depends on nothing but the templates and the row. HTML
is escaped automatically; text and header fields are not.

A template may run or write endlessly (`{% for %}` in `{% for %}`, a macro that calls itself). So
every turn of a loop and every call is counted: `_parse` wraps the iterable of each loop in a
counting filter. `Environment._parse` is not part of Jinja2's public interface;
test_environment.py fails if it changes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import jinja2
from jinja2 import nodes
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from mailmerge.content_files import ContentFiles
from mailmerge.rendering.loader import FolderLoader
from mailmerge.rendering.settings import DEFAULT_LIMITS, BodySource, RenderLimits
from mailmerge.rendering.template_errors import LimitExceeded
from mailmerge.rendering.variables import (
    NOT_DETERMINISTIC_GLOBALS,
    CampaignView,
    RowVariable,
    Variables,
)

Part = Literal["html", "text", "header"]

_NOT_DETERMINISTIC_FILTERS = ("random",)
_COUNTED = "_counted"
_COUNTED_AT_ONCE = frozenset((list, tuple, range))
_OFTEN_ASKED = (str, LoopContext, CampaignView)


class CampaignEnvironment(ImmutableSandboxedEnvironment):
    """Jinja2 as campaigns use it: sandboxed, strict, deterministic and limited.

    Attributes:
        part: the part of the message that its templates make.
        limits: how much one template may do.
    """

    intercepted_binops = frozenset(["*", "**"])

    def __init__(
        self, loader: jinja2.BaseLoader, part: Part, limits: RenderLimits = DEFAULT_LIMITS
    ) -> None:
        super().__init__(
            loader=loader,
            undefined=jinja2.StrictUndefined,
            finalize=printable,
            autoescape=part == "html",
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            auto_reload=False,
            cache_size=-1,
        )
        self.part = part
        self.limits = limits
        self._steps = threading.local()
        self._allowed: frozenset[tuple[type, str]] = frozenset()
        self.filters[_COUNTED] = self._counted
        for name in _NOT_DETERMINISTIC_FILTERS:
            del self.filters[name]
        for name in NOT_DETERMINISTIC_GLOBALS:
            del self.globals[name]

    def start_counting(self) -> None:
        """Reset the step counter of this thread, for a new rendering."""
        self._steps.left = self.limits.steps

    def count_steps(self, steps: int = 1) -> None:
        """Count turns of a loop, or one call.

        Raises:
            LimitExceeded: the rendering has used up its steps.
        """
        self._steps.left = left = getattr(self._steps, "left", self.limits.steps) - steps
        if left < 0:
            raise LimitExceeded(f"it does not end within {self.limits.steps:,} steps")

    @jinja2.pass_context  # so that Jinja2 does not run it at compile time for a constant list
    def _counted(self, _: Context, items: Iterable[Any]) -> Iterable[Any]:
        if type(items) in _COUNTED_AT_ONCE:
            self.count_steps(len(items))  # type: ignore[arg-type]  # they all have a length
            return items
        return self._counted_one_by_one(items)

    def _counted_one_by_one(self, items: Iterable[Any]) -> Iterator[Any]:
        for item in items:
            self.count_steps()
            yield item

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for loop in tree.find_all(nodes.For):
            counted = nodes.Filter(loop.iter, _COUNTED, [], [], None, None, lineno=loop.lineno)
            counted.set_environment(self)
            loop.iter = counted
        return tree

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call `obj` for a template, and count it."""
        self.count_steps()
        return super().call(context, obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Multiply or raise to a power for a template, within the limits."""
        size = _size(left) * _size(right)
        if operator == "**" or isinstance(left, int) is isinstance(right, int):
            size = 0 if operator == "*" else _bits_of_power(left, right)
        if size > self.limits.characters:
            raise LimitExceeded(f"{operator} makes more than {self.limits.characters:,} characters")
        return super().call_binop(context, operator, left, right)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`row.phone` is `row["phone"]`; everything else as the sandbox allows it."""
        kind = type(obj)
        if (kind, attribute) in self._allowed:
            return getattr(obj, attribute)
        if kind is RowVariable:
            return self.getitem(obj, attribute)
        value = super().getattr(obj, attribute)
        # The sandbox decides by type and attribute, except that it wraps str.format.
        if kind in _OFTEN_ASKED and not attribute.startswith("format") and hasattr(obj, attribute):
            # If two threads add a pair at once, one of them is lost, and looked up again later.
            self._allowed |= {(kind, attribute)} if not _is_undefined(value) else set()
        return value

    def getitem(self, obj: Any, argument: Any) -> Any:
        """A column of `row`, or an item as the sandbox allows it."""
        if type(obj) is not RowVariable:
            return super().getitem(obj, argument)
        if argument in obj:
            return obj[argument]
        return self.undefined(name=f'row["{argument}"]')


def printable(value: Any) -> Any:
    """The value itself, if it can be written into a message.

    Raises:
        TemplateRuntimeError: it is a function, as in `{{ name.upper }}`. Its text would be its
            address in memory, which differs in each run.
    """
    if callable(value) and not isinstance(value, jinja2.Undefined):
        raise jinja2.TemplateRuntimeError("a function cannot be printed: add () to call it")
    return value


def _is_undefined(value: Any) -> bool:
    return isinstance(value, jinja2.Undefined)


def _size(value: Any) -> int:
    if isinstance(value, int):
        return max(value, 0)
    return len(value) if isinstance(value, (str, list, tuple)) else 0


def _bits_of_power(base: Any, exponent: Any) -> int:
    if not isinstance(base, int) or not isinstance(exponent, int):
        return 0
    return base.bit_length() * max(exponent, 0)


def template_loader(
    files: ContentFiles | Path, source: BodySource | None = None
) -> jinja2.BaseLoader:
    """A loader of the templates in a folder, and of one template that is given as text.

    It loads no file outside of the folder, and none that is never part of a message.
    """
    loader = FolderLoader(files)
    if source is None or source.text is None:
        return loader
    return jinja2.ChoiceLoader([jinja2.DictLoader({source.name: source.text}), loader])


def make_environment(
    files: ContentFiles | Path, part: Part, limits: RenderLimits = DEFAULT_LIMITS
) -> CampaignEnvironment:
    """Make the environment in which the templates of one part are compiled and run.

    HTML is escaped automatically, "text" and "header" are not. Includes and parents are looked up
    in the folder of `files`, which may be a folder if none of its files is private.
    """
    return CampaignEnvironment(template_loader(files), part, limits)


def run(template: jinja2.Template, variables: Variables) -> list[str]:
    """The output of a template for one recipient, as a list of pieces.

    Raises:
        Exception: anything that goes wrong in a template; `template_errors.explain` turns it into
            a TemplateError.
    """
    environment = template.environment
    assert isinstance(environment, CampaignEnvironment)
    environment.start_counting()
    # Template.generate() would copy the variables each time; a context only reads them.
    context = Context(environment, variables.names, template.name, template.blocks)
    pieces = list(template.root_render_func(context))
    if sum(map(len, pieces)) > environment.limits.characters:
        raise LimitExceeded(f"it makes more than {environment.limits.characters:,} characters")
    return pieces
