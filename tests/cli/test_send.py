"""mailmerge send: plan, confirmation, the three kinds of sending, and how each ends."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Call

STATES = {"pending", "sent", "rejected", "deferred", "in_doubt", "skipped"}


def test_a_rehearsal_sends_to_the_sandbox_and_says_where(campaign: Path, call: Call) -> None:
    done = call("send", campaign, "--sandbox", "--json")
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["campaign"] == "spring"
    assert document["total"] == document["states"]["sent"] == 3
    assert set(document["states"]) == STATES
    maildir = Path(document["maildir"])
    assert maildir.is_relative_to(campaign / ".mailmerge")
    assert len(list((maildir / "new").iterdir())) == 3
    assert "Hello Ann" in done.stderr
    assert str(maildir) in done.stderr


def test_a_rehearsal_begins_anew_each_time(campaign: Path, call: Call) -> None:
    call("send", campaign, "--sandbox")
    again = json.loads(call("send", campaign, "--sandbox", "--json").stdout)
    assert again["states"]["sent"] == 3
    assert len(list((Path(again["maildir"]) / "new").iterdir())) == 3


def test_a_dry_run_renders_everything_and_leaves_nothing(campaign: Path, call: Call) -> None:
    done = call("send", campaign, "--dry-run", "--json")
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["to_send"] == document["states"]["pending"] == 3
    assert document["states"]["sent"] == 0
    assert not (campaign / ".mailmerge").exists()


def test_a_dry_run_finds_what_is_wrong(campaign: Path, call: Call) -> None:
    (campaign / "body.txt").write_text("{{ nmae }}")
    done = call("send", campaign, "--dry-run")
    assert done.exit_code == 3
    assert "body.txt, line 1" in done.stderr


def test_without_a_server_it_says_so(campaign: Path, call: Call) -> None:
    done = call("send", campaign, "--yes")
    assert done.exit_code == 2
    assert "[smtp]" in done.stderr
    assert "--sandbox" in done.stderr


def test_a_limit_of_the_rehearsal_leaves_the_others_pending(campaign: Path, call: Call) -> None:
    document = json.loads(call("send", campaign, "--sandbox", "--limit", "2", "--json").stdout)
    assert document["states"]["sent"] == 2
    assert document["states"]["pending"] == 1


def test_where_means_only_those(campaign: Path, call: Call) -> None:
    done = call("send", campaign, "--sandbox", "--where", "name == 'Bob'", "--json")
    assert json.loads(done.stdout)["states"]["sent"] == 1


@pytest.mark.parametrize("option", [["--rate", "fast"], ["--wait", "long"]])
def test_a_wrong_option_is_one_line(campaign: Path, call: Call, option: list[str]) -> None:
    done = call("send", campaign, *option)
    assert done.exit_code == 2
    assert option[0] in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_edited_list_needs_a_yes(campaign: Path, call: Call, smtp_server: int) -> None:
    point_at(campaign, smtp_server)
    assert call("send", campaign, "--yes", "--limit", "1").exit_code == 0
    with (campaign / "recipients.csv").open("a") as sheet:
        sheet.write("new@example.org,New\n")
    refused = call("send", campaign, "--yes")
    assert refused.exit_code == 2
    assert "--accept-changes" in refused.stderr
    done = call("send", campaign, "--yes", "--accept-changes", "--json")
    assert json.loads(done.stdout)["states"]["sent"] == 4


def test_the_second_run_does_not_check_again(campaign: Path, call: Call, smtp_server: int) -> None:
    point_at(campaign, smtp_server)
    first = json.loads(call("send", campaign, "--yes", "--limit", "1", "--json").stdout)
    again = call("send", campaign, "--yes", "--json")
    assert first["check_seconds"] > 0
    assert json.loads(again.stdout)["check_seconds"] == 0
    assert "Checked before" in again.stderr


def point_at(campaign: Path, port: int) -> None:
    with (campaign / "campaign.toml").open("a") as file:
        file.write(f'[smtp]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n')


@pytest.mark.parametrize(("typed", "status"), [("3", 0), ("2", 2), ("", 2), ("yes", 2)])
def test_at_a_terminal_the_number_of_people_is_typed(
    campaign: Path, smtp_server: int, typed: str, status: int
) -> None:
    point_at(campaign, smtp_server)
    terminal, our_end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "mailmerge", "send", str(campaign)],
        stdin=our_end,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(our_end)
    os.write(terminal, f"{typed}\n".encode())
    _, told = process.communicate(timeout=60)
    os.close(terminal)
    assert process.returncode == status, told
    assert "Type the number of people" in told


def test_status_before_any_send_says_so(campaign: Path, call: Call) -> None:
    done = call("status", campaign)
    assert done.exit_code == 2
    assert "never sent" in done.stderr


def test_status_gives_the_spreadsheet_back(campaign: Path, call: Call) -> None:
    call("send", campaign, "--sandbox")
    out = campaign.parent / "done.csv"
    done = call("status", campaign, "--sandbox", "--export", out)
    assert done.exit_code == 0, done.stderr
    assert "3  sent" in done.stdout
    header, *rows = out.read_text(encoding="utf-8-sig").splitlines()
    assert header == "email,name,status,time,reply,message-id"
    assert [row.split(",")[2] for row in rows] == ["sent"] * 3


def test_status_json_has_every_state(campaign: Path, call: Call) -> None:
    call("send", campaign, "--sandbox")
    document = json.loads(call("status", campaign, "--sandbox", "--json").stdout)
    assert set(document["states"]) == STATES
    assert document["total"] == 3


def test_the_failed_are_a_spreadsheet_again(campaign: Path, call: Call) -> None:
    call("send", campaign, "--sandbox")
    out = campaign.parent / "failed.csv"
    assert call("status", campaign, "--sandbox", "--failed", out).exit_code == 0
    assert out.exists()
