"""The whole check: every row read, every message rendered and composed, nothing sent.

    campaign -> settings -> columns -> (row -> recipient -> content -> message) for each -> report

A problem never ends the check: it is noted with its place, and the next row is looked at.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from mailmerge.campaign import CAMPAIGN_FILE, Campaign
from mailmerge.credentials import Account
from mailmerge.errors import CampaignError, InputError, Problem
from mailmerge.mime.headers import is_blank
from mailmerge.mime.message import Composer, Message
from mailmerge.mime.parts import PartStore
from mailmerge.preflight.addresses import AddressCheck, is_reserved
from mailmerge.preflight.composing import reasons, unsendable
from mailmerge.preflight.message import MessageCheck
from mailmerge.preflight.rehearsal import Rehearsal
from mailmerge.preflight.report import CheckReport, Findings, is_note
from mailmerge.preflight.settings import (
    check_clock,
    check_columns,
    check_numbers,
    check_real_sender,
    check_settings,
)
from mailmerge.recipients.audience import Audience, Recipient, Selection
from mailmerge.recipients.spreadsheet import Spreadsheet, open_spreadsheet
from mailmerge.recipients.suppression import read_suppressions
from mailmerge.rendering.content import Content, Renderer
from mailmerge.wording import counted

SUBJECTS_SHOWN = 3

SAID_ONCE = 10_000
"""How many problems that concern everybody are remembered as said."""


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """Who is checked, and for which server.

    `for_real` makes reserved domains (RFC 2606) an error: nobody would ever get those messages.
    `known` are problems that were found before, and belong into the same report.
    """

    selection: Selection = field(default_factory=Selection)
    account: Account | None = None
    for_real: bool = False
    known: tuple[Problem, ...] = ()


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
    """One check. Afterwards `renderer` and `composer` are warm, for the run that follows.

    `clock` counts seconds, `now` tells the time of the wall.
    """

    campaign: Campaign
    options: CheckOptions
    progress: Callable[[int], None] = lambda _: None
    clock: Callable[[], float] = time.perf_counter
    now: Callable[[], datetime] = lambda: datetime.now().astimezone()
    renderer: Renderer | None = None
    composer: Composer | None = None
    _parts: PartStore | None = None
    _findings: Findings = field(default_factory=Findings)
    _notes: list[Problem] = field(default_factory=list)
    _said: set[Problem] = field(default_factory=set)
    _seen: int = 0
    _subjects: list[str] = field(default_factory=list)
    _largest: int = 0
    _octets: int = 0
    _reserved: int = 0
    _suppressed: int = 0
    _left_out: int = 0

    def run(self) -> CheckReport:
        """Look at everything, and report.

        Raises:
            CampaignError: the selection of the command line cannot be understood.
        """
        started = self.clock()
        self._look_at_everything()
        return self._report(self.clock() - started)

    def _look_at_everything(self) -> None:
        campaign, options, now = self.campaign, self.options, self.now()
        self._findings.extend(options.known)
        self._findings.extend(check_settings(campaign, options.account))
        self._findings.extend(check_clock(now, campaign))
        rehearsal = Rehearsal(campaign)
        self.renderer = rehearsal.renderer
        self._findings.extend(rehearsal.problems)
        self.composer = self._composer()
        spreadsheet = self._spreadsheet()
        if spreadsheet is None:
            return
        self._look_at_people(spreadsheet, rehearsal)
        if self.renderer is not None:
            self._look_at_columns(spreadsheet, self.renderer.variables)
        if options.for_real and self._findings.count_code("reserved-domain") < self._seen:
            self._findings.extend(check_real_sender(campaign))
        elif self._reserved and options.account is not None and not options.account.is_loopback:
            self._findings.add(_reserved(self._reserved, spreadsheet.file))
        self._findings.extend(check_numbers(self._seen, campaign, options.account, now))

    def _composer(self) -> Composer | None:
        self._parts = PartStore(self.campaign.folder)
        try:
            return Composer(self.campaign, self._parts)
        except CampaignError as error:
            # The addresses of campaign.toml: check_settings has said what is wrong with them.
            of_an_address = error.problem.code.startswith("address")
            if not (of_an_address and self._findings.count("error")):
                self._findings.add(error.problem)
            return None

    def _spreadsheet(self) -> Spreadsheet | None:
        try:
            spreadsheet = open_spreadsheet(self.campaign)
        except (InputError, CampaignError) as error:
            self._findings.add(error.problem)
            return None
        for notice in spreadsheet.notices:
            if is_note(notice):
                self._notes.append(notice)
            else:
                self._findings.add(notice)
        return spreadsheet

    def _look_at_columns(self, spreadsheet: Spreadsheet, variables: frozenset[str]) -> None:
        """What nobody's message has shown yet: a variable in a branch that nobody takes."""
        told = " ".join(
            group.first.message
            for group in self._findings.groups()
            if group.first.code == "undefined-variable"
        )
        self._findings.extend(
            check_columns(
                spreadsheet.columns, variables, self.campaign, spreadsheet.file, told=told
            )
        )

    def _look_at_people(self, spreadsheet: Spreadsheet, rehearsal: Rehearsal) -> None:
        message_check = MessageCheck(self.campaign, self._size_limit())
        address_check = AddressCheck(spreadsheet.file, self._address_column, self.options.for_real)
        for recipient in self._people(spreadsheet):
            self._seen += 1
            if self._seen % 500 == 0:
                self.progress(self._seen)
            self._findings.extend(address_check.problems(recipient))
            self._reserved += is_reserved(recipient.mailbox.domain)
            self._look_at_one(recipient, rehearsal, message_check)
        self.progress(self._seen)
        if self._seen == 0 and not self._findings.count("error"):
            self._findings.add(_nobody(spreadsheet.file, self._suppressed, self._left_out))

    def _look_at_one(self, recipient: Recipient, rehearsal: Rehearsal, check: MessageCheck) -> None:
        content = rehearsal.render(recipient)
        if isinstance(content, list):
            self._tell(content)
            return
        message = self._composed(recipient, content) if self.composer is not None else None
        self._findings.extend(check.problems(recipient, content, message))
        if len(self._subjects) < SUBJECTS_SHOWN:
            self._subjects.append(content.subject)
        if message is not None:
            self._largest = max(self._largest, message.size)
            self._octets += message.size

    def _composed(self, recipient: Recipient, content: Content) -> Message | None:
        """The octets; where they cannot be written, all reasons are told."""
        assert self.composer is not None
        assert self._parts is not None
        if is_blank(content.subject):
            # MessageCheck says so; whatever else is wrong is found with another subject.
            content = replace(content, subject="-")
        try:
            message = self.composer.compose(recipient, content, message_id=_MESSAGE_ID, date=_DATE)
        except InputError as error:
            self._tell(reasons(error, recipient, content, self.campaign, self._parts))
            return None
        self._tell(unsendable(message, recipient))
        return message

    def _tell(self, problems: Iterable[Problem]) -> None:
        """Note problems; what holds whoever the message is for is said once."""
        for problem in problems:
            if problem.row is None:
                if problem in self._said or len(self._said) >= SAID_ONCE:
                    continue
                self._said.add(problem)
            self._findings.add(problem)

    def _people(self, spreadsheet: Spreadsheet) -> Iterator[Recipient]:
        """The people; what the audience says of the others is noted."""
        try:
            audience = Audience(
                self.campaign.recipients,
                spreadsheet,
                self.options.selection,
                suppressed=self._suppressions(),
            )
        except (InputError, CampaignError) as error:
            if self._is_of_the_command(error.problem):
                raise
            self._findings.add(replace(error.problem, file=error.problem.file or CAMPAIGN_FILE))
            return
        for result in audience:
            if isinstance(result, Recipient):
                yield result
                continue
            problem = result if isinstance(result, Problem) else result.problem
            if problem is not None:
                self._findings.add(problem)
        self._suppressed, self._left_out = audience.suppressed, audience.left_out

    def _suppressions(self) -> frozenset[str]:
        """The suppression list; where it cannot be read, that is said and nobody passed over."""
        try:
            return read_suppressions(self.campaign)
        except (InputError, CampaignError) as error:
            self._findings.add(error.problem)
            return frozenset()

    def _is_of_the_command(self, problem: Problem) -> bool:
        """Whether --where or --only is what cannot be understood."""
        selection = self.options.selection
        if problem.code.startswith("where-"):
            return bool(selection.where) and repr(selection.where) in problem.message
        return problem.message.startswith("--only")

    def _size_limit(self) -> int | None:
        return self.options.account.size_limit if self.options.account else None

    @property
    def _address_column(self) -> str:
        return self.campaign.recipients.address

    def _report(self, seconds: float) -> CheckReport:
        report = self._plain_report(seconds)
        if not report.slow:
            return report
        note = _slow(report, self.campaign.message.html or "")
        return replace(report, notes=(*report.notes, note))

    def _plain_report(self, seconds: float) -> CheckReport:
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
            octets=self._octets,
            notes=tuple(self._notes),
        )


_MESSAGE_ID = "<check@mailmerge.invalid>"
_DATE = datetime(2026, 1, 1, tzinfo=UTC)


def _reserved(people: int, file: str) -> Problem:
    message = f"{people:,} addresses are reserved for examples (RFC 2606): a real send refuses them"
    return Problem("warning", "reserved-for-examples", message, file, hint="--sandbox takes them")


def _slow(report: CheckReport, file: str) -> Problem:
    message = (
        f"styles depend on the row: {report.slow_because}; "
        f"about {counted(max(round(report.per_second), 1), 'message')} a second"
    )
    return Problem("warning", "styles-per-row", message, file)


def _nobody(file: str, suppressed: int, left_out: int) -> Problem:
    if suppressed or left_out:
        message = f"nobody is left: {left_out} not selected, {suppressed} suppressed"
        return Problem("error", "nobody", message, file, hint="look at recipients.where")
    return Problem("error", "nobody", "there are no people in it", file, hint="add a row")
