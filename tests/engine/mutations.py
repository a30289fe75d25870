"""Wrong stores: each breaks one rule of the order of writes, and the tests must notice.

They are wrapped around the public interface of a store, so that every kind of store can be broken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mailmerge.ledger import claims
from mailmerge.ledger.interface import Store
from mailmerge.ledger.ledger import LedgerOptions
from mailmerge.ledger.states import Delivery, State, Transition, let_go, under_way
from mailmerge.ledger.store import SqlStore


@dataclass(frozen=True)
class Mutation:
    """What is put around a store, or into the options it is opened with."""

    store: Callable[[Store], Store] = lambda store: store
    options: Callable[[LedgerOptions], LedgerOptions] = lambda options: options


class _Wrapped:
    """A store that passes everything on but `apply`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class _SendingLate(_Wrapped):
    """`sending` is written when the client has already gone on to the next message."""

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
    """`sent` is written where only `sending` is true."""

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

    def claim(self, worker: str, limit: int, now: float) -> list[Delivery]:
        with self.transaction() as connection:
            claimed = super().claim(worker, limit, now)
            held = [under_way(one, State.CLAIMED, now) for one in claimed]
            claims.write(connection, [let_go(one, known=True) for one in held])
        return claimed


MUTATIONS = {
    "": Mutation(),
    "sending-after-the-terminator": Mutation(store=_SendingLate),
    "sent-before-the-reply": Mutation(store=_SentEarly),
    "claim-never-written": Mutation(options=lambda options: replace(options, store=_NeverClaimed)),
}
