"""mailmerge status: which recipients got the message, which did not, and why."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailmerge.cli.terminal import (
    CampaignPath,
    Json,
    folded,
    has_cursor,
    print_json,
    reports_errors,
    say,
)

if TYPE_CHECKING:
    from mailmerge.ledger.interface import LedgerReader
    from mailmerge.settings import Settings

_WATCH_SECONDS = 1.0
_LISTED = 20
"""Recipients without the message that are listed."""

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
            "--failed",
            metavar="FILE",
            help="Write the rows that failed, for another send (.csv or .xlsx).",
        ),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Update every second while a send is running.")
    ] = False,
    sandbox: Annotated[bool, typer.Option("--sandbox", help="Show the last sandbox run.")] = False,
) -> None:
    """Show which recipients got the message, which did not, and why."""
    from mailmerge.errors import CampaignError
    from mailmerge.ledger.ledger import Ledger
    from mailmerge.settings import load_settings

    campaign = load_settings(where)
    ledger = Ledger.read(campaign, "sandbox" if sandbox else "ledger")
    if json:
        _print(ledger, campaign)
        if ledger is None:
            return
    if ledger is None or not (json or ledger.begun):
        raise CampaignError(
            f"{campaign.name} has not been sent yet",
            hint='"mailmerge send" starts it',
            code="never-sent",
        )
    if not json:
        _show(ledger, campaign)
    _export(ledger, campaign, export, failed)
    while watch and ledger.owner:
        time.sleep(_WATCH_SECONDS)
        if has_cursor(sys.stdout):
            typer.echo(_CLEAR, nl=False)
        _show(ledger, campaign)


def _print(ledger: LedgerReader | None, campaign: Settings) -> None:
    """Print the JSON document; before the first send, every count is 0."""
    from mailmerge.ledger.states import Standing, reported
    from mailmerge.reports.status import status_document

    standing = Standing(reported({})) if ledger is None else ledger.standing()
    owner = ledger.owner if ledger is not None else None
    recovery = ledger.recovery() if ledger is not None else None
    print_json(status_document(campaign.name, standing, owner=str(owner or ""), recovery=recovery))


def _export(
    ledger: LedgerReader, campaign: Settings, everything: Path | None, failed: Path | None
) -> None:
    from mailmerge.reports.export import export, export_failed
    from mailmerge.wording import counted

    if everything is not None:
        say(f"Wrote {counted(export(ledger, everything), 'recipient')} to {everything}")
    if failed is not None:
        count = export_failed(ledger, failed, campaign.recipients)
        say(f"Wrote {counted(count, 'recipient')} to {failed}")
        if failed.suffix.lower() != ".xlsx":
            say("Its cells are unchanged. To edit them in a spreadsheet program, use .xlsx.")


def _show(ledger: LedgerReader, campaign: Settings) -> None:
    from mailmerge.providers.catalogue import language_of_locale
    from mailmerge.reports.refusals import refusals
    from mailmerge.reports.status import status_table, unreached
    from mailmerge.wording import one_line

    standing = ledger.standing()
    typer.echo(status_table(standing.states, standing.unmade))
    listed = unreached(ledger.iterate(), _LISTED + 1)
    if listed:
        typer.echo("\nNot reached:")
    for one in listed[:_LISTED]:
        typer.echo(one_line(f"  row {one.row}  {one.address}  {one.state}"))
        if one.reply:
            typer.echo(folded(one_line(one.reply), first="      ", rest="      "))
    if len(listed) > _LISTED:
        typer.echo("  ... and more: --export FILE.csv lists all of them")
    language = language_of_locale(os.environ)
    for kind in refusals(ledger.iterate(), provider=campaign.smtp.provider, language=language):
        meaning = f"{kind.explanation.meaning} {kind.explanation.action}"
        typer.echo("\n" + folded(one_line(f"{kind.recipients:,} x {kind.reply}"), rest="    "))
        typer.echo(folded(meaning, first="  ", rest="  "))
    if recovery := ledger.recovery():
        typer.echo("\n" + folded(one_line(f"Attention: {recovery}.")))
    if ledger.owner:
        typer.echo(f"\nA send is running: {ledger.owner}.")
