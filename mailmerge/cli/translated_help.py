"""The help of a command in another language than English, as wide as the terminal.

The library's formatter has English headings, counts characters instead of columns, and breaks lines
at spaces only. Chinese has no spaces, and its characters are two columns wide.
"""

from __future__ import annotations

import copy
import inspect
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from mailmerge.language import marked, tr
from mailmerge.wording import columns_of, padded, wrapped

_WIDEST = 78
_NARROWEST = 50
_INDENT = "  "
_LONGEST_NAME = 30
_DEFAULT = re.compile(r"\bdefault: (?P<value>[^\];]*)")
_REQUIRED = re.compile(r"\brequired(?=[;\]])")

# The library's own text, of the option --help.
marked("Show this message and exit.")

_HEADINGS = {
    "Arguments": marked("Arguments:"),
    "Options": marked("Options:"),
    "Other options": marked("Other options"),
}
"""The headings that every command may have, as they are translated."""

_Plain = Callable[[str], str]


def lines(command: Any, context: Any, plain: _Plain) -> Iterator[str]:
    """The lines of the help of a command or a group.

    `plain` takes the types of Python out of a text.
    """
    yield usage(command, context)
    yield from _paragraphs(tr(inspect.cleandoc(command.help)) if command.help else "")
    for heading, parameters in grouped(command.get_params(context)):
        records = [_record(one, context, plain) for one in parameters]
        yield from _section(tr(_HEADINGS.get(heading, heading)), [one for one in records if one])
    yield from _section(tr("Commands:"), list(_commands(command)))


def grouped(parameters: Iterable[Any]) -> Iterator[tuple[str, list[Any]]]:
    """The headings of a help page in English, each with its parameters; none is empty.

    Options with a `rich_help_panel` are in a group of this name; the others come last.
    """
    groups: dict[str, list[Any]] = {"Arguments": []}
    others = []
    for one in parameters:
        panel = getattr(one, "rich_help_panel", None)
        if one.param_type_name == "argument":
            groups["Arguments"].append(one)
        elif panel:
            groups.setdefault(panel, []).append(one)
        else:
            others.append(one)
    last = "Other options" if len(groups) > 1 else "Options"
    for heading, members in (*groups.items(), (last, others)):
        if members:
            yield heading, members


def usage(command: Any, context: Any) -> str:
    """The line that shows how a command is used."""
    pieces = [context.command_path, *command.collect_usage_pieces(context)]
    return tr("Usage: {command}", command=" ".join(pieces))


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in filter(None, text.split("\n\n")):
        yield ""
        yield from wrapped(paragraph, _width(), first=_INDENT, rest=_INDENT)


def _record(parameter: Any, context: Any, plain: _Plain) -> tuple[str, str] | None:
    translated = copy.copy(parameter)
    translated.help = tr(parameter.help) if parameter.help else ""
    record = translated.get_help_record(context)
    if record is None:
        return None
    names, text = record
    text = _DEFAULT.sub(lambda found: tr("default: {value}", value=found["value"]), text)
    return plain(names), plain(_REQUIRED.sub(tr("required"), text).replace("; ", tr("; ")))


def _commands(group: Any) -> Iterator[tuple[str, str]]:
    for name, one in getattr(group, "commands", {}).items():
        if not one.hidden:
            yield name, tr(inspect.cleandoc(one.help)).partition("\n")[0]


def _section(heading: str, records: Sequence[tuple[str, str]]) -> Iterator[str]:
    if not records:
        return
    yield ""
    yield heading if heading.endswith((":", "：")) else tr("{heading}:", heading=heading)
    column = min(max(columns_of(name) for name, _ in records), _LONGEST_NAME) + 2
    rest = _INDENT + " " * column
    for name, text in records:
        first = padded(_INDENT + name, len(rest))
        if columns_of(first) > len(rest):
            yield first.rstrip()
            first = rest
        yield from (line.rstrip() for line in _text_lines(text, first, rest))


def _text_lines(text: str, first: str, rest: str) -> Iterator[str]:
    """The lines of a text; what stands in brackets at its end, such as a default, stays whole."""
    body, bracket, inside = text.rpartition(" [")
    if not bracket or not inside.endswith("]"):
        yield from wrapped(text, _width(), first=first, rest=rest)
        return
    *lines, last = wrapped(body, _width(), first=first, rest=rest)
    yield from lines
    whole = f"{last.rstrip()} [{inside}"
    if columns_of(whole) <= _width():
        yield whole
    else:
        yield last
        yield f"{rest}[{inside}"


def _width() -> int:
    return max(min(shutil.get_terminal_size().columns - 2, _WIDEST), _NARROWEST)
