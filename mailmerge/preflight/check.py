"""The whole check: every row read, every message rendered and composed, nothing sent.

    campaign -> rules on it -> (row -> recipient -> content -> message -> rules) for each -> report

A problem never ends the check: it is recorded with its place, and the next row is checked. The
rules (rules.py) decide what is a problem; each is one function (registry.py). This module prepares
their input: it opens the spreadsheet, makes the messages, and counts.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from mailmerge.campaign import Campaign
from mailmerge.credentials import Account, Server
from mailmerge.deliverability.resolver import DnsOptions
from mailmerge.errors import CampaignError, InputError, Problem, SpreadsheetError
from mailmerge.language import tr
from mailmerge.messages import MessageFactory
from mailmerge.mime.message import Message
from mailmerge.preflight.addresses import is_reserved
from mailmerge.preflight.deep.stage import DeepChecks, DeepOptions
from mailmerge.preflight.domain_look_ups import DomainLookUps
from mailmerge.preflight.findings import Findings
from mailmerge.preflight.making import MessageMaker
from mailmerge.preflight.naming import about, about_row
from mailmerge.preflight.registry import RULES
from mailmerge.preflight.report import CheckReport, Sizes, is_note
from mailmerge.preflight.rules import Rules, Setup, Totals
from mailmerge.preflight.runner import Once, RowChecker
from mailmerge.recipients.audience import Audience, Recipient, Selection, Skipped
from mailmerge.recipients.collection import Recipients
from mailmerge.recipients.input_file import find_campaign_file
from mailmerge.recipients.spreadsheet import Spreadsheet, open_spreadsheet
from mailmerge.recipients.suppression import read_suppressions
from mailmerge.rendering.content import Content
from mailmerge.settings import CAMPAIGN_FILE, Fingerprint, Settings
from mailmerge.wording import counted

_DIGEST_VERSION = b"2"
_SUBJECTS_SHOWN = 3
_PROGRESS_EVERY = 500


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """Which recipients are checked, and for which server.

    Attributes:
        selection: the recipients to check, among those of campaign.toml.
        account: the server and its limits; None if no server is known.
        for_real: whether reserved domains (RFC 2606) are an error, because mail to them never
            arrives.
        known: problems that were found before and belong in the same report.
        recipients: checked instead of those that campaign.toml names; None for the latter.
        dns: how the DNS is asked about the sender and the recipients' domains; None asks nothing.
        deep: slow checks of finished messages (preflight/deep); None makes none.
    """

    selection: Selection = field(default_factory=Selection)
    account: Account | None = None
    for_real: bool = False
    known: tuple[Problem, ...] = ()
    recipients: Recipients | None = None
    dns: DnsOptions | None = None
    deep: DeepOptions | None = None


def check_campaign(
    campaign: Settings,
    options: CheckOptions | None = None,
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> CheckReport:
    """Check everything that can be checked without a connection.

    `progress` is called regularly with the number of recipients checked so far. All problems of
    the campaign are in the report.

    Raises:
        CampaignError: the selection in the options is invalid.
    """
    return Check(campaign, options, progress).run()


def check(
    campaign: Campaign,
    recipients: Recipients,
    server: Server | None = None,
    *,
    dns: DnsOptions | None = None,
    deep: DeepOptions | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> CheckReport:
    """Check the messages of all recipients without a connection; nothing is sent.

    `server` adds the limits of its provider: the largest message, and the senders that it refuses.
    `dns=DnsOptions()` also asks the DNS about the sender and the domains of the recipients;
    `deep=DeepOptions()` also looks at mail programs, contrast, spam scores and images.
    `progress` is called regularly with the number of recipients checked so far. Problems raise
    nothing here: the report lists them, and its `raise_for_errors` raises.
    """
    account = server.account if server is not None else None
    real = account is not None and not account.is_loopback
    options = CheckOptions(
        account=account, for_real=real, recipients=recipients, dns=dns, deep=deep
    )
    return Check(campaign.settings, options, progress).run()


def check_digest(campaign: Settings, options: CheckOptions) -> str:
    """A SHA-256 digest of the input of a check: recipients, settings and options.

    A passed check need not be repeated if another one has the same digest, and if the files that
    its messages were made of are the same (`Check.content`). "" if the recipients come from
    standard input, which cannot be read beforehand, or if a file may not be read.
    """
    if campaign.recipients.file == "-":
        return ""
    digest = hashlib.sha256(_DIGEST_VERSION)
    for name in (campaign.recipients.file, campaign.recipients.suppress, campaign.file):
        try:
            path = find_campaign_file(campaign.folder, name)
        except SpreadsheetError:
            return ""
        if path.is_file():
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    size = options.account.allows.message_size if options.account else None
    digest.update(repr((options.selection, options.for_real, size)).encode())
    return digest.hexdigest()


class Check:
    """One check. Afterwards the caches of `messages` are filled, for the run that follows.

    `clock` returns seconds; `now` is the local time, with its zone.
    """

    def __init__(
        self,
        campaign: Settings,
        options: CheckOptions | None = None,
        progress: Callable[[int], None] = lambda _: None,
        *,
        rules: Rules = RULES,
        clock: Callable[[], float] = time.perf_counter,
        now: datetime | None = None,
    ) -> None:
        options = options or CheckOptions()
        now = now or datetime.now().astimezone()
        self._setup = Setup(campaign, options.account, for_real=options.for_real, now=now)
        self._options = options
        self._rules = rules
        self._progress = progress
        self._clock = clock
        self._findings = Findings()
        self._notes: list[Problem] = []
        self._counts = _Counts()
        self._maker: MessageMaker | None = None
        self._look_ups = DomainLookUps(options.dns)
        self._deep = DeepChecks(campaign, options.deep)

    @property
    def messages(self) -> MessageFactory | None:
        """The factory of the campaign's messages; None before the check or if it failed."""
        return self._maker.messages if self._maker is not None else None

    @property
    def content(self) -> Fingerprint:
        """The content of the messages: the settings, and the files that they were made of."""
        files = {} if self.messages is None else self.messages.files
        named = self.messages is not None and "campaign" in self.messages.variables
        return self._setup.campaign.fingerprint(files, named=named)

    def run(self) -> CheckReport:
        """Check everything, once.

        Raises:
            CampaignError: the selection in the options is invalid.
        """
        started = self._clock()
        findings, setup = self._findings, self._setup
        findings.extend(self._options.known)
        for rule in self._rules.campaign:
            findings.extend(rule(setup))
        maker = self._maker = MessageMaker(setup.campaign)
        findings.extend(maker.problems(findings.problems()))
        spreadsheet = self._open_spreadsheet()
        if spreadsheet is not None:
            rows = _Rows(setup.campaign, spreadsheet, self._options.selection, findings)
            self._check_rows(rows, maker)
            self._finish_deep()
            self._ask_dns()
            self._check_totals(spreadsheet, maker)
        return self._report(self._clock() - started, maker.slow_because)

    def _open_spreadsheet(self) -> Spreadsheet | Recipients | None:
        try:
            given = self._options.recipients
            spreadsheet = open_spreadsheet(self._setup.campaign) if given is None else given
        except (InputError, CampaignError) as error:
            self._findings.add(error.problem)
            return None
        for notice in spreadsheet.notices:
            if is_note(notice):
                self._notes.append(notice)
            else:
                self._findings.add(notice)
        return spreadsheet

    def _check_rows(self, rows: _Rows, maker: MessageMaker) -> None:
        checker, once, counts = RowChecker(self._setup, self._rules), Once(), self._counts
        for recipient in rows:
            counts.recipients += 1
            if counts.recipients % _PROGRESS_EVERY == 0:
                self._progress(counts.recipients)
            counts.reserved += is_reserved(recipient.mailbox.domain)
            self._look_ups.add(recipient)
            self._note(checker.check_recipient(recipient), recipient, rows)
            made = maker.make(recipient)
            # A problem without a row is the same for all recipients.
            problems = [one for one in made.problems if one.row is not None or once.passes(one)]
            self._note(problems, recipient, rows)
            if made.content is not None:
                counts.add(made.content, made.message)
                found = checker.check_message(recipient, made.content, made.message)
                self._note(found, recipient, rows)
                self._deep.see(made.content, made.message)
        counts.invalid_recipients = len(counts.invalid)
        counts.invalid |= rows.invalid
        counts.errors_of_rows += rows.errors
        counts.suppressed, counts.left_out = rows.suppressed, rows.left_out
        counts.sent_before = rows.sent_before
        self._progress(counts.recipients)

    def _finish_deep(self) -> None:
        problems, notes = self._deep.findings()
        self._findings.extend(problems)
        self._notes += notes

    def _ask_dns(self) -> None:
        """Ask the DNS, if that was asked for, about the sender and the recipients' domains."""
        report, counts = self._look_ups.report(self._setup), self._counts
        self._findings.extend(report.problems)
        self._notes += report.notes
        for one in report.problems:
            if one.severity == "error" and one.row is not None:
                counts.invalid_recipients += one.row not in counts.invalid
                counts.invalid.setdefault(one.row, one.message)
                counts.errors_of_rows += 1

    def _note(self, problems: Iterable[Problem], recipient: Recipient, rows: _Rows) -> None:
        """Keep the problems of a recipient, and the first error of each row."""
        numbers = [row.number for row in recipient.all_rows] if recipient.rows else [recipient.row]
        for one in problems:
            self._findings.add(about(one, recipient, rows.file))
            if one.severity == "error" and one.row in numbers:
                self._counts.invalid.setdefault(recipient.row, one.message)
                self._counts.errors_of_rows += 1

    def _check_totals(self, spreadsheet: Spreadsheet | Recipients, maker: MessageMaker) -> None:
        counts = self._counts
        totals = Totals(
            file=spreadsheet.file,
            columns=spreadsheet.columns,
            variables=maker.variables,
            recipients=counts.recipients,
            suppressed=counts.suppressed,
            left_out=counts.left_out + sum(counts.sent_before.values()),
            reserved=counts.reserved,
            found=self._findings,
            copies=counts.copies,
        )
        for rule in self._rules.totals:
            self._findings.extend(rule(totals, self._setup))

    def _report(self, seconds: float, slow_because: str) -> CheckReport:
        counts = self._counts
        report = replace(
            CheckReport.of(self._findings, counts.recipients),
            seconds=seconds,
            suppressed=counts.suppressed,
            left_out=counts.left_out,
            sent_before=counts.sent_before,
            subjects=tuple(counts.subjects),
            slow_because=slow_because,
            sizes=Sizes(counts.total_size, counts.largest_size),
            notes=tuple(self._notes),
            invalid=counts.invalid,
            invalid_recipients=counts.invalid_recipients,
            copies=counts.copies,
            general_errors=self._findings.count("error") - counts.errors_of_rows,
        )
        if report.slow:
            note = _slow(report, self._setup.campaign.message.html or "")
            report = replace(report, notes=(*report.notes, note))
        return report


@dataclass(slots=True)
class _Counts:
    """Totals over all rows; the sizes are in bytes."""

    recipients: int = 0
    suppressed: int = 0
    left_out: int = 0
    sent_before: dict[str, int] = field(default_factory=dict)
    reserved: int = 0
    invalid: dict[int, str] = field(default_factory=dict)
    invalid_recipients: int = 0
    errors_of_rows: int = 0
    subjects: list[str] = field(default_factory=list)
    total_size: int = 0
    largest_size: int = 0
    copies: int = 0

    def add(self, content: Content, message: Message | None) -> None:
        if len(self.subjects) < _SUBJECTS_SHOWN:
            self.subjects.append(content.subject)
        self.copies += len(content.copies.mailboxes)
        if message is not None:
            self.total_size += message.size
            self.largest_size = max(self.largest_size, message.size)


class _Rows:
    """The recipients among the rows; the problems of all other rows go to the findings."""

    def __init__(
        self,
        campaign: Settings,
        spreadsheet: Spreadsheet | Recipients,
        selection: Selection,
        found: Findings,
    ) -> None:
        self.suppressed = self.left_out = 0
        self.sent_before: dict[str, int] = {}
        self.invalid: dict[int, str] = {}
        self.errors = 0
        self.file = spreadsheet.file
        self._campaign = campaign
        self._spreadsheet = spreadsheet
        self._selection = selection
        self._found = found

    def __iter__(self) -> Iterator[Recipient]:
        audience = self._audience()
        if audience is None:
            return
        for result in audience:
            if isinstance(result, Recipient):
                yield result
                continue
            problem = result if isinstance(result, Problem) else result.problem
            if problem is not None:
                cells = result.cells if isinstance(result, Skipped) else None
                self._found.add(about_row(problem, cells, self.file))
            self._note(result)
        self.suppressed, self.left_out = audience.suppressed, audience.left_out
        self.sent_before = audience.sent_before

    def _note(self, result: Problem | Skipped) -> None:
        """Note an error of one row; what ends the file before its end is an error of the file."""
        problem = result if isinstance(result, Problem) else result.problem
        if problem is None or problem.severity != "error" or problem.row is None:
            return
        if isinstance(result, Skipped):
            self.invalid[result.row] = problem.message
        self.errors += problem.row in self.invalid

    def _audience(self) -> Audience | None:
        if isinstance(self._spreadsheet, Recipients):
            return self._spreadsheet.audience(self._selection.limit)
        try:
            return Audience(
                self._campaign.recipients,
                self._spreadsheet,
                self._selection,
                suppressed=self._suppressions(),
                campaign=self._campaign.name,
            )
        except (InputError, CampaignError) as error:
            if self._is_of_the_command(error.problem):
                raise
            self._found.add(replace(error.problem, file=error.problem.file or CAMPAIGN_FILE))
            return None

    def _suppressions(self) -> frozenset[str]:
        """The suppression list; if it cannot be read, that is an error and no row is dropped."""
        try:
            return read_suppressions(self._campaign)
        except (InputError, CampaignError) as error:
            self._found.add(error.problem)
            return frozenset()

    def _is_of_the_command(self, problem: Problem) -> bool:
        """Whether the problem is in --where or --only, and not in campaign.toml."""
        where = self._selection.where
        if problem.code.startswith("where-"):
            return bool(where) and repr(where) in problem.message
        return problem.message.startswith("--only")


def _slow(report: CheckReport, file: str) -> Problem:
    rate = counted(max(round(report.per_second), 1), "message")
    message = tr(
        "styles depend on the row: {slow_because}; about {rate} a second",
        slow_because=report.slow_because,
        rate=rate,
    )
    return Problem("warning", "styles-per-row", message, file)
