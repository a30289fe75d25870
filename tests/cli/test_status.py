"""mailmerge status: the table, the reasons, the exports, and a send that goes on meanwhile."""

from __future__ import annotations

import csv
import importlib
import json
from pathlib import Path

import pytest

from mailmerge.ledger.ledger import Ledger
from mailmerge.ledger.states import State, Transition, claim_transition
from mailmerge.messages import message_ids
from mailmerge.settings import load_settings
from tests.cli.conftest import Call
from tests.engine.driver import make_recipients
from tests.scripted_server import Reply, Rule, Stage, When, serve

command = importlib.import_module(
    "mailmerge.cli.status"
)  # the package has the function of that name

NOW = 1_795_400_000.0
REPLIES = {
    State.SENT: "250 2.0.0 Ok",
    State.REJECTED: "550 5.1.1 <u1@example.org>: Recipient address rejected: no such user here",
    State.DEFERRED: "450 4.7.1 Greylisted",
    State.IN_DOUBT: "the connection was lost",
}


def open_ledger(folder: Path, name: str = "ledger") -> Ledger:
    return Ledger.of(load_settings(folder), name)


def send(ledger: Ledger, folder: Path, *outcomes: State, recipients: int = 5) -> None:
    """Give the first recipients these outcomes."""
    campaign = load_settings(folder)
    store = ledger.store(campaign.name, message_ids(campaign))
    store.enrol(make_recipients(recipients), "f")
    for one, state in zip(store.claim("w", len(outcomes), NOW), outcomes, strict=True):
        store.apply([claim_transition(one, State.SENDING, NOW)])
        doubts = int(state is State.IN_DOUBT)
        store.apply([Transition(one.id, state, NOW, 1, doubts, None, "content", REPLIES[state])])
    store.note_run(8.0, 2.5)
    store.flush()


@pytest.fixture
def sent(campaign: Path) -> Path:
    """A campaign with one recipient in each state, and one left."""
    with open_ledger(campaign) as ledger:
        send(ledger, campaign, *REPLIES)
    return campaign


def test_states_and_reasons_are_shown(call: Call, sent: Path) -> None:
    done = call("status", sent, env={"COLUMNS": "80"})
    assert done.exit_code == 0
    shown = done.stdout.splitlines()
    assert shown[:6] == [
        "1  pending   not sent yet",
        "1  sent      accepted by the server",
        "1  rejected  refused for good",
        "1  deferred  refused for now; the next send tries again",
        "1  in_doubt  may have arrived (docs/delivery.md says what to do)",
        "5  total",
    ]
    assert shown[6:9] == [
        "",
        "Not reached:",
        "  row 3  u1@example.org  rejected  Person 1",
    ]
    assert "      550 5.1.1 <u1@example.org>: Recipient address rejected" in done.stdout
    assert "  row 5  u3@example.org  in_doubt  Person 3" in shown
    assert "1 x 450 4.7.1 Greylisted" in shown
    assert max(map(len, shown)) <= 80


@pytest.mark.parametrize(
    "smtp", ['provider = "microsoft365"', 'host = "smtp.office365.com"', 'provider = "unknown"']
)
def test_reply_is_explained_as_its_service_means_it(call: Call, campaign: Path, smtp: str) -> None:
    """A service has several names, and a host says it as well."""
    file = campaign / "campaign.toml"
    file.write_text(f"{file.read_text()}[smtp]\n{smtp}\n")
    with open_ledger(campaign) as ledger:
        store = ledger.store("spring", lambda _, key: key)
        store.enrol(make_recipients(1), "f")
        [one] = store.claim("w", 1, NOW)
        reply = "550 5.2.251 The sender is throttled"
        store.apply([Transition(one.id, State.REJECTED, NOW, 1, reply=reply)])
    done = call("status", campaign)
    assert done.exit_code == 0
    assert ("Microsoft slows this mailbox down" in done.stdout) == ("unknown" not in smtp)


def test_a_servers_reply_cannot_control_the_terminal(call: Call, campaign: Path) -> None:
    with open_ledger(campaign) as ledger:
        store = ledger.store("spring", lambda _, key: key)
        store.enrol(make_recipients(1), "f")
        [one] = store.claim("w", 1, NOW)
        reply = "550 5.1.1 \x1b[31mred\u202e"
        store.apply([Transition(one.id, State.REJECTED, NOW, 1, reply=reply)])
    shown = call("status", campaign).stdout
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert shown.count("550 5.1.1") == 2


def test_a_long_list_names_the_option_for_all(call: Call, campaign: Path) -> None:
    with open_ledger(campaign) as ledger:
        send(ledger, campaign, *[State.REJECTED] * 21, recipients=21)
    shown = call("status", campaign).stdout
    assert shown.count("  row ") == 20
    assert "... and more: --export FILE.csv lists all of them" in shown


def test_the_document_has_states_and_seconds(call: Call, sent: Path) -> None:
    document = json.loads(call("status", sent, "--json").stdout)
    assert document == {
        "campaign": "spring",
        "total": 5,
        "states": {
            "pending": 1,
            "sent": 1,
            "rejected": 1,
            "deferred": 1,
            "in_doubt": 1,
            "skipped": 0,
        },
        "after": {
            "bounced": 0,
            "complained": 0,
            "unsubscribed": 0,
            "answered": 0,
            "auto_replied": 0,
        },
        "seconds": 8.0,
        "check_seconds": 2.5,
        "sending": "",
    }


def test_before_the_first_send_every_recipient_is_pending(call: Call, campaign: Path) -> None:
    done = call("status", campaign, "--json")
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    assert (document["total"], document["states"]["pending"]) == (3, 3)
    assert not (campaign / ".mailmerge").exists()


def test_an_unsent_campaign_says_so(call: Call, campaign: Path) -> None:
    done = call("status", campaign)
    assert done.exit_code == 0
    shown = done.stdout.splitlines()
    assert shown[:3] == ["Nothing has been sent yet.", "", "3  pending   not sent yet"]
    assert "sandbox" not in done.stdout


def test_an_unsent_campaign_is_exported_as_pending(
    call: Call, campaign: Path, tmp_path: Path
) -> None:
    out = tmp_path / "all.csv"
    assert f"Wrote 3 recipients to {out}" in call("status", campaign, "--export", out).stderr
    with out.open(encoding="utf-8-sig", newline="") as file:
        assert [row["status"] for row in csv.DictReader(file)] == ["pending"] * 3


def test_id_of_the_server_is_in_every_report(call: Call, campaign: Path, tmp_path: Path) -> None:
    """Outlook.com and Microsoft 365 replace the Message-ID, and their reply names the new one."""
    new = "<AM0PR10MB1234@AM0PR10MB1234.EURPRD10.PROD.OUTLOOK.COM>"
    reply = f"2.0.0 OK {new} [Hostname=AM0PR10MB1234.EURPRD10.PROD.OUTLOOK.COM]"
    rules = (
        Rule(When(Stage.RCPT, transaction=1), (Reply(550, "5.1.1 No such user"),)),
        Rule(When(Stage.END_OF_DATA), (Reply(250, reply),)),
    )
    log, out = tmp_path / "log.jsonl", tmp_path / "all.csv"
    with serve(*rules) as server:
        file = campaign / "campaign.toml"
        smtp = f'[smtp]\nhost = "127.0.0.1"\nport = {server.port}\n'
        file.write_text(file.read_text() + smtp)
        call("send", campaign, "--yes", "--log-json", log)
    call("status", campaign, "--export", out)
    with out.open(encoding="utf-8-sig", newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [row["server_id"] for row in rows] == [new, "", new]
    assert all(row["message-id"] not in ("", new) for row in rows)
    assert json.loads(call("status", campaign, "--json").stdout)["server_ids"] == 2
    events = [json.loads(line) for line in log.read_text().splitlines()]
    ids = {one["row"]: one["server_id"] for one in events if one["event"] == "outcome"}
    assert ids == {2: new, 3: "", 4: new}


def test_an_existing_file_is_replaced_only_by_force(call: Call, sent: Path, tmp_path: Path) -> None:
    out = tmp_path / "all.csv"
    out.write_text("precious")
    for option in ("--export", "--failed"):
        refused = call("status", sent, option, out)
        assert refused.exit_code == 2
        assert "all.csv exists already (choose another name, or add --force" in refused.stderr
        assert out.read_text() == "precious"
    assert call("status", sent, "--export", out, "--force").exit_code == 0
    assert "sent" in out.read_text(encoding="utf-8-sig")


def test_the_campaigns_spreadsheet_is_never_replaced(call: Call, sent: Path) -> None:
    source = sent / "recipients.csv"
    before = source.read_bytes()
    refused = call("status", sent, "--export", source, "--force")
    assert "the campaign's own spreadsheet" in refused.stderr
    assert source.read_bytes() == before


def test_both_exports_are_written(call: Call, sent: Path, tmp_path: Path) -> None:
    every, failed = tmp_path / "all.csv", tmp_path / "failed.csv"
    done = call("status", sent, "--export", every, "--failed", failed)
    assert f"Wrote 5 recipients to {every}" in done.stderr
    assert f"Wrote 2 recipients to {failed}" in done.stderr
    with every.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == [*REPLIES, "pending"]
    with failed.open(encoding="utf-8-sig", newline="") as file:
        reasons = [row["mailmerge reason"] for row in csv.DictReader(file)]
    assert reasons == [REPLIES[State.REJECTED], REPLIES[State.DEFERRED]]
    assert done.stdout == ""


def test_the_sandbox_has_a_ledger_of_its_own(call: Call, campaign: Path) -> None:
    with open_ledger(campaign, "sandbox") as ledger:
        send(ledger, campaign, State.SENT)
    assert "There was a sandbox run: --sandbox shows it." in call("status", campaign).stdout
    assert "1  sent" in call("status", campaign, "--sandbox").stdout


def test_a_running_send_is_named(call: Call, campaign: Path) -> None:
    with open_ledger(campaign) as ledger:
        send(ledger, campaign, State.SENT)
        assert "A send is running: process " in call("status", campaign).stdout
        document = json.loads(call("status", campaign, "--json").stdout)
        assert document["sending"].startswith("process ")


def test_watching_ends_with_the_send(
    call: Call, campaign: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = open_ledger(campaign)
    send(ledger, campaign, State.SENT)
    waits = list[float]()

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            ledger.close()

    monkeypatch.setattr(command.time, "sleep", wait)
    shown = call("status", campaign, "--watch").stdout
    assert waits == [1.0, 1.0]
    assert shown.count("1  sent") == 3
    assert shown.count("A send is running") == 2


def test_outcomes_by_a_column_are_shown(call: Call, campaign: Path) -> None:
    planned = call("status", campaign, "--by", "NAME")
    assert planned.exit_code == 0
    assert "Zoé" in planned.stdout
    document = json.loads(call("status", campaign, "--by", "name", "--json").stdout)
    assert document["by"]["column"] == "name"
    assert [one["value"] for one in document["by"]["values"]] == ["Ann", "Bob", "Zoé"]
    assert call("status", campaign, "--by", "nmae").exit_code == 2


def test_outcomes_of_a_run_are_shown_by_a_column(call: Call, sent: Path) -> None:
    document = json.loads(call("status", sent, "--by", "email", "--json").stdout)
    assert sum(one["states"]["sent"] for one in document["by"]["values"]) == 1
    assert call("status", sent, "--by", "email").exit_code == 0


def test_status_says_which_rows_not_in_leaves_out(campaign: Path, call: Call) -> None:
    other = campaign.parent / "november"
    other.mkdir()
    (other / "campaign.toml").write_text(
        '[message]\nfrom = "a@example.org"\nsubject = "s"\ntext = "b.txt"\n'
    )
    toml = campaign / "campaign.toml"
    text = toml.read_text()
    key = 'not_in = "../november"\n'
    if "[recipients]" in text:
        toml.write_text(text.replace("[recipients]\n", f"[recipients]\n{key}"))
    else:
        toml.write_text(f"{text}\n[recipients]\n{key}")
    assert '0 already sent "november"' in call("status", campaign).stdout
    assert json.loads(call("status", campaign, "--json").stdout)["sent_before"] == {"november": 0}
