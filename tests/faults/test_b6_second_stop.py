"""After a second Ctrl-C no connection is opened, and doubt is at most connections x window."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mailmerge.engine.run import Run
from mailmerge.engine.summary import Summary
from mailmerge.errors import Interrupted
from mailmerge.ledger.ledger import LedgerOptions
from mailmerge.ledger.states import State
from tests.engine.driver import compare, make_campaign, make_recipients, make_run
from tests.ledgers import JOURNALED, open_store
from tests.scripted_server import FOREVER, Rule, Sleep, Stage, Usual, When, serve

PATIENCE = 60.0


def wait_until(condition: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, "it does not happen"
        time.sleep(0.002)


def in_background(run: Run) -> tuple[threading.Thread, list[Summary]]:
    summaries: list[Summary] = []
    thread = threading.Thread(target=lambda: summaries.append(run.execute()))
    thread.start()
    return thread, summaries


def slow_disk(step: str) -> None:
    """Each commit takes 150 ms, in which the run's own thread can do nothing else."""
    if step == "before commit":
        time.sleep(0.15)


@pytest.mark.parametrize(
    ("connections", "window", "wait"),
    [
        *((4, 8, 0.0), (4, 8, 0.02), (4, 8, 0.1), (1, 1, 0.02), (4, 1, 0.0), (2, 64, 0.1)),
        *(
            pytest.param(*one, marks=pytest.mark.long)
            for one in (
                *((1, 1, 0.0), (1, 1, 0.1), (4, 1, 0.02)),
                *((4, 1, 0.1), (2, 64, 0.0), (2, 64, 0.02)),
            )
        ),
    ],
)
def test_doubt_after_two_stops_is_bounded(
    tmp_path: Path, connections: int, window: int, wait: float
) -> None:
    slow = Rule(When(Stage.END_OF_DATA), (Sleep(0.002), Usual()))
    campaign = make_campaign(tmp_path)
    with serve(slow, fsync=False) as server:
        with open_store(campaign, JOURNALED, LedgerOptions(observer=slow_disk)) as store:
            store.enrol(make_recipients(2000), campaign.fingerprint())
            run = make_run(campaign, store, server.port, connections=connections, window=window)
            thread, summaries = in_background(run)
            wait_until(lambda: len(server.taken) > 10 and server.connections >= connections)
            run.stop()
            time.sleep(wait)
            opened = server.connections
            run.stop()
            thread.join(PATIENCE)
        [summary] = summaries
        assert isinstance(summary.error, Interrupted)
        assert server.connections == opened, "no connection is opened any more"
        found = compare(campaign, server)
        found.check(2000)
        found.check_once()
        assert len(found.in_state(State.IN_DOUBT)) <= connections * window


@pytest.mark.parametrize("stops", [1, 2])
@pytest.mark.parametrize("connections", [1, 3])
def test_stop_while_connecting_ends_at_once(tmp_path: Path, stops: int, connections: int) -> None:
    """A server that never greets must not keep the user waiting for its timeout of minutes."""
    campaign = make_campaign(tmp_path)
    silent = Rule(When(Stage.GREETING), (Sleep(FOREVER),))
    with serve(silent) as server, open_store(campaign) as store:
        store.enrol(make_recipients(5), campaign.fingerprint())
        run = make_run(campaign, store, server.port, connections=connections)
        thread, summaries = in_background(run)
        wait_until(lambda: server.connections)
        for _ in range(stops):
            run.stop()
        thread.join(PATIENCE)
        [summary] = summaries
        opened = server.connections
    assert isinstance(summary.error, Interrupted)
    assert summary.states[State.PENDING] == 5
    assert opened <= connections


def test_connection_that_opens_after_the_stop_sends_nothing(tmp_path: Path) -> None:
    campaign = make_campaign(tmp_path)
    late = Rule(When(Stage.GREETING), (Sleep(0.5), Usual()))
    with serve(late) as server, open_store(campaign) as store:
        store.enrol(make_recipients(5), campaign.fingerprint())
        run = make_run(campaign, store, server.port)
        thread, summaries = in_background(run)
        wait_until(lambda: server.connections)
        run.stop()
        thread.join(PATIENCE)
        [counts] = server.wait_for_end()
        assert "MAIL" not in counts.commands
        assert counts.quit
    assert summaries[0].states[State.PENDING] == 5


def test_first_stop_begins_no_message_while_the_disk_is_slow(tmp_path: Path) -> None:
    """The workers see the request although the run's own thread waits for the disk."""
    campaign = make_campaign(tmp_path)
    blocked = threading.Event()
    release = threading.Event()

    def stuck(step: str) -> None:
        if step == "before commit" and blocked.is_set():
            release.wait(PATIENCE)

    slow = Rule(When(Stage.END_OF_DATA), (Sleep(0.005), Usual()))
    options = LedgerOptions(observer=stuck)
    with (
        serve(slow, fsync=False) as server,
        open_store(campaign, JOURNALED, options) as store,
    ):
        store.enrol(make_recipients(2000), campaign.fingerprint())
        run = make_run(campaign, store, server.port)
        thread, _ = in_background(run)
        wait_until(lambda: server.taken)
        blocked.set()
        run.stop()
        time.sleep(0.3)  # what was in flight is settled
        taken = len(server.taken)
        time.sleep(0.3)
        assert len(server.taken) == taken
        release.set()
        thread.join(PATIENCE)
    found = compare(campaign, server)
    found.check(2000)
    assert not found.in_state(State.IN_DOUBT)
