"""mailmerge doctor: what works here, and whether a ledger is whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailmerge import __version__
from mailmerge.cli.exit_status import ExitStatus
from mailmerge.cli.terminal import CampaignPath, Json, folded, print_json, reports_errors, say
from mailmerge.language import marked, tr
from mailmerge.wording import columns_of, counted, one_line, padded

if TYPE_CHECKING:
    from mailmerge.ledger.examination import Examination
    from mailmerge.reports.installation import Fact

_MARKS = {True: marked("ok"), False: marked("FAIL")}
_MARK = 5
_COLUMN = 13


@reports_errors
def doctor(
    where: CampaignPath = Path(),
    ledger: Annotated[
        bool, typer.Option("--ledger", help="Examine the ledger of the campaign.")
    ] = False,
    export: Annotated[
        Path | None,
        typer.Option(
            "--export",
            metavar="FILE",
            help="With --ledger: write what can be read of it (.csv or .xlsx).",
        ),
    ] = None,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="With --ledger: that of the last sandbox run.")
    ] = False,
    json: Json = False,
) -> None:
    """Show what works here, or examine a ledger; nothing is changed."""
    from mailmerge.errors import CampaignError

    if (export or sandbox) and not ledger:
        raise CampaignError(
            tr("--export and --sandbox need --ledger"), hint=tr("add --ledger"), code="usage"
        )
    whole = _examine(where, export, json=json, sandbox=sandbox) if ledger else _show(where, json)
    if not whole:
        raise typer.Exit(ExitStatus.CHECK_FAILED)


def _show(where: Path, json: bool) -> bool:
    from mailmerge.reports.installation import facts

    found = list(facts(where, __version__))
    if json:
        print_json(
            {"works": all(one.works for one in found), "facts": [_fact(one) for one in found]}
        )
    else:
        for one in found:
            _print_line(one.works, tr(one.name), one.text)
    return all(one.works for one in found)


def _fact(one: Fact) -> dict[str, Any]:
    return {"name": one.name, "works": one.works, "text": one.text}


def _print_line(good: bool, name: str, text: str) -> None:
    first = f"{padded(tr(_MARKS[good]), _MARK)}{padded(name, _COLUMN)} "
    typer.echo(folded(one_line(text), first=first, rest=" " * columns_of(first)))


def _examine(where: Path, export: Path | None, *, json: bool, sandbox: bool) -> bool:
    from mailmerge.errors import CampaignError
    from mailmerge.ledger.ledger import Ledger
    from mailmerge.reports.export import export_salvaged
    from mailmerge.settings import load_settings

    campaign = load_settings(where)
    found = Ledger.examine(campaign, "sandbox" if sandbox else "ledger")
    if found is None:
        raise CampaignError(
            tr("{name} has not been sent yet", name=campaign.name),
            hint=tr('"mailmerge send" starts it'),
            code="never-sent",
        )
    exported = None if export is None else export_salvaged(found.rows, export)
    if json:
        print_json(_document(found, exported))
        return found.whole
    _print(found)
    if exported is not None:
        say(
            tr(
                "Wrote {recipients} to {file}",
                recipients=counted(exported, "recipient"),
                file=export,
            )
        )
    return found.whole


def _print(found: Examination) -> None:
    from mailmerge.reports.status import status_table

    for one in found.findings:
        _print_line(one.whole, tr(one.part), one.text)
    if found.states is not None:
        typer.echo("\n" + status_table(found.states))
    else:
        damaged = sum(not one.whole for one in found.rows)
        readable = counted(len(found.rows), "recipient")
        typer.echo(
            tr(
                "\n{readable} can be read, {damaged:,} of them damaged.",
                readable=readable,
                damaged=damaged,
            )
        )
    typer.echo("\n" + folded(one_line(_advice(found))))


def _advice(found: Examination) -> str:
    if found.whole:
        return tr("The ledger is whole.")
    if found.states is not None:
        return tr(
            "What to do: {recovery}. All others are known, and it is safe to send again.",
            recovery=found.recovery,
        )
    return tr(
        "What to do: nothing can be sent with this ledger. Restore .mailmerge from a copy that was "
        "made after the last run. Without one, --export FILE.csv writes the recipients that can be "
        "read; compare them with the server's log, move .mailmerge away, and send to those who did "
        "not get the message. Do not delete it: it is the only record of who got the message."
    )


def _document(found: Examination, exported: int | None) -> dict[str, Any]:
    states = found.states
    return {
        "whole": found.whole,
        "findings": [
            {"part": one.part, "whole": one.whole, "text": one.text} for one in found.findings
        ],
        "states": None if states is None else {state.value: n for state, n in states.items()},
        "in_doubt": found.recovery.in_doubt if found.recovery is not None else 0,
        "readable": len(found.rows),
        "damaged": sum(not one.whole for one in found.rows),
        "exported": exported,
    }
