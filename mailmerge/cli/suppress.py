"""mailmerge suppress: the addresses of a campaign that get no message."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from mailmerge.cli.plain_help import PlainCommand, PlainGroup
from mailmerge.cli.terminal import Json, print_json, reports_errors, say
from mailmerge.language import marked, tr
from mailmerge.wording import one_line

suppress_app = typer.Typer(
    help="Manage the suppression list: addresses that get no message.",
    no_args_is_help=True,
    cls=PlainGroup,
)

_Campaign = Annotated[
    Path,
    typer.Option(
        "--campaign",
        "-c",
        metavar="CAMPAIGN",
        help="The campaign's folder or its campaign.toml; by default the current folder.",
        show_default=False,
    ),
]
_Addresses = Annotated[
    list[str], typer.Argument(metavar="ADDRESS", help="An e-mail address.", show_default=False)
]


@suppress_app.command("add", cls=PlainCommand)
@reports_errors
def add(
    addresses: _Addresses,
    campaign: _Campaign = Path(),
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="The reason, kept in the list.")
    ] = "",
) -> None:
    """Add addresses to the suppression list."""
    from mailmerge.recipients.suppression import SuppressionList
    from mailmerge.settings import load_settings

    today = date.today()  # noqa: DTZ011 - the date on the user's own calendar
    campaign, addresses = _campaign_first(campaign, addresses)
    suppressed = SuppressionList.of(load_settings(campaign))
    _report(marked("added"), suppressed.add(addresses, reason=reason, today=today))


@suppress_app.command("remove", cls=PlainCommand)
@reports_errors
def remove(addresses: _Addresses, campaign: _Campaign = Path()) -> None:
    """Remove addresses, in any spelling, from the suppression list."""
    from mailmerge.recipients.suppression import SuppressionList
    from mailmerge.settings import load_settings

    campaign, addresses = _campaign_first(campaign, addresses)
    _report(marked("removed"), SuppressionList.of(load_settings(campaign)).remove(addresses))


def _campaign_first(campaign: Path, arguments: list[str]) -> tuple[Path, list[str]]:
    """The campaign, and the addresses; a folder before them is the campaign, as elsewhere."""
    first, *others = arguments
    if campaign == Path() and others and "@" not in first and Path(first).is_dir():
        return Path(first), others
    return campaign, arguments


@suppress_app.command("list", cls=PlainCommand)
@reports_errors
def show(
    where: Annotated[
        Path | None,
        typer.Argument(
            metavar="CAMPAIGN",
            help="The campaign's folder or its campaign.toml; by default the current folder.",
            show_default=False,
        ),
    ] = None,
    campaign: _Campaign = Path(),
    json: Json = False,
) -> None:
    """Print the suppression list."""
    from mailmerge.recipients.suppression import SuppressionList
    from mailmerge.settings import load_settings

    entries = SuppressionList.of(load_settings(where or campaign)).entries()
    if json:
        print_json({"suppressed": [entry.cells for entry in entries]})
        return
    for entry in entries:
        notes = ", ".join(text for name, text in entry.cells.items() if name != "email" and text)
        typer.echo(one_line(f"{entry.address}  {notes}".rstrip()))


@suppress_app.command("import", cls=PlainCommand)
@reports_errors
def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A spreadsheet of any format.")],
    campaign: _Campaign = Path(),
    column: Annotated[
        str, typer.Option("--column", metavar="NAME", help="The column that holds the addresses.")
    ] = "email",
) -> None:
    """Add all addresses of a spreadsheet to the suppression list."""
    from mailmerge.recipients.suppression import SuppressionList
    from mailmerge.settings import load_settings

    _report(marked("added"), SuppressionList.of(load_settings(campaign)).add_from(file, column))


def _report(what: str, addresses: list[str]) -> None:
    """Print each address and their number; `what` was done with them."""
    done = tr(what)
    for address in addresses:
        say(tr("{done} {address}", done=done, address=address))
    say(tr("{count:,} {done}.", count=len(addresses), done=done))
