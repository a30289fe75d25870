"""Events as values, as JSON lines and in the log, and the events of whole runs."""

from __future__ import annotations

import json
import logging
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from mailmerge.engine.events import (
    Began,
    Closed,
    Deferred,
    DeliveryEvent,
    Ended,
    Event,
    EventLog,
    InDoubt,
    Opened,
    Recovered,
    Rejected,
    Sent,
    Skipped,
    Slowed,
    Waiting,
    delivery_event,
    to_json,
)
from mailmerge.engine.summary import Summary
from mailmerge.errors import CampaignError, RunStopped
from mailmerge.ledger.states import Delivery, State, Transition
from mailmerge.recipients.address import parse_mailbox
from mailmerge.settings import Settings
from tests.engine.clocks import START
from tests.engine.test_run import send
from tests.platforms import assert_private
from tests.scripted_server import Close, Reply, Rule, Sleep, Stage, Usual, When, serve

MAILBOX = parse_mailbox("u1@example.org")
DELIVERY = Delivery(7, "key-1", 3, MAILBOX, {}, State.CLAIMED, message_id="<1@example.org>")


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (State.SENT, Sent),
        (State.REJECTED, Rejected),
        (State.DEFERRED, Deferred),
        (State.IN_DOUBT, InDoubt),
        (State.SKIPPED, Skipped),
    ],
)
def test_recorded_outcome_becomes_an_event_of_its_kind(
    state: State, kind: type[DeliveryEvent]
) -> None:
    transition = Transition(7, state, START, stage="content", reply="250 Ok")
    event = delivery_event(DELIVERY, transition)
    assert type(event) is kind
    assert event == kind(
        START, 3, "key-1", "u1@example.org", "content", "250 Ok", "<1@example.org>"
    )
    document = to_json(event)
    assert (document["event"], document["state"]) == ("outcome", state.value)


def test_each_event_has_its_json_fields() -> None:
    """The fields of docs/delivery.md."""
    counts = {State.SENT.value: 2}
    outcome = Sent(START, 3, "key-1", "u1@example.org", "content", "250 Ok", "<1@example.org>")
    events: list[Event] = [
        Began(START, "kept", 2, 1),
        Opened(START, 0, "mail.example.org port 25"),
        Closed(START, 0, 2, "gone"),
        outcome,
        Slowed(START, "421 Busy", 600.0, None),
        Recovered(START),
        Waiting(START, "a connection: gone"),
        Ended(START, Summary("kept", counts, sent=1, seconds=1.0, check_seconds=0.5)),
    ]
    documents = [to_json(one) for one in events]
    assert [{*one} - {"event", "at"} for one in documents] == [
        {"campaign", "to_send", "connections"},
        {"connection", "server"},
        {"connection", "messages", "reason"},
        {"row", "key", "address", "state", "stage", "reply", "message_id", "server_id"},
        {"reply", "seconds", "per_second"},
        set(),
        {"what"},
        {"sent", "campaign", "total", "states", "seconds", "check_seconds"},
    ]
    assert [one["event"] for one in documents] == [
        "began", "opened", "closed", "outcome", "slowed", "recovered", "waits", "ended",
    ]  # fmt: skip
    assert documents[3]["row"] == 3
    assert documents[7]["sent"] == 1
    assert documents[7]["total"] == 2
    assert json.loads(json.dumps(documents)) == documents


def test_time_of_an_event_has_its_offset() -> None:
    at = to_json(Waiting(0.25, "x"))["at"]
    assert at.startswith(("1970-01-01T", "1969-12-31T"))
    assert ".250" in at
    assert at[-6] in "+-"


def lines_of(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_log_file_is_private_and_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    for number in range(2):
        with EventLog(path) as log:
            log(Waiting(0.0, f"für {number}\n\ud800"))
    assert [one["what"][:5] for one in lines_of(path)] == ["für 0", "für 1"]
    assert_private(path)


def test_lines_of_several_threads_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with EventLog(path) as log:
        events = [Waiting(0.0, "y" * 9999)] * 4
        threads = [threading.Thread(target=lambda: [*map(log, events)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(lines_of(path)) == 16


def test_log_file_that_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match=r"--log-json: .*No such file"):
        EventLog(tmp_path / "nowhere" / "log.jsonl")


def test_slowed_and_interrupted_run_has_every_event(campaign: Settings) -> None:
    seen: list[Event] = []
    leaving = Rule(When(Stage.END_OF_DATA, times=1), (Reply(421, "4.3.2 Bye"), Close()))
    gone = Rule(When(Stage.GREETING, connection=1), (Close(),))
    full = Rule(When(Stage.END_OF_DATA, times=10), (Reply(452, "4.3.1 No space"),))
    with serve(leaving, gone, full) as server:
        send(campaign, server, 14, listener=seen.append)
    kinds = [type(one) for one in seen]
    assert kinds[:5] == [Began, Opened, Closed, Waiting, Opened]
    first = kinds.index(Slowed)
    assert set(kinds[5:first]) == {Deferred}
    assert first >= 5 + 6, "the speed is not known yet"
    assert kinds[-2:] == [Closed, Ended]
    assert kinds.count(Opened) == kinds.count(Closed) == 2
    slowed = seen[first]
    assert isinstance(slowed, Slowed)
    assert (slowed.reply, slowed.seconds) == ("452 4.3.1 No space", 0.0)
    assert slowed.per_second is not None
    reasons = [one.reason for one in seen if isinstance(one, Closed)]
    assert reasons[0]
    assert reasons[1] == ""
    assert any("a connection: " in one.what for one in seen if isinstance(one, Waiting))
    ended = seen[-1]
    assert isinstance(ended, Ended)
    assert to_json(ended)["states"] == {
        "pending": 0, "sent": 4, "rejected": 0, "deferred": 10, "in_doubt": 0, "skipped": 0,
    }  # fmt: skip


def test_log_that_cannot_be_written_stops_the_run(campaign: Settings) -> None:
    def full(event: Event) -> None:
        if isinstance(event, DeliveryEvent):
            raise OSError(28, os.strerror(28))

    slow = Rule(When(Stage.END_OF_DATA), (Sleep(0.01), Usual()))
    with serve(slow) as server:
        summary = send(campaign, server, 60, listener=full)
    assert isinstance(summary.error, RunStopped)
    assert "event log" in str(summary.error)
    assert 1 <= summary.states[State.SENT] <= 3, "the first one, and what was in flight"
    assert summary.states[State.SENT] + summary.states[State.PENDING] == 60


def test_run_writes_to_the_logger_of_the_engine(
    campaign: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """Addresses appear on the level DEBUG only."""
    refused = Rule(When(Stage.RCPT, recipient="u1@*"), (Reply(550, "5.1.1 No such user"),))
    with caplog.at_level(logging.INFO, "mailmerge.engine"), serve(refused) as server:
        send(campaign, server, 3)
    records = [one for one in caplog.records if one.name == "mailmerge.engine"]
    assert [one.levelname for one in records] == ["INFO", "INFO", "INFO", "WARNING"]
    assert "3 recipients" in records[0].message
    assert str(server.port) in records[1].message
    assert "after 3 messages" in records[2].message
    assert "1 rejected" in records[3].message
    assert "u1@" not in caplog.text


def test_log_has_every_delivery_on_the_level_debug(
    campaign: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "mailmerge.engine"), serve() as server:
        send(campaign, server, 3)
    lines = [one.message for one in caplog.records if one.levelname == "DEBUG"]
    assert len(lines) == 3
    assert all("@example.org: sent: 250" in one for one in lines)
