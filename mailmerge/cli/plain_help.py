"""Help and usage errors in the words of this program, instead of those of the command line library.

Typer shows types of Python (`<path>`) and ranges as formulas (`[1<=x<=100]`), and explains a wrong
value in the words of its validator. Its own words are English; `translated_help` writes the help of
another language.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from mailmerge.cli import translated_help
from mailmerge.language import ENGLISH, language, marked, tr

_TYPE = re.compile(r" <(?:path|text|str|int|float|list\[\w+\]|file|directory)>")
_RANGES = (
    (re.compile(r"\[x>=0\]"), ""),
    (re.compile(r"(?<!\d)(?P<least>\d++)<=x<=(?P<most>\d+)"), marked("{least} to {most}")),
    (re.compile(r"x>=(?P<least>\d+)"), marked("at least {least}")),
    (re.compile(r"x<=(?P<most>\d+)"), marked("at most {most}")),
)
_ERRORS = (
    (
        re.compile(r"Value error, (?P<value>'[^']*') is not one of (?P<values>.*?)\.?$"),
        marked("{value} is not one of {values}"),
    ),
    (re.compile(r"Input should be a valid integer.*"), marked("write a whole number, such as 3")),
    (re.compile(r"Input should be a valid number.*"), marked("write a number, such as 3")),
    (
        re.compile(r"Input should be greater than or equal to (?P<least>\d+)"),
        marked("write at least {least}"),
    ),
    (
        re.compile(r"Input should be less than or equal to (?P<most>\d+)"),
        marked("write at most {most}"),
    ),
    (re.compile(r"Input should be (?P<values>.*)"), marked("write {values}")),
    (re.compile(r"No such option: (?P<option>\S+)"), marked("there is no option {option}")),
    (re.compile(r"No such command '(?P<name>[^']*)'"), marked("there is no command {name}")),
    (
        re.compile(r"Option '(?P<option>[^']*)' requires an argument"),
        marked("{option} needs a value"),
    ),
    (
        re.compile(r"Got unexpected extra argument(?:s|\(s\))? \((?P<words>.*)\)"),
        marked("unexpected: {words}"),
    ),
)
"""Sentences of the library, and those of this program."""

_FRAMES = (
    (
        re.compile(r"Invalid value for (?P<what>.*?): (?P<message>.*)", re.DOTALL),
        marked("Invalid value for {what}: {message}"),
    ),
    (re.compile(r"Missing argument (?P<what>.*)\."), marked("Missing argument {what}.")),
    (re.compile(r"Missing option (?P<what>.*)\."), marked("Missing option {what}.")),
    (re.compile(r"Missing command\."), marked("Missing command.")),
    (
        re.compile(r"Option '(?P<option>[^']*)' does not take a value\."),
        marked("{option} takes no value"),
    ),
    (
        re.compile(r"\A(?P<message>.*)\. Did you mean (?P<names>.*)\?", re.DOTALL),
        marked("{message}. Did you mean {names}?"),
    ),
    (
        re.compile(r"\A(?P<message>.*) \(Possible options: (?P<options>.*)\)", re.DOTALL),
        marked("{message} (Possible options: {options})"),
    ),
)
"""Sentences of the library that English keeps."""

_HELP = "NoArgsIsHelpError"
"""The library's error whose message is the help of a group."""

_LISTS = frozenset({"names", "options", "values"})
"""Values that the library joins with English words and signs."""

_Table = tuple[tuple[re.Pattern[str], str], ...]


def plain(text: str) -> str:
    """Help text without types of Python, and with ranges in words; columns stay where they are."""
    text = _TYPE.sub(lambda found: " " * len(found[0]), text)
    text = _reworded(text, _RANGES)
    return "\n".join(line.rstrip() for line in text.split("\n"))


def in_own_words(message: str) -> str:
    """An error of usage in the words of this program."""
    return _reworded(message, _ERRORS)


def _reworded(text: str, table: _Table) -> str:
    for pattern, words in table:
        text = pattern.sub(partial(_filled, words), text)
    return text


def _filled(words: str, found: re.Match[str]) -> str:
    values = found.groupdict()
    for name in _LISTS & values.keys():
        values[name] = values[name].replace(" or ", tr(" or ")).replace(", ", tr(", "))
    return tr(words, **values) if values else tr(words)


class PlainCommand(TyperCommand):
    """A command whose help and errors are plain."""

    def get_help(self, ctx: Any) -> str:
        """The help text of the command."""
        return _help(self, ctx, super().get_help)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """List the arguments, and the options in their groups; the library has one long list."""
        for heading, parameters in translated_help.grouped(self.get_params(ctx)):
            records = [one.get_help_record(ctx) for one in parameters]
            with formatter.section(heading):
                formatter.write_dl([record for record in records if record is not None])

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments; an error of usage gets the words of this program."""
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            _reword(error)
            raise


class PlainGroup(TyperGroup):
    """A group of commands whose help and errors are plain."""

    def get_help(self, ctx: Any) -> str:
        """The help text of the group."""
        return _help(self, ctx, super().get_help)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands with their whole first lines; the library cuts them off."""
        commands = [self.commands[name] for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(
                [(str(one.name), (one.help or "").partition("\n")[0]) for one in commands]
            )

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments; an error of usage gets the words of this program."""
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            _reword(error)
            raise

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command; an error of usage gets the words of this program."""
        try:
            return super().resolve_command(ctx, args)
        except Exception as error:
            _reword(error)
            raise


def _help(command: Any, context: Any, library_help: Callable[[Any], str]) -> str:
    if language() == ENGLISH:
        return plain(library_help(context))
    return "\n".join(translated_help.lines(command, context, plain))


def _reword(error: Exception) -> None:
    message = getattr(error, "message", None)
    if not isinstance(message, str):
        return
    error.message = in_own_words(message)  # type: ignore[attr-defined]  # of the library's errors
    if language() != ENGLISH and type(error).__name__ != _HELP and hasattr(error, "ctx"):
        _show_translated(error)


def _show_translated(error: Any) -> None:
    """Let the library show this error in the language of the user."""

    def show(file: Any = None) -> None:
        context = error.ctx
        for line in _usage_error(context, error.format_message()):
            typer.echo(line, file=file or sys.stderr)

    error.show = show


def _usage_error(context: Any, message: str) -> Iterator[str]:
    if context is not None:
        yield translated_help.usage(context.command, context)
        command = f"{context.command_path} {context.help_option_names[0]}"
        yield tr("Try '{command}' for help.", command=command)
        yield ""
    message = _reworded(message, _FRAMES).removesuffix(".")
    yield tr("Error: {message}", message=message)
