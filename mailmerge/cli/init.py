"""mailmerge init: a new campaign folder from a starter."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mailmerge.cli.completion import starter_names
from mailmerge.cli.terminal import quoted_path, reports_errors, say
from mailmerge.language import tr


@reports_errors
def init(
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="The folder to create.", show_default=False)
    ] = None,
    template: Annotated[
        str,
        typer.Option(
            "--template",
            "-t",
            metavar="NAME",
            help="The starter to copy.",
            autocompletion=starter_names,
        ),
    ] = "newsletter",
    listed: Annotated[bool, typer.Option("--list", help="List the starters.")] = False,
) -> None:
    """Create a new campaign from a starter."""
    from mailmerge.errors import CampaignError
    from mailmerge.starters import describe, start_campaign, starters

    if listed:
        for name, starter in starters().items():
            typer.echo(f"{name:<14} {describe(starter)}")
        return
    if folder is None:
        raise CampaignError(
            tr("no folder is given"), hint=tr('name one: "mailmerge init newsletter"'), code="usage"
        )
    for path in start_campaign(folder, template):
        say(f"  {path}")
    named = quoted_path(folder)
    say(tr("Created {folder} from the starter {template}.", folder=folder, template=template))
    say(
        tr("Next: write your texts and recipients into campaign.toml and the files beside it, then")
    )
    steps = (
        (f"mailmerge check {named}", tr("list every problem")),
        (f"mailmerge preview {named}", tr("look at every message in the browser")),
        (f"mailmerge send {named} --sandbox", tr("send to the built-in test server")),
    )
    width = max(len(command) for command, _ in steps)
    for command, what in steps:
        say(f"  {command:<{width}}  {what}")
