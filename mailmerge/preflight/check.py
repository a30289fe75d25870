"""The whole check: every row read, every message rendered and composed, nothing sent.

    campaign -> settings -> columns -> (row -> recipient -> content -> message) for each -> report

A problem never ends the check: it is noted with its place, and the next row is looked at.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeVar

from mailmerge.account import Account
from mailmerge.campaign import CAMPAIGN_FILE, Campaign
from mailmerge.errors import CampaignError, InputError, Problem
from mailmerge.mime.message import Composer
from mailmerge.mime.parts import PartStore
from mailmerge.preflight.addresses import AddressCheck
from mailmerge.preflight.message import MessageCheck
from mailmerge.preflight.report import CheckReport, Findings
from mailmerge.preflight.settings import check_columns, check_numbers, check_settings
from mailmerge.recipients.audience import Audience, Recipient, Selection
from mailmerge.recipients.spreadsheet import Spreadsheet, open_spreadsheet
from mailmerge.rendering.content import Renderer

SUBJECTS_SHOWN = 3

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """Who is checked, and for which server.

    `for_real` makes reserved domains (RFC 2606) an error: nobody would ever get those messages.
    """

    selection: Selection = field(default_factory=Selection)
    account: Account | None = None
    for_real: bool = False


def check_campaign(
    campaign: Campaign,
    options: CheckOptions | None = None,
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> CheckReport:
    """Check everything that can be checked without a connection.

    `progress` is called with the number of people looked at, now and then. What is wrong is in the
    report; nothing is raised for it.
    """
    return Check(campaign, options or CheckOptions(), progress).run()


def check_digest(campaign: Campaign, options: CheckOptions) -> str:
    """What a passed check stands for: the same people, templates, files and questions.

    Empty where it cannot be known beforehand (standard input): then nothing is remembered.
    """
    if campaign.recipients.file == "-":
        return ""
    digest = hashlib.sha256(campaign.fingerprint().encode())
    for name in (campaign.recipients.file, campaign.recipients.suppress, CAMPAIGN_FILE):
        path = campaign.folder / name
        if path.is_file():
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    size = options.account.size_limit if options.account else None
    digest.update(repr((options.selection, options.for_real, size)).encode())
    return digest.hexdigest()


@dataclass(slots=True)
class Check:
    """One check. Afterwards `renderer` and `composer` are warm, for the run that follows."""

    campaign: Campaign
    options: CheckOptions
    progress: Callable[[int], None] = lambda _: None
    clock: Callable[[], float] = time.perf_counter
    renderer: Renderer | None = None
    composer: Composer | None = None
    _findings: Findings = field(default_factory=Findings)
    _seen: int = 0
    _subjects: list[str] = field(default_factory=list)
    _largest: int = 0
    _suppressed: int = 0
    _left_out: int = 0

    def run(self) -> CheckReport:
        """Look at everything, and report."""
        started = self.clock()
        self._look_at_everything()
        return self._report(self.clock() - started)

    def _look_at_everything(self) -> None:
        self._findings.extend(check_settings(self.campaign, self.options.account))
        self.renderer = self._attempt(lambda: Renderer(self.campaign))
        self.composer = self._attempt(
            lambda: Composer(self.campaign, PartStore(self.campaign.folder))
        )
        spreadsheet = self._attempt(lambda: open_spreadsheet(self.campaign))
        if spreadsheet is None:
            return
        self._findings.extend(spreadsheet.notices)
        if self.renderer is not None:
            self._findings.extend(
                check_columns(
                    spreadsheet.columns, self.renderer.variables, self.campaign, spreadsheet.file
                )
            )
        self._look_at_people(spreadsheet)
        self._findings.extend(check_numbers(self._seen, self.campaign, self.options.account))

    def _attempt(self, make: Callable[[], T]) -> T | None:
        try:
            return make()
        except (InputError, CampaignError) as error:
            self._findings.add(error.problem)
            return None

    def _look_at_people(self, spreadsheet: Spreadsheet) -> None:
        message_check = MessageCheck(self.campaign, self._size_limit())
        address_check = AddressCheck(spreadsheet.file, self._address_column, self.options.for_real)
        for recipient in self._people(spreadsheet):
            self._seen += 1
            if self._seen % 500 == 0:
                self.progress(self._seen)
            self._findings.extend(address_check.problems(recipient))
            if self.renderer is not None and self.composer is not None:
                self._look_at_one(recipient, self.renderer, self.composer, message_check)
        self.progress(self._seen)
        if self._seen == 0 and not self._findings.count("error"):
            self._findings.add(_nobody(spreadsheet.file, self._suppressed, self._left_out))

    def _look_at_one(
        self, recipient: Recipient, renderer: Renderer, composer: Composer, check: MessageCheck
    ) -> None:
        try:
            content = renderer.render(recipient)
            message = composer.compose(recipient, content, message_id=_MESSAGE_ID, date=_DATE)
        except InputError as error:
            problem = error.problem
            row = recipient.row if problem.row is None else problem.row
            self._findings.add(replace(problem, row=row))
            return
        self._findings.extend(check.problems(recipient, content, message))
        self._largest = max(self._largest, message.size)
        if len(self._subjects) < SUBJECTS_SHOWN:
            self._subjects.append(content.subject)

    def _people(self, spreadsheet: Spreadsheet) -> Iterator[Recipient]:
        """The people; what the audience says of the others is noted."""
        try:
            audience = Audience(self.campaign, spreadsheet, self.options.selection)
            for one in audience:
                if isinstance(one, Problem):
                    self._findings.add(one)
                else:
                    yield one
        except InputError as error:
            self._findings.add(error.problem)
            return
        self._suppressed, self._left_out = audience.suppressed, audience.left_out

    def _size_limit(self) -> int | None:
        return self.options.account.size_limit if self.options.account else None

    @property
    def _address_column(self) -> str:
        return self.campaign.recipients.address

    def _report(self, seconds: float) -> CheckReport:
        return CheckReport(
            recipients=self._seen,
            problems=self._findings.problems(),
            groups=self._findings.groups(),
            errors=self._findings.count("error"),
            warnings=self._findings.count("warning"),
            seconds=seconds,
            suppressed=self._suppressed,
            left_out=self._left_out,
            subjects=tuple(self._subjects),
            slow_because=self.renderer.steps_aside if self.renderer is not None else "",
            largest=self._largest,
        )


_MESSAGE_ID = "<check@mailmerge.invalid>"
_DATE = datetime(2026, 1, 1, tzinfo=UTC)


def _nobody(file: str, suppressed: int, left_out: int) -> Problem:
    if suppressed or left_out:
        message = f"nobody is left: {left_out} not selected, {suppressed} suppressed"
        return Problem("error", "nobody", message, file, hint="look at recipients.where")
    return Problem("error", "nobody", "there are no people in it", file, hint="add a row")
