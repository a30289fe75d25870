"""Whole runs against a server that treats connections badly, on a clock that may be faster."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mailmerge.engine.events import Event, Opened, Waiting
from mailmerge.engine.summary import Progress, Summary
from tests.engine.driver import compare, make_campaign, make_recipients, make_run
from tests.ledgers import open_store
from tests.scripted_server import ScriptedServer


@dataclass
class Observed:
    """What a run did: its summary, its events, and the progress that a user saw."""

    summary: Summary | None = None
    events: list[Event] = field(default_factory=list)
    progress: list[Progress] = field(default_factory=list)

    @property
    def states(self) -> dict[str, int]:
        """The states that recipients have."""
        assert self.summary is not None
        return {state: count for state, count in self.summary.states.items() if count}

    @property
    def waits(self) -> list[str]:
        """The reasons for waiting."""
        return [one.what for one in self.events if isinstance(one, Waiting)]

    @property
    def opened(self) -> list[Opened]:
        """The connections that were opened."""
        return [one for one in self.events if isinstance(one, Opened)]


def run(
    folder: Path,
    server: ScriptedServer,
    recipients: int,
    *,
    speed: float = 1.0,
    on_event: Callable[[Event], None] = lambda _: None,
    credentials: object = None,
    **options: Any,
) -> Observed:
    """Send to this many recipients; the clock of the run is `speed` times as fast.

    Afterwards the ledger and the server agree, and no recipient got two messages.
    """
    campaign, observed, began = make_campaign(folder), Observed(), time.time()

    def clock() -> float:
        return began + (time.time() - began) * speed

    def listen(event: Event) -> None:
        observed.events.append(event)
        on_event(event)

    more = {"listener": listen, "credentials": credentials}
    with open_store(campaign) as store:
        store.enrol(make_recipients(recipients), campaign.fingerprint())
        sending = make_run(campaign, store, server.port, clock=clock, more=more, **options)
        observed.summary = sending.execute(observed.progress.append)
    found = compare(campaign, server)
    found.check(recipients)
    found.check_once()
    return observed
