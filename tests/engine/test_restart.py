"""A real Postfix restarts in the middle of a campaign; its queue shows the messages."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from types import NoneType

import pytest

from mailmerge.engine.events import Event, Opened
from mailmerge.engine.summary import Summary
from mailmerge.errors import NotAllReached
from mailmerge.ledger.states import State
from mailmerge.settings import Settings
from tests import servers
from tests.conftest import StartPostfix
from tests.engine.driver import Job, send
from tests.ledgers import read_ledger
from tests.servers import programs

RECIPIENTS = 250
HOUR = 3600.0


@pytest.mark.real
@pytest.mark.parametrize("connections", [1, 3])
def test_a_restarted_postfix_takes_each_message_once(
    campaign: Settings, start_postfix: StartPostfix, connections: int
) -> None:
    server = start_postfix(servers.Settings())
    job = Job(campaign.folder, server.port, recipients=RECIPIENTS, connections=connections)
    summaries: list[Summary] = []
    events: list[Event] = []
    restarted = threading.Event()

    def listen(event: Event) -> None:
        """However late the restart is, it comes before the last messages."""
        events.append(event)
        if len(events) > RECIPIENTS - 50:
            restarted.wait(60)

    running = threading.Thread(target=lambda: summaries.append(send(job, listener=listen)))
    running.start()
    servers.wait_until(lambda: len(queued(server)) > 20, "mail", log=lambda: server.log)
    restart(server)
    restarted.set()
    running.join(120)
    [summary] = summaries
    assert sum(isinstance(one, Opened) for one in events) > connections
    # A server that is being stopped may defer a message: "queue file write error".
    late = states_of(campaign)[State.DEFERRED]
    assert len(late) <= 2 * connections
    complete = summary.states[State.SENT] == RECIPIENTS
    assert isinstance(summary.error, NoneType if complete else NotAllReached), summary.error
    send(replace(job, later=HOUR))
    settled = states_of(campaign)
    sent, doubt = settled[State.SENT], settled[State.IN_DOUBT]
    taken = [one.forward_path for one in server.accepted()]
    assert len(sent | doubt) == RECIPIENTS, summary
    assert len(doubt) <= connections
    assert sent <= set(taken) <= sent | doubt
    assert len(taken) == len(set(taken)), "a recipient got two"


def states_of(campaign: Settings) -> dict[State, set[str]]:
    """The addresses in each state."""
    found: dict[State, set[str]] = {state: set() for state in State}
    for one in read_ledger(campaign).iterate():
        found[one.state].add(one.address)
    return found


def queued(server: servers.Postfix) -> list[str]:
    return [path.name for path in (server.folder / "queue" / "hold").glob("*")]


def restart(server: servers.Postfix) -> None:
    """Stop it at once, not after the connections have ended; start it a moment later."""
    command: list[str | Path] = [programs.require("postfix"), "-c", server.configuration]
    # A file that was cut off in mid-write makes postsuper complain, which has no privileges.
    (server.folder / "maillog").chmod(0o666)
    programs.run([*command, "abort"])
    time.sleep(0.5)
    programs.run([*command, "start"])
