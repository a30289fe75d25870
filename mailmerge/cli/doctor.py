"""mailmerge doctor: what works here, and whether a ledger is whole."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailmerge import __version__
from mailmerge.cli.exit_status import ExitStatus
from mailmerge.cli.terminal import (
    CampaignPath,
    Json,
    colour_wanted,
    folded,
    print_json,
    reports_errors,
    say,
)
from mailmerge.language import marked, tr
from mailmerge.wording import columns_of, counted, one_line, padded

if TYPE_CHECKING:
    from mailmerge.ledger.examination import Examination
    from mailmerge.reports.fact import Fact
    from mailmerge.reports.surroundings import Terminal

_MARKS = {True: marked("ok"), False: marked("FAIL")}
_NOTE = marked("note")
"""The mark of a part that works and could be better."""

_MARK = 5
_COLUMN = 16


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
    no_dns: Annotated[
        bool, typer.Option("--no-dns", help="Do not ask whether a name server answers.")
    ] = False,
    json: Json = False,
) -> None:
    """Show what works here, or examine a ledger; nothing is changed."""
    from mailmerge.errors import CampaignError

    if (export or sandbox) and not ledger:
        raise CampaignError(
            tr("--export and --sandbox need --ledger"), hint=tr("add --ledger"), code="usage"
        )
    if ledger:
        works = _examine(where, export, json=json, sandbox=sandbox)
    else:
        works = _show(where, json=json, ask_dns=not no_dns)
    if not works:
        raise typer.Exit(ExitStatus.CHECK_FAILED)


def _show(where: Path, *, json: bool, ask_dns: bool) -> bool:
    from mailmerge.reports.installation import facts

    found = list(facts(where, __version__, _terminal(), ask_dns=ask_dns))
    works = all(one.works for one in found)
    if json:
        print_json({"works": works, "facts": [_fact(one) for one in found]})
        return works
    for one in found:
        print_fact(one)
    return works


def print_fact(one: Fact) -> None:
    """Print a fact, and below it what to do."""
    mark = _NOTE if one.works and one.fix else _MARKS[one.works]
    _print_line(mark, tr(one.name), one.text)
    if one.fix:
        _print_line("", "", tr("Fix: {fix}", fix=one.fix))


def _terminal() -> Terminal:
    """The terminal of standard output, as far as it is one."""
    from mailmerge.reports.surroundings import Terminal

    wanted = colour_wanted()
    return Terminal(
        sys.stdout.encoding or "ascii",
        sys.stdout.isatty() if wanted is None else wanted,
        shutil.get_terminal_size().columns,
    )


def _fact(one: Fact) -> dict[str, Any]:
    return {"name": one.name, "works": one.works, "text": one.text, "fix": one.fix}


def _print_line(mark: str, name: str, text: str) -> None:
    first = f"{padded(tr(mark), _MARK)}{padded(name, _COLUMN)} "
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
        _print_line(_MARKS[one.whole], tr(one.part), one.text)
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
