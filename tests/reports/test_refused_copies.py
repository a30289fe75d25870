"""Refused copies in the status, in exports and in the summary; a test message has no copies."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from mailmerge.campaign import Campaign
from mailmerge.engine.redirect import Redirect
from mailmerge.engine.summary import Summary
from mailmerge.ledger.refused_copies import RefusedCopy
from mailmerge.ledger.states import Standing, State, reported
from mailmerge.messages import TransactionFactory
from mailmerge.recipients.address import parse_mailbox
from mailmerge.recipients.collection import read_recipients
from mailmerge.reports.export import export
from mailmerge.reports.status import status_document, without_all_copies
from mailmerge.settings import Settings
from tests.engine.driver import make_campaign
from tests.ledger.steps import claim, finish
from tests.ledgers import open_store, read_ledger


@pytest.fixture
def campaign(tmp_path: Path) -> Settings:
    return make_campaign(tmp_path / "campaign")


BOSS = RefusedCopy("boss@example.org", "550 5.1.1 no such user")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_export_has_a_column_if_copies_were_refused(campaign: Settings, tmp_path: Path) -> None:
    with open_store(campaign) as store:
        one, two = claim(store, 2)
        finish(store, one, State.SENT)
        export(store, tmp_path / "before.csv")
        finish(store, two, State.SENT, copies_refused=(BOSS,))
        export(store, tmp_path / "after.csv")
        assert [one.key for one in without_all_copies(store.iterate(), 5)] == ["u1@example.org"]
    assert "copies_refused" not in rows_of(tmp_path / "before.csv")[0]
    assert [row["copies_refused"] for row in rows_of(tmp_path / "after.csv")] == [
        "",
        "boss@example.org: 550 5.1.1 no such user",
    ]
    standing = read_ledger(campaign).standing()
    assert status_document("c", standing)["copies_refused"] == 1
    assert "copies_refused" not in status_document("c", Standing(reported({})))


def test_summary_counts_refused_copies() -> None:
    assert Summary("c", {}, 0, 0.0, 0.0, copies_refused=2).to_json()["copies_refused"] == 2
    assert "copies_refused" not in Summary("c", {}, 0, 0.0, 0.0).to_json()


def test_a_test_message_has_no_copies() -> None:
    made = Campaign(
        name="c", sender="news@example.org", subject="Hello", text="Hello",
        cc="boss@example.org", bcc="kept@example.org",
    )  # fmt: skip
    redirect = Redirect([parse_mailbox("me@example.net")])
    [copy] = redirect.recipients(read_recipients([{"email": "ann@example.org"}]))
    factory = redirect.messages(made.messages)
    message = factory.sample(copy)
    assert message.content.copies.mailboxes == ()
    assert b"boss" not in bytes(message)
    assert not factory.has_copies
    assert TransactionFactory(factory).further is None
    real = TransactionFactory(made.messages)
    assert real.further is not None


def test_a_message_that_cannot_be_made_has_no_further_recipients(campaign: Settings) -> None:
    made = Campaign(name="c", sender="n@example.org", subject="x", text="x", cc="nobody")
    with open_store(campaign) as store:
        [one] = claim(store, 1)
        further = TransactionFactory(made.messages).further
        assert further is not None
        assert further(one) == ()
