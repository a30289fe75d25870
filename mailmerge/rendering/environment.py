"""A campaign folder -> the Jinja2 environment in which its templates are compiled and run.

The environment is sandboxed and strict: a cell is data and never a template, an undefined
variable is an error, and what is rendered depends on nothing but the templates and the row. HTML
is escaped automatically; text and header fields are not.

A template may run or write endlessly (`{% for %}` in `{% for %}`, a macro that calls itself, a text
that doubles itself). So every rendering has a budget (budget.py), and everything that costs
something goes through a method of the environment: operators, calls, filters, captured text.
`_parse` wraps the iterable of each loop in a counting filter, and rewrites the syntax that Jinja2
does not let us intercept (guarded.py). `Environment._parse` is not part of Jinja2's public
interface; test_environment.py fails if it changes.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import jinja2
from jinja2 import nodes
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from mailmerge.arithmetic import calculate, formatted
from mailmerge.content_files import ContentFiles
from mailmerge.language import tr
from mailmerge.rendering.budget import Budget, Budgets
from mailmerge.rendering.calls import (
    call_method,
    guarded_format,
    is_cheap,
    is_method_of_value,
)
from mailmerge.rendering.growth import check_operands
from mailmerge.rendering.guarded import guarded_filters, guarded_tests, printable
from mailmerge.rendering.loader import FolderLoader
from mailmerge.rendering.rewriting import rewritten
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
_LONG_OUTPUT = 64
"""Characters of an output that is counted by itself; a turn of a loop pays for shorter ones."""

_STEPS_OF_AN_OUTPUT = 4
_OWN_ARGUMENTS = ("_loop_vars", "_block_vars")


class CampaignEnvironment(ImmutableSandboxedEnvironment):
    """Jinja2 as campaigns use it: sandboxed, strict, deterministic and limited.

    Attributes:
        part: the part of the message that its templates make.
        limits: how much one template may do.
    """

    intercepted_binops = frozenset(("+", "-", "*", "/", "//", "%", "**"))

    def __init__(
        self, loader: jinja2.BaseLoader, part: Part, limits: RenderLimits = DEFAULT_LIMITS
    ) -> None:
        super().__init__(
            loader=loader,
            undefined=jinja2.StrictUndefined,
            finalize=self._finalize,
            autoescape=part == "html",
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            auto_reload=False,
            cache_size=-1,
        )
        self.part = part
        self.limits = limits
        self._budgets = Budgets(limits)
        self._sources: dict[str | None, _Source] = {}
        self._last_parsed: tuple[str, nodes.Template] | None = None
        self._source_length = self._outputs = 0
        self._allowed: frozenset[tuple[type, str]] = frozenset()
        self.concat = self._concat  # type: ignore[method-assign]  # Jinja2 declares the type of str.join
        self.filters.update(guarded_filters())
        self.tests.update(guarded_tests())
        self.filters[_COUNTED] = self._counted
        for name in _NOT_DETERMINISTIC_FILTERS:
            del self.filters[name]
        for name in NOT_DETERMINISTIC_GLOBALS:
            del self.globals[name]

    @property
    def budget(self) -> Budget:
        """What is left of the limits for the rendering that this thread runs."""
        return self._budgets.budget

    def start(self) -> Budget:
        """Begin a new rendering in this thread, with the full budget."""
        budget = self._budgets.budget
        budget.restart(self._source_length)
        return budget

    @jinja2.pass_context  # so that Jinja2 does not run it at compile time for a constant list
    def _counted(self, _: Context, items: Iterable[Any], steps: int) -> Iterable[Any]:
        if steps < 0:  # the loop shows other templates, or blocks that others define
            steps = 1 + _STEPS_OF_AN_OUTPUT * self._outputs
        if type(items) in _COUNTED_AT_ONCE:
            self.budget.step(len(items) * steps)  # type: ignore[arg-type]  # they all have a length
            return items
        return self._counted_one_by_one(items, steps)

    def _counted_one_by_one(self, items: Iterable[Any], steps: int) -> Iterator[Any]:
        step = self.budget.step
        for item in items:
            step(steps)
            yield item

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        found = rewritten(tree, self)
        loops = [node for node in found if isinstance(node, nodes.For)]
        for loop in loops:
            steps = nodes.Const(_steps_of_a_turn(loop))
            counted = nodes.Filter(loop.iter, _COUNTED, [steps], [], None, None, lineno=loop.lineno)
            counted.set_environment(self)
            loop.iter = counted
        # The text of a template counts once, however often it is parsed; a field has no name.
        self._sources[name] = _Source(len(source), _outputs_among(found))
        self._source_length = sum(one.length for one in self._sources.values())
        self._outputs = sum(one.outputs for one in self._sources.values())
        self._last_parsed = source, tree
        return tree

    def tree_of(self, source: str, name: str) -> nodes.Template:
        """The tree of a template, to ask it and not to compile it.

        It is parsed once if it was compiled a moment ago. The compiler has then put constants in
        place of constant expressions.

        Raises:
            jinja2.TemplateSyntaxError: it is no template.
        """
        parsed, self._last_parsed = self._last_parsed, None
        if parsed is not None and parsed[0] == source:
            return parsed[1]
        tree = self.parse(source, name)
        self._last_parsed = None
        return tree

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call `obj` for a template, within the budget."""
        budget = self._budgets.budget
        budget.step()
        if kwargs and is_method_of_value(obj):  # Jinja2 passes the variables of loops and blocks
            kwargs = {name: one for name, one in kwargs.items() if name not in _OWN_ARGUMENTS}
        if type(obj) is types.BuiltinMethodType and is_cheap(obj):
            return obj(*args, **kwargs)
        if is_method_of_value(obj):
            return call_method(budget, obj, args, kwargs)
        for one in (*args, *kwargs.values()) if kwargs else args:
            if type(one) is not str:
                budget.expect(budget.size(one))
        if type(obj) is LoopContext and args:  # `loop(children)` runs the loop again
            args = (self._counted(context, args[0], -1), *args[1:])
        made = super().call(context, obj, *args, **kwargs)
        return budget.check(made) if obj is dict else made

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Compute `left operator right` for a template, within the budget."""
        budget = self.budget
        budget.step()
        computed = calculate(operator, left, right)
        if computed is not None:
            return computed
        if operator == "%" and isinstance(left, (str, bytes)):
            printable(right)
        if isinstance(left, jinja2.Undefined) or isinstance(right, jinja2.Undefined):
            return super().call_binop(context, operator, left, right)  # raises: it is not defined
        check_operands(budget, operator, left, right)
        if operator == "%" and isinstance(left, str):
            return budget.check(formatted(left, right))
        made = super().call_binop(context, operator, left, right)
        return made if type(made) is float else budget.check(made)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """`format` and `format_map` of a text, within the sandbox and the budget."""
        is_method = isinstance(value, (types.MethodType, types.BuiltinMethodType))
        if not is_method or value.__name__ not in ("format", "format_map"):
            return None
        return guarded_format(self, self.budget, value) if isinstance(value.__self__, str) else None

    def _finalize(self, value: Any) -> Any:
        """An output: it must be printable."""
        if type(value) is not str:
            return printable(value)
        if len(value) > _LONG_OUTPUT:
            self._budgets.budget.add_text(value)
        return value

    def _concat(self, pieces: Iterable[str]) -> str:
        """Captured text, of a macro or a block."""
        return self.joined(list(pieces))

    def joined(self, pieces: list[str]) -> str:
        """The pieces as one text, if it is not too long."""
        self.budget.add(sum(map(len, pieces)))
        return "".join(pieces)

    def check_page(self, pieces: list[str], length: int) -> None:
        """Refuse a page that the following steps would take long for.

        Raises:
            LimitExceeded: it has too many characters or tags.
        """
        if self.part != "html":
            return
        if length > self.limits.page + self._source_length:
            raise LimitExceeded(
                tr("the page has more than {page:,} characters", page=self.limits.page)
            )
        if sum(piece.count("<") for piece in pieces) > self.limits.tags:
            raise LimitExceeded(tr("the page has more than {tags:,} tags", tags=self.limits.tags))

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


@dataclass(frozen=True, slots=True)
class _Source:
    """A parsed template: its number of characters, and of outputs."""

    length: int
    outputs: int


def _outputs_among(found: Iterable[nodes.Node]) -> int:
    return sum(len(node.nodes) for node in found if isinstance(node, nodes.Output))


def _steps_of_a_turn(loop: nodes.For) -> int:
    """The steps that one turn costs; -1 if the outputs of other templates may be in the loop."""
    if loop.recursive or next(loop.find_all((nodes.Include, nodes.Block)), None) is not None:
        return -1
    outputs = [one for part in loop.body for one in _self_and(part, nodes.Output)]
    values = sum(
        1 for one in outputs for node in one.nodes if not isinstance(node, nodes.TemplateData)
    )
    return 1 + _STEPS_OF_AN_OUTPUT * values + len(outputs) // 8


def _self_and(node: nodes.Node, kind: type[nodes.Output]) -> Iterator[nodes.Output]:
    if isinstance(node, kind):
        yield node
    yield from node.find_all(kind)


def _is_undefined(value: Any) -> bool:
    return isinstance(value, jinja2.Undefined)


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
    budget = environment.start()
    # Template.generate() would copy the variables each time; a context only reads them.
    context = Context(environment, variables.names, template.name, template.blocks)
    pieces = list(template.root_render_func(context))
    length = sum(map(len, pieces))
    budget.expect(length)
    if length > environment.limits.tags:
        environment.check_page(pieces, length)
    return pieces
