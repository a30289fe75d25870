"""A campaign folder -> the Jinja2 environments of its parts, and errors a person can mend.

The environment is sandboxed and strict: a cell is data, an undefined variable is an error, and
what is rendered depends on nothing but the templates and the row. HTML is escaped by itself; text
and header fields are not.
"""

from __future__ import annotations

import difflib
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TypeVar

import jinja2
from jinja2 import nodes
from jinja2.defaults import DEFAULT_NAMESPACE
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment, safe_range

from mailmerge.errors import TemplateError

Part = Literal["html", "text", "header"]

MAX_STEPS = 1_000_000
"""How many turns of loops and calls of macros one part of one message may take."""

MAX_CHARACTERS = 10_000_000
"""How long one part of one message may become."""

_NOT_DETERMINISTIC_FILTERS = ("random",)
_NOT_DETERMINISTIC_GLOBALS = ("lipsum",)
_COUNTED = "_counted"
_COUNTED_AT_ONCE = frozenset((list, tuple, range))
_SURROGATE = re.compile("[\ud800-\udfff]")
MISSING_HINT = "paths begin at the campaign folder and stay inside it"
_UNDEFINED = re.compile(r"'(?P<name>.*)' is undefined", re.DOTALL)


class OutOfBounds(Exception):
    """A template took more steps, or wrote more, than a message can need."""


class Row(Mapping[str, str]):
    """All cells of a person by the name of their column: the variable `row` of a template.

    Its columns are reached by `row["first name"]` and `row.phone`; no method of a mapping is
    reachable, so that a column may be called `items`.
    """

    __slots__ = ("_cells",)

    def __init__(self, cells: Mapping[str, str]) -> None:
        self._cells = cells

    def __getitem__(self, column: str) -> str:
        return self._cells[column]

    def __iter__(self) -> Iterator[str]:
        return iter(self._cells)

    def __len__(self) -> int:
        return len(self._cells)

    def __str__(self) -> str:
        return str(dict(self._cells))


@dataclass(frozen=True, slots=True)
class CampaignView:
    """What a template may know of its campaign."""

    name: str


class CampaignEnvironment(ImmutableSandboxedEnvironment):
    """Jinja2 as campaigns use it: sandboxed, strict, deterministic and bounded.

    `part` is the part of the message that its templates make.
    """

    intercepted_binops = frozenset(["*", "**"])

    def __init__(self, folder: Path, part: Part) -> None:
        super().__init__(
            loader=jinja2.FileSystemLoader(folder, encoding="utf-8-sig"),
            undefined=jinja2.StrictUndefined,
            finalize=writable,
            autoescape=part == "html",
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            auto_reload=False,
            cache_size=-1,
        )
        self.part = part
        self._steps = threading.local()
        self._allowed: frozenset[tuple[type, str]] = frozenset()
        self.filters[_COUNTED] = self._counted
        for name in _NOT_DETERMINISTIC_FILTERS:
            del self.filters[name]
        for name in _NOT_DETERMINISTIC_GLOBALS:
            del self.globals[name]

    def start_counting(self) -> None:
        """Give the rendering that begins in this thread its full number of steps."""
        self._steps.left = MAX_STEPS

    def count_steps(self, steps: int = 1) -> None:
        """Count turns of a loop, or one call.

        Raises:
            OutOfBounds: that was one too many.
        """
        self._steps.left = left = getattr(self._steps, "left", MAX_STEPS) - steps
        if left < 0:
            raise OutOfBounds(f"it does not end within {MAX_STEPS:,} steps")

    @jinja2.pass_context  # so that Jinja2 does not run it once for all, when a list is constant
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
        """Multiply or raise to a power for a template, within bounds."""
        size = _size(left) * _size(right)
        if operator == "**" or isinstance(left, int) is isinstance(right, int):
            size = 0 if operator == "*" else _power_digits(left, right)
        if size > MAX_CHARACTERS:
            raise OutOfBounds(f"{operator} makes more than {MAX_CHARACTERS:,} characters")
        return super().call_binop(context, operator, left, right)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`row.phone` is `row["phone"]`; all else as the sandbox allows it."""
        kind = type(obj)
        if (kind, attribute) in self._allowed:
            return getattr(obj, attribute)
        if kind is Row:
            return self.getitem(obj, attribute)
        value = super().getattr(obj, attribute)
        # What the sandbox allows for one of these, it allows for all. It wraps str.format.
        if kind in _OFTEN_ASKED and not attribute.startswith("format") and hasattr(obj, attribute):
            self._allowed |= {(kind, attribute)} if not _is_undefined(value) else set()
        return value

    def getitem(self, obj: Any, argument: Any) -> Any:
        """A column of `row`, or an item as the sandbox allows it."""
        if type(obj) is not Row:
            return super().getitem(obj, argument)
        if argument in obj:
            return obj[argument]
        return self.undefined(name=f'row["{argument}"]')


def writable(value: Any) -> Any:
    """The value itself, where it is something that can be written.

    Raises:
        TemplateRuntimeError: it is a function, as in `{{ name.upper }}`; where that lies in memory
            is no text, and another one in each run.
    """
    if callable(value) and not isinstance(value, jinja2.Undefined):
        raise jinja2.TemplateRuntimeError("a function cannot be written out: put () behind it")
    return value


_OFTEN_ASKED = (str, LoopContext, CampaignView)


def _is_undefined(value: Any) -> bool:
    return isinstance(value, jinja2.Undefined)


def _size(value: Any) -> int:
    if isinstance(value, int):
        return max(value, 0)
    return len(value) if isinstance(value, (str, list, tuple)) else 0


def _power_digits(base: Any, exponent: Any) -> int:
    if not isinstance(base, int) or not isinstance(exponent, int):
        return 0
    return base.bit_length() * max(exponent, 0)


def make_environment(folder: Path, part: Part) -> CampaignEnvironment:
    """Make the environment in which the templates of one part are compiled and run.

    `folder` is where templates are looked up, includes and parents too; nothing outside of it is
    reachable. HTML is escaped by itself, "text" and "header" are not.
    """
    return CampaignEnvironment(folder, part)


@dataclass(frozen=True, slots=True)
class Variables:
    """What the templates are given for one person.

    `names` are all variables, Jinja2's own functions among them; `row` is the number of the
    person's row; `joined` is the text of all cells.
    """

    names: dict[str, Any]
    row: int
    columns: tuple[str, ...]
    joined: str

    def place(self, file: str, field: str = "") -> Place:
        """Where an error of this row is told to be."""
        return Place(file, field, self.row, self.columns)


def variables_of(row: int, cells: Mapping[str, str], campaign: CampaignView) -> Variables:
    """The variables of a person: every column by its name, `row` and `campaign`.

    A line of a cell ends with LF for a template, however it ends in the spreadsheet.

    Raises:
        TemplateError: a cell holds half a character, which comes from a broken file.
    """
    joined = "".join(cells.values())
    if not joined.isascii():
        _refuse_halves(joined, row, cells)
    if "\r" in joined:
        cells = {column: _with_line_feeds(text) for column, text in cells.items()}
    names = {**_FUNCTIONS, **cells, "row": Row(cells), "campaign": campaign}
    return Variables(names, row, tuple(cells), joined)


def _with_line_feeds(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _refuse_halves(joined: str, row: int, cells: Mapping[str, str]) -> None:
    try:
        joined.encode()
    except UnicodeEncodeError as error:
        broken = (column for column, text in cells.items() if _SURROGATE.search(text))
        raise TemplateError(
            "the cell holds half a character, which no message can carry",
            row=row,
            column=next(broken, ""),
            hint="save the spreadsheet as UTF-8",
            code="half-character",
        ) from error


def run(template: jinja2.Template, variables: Variables) -> list[str]:
    """What a template yields for one person, piece by piece.

    Raises:
        Exception: whatever goes wrong in a template; `explained` says what it means.
    """
    environment = template.environment
    assert isinstance(environment, CampaignEnvironment)
    environment.start_counting()
    # Jinja2 would copy the variables for each template; a context only reads them.
    context = Context(environment, variables.names, template.name, template.blocks)
    pieces = list(template.root_render_func(context))
    if sum(map(len, pieces)) > MAX_CHARACTERS:
        raise OutOfBounds(f"it makes more than {MAX_CHARACTERS:,} characters")
    return pieces


_FUNCTIONS = {
    name: function
    for name, function in {**DEFAULT_NAMESPACE, "range": safe_range}.items()
    if name not in _NOT_DETERMINISTIC_GLOBALS
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a template's trouble is told to be: a file, and of which field where it is known."""

    file: str
    field: str = ""
    row: int | None = None
    columns: tuple[str, ...] = ()

    def error(
        self, message: str, *, line: int | None = None, file: str = "", **more: str
    ) -> TemplateError:
        """The error that tells `message` at this place."""
        said = f"{self.field}: {message}" if self.field else message
        return TemplateError(said, file=file or self.file, row=self.row, line=line, **more)


def explained(error: Exception, place: Place) -> TemplateError:
    """Say what went wrong in a template, and where, as one error with file, line and row."""
    if isinstance(error, jinja2.TemplateSyntaxError):
        return _syntax_error(error, place)
    if isinstance(error, UnicodeDecodeError):
        return place.error("the file is not UTF-8", hint="save it as UTF-8", code="not-utf-8")
    file, line = _position(error.__traceback__, place)
    if isinstance(error, jinja2.UndefinedError):
        return _undefined_error(error, place, file, line)
    message, hint, code = _cause(error)
    return place.error(message, file=file, line=line, hint=hint, code=code)


def _cause(error: Exception) -> tuple[str, str, str]:
    """What happened, what to do about it, and the code of the kind."""
    if isinstance(error, jinja2.TemplateNotFound):
        names = ", ".join(getattr(error, "templates", None) or [error.name or ""])
        return f"there is no template {names}", MISSING_HINT, "template-missing"
    if isinstance(error, RecursionError):
        return "it includes or calls itself without an end", "", "template-endless"
    if isinstance(error, (OutOfBounds, OverflowError, MemoryError)):
        return str(error) or "it makes too much text", "", "template-endless"
    return _sentence(error), "", "template-failed"


def _sentence(error: Exception) -> str:
    said = " ".join(str(error).split()) or type(error).__name__
    return f"it cannot be rendered: {said}"


def _undefined_error(error: Exception, place: Place, file: str, line: int | None) -> TemplateError:
    match = _UNDEFINED.fullmatch(str(error))
    if match is None:
        return place.error(_sentence(error), file=file, line=line, code="undefined-variable")
    name = match["name"]
    return place.error(
        f"the variable {name} is not defined",
        file=file,
        line=line,
        hint=_nearest(name, place.columns),
        code="undefined-variable",
    )


def _nearest(name: str, columns: tuple[str, ...]) -> str:
    if not columns:
        return "every column is a variable"
    wanted = name.removeprefix('row["').removesuffix('"]')
    folded = {column.casefold(): column for column in reversed(columns)}
    close = difflib.get_close_matches(wanted.casefold(), folded, n=1, cutoff=0.6)
    if close:
        return f"did you mean {as_variable(folded[close[0]])}?"
    return "the columns are " + ", ".join(columns)


def as_variable(column: str) -> str:
    """How a template writes a column: by its name, or as `row["first name"]`."""
    return column if column.isidentifier() else f'row["{column}"]'


_TWO_WORDS = re.compile(r"\{\{-?\s*(?P<words>\w+(?:[ \-]+\w+)+)\s*[|}]")


def _syntax_error(error: jinja2.TemplateSyntaxError, place: Place) -> TemplateError:
    file = error.name if error.name and not place.field else place.file
    line = None if place.field else error.lineno
    source_lines = (error.source or "").splitlines()[error.lineno - 1 : error.lineno]
    words = _TWO_WORDS.search(source_lines[0]) if source_lines else None
    hint = f'a name of several words is written row["{words["words"]}"]' if words else ""
    said = (error.message or "syntax error").removesuffix(".")
    return place.error(said, file=file, line=line, hint=hint, code="template-syntax")


def _position(trace: TracebackType | None, place: Place) -> tuple[str, int | None]:
    """The innermost template line of a traceback; no line for a template of campaign.toml."""
    file, line = place.file, None
    while trace is not None:
        template = trace.tb_frame.f_globals.get("__jinja_template__")
        if template is not None and template.name is not None:
            file, line = template.name, template.get_corresponding_lineno(trace.tb_lineno)
        trace = trace.tb_next
    return file, line


Made = TypeVar("Made", jinja2.Template, nodes.Template)


def compiled(compile_: Callable[[], Made], place: Place) -> Made:
    """Compile a template, or parse it.

    Raises:
        TemplateError: it is missing, unreadable or not a template; with file and line.
    """
    try:
        return compile_()
    except (jinja2.TemplateError, UnicodeDecodeError, RecursionError, OSError) as error:
        raise explained(error, place) from error
