"""Some kill rounds, and the judge: it must notice each breach of the promise."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import pytest

from mailmerge.ledger.refused_copies import RefusedCopy
from mailmerge.ledger.states import Delivery, State
from tests.engine.driver import make_recipient
from tests.kill_rounds.figures import table
from tests.kill_rounds.judge import Judge
from tests.kill_rounds.rounds import Result, play
from tests.kill_rounds.scenario import MODES, scenario
from tests.scripted_server import Message, Verdict

FIRST_SEED = 20261126


def results_of(seeds: Sequence[int]) -> list[Result]:
    """Play the rounds of these seeds in two processes."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        return list(pool.map(play, seeds))


def check(results: list[Result]) -> None:
    """Check that no round has found a breach; the table says what was tried."""
    breaches = [f"seed {one.scenario.seed}: {breach}" for one in results for breach in one.breaches]
    assert not breaches, "\n".join([*breaches, table(results)])
    assert sum(one.kills for one in results) >= 2 * len(results)


def test_a_round_of_three_modes_keeps_the_promise() -> None:
    seeds = [FIRST_SEED + 1, FIRST_SEED + 3, FIRST_SEED + 4]
    assert [scenario(seed).mode.name for seed in seeds] == ["BDAT window 8", "LMTP", "DATA"]
    check(results_of(seeds))


@pytest.mark.long
def test_60_rounds_keep_the_promise() -> None:
    check(results_of(range(FIRST_SEED, FIRST_SEED + 60)))


def test_a_seed_gives_the_same_round_again() -> None:
    assert scenario(5) == scenario(5)
    assert {scenario(seed).mode for seed in range(12)} == set(MODES)


# --- the judge


def delivery(number: int, state: State) -> Delivery:
    recipient = make_recipient(number)
    return Delivery(number, recipient.key, recipient.row, recipient.mailbox, recipient.cells, state)


def taken(number: int, message_id: str = "<1@example.org>") -> Message:
    return Message(
        connection=0,
        transaction=0,
        reverse_path="",
        forward_paths=(f"u{number}@example.org",),
        message_id=message_id,
        to="",
        sha256="",
        size=0,
        verdict=Verdict.ACCEPTED,
    )


def ledger(*states: State) -> dict[str, Delivery]:
    deliveries = [delivery(number, state) for number, state in enumerate(states)]
    return {one.address: one for one in deliveries}


def test_the_judge_finds_nothing_where_ledger_and_server_agree() -> None:
    judge = Judge()
    states = ledger(State.SENT, State.IN_DOUBT, State.IN_DOUBT, State.PENDING)
    assert judge.after(states, [taken(0), taken(1)], most_doubts=2) == 2
    assert judge.breaches == []


@pytest.mark.parametrize(
    ("state", "messages", "breach"),
    [
        (State.SENT, [], "I1"),
        (State.PENDING, [taken(0)], "I2"),
        (State.CLAIMED, [taken(0)], "I2"),
        (State.SENT, [taken(0), taken(0)], "I4: taken too often"),
        (State.SENT, [taken(0), taken(0, "<2@example.org>")], "I4: another Message-ID"),
        (State.IN_DOUBT, [taken(0)], "I5"),
    ],
)
def test_the_judge_finds_a_breach(state: State, messages: list[Message], breach: str) -> None:
    judge = Judge()
    judge.after(ledger(state), messages, most_doubts=0)
    assert any(line.startswith(breach) for line in judge.breaches)


def test_the_judge_finds_recipients_that_disappear() -> None:
    judge = Judge()
    judge.after(ledger(State.SENT, State.PENDING), [taken(0)], most_doubts=0)
    judge.after({}, [taken(0)], most_doubts=0)
    assert [line.partition(":")[0] for line in judge.breaches] == ["I2", "I3", "I3"]


def test_the_judge_allows_rows_to_leave_before_anything_was_tried() -> None:
    judge = Judge()
    judge.after(ledger(State.PENDING, State.PENDING), [], most_doubts=0)
    judge.after(ledger(State.SENT), [taken(0)], most_doubts=0)
    assert judge.breaches == []


def test_the_judge_allows_a_second_copy_after_doubt_and_resend() -> None:
    judge = Judge()
    judge.after(ledger(State.IN_DOUBT), [taken(0)], most_doubts=1)
    judge.begin(resend=True)
    judge.after(ledger(State.SENT), [taken(0), taken(0)], most_doubts=0)
    assert judge.breaches == []


@pytest.mark.parametrize("state", [State.PENDING, State.DEFERRED, State.SKIPPED])
def test_the_judge_finds_recipients_that_are_never_settled(state: State) -> None:
    judge = Judge()
    judge.finish(ledger(state), {"u0@example.org", "u1@example.org"})
    assert len(judge.breaches) == 2


def test_the_table_has_a_line_for_each_mode() -> None:
    results = [Result(replace(scenario(seed)), kills=seed) for seed in range(12)]
    assert len(table(results).splitlines()) == 2 + len(MODES) + 1 + 3
    assert "| all | 12 | 66 |" in table(results)


def test_the_judge_notices_a_copy_without_its_message() -> None:
    judge, messages, one = Judge(), [taken(0)], ledger(State.SENT)
    judge.copies(one, messages)
    assert [breach.partition(":")[0] for breach in judge.breaches] == ["I6", "I6"]
    address = "u0@example.org"
    named = (RefusedCopy(f"no-copy-{address}", "550 no"),)
    good = replace(messages[0], forward_paths=(address, f"copy-{address}"))
    judge.breaches.clear()
    judge.copies({address: replace(one[address], copies_refused=named)}, [good])
    assert not judge.breaches
