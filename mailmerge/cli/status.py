"""mailmerge status: which recipients got the message, which did not, and why."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from mailmerge.language import tr

if TYPE_CHECKING:
    from mailmerge.ledger.interface import Deliveries, LedgerReader
    from mailmerge.ledger.states import Delivery
    from mailmerge.settings import Settings

_WATCH_SECONDS = 1.0
_LISTED = 20
"""Recipients without the message that are listed."""

_WIDEST_ADDRESS = 40
"""Longer addresses are not cut off; only the columns after them move."""

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
    by: Annotated[
        str,
        typer.Option("--by", metavar="COLUMN", help="Count the outcomes by a column."),
    ] = "",
    watch: Annotated[
        bool, typer.Option("--watch", help="Update every second while a send is running.")
    ] = False,
    sandbox: Annotated[bool, typer.Option("--sandbox", help="Show the last sandbox run.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the files of --export and --failed.")
    ] = False,
) -> None:
    """Show which recipients got the message, which did not, and why."""
    from mailmerge.ledger.ledger import Ledger
    from mailmerge.reports.export import refuse_existing
    from mailmerge.settings import load_settings

    for path in (export, failed):
        if path is not None and not force:
            refuse_existing(path)
    campaign = load_settings(where)
    ledger = Ledger.read(campaign, "sandbox" if sandbox else "ledger")
    if ledger is None or not ledger.begun:
        _show_unsent(campaign, json=json, exported=(export, failed), sandbox=sandbox, by=by)
        return
    if json:
        _print(ledger, campaign, by)
    elif export is None and failed is None:
        _show(ledger, campaign)
        _show_left_out(campaign)
        _show_by(ledger, by)
    _export(ledger, campaign, export, failed)
    while watch and ledger.owner:
        time.sleep(_WATCH_SECONDS)
        if has_cursor(sys.stdout):
            typer.echo(_CLEAR, nl=False)
        _show(ledger, campaign)
        _show_by(ledger, by)


def _show_unsent(
    campaign: Settings,
    *,
    json: bool,
    exported: tuple[Path | None, Path | None],
    sandbox: bool,
    by: str,
) -> None:
    """Show a campaign before its first run: every recipient is pending.

    Raises:
        CampaignError: its recipients cannot be read.
    """
    from mailmerge.ledger.ledger import Ledger
    from mailmerge.ledger.states import Standing, State, reported
    from mailmerge.recipients.standard_input import STANDARD_INPUT
    from mailmerge.reports.planned import PlannedDeliveries
    from mailmerge.reports.status import status_document, status_table

    planned = PlannedDeliveries(campaign)
    known = campaign.recipients.file != STANDARD_INPUT
    states = reported({State.PENDING: sum(1 for _ in planned.iterate()) if known else 0})
    if json:
        print_json(
            status_document(campaign.name, Standing(states))
            | _left_out_document(campaign)
            | _by_document(planned, by)
        )
    elif exported == (None, None):
        typer.echo(
            tr("There was no sandbox run yet.") if sandbox else tr("Nothing has been sent yet.")
        )
        if known:
            typer.echo("\n" + status_table(states))
            _show_left_out(campaign)
            _show_by(planned, by)
        tried = None if sandbox else Ledger.read(campaign, "sandbox")
        if tried is not None and tried.begun:
            typer.echo(tr("\nThere was a sandbox run: --sandbox shows it."))
    if known:
        _export(planned, campaign, *exported)


def _by_document(ledger: Deliveries, by: str) -> dict[str, Any]:
    """The outcomes by a column, for the JSON document; nothing without a column."""
    from mailmerge.reports.groups import outcomes_by

    return {"by": outcomes_by(ledger.iterate, by).document()} if by else {}


def _left_out_document(campaign: Settings) -> dict[str, Any]:
    """The rows that `not_in` leaves out, for the JSON document; nothing without `not_in`."""
    from mailmerge.reports.sent_before import count_left_out

    counts = count_left_out(campaign)
    return {"sent_before": counts} if counts else {}


def _show_left_out(campaign: Settings) -> None:
    from mailmerge.reports.sent_before import count_left_out

    for other, count in count_left_out(campaign).items():
        typer.echo(tr('{count:,} already sent "{campaign}"', count=count, campaign=other))


def _show_by(ledger: Deliveries, by: str) -> None:
    from mailmerge.reports.groups import outcomes_by

    if by:
        typer.echo("")
        for line in outcomes_by(ledger.iterate, by).table():
            typer.echo(line)


def _print(ledger: LedgerReader, campaign: Settings, by: str) -> None:
    """Print the JSON document."""
    from mailmerge.reports.hours import waiting_hours
    from mailmerge.reports.status import status_document

    document = status_document(
        campaign.name,
        ledger.standing(),
        owner=str(ledger.owner or ""),
        recovery=ledger.recovery(),
    )
    if (hours := waiting_hours(campaign, ledger.iterate())) is not None:
        document["hours"] = hours.to_json()
    print_json(document | _left_out_document(campaign) | _by_document(ledger, by))


def _export(
    ledger: Deliveries, campaign: Settings, everything: Path | None, failed: Path | None
) -> None:
    from mailmerge.reports.export import export, export_failed
    from mailmerge.wording import counted

    if everything is not None:
        say(
            tr(
                "Wrote {recipients} to {file}",
                recipients=counted(export(ledger, everything, campaign), "recipient"),
                file=everything,
            )
        )
    if failed is not None:
        count = export_failed(ledger, failed, campaign.recipients)
        say(
            tr(
                "Wrote {recipients} to {file}",
                recipients=counted(count, "recipient"),
                file=failed,
            )
        )
        if failed.suffix.lower() != ".xlsx":
            say(tr("Its cells are unchanged. To edit them in a spreadsheet program, use .xlsx."))


def _lines_of(deliveries: Sequence[Delivery]) -> Iterator[str]:
    """One line for each recipient, in columns: row, address, state, and the name in its cells."""
    from mailmerge.preflight.naming import name_in
    from mailmerge.wording import columns_of, one_line, padded

    rows = [tr("row {row}", row=one.row) for one in deliveries]
    addresses = [one_line(one.address) for one in deliveries]
    states = [tr(one.state.value) for one in deliveries]
    widths = [
        min(max(map(columns_of, column), default=0), _WIDEST_ADDRESS) + 2
        for column in (rows, addresses, states)
    ]
    for row, address, state, one in zip(rows, addresses, states, deliveries, strict=True):
        cells = zip((row, address, state), widths, strict=True)
        start = "".join(padded(text, width) for text, width in cells)
        yield f"  {start}{one_line(name_in(one.cells))}".rstrip()


def _show(ledger: LedgerReader, campaign: Settings) -> None:
    from mailmerge.library_messages import smtp_message
    from mailmerge.providers.lookup import service_of
    from mailmerge.reports.hours import hours_lines, waiting_hours
    from mailmerge.reports.refusals import refusals
    from mailmerge.reports.status import after_line, status_table, unreached
    from mailmerge.wording import one_line

    standing = ledger.standing()
    typer.echo(status_table(standing.states, standing.unmade, standing.drafted))
    if line := after_line(standing):
        typer.echo("\n" + line)
    if (hours := waiting_hours(campaign, ledger.iterate())) is not None:
        typer.echo("\n" + "\n".join(hours_lines(hours)))
    listed = unreached(ledger.iterate(), _LISTED + 1)
    if listed:
        typer.echo(tr("\nNot reached:"))
    for one, line in zip(listed, _lines_of(listed[:_LISTED]), strict=False):
        typer.echo(line)
        if one.reply:
            typer.echo(folded(one_line(smtp_message(one.reply)), first="      ", rest="      "))
    if len(listed) > _LISTED:
        typer.echo(tr("  ... and more: --export FILE.csv lists all of them"))
    _show_copies(ledger, standing.copies_refused)
    provider = service_of(campaign.smtp.provider, campaign.smtp.host)
    for kind in refusals(ledger.iterate(), provider=provider):
        meaning = f"{kind.explanation.meaning} {kind.explanation.action}"
        typer.echo(
            "\n"
            + folded(one_line(f"{kind.recipients:,} x {smtp_message(kind.reply)}"), rest="    ")
        )
        typer.echo(folded(meaning, first="  ", rest="  "))
    if recovery := ledger.recovery():
        typer.echo("\n" + folded(one_line(tr("Attention: {recovery}.", recovery=recovery))))
    if ledger.owner:
        typer.echo(tr("\nA send is running: {owner}.", owner=ledger.owner))


def _show_copies(ledger: LedgerReader, refused: int) -> None:
    """Show the copies that the server refused; their messages were sent."""
    from mailmerge.ledger.refused_copies import in_words
    from mailmerge.library_messages import smtp_message
    from mailmerge.reports.status import without_all_copies
    from mailmerge.wording import one_line

    if not refused:
        return
    typer.echo(tr("\nSent, but these copies were refused:"))
    listed = without_all_copies(ledger.iterate(), _LISTED + 1)
    for one in listed[:_LISTED]:
        typer.echo(one_line(tr("  row {row}  {address}", row=one.row, address=one.address)))
        reply = smtp_message(in_words(one.copies_refused))
        typer.echo(folded(one_line(reply), first="      ", rest="      "))
    if len(listed) > _LISTED:
        typer.echo(tr("  ... and more: --export FILE.csv lists all of them"))
