"""mailmerge send: plan, confirmation, the kinds of sending, and how each ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from itertools import count
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from mailmerge.sandbox import Fault, Faults, Sandbox
from tests import servers
from tests.cli.conftest import Call
from tests.cli.on_terminal import require_terminals
from tests.scripted_server import Reply, Rule, Stage, When, serve

STATES = {"pending", "sent", "rejected", "deferred", "in_doubt", "skipped"}


def test_sandbox_run_says_where_the_messages_are(campaign: Path, call: Call) -> None:
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
    assert str(maildir) in done.output


def test_each_sandbox_run_starts_empty(campaign: Path, call: Call) -> None:
    call("send", campaign, "--sandbox")
    again = json.loads(call("send", campaign, "--sandbox", "--json").stdout)
    assert again["states"]["sent"] == 3
    assert len(list((Path(again["maildir"]) / "new").iterdir())) == 3


def test_dry_run_renders_everything_and_writes_nothing(campaign: Path, call: Call) -> None:
    done = call("send", campaign, "--dry-run", "--json")
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["to_send"] == document["states"]["pending"] == 3
    assert document["states"]["sent"] == 0
    assert not (campaign / ".mailmerge").exists()


def test_dry_run_reports_problems(campaign: Path, call: Call) -> None:
    (campaign / "body.txt").write_text("{{ nmae }}")
    done = call("send", campaign, "--dry-run")
    assert done.exit_code == 3
    assert "body.txt, line 1" in done.stderr


def test_send_without_a_server_is_one_line(campaign: Path, call: Call) -> None:
    done = call("send", campaign, "--yes")
    assert done.exit_code == 2
    assert "[smtp]" in done.stderr
    assert "--sandbox" in done.stderr


def test_limit_leaves_the_others_pending(campaign: Path, call: Call) -> None:
    document = json.loads(call("send", campaign, "--sandbox", "--limit", "2", "--json").stdout)
    assert document["states"]["sent"] == 2
    assert document["states"]["pending"] == 1


def test_one_message_is_written_in_the_singular(campaign: Path, call: Call) -> None:
    err = call("send", campaign, "--sandbox", "--where", "name == 'Bob'").output
    assert "Checked 1 recipient" in err
    assert "Sent 1 message in" in err
    assert "Of 1 recipient: 1 sent." in err


def test_where_selects_recipients(campaign: Path, call: Call) -> None:
    done = call("send", campaign, "--sandbox", "--where", "name == 'Bob'", "--json")
    assert json.loads(done.stdout)["states"]["sent"] == 1


@pytest.mark.parametrize("option", [["--rate", "fast"], ["--wait", "long"]])
def test_a_wrong_option_is_one_line(campaign: Path, call: Call, option: list[str]) -> None:
    done = call("send", campaign, *option)
    assert done.exit_code == 2
    assert option[0] in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_changed_recipients_need_a_confirmation(
    campaign: Path, call: Call, smtp_server: int
) -> None:
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
    assert "Already checked" in again.stderr


def point_at(campaign: Path, port: int) -> None:
    with (campaign / "campaign.toml").open("a") as file:
        file.write(f'[smtp]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n')


@pytest.mark.parametrize(("typed", "status"), [("3", 0), ("2", 2), ("", 2), ("yes", 2)])
def test_the_number_of_recipients_confirms(
    campaign: Path, smtp_server: int, typed: str, status: int
) -> None:
    point_at(campaign, smtp_server)
    require_terminals()
    terminal, our_end = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "mailmerge", "send", str(campaign)],
        stdin=our_end,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(our_end)
    os.write(terminal, f"{typed}\n".encode())
    _, err = process.communicate(timeout=60)
    os.close(terminal)
    assert process.returncode == status, err
    assert "Type the number of recipients" in err


@pytest.mark.parametrize(("typed", "status"), [("2", 0), ("3", 2)])
def test_the_number_of_test_messages_confirms(
    campaign: Path,
    call: Call,
    smtp_server: int,
    typed: str,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    point_at(campaign, smtp_server)
    monkeypatch.setattr(sys.modules["mailmerge.cli.send"], "can_ask", lambda: True)
    options = ["--test-to", "me@example.net", "--limit", "2"]
    done = call("send", campaign, *options, input=f"{typed}\n")
    assert done.exit_code == status, done.stderr
    assert "Type the number of messages to yourself (2)" in done.stderr


def test_rows_with_errors_are_left_out_on_demand(campaign: Path, call: Call) -> None:
    with (campaign / "recipients.csv").open("a") as sheet:
        sheet.write("no address,Cy\n")
    assert call("send", campaign, "--sandbox").exit_code == 3
    done = call("send", campaign, "--sandbox", "--skip-invalid")
    assert done.exit_code == 5, "one recipient was not reached"
    assert "Leaving out 1 row with errors; 3 recipients left." in done.stderr


def messages_in(folder: Path) -> list[Message]:
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
    assert "me@example.net only" in done.stderr
    assert "[test for ann@example.org] Hello Ann" in done.stderr
    messages = messages_in(tmp_path / "real")
    assert {one["X-RcptTo"] for one in messages} == {one["To"] for one in messages}
    assert {one["To"] for one in messages} == {"me@example.net"}
    assert {one["Subject"] for one in messages} == {
        "[test for ann@example.org] Hello Ann",
        "[test for bob@example.org] Hello Bob",
    }
    assert sum("Dear Ann" in one.as_string() for one in messages) == 1
    assert "Nothing has been sent" in call("status", campaign).stdout, (
        "nothing of it is in the campaign's ledger"
    )


def test_test_messages_are_three_and_need_a_confirmation(campaign: Path, call: Call) -> None:
    with (campaign / "recipients.csv").open("a") as sheet:
        sheet.writelines(f"u{number}@example.org,U\n" for number in range(9))
    point_at(campaign, 1)
    refused = call("send", campaign, "--test-to", "me@example.net")
    assert refused.exit_code == 2
    assert "add --yes" in refused.stderr
    dry = call("send", campaign, "--test-to", "me@example.net", "--dry-run", "--json")
    assert json.loads(dry.stdout)["to_send"] == 3


def test_test_sends_to_all_addresses_of_the_campaign(
    campaign: Path, call: Call, tmp_path: Path
) -> None:
    with Sandbox(tmp_path / "real") as server:
        point_at(campaign, server.server.port)
        missing = call("send", campaign, "--test", "--yes")
        assert missing.exit_code == 2
        assert "test_to = " in missing.stderr
        with (campaign / "campaign.toml").open("a") as file:
            file.write('[delivery]\ntest_to = ["me@example.net", "boss@example.net"]\n')
        one = call("send", campaign, "--test", "--limit", "1", "--yes", "--json")
        assert one.exit_code == 0, one.stderr
    assert json.loads(one.stdout)["test_to"] == ["me@example.net", "boss@example.net"]
    messages = messages_in(tmp_path / "real")
    assert sorted(str(one["To"]) for one in messages) == ["boss@example.net", "me@example.net"]
    assert {one["Subject"] for one in messages} == {"[test for ann@example.org] Hello Ann"}


def test_the_number_of_messages_to_several_addresses_confirms(
    campaign: Path, call: Call, smtp_server: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    point_at(campaign, smtp_server)
    with (campaign / "campaign.toml").open("a") as file:
        file.write('[delivery]\ntest_to = ["me@example.net", "boss@example.net"]\n')
    monkeypatch.setattr(sys.modules["mailmerge.cli.send"], "can_ask", lambda: True)
    done = call("send", campaign, "--test", "--limit", "1", input="2\n")
    assert "Type the number of test messages (2)" in done.stderr
    assert done.exit_code == 0, done.stderr


def test_test_messages_to_a_recipient_skip_their_own(
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
    subjects = sorted(one["Subject"].partition("]")[0] for one in messages_in(tmp_path / "real"))
    assert subjects == ["[test for bob@example.org", "[test for zoe@example.org"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--test-to", "nobody"], "--test-to"),
        (["--test-to", "me@example.net", "--sandbox"], "excludes --sandbox"),
        (["--test", "--sandbox"], "--test uses the real server"),
        (["--test", "--test-to", "me@example.net"], "excludes --test-to"),
        (["--faults"], "add --sandbox"),
        (["--sandbox", "--seed", "3"], "needs --faults"),
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


RETRIED = {
    Fault.GREYLISTED,
    Fault.LEAVING,
    Fault.DROPPED,
    Fault.NOT_NOW,
    Fault.LEAVING_LATE,
}


def fate(faults: Faults, address: str) -> str:
    """The state in which a recipient ends when every fault that passes is tried again."""
    drawn = (faults.draw(address, attempt) for attempt in count(1))
    last = next(fault for fault in drawn if fault not in RETRIED)
    if last is None:
        return "sent"
    return "rejected" if last is Fault.NO_SUCH_USER else "in_doubt"


def deferred_often(faults: Faults) -> str:
    """An address that is deferred three times: in the time of one run it cannot be settled."""
    deferring = {Fault.GREYLISTED, Fault.NOT_NOW}
    addresses = (f"slow{number}@example.org" for number in count())
    return next(
        address
        for address in addresses
        if all(faults.draw(address, attempt) in deferring for attempt in (1, 2, 3))
    )


@pytest.mark.parametrize("options", [[], ["--connections", "3", "--window", "4"]])
def test_a_seed_repeats_the_faults_of_each_recipient(
    campaign: Path, call: Call, options: list[str]
) -> None:
    faults = Faults(seed=7)
    addresses = [*(f"u{number}@example.org" for number in range(200)), deferred_often(faults)]
    (campaign / "recipients.csv").write_text(
        "email,name\n" + "".join(f"{address},U\n" for address in addresses)
    )
    with (campaign / "campaign.toml").open("a") as file:
        file.write('[delivery]\nrate = "60/minute"\nkeep_copy = "mbox"\n')
    log = campaign / "log.jsonl"
    done = call(
        "send", campaign, "--sandbox", "--faults", "--seed", "7", *options, "--json",
        "--log-json", log,
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    expected = Counter(fate(faults, address) for address in addresses)
    assert min(expected[state] for state in ("sent", "rejected", "in_doubt")) > 0
    assert {state: n for state, n in document["states"].items() if n} == expected
    assert document["seed"] == 7
    assert document["rounds"] > 1, "the last recipient is deferred at the end of the first run"
    assert document["reconciliation"]["balanced"] is True
    assert document["reconciliation"]["taken"] == len(messages_in(Path(document["maildir"])))
    assert 200 <= document["real_seconds"] < 220
    assert "Ledger and sandbox agree" in done.output
    assert "3 minutes" in done.output
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert sum(one["event"] == "ended" for one in events) == document["rounds"]
    assert not (campaign / ".mailmerge" / "sent.mbox").exists(), "nothing was really sent"
    status = json.loads(call("status", campaign, "--sandbox", "--json").stdout)
    assert status["seconds"] == document["seconds"], "real seconds, not simulated ones"


def test_faults_without_a_rate_limit_say_so(campaign: Path, call: Call) -> None:
    done = call("send", campaign, "--sandbox", "--faults")
    assert done.exit_code == 0, done.stderr
    assert "as fast as the server accepts messages" in done.output
    assert "--seed" in done.output


def test_nothing_to_send_is_reported(campaign: Path, call: Call, smtp_server: int) -> None:
    point_at(campaign, smtp_server)
    assert call("send", campaign, "--yes").exit_code == 0
    again = call("send", campaign, "--yes", "--json")
    assert again.exit_code == 0
    assert "Nothing to send: all recipients are done." in again.output
    assert json.loads(again.stdout)["states"]["sent"] == 3


def test_rejected_recipients_are_retried_only_on_demand(campaign: Path, call: Call) -> None:
    refusal = Rule(
        When(Stage.RCPT, recipient="bob@*", times=1), (Reply(550, "5.1.1 No such user"),)
    )
    with serve(refusal) as server:
        point_at(campaign, server.port)
        first = call("send", campaign, "--yes", "--json")
        assert first.exit_code == 5
        assert json.loads(first.stdout)["states"]["rejected"] == 1
        commands = server.commands()
        plain = call("send", campaign, "--yes", "--json")
        assert plain.exit_code == 5
        assert json.loads(plain.stdout)["states"]["rejected"] == 1
        assert server.commands() == commands, "a plain send does not even connect"
        retried = call("send", campaign, "--yes", "--retry", "rejected", "--json")
        assert retried.exit_code == 0, retried.stderr
        assert json.loads(retried.stdout)["states"] == {**dict.fromkeys(STATES, 0), "sent": 3}
    wrong = call("send", campaign, "--yes", "--retry", "sent")
    assert wrong.exit_code == 2


def test_deferred_recipients_are_due_at_once_on_demand(campaign: Path, call: Call) -> None:
    rules = (
        Rule(When(Stage.RCPT, recipient="bob@*", times=1), (Reply(450, "4.2.1 Later"),)),
        Rule(When(Stage.RCPT, recipient="zoe@*", times=1), (Reply(550, "5.1.1 No"),)),
    )
    with serve(*rules) as server:
        point_at(campaign, server.port)
        wait = ("--yes", "--json", "--wait", "0 minutes")
        first = call("send", campaign, *wait)
        assert json.loads(first.stdout)["states"]["deferred"] == 1
        assert json.loads(call("send", campaign, *wait).stdout)["states"]["deferred"] == 1
        retried = call("send", campaign, *wait, "--retry", "rejected", "--retry", "deferred")
        assert retried.exit_code == 0, retried.stderr
        assert "again      1 deferred, 1 rejected" in retried.stderr
        assert json.loads(retried.stdout)["states"]["sent"] == 3


# -- signals --------------------------------------------------------------------------------------


class Waiting:
    """A server that answers the end of data only on demand."""

    def __init__(self) -> None:
        self.arrived = threading.Event()
        self._answer = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self._loop = asyncio.get_running_loop()
        self.arrived.set()
        await self._answer.wait()
        return "250 2.0.0 OK"

    def answer(self) -> None:
        """Let the message be taken, and all further ones."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._answer.set)


@pytest.fixture
def waiting(campaign: Path) -> Iterator[Waiting]:
    """The campaign's server; the rate leaves no time for a second message."""
    handler = Waiting()
    controller = Controller(handler, hostname="127.0.0.1", port=servers.free_port())
    controller.start()
    point_at(campaign, controller.port)
    with (campaign / "campaign.toml").open("a") as file:
        file.write('[delivery]\nrate = "1/hour"\n')
    yield handler
    controller.stop()


def started(campaign: Path) -> subprocess.Popen[str]:
    """A running `send`, of which standard output is to be one JSON document."""
    return subprocess.Popen(
        [sys.executable, "-m", "mailmerge", "send", str(campaign), "--yes", "--json"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def line_with(process: subprocess.Popen[str], words: str) -> str:
    """Read standard error up to the line with these words."""
    assert process.stderr is not None
    return next(line for line in process.stderr if words in line)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_finishes_messages_in_flight(
    campaign: Path, waiting: Waiting, number: signal.Signals
) -> None:
    with started(campaign) as process:
        assert waiting.arrived.wait(60)
        process.send_signal(number)
        assert "press Ctrl-C again" in line_with(process, "stopping: finishing")
        waiting.answer()
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    states = json.loads(out)["states"]
    assert (states["sent"], states["pending"], states["in_doubt"]) == (1, 2, 0)
    assert "error: stopped; 2 recipients remaining" in err


def test_a_second_signal_abandons_messages_in_flight(campaign: Path, waiting: Waiting) -> None:
    with started(campaign) as process:
        assert waiting.arrived.wait(60)
        process.send_signal(signal.SIGINT)
        line_with(process, "stopping: finishing")
        process.send_signal(signal.SIGINT)
        line_with(process, "stopping: giving up")
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    states = json.loads(out)["states"]
    assert (states["sent"], states["pending"], states["in_doubt"]) == (0, 2, 1)
    assert "error: stopped; 2 recipients remaining" in err


def test_send_goes_on_after_a_sample(call: Call, campaign: Path) -> None:
    rows = "".join(f"u{n}@example.org,U{n}\n" for n in range(60))
    (campaign / "recipients.csv").write_text("email,name\n" + rows)
    first = json.loads(call("send", campaign, "--sandbox", "--percent", "20", "--json").stdout)
    sent = first["states"]["sent"]
    assert 3 < sent < 30
    again = json.loads(call("send", campaign, "--sandbox", "--percent", "20", "--json").stdout)
    assert again["states"]["sent"] == sent
    done = json.loads(call("send", campaign, "--sandbox", "--percent", "100", "--json").stdout)
    assert done["states"]["sent"] == 60
    assert call("send", campaign, "--sandbox", "--percent", "0").exit_code == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--limit", "0"], "Nothing to send: --limit is 0."),
        (["--only", "ann@x-firma.de"], "Nothing to send: all selected recipients are done."),
    ],
)
def test_a_send_without_recipients_says_why(
    campaign: Path, call: Call, smtp_server: int, options: list[str], words: str
) -> None:
    (campaign / "recipients.csv").write_text("email,name\nann@x-firma.de,Ann\n")
    file = campaign / "campaign.toml"
    text = file.read_text().replace("news@example.org", "news@x-firma.de")
    server = f'[smtp]\nhost = "127.0.0.1"\nport = {smtp_server}\nsecurity = "none"\n'
    file.write_text(text + server)
    assert call("send", campaign, "--yes").exit_code == 0
    assert words in call("send", campaign, "--yes", *options).stdout


def test_send_at_checks_twice_and_says_what_changed(
    campaign: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait_until(at: float) -> None:
        with (campaign / "recipients.csv").open("a") as file:
            file.write("new@example.org,New\n")

    monkeypatch.setattr("mailmerge.cli.at.wait_until", wait_until)
    done = call("send", campaign, "--sandbox", "--at", "2099-01-01 09:00", "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["states"]["sent"] == 4
    assert "Sending " in done.stderr
    assert "Changed since the first check: 1 recipient more (first in row 5)." in done.stderr
    assert done.stderr.count("Checked ") == 2


def test_send_at_refuses_standard_input(campaign: Path, call: Call) -> None:
    text = (campaign / "campaign.toml").read_text()
    (campaign / "campaign.toml").write_text(text + '[recipients]\nfile = "-"\n')
    done = call("send", campaign, "--sandbox", "--at", "2099-01-01 09:00", input="email\n")
    assert done.exit_code == 2
    assert "--at reads the recipients twice" in done.stderr


def test_send_at_waits_before_a_real_server_is_asked(
    campaign: Path, call: Call, monkeypatch: pytest.MonkeyPatch, smtp_server: int
) -> None:
    with (campaign / "campaign.toml").open("a") as file:
        file.write(f'[smtp]\nhost = "127.0.0.1"\nport = {smtp_server}\nsecurity = "none"\n')

    def wait_until(at: float) -> None:
        with (campaign / "campaign.toml").open("a") as file:
            file.write('local_name = "here.example.org"\n')

    monkeypatch.setattr("mailmerge.cli.at.wait_until", wait_until)
    done = call("send", campaign, "--yes", "--at", "2099-01-01 09:00", "--json")
    assert json.loads(done.stdout)["states"]["sent"] == 3
