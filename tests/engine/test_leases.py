"""Whole runs that live longer than the lease of their claims, and runs that have lost them.

Their clock goes on with the steps of the run (stepping.py).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from mailmerge.engine.summary import Summary
from mailmerge.errors import ClaimLost, Interrupted
from mailmerge.ledger.interface import Store
from mailmerge.ledger.states import Delivery, State, Transition, claim_transition
from mailmerge.ledger.store import LEASE, SqlStore
from mailmerge.settings import Settings, parse_rate
from tests.engine.clocks import START, Clock
from tests.engine.driver import compare, make_recipients, make_run
from tests.engine.stepping import Stepping, slow_server
from tests.ledgers import DEFAULTS, DURABLE, JOURNALED, PLAIN, open_store
from tests.scripted_server import ScriptedServer, serve

NUMBER = 6

every_store = pytest.mark.parametrize("kind", DURABLE)


class _Watched(Stepping):
    """A store in whose database another process looks for expired claims after each renewal."""

    def renew(self, worker: str, now: float) -> None:
        super().renew(worker, now)
        assert self.store.expire(self.clock.now) == 0, "a claim was not renewed in time"


class _Asleep(Stepping):
    """A store that renews, after each step, what has expired meanwhile."""

    def renew(self, worker: str, now: float) -> None:
        self.store.renew(worker, now + self.step)
        self.clock.now += self.step

    def claim(
        self, worker: str, limit: int, now: float, closed: Collection[str] = ()
    ) -> list[Delivery]:
        """The run has read the clock before it slept; a worker is quicker than its next step."""
        return super().claim(worker, limit, self.clock.now)


def run_over(
    campaign: Settings, kind: str, around: Callable[[Store], object], **options: Any
) -> Summary:
    """Run over a store with something around it; ledger and server must agree afterwards."""
    with serve() as server:
        with open_store(campaign, kind) as store:
            store.enrol(make_recipients(NUMBER), campaign.fingerprint())
            run = make_run(campaign, cast("Store", around(store)), server.port, **options)
            summary = run.execute()
        found = compare(campaign, server)
    found.check(NUMBER)
    found.check_once()
    return summary


@every_store
def test_a_slow_server_does_not_cost_a_run_its_claims(campaign: Settings, kind: str) -> None:
    clock = Clock()
    summary = run_over(
        campaign,
        kind,
        lambda store: _Watched(store, clock, LEASE / 5),
        clock=clock,
        more={"connect": slow_server(clock, LEASE / 2)},
    )
    assert clock() > START + 2 * LEASE, "it took longer than two leases"
    assert (summary.error, summary.states[State.SENT]) == (None, NUMBER)


@every_store
def test_a_run_goes_on_after_pauses_longer_than_its_lease(campaign: Settings, kind: str) -> None:
    clock = Clock()
    summary = run_over(
        campaign,
        kind,
        lambda store: _Watched(store, clock, LEASE / 2.5),
        clock=clock,
        rates=[parse_rate("10/hour")],
    )
    assert clock() > START + (NUMBER - 1) * 360
    assert (summary.error, summary.states[State.SENT]) == (None, NUMBER)


@every_store
def test_a_machine_that_slept_renews_what_was_not_taken(campaign: Settings, kind: str) -> None:
    """The claims have expired, but the run renews them before another process looks."""
    clock = Clock()
    summary = run_over(
        campaign,
        kind,
        lambda store: _Asleep(store, clock, 2 * LEASE),
        clock=clock,
        rates=[parse_rate("3/hour")],
    )
    assert (summary.error, summary.states[State.SENT]) == (None, NUMBER)


class _StoppedWhileSending(_Watched):
    """Asks the run to stop when the first message is about to leave."""

    def __init__(self, store: Store, clock: Clock) -> None:
        super().__init__(store, clock, LEASE / 2.5)
        self.stop: Callable[[], None] | None = None

    def apply(self, transitions: Sequence[Transition]) -> list[Transition]:
        recorded = self.store.apply(transitions)
        if self.stop is not None and transitions[0].state is State.SENDING:
            self.stop()
            self.stop = None
        return recorded


@every_store
def test_claims_are_renewed_until_the_last_message_is_settled(
    campaign: Settings, kind: str
) -> None:
    """After a stop the loop has ended, and still waits for the worker."""
    clock = Clock()
    with serve() as server, open_store(campaign, kind) as store:
        store.enrol(make_recipients(NUMBER), campaign.fingerprint())
        stopped = _StoppedWhileSending(store, clock)
        connect = slow_server(clock, 1.5 * LEASE)
        run = make_run(
            campaign, cast("Store", stopped), server.port, clock=clock, more={"connect": connect}
        )
        stopped.stop = run.stop
        summary = run.execute()
        assert clock() > START + LEASE
        assert isinstance(summary.error, Interrupted)
        assert summary.states[State.SENT] == len(server.messages) > 0
        assert summary.states[State.PENDING] == NUMBER - len(server.messages) > 0


# --- claims that were lost


class _Contested(SqlStore):
    """A store of a database in which another process has one too."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.other = SqlStore(*arguments, **options)


class _Overslept:
    """A store that is too late with the first `sending`: the lease of all claims has run out.

    `lose` is called with the time when they have expired, and before `sending` is written.
    """

    def __init__(self, store: Store, clock: Clock, lose: Callable[[float], None]) -> None:
        self._store = store
        self._clock = clock
        self._lose = lose
        self.lost = False

    def apply(self, transitions: Sequence[Transition]) -> list[Transition]:
        if not self.lost:
            assert transitions[0].state is State.SENDING
            self._clock.now += 2 * LEASE
            self._lose(self._clock.now)
            self.lost = True
        return self._store.apply(transitions)

    def renew(self, worker: str, now: float) -> None:
        if self.lost:
            self._store.renew(worker, now)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def overslept(
    campaign: Settings, store: Store, server: ScriptedServer, lose: Callable[[float], None]
) -> Clock:
    """Run until the claims are lost: nothing may be sent then."""
    clock = Clock()
    store.enrol(make_recipients(NUMBER), campaign.fingerprint())
    late = _Overslept(store, clock, lose)
    summary = make_run(campaign, cast("Store", late), server.port, clock=clock).execute()
    assert late.lost
    assert isinstance(summary.error, ClaimLost)
    assert server.messages == []
    return clock


def finish(campaign: Settings, store: Store, server: ScriptedServer, clock: Clock) -> None:
    """Let the owner of the deliveries send them."""
    summary = make_run(campaign, store, server.port, clock=clock).execute()
    assert (summary.error, summary.states[State.SENT]) == (None, NUMBER)


@every_store
def test_a_run_whose_claims_have_ended_sends_nothing(campaign: Settings, kind: str) -> None:
    with serve() as server:
        with open_store(campaign, kind) as store:

            def lose(now: float) -> None:
                assert store.expire(now) == NUMBER

            clock = overslept(campaign, store, server, lose)
            assert {one.state for one in store.iterate()} == {State.PENDING}
            finish(campaign, store, server, clock)
        compare(campaign, server).check_once()


def test_a_run_whose_claims_another_process_holds_sends_nothing(campaign: Settings) -> None:
    with serve() as server:
        with open_store(campaign, PLAIN, replace(DEFAULTS, store=_Contested)) as store:
            assert isinstance(store, _Contested)
            other, taken = store.other, list[Delivery]()

            def lose(now: float) -> None:
                assert other.expire(now) == NUMBER
                taken.extend(other.claim("run", NUMBER, now))

            clock = overslept(campaign, store, server, lose)
            assert len(taken) == NUMBER
            assert {one.state for one in store.iterate()} == {State.CLAIMED}, "they are the other's"
            other.release([one.id for one in taken])
            finish(campaign, other, server, clock)
        compare(campaign, server).check_once()


def test_only_one_of_two_workers_of_a_journal_sends(campaign: Settings) -> None:
    """A transition does not say whose it is: the state alone decides between them."""
    with open_store(campaign, JOURNALED) as store:
        store.enrol(make_recipients(1), campaign.fingerprint())
        [late] = store.claim("late", 1, START)
        assert store.expire(START + LEASE) == 1
        with pytest.raises(ClaimLost):
            store.apply([claim_transition(late, State.SENDING, START + LEASE)])
        [again] = store.claim("other", 1, START + LEASE)
        store.apply([claim_transition(again, State.SENDING, START + LEASE)])
        with pytest.raises(ValueError, match="sending cannot become sending"):
            store.apply([claim_transition(late, State.SENDING, START + LEASE)])
        store.apply([Transition(again.id, State.SENT, START + LEASE, 1, reply="250 Ok")])
        with pytest.raises(ValueError, match="not claimed"):
            store.apply([Transition(late.id, State.REJECTED, START + LEASE, 1)])
