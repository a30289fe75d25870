"""mailmerge approve: a short code for exactly these messages, for `send --approved`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailmerge.cli.progress import counting
from mailmerge.cli.terminal import (
    CampaignPath,
    Json,
    print_json,
    quoted_path,
    reports_errors,
    say,
    show_result,
)
from mailmerge.language import tr

if TYPE_CHECKING:
    from mailmerge.campaign import Campaign
    from mailmerge.jobs.approval import Approval
    from mailmerge.jobs.job import Job
    from mailmerge.recipients.audience import Selection

_FILES_SHOWN = 6


@reports_errors
def approve(
    where: CampaignPath = Path(),
    limit: Annotated[
        int | None,
        typer.Option("--limit", metavar="N", min=0, help="As for send: at most N recipients."),
    ] = None,
    condition: Annotated[
        str,
        typer.Option(
            "--where", metavar="EXPR", help="As for send: recipients that meet this condition."
        ),
    ] = "",
    only: Annotated[
        str, typer.Option("--only", metavar="ADDRESS", help="As for send: only this recipient.")
    ] = "",
    rate: Annotated[
        list[str] | None,
        typer.Option(
            "--rate", metavar="R", help='As for send: the speed limit, such as "60/minute".'
        ),
    ] = None,
    connections: Annotated[
        int | None,
        typer.Option(
            "--connections", metavar="N", min=1, max=100, help="As for send: SMTP connections."
        ),
    ] = None,
    skip_invalid: Annotated[
        bool, typer.Option("--skip-invalid", help="As for send: leave out rows with errors.")
    ] = False,
    json: Json = False,
) -> None:
    """Check the campaign, and print a code for exactly these messages.

    `send --approved CODE` then sends these messages and no others.
    """
    from mailmerge.campaign import Campaign
    from mailmerge.recipients.audience import Selection

    campaign = Campaign.load(where)
    selection = Selection(where=condition, only=only)
    with _job(campaign, selection, rate, connections, limit, skip_invalid=skip_invalid) as job:
        approval = _approve(job, json=json)
    if json:
        print_json({"campaign": campaign.name, **approval.to_json()})
        return
    for name, value in _lines(approval):
        say(f"  {name:<11} {value}")
    folder = quoted_path(campaign.settings.folder)
    say(tr("To send exactly this: mailmerge send {folder} --approved CODE", folder=folder))
    show_result(approval.code, json=False)


def _job(
    campaign: Campaign,
    selection: Selection,
    rate: list[str] | None,
    connections: int | None,
    limit: int | None,
    *,
    skip_invalid: bool,
) -> Job:
    """A job that ends before its first connection.

    Raises:
        CampaignError: no server is named, or a rate is none.
    """
    from mailmerge.jobs.job import Job
    from mailmerge.jobs.targets import DryRun, RealServer

    return Job(
        campaign,
        selection,
        DryRun(RealServer.of_settings(campaign.settings)),
        rate=rate,
        connections=connections,
        limit=limit,
        skip_invalid=skip_invalid,
    )


def _approve(job: Job, *, json: bool) -> Approval:
    from mailmerge.cli.check import show_report

    with counting("check", quiet=json) as progress:
        report = job.check(progress)
    show_report(report)
    return job.approve()


def _lines(approval: Approval) -> list[tuple[str, str]]:
    files = sorted(path for path, digest in approval.files.items() if digest)
    shown = ", ".join(files[:_FILES_SHOWN])
    if len(files) > _FILES_SHOWN:
        shown = tr("{files} and {count} more", files=shown, count=len(files) - _FILES_SHOWN)
    named = {**approval.sender, **approval.limits}
    found = [
        (tr("recipients"), f"{len(approval.recipients):,}"),
        (tr("files"), shown),
        *((name.removeprefix("message.").removeprefix("smtp."), v) for name, v in named.items()),
    ]
    return [(name, value) for name, value in found if value]
