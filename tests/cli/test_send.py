"""mailmerge send: plan, confirmation, the targets, and how each ends."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from mailmerge.sandbox import Sandbox
from tests.cli.conftest import Call

STATES = {"pending", "sent", "rejected", "deferred", "in_doubt", "skipped"}


def test_sandbox_keeps_the_messages_and_says_where(campaign: Path, call: Call) -> None:
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


def test_each_sandbox_run_starts_empty(campaign: Path, call: Call) -> None:
    call("send", campaign, "--sandbox")
    again = json.loads(call("send", campaign, "--sandbox", "--json").stdout)
    assert again["states"]["sent"] == 3
    assert len(list((Path(again["maildir"]) / "new").iterdir())) == 3


def test_dry_run_renders_all_and_writes_nothing(campaign: Path, call: Call) -> None:
    done = call("send", campaign, "--dry-run", "--json")
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["to_send"] == document["states"]["pending"] == 3
    assert document["states"]["sent"] == 0
    assert not (campaign / ".mailmerge").exists()


def test_dry_run_reports_errors(campaign: Path, call: Call) -> None:
    (campaign / "body.txt").write_text("{{ nmae }}")
    done = call("send", campaign, "--dry-run")
    assert done.exit_code == 3
    assert "body.txt, line 1" in done.stderr


def test_missing_server_is_an_error(campaign: Path, call: Call) -> None:
    done = call("send", campaign, "--yes")
    assert done.exit_code == 2
    assert "[smtp]" in done.stderr
    assert "--sandbox" in done.stderr


def test_limit_leaves_the_others_pending(campaign: Path, call: Call) -> None:
    document = json.loads(call("send", campaign, "--sandbox", "--limit", "2", "--json").stdout)
    assert document["states"]["sent"] == 2
    assert document["states"]["pending"] == 1


def test_one_message_is_written_in_the_singular(campaign: Path, call: Call) -> None:
    shown = call("send", campaign, "--sandbox", "--where", "name == 'Bob'").stderr
    assert "Checked 1 recipient" in shown
    assert "Sent 1 message in" in shown
    assert "Of 1 recipient: 1 sent." in shown


def test_where_selects_recipients(campaign: Path, call: Call) -> None:
    done = call("send", campaign, "--sandbox", "--where", "name == 'Bob'", "--json")
    assert json.loads(done.stdout)["states"]["sent"] == 1


@pytest.mark.parametrize("option", [["--rate", "fast"], ["--wait", "long"]])
def test_wrong_option_is_one_line(campaign: Path, call: Call, option: list[str]) -> None:
    done = call("send", campaign, *option)
    assert done.exit_code == 2
    assert option[0] in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_changed_list_needs_accept_changes(campaign: Path, call: Call, smtp_server: int) -> None:
    point_at(campaign, smtp_server)
    assert call("send", campaign, "--yes", "--limit", "1").exit_code == 0
    with (campaign / "recipients.csv").open("a") as sheet:
        sheet.write("new@example.org,New\n")
    refused = call("send", campaign, "--yes")
    assert refused.exit_code == 2
    assert "--accept-changes" in refused.stderr
    done = call("send", campaign, "--yes", "--accept-changes", "--json")
    assert json.loads(done.stdout)["states"]["sent"] == 4


def test_second_run_does_not_check_again(campaign: Path, call: Call, smtp_server: int) -> None:
    point_at(campaign, smtp_server)
    first = json.loads(call("send", campaign, "--yes", "--limit", "1", "--json").stdout)
    again = call("send", campaign, "--yes", "--json")
    assert first["check_seconds"] > 0
    assert json.loads(again.stdout)["check_seconds"] == 0
    assert "Already checked" in again.stderr


def point_at(campaign: Path, port: int) -> None:
    with (campaign / "campaign.toml").open("a") as file:
        file.write(f'[smtp]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n')


@pytest.mark.parametrize(("typed", "status"), [("3", 0), ("2", 2), ("", 2), ("yes", 2)])
def test_user_confirms_with_the_number_of_recipients(
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
    _, shown = process.communicate(timeout=60)
    os.close(terminal)
    assert process.returncode == status, shown
    assert "Type the number of recipients" in shown


def test_status_before_any_send_is_an_error(campaign: Path, call: Call) -> None:
    done = call("status", campaign)
    assert done.exit_code == 2
    assert "never sent" in done.stderr


def test_status_as_json_before_any_send_has_every_state_at_0(campaign: Path, call: Call) -> None:
    done = call("status", campaign, "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["states"] == dict.fromkeys(STATES, 0)


def test_status_exports_the_spreadsheet(campaign: Path, call: Call) -> None:
    call("send", campaign, "--sandbox")
    out = campaign.parent / "done.csv"
    done = call("status", campaign, "--sandbox", "--export", out)
    assert done.exit_code == 0, done.stderr
    assert "3  sent" in done.stdout
    header, *rows = out.read_text(encoding="utf-8-sig").splitlines()
    assert header == "email,name,status,time,reply,message-id"
    assert [row.split(",")[2] for row in rows] == ["sent"] * 3


def test_status_json_has_every_state(campaign: Path, call: Call) -> None:
    sent = json.loads(call("send", campaign, "--sandbox", "--json").stdout)
    document = json.loads(call("status", campaign, "--sandbox", "--json").stdout)
    assert set(document["states"]) == STATES
    assert document["total"] == 3
    assert document["check_seconds"] == sent["check_seconds"] > 0
    assert 0 < document["seconds"] <= sent["seconds"]


def test_status_exports_failed_rows(campaign: Path, call: Call) -> None:
    call("send", campaign, "--sandbox")
    out = campaign.parent / "failed.csv"
    assert call("status", campaign, "--sandbox", "--failed", out).exit_code == 0
    assert out.exists()


def received(folder: Path) -> list[Message]:
    return [message_from_bytes(path.read_bytes()) for path in sorted((folder / "new").iterdir())]


def test_test_messages_name_their_recipients(campaign: Path, call: Call, tmp_path: Path) -> None:
    with Sandbox(tmp_path / "real") as server:
        point_at(campaign, server.server.port)
        done = call(
            "send", campaign, "--test-to", "me@example.net", "--limit", "2", "--yes", "--json"
        )
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["test_to"] == "me@example.net"
    assert document["total"] == document["states"]["sent"] == 2
    assert set(document["states"]) == STATES
    assert "test to    me@example.net only" in done.stderr
    assert "[test for ann@example.org] Hello Ann" in done.stderr
    messages = received(tmp_path / "real")
    assert {one["X-RcptTo"] for one in messages} == {one["To"] for one in messages}
    assert {one["To"] for one in messages} == {"me@example.net"}
    assert {one["Subject"] for one in messages} == {
        "[test for ann@example.org] Hello Ann",
        "[test for bob@example.org] Hello Bob",
    }
    assert sum("Dear Ann" in one.as_string() for one in messages) == 1
    assert call("status", campaign).exit_code == 2, "nothing of it is in the campaign's ledger"


def test_test_sends_three_and_asks_first(campaign: Path, call: Call) -> None:
    with (campaign / "recipients.csv").open("a") as sheet:
        sheet.writelines(f"u{number}@example.org,U\n" for number in range(9))
    point_at(campaign, 1)
    refused = call("send", campaign, "--test-to", "me@example.net")
    assert refused.exit_code == 2
    assert "add --yes" in refused.stderr
    dry = call("send", campaign, "--test-to", "me@example.net", "--dry-run", "--json")
    assert json.loads(dry.stdout)["to_send"] == 3


def test_test_to_an_address_of_the_list_skips_its_row(
    campaign: Path, call: Call, tmp_path: Path
) -> None:
    with Sandbox(tmp_path / "real") as server:
        point_at(campaign, server.server.port)
        done = call("send", campaign, "--test-to", "ann@example.org", "--yes")
        assert done.exit_code == 0, done.stderr
        alone = call(
            "send", campaign, "--test-to", "ann@example.org", "--only", "ann@example.org", "--yes"
        )
    assert alone.exit_code == 3
    assert "address of the row itself" in alone.stderr
    subjects = sorted(one["Subject"].partition("]")[0] for one in received(tmp_path / "real"))
    assert subjects == ["[test for bob@example.org", "[test for zoe@example.org"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--test-to", "not-an-address"], "--test-to"),
        (["--test-to", "me@example.net", "--sandbox"], "--sandbox does not"),
        (["--faults"], "add --sandbox"),
        (["--sandbox", "--seed", "3"], "without --faults"),
        (["--sandbox", "--log-json", "/nowhere/at/all"], "--log-json"),
    ],
)
def test_contradicting_options_are_one_line(
    campaign: Path, call: Call, options: list[str], words: str
) -> None:
    done = call("send", campaign, *options)
    assert done.exit_code == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_faults_run_until_all_are_settled(campaign: Path, call: Call) -> None:
    with (campaign / "recipients.csv").open("a") as sheet:
        sheet.writelines(f"u{number}@example.org,U{number}\n" for number in range(200))
    with (campaign / "campaign.toml").open("a") as file:
        file.write('[delivery]\nrate = "60/minute"\nkeep_copy = "mbox"\n')
    log = campaign / "log.jsonl"
    done = call(
        "send", campaign, "--sandbox", "--faults", "--seed", "7", "--json", "--log-json", log
    )
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    states = document["states"]
    assert document["seed"] == 7
    assert document["rounds"] > 1
    assert states["pending"] == states["deferred"] == 0
    assert states["sent"] + states["rejected"] + states["in_doubt"] == document["total"] == 203
    assert min(states["rejected"], states["in_doubt"]) > 0
    assert document["reconciliation"]["balanced"] is True
    assert document["reconciliation"]["taken"] == len(received(Path(document["maildir"])))
    assert 200 < document["real_seconds"] < 220
    assert "Ledger and sandbox agree" in done.stderr
    assert "3 minutes" in done.stderr
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert sum(one["event"] == "ended" for one in events) == document["rounds"]
    assert not (campaign / ".mailmerge" / "sent.mbox").exists(), "nothing was really sent"
    status = json.loads(call("status", campaign, "--sandbox", "--json").stdout)
    assert status["seconds"] == document["seconds"], "real seconds"


def test_faults_without_a_rate_say_so(campaign: Path, call: Call) -> None:
    done = call("send", campaign, "--sandbox", "--faults")
    assert done.exit_code == 0, done.stderr
    assert "as fast as the server takes messages" in done.stderr
    assert "--seed" in done.stderr
