"""Messages that the server cannot take are settled at once, and the run does not stand still."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.ledger.states import State
from mailmerge.recipients.address import parse_mailbox
from mailmerge.recipients.audience import Recipient
from mailmerge.settings import Settings
from mailmerge.smtp import Client, Envelope, Server, Transaction, Verdict
from tests.engine.clocks import Clock
from tests.engine.driver import make_campaign, make_recipients, make_run
from tests.ledgers import open_store
from tests.scripted_server import Offer, serve

SMALL = Offer(size=1000)
WITHOUT_UTF8 = Offer(smtputf8=False)


def make_big(folder: Path) -> Settings:
    """A campaign whose message is large for every second recipient."""
    campaign = make_campaign(folder)
    (folder / "body.txt").write_text("Dear {{ name }}, {{ email }}\n{{ more }}\n")
    return campaign


def recipients(count: int) -> list[Recipient]:
    more = ("x" * 70 + "\n") * 40
    return [
        Recipient(one.row, {**one.cells, "more": more if number % 2 else ""}, one.mailbox, one.key)
        for number, one in enumerate(make_recipients(count))
    ]


@pytest.mark.parametrize("window", [1, 8])
@pytest.mark.parametrize("offer", [SMALL, Offer(size=1000, pipelining=False, chunking=False)])
def test_run_does_not_stand_still(tmp_path: Path, offer: Offer, window: int) -> None:
    """The clock of this run stands still, so a connection that waits to be idle never ends."""
    campaign = make_big(tmp_path)
    with serve(offer=offer) as server, open_store(campaign) as store:
        store.enrol(recipients(60), campaign.fingerprint())
        run = make_run(campaign, store, server.port, clock=Clock(), window=window)
        summary = run.execute()
        assert server.connections == 1
    assert (summary.states[State.SENT], summary.states[State.REJECTED]) == (30, 30)
    assert summary.seconds == 0.0


def test_all_refused_on_this_side_end_the_run(tmp_path: Path) -> None:
    campaign = make_campaign(tmp_path)
    mailboxes = [parse_mailbox(f"\u00fc{number}@example.org") for number in range(20)]
    rows = [
        Recipient(number + 2, {"name": "", "email": one.address}, one, one.identity)
        for number, one in enumerate(mailboxes)
    ]
    with serve(offer=WITHOUT_UTF8) as server, open_store(campaign) as store:
        store.enrol(rows, campaign.fingerprint())
        summary = make_run(campaign, store, server.port, clock=Clock()).execute()
        assert server.connections == 1
    assert summary.states[State.REJECTED] == 20
    assert summary.seconds == 0.0


@pytest.mark.parametrize(
    ("offer", "path", "content"),
    [
        (SMALL, "u@example.org", b"Subject: x\r\n\r\n" + b"x\r\n" * 700),
        (WITHOUT_UTF8, "\u00fc@example.org", b"Subject: x\r\n\r\nx\r\n"),
        (Offer(eightbitmime=False), "u@example.org", b"Subject: x\r\n\r\n\xc3\xbc\r\n"),
    ],
)
def test_outcome_is_in_flight_until_wait_returns_it(
    offer: Offer, path: str, content: bytes
) -> None:
    with serve(offer=offer) as server:
        client = Client(Server("127.0.0.1", server.port, "none"))
        client.open()
        utf8 = not path.isascii()
        envelope = Envelope("news@example.org", (path,), smtputf8=utf8)
        client.submit(Transaction(1, envelope, (content,)))
        assert (client.in_flight, client.ready) == (1, 1)
        [outcome] = client.wait(0)
        assert (outcome.verdict, outcome.reply) == (Verdict.REJECTED, None)
        assert (client.in_flight, client.ready) == (0, 0)
        client.quit()
