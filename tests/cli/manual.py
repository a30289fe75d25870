"""The commands as Typer knows them -> the man page, docs/mailmerge.1.

python -m tests.cli.manual     # writes the page again after a command or option has changed

The page uses the macros of man(7), which every formatter knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.cli.reference import Command, Parameter, commands, reference, usage

PAGE = Path(__file__).parents[2] / "docs" / "mailmerge.1"

_HEAD = """\
.TH MAILMERGE 1 2026-11-27 mailmerge "User commands"
.SH NAME
mailmerge \\- send one personal e\\-mail to each recipient in a spreadsheet
.SH SYNOPSIS
.B mailmerge
.RB [ \\-\\-lang
.IR LANGUAGE ]
.I COMMAND
.RI [ OPTIONS ]
.RI [ CAMPAIGN ]
.SH DESCRIPTION
mailmerge checks the rows of a spreadsheet and a template, shows the finished messages, and sends
one to each recipient through an SMTP server.
It records each outcome, so that no recipient gets the message twice.
A campaign is named by its folder or its campaign.toml; the default is the current folder.
.SH OPTIONS
.TP
.BR \\-h ", " \\-\\-help
Show the help of the program or of a command.
.TP
.B \\-\\-version
Show the version; with
.B \\-\\-verbose
also where the program is, and other programs of its name.
.TP
.BI \\-\\-lang " LANGUAGE"
The language of all texts, en or zh_CN; by default that of the environment.
.SH COMMANDS"""

_END = """\
.SH ENVIRONMENT
.TP
.BR LANGUAGE ", " LC_ALL ", " LC_MESSAGES ", " LANG
The language of all texts.
.TP
.BR NO_COLOR ", " FORCE_COLOR
Whether colours are used.
.TP
.B MAILMERGE_STATE_HOME
The folder of the program's own state.
.SH FILES
.TP
.I campaign.toml
The campaign.
.TP
.I .mailmerge/
The record of what was sent. Do not delete it.
"""


def manual() -> str:
    """The whole page."""
    parts = [_HEAD, *(line for one in commands().values() for line in _command(one))]
    return "\n".join([*parts, '.SH "EXIT STATUS"', *_statuses(), _END])


def _command(command: Command) -> Iterator[str]:
    yield f".SS {_escaped(usage(command).removeprefix('mailmerge '))}"
    yield from map(_escaped, filter(None, command.help.splitlines()))
    for one in command.parameters:
        yield ".TP"
        yield f".B {_escaped(_names(one))}"
        default = f" Default: {one.default}." if one.default else ""
        yield _escaped(f"{one.help}{default}")


def _names(one: Parameter) -> str:
    value = f" {one.value}" if one.value else ""
    return ", ".join(f"{name}{value}" for name in one.names) if one.is_option else one.value


def _statuses() -> Iterator[str]:
    section = reference().partition("## Exit status")[2]
    for number, meaning in re.findall(r"^\| (\d+) \| (.*) \|", section, re.MULTILINE):
        yield from (".TP", f".B {number}", _escaped(meaning.replace("`", "")))


def _escaped(text: str) -> str:
    """Text that troff shows as it is: a backslash, hyphens to copy, no macro at the start."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "\\(ga")
    return f"\\&{text}" if text.startswith((".", "'")) else text


if __name__ == "__main__":
    PAGE.write_text(manual(), encoding="utf-8")
