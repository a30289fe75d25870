"""`where` -> yes or no for each row: a Jinja expression over the cells, in Jinja's sandbox.

Every column is a variable by its name, and `row` has all of them: `country == 'FR'`,
`row["first name"] != ""`, `age|int >= 18`. Cells are text.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import jinja2
from jinja2 import meta, nodes
from jinja2.filters import make_attrgetter
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from mailmerge.arithmetic import calculate
from mailmerge.buckets import bucket
from mailmerge.cell_numbers import parse_number
from mailmerge.errors import CampaignError, SpreadsheetError
from mailmerge.language import listed, tr
from mailmerge.library_messages import jinja_message
from mailmerge.recipients.differing import differing
from mailmerge.recipients.recipient import Recipient

GROUP_WHERE: Final = "group_where"
"""The key of a condition on groups."""

# The errors that an expression over texts can raise; any other is a defect of this program.
_FAILURES = (
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


class _Environment(ImmutableSandboxedEnvironment):
    """Jinja2's sandbox, which computes with decimal numbers as templates do."""

    intercepted_binops = frozenset(("+", "-", "*", "/", "//", "%", "**"))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Compute `left operator right`."""
        computed = calculate(operator, left, right)
        return super().call_binop(context, operator, left, right) if computed is None else computed


class Condition:
    """A condition on rows, compiled once."""

    def __init__(
        self, text: str, columns: Sequence[str], locale: str = "", *, setting: str = "where"
    ) -> None:
        """Compile `text` for rows with these columns; `locale` is the language of their numbers.

        `setting` is the key of the condition, for its errors. `group_where` also has the variable
        `rows`.

        Raises:
            CampaignError: it is not an expression, or it uses a name that is not a column.
        """
        self.text = text
        self._setting = setting
        environment = _Environment(undefined=jinja2.StrictUndefined)
        environment.filters |= {
            "int": _number(int, locale), "float": _number(float, locale), "bucket": bucket,
            "sum": _sum(locale),
        }  # fmt: skip
        environment.globals["bucket"] = bucket
        try:
            self._check_names(environment, columns)
            self._expression = environment.compile_expression(text, undefined_to_none=False)
        except jinja2.TemplateSyntaxError as error:
            raise CampaignError(
                tr(
                    "{setting} = {text!r}: {message}",
                    setting=setting,
                    text=text,
                    message=jinja_message(error.message or ""),
                ),
                hint=tr("a condition looks like country == 'FR'"),
                code="where-syntax",
            ) from error

    def _check_names(self, environment: jinja2.Environment, columns: Sequence[str]) -> None:
        expression = Parser(environment, self.text, state="variable").parse_expression()
        template = nodes.Template([nodes.Output([expression], lineno=1)], lineno=1)
        template.set_environment(environment)
        known = {*columns, "row", *environment.globals}
        if self._setting == GROUP_WHERE:
            known.add("rows")
        for name in sorted(meta.find_undeclared_variables(template) - known):
            near = difflib.get_close_matches(name, columns, n=1, cutoff=0.5)
            shown = listed(columns[:12])
            raise CampaignError(
                tr(
                    '{setting} = {text!r}: there is no column "{name}"',
                    setting=self._setting,
                    text=self.text,
                    name=name,
                ),
                hint=tr('did you mean "{near}"?', near=near[0])
                if near
                else tr("the columns are {shown}", shown=shown),
                code="where-column",
            )

    def holds(self, cells: Mapping[str, str]) -> bool:
        """Whether the condition is true of a row.

        Raises:
            SpreadsheetError: it fails on this row; the caller adds the row's number.
        """
        return self._holds(cells, row=cells)

    def holds_for(self, group: Recipient) -> bool:
        """Whether the condition is true of a group; a column that differs is an error.

        Raises:
            SpreadsheetError: it fails on this group.
        """
        cells = {**group.cells, **differing(group)}
        return self._holds(cells, row=cells, rows=[row.cells for row in group.rows])

    def _holds(self, cells: Mapping[str, str], **more: Any) -> bool:
        try:
            return bool(self._expression(cells, **more))
        except _FAILURES as error:
            raise SpreadsheetError(
                tr(
                    "{setting} = {text!r} fails on this row: {error}",
                    setting=self._setting,
                    text=self.text,
                    error=error,
                ),
                hint=getattr(error, "hint", tr("cells are text: compare numbers as age|int > 17")),
                code="where-failed",
            ) from error


class _NoNumber(ValueError):
    @property
    def hint(self) -> str:
        return tr("correct the cell, or write a default, such as age|int(0)")


def _number(kind: type[int] | type[float], locale: str) -> Callable[..., Any]:
    """The filter `int` or `float`: a text that is no number is no 0, but an error of its row."""

    def convert(value: Any, *default: Any) -> Any:
        if not isinstance(value, str):
            return kind(value)
        number = parse_number(value, locale)
        if number is None and not default:
            raise _NoNumber(
                tr("{value!r} is no number", value=value[:60]) if value else tr("a cell is empty")
            )
        return default[0] if number is None else kind(number)

    return convert


def _sum(locale: str) -> Callable[..., Any]:
    """The filter `sum`; the texts of cells are numbers: `rows|sum("amount")`."""
    convert = _number(float, locale)

    @jinja2.pass_environment
    def total(
        environment: jinja2.Environment,
        value: Iterable[Any],
        attribute: str | int | None = None,
        start: Any = 0,
    ) -> Any:
        if attribute is not None:
            value = map(make_attrgetter(environment, attribute), value)
        return sum((convert(one) if isinstance(one, str) else one for one in value), start)

    return total
