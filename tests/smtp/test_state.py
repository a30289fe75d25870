"""The tables: every state can be reached and left, and none is left in a way that is not there."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from mailmerge.smtp.state import SESSION, TRANSACTION, Happening, Phase, State, Step

Place = TypeVar("Place", bound=StrEnum)
Cause = TypeVar("Cause", bound=StrEnum)


def reachable(start: Place, changes: Mapping[tuple[Place, Cause], Place]) -> set[Place]:
    seen: set[Place] = set()
    new = {start}
    while new:
        seen |= new
        new = {after for (before, _), after in changes.items() if before in seen} - seen
    return seen


def test_every_state_of_a_session_is_reached() -> None:
    assert reachable(State.GREETING, SESSION) == set(State)


def test_every_phase_of_a_transaction_is_reached() -> None:
    assert reachable(Phase.QUEUED, TRANSACTION) == set(Phase)


def test_only_the_last_states_have_no_way_out() -> None:
    assert set(State) - {state for state, _ in SESSION} == {State.CLOSED}
    assert set(Phase) - {phase for phase, _ in TRANSACTION} == {Phase.SETTLED}


def test_everything_that_may_happen_is_in_a_table() -> None:
    assert {happening for _, happening in SESSION} == set(Happening)
    assert {step for _, step in TRANSACTION} == set(Step)


def test_tls_is_followed_by_a_new_greeting_of_ours() -> None:
    assert SESSION[State.TLS_HANDSHAKE, Happening.SECURED] is State.GREETED
    assert (State.GREETED, Happening.SUBMIT) not in SESSION
    assert (State.GREETED, Happening.AUTH) not in SESSION


def test_a_transaction_is_in_doubt_only_after_release() -> None:
    before = {phase for (phase, step), after in TRANSACTION.items() if after is Phase.TERMINATED}
    assert before == {Phase.HELD}
    assert TRANSACTION[Phase.HELD, Step.RELEASE] is Phase.TERMINATED
