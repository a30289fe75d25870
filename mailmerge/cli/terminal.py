"""Shared by the commands: output to the user, errors as one line, common arguments."""

from __future__ import annotations

import codecs
import functools
import io
import json
import os
import re
import shlex
import shutil
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, ParamSpec, TextIO

import typer

from mailmerge.cli.completion import campaigns
from mailmerge.cli.exit_status import ExitStatus, exit_status
from mailmerge.cli.questions import can_ask
from mailmerge.errors import MailmergeError, Problem
from mailmerge.language import tr
from mailmerge.wording import columns_of, one_line, printable, wrapped

_P = ParamSpec("_P")

CampaignPath = Annotated[
    Path,
    typer.Argument(
        metavar="CAMPAIGN",
        help="The campaign's folder or its campaign.toml; by default the current folder.",
        show_default=False,
        autocompletion=campaigns,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
NoDns = Annotated[
    bool,
    typer.Option("--no-dns", help="Look up no server for an address in the DNS or on the web."),
]

WIDEST = 100
"""The longest line in columns; longer lines are hard to read."""

_TRACEBACK_VARIABLE = "MAILMERGE_TRACEBACK"


def colour_wanted(environ: Mapping[str, str] = os.environ) -> bool | None:
    """Whether the environment asks for colours (True) or for none (False); None if it is silent.

    An empty variable is no request (https://no-color.org, https://force-color.org). NO_COLOR comes
    first, because it is the wish of a reader. TERM=dumb is a terminal without control sequences.
    Every command gets the answer through the context of the program.
    """
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR", "0") not in {"", "0", "false"}:
        return True
    return False if environ.get("TERM") == "dumb" else None


def has_cursor(stream: TextIO) -> bool:
    """Whether lines of the stream can be written over, as bars do: a terminal that is not dumb."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def show_result(text: str = "", *, json: bool = False) -> None:
    """Print a line of a command's result: on standard output, unless that has a JSON document."""
    typer.echo(printable(text), err=json)


def say(text: str = "") -> None:
    """Print a line for the user, on standard error."""
    typer.echo(printable(text), err=True)


def quoted_path(path: Path, system: str = os.name) -> str:
    """A path as a shell takes it: in quotation marks if it has spaces or other special signs."""
    text = str(path)
    if system == "nt":
        return f'"{text}"' if re.search(r"[\s&()^;,]", text) else text
    return shlex.quote(text)


def folded(text: str, *, first: str = "", rest: str = "") -> str:
    """A text folded at the width of the terminal; `first` and `rest` are the indents."""
    width = min(WIDEST, shutil.get_terminal_size().columns)
    return "\n".join(wrapped(text, width, first=first, rest=rest))


def ask_password() -> Callable[[str], str] | None:
    """A function (prompt) -> password, which does not echo; None without a terminal."""
    if not can_ask():
        return None

    def ask(prompt: str) -> str:
        import getpass

        return getpass.getpass(prompt, stream=sys.stderr)

    return ask


def ask_line(prompt: str) -> str:
    """Show a prompt on standard error and read a line of standard input; "" at its end.

    A terminal in its usual mode cuts lines at 4,096 bytes or less, and answers may be longer. So
    the line editor reads them where Python has it.
    """
    typer.echo(prompt, err=True, nl=False)
    if sys.stdin.isatty():
        import contextlib

        with contextlib.suppress(ImportError):
            import readline  # noqa: F401 - `input` uses it
        try:
            return input()
        except EOFError:
            return ""
    return sys.stdin.readline()


def print_json(document: object) -> None:
    """Print the JSON document of a command, on standard output.

    Where standard output is not UTF-8, such as a file or pipe on Windows, all but ASCII is escaped:
    every reader understands that, and it is UTF-8 too (RFC 8259, 8.1).
    """
    encoding = codecs.lookup(sys.stdout.encoding or "ascii").name
    typer.echo(json.dumps(document, ensure_ascii=encoding != "utf-8", indent=2))


def accept_any_character() -> None:
    """Escape what the encoding of standard output lacks, as Python does on standard error.

    Without it, a name in Chinese ends the program where the output is in a code page of Windows.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def reports_errors(command: Callable[_P, None]) -> Callable[_P, None]:
    """Make a command report errors as one line on standard error, with an exit status.

    For developers, MAILMERGE_TRACEBACK=1 prints the traceback as well.
    """

    @functools.wraps(command)
    def wrapped(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except (typer.Exit, typer.Abort):
            raise
        except MailmergeError as error:
            _show_traceback()
            _fail(str(error), exit_status(error), error.problem)
        except KeyboardInterrupt:
            _fail(tr("interrupted"), ExitStatus.INTERRUPTED)
        except BrokenPipeError:
            # The reader of the output has ended (`mailmerge render | head`).
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(ExitStatus.DONE) from None
        except Exception as error:  # noqa: BLE001 - users never see a traceback
            _show_traceback()
            hint = tr(
                "please report it; {variable}=1 shows where it happened",
                variable=_TRACEBACK_VARIABLE,
            )
            what = tr(
                "unexpected error: {name}: {error} ({hint})",
                name=type(error).__name__,
                error=error,
                hint=hint,
            )
            _fail(what, ExitStatus.UNEXPECTED)

    return wrapped


def _show_traceback() -> None:
    if os.environ.get(_TRACEBACK_VARIABLE):
        traceback.print_exc()


def _fail(line: str, status: ExitStatus, problem: Problem | None = None) -> None:
    """Print the error in one line; below it the line of the file, with a mark at the place."""
    label = tr("error: ")
    shown = one_line(" ".join(line.split()))
    if sys.stderr.isatty():
        shown = folded(shown, first=label, rest=" " * columns_of(label)).removeprefix(label)
    colon = label.rstrip()
    space = label.removeprefix(colon)
    typer.echo(typer.style(colon, fg="red", bold=True) + space + shown, err=True)
    for marked in (problem.marked_line or ()) if problem is not None else ():
        say(f"    {marked}")
    raise typer.Exit(status) from None
