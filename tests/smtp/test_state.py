"""The tables: every state can be reached and left."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from mailmerge.smtp.state import SESSION, TRANSACTION, Phase, State, Step, Trigger

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


def test_only_the_last_states_have_no_transition() -> None:
    assert set(State) - {state for state, _ in SESSION} == {State.CLOSED}
    assert set(Phase) - {phase for phase, _ in TRANSACTION} == {Phase.SETTLED}


def test_every_trigger_and_step_is_in_a_table() -> None:
    assert {trigger for _, trigger in SESSION} == set(Trigger)
    assert {step for _, step in TRANSACTION} == set(Step)


def test_tls_is_followed_by_another_ehlo() -> None:
    assert SESSION[State.TLS_HANDSHAKE, Trigger.SECURED] is State.GREETED
    assert (State.GREETED, Trigger.SUBMIT) not in SESSION
    assert (State.GREETED, Trigger.AUTH) not in SESSION


def test_a_transaction_is_in_doubt_only_after_release() -> None:
    before = {phase for (phase, step), after in TRANSACTION.items() if after is Phase.TERMINATED}
    assert before == {Phase.HELD}
    assert TRANSACTION[Phase.HELD, Step.RELEASE] is Phase.TERMINATED
