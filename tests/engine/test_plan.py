"""The plan: what a run within limits would do, and how long it takes at least."""

from __future__ import annotations

from dataclasses import replace

from mailmerge.engine.limits import Limits
from mailmerge.engine.plan import Plan, claim_size, least_seconds, make_plan
from mailmerge.ledger.states import State
from mailmerge.settings import parse_rate

COUNTS = {State.PENDING: 600, State.SENT: 40}
MINUTE = parse_rate("60/minute")


def plan_of(limits: Limits, to_send: int = 600) -> Plan:
    return make_plan(
        limits, COUNTS, to_send=to_send, sender="News <n@x.org>", server="here", subjects="abcd"
    )


def test_plan_counts_recipients_and_shows_three_subjects() -> None:
    plan = plan_of(Limits(limit=500, connections=3, window=4, rates=(MINUTE,)))
    assert (plan.total, plan.to_send) == (640, 500)
    assert plan.subjects == ("a", "b", "c")
    assert (plan.from_, plan.server) == ("News <n@x.org>", "here")
    assert (plan.connections, plan.window, plan.rates) == (3, 4, (MINUTE,))
    assert plan_of(Limits(limit=900)).to_send == 600


def test_slowest_rate_decides_when_the_run_ends() -> None:
    day = parse_rate("200/day")
    assert plan_of(Limits(limit=500, rates=(MINUTE, day))).ends_after == 2 * 86_400
    assert plan_of(Limits()).ends_after == 0
    assert 60 <= plan_of(Limits(rates=(MINUTE,)), to_send=61).ends_after < 61


def test_least_time_counts_pauses_between_messages() -> None:
    day = parse_rate("200/day")
    assert [least_seconds([day], count) for count in (0, 200, 201, 401)] == [0, 0, 86_400, 172_800]
    assert least_seconds([MINUTE], 1) == 0
    assert least_seconds([], 10**6) == 0


def test_slow_messages_delay_the_end() -> None:
    plan = plan_of(Limits(rates=(MINUTE,)), to_send=61)
    slowed = plan.slowed("a value stands in <style>", 0.5)
    assert slowed.ends_after == 122
    assert (slowed.slow_because, slowed.per_second) == ("a value stands in <style>", 0.5)
    assert plan.slowed("why", 1000.0).ends_after == plan.ends_after, "the rate is slower"
    assert slowed.slowed("", 0.0) == plan


def test_slow_run_claims_no_more_than_it_can_send_soon() -> None:
    assert claim_size(0.0, 1) == 500
    assert claim_size(0.001, 1) == 500
    assert claim_size(1.0, 1) == 5
    assert claim_size(60.0, 1) == 1
    assert claim_size(60.0, 4) == 4


def test_plan_as_text_has_a_line_for_each_fact() -> None:
    plan = plan_of(Limits(limit=500, connections=3, window=4, rates=(MINUTE,)))
    assert str(plan).splitlines() == [
        "  recipients 500 (140 of 640 are done or not selected)",
        "  from       News <n@x.org>",
        "  server     here",
        "  subjects   a",
        "             b",
        "             c",
        "  limits     60/minute; 3 connections, 4 messages in flight on each",
        "  ends       in 8 minutes at the earliest",
    ]


def test_plan_as_text_leaves_out_what_does_not_apply() -> None:
    plan = make_plan(Limits(), {State.PENDING: 2}, to_send=2, sender="n@x.org", server="here")
    assert str(plan).splitlines() == [
        "  recipients 2", "  from       n@x.org", "  server     here",
        "  limits     none; 1 connection",
    ]  # fmt: skip


def test_plan_as_text_names_test_address_and_slow_styles() -> None:
    slowed = replace(plan_of(Limits()), test_to="me@x.org").slowed("a value stands in <style>", 40)
    lines = str(slowed).splitlines()
    assert lines[1] == "  test to    me@x.org only"
    assert lines[-2] == (
        "  speed      about 40 a second: styles depend on the row (a value stands in <style>)"
    )
