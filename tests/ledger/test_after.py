"""Facts that came back are kept next to the states; the strongest one is shown."""

from __future__ import annotations

import pytest

from mailmerge.ledger.after import AfterRecord, SentMessage
from mailmerge.ledger.ledger import Ledger
from mailmerge.ledger.states import After, State
from mailmerge.settings import Settings
from tests.engine.driver import make_recipient
from tests.ledgers import read_ledger, store_of

NOW = 1_800_000_000.0
DAY = 86_400.0


@pytest.fixture
def ledger(campaign: Settings) -> Ledger:
    """A ledger of which two of three recipients were claimed."""
    opened = Ledger.of(campaign)
    store = store_of(opened, campaign)
    store.enrol([make_recipient(number) for number in range(3)], "content")
    store.claim("worker", 2, NOW)
    return opened


def record(sent: SentMessage, kind: str, digest: int, at: float = NOW, **more: bool) -> AfterRecord:
    return AfterRecord(sent, bytes([digest]) * 16, After(kind, at, f"because of {kind}", **more))


def test_claimed_deliveries_can_be_matched(ledger: Ledger) -> None:
    with ledger:
        sent = list(ledger.after.sent_messages())
        assert [one.address for one in sent] == ["u0@example.org", "u1@example.org"]
        assert all(one.message_id.startswith("<") and one.at == NOW for one in sent)
        assert ledger.after.first_sent() == NOW


def test_strongest_fact_is_shown_and_counted(ledger: Ledger, campaign: Settings) -> None:
    with ledger:
        first, second = ledger.after.sent_messages()
        facts = [
            record(first, "answered", 1),
            record(first, "bounced", 2, hard=True),
            record(first, "auto_replied", 3, NOW + DAY),
            record(second, "bounced", 4),
            record(second, "answered", 5, NOW - DAY),
        ]
        ledger.after.record(facts, [one.digest for one in facts])
        shown = [one.after for one in ledger.deliveries(campaign.name)]
    assert [one and (one.kind, one.hard) for one in shown] == [
        ("bounced", True),
        ("answered", False),
        None,
    ]
    reader = read_ledger(campaign)
    assert [one.after for one in reader.iterate()] == shown
    assert reader.standing().after == {"bounced": 1, "answered": 1}
    assert reader.standing().states[State.PENDING] == 3


def test_mail_counts_once_however_often_it_is_recorded(ledger: Ledger) -> None:
    with ledger:
        first, second = ledger.after.sent_messages()
        ledger.after.record([record(first, "bounced", 1)], [bytes([1]) * 16, bytes([9]) * 16])
        ledger.after.record([record(second, "answered", 1)], [bytes([1]) * 16])
        known = ledger.after.known([bytes([number]) * 16 for number in (1, 2, 9)])
        assert known == {bytes([1]) * 16, bytes([9]) * 16}
        assert ledger.after.soft_bounces(first.identity, 0) == 0


def test_soft_bounces_are_counted_since_a_time(ledger: Ledger) -> None:
    with ledger:
        first, second = ledger.after.sent_messages()
        facts = [
            record(first, "bounced", 1, NOW - 40 * DAY),
            record(first, "bounced", 2, NOW - 2 * DAY),
            record(first, "bounced", 3, NOW),
            record(first, "bounced", 4, NOW, hard=True),
            record(second, "bounced", 5, NOW),
        ]
        ledger.after.record(facts, [one.digest for one in facts])
        assert ledger.after.soft_bounces(first.identity, NOW - 30 * DAY) == 2
        judged = {bytes([3]) * 16}
        assert ledger.after.soft_bounces(first.identity, NOW - 30 * DAY, judged) == 1


def test_position_of_a_mailbox_is_remembered(ledger: Ledger, campaign: Settings) -> None:
    with ledger:
        assert ledger.after.position("a@b/INBOX") == (0, 0)
        ledger.after.set_position("a@b/INBOX", 7, 100)
        ledger.after.set_position("a@b/INBOX", 7, 120)
    with Ledger.of(campaign) as again:
        assert again.after.position("a@b/INBOX") == (7, 120)
