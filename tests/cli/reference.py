"""The commands as Typer knows them -> docs/commands.md.

python -m tests.cli.reference     # writes the page again after a command or option has changed
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.main import get_command

from mailmerge.cli import app

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"

_BEGINNING = """\
# Commands

`mailmerge COMMAND --help` shows the same text in the terminal. A campaign is named by its folder or
its campaign.toml; the default is the current folder. Progress, questions and errors go to standard
error. Standard output has only the result: a message, a table, or with `--json` one document.

`--lang LANGUAGE`, at any place of the command line, chooses the language of all texts: `en` or
`zh_CN`. Without it, the environment decides: `LANGUAGE`, `LC_ALL`, `LC_MESSAGES` or `LANG`, and on
Windows the language of the interface. Codes, the keys of JSON documents and the columns of exports
are the same in every language. `mailmerge --version` shows the version.
"""

_END = """\
## Exit status

| Status | Meaning |
|---|---|
| 0 | done |
| 1 | unexpected error: please report it |
| 2 | usage error, invalid campaign.toml, no connection, or not confirmed; nothing was sent |
| 3 | the check found errors; nothing was sent |
| 4 | the server refused the log-in, or there is no password |
| 5 | finished, but some recipients were rejected or deferred, or are in doubt |
| 75 | stopped before the end; run `send` again to resume |
| 130 | interrupted; run `send` again to resume |

[errors.md](errors.md) lists the codes of all problems.
"""


@dataclass(frozen=True)
class Parameter:
    """An argument or an option: its spellings, the name of its value, its help, its default."""

    names: tuple[str, ...]
    value: str
    help: str
    default: str
    required: bool
    repeated: bool

    @property
    def is_option(self) -> bool:
        return self.names[0].startswith("-")


@dataclass(frozen=True)
class Command:
    """A command, or a group of commands."""

    name: str
    help: str
    parameters: tuple[Parameter, ...]
    is_group: bool

    @property
    def options(self) -> set[str]:
        """Every spelling of every option but `--help`, which every command has."""
        return {name for one in self.parameters if one.is_option for name in one.names}


def commands() -> dict[str, Command]:
    """Every command by its whole name, such as `suppress add`, in the order of `--help`."""
    # Typer brings its own click in some versions, so its classes are not named here.
    group: Any = get_command(app)
    return {one.name: one for one in _commands(group.commands)}


def reference() -> str:
    """The whole page."""
    return "\n".join([_BEGINNING, *map(_section, commands().values()), _END])


def _commands(found: Mapping[str, Any], before: str = "") -> Iterator[Command]:
    for name, command in found.items():
        inner = getattr(command, "commands", {})
        parameters = tuple(_parameter(one) for one in command.params if one.name != "help")
        yield Command(before + name, inspect.cleandoc(command.help), parameters, bool(inner))
        yield from _commands(inner, f"{before}{name} ")


def _parameter(one: Any) -> Parameter:
    is_flag = getattr(one, "is_flag", False)
    default = getattr(one.default, "value", one.default)
    shown = str(default) if one.show_default and default and not is_flag else ""
    value = "" if is_flag else one.metavar or ""
    repeated = one.multiple or one.nargs == -1
    return Parameter(tuple(one.opts), value, one.help or "", shown, one.required, repeated)


def _section(command: Command) -> str:
    lines = [f"## {command.name}", "", f"    {usage(command)}", "", command.help]
    if command.parameters:
        lines += ["", "| | Meaning | Default |", "|---|---|---|"]
        lines += map(_row, command.parameters)
    return "\n".join([*lines, ""])


def usage(command: Command) -> str:
    """How a command is called, in one line."""
    words = ["mailmerge", command.name]
    if command.is_group:
        words.append("COMMAND")
    if command.options:
        words.append("[OPTIONS]")
    for one in command.parameters:
        if not one.is_option:
            name = f"{one.value}..." if one.repeated else one.value
            words.append(name if one.required else f"[{name}]")
    return " ".join(words)


def _row(one: Parameter) -> str:
    value = f" {one.value}" if one.value else ""
    names = [f"`{name}{value}`" for name in one.names] if one.is_option else [f"`{one.value}`"]
    default = f"`{one.default}`" if one.default else "required" if one.required else ""
    return f"| {', '.join(names)} | {one.help} | {default} |"


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
