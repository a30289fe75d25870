"""Goes through all messages in the background: the review set first, then the whole check.

It can be abandoned at any moment, because a file that is saved makes it worthless.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Thread

from mailmerge.credentials import find_account
from mailmerge.errors import CampaignError, InputError, MailmergeError, Problem
from mailmerge.preflight.check import CheckOptions, check_campaign
from mailmerge.preflight.findings import Findings
from mailmerge.preflight.report import CheckReport
from mailmerge.preview.draft import Draft
from mailmerge.preview.people import Mark, Person
from mailmerge.preview.review import Review, Reviewed

LOOKED_AT = 20_000
"""Messages that are made for the review set, spread over the whole list."""

TOLD_EVERY = 0.5
"""Seconds between two signs of progress."""


class _Abandoned(BaseException):
    """The draft has changed: what is being found is of no use to anybody."""


@dataclass(slots=True)
class Survey:
    """What is known so far of all messages of one draft. One thread writes, the others read."""

    draft: Draft
    tell: Callable[[], None] = lambda: None
    reviewed: tuple[Reviewed, ...] = ()
    examined: int = 0
    review_done: bool = False
    checked: int = 0
    report: CheckReport | None = None
    _rows: dict[int, Counter[str]] = field(default_factory=dict)
    _by_row: dict[int, list[Problem]] = field(default_factory=dict)
    _stopped: Event = field(default_factory=Event)
    _thread: Thread | None = None
    _told: float = 0.0

    def start(self) -> None:
        """Begin in a thread of its own, which does not keep the program alive."""
        self._thread = Thread(target=self.run, name="survey", daemon=True)
        self._thread.start()

    def abandon(self) -> None:
        """Stop soon, and tell nothing more."""
        self._stopped.set()

    def join(self) -> None:
        """Wait until it has ended."""
        if self._thread is not None:
            self._thread.join()

    def run(self) -> None:
        """Do all of it in this thread."""
        try:
            self._choose()
            self._check()
        except _Abandoned:
            return
        self.tell()

    @property
    def done(self) -> bool:
        """Whether everything is known."""
        return self.report is not None

    @property
    def rows_with_problems(self) -> list[int]:
        """In ascending order."""
        return sorted(self._rows)

    def counted(self, row: int) -> Counter[str]:
        """How many errors and warnings one row has."""
        return self._rows.get(row, Counter())

    def problems_of(self, row: int) -> list[Problem]:
        """What the check found in one row."""
        return self._by_row.get(row, [])

    def _choose(self) -> None:
        messages = self.draft.messages
        if messages is not None:
            review = Review(lambda: bool(messages.factory.slow_because))
            for person in self._spread():
                self._look(person, review)
                self.examined += 1
                if self.examined % 100 == 0:
                    self._go_on()
            self.reviewed = review.chosen()
        self.review_done = True
        self._go_on(at_once=True)

    def _look(self, person: Person, review: Review) -> None:
        recipient = self.draft.recipient(person)
        assert recipient is not None
        assert self.draft.messages is not None
        try:
            message = self.draft.messages.factory.sample(recipient)
        except InputError:
            review.refuse(person.key, person.row)
        else:
            review.look(person.key, person.row, person.cells, message.content, message.size)

    def _spread(self) -> list[Person]:
        meant = [person for person in self.draft.people if person.mark is Mark.MEANT]
        step = -(-len(meant) // LOOKED_AT) or 1
        return meant[::step]

    def _check(self) -> None:
        if self.draft.campaign is None:
            return
        report = self._report()
        rows: dict[int, Counter[str]] = {}
        for problem in report.problems:
            if problem.row is not None:
                rows.setdefault(problem.row, Counter())[problem.severity] += 1
                self._by_row.setdefault(problem.row, []).append(problem)
        self._rows = rows
        self.report = report

    def _report(self) -> CheckReport:
        campaign = self.draft.campaign
        assert campaign is not None
        try:
            options = CheckOptions(account=find_account(campaign.smtp, campaign.folder))
            return check_campaign(campaign, options, progress=self._progress)
        except CampaignError as error:
            return _report_of(error)

    def _progress(self, checked: int) -> None:
        self.checked = checked
        self._go_on()

    def _go_on(self, *, at_once: bool = False) -> None:
        """Give way to whoever waits for an answer, and end where nobody wants this any more."""
        time.sleep(0)
        if self._stopped.is_set():
            raise _Abandoned
        now = time.monotonic()
        if at_once or now - self._told > TOLD_EVERY:
            self._told = now
            self.tell()


def _report_of(error: MailmergeError) -> CheckReport:
    findings = Findings()
    findings.add(error.problem)
    return CheckReport.of(findings)
