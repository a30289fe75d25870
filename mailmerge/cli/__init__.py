"""The command line: one module per command, which parses arguments, calls the library and prints.

Heavy modules are imported inside the commands, so that `--help` and `--version` start fast.
"""

from __future__ import annotations

import gc
from typing import Annotated

import typer

from mailmerge import __version__
from mailmerge.cli.approve import approve
from mailmerge.cli.check import check
from mailmerge.cli.chosen_language import LanguageGroup
from mailmerge.cli.completion import language_names
from mailmerge.cli.connect import connect
from mailmerge.cli.dkim_key import dkim_key
from mailmerge.cli.doctor import doctor
from mailmerge.cli.init import init
from mailmerge.cli.installed import show_installation
from mailmerge.cli.login import login
from mailmerge.cli.plain_help import PlainCommand
from mailmerge.cli.preview import preview
from mailmerge.cli.providers import providers
from mailmerge.cli.render import render
from mailmerge.cli.replies import replies
from mailmerge.cli.send import send
from mailmerge.cli.status import status
from mailmerge.cli.suppress import suppress_app
from mailmerge.cli.terminal import accept_any_character, colour_wanted
from mailmerge.cli.unsubscribe import unsubscribe_key, unsubscribe_server

app = typer.Typer(
    name="mailmerge",
    cls=LanguageGroup,
    help="Send one personal e-mail to each recipient in a spreadsheet: checked, previewed, tested "
    "in a sandbox, sent exactly once, recorded.\n\n"
    "To begin: `mailmerge init DIR` creates a campaign. Then `check` it, `preview` it, send it to "
    "the test server with `send --sandbox`, and `send` it.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(context: typer.Context, wanted: bool) -> None:
    if not wanted:
        return
    typer.echo(f"mailmerge {__version__}")
    if context.params.get("verbose"):
        show_installation()
    raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, help="Show the version."),
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose",
            is_eager=True,
            help="With --version: also where it is, and other programs of this name.",
        ),
    ] = False,
    lang: Annotated[
        str,
        typer.Option(
            "--lang",
            metavar="LANGUAGE",
            autocompletion=language_names,
            help="The language of all texts, en or zh_CN; by default that of the environment.",
        ),
    ] = "",
) -> None:
    del version, verbose  # _show_version has used them
    del lang  # chosen_language.py has taken the language
    context.color = colour_wanted()
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


_COMMANDS = (
    init,
    check,
    render,
    preview,
    approve,
    send,
    status,
    connect,
    login,
    providers,
    doctor,
    dkim_key,
    unsubscribe_server,
    unsubscribe_key,
    replies,
)
for _command in _COMMANDS:
    app.command(cls=PlainCommand)(_command)
app.add_typer(suppress_app, name="suppress")


def main() -> None:
    """The `mailmerge` command."""
    # The objects of the imports stay, and a run makes few cycles: to look for them costs 5 %.
    gc.set_threshold(50_000, 20, 20)
    accept_any_character()
    app()
