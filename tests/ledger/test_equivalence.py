"""A journal changes what a transition costs, and nothing else: any steps, compared with a model.

The same steps go to a store with a journal and to the plain store in memory. After each of them
both say the same, and so does the journaled one after its process has been killed.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from mailmerge.errors import ClaimLost
from mailmerge.ledger.interface import Store
from mailmerge.ledger.ledger import LedgerOptions
from mailmerge.ledger.states import (
    Delivery,
    State,
    Transition,
    claim_transition,
    end_claim,
    reported,
)
from mailmerge.ledger.store import LEASE
from tests.engine.driver import make_campaign, make_recipients
from tests.ledger.steps import NOW
from tests.ledgers import JOURNALED, MEMORY, as_left_by_a_crash, open_ledger, read_ledger, store_of

RECIPIENTS = 6
# Two short ones may add up to less than a quarter of a lease, or a short and a long one to a lease.
WAITS = [1.0, 60.0, LEASE / 2, LEASE - 30, LEASE + 1]
BEFORE_DATA = st.sampled_from([State.REJECTED, State.DEFERRED, State.SKIPPED])
AFTER_DATA = st.sampled_from([State.SENT, State.REJECTED, State.DEFERRED, State.IN_DOUBT])


class SameSteps(RuleBasedStateMachine):
    claimed = Bundle("claimed")
    sending = Bundle("sending")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="same-steps"))
        self.campaign = make_campaign(self.folder / "campaign")
        options = LedgerOptions(rotate_after=500)
        self.ledgers = [open_ledger(self.campaign, kind, options) for kind in (JOURNALED, MEMORY)]
        self.stores = [store_of(ledger, self.campaign) for ledger in self.ledgers]
        self.now = NOW
        self.crashes = 0
        self.newest: dict[int, Delivery] = {}
        for store in self.stores:
            store.enrol(make_recipients(RECIPIENTS), "f")

    def teardown(self) -> None:
        for ledger in self.ledgers:
            ledger.close()
        shutil.rmtree(self.folder)

    def both(self, step: Callable[[Store], Any]) -> Any:
        """Take a step in both stores; they return or raise the same."""
        journaled, plain = (self._outcome(step, store) for store in self.stores)
        assert journaled == plain
        return journaled

    def _outcome(self, step: Callable[[Store], Any], store: Store) -> Any:
        try:
            return step(store)
        except ClaimLost as error:
            return error.ids

    @rule(target=claimed, limit=st.integers(1, RECIPIENTS), worker=st.sampled_from("ab"))
    def claim(self, limit: int, worker: str) -> Any:
        journaled, plain = (store.claim(worker, limit, self.now) for store in self.stores)
        assert [one.id for one in journaled] == [one.id for one in plain]
        assert [one.date for one in journaled] == [one.date for one in plain]
        self.newest.update((one.id, one) for one in journaled)
        return multiple(*journaled)

    def is_stale(self, one: Delivery) -> bool:
        """Whether the delivery has been claimed again since; a worker forgets it then."""
        return self.newest[one.id] is not one

    @rule(target=sending, one=consumes(claimed))
    def send(self, one: Delivery) -> Any:
        if self.is_stale(one):
            return multiple()
        found = self.both(
            lambda store: store.apply([claim_transition(one, State.SENDING, self.now)])
        )
        return multiple() if found == (one.id,) else one

    @rule(target=claimed, one=consumes(sending))
    def take_back(self, one: Delivery) -> Any:
        if self.is_stale(one):
            return multiple()
        back = claim_transition(one, State.CLAIMED, self.now)
        found = self.both(lambda store: store.apply([back])[0].state)
        return one if found is State.CLAIMED else multiple()

    @rule(one=consumes(claimed), state=BEFORE_DATA)
    def refuse(self, one: Delivery, state: State) -> None:
        self._settle(one, state)

    @rule(one=consumes(sending), state=AFTER_DATA)
    def answer(self, one: Delivery, state: State) -> None:
        self._settle(one, state)

    def _settle(self, one: Delivery, state: State) -> None:
        if self.is_stale(one):
            return
        doubts = one.doubts + (state is State.IN_DOUBT)
        retry_at = self.now + 60 if state is State.DEFERRED else None
        outcome = Transition(one.id, state, self.now, one.attempts + 1, doubts, retry_at, "x", "r")
        self.both(lambda store: store.apply([outcome])[0].state)

    @rule(one=consumes(claimed))
    def release(self, one: Delivery) -> None:
        if not self.is_stale(one):
            self.both(lambda store: store.release([one.id]))

    @rule(seconds=st.sampled_from(WAITS), worker=st.sampled_from("ab"))
    def wait(self, seconds: float, worker: str) -> None:
        """Time goes by; one worker is alive, the claims of the other may expire."""
        self.now += seconds
        for store in self.stores:
            store.renew(worker, self.now)
        self.both(lambda store: store.expire(self.now))

    @rule()
    def resend(self) -> None:
        self.both(lambda store: store.resend_in_doubt())

    @rule()
    def assume_sent(self) -> None:
        self.both(lambda store: store.assume_sent())

    @rule()
    def retry(self) -> None:
        self.both(lambda store: store.retry_rejected())

    @rule()
    def retry_deferred(self) -> None:
        self.both(lambda store: store.retry_deferred())

    @rule()
    def flush(self) -> None:
        self.both(lambda store: store.flush())

    @invariant()
    def they_say_the_same(self) -> None:
        self.both(lambda store: store.counts())
        self.both(lambda store: store.next_retry())
        assert sum(self.stores[0].counts().values()) == RECIPIENTS

    @rule()
    def they_hold_the_same(self) -> None:
        self.both(lambda store: store.claimable())
        self.both(lambda store: [(one.key, one.state, one.attempts) for one in store.iterate()])

    @rule()
    def a_crash_loses_nothing(self) -> None:
        """What another process finds: the same, with every claim let go."""
        self.crashes += 1
        left = as_left_by_a_crash(self.campaign, self.folder / f"crash-{self.crashes}")
        expected = [self._ended(one) for one in self.stores[1].iterate()]
        assert [one.state for one in read_ledger(left).iterate()] == expected
        with open_ledger(left) as ledger:
            found = store_of(ledger, left)
            assert [one.state for one in found.iterate()] == expected
            assert found.counts() == reported({state: expected.count(state) for state in State})

    @staticmethod
    def _ended(one: Delivery) -> State:
        return end_claim(claim_transition(one, one.state, NOW), known=True).state


# To make a failing example small would take minutes: each step syncs a disk.
SameSteps.TestCase.settings = settings(
    max_examples=12,
    stateful_step_count=30,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
TestSameSteps = SameSteps.TestCase
