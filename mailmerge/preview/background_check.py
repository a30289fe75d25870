"""Examines all messages in the background: first for the review set, then by the whole check.

It can be cancelled at any time, because saving a file makes its results obsolete.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from threading import Event, Thread

from mailmerge.credentials import find_account
from mailmerge.errors import CampaignError, InputError, MailmergeError, Problem
from mailmerge.jobs.review_set import SAMPLE_SIZE, ReviewedRow, ReviewSet
from mailmerge.messages import MessageFactory
from mailmerge.preflight.check import CheckOptions, check_campaign
from mailmerge.preflight.findings import Findings
from mailmerge.preflight.report import CheckReport
from mailmerge.preview.recipient_list import RecipientRow, RowStatus
from mailmerge.preview.snapshot import CampaignSnapshot
from mailmerge.reports.sent_before import without_sent_before

_NOTIFY_AFTER = 0.5
"""Seconds between two notifications of progress."""


class _Cancelled(BaseException):
    """The snapshot is out of date, so its results are no longer needed."""


@dataclass(slots=True)
class _Work:
    """The thread, whether it is to stop, and when it last reported progress."""

    stopped: Event = field(default_factory=Event)
    thread: Thread | None = None
    notified: float = 0.0


@dataclass(slots=True)
class BackgroundCheck:
    """The results so far for one snapshot. One thread writes them, others read.

    `notify` is called when there are new results. The review set is chosen from at most
    `sample_size` messages, evenly spaced over the whole list. `extra` has `dns` and `deep`.
    """

    snapshot: CampaignSnapshot
    notify: Callable[[], None] = lambda: None
    sample_size: int = SAMPLE_SIZE
    extra: CheckOptions = field(default_factory=CheckOptions)
    review_set: tuple[ReviewedRow, ...] = ()
    review_done: bool = False
    examined: int = 0
    checked: int = 0
    report: CheckReport | None = None
    _problems: Mapping[int, list[Problem]] = field(default_factory=dict)
    _work: _Work = field(default_factory=_Work)

    def start(self) -> None:
        """Begin in a thread of its own, which does not keep the program alive."""
        self._work.thread = Thread(target=self.run, name="background-check", daemon=True)
        self._work.thread.start()

    def cancel(self) -> None:
        """Stop soon and notify no more."""
        self._work.stopped.set()

    def join(self) -> None:
        """Wait for the end of the thread."""
        if self._work.thread is not None:
            self._work.thread.join()

    def run(self) -> None:
        """Do everything in this thread."""
        try:
            self._choose_review_set()
            self._check()
        except _Cancelled:
            return
        self.notify()

    @property
    def done(self) -> bool:
        """Whether the check has finished."""
        return self.report is not None

    @property
    def rows_with_problems(self) -> list[int]:
        """Row numbers in ascending order."""
        return sorted(self._problems)

    def problems_of(self, row: int) -> list[Problem]:
        """The problems that the check found in one row."""
        return self._problems.get(row, [])

    def count_problems(self, row: int) -> Counter[str]:
        """The numbers of errors and warnings of one row, by severity."""
        return Counter(problem.severity for problem in self.problems_of(row))

    def _choose_review_set(self) -> None:
        messages = self.snapshot.messages
        if messages is not None:
            factory = messages.factory
            review_set = ReviewSet(lambda: bool(factory.slow_because))
            for row in self._sample():
                self._examine(row, factory, review_set)
                self.examined += 1
                if self.examined % 100 == 0:
                    self._pause()
            self.review_set = review_set.chosen()
        self.review_done = True
        self._pause(notify=True)

    def _examine(self, row: RecipientRow, factory: MessageFactory, review_set: ReviewSet) -> None:
        recipient = self.snapshot.recipient(row)
        assert recipient is not None
        try:
            message = factory.sample(recipient)
        except InputError:
            review_set.add_failure(row.key, row.number)
        else:
            review_set.add(row.key, row.number, row.cells, message.content, message.size)

    def _sample(self) -> list[RecipientRow]:
        rows = [row for row in self.snapshot.rows if row.status is RowStatus.RECIPIENT]
        step = -(-len(rows) // self.sample_size) or 1
        return rows[::step]

    def _check(self) -> None:
        if self.snapshot.campaign is None:
            return
        report = self._report()
        problems: dict[int, list[Problem]] = {}
        groups = {
            number: row.number
            for row in self.snapshot.rows
            if row.group is not None
            for number, _ in row.group.rows
        }
        for problem in report.problems:
            if problem.row is not None:
                problems.setdefault(groups.get(problem.row, problem.row), []).append(problem)
        self._problems = problems
        self.report = report

    def _report(self) -> CheckReport:
        campaign = self.snapshot.campaign
        assert campaign is not None
        try:
            account = find_account(campaign.smtp, campaign.folder)
            selection = without_sent_before(campaign)
            options = replace(self.extra, account=account, selection=selection)
            return check_campaign(campaign, options, progress=self._progress)
        except CampaignError as error:
            return _report_of(error)

    def _progress(self, checked: int) -> None:
        self.checked = checked
        self._pause()

    def _pause(self, *, notify: bool = False) -> None:
        """Let other threads run, end if cancelled, and report progress at intervals."""
        time.sleep(0)
        if self._work.stopped.is_set():
            raise _Cancelled
        now = time.monotonic()
        if notify or now - self._work.notified > _NOTIFY_AFTER:
            self._work.notified = now
            self.notify()


def _report_of(error: MailmergeError) -> CheckReport:
    findings = Findings()
    findings.add(error.problem)
    return CheckReport.of(findings)
