"""Wrong stores: each breaks one rule of the order of writes, and the tests must notice.

They are wrapped around the public interface of a store, so that every kind of store can be broken.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mailmerge.ledger import claims
from mailmerge.ledger.interface import Store
from mailmerge.ledger.ledger import LedgerOptions
from mailmerge.ledger.states import Delivery, State, Transition, claim_transition, end_claim
from mailmerge.ledger.store import SqlStore


@dataclass(frozen=True)
class Mutation:
    """A wrapper around a store, or changed options of a ledger."""

    store: Callable[[Store], Store] = lambda store: store
    options: Callable[[LedgerOptions], LedgerOptions] = lambda options: options


class _Wrapped:
    """A store that delegates everything except `apply`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class _SendingLate(_Wrapped):
    """Writes `sending` after the client has started the next message."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._waiting: dict[int, Transition] = {}

    def apply(self, transitions: Sequence[Transition]) -> list[Transition]:
        for one in transitions:
            if one.state is State.SENDING:
                self._store.apply(list(self._waiting.values()))
                self._waiting = {one.delivery_id: one}
            elif self._waiting.pop(one.delivery_id, None) is None:
                self._store.apply([one])
            elif one.state is not State.CLAIMED:
                sending = replace(one, state=State.SENDING, retry_at=None)
                self._store.apply([sending, one])
        return list(transitions)


class _SentEarly(_Wrapped):
    """Writes `sent` in place of `sending`."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._early: set[int] = set()

    def apply(self, transitions: Sequence[Transition]) -> list[Transition]:
        for one in transitions:
            if one.state is State.SENDING:
                self._early.add(one.delivery_id)
                self._store.apply([one, replace(one, state=State.SENT)])
            elif one.delivery_id not in self._early:
                self._store.apply([one])
        return list(transitions)


class _NeverClaimed(SqlStore):
    """A claim never reaches the database."""

    def claim(
        self, worker: str, limit: int, now: float, closed: Collection[str] = ()
    ) -> list[Delivery]:
        with self.transaction() as connection:
            claimed = super().claim(worker, limit, now, closed)
            held = [claim_transition(one, State.CLAIMED, now) for one in claimed]
            claims.write(connection, [end_claim(one, known=True) for one in held])
        return claimed


MUTATIONS = {
    "": Mutation(),
    "sending-after-the-terminator": Mutation(store=_SendingLate),
    "sent-before-the-reply": Mutation(store=_SentEarly),
    "claim-never-written": Mutation(options=lambda options: replace(options, store=_NeverClaimed)),
}
