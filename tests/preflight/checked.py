"""A campaign folder with the check of it, and with a server that nothing may connect to."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from mailmerge.campaign import Campaign
from mailmerge.credentials import find_account
from mailmerge.errors import CheckFailed, Problem
from mailmerge.jobs.job import Job
from mailmerge.jobs.targets import RealServer
from mailmerge.preflight.check import CheckOptions, check_campaign
from mailmerge.preflight.report import CheckReport
from mailmerge.recipients.audience import Selection
from tests.campaign_folder import CampaignFolder

PAGE = "<html><body>\n<p>Dear {{ name }},</p>\n%s\n</body></html>"


class CountingServer:
    """A server that counts connections, and takes everything."""

    def __init__(self) -> None:
        self.connected = 0
        self.taken = 0

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, answers: list[str]
    ) -> list[str]:
        self.connected += 1
        session.host_name = hostname
        return answers

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.taken += 1
        return "250 OK"


@dataclass
class Folder(CampaignFolder):
    """A campaign folder whose server on this machine counts."""

    server: CountingServer = field(default_factory=CountingServer)
    port: int = 0

    def page(self, inside: str, recipients: str = "") -> None:
        """Write an HTML template that greets by name in line 2 and has `inside` from line 3."""
        self.configure(message={"html": '"body.html"'})
        self.write("body.html", PAGE % inside)
        if recipients:
            self.recipients(recipients)

    def check(self, **options: object) -> CheckReport:
        """What `mailmerge check` finds."""
        campaign = self.campaign
        given = {"account": find_account(campaign.smtp, campaign.folder), **options}
        return check_campaign(campaign, CheckOptions(**given))  # type: ignore[arg-type]  # as named

    def problems(self, **options: object) -> list[Problem]:
        """Everything that is wrong."""
        return list(self.check(**options).problems)

    def problem(self, **options: object) -> Problem:
        """The one thing that is wrong."""
        (problem,) = self.problems(**options)
        return problem

    def refuse(self) -> CheckReport:
        """Try to send; assert that the check refuses it before anything has connected."""
        target = RealServer.of_settings(self.campaign)
        with Job(Campaign.of(self.campaign), Selection(), target) as job:
            with pytest.raises(CheckFailed):
                job.run_all()
            assert job.report is not None
        assert self.server.connected == self.server.taken == 0
        return job.report

    def refuse_by_check(self) -> CheckReport:
        """What the check finds, at least one error among it; nothing has connected."""
        report = self.check()
        assert not report.passed()
        assert self.server.connected == self.server.taken == 0
        return report

    def error(self) -> Problem:
        """The one error for which nothing is sent; each group of them counts once."""
        (group,) = (g for g in self.refuse().groups if g.first.severity == "error")
        return group.shared

    def warning(self) -> Problem:
        """The one warning of a campaign that may be sent."""
        report = self.check()
        assert report.errors == 0
        (group,) = report.groups
        return group.shared


def place(problem: Problem) -> tuple[str, str, int | None, str]:
    """Code and coordinate."""
    return problem.code, problem.file, problem.row, problem.column
