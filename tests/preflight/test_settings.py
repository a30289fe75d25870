"""What campaign.toml and this machine alone show to be wrong."""

from __future__ import annotations

import datetime as dt
import os

import pytest

from mailmerge.preflight.check import Check
from mailmerge.preflight.rules import Setup
from mailmerge.preflight.settings import check_clock
from tests.preflight.checked import Folder, place


def test_html_without_a_text_template_is_a_warning(folder: Folder) -> None:
    folder.page("")
    folder.configure(message={"text": ""})
    problem = folder.problem()
    assert problem.severity == "warning"
    assert place(problem) == ("no-text-part", "campaign.toml", None, "message.text")


def test_a_content_base_that_cannot_be_written_is_an_error(folder: Folder) -> None:
    base = f'"https://x-firma.de/{"x" * 1000}/"'
    folder.configure(message={"related_by": '"content-location"', "content_base": base})
    problem = folder.problem()
    assert place(problem) == ("field-too-long", "campaign.toml", None, "")
    assert problem.message.startswith("message.content_base: ")
    folder.configure(message={"related_by": ""})
    assert folder.problems() == []


@pytest.mark.parametrize("year", [1970, 2024])
def test_a_clock_that_cannot_be_right_is_a_warning(folder: Folder, year: int) -> None:
    then = dt.datetime(year, 1, 2, tzinfo=dt.UTC)
    (problem,) = Check(folder.campaign, now=then).run().problems
    assert (problem.severity, problem.code) == ("warning", "clock")
    assert problem.message == f"the system clock is wrong ({year}-01-02)"


def test_a_clock_behind_the_files_of_the_campaign_is_a_warning(folder: Folder) -> None:
    later = dt.datetime.now(dt.UTC).timestamp() + 3 * 86_400
    os.utime(folder.path / "recipients.csv", (later, later))
    assert folder.problem().code == "clock"


def test_a_clock_needs_no_spreadsheet(folder: Folder) -> None:
    (folder.path / "recipients.csv").unlink()
    assert list(check_clock(Setup(folder.campaign))) == []
