"""mailmerge check: every problem of every row, before anything is sent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailmerge.cli.terminal import CampaignPath, Json, print_json, say, told

if TYPE_CHECKING:
    from mailmerge.preflight.report import CheckReport


@told
def check(
    where: CampaignPath = Path(),
    json: Json = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
) -> None:
    """Find every problem before anything is sent."""
    from mailmerge.account import find_account
    from mailmerge.campaign import load_campaign
    from mailmerge.cli.progress import counting
    from mailmerge.errors import ExitStatus
    from mailmerge.preflight.check import CheckOptions, check_campaign

    campaign = load_campaign(where)
    with counting("check", quiet=json) as progress:
        options = CheckOptions(account=find_account(campaign))
        report = check_campaign(campaign, options, progress=progress)
    if json:
        print_json(report.to_json())
    else:
        show_report(report)
    if not report.passed(strict=strict):
        raise typer.Exit(ExitStatus.CHECK_FAILED)


def show_report(report: CheckReport) -> None:
    """The report as a person reads it."""
    for group in report.groups:
        colour = "red" if group.first.severity == "error" else "yellow"
        first, *more = group.lines()
        say(f"{typer.style(group.first.severity, fg=colour)}: {first}")
        for line in more:
            say(line)
    say(summarise(report))


def summarise(report: CheckReport) -> str:
    """One line: how many people, how many problems, what is next."""
    people = f"{report.recipients:,} people"
    left = f", {report.suppressed:,} suppressed" if report.suppressed else ""
    verdict = (f"{report.errors:,} errors" if report.errors else "no errors") + (
        f", {report.warnings:,} warnings" if report.warnings else ""
    )
    return f"Checked {people}{left} in {report.seconds:.1f} s: {verdict}."
