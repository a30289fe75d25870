"""Whole runs in this process, against a server that misbehaves as told."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mailmerge.campaign import Campaign, parse_rate
from mailmerge.engine.plan import Options, claim_size, make_plan
from mailmerge.engine.run import Run
from mailmerge.engine.summary import Progress, Summary
from mailmerge.errors import (
    AuthenticationRefused,
    Interrupted,
    MailmergeError,
    NotAllReached,
    RunStopped,
    ServerUnreachable,
    SmtpError,
    TemplateError,
)
from mailmerge.ledger.interface import Ledger, open_ledger, read_ledger
from mailmerge.ledger.states import Delivery, State
from mailmerge.mime.message import Composer
from mailmerge.mime.parts import PartStore
from mailmerge.providers.lookup import find_provider
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.content import Content, Renderer
from mailmerge.smtp.auth import Credentials
from mailmerge.smtp.server import Server
from tests.engine.driver import balance, make_campaign, make_recipients
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
    campaign: Campaign, ledger: Ledger, port: int, *, later: float = 0.0, **options: Any
) -> Run:
    given = {"wait": 0.0, **options}
    more = {
        name: given.pop(name) for name in ("credentials", "events", "renderer") if name in given
    }
    return Run(
        campaign,
        ledger,
        renderer=more.pop("renderer", None) or Renderer(campaign),
        composer=Composer(campaign, PartStore(campaign.folder)),
        server=Server("127.0.0.1", port, "none"),
        options=Options(**given),
        clock=lambda: time.time() + later,
        **more,
    )


def send(campaign: Campaign, server: ScriptedServer, people: int = 3, **more: Any) -> Summary:
    """Enrol so many people and run; the books must balance afterwards."""
    ledger = open_ledger(campaign)
    try:
        ledger.enrol(make_recipients(people), campaign.fingerprint())
        summary = ready_run(campaign, ledger, server.port, **more).execute()
        assert summary.total == people
    finally:
        ledger.close()
    books = balance(campaign, server.messages)
    books.check(people)
    assert sum(summary.states.values()) == len(books.people)
    for state, count in summary.states.items():
        assert count == len(books.in_state(state)), "the report is the ledger"
    assert not server.violations
    return summary


def states(summary: Summary) -> dict[str, int]:
    return {state.value: count for state, count in summary.states.items() if count}


def people_of(campaign: Campaign) -> list[Delivery]:
    record = read_ledger(campaign)
    assert record is not None
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
def test_everybody_is_sent_to(campaign: Campaign, options: dict[str, Any], offer: Offer) -> None:
    with serve(offer=offer) as server:
        summary = send(campaign, server, 40, **options)
        assert states(summary) == {"sent": 40}
        assert summary.error is None
        record = read_ledger(campaign)
        assert record is not None
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
    "refused-421": "deferred",
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
def test_notifications_are_asked_for_where_they_can_be(
    tmp_path: Path, keys: str, ret: str, notify: str, dsn: bool
) -> None:
    """RFC 3461, 4: RET and ENVID with MAIL, NOTIFY with RCPT, or none of them."""
    campaign = make_campaign(tmp_path / "notices", f"[delivery]\n{keys}\n")
    with serve(offer=Offer(dsn=dsn, size=None)) as server:
        send(campaign, server)
        said = server.commands()
        identifiers = sorted(one.message_id.strip("<>").partition("@")[0] for one in server.taken)
    mails = [line.partition("> ")[2].split() for line in said if line.startswith("MAIL")]
    people = [line.partition("> ")[2] for line in said if line.startswith("RCPT")]
    asked = dsn and bool(keys)
    expected = [[f"RET={ret}"] * bool(ret) + [f"ENVID={one}"] for one in identifiers]
    assert sorted(mails) == (expected if asked else [[]] * 3)
    assert people == [f"NOTIFY={notify}" if asked and notify else ""] * 3


@pytest.mark.parametrize("window", [1, 4])
@pytest.mark.parametrize("fault", END_OF_DATA)
def test_what_happens_to_one_message_at_the_end_of_data(
    campaign: Campaign, fault: str, window: int
) -> None:
    rule = Rule(When(Stage.END_OF_DATA, recipient="u1@*", times=1), end_of_data_faults()[fault])
    with serve(rule) as server:
        summary = send(campaign, server, 3, window=window)
    person = next(one for one in people_of(campaign) if one.key.startswith("u1@"))
    assert person.state == END_OF_DATA[fault]
    assert summary.states[State.SENT] + summary.states[State.IN_DOUBT] >= 2
    again = balance(campaign, server.messages)
    again.check_once()


@pytest.mark.parametrize("fault", before_content())
def test_what_happens_before_the_content_costs_nobody_their_message(
    campaign: Campaign, fault: str
) -> None:
    with serve(before_content()[fault]) as server:
        summary = send(campaign, server, 3)
        if isinstance(summary.error, RunStopped):
            summary = send(campaign, server, 3)
    assert summary.states[State.SENT] + summary.states[State.DEFERRED] == 3 or (
        summary.error is not None and summary.states[State.PENDING] == 3
    )


def test_a_connection_that_is_used_up_is_not_the_next_persons_fault(campaign: Campaign) -> None:
    for answer in (Reply(452, "4.5.3 Too many messages sent"), Reply(421, "4.7.0 Enough"), None):
        with serve(messages_per_connection(5, answer)) as server:
            campaign = make_campaign(campaign.folder.parent / f"used-{answer and answer.code}")
            assert states(send(campaign, server, 23, rates=[])) == {"sent": 23}
            assert server.connections == 5


def test_the_servers_limit_on_messages_is_kept(campaign: Campaign) -> None:
    with serve(offer=Offer(limits="MAILMAX=4")) as server:
        assert states(send(campaign, server, 10)) == {"sent": 10}
        ended = server.wait_for_end(server.connections)
        assert max(one.commands.get("MAIL", 0) for one in ended) <= 4


def test_a_refused_recipient_does_not_end_the_run(campaign: Campaign) -> None:
    refused = Rule(When(Stage.RCPT, recipient="u1@*"), (Reply(550, "5.1.1 No such user"),))
    with serve(refused) as server:
        summary = send(campaign, server, 5)
        assert states(summary) == {"sent": 4, "rejected": 1}
        assert isinstance(summary.error, NotAllReached)
        before = server.commands()
        send(campaign, server, 5, later=HOUR)
        assert server.commands() == before, "I7: a 5yz is never retried by itself"
    [person] = [one for one in people_of(campaign) if one.state is State.REJECTED]
    assert (person.reply, person.stage) == ("550 5.1.1 No such user", "rcpt")
    assert person.attempts == 1


def test_greylisted_people_are_sent_to_by_the_next_run_when_they_are_due(
    campaign: Campaign,
) -> None:
    with serve(greylist(1)) as server:
        first = send(campaign, server, 4)
        assert states(first) == {"deferred": 4}
        assert states(send(campaign, server, 4)) == {"deferred": 4}
        assert states(send(campaign, server, 4, later=HOUR)) == {"sent": 4}
        assert len(server.messages) == 4


def test_greylisted_people_are_sent_to_in_the_same_run_if_it_may_wait(campaign: Campaign) -> None:
    started = time.time()
    ledger = open_ledger(campaign)
    ledger.enrol(make_recipients(3), campaign.fingerprint())
    with serve(greylist(1)) as server:
        run = ready_run(campaign, ledger, server.port, wait=400.0)
        run.clock = run.desk._clock = lambda: time.time() + 500 * (time.time() - started)
        waited_for: list[str] = []
        summary = run.execute(lambda progress: waited_for.append(progress.waits_for))
    ledger.close()
    assert states(summary) == {"sent": 3}
    assert any("deferred" in what for what in waited_for)


def test_equal_policy_refusals_stop_the_run_with_one_explanation(campaign: Campaign) -> None:
    policy = Rule(When(Stage.RCPT), (Reply(554, "5.7.1 <x>: Relay access denied"),))
    with serve(policy) as server:
        summary = send(campaign, server, 40)
    assert isinstance(summary.error, RunStopped)
    assert "10 in a row" in str(summary.error)
    assert "Relay access denied" in str(summary.error)
    assert 10 <= summary.states[State.REJECTED] <= 12
    assert summary.states[State.PENDING] >= 28


def test_three_refused_senders_stop_the_run_and_cost_nobody_their_turn(campaign: Campaign) -> None:
    refused = Rule(When(Stage.MAIL, times=3), (Reply(550, "5.7.1 Sender not allowed"),))
    with serve(refused) as server:
        summary = send(campaign, server, 8)
        assert isinstance(summary.error, RunStopped)
        assert summary.states[State.REJECTED] == 0
        assert states(send(campaign, server, 8, later=HOUR)) == {"sent": 8}


@pytest.mark.parametrize(
    "reply", [Reply(550, "5.4.5 Daily user sending limit exceeded"), Reply(530, "5.7.0 Log in")]
)
def test_a_limit_of_the_account_stops_the_run_and_keeps_the_people(
    campaign: Campaign, reply: Reply
) -> None:
    with serve(Rule(When(Stage.MAIL, transaction=(3, 99), connection=0), (reply,))) as server:
        summary = send(campaign, server, 10)
        assert isinstance(summary.error, RunStopped)
        assert reply.text in str(summary.error)
        assert summary.states[State.SENT] == 3
        assert summary.states[State.PENDING] == 7
        assert states(send(campaign, server, 10)) == {"sent": 10}


def test_gmails_cool_down_is_ten_minutes_and_then_one_connection(campaign: Campaign) -> None:
    rule = Rule(When(Stage.END_OF_DATA, times=1), (Reply(421, "4.7.28 Unusual rate"), Close()))
    ledger = open_ledger(campaign)
    ledger.enrol(make_recipients(6), campaign.fingerprint())
    with serve(rule) as server:
        run = ready_run(campaign, ledger, server.port, connections=2)
        seen: list[Progress] = []

        def watch(progress: Progress) -> None:
            seen.append(progress)
            if "next turn" in progress.waits_for:
                run.stop()

        summary = run.execute(watch)
        assert run.desk.lanes_allowed == 1
    ledger.close()
    assert summary.states[State.DEFERRED] == 1
    assert summary.states[State.SENT] < 5
    assert len(server.taken) == summary.states[State.SENT]


def test_connections_come_back_one_a_minute_after_gmails_cool_down(campaign: Campaign) -> None:
    """A clock that goes 400 times as fast: ten minutes are a second and a half."""
    rule = Rule(When(Stage.END_OF_DATA, times=1), (Reply(421, "4.7.28 Unusual rate"), Close()))
    slow = Rule(When(Stage.END_OF_DATA), (Sleep(0.02), Usual()))
    began = time.time()
    seen: dict[int, float] = {}
    ledger = open_ledger(campaign)
    ledger.enrol(make_recipients(200), campaign.fingerprint())
    with serve(rule, slow) as server:
        run = ready_run(campaign, ledger, server.port, connections=3, wait=HOUR)
        run.clock = run.desk._clock = lambda: began + 400 * (time.time() - began)

        def watch(progress: Progress) -> None:
            if seen or run.desk.lanes_allowed == 1:
                seen.setdefault(run.desk.lanes_allowed, run.clock())
            if len(seen) == 3:
                run.stop()

        summary = run.execute(watch)
        taken = server.taken
    ledger.close()
    assert list(seen) == [1, 2, 3]
    assert seen[2] - seen[1] >= 600
    assert seen[3] - seen[2] >= 59
    assert summary.states[State.SENT] == len(taken) > 0


def test_where_the_provider_means_a_pause_the_people_are_kept(campaign: Campaign) -> None:
    """QQ's 550 would cost each of them their message."""
    often = Rule(
        When(Stage.END_OF_DATA, transaction=2, connection=0),
        (Reply(550, "Mailbox frequency limited"),),
    )
    rules = find_provider("qq").action_for
    with serve(often) as server:
        ledger = open_ledger(campaign)
        ledger.enrol(make_recipients(20), campaign.fingerprint())
        run = ready_run(campaign, ledger, server.port, rules=rules)
        summary = run.execute(lambda progress: run.stop() if progress.waits_for else None)
        ledger.close()
        assert summary.states[State.DEFERRED] == 1
        assert summary.states[State.REJECTED] == 0
        in_flight = 2
        assert 2 <= summary.states[State.SENT] <= 2 + in_flight


def test_a_connection_that_the_provider_calls_used_up_costs_nobody_their_turn(
    campaign: Campaign,
) -> None:
    with serve(messages_per_connection(3, Reply(550, "MI:DMC too many"))) as server:
        rules = find_provider("163").action_for
        assert states(send(campaign, server, 10, rules=rules)) == {"sent": 10}
        assert server.connections == 4


def test_what_the_provider_says_before_any_message_may_stop_the_run_at_once(
    campaign: Campaign,
) -> None:
    closed = Rule(When(Stage.GREETING), (Reply(421, "4.7.0 Too many login attempts"), Close()))
    with serve(closed) as server:
        summary = send(campaign, server, 3, rules=find_provider("gmail").action_for)
        assert isinstance(summary.error, SmtpError)
        assert server.connections == 1
    assert states(summary) == {"pending": 3}


def test_who_is_certainly_not_sent_to_is_not_in_doubt_even_if_the_mark_was_made(
    campaign: Campaign,
) -> None:
    """421 and the end: what was streamed behind that message was never looked at."""
    leaving = (Sleep(0.2), Reply(421, "4.3.2 Shutting down"), Close())
    gone = Rule(When(Stage.GREETING, connection=(1, 99)), leaving[1:])
    with serve(Rule(When(Stage.END_OF_DATA, times=1), leaving), gone) as server:
        ledger = open_ledger(campaign)
        ledger.enrol(make_recipients(4), campaign.fingerprint())
        run = ready_run(campaign, ledger, server.port, window=4)
        run.execute(lambda progress: run.stop() if server.connections > 1 else None)
        ledger.close()
    record = read_ledger(campaign)
    assert record is not None
    found = {state.value: count for state, count in record.counts().items() if count}
    assert found == {"deferred": 1, "pending": 3}


def test_a_refused_log_in_stops_everything_after_one_attempt(campaign: Campaign) -> None:
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


def test_a_server_that_is_not_there_is_said_at_once(campaign: Campaign) -> None:
    with serve() as server:
        server.stop()
        summary = send(campaign, server, 2)
    assert isinstance(summary.error, ServerUnreachable)
    assert states(summary) == {"pending": 2}


def test_a_server_that_restarts_in_mid_campaign_is_waited_for(campaign: Campaign) -> None:
    with serve(Rule(When(Stage.END_OF_DATA), (Sleep(0.005), Usual()))) as server:
        ledger = open_ledger(campaign)
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
        ledger.close()
        assert restarted.is_set()
        assert summary.states[State.SENT] + summary.states[State.IN_DOUBT] == 60
        assert summary.states[State.IN_DOUBT] <= 1
        balance(campaign, server.messages).check(60)


def test_the_first_stop_finishes_what_is_in_flight_and_says_quit(campaign: Campaign) -> None:
    with serve(Rule(When(Stage.END_OF_DATA), (Sleep(0.02), Usual()))) as server:
        ledger = open_ledger(campaign)
        ledger.enrol(make_recipients(500), campaign.fingerprint())
        run = ready_run(campaign, ledger, server.port)
        summary = run.execute(lambda progress: run.stop() if progress.done else None)
        ledger.close()
        assert isinstance(summary.error, Interrupted)
        assert 0 < summary.states[State.SENT] < 500
        assert summary.states[State.SENT] + summary.states[State.PENDING] == 500
        assert [one.quit for one in server.wait_for_end()] == [True]
        balance(campaign, server.messages).check(500)


def test_the_second_stop_gives_up_and_calls_it_doubt(campaign: Campaign) -> None:
    silent = Rule(When(Stage.END_OF_DATA), (Accept(), Sleep(FOREVER)))
    with serve(silent) as server:
        ledger = open_ledger(campaign)
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
        ledger.close()
        assert states(summary) == {"in_doubt": 1, "pending": 4}
        balance(campaign, server.messages).check(5)


class OneBadRow(Renderer):
    """A renderer that fails for one person."""

    def render(self, recipient: Recipient) -> Content:
        if recipient.row == 3:
            raise TemplateError("name is undefined", file="body.txt", row=3)
        return super().render(recipient)


def test_who_cannot_be_written_to_is_skipped_with_the_reason(campaign: Campaign) -> None:
    with serve() as server:
        summary = send(campaign, server, 4, renderer=OneBadRow(campaign))
    assert states(summary) == {"sent": 3, "skipped": 1}
    [skipped] = [one for one in people_of(campaign) if one.state is State.SKIPPED]
    assert "name is undefined" in skipped.reply


class Broken(Renderer):
    """A renderer with a defect of its own."""

    def render(self, recipient: Recipient) -> Content:
        raise ZeroDivisionError


def test_a_defect_ends_the_run_and_is_told(campaign: Campaign) -> None:
    with serve() as server:
        summary = send(campaign, server, 4, renderer=Broken(campaign))
    assert type(summary.error) is MailmergeError
    assert "ZeroDivisionError" in str(summary.error)
    assert states(summary) == {"pending": 4}


def test_a_rate_is_kept_as_the_server_sees_it(campaign: Campaign) -> None:
    with serve() as server:
        summary = send(campaign, server, 6, rates=[parse_rate("20/second")], connections=3)
    assert states(summary) == {"sent": 6}
    assert summary.seconds >= 5 / 20


def test_a_used_up_day_stops_the_run_and_says_when_it_goes_on(campaign: Campaign) -> None:
    with serve() as server:
        summary = send(campaign, server, 8, rates=[parse_rate("5/day")])
    assert states(summary) == {"sent": 5, "pending": 3}
    assert isinstance(summary.error, RunStopped)
    assert "today is used up" in str(summary.error)


def test_a_slow_domain_holds_up_nobody_else(tmp_path: Path) -> None:
    campaign = make_campaign(
        tmp_path / "slow", '[delivery]\ndomain_rates = { "slow.example" = ["1/minute"] }\n'
    )
    people = make_recipients(3, "slow.example") + make_recipients(5)
    ledger = open_ledger(campaign)
    ledger.enrol(people, campaign.fingerprint())
    with serve() as server:
        run = ready_run(campaign, ledger, server.port)
        run.execute(lambda progress: run.stop() if progress.done == 6 else None)
        reached = [path for one in server.messages for path in one.forward_paths]
    ledger.close()
    assert len(reached) == 6
    assert sum(path.endswith("slow.example") for path in reached) == 1


def test_a_limit_tries_so_many_people_and_no_more(campaign: Campaign) -> None:
    with serve() as server:
        assert states(send(campaign, server, 9, limit=4)) == {"sent": 4, "pending": 5}
        assert states(send(campaign, server, 9)) == {"sent": 9}


def test_each_outcome_is_an_event(campaign: Campaign) -> None:
    events: list[dict[str, Any]] = []
    with serve() as server:
        send(campaign, server, 3, events=events.append)
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


def test_in_doubt_people_can_be_assumed_sent(campaign: Campaign) -> None:
    lost = Rule(When(Stage.END_OF_DATA, times=1), (Close(),))
    with serve(lost) as server:
        assert states(send(campaign, server, 3)) == {"sent": 2, "in_doubt": 1}
        ledger = open_ledger(campaign)
        summary = ready_run(campaign, ledger, server.port, in_doubt="assume-sent").execute()
        ledger.close()
    assert states(summary) == {"sent": 3}


def test_who_was_in_doubt_and_is_then_refused_stays_in_doubt(campaign: Campaign) -> None:
    taken = Rule(When(Stage.END_OF_DATA, times=1), (Accept(), Close()))
    refused = Rule(When(Stage.RCPT, recipient="u0@*", skip=1), (Reply(550, "5.1.1 Gone"),))
    with serve(taken, refused) as server:
        send(campaign, server, 2)
        summary = send(campaign, server, 2, in_doubt="resend")
        assert states(summary) == {"sent": 1, "in_doubt": 1}


def test_the_plan_says_what_the_run_would_do(campaign: Campaign) -> None:
    counts = {State.PENDING: 600, State.SENT: 40}
    options = Options(limit=500, rates=[parse_rate("60/minute"), parse_rate("200/day")])
    plan = make_plan(campaign, counts, to_send=600, server="here", subjects="abcd", options=options)
    assert (plan.total, plan.to_send, plan.subjects) == (640, 500, ("a", "b", "c"))
    assert plan.ends_after == 2 * 86_400
    assert plan.from_ == "Example News <news@example.org>"
    assert make_plan(campaign, counts, to_send=600, server="here").ends_after == 0
    only = replace(options, rates=[parse_rate("60/minute")])
    plan = make_plan(campaign, counts, to_send=61, server="here", options=only)
    assert 60 <= plan.ends_after < 61
    slowed = plan.slowed("a value stands in <style>", 0.5)
    assert slowed.ends_after == 122


def test_a_slow_run_claims_no_more_than_it_can_send_soon() -> None:
    assert claim_size(0.0, 1) == 500
    assert claim_size(1.0, 1) == 5
    assert claim_size(60.0, 1) == 1
    assert claim_size(60.0, 4) == 4


def test_the_summary_as_json_has_every_state(campaign: Campaign) -> None:
    with serve() as server:
        document = send(campaign, server, 2, check_seconds=1.5).to_json()
    assert document["states"] == {
        "pending": 0, "sent": 2, "rejected": 0, "deferred": 0, "in_doubt": 0, "skipped": 0,
    }  # fmt: skip
    assert (document["campaign"], document["total"], document["check_seconds"]) == ("kept", 2, 1.5)
    assert document["seconds"] > 0
