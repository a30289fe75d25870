"""A campaign around one spreadsheet, and what comes out of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mailmerge.errors import MailmergeError, Problem
from mailmerge.recipients.audience import (
    Audience,
    Recipient,
    Selection,
    Skipped,
    SkipReason,
    open_audience,
)
from mailmerge.recipients.spreadsheet import Spreadsheet, open_spreadsheet
from mailmerge.settings import (
    CampaignSection,
    DeliverySection,
    MessageSection,
    RecipientsSection,
    Settings,
    SmtpSection,
)


@dataclass(frozen=True)
class Folder:
    """A campaign folder into which a test puts spreadsheets."""

    path: Path

    def campaign(self, **recipients: object) -> Settings:
        """The campaign whose [recipients] says what is given."""
        message = MessageSection.model_validate(
            {"from": "news@example.org", "subject": "Hello", "text": "body.txt"}
        )
        section = RecipientsSection.model_validate(recipients)
        parts = (section, message, SmtpSection(), DeliverySection())
        return Settings(self.path, CampaignSection(), *parts)

    def put(self, content: str | bytes, name: str = "recipients.csv") -> Path:
        """Write a file into the folder, byte for byte."""
        path = self.path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def open(self, **recipients: object) -> Spreadsheet:
        """The campaign's spreadsheet."""
        return open_spreadsheet(self.campaign(**recipients))

    def audience(self, selection: Selection | None = None, **recipients: object) -> Audience:
        """The campaign's audience."""
        return open_audience(self.campaign(**recipients), selection)

    def recipients(self, **recipients: object) -> list[Recipient]:
        """The recipients of a spreadsheet in which every row is one."""
        found = list(self.audience(None, **recipients))
        only = [result for result in found if isinstance(result, Recipient)]
        assert only == found
        return only

    def problems(self, **recipients: object) -> list[Problem]:
        """The error of opening the file, or its notices and then the problems of its rows."""
        try:
            audience = self.audience(None, **recipients)
        except MailmergeError as error:
            return [error.problem]
        found = list(problems_of(audience))
        return [*self.open(**recipients).notices, *found]

    def problem(self, **recipients: object) -> Problem:
        """The only problem."""
        (problem,) = self.problems(**recipients)
        return problem


def problems_of(audience: Audience) -> Iterator[Problem]:
    """The problems of the rows and of the file, in the order of the sheet."""
    for result in audience:
        if isinstance(result, Problem):
            yield result
        elif isinstance(result, Skipped) and result.problem is not None:
            yield result.problem


def skipped_rows(audience: Audience) -> dict[int, SkipReason]:
    """The reason for each skipped row."""
    return {result.row: result.reason for result in audience if isinstance(result, Skipped)}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """An empty campaign folder."""
    return Folder(tmp_path)


Convert = Callable[[Path, str], Path]


@pytest.fixture(scope="session")
def convert(tmp_path_factory: pytest.TempPathFactory) -> Convert:
    """Let LibreOffice save a workbook in another format: (path, "xls") -> the new file."""
    program = shutil.which("soffice")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("LibreOffice is missing (Debian: libreoffice-calc)")
        pytest.skip("LibreOffice is not installed")
    profile = tmp_path_factory.mktemp("libreoffice")

    def save_as(path: Path, extension: str) -> Path:
        command = [
            program,
            f"-env:UserInstallation={profile.as_uri()}",
            "--headless",
            "--convert-to",
            extension,
            "--outdir",
            str(path.parent),
            str(path),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        return path.with_suffix(f".{extension.partition(':')[0]}")

    return save_as
