"""mailmerge check: list every problem before anything is sent."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailmerge.cli.report_text import plain_lines, report_lines
from mailmerge.cli.terminal import WIDEST, CampaignPath, Json, print_json, reports_errors
from mailmerge.language import tr

if TYPE_CHECKING:
    from mailmerge.deliverability.resolver import DnsOptions
    from mailmerge.preflight.check import CheckOptions
    from mailmerge.preflight.deep.stage import DeepOptions
    from mailmerge.preflight.report import CheckReport
    from mailmerge.settings import Settings

_NARROWEST = 40


@reports_errors
def check(
    where: CampaignPath = Path(),
    json: Json = False,
    strict: Annotated[bool, typer.Option("--strict", help="Count warnings as errors.")] = False,
    dns: Annotated[
        bool,
        typer.Option(
            "--dns", help="Ask the DNS about the sender and the domains of the recipients."
        ),
    ] = False,
    name_server: Annotated[
        str,
        typer.Option(
            "--name-server",
            metavar="ADDRESS[:PORT]",
            help="With --dns, ask this name server; otherwise those of this machine.",
        ),
    ] = "",
    deep: Annotated[
        bool,
        typer.Option(
            "--deep", help="Also check support by mail programs, contrast, images and spam scores."
        ),
    ] = False,
    links: Annotated[
        bool,
        typer.Option(
            "--links", help="With --deep, ask for each link that is the same for all recipients."
        ),
    ] = False,
) -> None:
    """Check all rows and messages, and list every problem.

    Errors come first. Nothing is sent.
    """
    from mailmerge.cli.exit_status import ExitStatus
    from mailmerge.cli.progress import counting
    from mailmerge.preflight.check import check_campaign
    from mailmerge.reports.sent_before import without_sent_before
    from mailmerge.settings import load_settings

    campaign = load_settings(where)
    options = replace(
        _options(campaign),
        selection=without_sent_before(campaign),
        dns=_dns(dns, name_server),
        deep=_deep(deep, links),
    )
    with counting(tr("check"), quiet=json) as progress:
        report = check_campaign(campaign, options, progress=progress)
    if json:
        print_json(report.to_json())
    else:
        show_report(report)
    if not report.passed(strict=strict):
        raise typer.Exit(ExitStatus.CHECK_FAILED)


def _options(campaign: Settings) -> CheckOptions:
    """The options of the check; an error in [smtp] becomes one of its problems."""
    from mailmerge.credentials import find_account
    from mailmerge.errors import CampaignError
    from mailmerge.preflight.check import CheckOptions

    try:
        return CheckOptions(account=find_account(campaign.smtp, campaign.folder))
    except CampaignError as error:
        return CheckOptions(known=(error.problem,))


def _dns(asked: bool, name_server: str) -> DnsOptions | None:
    from mailmerge.deliverability.resolver import DnsOptions
    from mailmerge.errors import CampaignError

    if name_server and not asked:
        raise CampaignError(
            tr("--name-server is used with --dns only"), hint=tr("add --dns"), code="name-server"
        )
    return DnsOptions(name_server) if asked else None


def _deep(asked: bool, links: bool) -> DeepOptions | None:
    from mailmerge.errors import CampaignError
    from mailmerge.preflight.deep.stage import DeepOptions

    if links and not asked:
        raise CampaignError(
            tr("--links is used with --deep only"), hint=tr("add --deep"), code="links-option"
        )
    return DeepOptions(links=links) if asked else None


def show_report(report: CheckReport) -> None:
    """Print the report: paragraphs on a terminal, otherwise one line per problem."""
    width = _terminal_width()
    for line in report_lines(report, width) if width else plain_lines(report):
        typer.echo(line, err=True)


def _terminal_width() -> int:
    """The width of the terminal in columns; 0 if standard error is no terminal."""
    try:
        if not sys.stderr.isatty():
            return 0
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    except (AttributeError, OSError, ValueError):
        return 0
    return min(max(columns or 80, _NARROWEST), WIDEST)
