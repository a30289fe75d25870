"""Copies in a run: outcomes, what is recorded, and rates that count each recipient."""

from __future__ import annotations

import bisect
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailmerge.campaign import Campaign
from mailmerge.engine.events import DeliveryEvent, Sent, to_json
from mailmerge.engine.queue import NotYet, Queue
from mailmerge.engine.throttle import Throttle
from mailmerge.jobs.job import Job
from mailmerge.ledger.ledger import Ledger
from mailmerge.ledger.quota import Quotas
from mailmerge.ledger.refused_copies import RefusedCopy
from mailmerge.ledger.states import Delivery, State
from mailmerge.recipients.address import parse_mailbox
from mailmerge.recipients.collection import read_recipients
from mailmerge.settings import Rate, parse_rate
from mailmerge.smtp import Server
from tests.engine.clocks import START, Clock
from tests.scripted_server import Offer, Reply, Rule, Script, ScriptedServer, Stage, When
from tests.scripted_server import Settings as ServerSettings

DAY = 86_400.0
NO = (Reply(550, "5.1.1 No such mailbox"),)
LATER = (Reply(450, "4.2.0 Greylisted"),)


def campaign(cc: str = "", bcc: str = "") -> Campaign:
    return Campaign(
        name="copies",
        sender="news@x.example",
        subject="Hello",
        text="Dear {{ name }}\n",
        cc=cc,
        bcc=bcc,
    )


PEOPLE = [{"email": f"u{number}@x.example", "name": f"N{number}"} for number in range(6)]
MODES = [
    (1, "smtp", Offer(chunking=False)),
    (1, "smtp", Offer(pipelining=False)),
    (8, "smtp", Offer()),
    (1, "lmtp", Offer()),
]


@pytest.mark.parametrize(("window", "protocol", "offer"), MODES)
def test_copies_change_nothing_about_who_is_sent(window: int, protocol: str, offer: Offer) -> None:
    """u1 is refused, u2 is deferred; of the copies, boss1 is refused and boss2 is deferred."""
    rules = (
        Rule(When(Stage.RCPT, recipient="u1@*"), NO),
        Rule(When(Stage.RCPT, recipient="u2@*"), LATER),
        Rule(When(Stage.RCPT, recipient="boss1@*"), NO),
        Rule(When(Stage.RCPT, recipient="boss2@*"), LATER),
    )
    script = Script(ServerSettings(protocol=protocol, offer=offer), rules)  # type: ignore[arg-type]
    made = campaign(cc="boss1@x.example, boss2@x.example", bcc="archive@x.example")
    with ScriptedServer(script) as server, Ledger.memory() as ledger:
        address = Server("127.0.0.1", server.port, "none", protocol=protocol)  # type: ignore[arg-type]
        job = Job(made, read_recipients(PEOPLE), address, ledger, window=window, wait=0)
        events = [event for event in job.run() if isinstance(event, DeliveryEvent)]
        summary = job.summary
        taken = [one for one in server.taken if one.taken]
        assert not server.violations
    assert dict(summary.states) | {"skipped": 0} == {
        "pending": 0, "sent": 4, "rejected": 1, "deferred": 1, "in_doubt": 0, "skipped": 0,
    }  # fmt: skip
    got = Counter(path for one in taken for path in one.forward_paths)
    sent = {f"u{number}@x.example": 1 for number in (0, 3, 4, 5)}
    assert got == {**sent, "archive@x.example": 4}
    assert protocol == "lmtp" or {len(one.forward_paths) for one in taken} == {2}
    refused = {
        (copy.address, copy.reply[:3])
        for event in events
        if isinstance(event, Sent)
        for copy in event.copies_refused
    }
    assert refused == {("boss1@x.example", "550"), ("boss2@x.example", "450")}
    assert summary.copies_refused == summary.to_json()["copies_refused"] == 8


def test_an_event_names_refused_copies_only_if_there_are_any() -> None:
    event = Sent(START, 2, "k", "a@x.example", "content", "250 ok", "<1@x>", "")
    assert "copies_refused" not in to_json(event)
    named = replace(event, copies_refused=(RefusedCopy("b@x.example", "550 no"),))
    assert to_json(named)["copies_refused"] == [{"address": "b@x.example", "reply": "550 no"}]


def test_bcc_is_in_no_header_field() -> None:
    made = campaign(cc="boss@x.example", bcc="Secret <archive@y.example>")
    message = made.message(read_recipients(PEOPLE)[0])
    header = bytes(message).partition(b"\r\n\r\n")[0]
    assert b"Cc: boss@x.example\r\n" in header
    assert b"archive" not in bytes(message)
    assert b"bcc" not in header.lower()


rates = st.builds(Rate, st.integers(1, 60), st.sampled_from([1.0, 2.0, 60.0, 3600.0, DAY, 7 * DAY]))
pauses = st.one_of(st.floats(0, 0.02), st.floats(0, 2), st.floats(0, 100), st.floats(0, 20_000))


def most_in_a_window(sends: list[tuple[float, int]], seconds: float) -> int:
    """The most recipients in any half-open window of that length."""
    times = [at for at, _ in sends]
    return max(
        (
            sum(count for _, count in sends[place : bisect.bisect_left(times, at + seconds)])
            for place, (at, _) in enumerate(sends)
        ),
        default=0,
    )


@given(rates, st.lists(st.tuples(pauses, st.integers(1, 5)), max_size=80))
@settings(max_examples=200, deadline=None)
def test_rates_count_each_recipient(rate: Rate, arrivals: list[tuple[float, int]]) -> None:
    """No window has more recipients, unless one message alone has more than the rate."""
    usage = Quotas()
    throttle = Throttle([rate], account="me", usage=usage)
    now, sends = START, list[tuple[float, int]]()
    for pause, count in arrivals:
        now += pause
        if throttle.take(now, "x.example", ["x.example"] * (count - 1)):
            sends.append((now, count))
    throttle.close()
    usage.close()
    largest = max((count for _, count in sends), default=1)
    assert most_in_a_window(sends, rate.seconds) <= max(rate.count, largest)


def test_a_message_with_copies_uses_a_slot_for_each() -> None:
    throttle = Throttle([parse_rate("60/minute")])
    assert throttle.take(START, "x.example", ["x.example", "y.example"])
    assert throttle.ready_at(START) == pytest.approx(START + 3, abs=0.1)
    assert not throttle.take(START + 2.9)
    assert throttle.take(START + 3.1)


def test_a_clock_that_was_set_back_delays_no_message_with_copies() -> None:
    throttle = Throttle([parse_rate("4/minute")])
    assert throttle.take(START + 9000, "x.example", ["x.example"] * 3)
    assert throttle.ready_at(START, "x.example", ["x.example"]) < START + 120


def test_a_quota_that_is_too_small_for_a_message_is_used_up_whole() -> None:
    usage = Quotas()
    throttle = Throttle([parse_rate("2/day")], account="me", usage=usage)
    assert throttle.take(START, "x.example", ["x.example"] * 4)
    assert not throttle.take(START)
    usage.close()


def test_a_rate_of_a_domain_counts_its_copies() -> None:
    throttle = Throttle([], {"slow.example": [parse_rate("60/minute")]})
    assert throttle.take(START, "x.example", ["slow.example", "slow.example"])
    assert throttle.ready_at(START, "x.example") <= START
    assert throttle.ready_at(START, "slow.example") == pytest.approx(START + 2, abs=0.1)


def test_a_copy_to_a_slow_domain_does_not_hold_up_others() -> None:
    clock = Clock()
    throttle = Throttle([], {"slow.example": [parse_rate("60/minute")]})
    copies = {0: ["slow.example"], 1: ["slow.example"]}
    queue = Queue(throttle, clock, further=lambda one: copies.get(one.id, ()))
    mailbox = parse_mailbox("u@x.example")
    queue.put([Delivery(n, f"{n}", n, mailbox, {}, State.CLAIMED) for n in range(3)])
    first, second = queue.take(0), queue.take(0)
    assert [getattr(one, "id", None) for one in (first, second)] == [0, 2]
    later = queue.take(0)
    assert isinstance(later, NotYet)
    assert later.until == pytest.approx(START + 1, abs=0.1)
    clock.now += 1.1
    assert getattr(queue.take(0), "id", None) == 1


def test_a_general_rate_waits_for_all_recipients_of_a_message() -> None:
    clock = Clock()
    queue = Queue(Throttle([parse_rate("60/minute")]), clock, further=lambda _: ["y.example"] * 2)
    mailbox = parse_mailbox("u@x.example")
    queue.put([Delivery(n, f"{n}", n, mailbox, {}, State.CLAIMED) for n in range(2)])
    queue.take(0)
    later = queue.take(0)
    assert isinstance(later, NotYet)
    assert later.until == pytest.approx(START + 3, abs=0.1)


def test_a_run_counts_copies_for_the_account(tmp_path: Path) -> None:
    del tmp_path
    made = campaign(cc="boss@x.example")
    with ScriptedServer(Script()) as server, Ledger.memory() as ledger:
        address = Server("127.0.0.1", server.port, "none")
        job = Job(made, read_recipients(PEOPLE), address, ledger, rate="6/day", wait=0)
        assert job.plan().copies == len(PEOPLE)
        assert "6 further addresses" in str(job.plan())
        summary = job.run_all()
    assert (summary.states["sent"], summary.states["pending"]) == (3, 3)
