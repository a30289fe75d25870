"""Errors of templates -> one TemplateError with file, line, variable, row and the fix."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TypeVar

import jinja2
from jinja2 import nodes

from mailmerge.errors import TemplateError
from mailmerge.language import marked, tr
from mailmerge.paths import RefusedPath
from mailmerge.recipients.differing import ColumnDiffers
from mailmerge.rendering.file_kinds import NotATemplate
from mailmerge.rendering.number_errors import NotANumber
from mailmerge.rendering.syntax_fixes import explain_syntax
from mailmerge.wording import prefixed

_UNDEFINED = re.compile(r"'(?P<name>.*)' is undefined", re.DOTALL)
_MISSING_HINT = marked("write its path relative to the campaign folder")


class LimitExceeded(Exception):
    """A template took more steps, or wrote more, than a message can need."""


@dataclass(frozen=True, slots=True)
class ErrorLocation:
    """The place at which the errors of a template are reported.

    Attributes:
        file: the template file, or the file that holds a one-line template.
        field: the key of a one-line template, such as `message.subject`; empty for a file.
        row: the row of the recipient; None if no row is rendered.
        columns: the names of all columns, to suggest the right one.
    """

    file: str
    field: str = ""
    row: int | None = None
    columns: tuple[str, ...] = ()

    def error(
        self,
        message: str,
        *,
        line: int | None = None,
        file: str = "",
        hint: str = "",
        code: str = "",
        character: int | None = None,
        excerpt: str = "",
    ) -> TemplateError:
        """An error at this location, or at `file` and `line` if they are known."""
        text = prefixed(self.field, message) if self.field else message
        return TemplateError(
            text, file=file or self.file, row=self.row, line=line, hint=hint, code=code,
            character=character, excerpt=excerpt,
        )  # fmt: skip

    def missing(self, names: str, line: int | None, file: str = "") -> TemplateError:
        """The error for templates that do not exist."""
        return self.error(
            tr("there is no template {names}", names=names), line=line, file=file,
            code="template-missing",
            hint=tr(_MISSING_HINT),
        )  # fmt: skip

    def refused(self, error: RefusedPath, line: int | None, file: str = "") -> TemplateError:
        """The error for a template that may not be part of a message."""
        refusal = error.refusal
        path = "" if error.path == (file or self.file) else f"{error.path} "
        return self.error(
            path + refusal.message, line=line, file=file, hint=refusal.hint, code=refusal.code
        )


def explain(error: Exception, location: ErrorLocation) -> TemplateError:
    """Turn an exception of Jinja2 or Python in a template into the error that users see."""
    if isinstance(error, jinja2.TemplateSyntaxError):
        return _syntax_error(error, location)
    if isinstance(error, NotATemplate):
        return location.error(
            tr("this is {name} and no template", name=tr(error.kind.name)), file=error.path,
            hint=error.kind.fix,
            code="not-a-template",
        )  # fmt: skip
    if isinstance(error, UnicodeDecodeError):
        return location.error(
            tr("the file is not UTF-8"), hint=tr("save it as UTF-8"), code="not-utf-8"
        )
    return _of_a_rendering(error, location)


def _of_a_rendering(error: Exception, location: ErrorLocation) -> TemplateError:
    """The error of a template that compiles."""
    file, line = _position(error.__traceback__, location)
    if isinstance(error, jinja2.UndefinedError):
        return _undefined_error(error, location, file, line)
    if isinstance(error, ColumnDiffers):
        return location.error(
            str(error), file=file, line=line, hint=error.hint, code="group-differs"
        )
    if isinstance(error, NotANumber):
        return _not_a_number(error, location, file, line)
    if isinstance(error, RefusedPath):
        return location.refused(error, line, file)
    if isinstance(error, jinja2.TemplateNotFound):
        names = ", ".join(getattr(error, "templates", None) or [error.name or ""])
        return location.missing(names, line, file)
    message, code = _cause(error)
    return location.error(message, file=file, line=line, hint=_hint(error), code=code)


_OF_TEXTS = re.compile(
    r"multiply sequence|'str'|\bstr\b|real number|number is required|not all arguments converted"
)


def _hint(error: Exception) -> str:
    """The fix of an error of Python; "" if it is not known."""
    if isinstance(error, ZeroDivisionError):
        return tr("a divisor is 0 in this row: ask first, {% if total|float %}")
    if isinstance(error, TypeError) and _OF_TEXTS.search(str(error)):
        return tr("cells are text: write name|float or name|int to compute with one")
    return ""


def _not_a_number(
    error: NotANumber, location: ErrorLocation, file: str, line: int | None
) -> TemplateError:
    is_what = _what_it_is(error.column, error.value[:60])
    name = error.filter_name
    column = _as_variable(error.column) if error.column else "value"
    if error.value.count(",") == 1 and error.value.replace(",", "").isdigit():
        message = tr("{it_is}, which can be read as two numbers", it_is=is_what)
        hint = tr(
            "decimals or thousands? Set locale under [recipients], or show the cell without comma"
        )
    else:
        message = tr("{it_is}, which is no number for |{name}", it_is=is_what, name=name)
        hint = tr(
            "correct the cell, or write a default: {{{{ {column}|{name}(0) }}}}",
            column=column,
            name=name,
        )
    return location.error(message, file=file, line=line, hint=hint, code="not-a-number")


def _what_it_is(column: str, value: str) -> str:
    """The beginning of a sentence about a cell, or about a text of no cell."""
    if column and value:
        return tr('the cell {column} is "{value}"', column=column, value=value)
    if column:
        return tr("the cell {column} is empty", column=column)
    return tr('the text is "{value}"', value=value) if value else tr("the text is empty")


def _cause(error: Exception) -> tuple[str, str]:
    """The message of the error, and its code."""
    if isinstance(error, RecursionError):
        return tr("it includes or calls itself endlessly"), "template-endless"
    if isinstance(error, (LimitExceeded, OverflowError, MemoryError)):
        return str(error) or tr("it makes too much text"), "template-endless"
    return _sentence(error), "template-failed"


def _sentence(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return tr("it cannot be rendered: {text}", text=text)


def _undefined_error(
    error: Exception, location: ErrorLocation, file: str, line: int | None
) -> TemplateError:
    match = _UNDEFINED.fullmatch(str(error))
    if match is None:
        return location.error(_sentence(error), file=file, line=line, code="undefined-variable")
    name = match["name"]
    return location.error(
        tr("the variable {name} is not defined", name=name),
        file=file,
        line=line,
        hint=_suggestion(name, location.columns),
        code="undefined-variable",
    )


def _suggestion(name: str, columns: tuple[str, ...]) -> str:
    if name.casefold() in {"null", "nil", "undefined", "nan"}:
        return tr('an empty cell is an empty text: write {% if name == "" %}')
    if not columns:
        return tr("every column is a variable")
    wanted = name.removeprefix('row["').removesuffix('"]')
    folded = {column.casefold(): column for column in reversed(columns)}
    close = [one for one in folded if re.match(rf"{re.escape(wanted.casefold())}\W", one)]
    close += difflib.get_close_matches(wanted.casefold(), folded, n=1, cutoff=0.6)
    if close:  # `{{ E-mail }}` means the column "E-mail", and Jinja2 reads a subtraction
        return tr("did you mean {name}?", name=_as_variable(folded[close[0]]))
    return tr("the columns are {columns}", columns=", ".join(columns))


def _as_variable(column: str) -> str:
    """How a template writes a column: by its name, or as `row["first name"]`."""
    return column if column.isidentifier() else f'row["{column}"]'


def _syntax_error(error: jinja2.TemplateSyntaxError, location: ErrorLocation) -> TemplateError:
    file = error.name if error.name and not location.field else location.file
    fault = explain_syntax(error)
    return location.error(
        fault.message,
        file=file,
        line=None if location.field else fault.line,
        hint=fault.hint,
        code="template-syntax",
        character=fault.character,
        excerpt=fault.excerpt,
    )


def _position(trace: TracebackType | None, location: ErrorLocation) -> tuple[str, int | None]:
    """The innermost template line of a traceback; no line for a one-line template."""
    file, line = location.file, None
    while trace is not None:
        template = trace.tb_frame.f_globals.get("__jinja_template__")
        if template is not None and template.name is not None:
            file, line = template.name, template.get_corresponding_lineno(trace.tb_lineno)
        trace = trace.tb_next
    return file, line


# Python's own compiler refuses what is nested too deeply, and numbers with too many digits.
_NOT_COMPILED = (
    jinja2.TemplateError, UnicodeDecodeError, RecursionError, OSError,
    SyntaxError, ValueError, OverflowError, MemoryError,
)  # fmt: skip

_Compiled = TypeVar("_Compiled", jinja2.Template, nodes.Template, str)


def compile_template(compile_: Callable[[], _Compiled], location: ErrorLocation) -> _Compiled:
    """Read, compile or parse a template by calling `compile_`.

    Raises:
        TemplateError: it is missing, unreadable or not a template; with file and line.
    """
    try:
        return compile_()
    except _NOT_COMPILED as error:
        raise explain(error, location) from error
