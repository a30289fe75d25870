"""Job: one campaign sent to its recipients, from the check to the summary.

    check -> enrol -> plan -> prepare -> run -> summary

Each step does the ones before it that were not done. What comes before the first connection is in
preparation.py, the runs are in sending.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from mailmerge.campaign import Campaign
from mailmerge.engine.events import Event, Listener
from mailmerge.engine.limits import Limits
from mailmerge.engine.plan import Plan
from mailmerge.engine.summary import Progress, Summary, by_name, ending
from mailmerge.jobs.options import JobOptions, Rates, Retry, rates_of, seconds_of
from mailmerge.jobs.people import people_of
from mailmerge.jobs.preparation import Preparation
from mailmerge.jobs.records import JobLedger
from mailmerge.jobs.sending import Sending
from mailmerge.jobs.targets import AnyServer, Endpoint, as_target
from mailmerge.ledger.interface import InDoubt
from mailmerge.ledger.ledger import Ledger
from mailmerge.ledger.states import Difference
from mailmerge.portable.clock import Clock
from mailmerge.preflight.report import CheckReport
from mailmerge.recipients.audience import Selection
from mailmerge.recipients.collection import Recipients


class Job:
    """A campaign, its recipients, where it is sent to, the ledger that records it, and limits.

        with mm.Ledger.open("sqlite:///spring.db") as ledger:
            job = mm.Job(campaign, people, server, ledger, rate="60/minute", connections=4)
            print(job.plan())
            for event in job.run():
                print(event)
            print(job.summary.states)

    Run it again with the same ledger, and it goes on where it stopped. A job is used by one thread;
    only `stop` may be called from any, also from a signal handler. `close` it, or use it as a
    context manager: it closes what it has opened itself, and no more.

    Args:
        campaign: what is sent.
        people: the recipients: what `read_recipients` returns; or a Selection of those that a
            campaign's own campaign.toml names.
        server: a Server, `sandbox.server`, or a target of `mailmerge.jobs.targets`.
        ledger: where each recipient's state is kept. A campaign in a folder has its own, which is
            used where this is left out.
        rate: such as "60/minute", or a list of rates that hold at once.
        connections: parallel SMTP connections.
        window: messages in flight on each connection.
        limit: the number of recipients to try at most.
        wait: how long to wait for deferred recipients: seconds, or a text such as "15 minutes".
        in_doubt: what to do with recipients in doubt: "hold", "resend" or "assume-sent".
        retry: "rejected" tries rejected recipients again.
        accept_changes: whether to go on where recipients or content have changed since the first
            run.
        listener: is called with each event at once, from any thread; it raises OSError where it
            cannot write.

    Whatever of this is left out comes from campaign.toml, or from what is known of the provider.

    Attributes:
        campaign: as above.
        target: where it is sent to.
        options: the keyword arguments.
        ledger: the ledger, as the job has opened it.

    Raises:
        CampaignError: `rate` or `wait` cannot be understood.
    """

    def __init__(
        self,
        campaign: Campaign,
        people: Recipients | Selection,
        server: AnyServer,
        ledger: Ledger | None = None,
        *,
        rate: Rates = None,
        connections: int | None = None,
        window: int | None = None,
        limit: int | None = None,
        wait: float | str | None = None,
        in_doubt: InDoubt = "hold",
        retry: Retry = "",
        accept_changes: bool = False,
        listener: Listener | None = None,
    ) -> None:
        self.campaign = campaign
        self.target = as_target(server)
        self.options = JobOptions(
            rates_of(rate), connections, window, limit, seconds_of(wait),
            in_doubt, retry, accept_changes, listener,
        )  # fmt: skip
        self.ledger = JobLedger(campaign.settings, self.target, ledger)
        self._preparation = Preparation(
            campaign,
            people_of(campaign.settings, people),
            self.target,
            self.options,
            self.ledger,
        )
        self._sending = Sending(campaign, self.target, self._preparation, self.ledger)

    def __enter__(self) -> Job:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close what the job has opened: its own ledger, and the server of the sandbox."""
        try:
            self.ledger.close()
        finally:
            self._sending.close()

    # --- before the run

    @property
    def report(self) -> CheckReport | None:
        """What the check has found; None before it."""
        return self._preparation.report

    @property
    def limits(self) -> Limits:
        """What bounds the run: the same for the plan and the run."""
        return self._preparation.limits

    @property
    def enrolled(self) -> int:
        """How many recipients the ledger has."""
        return self._preparation.enrolled

    def check(self, progress: Callable[[int], None] = lambda _: None) -> CheckReport:
        """Check everything that can be checked without a connection, and return the report.

        It is not made again where the same recipients, templates and files have passed before: then
        `passed_before` of the report is true. `progress` is called now and then with the number of
        recipients checked so far.

        Raises:
            CampaignError: the selection cannot be understood.
            LedgerError: the ledger cannot be read.
        """
        return self._preparation.check(progress)

    def enrol(self) -> Difference:
        """Take the recipients over into the ledger; a dry run does not.

        Raises:
            CheckFailed: the check has found errors.
            Declined: recipients or content differ from those of the first run.
            AddressError: a test message would go to the recipient itself, and there is no other.
        """
        return self._preparation.enrol()

    def plan(self) -> Plan:
        """What the run would do; `print` shows it to the user.

        Raises:
            MailmergeError: as `check` and `enrol`.
        """
        return self._preparation.plan()

    def prepare(self) -> None:
        """Get ready to send: read the password, and open what the run needs.

        Raises:
            MailmergeError: as `check` and `enrol`.
            AuthenticationRefused: there is no password.
        """
        if self._sending.ready or not self._preparation.to_send():
            return
        if self.options.retry == "rejected" and self.target.sends:
            self.ledger.store().retry_rejected()
        self._sending.prepare()

    def export(self, path: Path | str) -> int:
        """Write the outcome of each recipient to `path` (.csv or .xlsx); return how many there are.

        The file has the recipients' own columns, then status, time, reply and message-id. An
        existing file is replaced. Recipients are in the ledger from their first run on.

        Raises:
            CampaignError: the path has another ending, or cannot be written.
            LedgerError: the ledger cannot be read.
        """
        from mailmerge.reports.export import export

        return export(self.ledger.records(), Path(path))

    def document(self, summary: Summary) -> dict[str, Any]:
        """The document of `send --json` about this summary."""
        return summary.to_json() | self.target.document()

    # --- the run

    def run(self) -> Iterator[Event]:
        """Send, and yield the events while it goes on; where nothing is to be sent, there are none.

        The last event is `Ended`. Whoever leaves the iteration early stops the run; what is in
        flight is finished first. A failure is no exception: `summary.error` has it.

        Raises:
            MailmergeError: as `prepare`; nothing was sent.
        """
        self.prepare()
        if self._sending.ready:
            yield from self._sending.steps()
        else:
            self._settle()

    def run_all(self, progress: Callable[[Progress], None] = lambda _: None) -> Summary:
        """Send, and return how it went; `progress` is called about ten times a second.

        Raises:
            MailmergeError: as `prepare`; nothing was sent.
        """
        self.prepare()
        if self._sending.ready:
            return self._sending.execute(progress)
        self._settle()
        return self.summary

    def run_over(
        self, endpoint: Endpoint, progress: Callable[[Progress], None], clock: Clock
    ) -> Summary:
        """`run_all` over another endpoint than the target's, and by another clock."""
        self._sending.prepare(endpoint, clock)
        return self._sending.execute(progress)

    def stop(self) -> None:
        """End the run: the first time what is in flight is finished, the second time given up."""
        self._sending.stop()

    @property
    def giving_up(self) -> bool:
        """Whether what is in flight is to be abandoned."""
        return self._sending.giving_up

    @property
    def summary(self) -> Summary:
        """How the last run went; without one, how the campaign stands."""
        if self._sending.summary is not None:
            return self._sending.summary
        counts = by_name(self._preparation.counts())
        return Summary(
            campaign=self.campaign.name,
            states=counts,
            sent=0,
            seconds=0.0,
            check_seconds=self.report.seconds if self.report is not None else 0.0,
            error=ending(counts),
        )

    def _settle(self) -> None:
        """Decide about recipients in doubt where there is no run that would."""
        self._sending.summary = None
        if self.options.in_doubt == "assume-sent" and self.target.sends:
            self.ledger.store().assume_sent()
