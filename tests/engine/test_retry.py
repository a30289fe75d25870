"""Outcomes and what follows from them: no socket, no clock."""

from __future__ import annotations

import pytest

from mailmerge.engine.retry import (
    COOL_DOWN,
    COOL_DOWNS,
    EQUAL_REFUSALS,
    POLICY_REFUSALS,
    SENDER_REFUSALS,
    CoolDowns,
    Decision,
    Refusals,
    decide,
    reconnect_pause,
    retry_pause,
)
from mailmerge.ledger.states import State
from mailmerge.providers.lookup import find_provider
from mailmerge.smtp import Outcome, Reply, Stage, Verdict


def reply(text: str) -> Reply:
    code, _, words = text.partition(" ")
    status = words.split(" ")[0]
    return Reply(int(code), (words,), status if status.count(".") == 2 else None)


def outcome(text: str, stage: Stage = Stage.CONTENT, verdict: Verdict | None = None) -> Outcome:
    said = reply(text)
    usual = {2: Verdict.SENT, 4: Verdict.DEFERRED, 5: Verdict.REJECTED}[said.code // 100]
    return Outcome(1, verdict or usual, stage, said)


def decided(
    text: str,
    stage: Stage = Stage.CONTENT,
    *,
    attempts: int = 0,
    returned: int = 0,
    carried: int = 0,
) -> Decision:
    return decide(outcome(text, stage), attempts=attempts, returned=returned, carried=carried)


def noted(refusals: Refusals, text: str, stage: Stage) -> str:
    return refusals.note(outcome(text, stage), decided(text, stage))


def by_rule(
    provider: str, text: str, stage: Stage = Stage.CONTENT, *, returned: int = 0
) -> Decision:
    rules = find_provider(provider).action_for
    return decide(outcome(text, stage), attempts=0, returned=returned, rules=rules)


def test_the_first_digit_decides() -> None:
    assert decided("250 Ok").state is State.SENT
    assert decided("299 Never heard of").state is State.SENT
    assert decided("499 Not now").state is State.DEFERRED
    assert decided("599 No").state is State.REJECTED


def test_a_lost_connection_is_doubt_only_after_the_end_of_data() -> None:
    lost = Outcome(1, Verdict.IN_DOUBT, Stage.CONTENT, reason="lost")
    assert decide(lost, attempts=0) == Decision(State.IN_DOUBT, "lost")
    untransmitted = Outcome(1, Verdict.NOT_SENT, Stage.DATA, reason="lost")
    assert decide(untransmitted, attempts=0).state is None
    third = decide(untransmitted, attempts=0, returned=2)
    assert (third.state, third.reply, third.retry_in) == (State.DEFERRED, "lost", 300.0)


def test_what_cannot_be_sent_to_this_server_at_all_is_rejected_with_the_reason() -> None:
    impossible = Outcome(1, Verdict.REJECTED, Stage.MAIL, reason="no SMTPUTF8 here")
    assert decide(impossible, attempts=0) == Decision(State.REJECTED, "no SMTPUTF8 here")


def test_pauses_between_tries_grow_and_have_an_end() -> None:
    pauses = [retry_pause(attempt) for attempt in range(12)]
    assert pauses[:3] == [300.0, 600.0, 1200.0]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 4 * 3600
    assert decided("450 4.2.0 later", attempts=2).retry_in == 1200.0


@pytest.mark.parametrize(
    ("text", "stage", "slow"),
    [
        ("421 4.3.2 shutting down", Stage.CONTENT, True),
        ("451 4.7.1 too fast", Stage.RCPT, True),
        ("450 4.7.1 Greylisted, come back", Stage.RCPT, False),
        ("451 graylisting in action", Stage.CONTENT, False),
        ("450 4.2.1 mailbox busy", Stage.RCPT, False),
        ("451 try later", Stage.RCPT, False),
        ("451 try later", Stage.CONTENT, True),
        ("452 4.3.1 no space", Stage.DATA, True),
        ("454 try later", Stage.DATA, False),
    ],
)
def test_a_complaint_about_speed_slows_down_and_one_about_a_mailbox_does_not(
    text: str, stage: Stage, slow: bool
) -> None:
    assert decided(text, stage).slow is slow


def test_a_connection_that_is_used_up_is_recycled_and_costs_no_attempt() -> None:
    for text in ("452 4.5.3 Too many messages sent", "450 MI:DMC", "451 later"):
        used_up = decided(text, Stage.MAIL, carried=3)
        assert (used_up.state, used_up.recycle, used_up.slow) == (None, True, False)
        assert decided(text, Stage.MAIL, carried=3, returned=1).state is State.DEFERRED
    closed = Outcome(1, Verdict.NOT_SENT, Stage.MAIL, reply("421 4.7.0 Enough"))
    assert not decide(closed, attempts=0, carried=3).slow
    assert decide(closed, attempts=0, carried=0).slow


def test_gmails_4_7_28_cools_the_whole_run_down() -> None:
    decision = decided("421 4.7.28 unusual rate")
    assert (decision.state, decision.cool_down) == (State.DEFERRED, COOL_DOWN)
    assert decision.retry_in == COOL_DOWN


@pytest.mark.parametrize(
    "text",
    [
        "550 5.4.5 Daily user sending limit exceeded",
        "554 Message limit per day reached",
        "550 5.7.0 your daily sending quota is exceeded",
        "530 5.7.0 Authentication required",
    ],
)
def test_what_concerns_the_account_stops_the_run_and_keeps_the_person(text: str) -> None:
    decision = decided(text, Stage.MAIL)
    assert decision.state is None
    assert text in decision.stop


def test_a_refused_sender_is_nobodys_fault_but_a_message_too_large_is() -> None:
    assert decided("550 5.7.1 Sender refused", Stage.MAIL).state is State.DEFERRED
    assert decided("552 5.3.4 Too big", Stage.MAIL).state is State.REJECTED


@pytest.mark.parametrize(
    ("text", "stage", "allowed"),
    [
        ("554 5.7.1 Relay access denied", Stage.RCPT, POLICY_REFUSALS),
        ("550 5.1.1 No such user", Stage.RCPT, EQUAL_REFUSALS),
        ("550 5.1.8 Sender refused", Stage.MAIL, SENDER_REFUSALS),
    ],
)
def test_equal_refusals_in_a_row_stop_the_run(text: str, stage: Stage, allowed: int) -> None:
    refusals = Refusals()
    said = [noted(refusals, f"{text}: <u{n}@example.org>", stage) for n in range(allowed)]
    assert not any(said[:-1])
    assert text in said[-1]


def test_one_that_is_sent_or_refused_otherwise_begins_the_count_again() -> None:
    refusals = Refusals()
    for number in range(5 * POLICY_REFUSALS):
        between = "250 Ok" if number % 2 else "550 5.1.1 Other words"
        assert not noted(refusals, "554 5.7.1 Relay access denied", Stage.RCPT)
        if number % 5 == 0:
            noted(refusals, between, Stage.RCPT)
    lost = Outcome(1, Verdict.IN_DOUBT, Stage.CONTENT)
    assert not refusals.note(lost, decide(lost, attempts=0))


@pytest.mark.parametrize(
    ("provider", "text"),
    [
        ("qq", "550 Mailbox: frequency limited"),
        ("163", "554 MI:SFQ too many"),
        ("ses", "454 Throttling failure: Maximum sending rate exceeded"),
        ("gmail", "421 4.7.28 Unusual rate"),
    ],
)
def test_where_the_provider_means_a_pause_nobody_is_rejected(provider: str, text: str) -> None:
    decision = by_rule(provider, text)
    assert decision == Decision(
        State.DEFERRED, text, retry_in=COOL_DOWN, cool_down=COOL_DOWN, recycle=True
    )


@pytest.mark.parametrize(
    ("provider", "text"),
    [
        ("gmail", "550 5.4.5 Limit exceeded"),
        ("ses", "454 Throttling failure: Daily message quota exceeded"),
        ("icloud", "550 5.7.0 Over the daily sending limit"),
    ],
)
def test_where_the_day_is_used_up_the_run_stops_and_the_person_waits(
    provider: str, text: str
) -> None:
    decision = by_rule(provider, text)
    assert decision.state is None
    assert decision.stop == f"the account's limit is reached: {text}"


def test_where_the_provider_means_the_connection_the_person_goes_over_the_next_one() -> None:
    assert by_rule("163", "550 MI:DMC") == Decision(None, "550 MI:DMC", recycle=True)
    assert by_rule("163", "550 MI:DMC", returned=2).state is State.DEFERRED
    assert decided("550 MI:DMC").state is State.REJECTED, "no other server says it so"


def test_where_the_provider_means_the_sender_the_run_stops() -> None:
    decision = by_rule("ses", "554 Message rejected: Email address is not verified. x@y")
    assert decision.state is None
    assert "not verified" in decision.stop
    assert by_rule("ses", "550 5.1.1 No such person", Stage.RCPT).state is State.REJECTED


def test_a_rule_may_say_that_a_message_has_failed() -> None:
    rejected = decide(outcome("451 never"), attempts=0, rules=lambda code, text: "fail")
    assert rejected == Decision(State.REJECTED, "451 never")


def test_no_rule_turns_a_yes_or_a_doubt_into_something_else() -> None:
    sent = decide(outcome("250 Ok"), attempts=0, rules=lambda code, text: "stop")
    assert sent.state is State.SENT
    lost = Outcome(1, Verdict.IN_DOUBT, Stage.CONTENT, reply("421 bye"))
    assert decide(lost, attempts=0, rules=lambda code, text: "fail").state is State.IN_DOUBT


def test_what_the_provider_excuses_does_not_count_as_a_refusal() -> None:
    refusals = Refusals()
    for _ in range(2 * EQUAL_REFUSALS):
        assert not refusals.note(outcome("550 MI:DMC"), by_rule("163", "550 MI:DMC"))


def test_cool_downs_that_do_not_help_stop_the_run() -> None:
    cool, sent = decided("421 4.7.28 unusual rate"), decided("250 Ok")
    downs, now = CoolDowns(), 0.0
    for _ in range(COOL_DOWNS):
        assert not downs.note(cool, now)
        assert not downs.note(cool, now + COOL_DOWN - 1), "all lanes hear of it"
        now += COOL_DOWN
    assert "did not help: 421 4.7.28" in downs.note(cool, now)
    assert not downs.note(sent, now)
    assert not downs.note(cool, now + COOL_DOWN)


def test_reconnecting_pauses_grow_until_it_is_given_up() -> None:
    pauses = [reconnect_pause(failures) for failures in range(12)]
    assert pauses[:4] == [0.0, 1.0, 2.0, 4.0]
    assert pauses[10] == 60.0
    assert pauses[11] is None
