"""A campaign folder that a test spoils, a server on loopback that counts, and the check of both."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from mailmerge.campaign import Campaign, load_campaign
from mailmerge.credentials import find_account
from mailmerge.errors import CheckFailed, Problem
from mailmerge.jobs import Mailing
from mailmerge.orders import Orders
from mailmerge.preflight.check import CheckOptions, check_campaign
from mailmerge.preflight.report import CheckReport
from tests import servers

PEOPLE = "email,name\nann@x-firma.de,Ann\nbob@x-firma.de,Bob\n"


class Counting:
    """A server that counts who connects, and takes everything."""

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
class Office:
    """A campaign folder beside a counting server; what is written last is what counts."""

    folder: Path
    server: Counting
    port: int
    sections: dict[str, list[str]] = field(default_factory=dict)

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file into the folder, octet for octet."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def people(self, content: str | bytes, name: str = "recipients.csv") -> None:
        """Write the spreadsheet, and let campaign.toml name it."""
        self.write(name, content)
        self.configure(recipients={"file": f'"{name}"'})

    def configure(self, **sections: dict[str, str]) -> None:
        """Set keys of campaign.toml; the values are TOML."""
        for section, keys in sections.items():
            lines = self.sections.setdefault(section, [])
            for key, value in keys.items():
                lines[:] = [line for line in lines if not line.startswith(f"{key} =")]
                if value:
                    lines.append(f"{key} = {value}")
        text = "".join(
            f"[{name}]\n" + "".join(f"{line}\n" for line in lines)
            for name, lines in self.sections.items()
        )
        self.write("campaign.toml", text)

    @property
    def campaign(self) -> Campaign:
        return load_campaign(self.folder)

    def check(self, **options: object) -> CheckReport:
        """What `mailmerge check` finds."""
        campaign = self.campaign
        given = {"account": find_account(campaign.smtp, campaign.folder), **options}
        return check_campaign(campaign, CheckOptions(**given))  # type: ignore[arg-type]  # as named

    def problems(self, **options: object) -> list[Problem]:
        return list(self.check(**options).problems)

    def problem(self, **options: object) -> Problem:
        """The one thing that is wrong."""
        (problem,) = self.problems(**options)
        return problem

    def refuse(self) -> CheckReport:
        """Try to send; assert that the check says no before anybody has connected."""
        with Mailing(self.campaign, Orders()) as mailing:
            with pytest.raises(CheckFailed):
                mailing.check()
            assert mailing.report is not None
        assert self.server.connected == self.server.taken == 0
        return mailing.report

    def refuse_by_check(self) -> CheckReport:
        """What the check finds, at least one error among it; nobody has connected."""
        report = self.check()
        assert not report.passed()
        assert self.server.connected == self.server.taken == 0
        return report

    def error(self) -> Problem:
        """The one error for which nothing is sent; each group of them counts once."""
        (group,) = (g for g in self.refuse().groups if g.first.severity == "error")
        return group.shared

    def warned(self) -> Problem:
        """The one warning of a campaign that may be sent."""
        report = self.check()
        assert report.errors == 0
        (group,) = report.groups
        return group.shared

    def run(self, command: str, *options: str, **environment: str) -> tuple[int, str, str]:
        """Run the real command: exit status, standard output, standard error."""
        import os

        done = subprocess.run(
            [sys.executable, "-m", "mailmerge", command, str(self.folder), *options],
            capture_output=True,
            check=False,
            timeout=120,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **environment},
        )
        told = done.stderr.decode("utf-8", "replace")
        assert "Traceback" not in told
        return done.returncode, done.stdout.decode("utf-8", "replace"), told


def place(problem: Problem) -> tuple[str, str, int | None, str]:
    """Code and coordinate."""
    return problem.code, problem.file, problem.row, problem.column


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """A campaign in which nothing is wrong."""
    server = Counting()
    port = servers.free_port()
    controller = Controller(server, hostname="127.0.0.1", port=port)
    controller.start()
    folder = tmp_path / "campaign"
    folder.mkdir()
    made = Office(folder, server, port)
    made.configure(
        recipients={"file": '"recipients.csv"'},
        message={
            "from": '"News <news@x-firma.de>"',
            "subject": '"Hello {{ name }}"',
            "text": '"body.txt"',
        },
        smtp={"host": '"127.0.0.1"', "port": str(port), "security": '"none"'},
    )
    made.write("recipients.csv", PEOPLE)
    made.write("body.txt", "Dear {{ name }},\nhello\n")
    yield made
    controller.stop()
