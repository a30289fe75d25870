"""Progress and summary: counts in words and as JSON, and the error that a run ends with."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from mailmerge.engine.summary import Progress, Summary, by_name, ending
from mailmerge.errors import Interrupted, NotAllReached, RunStopped
from mailmerge.ledger.states import State, reported


def counts(**states: int) -> dict[str, int]:
    return by_name(reported({State(name): count for name, count in states.items()}))


@pytest.mark.parametrize("states", [counts(), counts(sent=5, skipped=2, pending=1)])
def test_run_that_reached_all_ends_without_an_error(states: Mapping[str, int]) -> None:
    assert ending(states) is None


def test_stopped_run_says_how_many_recipients_remain() -> None:
    error = ending(counts(sent=3, pending=7, rejected=1), stopped=True)
    assert isinstance(error, Interrupted)
    assert str(error) == "stopped; 7 recipients remaining (send again to continue where it stopped)"
    assert "1 recipient remaining" in str(ending(counts(pending=1), stopped=True))


def test_deferred_recipients_remain_when_a_run_is_stopped() -> None:
    error = ending(counts(sent=1, pending=2, deferred=3, rejected=4), stopped=True)
    assert isinstance(error, Interrupted)
    assert "stopped; 5 recipients remaining" in str(error)


def test_stopped_run_that_has_no_recipient_left_has_ended() -> None:
    assert ending(counts(sent=3), stopped=True) is None
    assert isinstance(ending(counts(sent=3, rejected=1), stopped=True), NotAllReached)


def test_unreached_recipients_are_counted_by_state() -> None:
    error = ending(counts(sent=3, rejected=1200, deferred=2, in_doubt=1))
    assert isinstance(error, NotAllReached)
    assert "1,200 rejected, 2 deferred, 1 in doubt" in str(error)
    assert "deferred" not in str(ending(counts(rejected=1)))


def test_summary_as_json_says_why_the_run_stopped() -> None:
    states = counts(sent=2, pending=1)
    summary = Summary("kept", states, sent=1, seconds=1.23456, check_seconds=0.5)
    assert summary.to_json() == {
        "campaign": "kept",
        "total": 3,
        "states": {
            "pending": 1, "sent": 2, "rejected": 0, "deferred": 0, "in_doubt": 0, "skipped": 0,
        },
        "seconds": 1.235,
        "check_seconds": 0.5,
    }  # fmt: skip
    stopped = Summary("kept", states, 1, 1.0, 0.5, RunStopped("enough", hint="send again"))
    assert stopped.to_json()["stopped"] == "enough (send again)"


def test_states_print_by_their_names() -> None:
    named = by_name({State.SENT: 3, State.IN_DOUBT: 1})
    assert repr(named) == "{'sent': 3, 'in_doubt': 1}"
    assert named[State.SENT] == 3


def test_progress_counts_outcomes_a_second() -> None:
    progress = Progress({}, to_send=10, done=6, sent=5, failed=1, seconds=3.0)
    assert progress.per_second == 2.0
    assert Progress({}, 10, done=0, sent=0, failed=0, seconds=0.0).per_second == 0.0


def test_messages_that_could_not_be_made_are_not_reached() -> None:
    error = ending(counts(sent=3, skipped=2, pending=1), unmade=2)
    assert isinstance(error, NotAllReached)
    assert "2 whose message could not be made" in str(error)
    summary = Summary("kept", counts(sent=3, skipped=2), 3, 1.0, 0.5, error, unmade=2)
    assert summary.to_json()["unmade"] == 2
