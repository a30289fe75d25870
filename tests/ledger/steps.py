"""Steps that the tests of the ledger take again and again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mailmerge.ledger.interface import Store
from mailmerge.ledger.states import Delivery, State, Transition, claim_transition
from tests.engine.driver import make_recipients

NOW = 1_795_400_000.0


def counts(store: Any) -> dict[str, int]:
    """The states that are not empty, by name."""
    return {state.value: count for state, count in store.counts().items() if count}


def enrol(store: Store, recipients: int = 4, fingerprint: str = "f") -> Store:
    """Enrol recipients u0, u1 ..."""
    store.enrol(make_recipients(recipients), fingerprint)
    return store


def claim(store: Store, recipients: int = 4) -> list[Delivery]:
    """Enrol recipients and claim all of them."""
    return enrol(store, recipients).claim("w", recipients, NOW)


def sending(store: Store, one: Delivery, at: float = NOW) -> Transition:
    """Let the end of a message leave."""
    return store.apply([claim_transition(one, State.SENDING, at)])[0]


def finish(store: Store, one: Delivery, state: State, **more: Any) -> Transition:
    """Send a claimed delivery, with this outcome."""
    sending(store, one)
    transition = Transition(one.id, state, NOW + 1, one.attempts + 1, one.doubts, reply="250 Ok")
    return store.apply([replace(transition, **more)])[0]


def by_key(store: Any) -> dict[str, Delivery]:
    """All deliveries by the left side of their address."""
    return {one.key.partition("@")[0]: one for one in store.iterate()}
