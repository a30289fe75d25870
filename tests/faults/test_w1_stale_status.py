"""`status` looks at a running send at the moment when it begins a new journal file."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mailmerge.ledger.ledger import Ledger
from mailmerge.ledger.states import State, Transition, claim_transition
from mailmerge.settings import Settings
from tests.engine.driver import make_campaign, make_recipients
from tests.ledgers import DEFAULTS, open_store, read_ledger

NUMBER = 4000
BATCH = 100
NOW = 1_800_000_000.0
SMALL = replace(DEFAULTS, rotate_after=2000)


@pytest.fixture
def campaign(tmp_path: Path) -> Settings:
    return make_campaign(tmp_path / "spring")


@pytest.fixture
def sent(campaign: Settings) -> Iterator[list[int]]:
    """A send that begins a new file with almost every fold; the number of outcomes so far."""
    outcomes, ready, stop = [0], threading.Event(), threading.Event()

    def send() -> None:
        with open_store(campaign, options=SMALL) as store:
            store.enrol(make_recipients(NUMBER), "fingerprint")
            ready.set()
            while not stop.is_set() and (claimed := store.claim("w", BATCH, NOW)):
                for number, one in enumerate(claimed):
                    store.apply([claim_transition(one, State.SENDING, NOW)])
                    store.apply([Transition(one.id, State.SENT, NOW, 1, stage="data", reply="250")])
                    outcomes[0] += 1
                    if number % 10 == 9:
                        store.flush()

    thread = threading.Thread(target=send)
    thread.start()
    assert ready.wait(60)
    yield outcomes
    stop.set()
    thread.join(60)


def test_each_look_counts_what_was_sent_before_it(campaign: Settings, sent: list[int]) -> None:
    reader, looks = read_ledger(campaign, SMALL), 0
    while sent[0] < NUMBER:
        before = sent[0]
        states = reader.standing().states
        after = sent[0]
        assert before <= states[State.SENT] <= after + 1
        assert sum(states.values()) == NUMBER
        assert states[State.IN_DOUBT] == 0
        looks += 1
    assert looks > 3


def test_each_list_shows_what_was_sent_before_it(campaign: Settings, sent: list[int]) -> None:
    reader = read_ledger(campaign, SMALL)
    while sent[0] < NUMBER // 2:
        before = sent[0]
        found = [one.state for one in reader.iterate()]
        assert len(found) == NUMBER
        assert found.count(State.SENT) >= before


def test_a_rotation_between_snapshot_and_journal_is_noticed(campaign: Settings) -> None:
    """The moment is forced: the boot id is asked for between the two."""
    with open_store(campaign, options=SMALL) as store:
        store.enrol(make_recipients(3 * BATCH), "fingerprint")
        looks: list[int] = []

        def send_meanwhile() -> str:
            looks.append(1)
            if len(looks) < 6:
                for one in store.claim("w", BATCH // 2, NOW):
                    store.apply([claim_transition(one, State.SENDING, NOW)])
                    store.apply([Transition(one.id, State.SENT, NOW, 1)])
                store.flush()
            return DEFAULTS.boot_id()

        reader = Ledger.read(campaign, options=replace(SMALL, boot_id=send_meanwhile))
        assert reader is not None
        assert reader.counts()[State.SENT] == store.counts()[State.SENT]
        assert len(looks) > 2, "it looked again"
