"""Sending: the runs of a job, one after another, over one endpoint.

preparation.py has the decisions before a run. The engine does the run itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

from mailmerge.campaign import Campaign
from mailmerge.engine.copies import open_copies
from mailmerge.engine.events import Ended, Event
from mailmerge.engine.run import Run
from mailmerge.engine.summary import Progress, Summary
from mailmerge.jobs.preparation import Preparation
from mailmerge.jobs.records import JobLedger
from mailmerge.jobs.targets import Endpoint, Target
from mailmerge.ledger.quota import Quotas, open_quotas
from mailmerge.messages import TransactionFactory
from mailmerge.portable.clock import Clock


class Sending:
    """The runs of a job. Call `close` to close the server that it has started.

    Attributes:
        summary: the summary of the last run; None before the first run ends, and during a run.
    """

    def __init__(
        self, campaign: Campaign, target: Target, preparation: Preparation, ledger: JobLedger
    ) -> None:
        self.summary: Summary | None = None
        self._campaign = campaign
        self._target = target
        self._preparation = preparation
        self._ledger = ledger
        self._endpoint: Endpoint | None = None
        self._run: Run | None = None
        self._open = ExitStack()
        self._open_for_run = ExitStack()

    @property
    def ready(self) -> bool:
        """Whether a run is prepared or in progress."""
        return self._run is not None

    @property
    def giving_up(self) -> bool:
        """Whether the messages in flight are being abandoned."""
        return self._run is not None and self._run.giving_up

    def prepare(self, endpoint: Endpoint | None = None, clock: Clock | None = None) -> None:
        """Make the next run; the defaults are the target's endpoint and the machine's clock."""
        self._end_run()
        self._run = self._make(endpoint or self._own_endpoint(), clock)

    def steps(self) -> Iterator[Event]:
        """Do the prepared run, and yield its events."""
        assert self._run is not None
        self.summary = None
        try:
            with closing(self._run.steps()) as steps:
                for events in steps:
                    for event in events:
                        if isinstance(event, Ended):
                            self.summary = event.summary
                        yield event
        finally:
            self._end_run()

    def execute(self, progress: Callable[[Progress], None]) -> Summary:
        """Do the prepared run, and return its summary."""
        assert self._run is not None
        self.summary = None
        try:
            self.summary = self._run.execute(progress)
        finally:
            self._end_run()
        return self.summary

    def stop(self) -> None:
        """End the present run."""
        if self._run is not None:
            self._run.stop()

    def close(self) -> None:
        """Close the server that this object started, and the record of quotas."""
        self._end_run()
        self._open.close()

    def _end_run(self) -> None:
        self._run = None
        self._open_for_run.close()

    def _own_endpoint(self) -> Endpoint:
        if self._endpoint is None:
            self._endpoint = self._open.enter_context(self._target.endpoint())
        return self._endpoint

    def _make(self, endpoint: Endpoint, clock: Clock | None) -> Run:
        settings, report = self._campaign.settings, self._preparation.report
        kept = settings.delivery.keep_copy if self._target.keeps_copies else ""
        return Run(
            self._ledger.store(),
            TransactionFactory(self._preparation.messages, settings.delivery),
            endpoint.server,
            self._preparation.limits,
            campaign=self._campaign.name,
            credentials=endpoint.credentials,
            usage=self._quotas(),
            keep=open_copies(kept, settings.state_folder),
            listener=self._preparation.options.listener,
            clock=clock,
            check_seconds=report.seconds if report is not None else 0.0,
        )

    def _quotas(self) -> Quotas | None:
        """Open the record of the rates; without rates, it need not be writable."""
        limits = self._preparation.limits
        rates = limits.rates or limits.domain_rates
        if not rates or not self._target.counts_quotas:
            return None
        return self._open_for_run.enter_context(closing(open_quotas()))
