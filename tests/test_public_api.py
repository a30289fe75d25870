"""The public interface as one program, from a spreadsheet to the ledger."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import mailmerge as mm
from mailmerge.smtp import Client, Connection
from tests.test_python_docs import folder as folder  # noqa: PLC0414 - a fixture

PROGRAM = """
campaign = mm.Campaign.load("spring")
campaign = mm.Campaign(
    name="spring-2026",
    sender="Example News <news@example.org>",
    subject="Hello {{ name }}",
    html=Path("body.html"),
    text="Dear {{ name }}, ...",
    attachments=["terms.pdf"],
)
people = mm.read_recipients("guests.xlsx", address="email", where="country == 'FR'")
for row in people.skipped: print(row.number, row.reason)
report = mm.check(campaign, people); report.raise_for_errors()
message = campaign.message(people[0]); bytes(message)
server = mm.Server("smtp.example.org", username="news", password=os.environ["SMTP_PASSWORD"])
server = SANDBOX
with mm.Ledger.open("sqlite:///spring.db") as ledger:
    job = mm.Job(campaign, people, server, ledger, rate="60/minute", connections=4)
    print(job.plan())
    for event in job.run():
        log.append(event)
    print(job.summary.states)
    ledger.resolve("in_doubt", "resend")
with mm.Sandbox() as sandbox:
    mm.Job(campaign, people, sandbox.server, mm.Ledger.memory()).run_all()
    assert sandbox.messages[0]["Subject"] == "Hello Ann"
"""


def test_whole_program_sends_each_message_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "not-a-real-one")
    log: list[object] = []
    with mm.Sandbox() as real:
        names = {"mm": mm, "os": os, "Path": Path, "SANDBOX": real.server, "log": log}
        exec(compile(PROGRAM, "program", "exec"), names)
        assert [str(one["To"]) for one in real.messages] == ["ann@example.org", "bob@example.org"]
    assert [type(one) for one in log].count(mm.Sent) == 2
    shown = capsys.readouterr().out
    assert "  recipients 2\n" in shown
    assert "  limits     60/minute; 4 connections\n" in shown
    assert "{'pending': 0, 'sent': 2, " in shown
    assert (Client.__name__, Connection.__name__) == ("Client", "Connection")
