"""Sending: the runs of a job, one after another, over one endpoint.

preparation.py has the decisions before a run. The engine does the run itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace

from mailmerge.campaign import Campaign
from mailmerge.engine.copies import both, open_copies
from mailmerge.engine.events import Ended, Event
from mailmerge.engine.run import Run
from mailmerge.engine.summary import Progress, Summary
from mailmerge.jobs.drafts import DraftRun
from mailmerge.jobs.preparation import Preparation
from mailmerge.jobs.records import JobLedger
from mailmerge.jobs.targets import Endpoint, Target
from mailmerge.ledger.quota import Quotas, open_quotas
from mailmerge.mailbox.account import ImapAccount, files_sent, imap_account
from mailmerge.mailbox.copies import CopiesSaved, SentCopies
from mailmerge.messages import TransactionFactory
from mailmerge.portable.clock import Clock, wall_clock
from mailmerge.smtp import Credentials


class Sending:
    """The runs of a job. Call `close` to close the server that it has started.

    Attributes:
        summary: the summary of the last run; None before the first run ends, and during a run.
        copied: the copies in the Sent folder after the last run; None if there are to be none.
    """

    def __init__(
        self, campaign: Campaign, target: Target, preparation: Preparation, ledger: JobLedger
    ) -> None:
        self.summary: Summary | None = None
        self.copied: CopiesSaved | None = None
        self._campaign = campaign
        self._target = target
        self._preparation = preparation
        self._ledger = ledger
        self._endpoint: Endpoint | None = None
        self._run: Run | DraftRun | None = None
        self._copies: SentCopies | None = None
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
        if self._target.drafts is not None:
            self._run = self._make_drafts(self._target.drafts, clock)
        else:
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
        if self._copies is not None:
            self._copies.stop(at_once=self.giving_up)

    def settle(self) -> None:
        """Do what a run would do besides sending, if no run is to begin.

        That are the decision about recipients in doubt, and the copies that earlier runs have left.
        """
        self.summary = None
        if self._preparation.options.in_doubt == "assume-sent" and self._target.sends:
            self._ledger.store().assume_sent()
        if self._saves_copies and self._ledger.copies().owed():
            self._copies = self._open_copies(self._own_endpoint())
            self._end_run()

    @property
    def _saves_copies(self) -> bool:
        """Whether the campaign asks for copies in the Sent folder, and they are needed."""
        settings = self._campaign.settings
        asked = self._target.keeps_copies and settings.delivery.save_sent
        return asked and not files_sent(settings)

    def close(self) -> None:
        """Close the server that this object started, and the record of quotas."""
        self._end_run()
        self._open.close()

    def _end_run(self) -> None:
        self._run = None
        self._open_for_run.close()
        copies, self._copies = self._copies, None
        if copies is not None:
            self.copied = copies.finish()

    def _own_endpoint(self) -> Endpoint:
        if self._endpoint is None:
            self._endpoint = self._open.enter_context(self._target.endpoint())
        return self._endpoint

    def _make(self, endpoint: Endpoint, clock: Clock | None) -> Run:
        settings, report = self._campaign.settings, self._preparation.report
        kept = settings.delivery.keep_copy if self._target.keeps_copies else ""
        keep = open_copies(kept, settings.state_folder)
        self.copied, self._copies = None, self._open_copies(endpoint)
        transactions = self._transactions()
        return Run(
            self._ledger.store(),
            transactions,
            endpoint.server,
            self._preparation.limits,
            campaign=self._campaign.name,
            credentials=endpoint.credentials,
            usage=self._quotas(),
            keep=keep if self._copies is None else both(keep, self._copies.keep),
            listener=self._preparation.options.listener,
            clock=clock,
            check_seconds=report.seconds if report is not None else 0.0,
            further=transactions.further,
        )

    def _make_drafts(self, mailbox: ImapAccount, clock: Clock | None) -> DraftRun:
        preparation, report = self._preparation, self._preparation.report
        return DraftRun(
            self._ledger.store(),
            preparation.messages,
            mailbox,
            self._campaign.name,
            preparation.to_send(),
            limit=preparation.limits.limit,
            listener=preparation.options.listener,
            clock=clock,
            check_seconds=report.seconds if report is not None else 0.0,
        )

    def _transactions(self) -> TransactionFactory:
        delivery = self._campaign.settings.delivery
        return TransactionFactory(self._preparation.messages, delivery)

    def _open_copies(self, endpoint: Endpoint) -> SentCopies | None:
        """What saves copies in the Sent folder, if the campaign asks for it and it is needed.

        Raises:
            CampaignError: the mailbox is not known.
            AuthenticationRefused: there is no password for it.
        """
        settings = self._campaign.settings
        if not self._saves_copies:
            return None
        account = imap_account(settings)
        if not (settings.imap.username or settings.imap.password_command):
            account = replace(account, credentials=_log_in_of(endpoint, account))
        account.credentials()  # so that a log-in that cannot work is an error before the run
        record = self._ledger.copies()
        record.begin(wall_clock()(), forget=self._preparation.content_changed)
        return SentCopies(account, record, self._transactions().transaction)

    def _quotas(self) -> Quotas | None:
        """Open the record of the rates; without rates, it need not be writable."""
        limits = self._preparation.limits
        rates = limits.rates or limits.domain_rates
        if not rates or not self._target.counts_quotas:
            return None
        return self._open_for_run.enter_context(closing(open_quotas()))


def _log_in_of(endpoint: Endpoint, account: ImapAccount) -> Callable[[], Credentials]:
    """The log-in of the mail server, which is the one of the mailbox, too."""
    source = endpoint.credentials
    if source is None:
        return account.credentials
    return source if callable(source) else lambda: source
