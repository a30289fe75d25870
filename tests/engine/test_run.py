"""Whole runs in this process, against a scripted server."""

from __future__ import annotations

import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest

from mailmerge.engine.events import Event, Opened, Slowed, to_json
from mailmerge.engine.run import Run
from mailmerge.engine.summary import Progress, Summary
from mailmerge.errors import (
    AuthenticationRefused,
    Interrupted,
    MailmergeError,
    NotAllReached,
    RunStopped,
    ServerError,
    ServerUnreachable,
    TemplateError,
)
from mailmerge.ledger.interface import Store
from mailmerge.ledger.states import Delivery, State
from mailmerge.providers.lookup import find_provider
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.content import Content, Renderer
from mailmerge.rendering.settings import templates_of
from mailmerge.settings import Settings, parse_rate
from mailmerge.smtp import Credentials
from tests.engine.clocks import START, Clock
from tests.engine.driver import compare, make_campaign, make_recipients, make_run
from tests.engine.stepping import Stepping, slow_server
from tests.ledgers import open_ledger, open_store, read_ledger, store_of
from tests.scripted_server import (
    FOREVER,
    Accept,
    Close,
    Offer,
    Reply,
    Rule,
    ScriptedServer,
    Sleep,
    Stage,
    Usual,
    When,
    serve,
)
from tests.scripted_server.faults import (
    before_content,
    end_of_data_faults,
    greylist,
    messages_per_connection,
)

HOUR = 3600.0


def ready_run(
    campaign: Settings, ledger: Store, port: int, *, later: float = 0.0, **asked: Any
) -> Run:
    """A run `later` seconds in the future, or on a clock of its own."""
    names = asked.keys() & {"credentials", "listener", "check_seconds"}
    more = {name: asked.pop(name) for name in names}
    asked.setdefault("clock", lambda: time.time() + later)
    return make_run(campaign, ledger, port, more=more, **asked)


def send(campaign: Settings, server: ScriptedServer, count: int = 3, **more: Any) -> Summary:
    """Enrol this many recipients and run; then ledger and server must agree."""
    opened = open_ledger(campaign)
    try:
        ledger = store_of(opened, campaign)
        ledger.enrol(make_recipients(count), campaign.fingerprint())
        summary = ready_run(campaign, ledger, server.port, **more).execute()
        assert summary.total == count
    finally:
        opened.close()
    found = compare(campaign, server)
    found.check(count)
    assert sum(summary.states.values()) == len(found.deliveries)
    for state, number in summary.states.items():
        assert number == len(found.in_state(State(state))), "the summary is the ledger"
    assert not server.violations
    return summary


def states(summary: Summary) -> dict[str, int]:
    return {state: count for state, count in summary.states.items() if count}


def deliveries_of(campaign: Settings) -> list[Delivery]:
    record = read_ledger(campaign)
    return list(record.iterate())


@pytest.mark.parametrize(
    ("options", "offer"),
    [
        ({}, Offer()),
        ({}, Offer(pipelining=False, chunking=False)),
        ({"window": 8}, Offer()),
        ({"connections": 3}, Offer()),
        ({"connections": 2, "window": 4, "messages_per_connection": 7}, Offer()),
    ],
)
def test_every_recipient_is_sent(campaign: Settings, options: dict[str, Any], offer: Offer) -> None:
    with serve(offer=offer) as server:
        summary = send(campaign, server, 40, **options)
        assert states(summary) == {"sent": 40}
        assert summary.error is None
        record = read_ledger(campaign)
        standing = record.standing()
        assert standing.states == summary.states
        assert 0 < standing.seconds <= summary.seconds
        most = options.get("messages_per_connection", 40)
        assert max(one.messages for one in server.wait_for_end(server.connections)) <= most


END_OF_DATA = {
    "late": "sent",
    "split": "sent",
    "multi-line": "sent",
    "deferred": "deferred",
    "refused": "rejected",
    "refused-421": "sent",
    "closed-before": "in_doubt",
    "reset-before": "in_doubt",
    "taken-and-closed": "in_doubt",
    "taken-and-reset": "in_doubt",
    "taken-and-unfinished": "in_doubt",
}


@pytest.mark.parametrize(
    ("keys", "ret", "notify"),
    [
        ("", "", ""),
        ('notify = "never"', "", "NEVER"),
        ('notify = ["failure", "delay"]', "", "FAILURE,DELAY"),
        ('notify = ["success"]\nreturn = "headers"', "HDRS", "SUCCESS"),
        ('return = "full"', "FULL", ""),
    ],
)
@pytest.mark.parametrize("dsn", [True, False])
def test_delivery_notifications_are_requested_where_offered(
    tmp_path: Path, keys: str, ret: str, notify: str, dsn: bool
) -> None:
    """RFC 3461, 4: RET and ENVID with MAIL, NOTIFY with RCPT, or none of them."""
    campaign = make_campaign(tmp_path / "notices", f"[delivery]\n{keys}\n")
    with serve(offer=Offer(dsn=dsn, size=None)) as server:
        send(campaign, server)
        said = server.commands()
        identifiers = sorted(one.message_id.strip("<>").partition("@")[0] for one in server.taken)
    mails = [line.partition("> ")[2].split() for line in said if line.startswith("MAIL")]
    rcpts = [line.partition("> ")[2] for line in said if line.startswith("RCPT")]
    asked = dsn and bool(keys)
    expected = [[f"RET={ret}"] * bool(ret) + [f"ENVID={one}"] for one in identifiers]
    assert sorted(mails) == (expected if asked else [[]] * 3)
    assert rcpts == [f"NOTIFY={notify}" if asked and notify else ""] * 3


@pytest.mark.parametrize("window", [1, 4])
@pytest.mark.parametrize("fault", END_OF_DATA)
def test_fault_at_the_end_of_data(campaign: Settings, fault: str, window: int) -> None:
    rule = Rule(When(Stage.END_OF_DATA, recipient="u1@*", times=1), end_of_data_faults()[fault])
    with serve(rule) as server:
        summary = send(campaign, server, 3, window=window)
    delivery = next(one for one in deliveries_of(campaign) if one.key.startswith("u1@"))
    assert delivery.state == END_OF_DATA[fault]
    assert summary.states[State.SENT] + summary.states[State.IN_DOUBT] >= 2
    again = compare(campaign, server)
    again.check_once()


BEFORE_CONTENT = {
    # No connection was ever open, and what answers does not speak SMTP: that is configuration.
    "greeting-garbage": {"pending": 3},
    "ehlo-garbage": {"pending": 3},
}


@pytest.mark.parametrize("fault", before_content())
def test_fault_before_the_content(campaign: Settings, fault: str) -> None:
    """The next connection sends the message, unless the server never spoke SMTP."""
    with serve(before_content()[fault]) as server:
        summary = send(campaign, server, 3)
    assert states(summary) == BEFORE_CONTENT.get(fault, {"sent": 3})
    assert server.connections == (1 if states(summary).get("pending") else 2)


def test_used_up_connection_costs_no_recipient_an_attempt(campaign: Settings) -> None:
    for answer in (Reply(452, "4.5.3 Too many messages sent"), Reply(421, "4.7.0 Enough"), None):
        with serve(messages_per_connection(5, answer)) as server:
            campaign = make_campaign(campaign.folder.parent / f"used-{answer and answer.code}")
            assert states(send(campaign, server, 23, rates=[])) == {"sent": 23}
            assert server.connections == 5


def test_mailmax_of_the_server_is_kept(campaign: Settings) -> None:
    with serve(offer=Offer(limits="MAILMAX=4")) as server:
        assert states(send(campaign, server, 10)) == {"sent": 10}
        ended = server.wait_for_end(server.connections)
        assert max(one.commands.get("MAIL", 0) for one in ended) <= 4


def test_refused_recipient_does_not_end_the_run(campaign: Settings) -> None:
    refused = Rule(When(Stage.RCPT, recipient="u1@*"), (Reply(550, "5.1.1 No such user"),))
    with serve(refused) as server:
        summary = send(campaign, server, 5)
        assert states(summary) == {"sent": 4, "rejected": 1}
        assert isinstance(summary.error, NotAllReached)
        before = server.commands()
        send(campaign, server, 5, later=HOUR)
        assert server.commands() == before, "I7: a 5yz is never retried by itself"
    [refused_one] = [one for one in deliveries_of(campaign) if one.state is State.REJECTED]
    assert (refused_one.reply, refused_one.stage) == ("550 5.1.1 No such user", "rcpt")
    assert refused_one.attempts == 1


def test_next_run_sends_deferred_recipients_when_due(
    campaign: Settings,
) -> None:
    with serve(greylist(1)) as server:
        first = send(campaign, server, 4)
        assert states(first) == {"deferred": 4}
        assert states(send(campaign, server, 4)) == {"deferred": 4}
        assert states(send(campaign, server, 4, later=HOUR)) == {"sent": 4}
        assert len(server.messages) == 4


@pytest.mark.parametrize("limit", [None, 6])
def test_same_run_sends_deferred_recipients_if_it_may_wait(
    campaign: Settings, limit: int | None
) -> None:
    clock = Clock()
    with serve(greylist(1)) as server, open_store(campaign) as ledger:
        ledger.enrol(make_recipients(3), campaign.fingerprint())
        stepping = cast("Store", Stepping(ledger, clock, 20.0))
        run = ready_run(campaign, stepping, server.port, wait=400.0, clock=clock, limit=limit)
        waited_for: list[str] = []
        summary = run.execute(lambda progress: waited_for.append(progress.waiting_for))
    assert states(summary) == {"sent": 3}
    assert any("deferred" in what for what in waited_for)


def test_run_waits_for_what_an_earlier_one_has_deferred(campaign: Settings) -> None:
    clock = Clock()
    with serve(greylist(1)) as server, open_store(campaign) as ledger:
        ledger.enrol(make_recipients(3), campaign.fingerprint())
        first = ready_run(campaign, ledger, server.port, clock=clock).execute()
        assert states(first) == {"deferred": 3}
        clock.now += 100
        stepping = cast("Store", Stepping(ledger, clock, 20.0))
        second = ready_run(campaign, stepping, server.port, wait=400.0, clock=clock).execute()
    assert states(second) == {"sent": 3}


def test_store_that_had_too_few_is_not_asked_again(campaign: Settings) -> None:
    clock = Clock()
    with serve() as server, open_store(campaign) as ledger:
        ledger.enrol(make_recipients(3), campaign.fingerprint())
        stepping = Stepping(ledger, clock, 0.06)
        ready_run(campaign, cast("Store", stepping), server.port, clock=clock).execute()
    assert len(stepping.claims) == 1


def test_journal_is_folded_five_times_a_second(campaign: Settings) -> None:
    clock, seen = Clock(), list[int]()
    with serve() as server, open_store(campaign) as ledger:
        ledger.enrol(make_recipients(3), campaign.fingerprint())
        stepping = Stepping(ledger, clock, 0.06)
        run = make_run(
            campaign,
            cast("Store", stepping),
            server.port,
            clock=clock,
            more={"connect": slow_server(clock, 0.3)},
        )
        run.execute(lambda progress: seen.append(len(stepping.folds)))
    folds = [START, *stepping.folds[: seen[-2]]]  # the last call comes after the end
    gaps = [later - earlier for earlier, later in pairwise(folds)]
    assert len(gaps) > 3
    assert min(gaps) > 0.19, "a claim writes the journal too"
    assert max(gaps) < 0.4


def test_ten_equal_policy_refusals_stop_the_run(campaign: Settings) -> None:
    policy = Rule(When(Stage.RCPT), (Reply(554, "5.7.1 <x>: Relay access denied"),))
    with serve(policy) as server:
        summary = send(campaign, server, 40)
    assert isinstance(summary.error, RunStopped)
    assert "10 messages in a row" in str(summary.error)
    assert "Relay access denied" in str(summary.error)
    assert 10 <= summary.states[State.REJECTED] <= 12
    assert summary.states[State.PENDING] >= 28


def test_three_refused_senders_stop_the_run(campaign: Settings) -> None:
    refused = Rule(When(Stage.MAIL, times=3), (Reply(550, "5.7.1 Sender not allowed"),))
    with serve(refused) as server:
        summary = send(campaign, server, 8)
        assert isinstance(summary.error, RunStopped)
        assert summary.states[State.REJECTED] == 0
        assert states(send(campaign, server, 8, later=HOUR)) == {"sent": 8}


@pytest.mark.parametrize(
    "reply", [Reply(550, "5.4.5 Daily user sending limit exceeded"), Reply(530, "5.7.0 Log in")]
)
def test_account_limit_stops_the_run_and_keeps_recipients(campaign: Settings, reply: Reply) -> None:
    with serve(Rule(When(Stage.MAIL, transaction=(3, 99), connection=0), (reply,))) as server:
        summary = send(campaign, server, 10)
        assert isinstance(summary.error, RunStopped)
        assert reply.text in str(summary.error)
        assert summary.states[State.SENT] == 3
        assert summary.states[State.PENDING] == 7
        assert states(send(campaign, server, 10)) == {"sent": 10}


def test_cool_down_pauses_and_goes_on_with_one_connection(campaign: Settings) -> None:
    rule = Rule(When(Stage.END_OF_DATA, times=1), (Reply(421, "4.7.28 Unusual rate"), Close()))
    with serve(rule) as server, open_store(campaign) as ledger:
        ledger.enrol(make_recipients(6), campaign.fingerprint())
        run = ready_run(campaign, ledger, server.port, connections=2)
        seen: list[Progress] = []

        def watch(progress: Progress) -> None:
            seen.append(progress)
            if "next message at" in progress.waiting_for:
                run.stop()

        summary = run.execute(watch)
        assert seen[-1].connections == 1
    assert summary.states[State.DEFERRED] == 1
    assert summary.states[State.SENT] < 5
    assert len(server.taken) == summary.states[State.SENT]


def test_connections_return_one_a_minute_after_a_cool_down(campaign: Settings) -> None:
    """Each look at the progress takes 20 seconds of the clock, from the cool-down on."""
    rule = Rule(When(Stage.END_OF_DATA, times=1), (Reply(421, "4.7.28 Unusual rate"), Close()))
    slow = Rule(When(Stage.END_OF_DATA), (Sleep(0.02), Usual()))
    seen: dict[int, float] = {}
    slowed: list[float] = []
    clock = Clock()

    def listen(event: Event) -> None:
        if isinstance(event, Slowed):
            slowed.append(event.at)

    def watch(progress: Progress) -> None:
        if slowed:
            seen.setdefault(progress.connections, clock())
            clock.now += 20
        if len(seen) == 3:
            run.stop()

    with serve(rule, slow) as server, open_store(campaign) as ledger:
        ledger.enrol(make_recipients(200), campaign.fingerprint())
        run = ready_run(
            campaign, ledger, server.port, connections=3, wait=HOUR, clock=clock, listener=listen
        )
        summary = run.execute(watch)
        taken = server.taken
    assert list(seen) == [1, 2, 3]
    assert len(slowed) == 1
    assert seen[2] - slowed[0] >= 660
    assert seen[3] - slowed[0] >= 720
    assert summary.states[State.SENT] == len(taken) > 0


@pytest.mark.parametrize("reply", ["452 4.5.3 Too many recipients", "451 4.7.1 Slow down"])
def test_limit_of_a_connection_in_words_of_speed_is_learned(campaign: Settings, reply: str) -> None:
    """The clock is 30 times as fast, since the run looks whether a slower pace helps."""
    code, _, words = reply.partition(" ")
    limit = Rule(When(Stage.RCPT, transaction=(20, 999)), (Reply(int(code), words),))
    start = time.time()
    with serve(limit) as server:
        summary = send(campaign, server, 200, clock=lambda: start + 30 * (time.time() - start))
        assert states(summary) == {"sent": 200}
        assert server.connections <= 12
        assert sum(line.startswith("RCPT") for line in server.commands()) <= 200 + 12


def test_block_of_messages_that_end_connections_does_not_end_the_run(campaign: Settings) -> None:
    """A relay that closes at the recipients of one domain; the clock is 100 times as fast."""
    rule = Rule(When(Stage.RCPT, recipient="u1?@*"), (Reply(421, "4.4.1 Domain down"), Close()))
    start = time.time()
    with serve(rule) as server:
        summary = send(campaign, server, 60, clock=lambda: start + 100 * (time.time() - start))
    assert summary.states[State.SENT] == 50
    assert summary.states[State.PENDING] + summary.states[State.DEFERRED] == 10


def test_server_that_ends_idle_connections_costs_no_turn(campaign: Settings) -> None:
    idle = Rule(When(Stage.IDLE, seconds=1.2), (Reply(421, "4.4.2 Idle for too long"), Close()))
    with serve(idle) as server:
        summary = send(campaign, server, 3, rates=[parse_rate("20/minute")])
        assert states(summary) == {"sent": 3}
        assert server.connections == 3
    assert summary.seconds < 8


def test_every_worker_returns_after_a_cool_down(campaign: Settings) -> None:
    """Each look at the progress takes 20 seconds of the clock, from the cool-down on."""
    rule = Rule(When(Stage.END_OF_DATA, times=1), (Reply(421, "4.7.28 Unusual rate"), Close()))
    slow = Rule(When(Stage.END_OF_DATA), (Sleep(0.02), Usual()))
    clock = Clock()
    seen: list[Event] = []

    def opened_again() -> set[int]:
        slowed = [one.at for one in seen if isinstance(one, Slowed)]
        return {
            one.connection
            for one in seen
            if isinstance(one, Opened) and slowed and one.at >= slowed[0] + 600
        }

    def watch(_: Progress) -> None:
        clock.now += 20 if any(isinstance(one, Slowed) for one in seen) else 0
        if len(opened_again()) == 3 or clock.now > START + 2 * HOUR:
            run.stop()

    with serve(rule, slow) as server, open_store(campaign) as ledger:
        ledger.enrol(make_recipients(500), campaign.fingerprint())
        run = ready_run(
            campaign, ledger, server.port,
            connections=3, wait=HOUR, clock=clock, listener=seen.append,
        )  # fmt: skip
        run.execute(watch)
    assert opened_again() == {0, 1, 2}


def test_far_turn_of_a_domain_delays_no_recipient_that_is_put_in_later(tmp_path: Path) -> None:
    """Each look at the progress takes 20 seconds of the clock."""
    campaign = make_campaign(
        tmp_path / "far", '[delivery]\ndomain_rates = { "slow.example" = ["1/hour"] }\n'
    )
    recipients = make_recipients(2, "slow.example") + make_recipients(2)
    clock = Clock()
    seen: list[Event] = []

    def watch(progress: Progress) -> None:
        clock.now += 20
        if progress.states[State.SENT] >= 3 or clock.now > START + HOUR:
            run.stop()

    with serve(greylist(1, recipient="*@example.org")) as server, open_store(campaign) as ledger:
        ledger.enrol(recipients, campaign.fingerprint())
        run = ready_run(
            campaign, ledger, server.port, wait=900.0, clock=clock, listener=seen.append
        )
        summary = run.execute(watch)
    assert states(summary) == {"sent": 3, "pending": 1}
    assert clock.now < START + 900


def test_provider_rule_for_a_pause_defers_instead_of_rejecting(campaign: Settings) -> None:
    """By its first digit, the 550 of QQ would reject each recipient."""
    often = Rule(
        When(Stage.END_OF_DATA, transaction=2, connection=0),
        (Reply(550, "Mailbox frequency limited"),),
    )
    rules = find_provider("qq").action_for
    with serve(often) as server:
        opened = open_ledger(campaign)
        ledger = store_of(opened, campaign)
        ledger.enrol(make_recipients(20), campaign.fingerprint())
        run = ready_run(campaign, ledger, server.port, rules=rules)
        summary = run.execute(lambda progress: run.stop() if progress.waiting_for else None)
        opened.close()
        assert summary.states[State.DEFERRED] == 1
        assert summary.states[State.REJECTED] == 0
        in_flight = 2
        assert 2 <= summary.states[State.SENT] <= 2 + in_flight


MICROSOFT_LIMITS = [
    (550, "5.7.236 TERRL; Message not delivered. The tenant external recipient limit is exceeded"),
    (550, "5.7.233 Your message can't be sent because your tenant exceeded its daily limit"),
    (
        554,
        "5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to process",
    ),
    (550, "5.2.251 The sender is throttled after repeated errors"),
    (550, "5.2.252 SendAsDenied; not allowed to send as"),
    (550, "5.2.253 The sender is throttled"),
    (550, "5.2.254 The sender is throttled"),
    (550, "5.2.255 The sender is throttled"),
]


@pytest.mark.parametrize("provider", ["office365", "outlook"])
@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT, Stage.END_OF_DATA])
@pytest.mark.parametrize("reply", MICROSOFT_LIMITS, ids=lambda reply: reply[1].split()[0])
def test_limits_of_microsoft_reject_no_recipient(
    campaign: Settings, provider: str, stage: Stage, reply: tuple[int, str]
) -> None:
    """The first digit would reject each of the twenty; they stay, and another run sends to them."""
    limit = Rule(When(stage, transaction=(2, 99)), (Reply(*reply),))
    with serve(limit) as server, open_store(campaign) as ledger:
        ledger.enrol(make_recipients(20), campaign.fingerprint())
        rules = find_provider(provider).action_for
        run = ready_run(campaign, ledger, server.port, rules=rules)
        summary = run.execute(lambda progress: run.stop() if progress.waiting_for else None)
        assert summary.states[State.REJECTED] == summary.states[State.IN_DOUBT] == 0
        assert summary.states[State.SENT] == len(server.taken) == 2
        assert summary.states[State.DEFERRED] + summary.states[State.PENDING] == 18


def test_provider_rule_for_a_used_up_connection_reconnects(
    campaign: Settings,
) -> None:
    with serve(messages_per_connection(3, Reply(550, "MI:DMC too many"))) as server:
        rules = find_provider("163").action_for
        assert states(send(campaign, server, 10, rules=rules)) == {"sent": 10}
        assert server.connections == 4


def test_provider_rule_for_a_greeting_stops_the_run(
    campaign: Settings,
) -> None:
    closed = Rule(When(Stage.GREETING), (Reply(421, "4.7.0 Too many login attempts"), Close()))
    with serve(closed) as server:
        summary = send(campaign, server, 3, rules=find_provider("gmail").action_for)
        assert isinstance(summary.error, ServerError)
        assert server.connections == 1
    assert states(summary) == {"pending": 3}


def test_streamed_messages_never_read_are_not_in_doubt(
    campaign: Settings,
) -> None:
    """After 421 and a close, the server has not read what was streamed behind that message."""
    leaving = (Sleep(0.2), Reply(421, "4.3.2 Shutting down"), Close())
    gone = Rule(When(Stage.GREETING, connection=(1, 99)), leaving[1:])
    with serve(Rule(When(Stage.END_OF_DATA, times=1), leaving), gone) as server:
        opened = open_ledger(campaign)
        ledger = store_of(opened, campaign)
        ledger.enrol(make_recipients(4), campaign.fingerprint())
        run = ready_run(campaign, ledger, server.port, window=4)
        run.execute(lambda progress: run.stop() if server.connections > 1 else None)
        opened.close()
    record = read_ledger(campaign)
    found = {state.value: count for state, count in record.counts().items() if count}
    assert found == {"pending": 4}


def test_refused_login_stops_after_one_attempt(campaign: Settings) -> None:
    with serve(users={"me": "right"}, auth_in_clear=True) as server:
        summary = send(
            campaign,
            server,
            5,
            connections=4,
            credentials=Credentials("me", password="wrong", allow_plain_text=True),
        )
        assert isinstance(summary.error, AuthenticationRefused)
        assert states(summary) == {"pending": 5}
        assert server.connections == 1


def test_missing_server_fails_at_once(campaign: Settings) -> None:
    with serve() as server:
        server.stop()
        summary = send(campaign, server, 2)
    assert isinstance(summary.error, ServerUnreachable)
    assert states(summary) == {"pending": 2}


def test_run_waits_for_a_server_that_restarts(campaign: Settings) -> None:
    with serve(Rule(When(Stage.END_OF_DATA), (Sleep(0.005), Usual()))) as server:
        opened = open_ledger(campaign)
        ledger = store_of(opened, campaign)
        ledger.enrol(make_recipients(60), campaign.fingerprint())
        run = ready_run(campaign, ledger, server.port)
        restarted = threading.Event()

        def restart() -> None:
            while not server.messages:
                time.sleep(0.01)
            server.restart()
            restarted.set()

        thread = threading.Thread(target=restart)
        thread.start()
        summary = run.execute()
        thread.join()
        opened.close()
        assert restarted.is_set()
        assert summary.states[State.SENT] + summary.states[State.IN_DOUBT] == 60
        assert summary.states[State.IN_DOUBT] <= 1
        compare(campaign, server).check(60)


def test_first_stop_finishes_messages_in_flight_and_quits(campaign: Settings) -> None:
    with serve(Rule(When(Stage.END_OF_DATA), (Sleep(0.02), Usual()))) as server:
        opened = open_ledger(campaign)
        ledger = store_of(opened, campaign)
        ledger.enrol(make_recipients(500), campaign.fingerprint())
        run = ready_run(campaign, ledger, server.port)
        summary = run.execute(lambda progress: run.stop() if progress.done else None)
        assert {one.state for one in ledger.iterate()} == {State.SENT, State.PENDING}, "given back"
        opened.close()
        assert isinstance(summary.error, Interrupted)
        assert 0 < summary.states[State.SENT] < 500
        assert summary.states[State.SENT] + summary.states[State.PENDING] == 500
        assert [one.quit for one in server.wait_for_end()] == [True]
        compare(campaign, server).check(500)


def test_second_stop_leaves_messages_in_flight_in_doubt(campaign: Settings) -> None:
    silent = Rule(When(Stage.END_OF_DATA), (Accept(), Sleep(FOREVER)))
    with serve(silent) as server:
        opened = open_ledger(campaign)
        ledger = store_of(opened, campaign)
        ledger.enrol(make_recipients(5), campaign.fingerprint())
        run = ready_run(campaign, ledger, server.port)

        def stop_twice() -> None:
            while not server.messages:
                time.sleep(0.01)
            run.stop()
            run.stop()

        thread = threading.Thread(target=stop_twice)
        thread.start()
        summary = run.execute()
        thread.join()
        opened.close()
        assert states(summary) == {"in_doubt": 1, "pending": 4}
        compare(campaign, server).check(5)


def test_run_does_not_wait_for_a_connection_that_never_opens(campaign: Settings) -> None:
    silent = Rule(When(Stage.GREETING, connection=(1, 99)), (Sleep(FOREVER),))
    began = time.monotonic()
    with serve(silent) as server:
        summary = send(campaign, server, 30, connections=2)
        assert server.connections == 2
    assert states(summary) == {"sent": 30}
    assert time.monotonic() - began < 8


def test_second_stop_does_not_wait_for_the_reply_to_quit(campaign: Settings) -> None:
    with (
        serve(Rule(When(Stage.QUIT), (Sleep(FOREVER),))) as server,
        open_store(campaign) as ledger,
    ):
        ledger.enrol(make_recipients(200), campaign.fingerprint())
        run = ready_run(campaign, ledger, server.port, rates=[parse_rate("20/second")])

        def stop_twice() -> None:
            while not server.messages:
                time.sleep(0.01)
            run.stop()
            while "QUIT" not in server.commands():
                time.sleep(0.01)
            run.stop()

        thread = threading.Thread(target=stop_twice)
        began = time.monotonic()
        thread.start()
        summary = run.execute()
        thread.join()
    assert time.monotonic() - began < 6
    assert summary.states[State.SENT] + summary.states[State.PENDING] == 200


class OneBadRow(Renderer):
    """A renderer that fails for one recipient."""

    def render(self, recipient: Recipient) -> Content:
        if recipient.row == 3:
            raise TemplateError("name is undefined", file="body.txt", row=3)
        return super().render(recipient)


def test_message_that_cannot_be_made_is_skipped_with_reason(campaign: Settings) -> None:
    with serve() as server:
        summary = send(campaign, server, 4, renderer=OneBadRow(templates_of(campaign)))
    assert states(summary) == {"sent": 3, "skipped": 1}
    [skipped] = [one for one in deliveries_of(campaign) if one.state is State.SKIPPED]
    assert "name is undefined" in skipped.reply


class Broken(Renderer):
    """A renderer with a defect of its own."""

    def render(self, recipient: Recipient) -> Content:
        raise ZeroDivisionError


def test_unexpected_error_ends_the_run_and_is_reported(campaign: Settings) -> None:
    with serve() as server:
        summary = send(campaign, server, 4, renderer=Broken(templates_of(campaign)))
    assert type(summary.error) is MailmergeError
    assert "ZeroDivisionError" in str(summary.error)
    assert states(summary) == {"pending": 4}


def test_run_after_an_unexpected_error_leaves_no_recipient_out(campaign: Settings) -> None:
    """The ledger may stay open between the two runs."""
    broken = Broken(templates_of(campaign))
    with serve() as server, open_store(campaign) as store:
        store.enrol(make_recipients(4), campaign.fingerprint())
        ready_run(campaign, store, server.port, renderer=broken).execute()
        assert store.claimable() == 4
        assert states(ready_run(campaign, store, server.port).execute()) == {"sent": 4}


def test_rate_applies_to_all_connections_together(campaign: Settings) -> None:
    with serve() as server:
        summary = send(campaign, server, 6, rates=[parse_rate("20/second")], connections=3)
    assert states(summary) == {"sent": 6}
    assert summary.seconds >= 5 / 20


def test_used_up_daily_quota_stops_the_run(campaign: Settings) -> None:
    with serve() as server:
        summary = send(campaign, server, 8, rates=[parse_rate("5/day")])
    assert states(summary) == {"sent": 5, "pending": 3}
    assert isinstance(summary.error, RunStopped)
    assert "today is used up" in str(summary.error)


def test_slow_domain_does_not_delay_other_recipients(tmp_path: Path) -> None:
    campaign = make_campaign(
        tmp_path / "slow", '[delivery]\ndomain_rates = { "slow.example" = ["1/minute"] }\n'
    )
    recipients = make_recipients(3, "slow.example") + make_recipients(5)
    with serve() as server, open_store(campaign) as ledger:
        ledger.enrol(recipients, campaign.fingerprint())
        run = ready_run(campaign, ledger, server.port)
        run.execute(lambda progress: run.stop() if progress.done == 6 else None)
        reached = [path for one in server.messages for path in one.forward_paths]
    assert len(reached) == 6
    assert sum(path.endswith("slow.example") for path in reached) == 1


def test_limit_tries_that_many_recipients(campaign: Settings) -> None:
    with serve() as server:
        assert states(send(campaign, server, 9, limit=4)) == {"sent": 4, "pending": 5}
        assert states(send(campaign, server, 9)) == {"sent": 9}


def test_iterating_yields_every_event_in_order(campaign: Settings) -> None:
    with serve() as server:
        opened = open_ledger(campaign)
        ledger = store_of(opened, campaign)
        ledger.enrol(make_recipients(3), campaign.fingerprint())
        seen = [one for step in ready_run(campaign, ledger, server.port).steps() for one in step]
        opened.close()
    events = [to_json(one) for one in seen]
    assert [one["event"] for one in events] == [
        "began",
        "opened",
        *["outcome"] * 3,
        "closed",
        "ended",
    ]
    outcomes = events[2:5]
    assert [one["state"] for one in outcomes] == ["sent"] * 3
    assert {one["row"] for one in outcomes} == {2, 3, 4}
    assert all(one["reply"].startswith("250") for one in outcomes)
    assert events[0]["to_send"] == events[-2]["messages"] == events[-1]["sent"] == 3
    assert events[-1]["states"]["sent"] == 3


def test_recipients_in_doubt_can_be_assumed_sent(campaign: Settings) -> None:
    lost = Rule(When(Stage.END_OF_DATA, times=1), (Close(),))
    with serve(lost) as server:
        assert states(send(campaign, server, 3)) == {"sent": 2, "in_doubt": 1}
        opened = open_ledger(campaign)
        ledger = store_of(opened, campaign)
        summary = ready_run(campaign, ledger, server.port, in_doubt="assume-sent").execute()
        opened.close()
    assert states(summary) == {"sent": 3}


def test_recipient_in_doubt_stays_so_when_refused_later(campaign: Settings) -> None:
    taken = Rule(When(Stage.END_OF_DATA, times=1), (Accept(), Close()))
    refused = Rule(When(Stage.RCPT, recipient="u0@*", skip=1), (Reply(550, "5.1.1 Gone"),))
    with serve(taken, refused) as server:
        send(campaign, server, 2)
        summary = send(campaign, server, 2, in_doubt="resend")
        assert states(summary) == {"sent": 1, "in_doubt": 1}


def test_summary_as_json_has_every_state(campaign: Settings) -> None:
    with serve() as server:
        document = send(campaign, server, 2, check_seconds=1.5).to_json()
    assert document["states"] == {
        "pending": 0, "sent": 2, "rejected": 0, "deferred": 0, "in_doubt": 0, "skipped": 0,
    }  # fmt: skip
    assert (document["campaign"], document["total"], document["check_seconds"]) == ("kept", 2, 1.5)
    assert document["seconds"] > 0
