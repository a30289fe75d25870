"""The states of the ledger, as the preview shows them while a run may be going on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailmerge.ledger.states import State
from mailmerge.preview.delivery_states import DeliveryStates, LedgerStates, read_states
from mailmerge.preview.documents import ListQuery, campaign_document, list_document
from mailmerge.preview.message_documents import message_document
from mailmerge.preview.recipient_list import RecipientList, RecipientRow, RowStatus
from mailmerge.preview.session import PreviewSession
from tests.jobs.campaigns import make, send
from tests.preview.campaigns import loaded_session, until
from tests.scripted_server import Reply, Rule, ScriptedServer, Stage, When, serve

NO_WAIT = '[delivery]\nwait = "0 seconds"\n'
RULES = (
    Rule(When(Stage.RCPT, transaction=0), (Reply(550, "5.1.1 No such user"),)),
    Rule(When(Stage.RCPT, transaction=1), (Reply(450, "4.2.0 greylisted"),)),
)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with serve(*RULES) as running:
        yield running


@pytest.fixture
def session(tmp_path: Path, server: ScriptedServer) -> PreviewSession:
    """A session of a campaign that was sent: u0 rejected, u1 deferred, u2 and u3 sent."""
    send(make(tmp_path / "spring", server, NO_WAIT))
    return loaded_session(tmp_path / "spring")


def states(session: PreviewSession, among: str = "all") -> dict[str, str]:
    listed = list_document(session, ListQuery(among=among))["recipients"]
    return {one["name"]: one["state"] for one in listed}


def test_before_the_first_run_no_row_has_a_state(tmp_path: Path) -> None:
    make(tmp_path / "spring")
    session = loaded_session(tmp_path / "spring")
    assert set(states(session).values()) == {""}
    assert campaign_document(session)["deliveries"] == {}
    row = session.snapshot.rows.at_row(2)
    assert row is not None
    assert message_document(session, row, "", "all")["delivery"] is None


def test_the_list_shows_and_filters_states(session: PreviewSession) -> None:
    assert states(session) == {"U0": "rejected", "U1": "deferred", "U2": "sent", "U3": "sent"}
    assert states(session, "sent") == {"U2": "sent", "U3": "sent"}
    assert states(session, "in_doubt") == {}
    counts = campaign_document(session)["deliveries"]
    assert counts == {"sent": 2, "rejected": 1, "deferred": 1}


def test_a_message_has_the_reply_and_its_neighbours_in_the_filter(session: PreviewSession) -> None:
    row = session.snapshot.rows.at_row(2)
    assert row is not None
    document = message_document(session, row, "", "all")
    assert document["delivery"]["state"] == "rejected"
    assert document["delivery"]["reply"] == "550 5.1.1 No such user"
    assert document["delivery"]["at"] > 1_600_000_000_000
    sent = session.snapshot.rows.at_row(4)
    assert sent is not None
    assert message_document(session, sent, "", "sent")["after"] == "u3@example.org"
    assert message_document(session, sent, "", "sent")["before"] is None


def test_an_added_recipient_is_pending(session: PreviewSession) -> None:
    file = session.folder / "recipients.csv"
    file.write_text(file.read_text() + "new@example.org,New\nbroken,Broken\n")
    session.reload()
    session.checks.join()
    assert states(session)["New"] == "pending"
    assert states(session)["Broken"] == ""


def test_a_run_meanwhile_changes_the_states(session: PreviewSession) -> None:
    assert states(session)["U1"] == "deferred"
    with serve() as server:
        make(session.folder, server, NO_WAIT)
        send(make(session.folder, server, NO_WAIT), retry=["deferred"])
    until(lambda: states(session)["U1"] == "sent")


def test_a_damaged_ledger_is_said_and_ends_nothing(session: PreviewSession) -> None:
    (session.folder / ".mailmerge" / "ledger.sqlite").write_bytes(b"no database" * 1000)
    session.reload()
    session.checks.join()
    document = campaign_document(session)
    assert "ledger.sqlite" in document["ledgerError"]
    assert document["deliveries"] == {}
    assert states(session)["U0"] == ""


def test_the_ledger_is_read_at_intervals_and_the_page_asks_again(
    tmp_path: Path, server: ScriptedServer
) -> None:
    campaign = make(tmp_path / "spring", server, NO_WAIT)
    send(campaign)
    asked: list[str] = []
    times = iter([0.0, 0.05, 0.1, 0.11, 9.0, 9.0])
    known = LedgerStates(lambda: asked.append("again"), lambda: next(times))
    first = known.current(campaign.settings)
    assert first.begun
    assert known.current(campaign.settings) is first, "nothing has changed"
    journal = campaign.settings.folder / ".mailmerge" / "ledger-00000099.journal"
    journal.write_bytes(b"x")
    assert known.current(campaign.settings) is first, "too soon"
    assert known.current(campaign.settings) is first, "one timer is enough"
    until(lambda: asked == ["again"])
    journal.unlink()
    journal.with_suffix(".x").write_bytes(b"x")
    later = known.current(campaign.settings)
    assert later is not first
    assert later == first
    known.close()


def test_reading_is_no_change(tmp_path: Path, server: ScriptedServer) -> None:
    """Reading a database creates its log; following that would never end."""
    campaign = make(tmp_path / "spring", server, NO_WAIT)
    send(campaign)
    known = LedgerStates(lambda: None)
    first = known.current(campaign.settings)
    (campaign.settings.folder / ".mailmerge" / "ledger-empty").write_bytes(b"")
    (campaign.settings.folder / ".mailmerge" / "ledger-gone").symlink_to("nowhere")
    assert known.current(campaign.settings) is first


def test_closing_ends_the_notifications(tmp_path: Path, server: ScriptedServer) -> None:
    campaign = make(tmp_path / "spring", server, NO_WAIT)
    send(campaign)
    asked: list[str] = []
    times = iter([0.0, 100.0, 100.0])
    known = LedgerStates(lambda: asked.append("again"), lambda: next(times))
    known.current(campaign.settings)
    (campaign.settings.folder / ".mailmerge" / "ledger-x").write_bytes(b"x")
    known.current(campaign.settings)
    known.close()
    assert asked == []


def test_without_a_campaign_there_are_no_states() -> None:
    assert LedgerStates(lambda: None).current(None) == DeliveryStates()


def test_a_missing_folder_has_no_states(tmp_path: Path) -> None:
    campaign = make(tmp_path / "spring").settings
    assert read_states(campaign) == DeliveryStates()
    assert LedgerStates(lambda: None).current(campaign) == DeliveryStates()


def test_rows_that_get_no_message_are_not_counted() -> None:
    rows = RecipientList(
        ("email",),
        [
            RecipientRow("a", 2, "", ("a",), None),
            RecipientRow("b", 3, "", ("b",), None, RowStatus.DUPLICATE),
        ],
    )
    found = DeliveryStates(begun=True)
    assert found.counts(rows) == {"pending": 1}
    assert found.rows_in(State.PENDING, rows) == [2]
