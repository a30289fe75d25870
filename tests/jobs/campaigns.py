"""Small campaigns for the tests of jobs, and jobs of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mailmerge.campaign import Campaign
from mailmerge.engine.summary import Summary
from mailmerge.jobs.job import Job
from mailmerge.jobs.targets import AnyServer, RealServer
from mailmerge.recipients.audience import Selection
from mailmerge.sandbox import Sandbox
from tests.scripted_server import ScriptedServer

CAMPAIGN = """
[campaign]
name = "spring"
[message]
from = "Example News <news@example.org>"
subject = "Hello {{ name }}"
text = "body.txt"
"""
RECIPIENTS = 4
ALL = Selection()


def make(
    folder: Path,
    server: Sandbox | ScriptedServer | None = None,
    more: str = "",
    recipients: int = RECIPIENTS,
) -> Campaign:
    """A campaign for u0, u1, ... over the server; without one, [smtp] is missing."""
    folder.mkdir(exist_ok=True)
    smtp = (
        f'[smtp]\nhost = "127.0.0.1"\nport = {port_of(server)}\nsecurity = "none"\n'
        if server
        else ""
    )
    (folder / "campaign.toml").write_text(CAMPAIGN + smtp + more)
    rows = "".join(f"u{number}@example.org,U{number}\n" for number in range(recipients))
    (folder / "recipients.csv").write_text("email,name\n" + rows)
    (folder / "body.txt").write_text("Dear {{ name }},\n\nspring is here.\n")
    return Campaign.load(folder)


def port_of(server: Sandbox | ScriptedServer) -> int:
    """The port of a running server."""
    return server.server.port if isinstance(server, Sandbox) else server.port


def job_of(campaign: Campaign, target: AnyServer | None = None, **options: Any) -> Job:
    """A job with the campaign's own recipients and ledger, by default to its server."""
    selection = Selection(options.pop("where", ""), options.pop("only", ""))
    target = target or RealServer.of_settings(campaign.settings)
    return Job(campaign, selection, target, **options)


def send(campaign: Campaign, target: AnyServer | None = None, **options: Any) -> Summary:
    """Do all steps of a job."""
    with job_of(campaign, target, **options) as job:
        return job.run_all()
