"""A real Postfix restarts in the middle of a campaign; its queue shows the messages."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import NoneType

import pytest

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


@pytest.mark.real
@pytest.mark.parametrize("connections", [1, 3])
def test_a_restarted_postfix_takes_each_message_once(
    campaign: Settings, start_postfix: StartPostfix, connections: int
) -> None:
    server = start_postfix(servers.Settings())
    summaries: list[Summary] = []

    def run() -> None:
        job = Job(campaign.folder, server.port, recipients=RECIPIENTS, connections=connections)
        summaries.append(send(job))

    running = threading.Thread(target=run)
    running.start()
    servers.wait_until(lambda: len(queued(server)) > 20, "mail", log=lambda: server.log)
    restart(server)
    running.join(60)
    [summary] = summaries
    deliveries = list(read_ledger(campaign).iterate())
    sent = {one.address for one in deliveries if one.state is State.SENT}
    doubt = {one.address for one in deliveries if one.state is State.IN_DOUBT}
    taken = [one.forward_path for one in server.accepted()]
    assert server.connections() > connections, "it was restarted too late"
    assert len(sent | doubt) == RECIPIENTS, summary
    assert len(doubt) <= connections
    assert isinstance(summary.error, NotAllReached if doubt else NoneType), summary.error
    assert sent <= set(taken) <= sent | doubt
    assert len(taken) == len(set(taken)), "a recipient got two"


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
