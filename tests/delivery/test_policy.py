"""Outcomes and what follows from them: no socket, no clock."""

from __future__ import annotations

import pytest

from mailmerge.delivery.person import State
from mailmerge.delivery.policy import (
    COOL_DOWN,
    EQUAL_REFUSALS,
    POLICY_REFUSALS,
    SENDER_REFUSALS,
    Decision,
    Refusals,
    decide,
    reconnect_pause,
    retry_pause,
)
from mailmerge.smtp.reply import Reply
from mailmerge.smtp.transaction import Outcome, Stage, Verdict


def reply(text: str) -> Reply:
    code, _, words = text.partition(" ")
    status = words.split(" ")[0]
    return Reply(int(code), (words,), status if status.count(".") == 2 else None)


def outcome(text: str, stage: Stage = Stage.CONTENT, verdict: Verdict | None = None) -> Outcome:
    said = reply(text)
    usual = {2: Verdict.SENT, 4: Verdict.DEFERRED, 5: Verdict.REJECTED}[said.code // 100]
    return Outcome(1, verdict or usual, stage, said)


def decided(text: str, stage: Stage = Stage.CONTENT, **more: int) -> Decision:
    return decide(outcome(text, stage), attempts=more.pop("attempts", 0), **more)


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
    said = [refusals.note(outcome(f"{text}: <u{n}@example.org>", stage)) for n in range(allowed)]
    assert not any(said[:-1])
    assert text in said[-1]


def test_one_that_is_sent_or_refused_otherwise_begins_the_count_again() -> None:
    refusals = Refusals()
    for number in range(5 * POLICY_REFUSALS):
        between = "250 Ok" if number % 2 else "550 5.1.1 Other words"
        assert not refusals.note(outcome("554 5.7.1 Relay access denied", Stage.RCPT))
        if number % 5 == 0:
            refusals.note(outcome(between, Stage.RCPT))
    assert not refusals.note(Outcome(1, Verdict.IN_DOUBT, Stage.CONTENT))


def test_reconnecting_pauses_grow_until_it_is_given_up() -> None:
    pauses = [reconnect_pause(failures) for failures in range(12)]
    assert pauses[:4] == [0.0, 1.0, 2.0, 4.0]
    assert pauses[10] == 60.0
    assert pauses[11] is None
