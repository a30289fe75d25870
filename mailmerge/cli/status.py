"""mailmerge status: who got it, who did not, and why."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailmerge.cli.terminal import CampaignPath, Json, print_json, reports_errors, say
from mailmerge.wording import counted, one_line

if TYPE_CHECKING:
    from mailmerge.campaign import Campaign
    from mailmerge.ledger.interface import Record

WATCH_SECONDS = 1.0
_CLEAR = "\x1b[2J\x1b[H"


@reports_errors
def status(
    where: CampaignPath = Path(),
    json: Json = False,
    export: Annotated[
        Path | None,
        typer.Option(
            "--export",
            metavar="FILE",
            help="Write your spreadsheet with the result of each row (.csv or .xlsx).",
        ),
    ] = None,
    failed: Annotated[
        Path | None,
        typer.Option(
            "--failed", metavar="FILE", help="Write the rows that were rejected or deferred (.csv)."
        ),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Update each second while the campaign is being sent.")
    ] = False,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Show the last sandbox run instead.")
    ] = False,
) -> None:
    """Show which recipients were reached, and why others were not."""
    from mailmerge.campaign import load_campaign
    from mailmerge.ledger.interface import Standing, read_ledger, reported
    from mailmerge.reports import status as report

    campaign = load_campaign(where)
    name = "sandbox" if sandbox else "ledger"
    if json and read_ledger(campaign, name) is None:
        # A program asks before the first send, too: nobody has any state yet.
        print_json(report.to_json(campaign, Standing(reported({}))))
        return
    record = _record(campaign, name)
    if json:
        holder = str(record.holder) if record.holder else ""
        print_json(report.to_json(campaign, record.standing(), holder=holder))
    else:
        _show(record, campaign)
    if export is not None:
        say(f"Wrote {counted(report.export(record, export), 'recipient')} to {export}")
    if failed is not None:
        say(f"Wrote {counted(report.export_failed(record, failed), 'recipient')} to {failed}")
    while watch and record.holder:
        time.sleep(WATCH_SECONDS)
        record = _record(campaign, name)
        typer.echo(_CLEAR, nl=False)
        _show(record, campaign)


def _record(campaign: Campaign, name: str) -> Record:
    from mailmerge.errors import CampaignError
    from mailmerge.ledger.interface import read_ledger

    record = read_ledger(campaign, name)
    if record is None:
        raise CampaignError(
            f"{campaign.name} was never sent", hint="mailmerge send begins it", code="never-sent"
        )
    return record


def _show(record: Record, campaign: Campaign) -> None:
    from mailmerge.providers.catalogue import language_of_locale
    from mailmerge.reports.refusals import refusals
    from mailmerge.reports.status import table, unfinished

    typer.echo(table(record.counts()))
    for line in unfinished(record.iterate()):
        typer.echo(f"  {one_line(line)}")
    language = language_of_locale(os.environ)
    for one in refusals(record.iterate(), provider=campaign.smtp.provider, language=language):
        typer.echo(f"\n{one.people:,} x {one_line(one.reply)}")
        typer.echo(f"  {one.explanation.meaning} {one.explanation.action}")
    if record.holder:
        typer.echo(f"It is being sent at this moment, by {record.holder}.")
