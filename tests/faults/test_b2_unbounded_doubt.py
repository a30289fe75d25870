"""A server that takes each message and never replies cannot put every recipient in doubt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mailmerge.engine.summary import Summary
from mailmerge.ledger.states import State
from tests.campaign_folder import make_campaign_folder
from tests.engine.driver import compare, make_campaign, make_recipients, make_run
from tests.ledgers import open_store
from tests.scripted_server import (
    Accept,
    Action,
    Close,
    Endless,
    Reply,
    Rule,
    ScriptedServer,
    Send,
    Stage,
    Usual,
    When,
    serve,
)


def send(folder: Path, server: ScriptedServer, recipients: int, **asked: Any) -> Summary:
    campaign = make_campaign(folder)
    with open_store(campaign) as store:
        store.enrol(make_recipients(recipients), campaign.fingerprint())
        summary = make_run(campaign, store, server.port, **asked).execute()
    found = compare(campaign, server)
    found.check(recipients)
    found.check_once()
    return summary


NO_REPLY: dict[str, tuple[Action, ...]] = {
    "closed": (Accept(), Close()),
    "endless": (Accept(), Endless(b"250-more and more\r\n"), Close()),
    "garbage": (Accept(), Send(b"this is not SMTP\r\n"), Close()),
    "half": (Accept(), Send(b"25"), Close()),
}


@pytest.mark.parametrize(("connections", "window"), [(1, 1), (4, 1), (1, 64), (2, 8)])
@pytest.mark.parametrize("what", NO_REPLY)
def test_three_lost_connections_in_a_row_stop_the_run(
    tmp_path: Path, what: str, connections: int, window: int
) -> None:
    with serve(Rule(When(Stage.END_OF_DATA), NO_REPLY[what])) as server:
        summary = send(tmp_path, server, 600, connections=connections, window=window)
    assert summary.error is not None
    assert summary.error.problem.code == "doubts"
    assert 3 <= summary.states[State.IN_DOUBT] <= 3 * connections * window
    assert summary.states[State.PENDING] + summary.states[State.DEFERRED] >= 600 - 192


def losses(*places: int) -> list[Rule]:
    """Rules that lose each connection at one of these messages, in turn."""
    return [
        Rule(
            When(Stage.END_OF_DATA, connection=number, transaction=places[number % len(places)]),
            (Accept(), Close()),
        )
        for number in range(100)
    ]


@pytest.mark.parametrize("sent_before", [1, 2, 5])
def test_messages_sent_in_between_do_not_hide_the_doubt(tmp_path: Path, sent_before: int) -> None:
    """Each connection carries a few messages, and takes the next one without a reply.

    Their number changes, so that the client cannot learn it and end connections before it.
    """
    with serve(*losses(sent_before, sent_before + 1, sent_before + 2)) as server:
        summary = send(tmp_path, server, 400)
    assert summary.error is not None
    assert summary.error.problem.code == "doubts"
    assert summary.states[State.IN_DOUBT] <= 20


def test_three_in_four_in_doubt_stop_the_run(tmp_path: Path) -> None:
    rules = (
        Rule(When(Stage.END_OF_DATA, recipient="u*[048]@*"), (Usual(),)),
        Rule(When(Stage.END_OF_DATA), (Accept(), Close())),
    )
    with serve(*rules) as server:
        summary = send(tmp_path, server, 400)
    assert summary.error is not None
    assert summary.states[State.IN_DOUBT] <= 20


def test_rare_losses_do_not_stop_the_run(tmp_path: Path) -> None:
    with serve(*losses(48, 49, 50, 51, 52)) as server:
        summary = send(tmp_path, server, 1000, connections=2)
    assert summary.states[State.SENT] + summary.states[State.IN_DOUBT] == 1000
    assert summary.states[State.IN_DOUBT] >= 10


def test_restart_of_the_server_does_not_stop_the_run(tmp_path: Path) -> None:
    """Eight connections are lost at once, each with a message in doubt."""
    lost = Rule(When(Stage.END_OF_DATA, connection=(0, 8), transaction=3), (Accept(), Close()))
    with serve(lost) as server:
        summary = send(tmp_path, server, 400, connections=8)
    assert summary.states[State.PENDING] == 0
    assert 1 <= summary.states[State.IN_DOUBT] <= 8


def test_user_reads_what_to_do(tmp_path: Path) -> None:
    with serve(Rule(When(Stage.END_OF_DATA), (Accept(), Close()))) as server:
        folder = make_campaign_folder(tmp_path / "spring", port=server.port)
        rows = (f"u{number}@x-firma.de,{number}\n" for number in range(50))
        folder.recipients("email,name\n" + "".join(rows))
        done = folder.run("send", "--yes", "--json")
    assert done.status == 75
    assert "3 connections in a row ended without a reply to the end of a message" in done.err
    assert "look in the server's log" in done.err
    assert json.loads(done.out)["states"]["in_doubt"] == 3


def test_refused_resend_is_no_new_doubt(tmp_path: Path) -> None:
    """A recipient in doubt that is refused stays in doubt, and its connection is not lost."""
    taken = Rule(When(Stage.END_OF_DATA, connection=(0, 3)), (Accept(), Close()))
    refused = Rule(When(Stage.RCPT, connection=(3, 99)), (Reply(550, "5.1.1 No such user"),))
    campaign = make_campaign(tmp_path)
    with serve(taken, refused) as server, open_store(campaign) as store:
        store.enrol(make_recipients(3), campaign.fingerprint())
        make_run(campaign, store, server.port).execute()
        summary = make_run(campaign, store, server.port, in_doubt="resend").execute()
    assert summary.states[State.IN_DOUBT] == 3
    assert summary.error is not None
    assert summary.error.problem.code == "not-all-reached"
