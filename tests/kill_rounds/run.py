"""One run of a round, in a process of its own: the public Job, with the ledger of the folder."""

from __future__ import annotations

import signal
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from mailmerge.campaign import Campaign
from mailmerge.credentials import Server
from mailmerge.errors import MailmergeError
from mailmerge.jobs.job import Job
from mailmerge.jobs.targets import Endpoint
from mailmerge.ledger.ledger import Ledger, LedgerOptions
from mailmerge.portable.signals import stop_signals
from mailmerge.recipients.audience import Selection
from mailmerge.smtp import Server as Address
from tests.kill_rounds.scenario import RunPlan, Scenario

STOPPED = 75
"""The exit status of a run that ended by an error of mailmerge; the next run continues."""
UNEXPECTED = 70
"""The exit status of a run that ended by an error that mailmerge does not explain."""


@dataclass(frozen=True, slots=True)
class Order:
    """What the process does; `later` is how many seconds its clock is ahead."""

    folder: Path
    port: int
    scenario: Scenario
    plan: RunPlan
    later: float


def perform(order: Order) -> None:
    """Send; an error that mailmerge does not explain is written to `errors.txt`."""
    status = 0
    try:
        _send(order)
    except MailmergeError:
        status = STOPPED
    except Exception:  # noqa: BLE001 - it is the finding of the round
        with (order.folder / "errors.txt").open("a") as errors:
            traceback.print_exc(file=errors)
        status = UNEXPECTED
    sys.exit(status)


def _send(order: Order) -> None:
    scenario, plan = order.scenario, order.plan
    protocol = scenario.mode.protocol
    campaign = Campaign.load(order.folder)
    with (
        Ledger.of(campaign.settings, options=_options(scenario)) as ledger,
        Job(
            campaign,
            Selection(),
            Server("127.0.0.1", port=order.port, security="none", protocol=protocol),
            ledger,
            connections=scenario.connections,
            window=scenario.mode.window,
            wait=0,
            in_doubt="resend" if plan.resend else "hold",
            retry="rejected" if plan.retry else "",
            accept_changes=True,
        ) as job,
    ):
        for number in stop_signals():
            signal.signal(number, lambda *_: job.stop())
        job.prepare()
        address = Address("127.0.0.1", order.port, "none", protocol=protocol)
        summary = job.run_over(Endpoint(address), lambda _: None, lambda: time.time() + order.later)
    if summary.error is not None:
        raise summary.error


def _options(scenario: Scenario) -> LedgerOptions:
    def observer(step: str) -> None:
        if step == "before commit":
            time.sleep(scenario.slow_disk)

    return LedgerOptions(
        journal=scenario.journal,
        rotate_after=scenario.rotate_after,
        observer=observer if scenario.slow_disk else None,
    )
