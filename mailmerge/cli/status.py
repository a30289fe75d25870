"""mailmerge status: who got it, who did not, and why."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from mailmerge.cli.terminal import CampaignPath, Json, print_json, printable, say, told

WATCH_SECONDS = 1.0


@told
def status(
    where: CampaignPath = Path(),
    json: Json = False,
    export: Annotated[
        Path | None,
        typer.Option(
            "--export",
            metavar="FILE",
            help="Write your spreadsheet back with what became of each row (.csv or .xlsx).",
        ),
    ] = None,
    failed: Annotated[
        Path | None,
        typer.Option("--failed", metavar="FILE", help="Write the rows of who did not get it."),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show it anew each second.")] = False,
    sandbox: Annotated[bool, typer.Option("--sandbox", help="Of the last rehearsal.")] = False,
) -> None:
    """Say what became of each person; also while a send is going on."""
    from mailmerge.campaign import load_campaign
    from mailmerge.delivery.report import export_failed, export_people, read_report

    campaign = load_campaign(where)
    name = "sandbox" if sandbox else "ledger"
    report = read_report(campaign, name)
    if json:
        print_json(report.to_json())
    else:
        typer.echo(printable(report.table()))
    if export is not None:
        say(f"Wrote {export_people(campaign, export, name):,} people to {export}")
    if failed is not None:
        say(f"Wrote {export_failed(campaign, failed, name):,} people to {failed}")
    while watch and report.holder:
        time.sleep(WATCH_SECONDS)
        report = read_report(campaign, name)
        typer.echo("\x1b[2J\x1b[H" + printable(report.table()))
