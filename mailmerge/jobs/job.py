"""Job: one campaign sent to its recipients, from the check to the summary.

    check -> enrol -> plan -> prepare -> run -> summary

Each step first does the steps before it that are missing. preparation.py has the steps before the
first connection, sending.py has the runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mailmerge.campaign import Campaign
from mailmerge.engine.events import Event, Listener
from mailmerge.engine.limits import Limits
from mailmerge.engine.plan import Plan
from mailmerge.engine.summary import Progress, Summary, by_name, ending
from mailmerge.jobs.approval import Approval
from mailmerge.jobs.approval_files import write_approval
from mailmerge.jobs.options import JobOptions, Rates, Retries, rates_of, retries_of, seconds_of
from mailmerge.jobs.preparation import Preparation
from mailmerge.jobs.recipient_source import source_of
from mailmerge.jobs.records import JobLedger
from mailmerge.jobs.sending import Sending
from mailmerge.jobs.targets import AnyServer, Endpoint, as_target
from mailmerge.ledger.interface import InDoubt
from mailmerge.ledger.ledger import Ledger
from mailmerge.ledger.states import Difference
from mailmerge.mailbox.copies import CopiesSaved
from mailmerge.portable.clock import Clock
from mailmerge.preflight.report import CheckReport
from mailmerge.recipients.audience import Selection
from mailmerge.recipients.collection import Recipients


class Job(AbstractContextManager["Job"]):
    """A campaign, its recipients, a server, the ledger that records the result, and limits.

        with mm.Ledger.open("sqlite:///spring.db") as ledger:
            job = mm.Job(campaign, recipients, server, ledger, rate="60/minute", connections=4)
            print(job.plan())
            for event in job.run():
                print(event)
            print(job.summary.states)

    Run it again with the same ledger to resume. Use a job from one thread; only `stop` is safe from
    any thread and from a signal handler. Call `close`, or use the job as a context manager: it
    closes only what it has opened itself.

    Args:
        campaign: the campaign to send.
        recipients: the result of `read_recipients`, or a Selection of the recipients that
            campaign.toml names.
        server: a Server, `sandbox.server`, or a target of `mailmerge.jobs.targets`.
        ledger: keeps the state of each recipient. None means the ledger in the campaign's folder.
        rate: a rate such as "60/minute", or a list of rates that apply together.
        connections: the number of parallel SMTP connections.
        window: the maximum number of messages in flight on each connection.
        limit: the maximum number of recipients to try.
        wait: how long to wait for deferred recipients: seconds, or a text such as "15 minutes".
        in_doubt: what to do with recipients in doubt: "hold", "resend" or "assume-sent".
        retry: "rejected" tries rejected recipients again, "deferred" tries deferred recipients at
            once, "drafted" sends to recipients although there are drafts; a list may have several.
        accept_changes: whether to continue if recipients or content have changed since the first
            run.
        accept_older_ledger: whether to use the ledger in the campaign's folder although a newer one
            was used before; for a given ledger, see `Ledger.open`.
        skip_invalid: whether to send to the valid rows if others have errors; the others are
            recorded
            as skipped, with the reason.
        approved: the code of an approval; anything else than what it approved is refused.
        listener: called with each event at once, from any thread; it raises OSError if it cannot
            write.

    Options that are left out come from campaign.toml, or from what is known of the provider.

    Attributes:
        campaign: as above.
        target: the target of the messages, made from `server`.
        options: the keyword arguments.
        ledger: the ledger of the job (records.JobLedger).

    Raises:
        CampaignError: `rate`, `wait` or `retry` is not valid.
    """

    def __init__(
        self,
        campaign: Campaign,
        recipients: Recipients | Selection,
        server: AnyServer,
        ledger: Ledger | None = None,
        *,
        rate: Rates = None,
        connections: int | None = None,
        window: int | None = None,
        limit: int | None = None,
        wait: float | str | None = None,
        in_doubt: InDoubt = "hold",
        retry: Retries = "",
        accept_changes: bool = False,
        accept_older_ledger: bool = False,
        listener: Listener | None = None,
        skip_invalid: bool = False,
        approved: str = "",
    ) -> None:
        self.campaign = campaign
        self.target = as_target(server)
        self.options = JobOptions(
            rates_of(rate), connections, window, limit, seconds_of(wait),
            in_doubt, retries_of(retry), accept_changes, accept_older_ledger, listener,
            skip_invalid, approved,
        )  # fmt: skip
        self.ledger = JobLedger(
            campaign.settings,
            self.target,
            ledger,
            begin=accept_changes,
            accept_older=accept_older_ledger,
        )
        self._preparation = Preparation(
            campaign,
            source_of(campaign.settings, recipients),
            self.target,
            self.options,
            self.ledger,
        )
        self._sending = Sending(campaign, self.target, self._preparation, self.ledger)

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close what the job has opened: its own ledger, and the sandbox server."""
        try:
            self.ledger.close()
        finally:
            self._sending.close()

    # --- before the run

    @property
    def report(self) -> CheckReport | None:
        """The report of the check; None before it."""
        return self._preparation.report

    @property
    def limits(self) -> Limits:
        """The limits, the same for the plan and the run."""
        return self._preparation.limits

    @property
    def enrolled(self) -> int:
        """The number of recipients in the ledger."""
        return self._preparation.enrolled

    def check(self, progress: Callable[[int], None] = lambda _: None) -> CheckReport:
        """Check everything that can be checked without a connection, and return the report.

        If the same recipients, templates and files have passed before, the check is not repeated,
        and `passed_before` of the report is True. `progress` is called from time to time with the
        number of recipients checked so far.

        Raises:
            CampaignError: the selection is not valid.
            LedgerError: the ledger cannot be read.
        """
        return self._preparation.check(progress)

    def enrol(self) -> Difference:
        """Enrol the recipients in the ledger; a dry run does nothing.

        Raises:
            CheckFailed: the check found errors.
            Declined: recipients or content have changed since the first run.
            AddressError: the only test message would go to the recipient itself.
        """
        return self._preparation.enrol()

    def approve(self, *, record: bool = True) -> Approval:
        """Record what this job would send as approved, and return it.

        Without `record` it is only returned; `differences` says what has changed between two.

        Its `code` goes to `approved` of the job that sends. The record, in the state folder of the
        campaign, is needed only to say what differs.

        Raises:
            MailmergeError: as `check`.
            CheckFailed: the check found errors.
            LedgerError: the record cannot be written.
        """
        approval = self._preparation.approval()
        if record:
            write_approval(self.campaign.settings.state_folder, approval)
        return approval

    def plan(self) -> Plan:
        """Return what the run would do; `print` shows it as lines.

        Raises:
            MailmergeError: as `check` and `enrol`.
        """
        return self._preparation.plan()

    def prepare(self) -> None:
        """Prepare to send: read the password, and open what the run needs.

        Raises:
            MailmergeError: as `check` and `enrol`.
            AuthenticationRefused: there is no password.
        """
        if self._sending.ready or not self._preparation.to_send():
            return
        if self.target.sends:
            self.ledger.try_again(self.options.retry)
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

        return export(self.ledger.records(), Path(path), self.campaign.settings)

    def document(self, summary: Summary) -> dict[str, Any]:
        """Return the document of `send --json` for this summary."""
        document = summary.to_json() | self.target.document()
        if self.copied is not None:
            document["copies"] = self.copied.to_json()
        if (recovery := self.ledger.recovery) is not None:
            document["recovery"] = asdict(recovery)
        return document

    # --- the run

    def run(self) -> Iterator[Event]:
        """Send, and yield the events of the run; there are none if nothing is to be sent.

        The last event is `Ended`. Leaving the iteration early stops the run after the messages in
        flight are finished. A failure of the run does not raise: `summary.error` holds it.

        Raises:
            MailmergeError: as `prepare`; nothing was sent.
        """
        self.prepare()
        if self._sending.ready:
            yield from self._sending.steps()
        else:
            self._sending.settle()

    def run_all(self, progress: Callable[[Progress], None] = lambda _: None) -> Summary:
        """Send, and return the summary; `progress` is called about ten times a second.

        Raises:
            MailmergeError: as `prepare`; nothing was sent.
        """
        self.prepare()
        if self._sending.ready:
            return self._sending.execute(progress)
        self._sending.settle()
        return self.summary

    def run_over(
        self, endpoint: Endpoint, progress: Callable[[Progress], None], clock: Clock
    ) -> Summary:
        """Do the same as `run_all`, with another endpoint than the target's and another clock."""
        self._sending.prepare(endpoint, clock)
        return self._sending.execute(progress)

    def stop(self) -> None:
        """Finish the messages in flight and end the run. A second call abandons them."""
        self._sending.stop()

    @property
    def giving_up(self) -> bool:
        """Whether the messages in flight are being abandoned."""
        return self._sending.giving_up

    @property
    def summary(self) -> Summary:
        """The summary of the last run; without a run, the present state of the campaign."""
        if self._sending.summary is not None:
            return self._sending.summary
        counts, unmade = by_name(self._preparation.counts()), self.ledger.records().unmade()
        return Summary(
            campaign=self.campaign.name,
            states=counts,
            sent=0,
            seconds=0.0,
            check_seconds=self.report.seconds if self.report is not None else 0.0,
            error=ending(counts, unmade=unmade),
            unmade=unmade,
        )

    @property
    def copied(self) -> CopiesSaved | None:
        """The copies in the Sent folder after the last run; None if there are to be none."""
        return self._sending.copied
