"""Decisions about outcomes and failed connections, without socket and clock."""

from __future__ import annotations

import pytest

from mailmerge.engine.retry import (
    Decision,
    GiveUp,
    Reconnect,
    Refusals,
    Retire,
    decide,
    decide_connection,
    decide_fruitless,
    reconnect_pause,
)
from mailmerge.errors import (
    AuthenticationRefused,
    ConnectionLost,
    LocalProtocolError,
    RemoteProtocolError,
    RunStopped,
    ServerError,
    ServerRefused,
    ServerUnreachable,
)
from mailmerge.ledger.states import LONGEST_RETRY, State
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


def test_first_digit_decides() -> None:
    assert decided("250 Ok").state is State.SENT
    assert decided("299 Never heard of").state is State.SENT
    assert decided("499 Not now").state is State.DEFERRED
    assert decided("599 No").state is State.REJECTED


def test_lost_connection_is_doubt_only_after_the_end_of_data() -> None:
    lost = Outcome(1, Verdict.IN_DOUBT, Stage.CONTENT, reason="lost")
    assert decide(lost, attempts=0) == Decision(State.IN_DOUBT, "lost")


def test_untransmitted_message_is_tried_three_times_at_once() -> None:
    """Then it is deferred for five minutes, and the connection is not used again."""
    untransmitted = Outcome(1, Verdict.NOT_SENT, Stage.DATA, reason="lost")
    for returned in (0, 1):
        again = decide(untransmitted, attempts=0, returned=returned)
        assert again == Decision(None, "lost", recycle=True)
    assert decide(untransmitted, attempts=0, returned=2) == Decision(
        State.DEFERRED, "lost", retry_in=300.0, recycle=True
    )
    silent = Outcome(1, Verdict.NOT_SENT, Stage.DATA)
    decision = decide(silent, attempts=0, returned=2)
    assert decision.reply == "the connection ended before the message was transmitted"


def test_impossible_envelope_is_rejected_with_the_reason() -> None:
    impossible = Outcome(1, Verdict.REJECTED, Stage.MAIL, reason="no SMTPUTF8 here")
    assert decide(impossible, attempts=0) == Decision(State.REJECTED, "no SMTPUTF8 here")


def test_retry_pauses_double_up_to_four_hours() -> None:
    pauses = [decided("450 4.2.0 later", attempts=attempt).retry_in for attempt in range(12)]
    minutes = [None if pause is None else pause / 60 for pause in pauses]
    assert minutes == [5, 10, 20, 40, 80, 160, *[240] * 6]
    assert LONGEST_RETRY == 4 * 3600


@pytest.mark.parametrize(
    ("text", "stage", "slow"),
    [
        ("421 4.3.2 shutting down", Stage.CONTENT, False),
        ("421 4.4.2 idle for too long", Stage.RCPT, False),
        ("421 closing", Stage.RCPT, False),
        ("421 too many connections", Stage.RCPT, False),
        ("421 4.7.0 too many messages in this session", Stage.RCPT, False),
        ("421 4.7.0 try again later", Stage.RCPT, True),
        ("421 rate limit exceeded", Stage.RCPT, True),
        ("421 too many messages per minute", Stage.MAIL, True),
        ("451 4.7.1 too fast", Stage.RCPT, True),
        ("451 4.7.500 Server busy", Stage.RCPT, True),
        ("451 4.7.1 too many messages", Stage.RCPT, True),
        ("450 4.3.2 overload, slow down", Stage.RCPT, True),
        ("452 too many messages from your address per hour", Stage.RCPT, True),
        ("452 4.5.3 too many messages on this connection", Stage.RCPT, False),
        ("450 4.7.1 Greylisted, come back", Stage.RCPT, False),
        ("451 graylisting in action", Stage.CONTENT, False),
        ("450 4.2.1 mailbox busy", Stage.RCPT, False),
        ("451 4.1.8 Sender domain does not resolve", Stage.CONTENT, False),
        ("451 try later", Stage.RCPT, False),
        ("451 try later", Stage.CONTENT, True),
        ("452 4.3.1 no space", Stage.DATA, True),
        ("454 try later", Stage.DATA, False),
    ],
)
def test_complaint_about_speed_slows_but_not_about_a_mailbox(
    text: str, stage: Stage, slow: bool
) -> None:
    assert decided(text, stage).slow is slow


def test_used_up_connection_is_recycled_without_an_attempt() -> None:
    for text in ("452 4.5.3 Too many messages sent", "450 MI:DMC", "451 later"):
        used_up = decided(text, Stage.MAIL, carried=3)
        assert (used_up.state, used_up.recycle, used_up.slow) == (None, True, False)
        assert decided(text, Stage.MAIL, carried=3, returned=1).state is State.DEFERRED
    closed = Outcome(1, Verdict.NOT_SENT, Stage.MAIL, reply("421 4.7.0 Enough"))
    assert not decide(closed, attempts=0, carried=3).slow
    assert decide(closed, attempts=0, carried=0).slow
    later = Outcome(1, Verdict.NOT_SENT, Stage.RCPT, reply("421 4.7.0 Enough"))
    assert decide(later, attempts=0, carried=3).slow, "a connection is used up at MAIL only"


@pytest.mark.parametrize(
    "text", ["421 4.4.5 Too many messages on this connection", "421 4.3.2 Restarting", "421 Bye"]
)
@pytest.mark.parametrize("stage", [Stage.RCPT, Stage.DATA, Stage.CONTENT])
def test_closed_connection_costs_a_reconnect_and_nothing_else(text: str, stage: Stage) -> None:
    """Twice; the third time the message itself may be the reason."""
    for returned in (0, 1):
        closed = decided(text, stage, returned=returned)
        assert closed == Decision(None, text, recycle=True)
    third = decided(text, stage, returned=2)
    assert (third.state, third.recycle, third.slow) == (State.DEFERRED, True, False)


def test_complaint_about_the_speed_is_retried_twice_in_the_queue() -> None:
    for returned in (0, 1):
        complaint = decided("451 4.7.1 Too fast", returned=returned)
        assert complaint == Decision(None, "451 4.7.1 Too fast", slow=True)
        closing = decided("421 4.7.0 Too fast", returned=returned)
        assert closing == Decision(None, "421 4.7.0 Too fast", slow=True, recycle=True)
    third = decided("451 4.7.1 Too fast", attempts=1, returned=2)
    assert (third.state, third.retry_in, third.slow) == (State.DEFERRED, 600.0, True)


def test_busy_server_defers_and_counts_as_a_complaint() -> None:
    busy = decided("451 4.3.0 Try again later")
    assert (busy.state, busy.retry_in, busy.slow) == (State.DEFERRED, 300.0, True)


def test_messages_lost_with_a_connection_are_no_further_complaints() -> None:
    lost = Outcome(2, Verdict.NOT_SENT, Stage.DATA, reply("421 4.7.0 Too fast"))
    assert decide(lost, attempts=0).slow
    again = decide(lost, attempts=0, ending=True)
    assert (again.state, again.slow, again.recycle) == (None, False, True)


def test_4_7_28_cools_the_whole_run_down() -> None:
    decision = decided("421 4.7.28 unusual rate")
    assert (decision.state, decision.cool_down) == (State.DEFERRED, 600.0)
    assert decision.retry_in == 600.0


@pytest.mark.parametrize(
    "text",
    [
        "550 5.4.5 Daily user sending limit exceeded",
        "554 Message limit per day reached",
        "550 5.7.0 your daily sending quota is exceeded",
        "530 5.7.0 Authentication required",
    ],
)
def test_reply_about_the_account_stops_the_run(text: str) -> None:
    decision = decided(text, Stage.MAIL)
    assert decision.state is None
    assert text in decision.stop


def test_refused_sender_defers_but_too_large_is_rejected() -> None:
    assert decided("550 5.7.1 Sender refused", Stage.MAIL).state is State.DEFERRED
    assert decided("552 5.3.4 Too big", Stage.MAIL).state is State.REJECTED


@pytest.mark.parametrize("text", ["500 What?", "502 5.5.1 Not here", "503 5.5.1 MAIL first"])
def test_confused_server_is_no_fault_of_the_recipient(text: str) -> None:
    for stage in (Stage.RCPT, Stage.DATA):
        assert decided(text, stage) == Decision(State.DEFERRED, text, retry_in=300.0)
    assert decided(text, Stage.CONTENT).state is State.REJECTED, "it may be about a line"
    assert decided("500 5.1.1 No such user", Stage.RCPT).state is State.REJECTED
    assert decided("501 5.1.3 Bad address", Stage.RCPT).state is State.REJECTED
    assert decided("504 5.5.2 Full address needed", Stage.RCPT).state is State.REJECTED


@pytest.mark.parametrize(
    ("text", "stage", "allowed"),
    [
        ("503 5.5.1 MAIL first", Stage.RCPT, 3),
        ("554 5.7.1 Relay access denied", Stage.RCPT, 10),
        ("550 5.1.1 No such user", Stage.RCPT, 100),
        ("550 5.1.8 Sender refused", Stage.MAIL, 3),
    ],
)
def test_equal_refusals_in_a_row_stop_the_run(text: str, stage: Stage, allowed: int) -> None:
    refusals = Refusals()
    said = [noted(refusals, f"{text}: <u{n}@example.org>", stage) for n in range(allowed)]
    assert not any(said[:-1])
    assert text in said[-1]


def test_other_outcome_restarts_the_count_of_refusals() -> None:
    refusals = Refusals()
    for number in range(50):
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
def test_rule_pause_defers_even_a_permanent_reply(provider: str, text: str) -> None:
    decision = by_rule(provider, text)
    assert decision == Decision(State.DEFERRED, text, retry_in=600.0, cool_down=600.0, recycle=True)


@pytest.mark.parametrize(
    ("provider", "text"),
    [
        ("gmail", "550 5.4.5 Limit exceeded"),
        ("ses", "454 Throttling failure: Daily message quota exceeded"),
        ("icloud", "550 5.7.0 Over the daily sending limit"),
    ],
)
def test_rule_pause_about_a_daily_limit_stops_the_run(provider: str, text: str) -> None:
    decision = by_rule(provider, text)
    assert decision.state is None
    assert decision.stop == f"the account's limit is reached: {text}"


def test_rule_reconnect_tries_three_connections() -> None:
    again = Decision(None, "550 MI:DMC", recycle=True)
    assert by_rule("163", "550 MI:DMC") == again
    assert by_rule("163", "550 MI:DMC", returned=1) == again
    assert by_rule("163", "550 MI:DMC", returned=2) == Decision(
        State.DEFERRED, "550 MI:DMC", retry_in=300.0, recycle=True
    )
    assert decided("550 MI:DMC").state is State.REJECTED, "no other server says it so"


def test_rule_stop_ends_the_run() -> None:
    decision = by_rule("ses", "554 Message rejected: Email address is not verified. x@y")
    assert decision.state is None
    assert "not verified" in decision.stop
    assert by_rule("ses", "550 5.1.1 No such person", Stage.RCPT).state is State.REJECTED


def test_rule_fail_rejects_a_transient_reply() -> None:
    rejected = decide(outcome("451 never"), attempts=0, rules=lambda code, text: "fail")
    assert rejected == Decision(State.REJECTED, "451 never")


def test_no_rule_changes_sent_or_in_doubt() -> None:
    sent = decide(outcome("250 Ok"), attempts=0, rules=lambda code, text: "stop")
    assert sent.state is State.SENT
    lost = Outcome(1, Verdict.IN_DOUBT, Stage.CONTENT, reply("421 bye"))
    assert decide(lost, attempts=0, rules=lambda code, text: "fail").state is State.IN_DOUBT


def test_recycled_connections_are_not_counted_as_refusals() -> None:
    refusals = Refusals()
    for _ in range(200):
        assert not refusals.note(outcome("550 MI:DMC"), by_rule("163", "550 MI:DMC"))


REFUSED = ServerRefused("554 not welcome")
LOST = ConnectionLost("the connection ended")


@pytest.mark.parametrize("error", [AuthenticationRefused("535 no"), LocalProtocolError("ours")])
@pytest.mark.parametrize("connected", [False, True])
def test_refused_login_and_own_error_give_up(error: ServerError, connected: bool) -> None:
    step = decide_connection(error, connected=connected, others=3)
    assert step == GiveUp(error)


def test_rule_stop_for_a_greeting_gives_up() -> None:
    rules = find_provider("gmail").action_for
    said = reply("421 4.7.0 Too many login attempts")
    error = ServerRefused(str(said))
    assert decide_connection(error, reply=said, connected=True, rules=rules) == GiveUp(error)
    assert decide_connection(error, reply=said, connected=True) == Reconnect(1.0)


@pytest.mark.parametrize(
    "error",
    [
        ServerUnreachable("no such host"),
        REFUSED,
        ServerRefused("no TLS", code="no-starttls"),
        RemoteProtocolError("not SMTP", code="malformed-reply"),
        RemoteProtocolError("injected", code="starttls-injection"),
    ],
)
def test_lasting_error_of_the_first_connection_gives_up(error: ServerError) -> None:
    """Such an error means wrong settings. After an open connection, it means a restart."""
    assert decide_connection(error) == GiveUp(error)
    assert decide_connection(error, connected=True) == Reconnect(1.0)


def test_passing_error_of_the_first_connection_is_tried_again() -> None:
    assert decide_connection(LOST) == Reconnect(1.0)


def test_refused_further_connection_retires() -> None:
    assert decide_connection(REFUSED, connected=True, others=1) == Retire()
    assert decide_connection(REFUSED, connected=True, others=0) == Reconnect(1.0)
    assert decide_connection(LOST, connected=True, others=1) == Reconnect(1.0)
    busy = ServerRefused("421 too many connections", code="turned-away")
    assert decide_connection(busy, connected=False, others=0) == Reconnect(1.0), "none is open"


@pytest.mark.parametrize("error", [REFUSED, ServerUnreachable("no answer in time")])
def test_first_connections_in_parallel_leave_the_decision_to_the_last(error: ServerError) -> None:
    assert decide_connection(error, others=2) == Retire()
    assert decide_connection(error, others=0) == GiveUp(error)


@pytest.mark.parametrize("connected", [False, True])
def test_broken_protocol_in_the_login_gives_up_at_once(connected: bool) -> None:
    endless = RemoteProtocolError("334 again", code="unexpected-reply")
    assert decide_connection(endless, connected=connected, in_login=True) == GiveUp(endless)
    assert decide_connection(endless, connected=connected) == Reconnect(1.0)


def test_login_without_a_reply_is_tried_three_times() -> None:
    steps = [decide_connection(LOST, failures=failures, in_login=True) for failures in (1, 2, 3)]
    assert steps == [Reconnect(1.0), Reconnect(2.0), GiveUp(LOST)]


def test_fruitless_connections_cost_growing_pauses_and_then_end_the_run() -> None:
    steps = [decide_fruitless("closed", failures=failures) for failures in range(1, 11)]
    assert [step.pause for step in steps if isinstance(step, Reconnect)] == [
        0, 1, 2, 4, 8, 16, 32, 60, 60, 60,
    ]  # fmt: skip
    last = decide_fruitless("closed", failures=11)
    assert isinstance(last, GiveUp)
    assert isinstance(last.error, RunStopped)
    assert last.error.problem.code == "server-gone"
    assert "closed" in str(last.error)


def test_reconnecting_takes_five_minutes_and_then_gives_up() -> None:
    pauses = []
    for failures in range(1, 11):
        step = decide_connection(LOST, failures=failures, connected=True)
        assert isinstance(step, Reconnect)
        pauses.append(step.pause)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    last = decide_connection(LOST, failures=11, connected=True)
    assert isinstance(last, GiveUp)
    assert isinstance(last.error, RunStopped)
    assert last.error.problem.code == "server-gone"
    assert last.error.__cause__ is LOST


def test_no_failure_costs_no_pause() -> None:
    assert reconnect_pause(0) == 0.0


@pytest.mark.parametrize(
    "text",
    [
        "Reject due to policy restrictions. See https://postmaster.x.net/case?c=r0735&r=1{}-00dbDH",
        "Message refused by policy (id {}-1srIWI1qNo-00dbDH)",
        "blocked, reference [{}aB9]",
        "5.7.1 spam detected; {}.x1-20020a170906a",
    ],
)
def test_refusals_for_policy_with_an_id_in_each_stop_the_run(text: str) -> None:
    refusals = Refusals()
    stopped = [
        number
        for number in range(20)
        if noted(refusals, f"554 {text.format(f'Ax{number}Kd{number * 7}q')}", Stage.CONTENT)
    ]
    assert stopped
    assert stopped[0] == 9


@pytest.mark.parametrize(
    "text",
    [
        "Message rejected by policy. Id {}",
        "blocked ({})",
        "Spam; ticket={}",
        "Mail from you to {} is blocked",
        "blocked. Error code: {}:{}",
    ],
)
def test_ids_of_letters_alone_count_as_the_same_words(text: str) -> None:
    ids = [
        "tcnazlmapfpi",
        "LDWEHQKZ",
        "8b7c0e1d-93f2-4c11-a0de-5b6f7a8c9d0e",
        "DLoykrac-PTZu_yBA==",
    ]
    refusals = Refusals()
    said = [
        noted(refusals, f"554 {text.format(ids[n % 4], ids[n % 3])}", Stage.CONTENT)
        for n in range(10)
    ]
    assert not any(said[:-1])
    assert "same words" in said[-1]


def test_refusals_for_different_reasons_do_not_stop_the_run() -> None:
    refusals = Refusals()
    reasons = ("no such user", "mailbox is full", "policy of the recipient")
    assert not any(
        noted(refusals, f"550 {reasons[number % 3]}", Stage.RCPT) for number in range(300)
    )
