"""Help and usage errors in the words of this program, instead of those of the command line library.

Typer shows types of Python (`<path>`) and ranges as formulas (`[1<=x<=100]`), and explains a wrong
value in the words of its validator.
"""

from __future__ import annotations

import re
from typing import Any

from typer.core import TyperCommand, TyperGroup

_TYPE = re.compile(r" <(?:path|text|str|int|float|list\[\w+\]|file|directory)>")
_RANGES = (
    (re.compile(r"\[x>=0\]"), ""),
    (re.compile(r"(?<!\d)(\d++)<=x<=(\d+)"), r"\1 to \2"),
    (re.compile(r"x>=(\d+)"), r"at least \1"),
    (re.compile(r"x<=(\d+)"), r"at most \1"),
)
_ERRORS = (
    (re.compile(r"Input should be a valid integer.*"), "write a whole number, such as 3"),
    (re.compile(r"Input should be a valid number.*"), "write a number, such as 3"),
    (re.compile(r"Input should be greater than or equal to (\d+)"), r"write at least \1"),
    (re.compile(r"Input should be less than or equal to (\d+)"), r"write at most \1"),
    (re.compile(r"Input should be (.*)"), r"write \1"),
    (re.compile(r"No such option: (\S+)"), r"there is no option \1"),
    (re.compile(r"No such command '([^']*)'"), r"there is no command \1"),
    (re.compile(r"Option '([^']*)' requires an argument"), r"\1 needs a value"),
    (re.compile(r"Got unexpected extra argument(?:s|\(s\))? \((.*)\)"), r"unexpected: \1"),
)
"""Sentences of the library, and those of this program."""


def plain(text: str) -> str:
    """Help text without types of Python, and with ranges in words; columns stay where they are."""
    text = _TYPE.sub(lambda found: " " * len(found[0]), text)
    for pattern, words in _RANGES:
        text = pattern.sub(words, text)
    return "\n".join(line.rstrip() for line in text.split("\n"))


def in_own_words(message: str) -> str:
    """An error of usage in the words of this program."""
    for pattern, words in _ERRORS:
        message = pattern.sub(words, message)
    return message


class PlainCommand(TyperCommand):
    """A command whose help and errors are plain."""

    def get_help(self, ctx: Any) -> str:
        """The help text of the command."""
        return plain(super().get_help(ctx))

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
        return plain(super().get_help(ctx))

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


def _reword(error: Exception) -> None:
    message = getattr(error, "message", None)
    if isinstance(message, str):
        error.message = in_own_words(message)  # type: ignore[attr-defined]  # of the library's errors
