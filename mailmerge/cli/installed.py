"""What `--version --verbose` shows of the installation."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import typer

from mailmerge.cli.doctor import print_fact
from mailmerge.language import tr


def show_installation() -> None:
    """Print where the program is, and the other programs of its name."""
    from mailmerge.reports.installation import same_name

    typer.echo(tr("program: {folder}", folder=Path(__file__).parents[1]))
    typer.echo(tr("command: {file}", file=sys.argv[0]))
    version = platform.python_version()
    typer.echo(tr("Python {version}: {file}", version=version, file=sys.executable))
    others = list(same_name())
    for one in others:
        print_fact(one)
    if not others:
        typer.echo(tr("no other program named mailmerge was found"))
