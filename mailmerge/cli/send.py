"""mailmerge send: check, show the plan, ask, send, and show the result."""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailmerge.cli.check import show_report
from mailmerge.cli.passwords import password_prompt
from mailmerge.cli.progress import counting, sending
from mailmerge.cli.questions import can_ask, read_answer
from mailmerge.cli.silent_addresses import silent_address_notes
from mailmerge.cli.terminal import (
    CampaignPath,
    Json,
    ask_password,
    print_json,
    quoted_path,
    reports_errors,
    say,
    show_result,
)
from mailmerge.language import marked, tr, trn
from mailmerge.portable.signals import stop_signals
from mailmerge.wording import counted, duration_in_words

if TYPE_CHECKING:
    from mailmerge.campaign import Campaign
    from mailmerge.engine.events import Listener
    from mailmerge.engine.plan import Plan
    from mailmerge.engine.summary import Summary
    from mailmerge.jobs.faults import FaultRun
    from mailmerge.jobs.job import Job
    from mailmerge.jobs.targets import Target
    from mailmerge.settings import Rate, Settings


class InDoubt(StrEnum):
    """The decision about recipients in doubt, who may or may not have got the message."""

    HOLD = "hold"
    RESEND = "resend"
    ASSUME_SENT = "assume-sent"


class Retry(StrEnum):
    """The state of recipients to try again, although the reply was final or they are not due."""

    REJECTED = "rejected"
    DEFERRED = "deferred"
    DRAFTED = "drafted"


@dataclass(frozen=True, slots=True)
class _Bounds:
    """Limits of speed, number and time; None means the value of campaign.toml."""

    rates: tuple[Rate, ...] | None
    connections: int | None
    window: int | None
    limit: int | None
    wait: float | None


@dataclass(frozen=True, slots=True)
class _Request:
    """The options of the command; None and "" mean the value of campaign.toml."""

    dry_run: bool
    sandbox: bool
    seed: int | None
    test: bool
    test_to: str
    to_drafts: bool
    where: str
    only: str
    percent: float
    bounds: _Bounds
    in_doubt: InDoubt
    retry: tuple[Retry, ...]
    accept_changes: bool
    accept_older: bool
    skip_invalid: bool
    approved: str
    yes: bool
    json: bool
    at: float | None = None

    def __post_init__(self) -> None:
        from mailmerge.errors import CampaignError

        if self.seed is not None and not self.sandbox:
            raise CampaignError(
                tr("--faults needs --sandbox"), hint=tr("add --sandbox"), code="usage"
            )
        if self.test and self.test_to:
            raise CampaignError(
                tr("--test sends to test_to of campaign.toml, so it excludes --test-to"),
                hint=tr("leave out one of them"),
                code="usage",
            )
        if self.to_drafts and (self.sandbox or self.test or self.test_to):
            raise CampaignError(
                tr("--to-drafts sends nothing, so it excludes --sandbox, --test and --test-to"),
                hint=tr("leave out one of them"),
                code="usage",
            )
        if self.sandbox and (self.test or self.test_to):
            raise CampaignError(
                tr(
                    "{option} uses the real server, so it excludes --sandbox",
                    option=self.test_option,
                ),
                hint=tr("leave out one of them"),
                code="usage",
            )
        if self.approved and (self.sandbox or self.test or self.test_to):
            raise CampaignError(
                tr("--approved is for the messages to the recipients"),
                hint=tr("leave it out with --sandbox, --test and --test-to"),
                code="usage",
            )

    @property
    def test_option(self) -> str:
        """The option that asks for test messages."""
        return "--test" if self.test else "--test-to"


_TRYING = marked("Before the real send")
_CHOOSING = marked("Which recipients")
_LIMITING = marked("Speed and time")
_SAFEGUARDS = marked("Safeguards")
"""The groups of options in the help; all others are in a last group."""

_DryRunOption = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        "-n",
        help="Check, show the plan, and stop before connecting.",
        rich_help_panel=_TRYING,
    ),
]
_SandboxOption = Annotated[
    bool,
    typer.Option("--sandbox", help="Send to the built-in test server.", rich_help_panel=_TRYING),
]
_FaultsOption = Annotated[
    bool,
    typer.Option(
        "--faults",
        help="With --sandbox: simulate deferrals, rejections and lost connections.",
        rich_help_panel=_TRYING,
    ),
]
_SeedOption = Annotated[
    int | None,
    typer.Option(
        "--seed",
        metavar="N",
        min=0,
        help="With --faults: repeat the faults of an earlier run with this seed.",
        rich_help_panel=_TRYING,
    ),
]
_TestOption = Annotated[
    bool,
    typer.Option(
        "--test",
        help="Send the review set (or --limit) to the addresses of test_to under [delivery].",
    ),
]
_TestToOption = Annotated[
    str,
    typer.Option(
        "--test-to",
        metavar="ADDRESS",
        help="Send the messages of the first 3 recipients (or --limit) to this address.",
        rich_help_panel=_TRYING,
    ),
]
_ToDraftsOption = Annotated[
    bool,
    typer.Option(
        "--to-drafts",
        help="Put the messages into the drafts of the mailbox of [imap], and send none.",
        rich_help_panel=_TRYING,
    ),
]
_LimitOption = Annotated[
    int | None,
    typer.Option(
        "--limit",
        metavar="N",
        min=0,
        help="Send to at most N recipients.",
        rich_help_panel=_CHOOSING,
    ),
]
_ConditionOption = Annotated[
    str,
    typer.Option(
        "--where",
        metavar="EXPR",
        help="Send only to recipients that meet this condition.",
        rich_help_panel=_CHOOSING,
    ),
]
_OnlyOption = Annotated[
    str,
    typer.Option(
        "--only", metavar="ADDRESS", help="Send only to this recipient.", rich_help_panel=_CHOOSING
    ),
]
_PercentOption = Annotated[
    float,
    typer.Option(
        "--percent",
        metavar="P",
        help="Send only to P % of the recipients; the same ones each time, and more with more.",
        rich_help_panel=_CHOOSING,
    ),
]
_RateOption = Annotated[
    list[str] | None,
    typer.Option(
        "--rate",
        metavar="R",
        help='The speed limit, such as "60/minute"; repeatable.',
        rich_help_panel=_LIMITING,
    ),
]
_ConnectionsOption = Annotated[
    int | None,
    typer.Option(
        "--connections",
        metavar="N",
        min=1,
        max=100,
        help="Number of parallel SMTP connections.",
        rich_help_panel=_LIMITING,
    ),
]
_WindowOption = Annotated[
    int | None,
    typer.Option(
        "--window",
        metavar="N",
        min=1,
        max=1000,
        help="Messages in flight per connection.",
        rich_help_panel=_LIMITING,
    ),
]
_InDoubtOption = Annotated[
    InDoubt,
    typer.Option(
        "--in-doubt",
        metavar="WHAT",
        help="What to do with recipients in doubt: hold, resend or assume-sent.",
        rich_help_panel=_CHOOSING,
    ),
]
_RetryOption = Annotated[
    list[Retry] | None,
    typer.Option(
        "--retry",
        metavar="WHAT",
        help="Try recipients again at once: rejected, deferred or drafted; repeatable.",
        rich_help_panel=_CHOOSING,
    ),
]
_AcceptChangesOption = Annotated[
    bool,
    typer.Option(
        "--accept-changes",
        help="Resume with changed recipients or content, or begin a mailing with a new name.",
        rich_help_panel=_SAFEGUARDS,
    ),
]
_SkipInvalidOption = Annotated[
    bool,
    typer.Option(
        "--skip-invalid",
        help="If rows have errors, send to the other rows; record these as skipped.",
        rich_help_panel=_CHOOSING,
    ),
]
_AcceptOlderOption = Annotated[
    bool,
    typer.Option(
        "--accept-older-ledger",
        help="Send although a newer ledger of this campaign was used before.",
        rich_help_panel=_SAFEGUARDS,
    ),
]
_WaitOption = Annotated[
    str,
    typer.Option(
        "--wait",
        metavar="TIME",
        help="How long to wait for deferred recipients.",
        rich_help_panel=_LIMITING,
    ),
]
_LogJsonOption = Annotated[
    Path | None,
    typer.Option("--log-json", metavar="FILE", help="Append each event as a line of JSON."),
]
_ApprovedOption = Annotated[
    str,
    typer.Option(
        "--approved",
        metavar="CODE",
        help="Send only what `mailmerge approve` printed this code for.",
        rich_help_panel=_SAFEGUARDS,
    ),
]
_AtOption = Annotated[
    str,
    typer.Option(
        "--at",
        metavar="TIME",
        help='Check now, wait, check again and send at this time, such as "2026-12-01 09:00".',
        rich_help_panel=_LIMITING,
    ),
]
_YesOption = Annotated[
    bool,
    typer.Option("--yes", "-y", help="Do not ask for confirmation.", rich_help_panel=_SAFEGUARDS),
]


@reports_errors
def send(
    where: CampaignPath = Path(),
    dry_run: _DryRunOption = False,
    sandbox: _SandboxOption = False,
    faults: _FaultsOption = False,
    seed: _SeedOption = None,
    test: _TestOption = False,
    test_to: _TestToOption = "",
    to_drafts: _ToDraftsOption = False,
    limit: _LimitOption = None,
    condition: _ConditionOption = "",
    only: _OnlyOption = "",
    percent: _PercentOption = 100.0,
    rate: _RateOption = None,
    connections: _ConnectionsOption = None,
    window: _WindowOption = None,
    in_doubt: _InDoubtOption = InDoubt.HOLD,
    retry: _RetryOption = None,
    accept_changes: _AcceptChangesOption = False,
    accept_older: _AcceptOlderOption = False,
    skip_invalid: _SkipInvalidOption = False,
    wait: _WaitOption = "",
    log_json: _LogJsonOption = None,
    approved: _ApprovedOption = "",
    at: _AtOption = "",
    yes: _YesOption = False,
    json: Json = False,
) -> None:
    """Send the campaign; run it again to resume."""
    from mailmerge.engine.events import EventLog

    bounds = _Bounds(_rates(rate), connections, window, limit, _seconds(wait))
    request = _Request(
        dry_run=dry_run, sandbox=sandbox, seed=_seed(seed, faults=faults),
        test=test, test_to=test_to, to_drafts=to_drafts,
        where=condition, only=only, percent=percent, bounds=bounds,
        in_doubt=in_doubt, retry=tuple(retry or ()),
        accept_changes=accept_changes, accept_older=accept_older, skip_invalid=skip_invalid,
        approved=approved, yes=yes, json=json, at=_moment(at),
    )  # fmt: skip
    with EventLog(log_json) if log_json else nullcontext() as listener:
        _run_steps(where, request, listener)


def _run_steps(where: Path, request: _Request, listener: Listener | None) -> None:
    """Check, show the plan, ask, send, and show the result."""
    from mailmerge.campaign import Campaign

    campaign = Campaign.load(where)
    target = _target(campaign.settings, request)
    if request.at is not None and not request.dry_run:
        _send_at(request.at, campaign, target, request, listener)
        return
    with _job(campaign, target, request, listener) as job:
        plan = _examine(job, request)
        if request.dry_run:
            _end_dry_run(job, plan, json=request.json)
        else:
            _send(job, plan, request)


def _examine(job: Job, request: _Request) -> Plan:
    """Check, enrol, and show the plan."""
    try:
        _check(job, json=request.json)
    finally:
        if job.ledger.recovery is not None:
            say(tr("Attention: {recovery}.", recovery=job.ledger.recovery))
    _show_difference(job, json=request.json)
    if job.ledger.notice:
        say(tr("Note: {notice}.", notice=job.ledger.notice))
    plan = job.plan()
    _show_plan(plan)
    return plan


def _send_at(
    at: float, campaign: Campaign, target: Target, request: _Request, listener: Listener | None
) -> None:
    """Check and ask now, wait for the time, then check everything again and send.

    The password is asked for before the wait. The ledger is closed while the command waits.
    """
    import time

    from mailmerge.campaign import Campaign
    from mailmerge.cli.at import announce, wait_until

    settings = campaign.settings
    _refuse_standard_input(settings)
    target = _asking_once(target)
    with _job(campaign, target, request, listener) as job:
        plan = _examine(job, request)
        _confirm(plan, asked=not (request.yes or request.sandbox), drafts=request.to_drafts)
        job.prepare()
        before = job.approve(record=False)
    announce(at, settings.folder, time.time())
    wait_until(at)
    campaign = Campaign.load(settings.folder / settings.file)
    if campaign.settings.smtp != settings.smtp:
        target = _target(campaign.settings, request)
    with _job(campaign, target, request, listener) as job:
        plan = _examine(job, request)
        for one in job.approve(record=False).differences(before):
            say(tr("Changed since the first check: {difference}.", difference=one))
        _send(job, plan, replace(request, yes=True))


def _refuse_standard_input(settings: Settings) -> None:
    from mailmerge.errors import CampaignError

    if settings.recipients.file == "-":
        raise CampaignError(
            tr("--at reads the recipients twice, and standard input can be read once"),
            hint=tr("save the recipients in a file"),
            code="usage",
        )


def _asking_once(target: Target) -> Target:
    """Return the target, which from now on reads its log-in once."""
    from functools import cache

    from mailmerge.jobs.targets import RealServer

    if isinstance(target, RealServer):
        return replace(target, credentials=cache(target.credentials))
    return target


def _moment(text: str) -> float | None:
    """The time of --at in seconds since 1970; None without one."""
    import time

    from mailmerge.cli.at import parse_moment

    return parse_moment(text, time.time()) if text else None


def _seed(seed: int | None, *, faults: bool) -> int | None:
    """The seed of a sandbox with faults; None for one without."""
    import random

    from mailmerge.errors import CampaignError

    if seed is not None and not faults:
        raise CampaignError(tr("--seed needs --faults"), hint=tr("add --faults"), code="usage")
    if not faults:
        return None
    return random.randrange(1_000_000) if seed is None else seed  # noqa: S311 - no secret


def _rates(texts: list[str] | None) -> tuple[Rate, ...] | None:
    from mailmerge.errors import CampaignError
    from mailmerge.settings import parse_rate

    if not texts:
        return None
    try:
        return tuple(parse_rate(text) for text in texts)
    except ValueError as error:
        raise CampaignError(f"--rate: {error}", code="usage") from error


def _seconds(text: str) -> float | None:
    from mailmerge.errors import CampaignError
    from mailmerge.settings import parse_duration

    try:
        return parse_duration(text) if text else None
    except ValueError as error:
        raise CampaignError(f"--wait: {error}", code="usage") from error


def _job(campaign: Campaign, target: Target, request: _Request, listener: Listener | None) -> Job:
    """The job of these options, with the ledger of the campaign folder."""
    from mailmerge.jobs.job import Job
    from mailmerge.recipients.audience import Selection

    return Job(
        campaign,
        Selection(where=request.where, only=request.only, percent=request.percent),
        target,
        rate=request.bounds.rates,
        connections=request.bounds.connections,
        window=request.bounds.window,
        limit=request.bounds.limit,
        wait=request.bounds.wait,
        in_doubt=request.in_doubt.value,
        retry=[one.value for one in request.retry],
        accept_changes=request.accept_changes,
        accept_older_ledger=request.accept_older,
        skip_invalid=request.skip_invalid,
        approved=request.approved,
        listener=listener,
    )


def _target(settings: Settings, request: _Request) -> Target:
    """The target of the messages.

    Raises:
        CampaignError: a server is needed and none is configured, or --test-to is no address.
    """
    from mailmerge.engine.redirect import DEFAULT_TEST_COUNT
    from mailmerge.jobs.targets import DryRun, TestTo

    if request.test_to:
        _require_address(request.test_to)
    target, count = _server(settings, request), request.bounds.limit
    if request.test:
        target = TestTo(_test_addresses(settings), target, count)
    elif request.test_to:
        target = TestTo(request.test_to, target, DEFAULT_TEST_COUNT if count is None else count)
    return DryRun(target) if request.dry_run else target


def _test_addresses(settings: Settings) -> tuple[str, ...]:
    """The addresses of `send --test`.

    Raises:
        CampaignError: campaign.toml has none.
    """
    from mailmerge.errors import CampaignError

    if not settings.delivery.test_to:
        raise CampaignError(
            tr("--test needs addresses that get the test messages"),
            hint=tr('add test_to = ["me@example.org"] under [delivery], or use --test-to'),
            code="no-test-to",
        )
    return settings.delivery.test_to


def _server(settings: Settings, request: _Request) -> Target:
    from mailmerge.credentials import find_account
    from mailmerge.jobs.targets import SANDBOX, Drafts, NoServer, RealServer, SandboxServer

    if request.to_drafts:
        return Drafts.of_settings(settings, ask_password())
    account = find_account(settings.smtp, settings.folder)
    if request.sandbox:
        return SandboxServer(settings.state_folder / SANDBOX, account, request.seed)
    if request.dry_run and account is None:
        return NoServer()
    return RealServer.of_settings(
        settings, lambda: None if account is None else password_prompt(account)
    )


def _require_address(text: str) -> None:
    from mailmerge.errors import AddressError, CampaignError
    from mailmerge.recipients.address import parse_mailbox

    try:
        parse_mailbox(text.strip())
    except AddressError as error:
        raise CampaignError(
            f"--test-to: {error.problem.message}", hint=error.problem.hint, code="usage"
        ) from error


def _check(job: Job, *, json: bool) -> None:
    """Check, and show the report.

    Raises:
        CheckFailed: there are errors; nothing was sent.
    """
    from mailmerge.jobs.documents import unsent_document

    with counting(tr("check"), quiet=json) as progress:
        report = job.check(progress)
    if report.passed_before:
        say(tr("Already checked: recipients, templates and files have not changed."))
        return
    show_report(report)
    if job.options.skip_invalid and report.errors and report.valid_rows_left:
        rows, left = len(report.invalid), report.recipients - report.invalid_recipients
        say(
            tr(
                "Leaving out {rows} with errors; {recipients} left.",
                rows=counted(rows, "row"),
                recipients=counted(left, "recipient"),
            )
        )
        return
    if json and not report.passed():
        print_json(unsent_document(job))
    report.raise_for_errors()


def _show_difference(job: Job, *, json: bool) -> None:
    """Enrol the recipients, and say what has changed.

    Raises:
        NotApproved: --approved has another code.
    """
    from mailmerge.errors import NotApproved
    from mailmerge.jobs.documents import unsent_document

    try:
        difference = job.enrol()
    except NotApproved as refused:
        if json:
            print_json(unsent_document(job, refused=refused))
        raise
    if difference:
        say(tr("Resuming with changes: {difference}.", difference=difference))


def _show_plan(plan: Plan) -> None:
    for line in ("", *str(plan).split("\n"), ""):
        say(line)


def _end_dry_run(job: Job, plan: Plan, *, json: bool) -> None:
    from mailmerge.jobs.documents import unsent_document

    would = counted(plan.to_send, "message")
    show_result(
        tr("Dry run: {messages} would be sent. Nothing was sent.", messages=would), json=json
    )
    if json:
        print_json(unsent_document(job, plan))


def _send(job: Job, plan: Plan, request: _Request) -> None:
    """Ask, send, and show the result.

    Raises:
        Declined: the user did not confirm.
        MailmergeError: why the run stopped, or that some recipients were not reached.
    """
    if plan.to_send:
        _confirm(plan, asked=not (request.yes or request.sandbox), drafts=request.to_drafts)
        faults = _faults(job)
        summary = _run(faults or job, plan, quiet=request.json)
        lines = list(_draft_lines(summary) if request.to_drafts else _summary_lines(summary))
        if "maildir" in (document := (faults or job).document(summary)):
            lines.append(tr("The messages are in {folder}", folder=document["maildir"]))
            where = quoted_path(job.campaign.settings.folder)
            lines.append(tr('To read them: "mailmerge preview {where}", Sandbox.', where=where))
        if faults is not None:
            lines += _fault_lines(faults, document["seed"])
    else:
        summary = job.run_all()
        document = job.document(summary)
        lines = [_why_nothing(job, request), *_summary_lines(summary)]
    lines += _copy_lines(job)
    account = job.target.account
    if account is not None and not request.sandbox:
        for note in silent_address_notes(account.server):
            say(note)
    for line in lines:
        show_result(line, json=request.json)
    if request.json:
        print_json(document)
    if summary.error is not None:
        raise summary.error


def _why_nothing(job: Job, request: _Request) -> str:
    if request.bounds.limit == 0:
        return tr("Nothing to send: --limit is 0.")
    if request.where or request.only or request.percent < 100:
        return tr("Nothing to send: all selected recipients are done.")
    drafted = job.ledger.records().drafted()
    if not drafted:
        return tr("Nothing to send: all recipients are done.")
    return tr(
        "Nothing to send: the messages of {recipients} are in your drafts; --retry drafted sends "
        "them all the same.",
        recipients=counted(drafted, "recipient"),
    )


def _copy_lines(job: Job) -> Iterator[str]:
    """What became of the copies in the Sent folder."""
    from mailmerge.mailbox.account import files_sent

    settings, copied = job.campaign.settings, job.copied
    if not job.target.keeps_copies:
        return
    if settings.delivery.save_sent and (service := files_sent(settings)):
        yield tr(
            "{service} fills the Sent folder itself: save_sent is not needed.", service=service
        )
    if copied is None:
        return
    if copied.saved:
        yield tr("Copies in the Sent folder: {count:,}.", count=copied.saved)
    if copied.left:
        yield tr(
            "{messages} without a copy in the Sent folder; the next send tries again ({reason})",
            messages=counted(copied.left, "message"),
            reason=copied.reason or tr("stopped"),
        )


def _faults(job: Job) -> FaultRun | None:
    """The runner of a job to a sandbox with faults; None for any other job."""
    from mailmerge.jobs.faults import FaultRun
    from mailmerge.jobs.targets import SandboxServer

    target = job.target
    if isinstance(target, SandboxServer) and target.seed is not None:
        return FaultRun(job, target)
    return None


def _confirm(plan: Plan, *, asked: bool, drafts: bool) -> None:
    """Ask the user to type the number of messages.

    Raises:
        Declined: another number was typed, or there is no terminal to ask.
    """
    from mailmerge.errors import Declined

    if not asked:
        return
    if not can_ask():
        raise Declined(
            tr("there is no terminal to ask for confirmation; nothing was sent"),
            hint=tr("add --yes"),
        )
    if drafts:
        question = tr(
            "Type the number of drafts ({count}), or anything else to stop:", count=plan.to_send
        )
    elif len(plan.test_to.split("@")) > 2:
        question = tr(
            "Type the number of test messages ({count}), or anything else to stop:",
            count=plan.to_send,
        )
    elif plan.test_to:
        question = tr(
            "Type the number of messages to yourself ({count}), or anything else to stop:",
            count=plan.to_send,
        )
    else:
        question = tr(
            "Type the number of recipients ({count}), or anything else to stop:", count=plan.to_send
        )
    say(question)
    if read_answer().replace(",", "") != str(plan.to_send):
        raise Declined(
            tr("not confirmed; nothing was sent"),
            hint=tr("type {to_send} to confirm", to_send=plan.to_send),
        )


def _run(runner: Job | FaultRun, plan: Plan, *, quiet: bool) -> Summary:
    # The password is asked for here, while Ctrl-C still simply ends the program.
    runner.prepare()
    # Objects that exist now live until the end of the program. Each garbage collection of all of
    # them would stop the connections for a tenth of a second.
    gc.collect()
    gc.freeze()
    with _stopping_at_signals(runner), sending(plan.to_send, quiet=quiet) as progress:
        return runner.run_all(progress)


@contextmanager
def _stopping_at_signals(runner: Job | FaultRun) -> Iterator[None]:
    """The first Ctrl-C or stop signal finishes the messages in flight, the second abandons them."""

    def stop(*_: object) -> None:
        runner.stop()
        if runner.giving_up:
            text = tr("stopping: giving up the messages in flight")
        else:
            text = tr(
                "stopping: finishing the messages in flight; press Ctrl-C again to stop at once"
            )
        typer.echo(f"\n{text}", err=True)

    before = {number: signal.signal(number, stop) for number in stop_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _draft_lines(summary: Summary) -> Iterator[str]:
    """The result of a run that made drafts."""
    yield tr(
        "Put {messages} into your drafts in {seconds:.1f} s; nothing was sent.",
        messages=counted(summary.drafted, "message"),
        seconds=summary.seconds,
    )


def _summary_lines(summary: Summary) -> Iterator[str]:
    """The result of the run."""
    from mailmerge.ledger.states import State, counts_in_words

    per_second = summary.sent / summary.seconds if summary.seconds >= 1 else 0.0
    messages = counted(summary.sent, "message")
    if per_second >= 1:
        yield tr(
            "Sent {messages} in {seconds:.1f} s, {rate:,.0f} a second.",
            messages=messages,
            seconds=summary.seconds,
            rate=per_second,
        )
    else:
        yield tr("Sent {messages} in {seconds:.1f} s.", messages=messages, seconds=summary.seconds)
    states = counts_in_words({State(name): n for name, n in summary.states.items() if n})
    yield tr(
        "Of {recipients}: {states}.",
        recipients=counted(summary.total, "recipient"),
        states=states or tr("none"),
    )
    if summary.copies_refused:
        yield trn(
            "The server refused {count:,} copy: mailmerge status shows it.",
            "The server refused {count:,} copies: mailmerge status shows them.",
            summary.copies_refused,
        )


def _fault_lines(faults: FaultRun, seed: int) -> Iterator[str]:
    """The result of comparing ledger and sandbox after a run with faults."""
    yield ""
    yield tr(
        "Sandbox: {runs}; --seed {seed} repeats the faults.",
        runs=counted(faults.rounds, "run"),
        seed=seed,
    )
    found = faults.reconciliation
    if found is not None and found.balanced:
        if found.in_doubt_taken:
            doubt = tr(
                "{count:,} in doubt ({accepted:,} of them accepted)",
                count=found.in_doubt,
                accepted=found.in_doubt_taken,
            )
        else:
            doubt = tr("{count:,} in doubt", count=found.in_doubt)
        yield tr(
            "Ledger and sandbox agree: the server accepted {messages}; {sent:,} sent, {doubt}; "
            "none lost, none sent twice.",
            messages=counted(found.taken, "message"),
            sent=found.sent,
            doubt=doubt,
        )
    seconds = faults.real_seconds()
    if seconds:
        yield tr(
            "At the configured rates, a real run would take {duration}.",
            duration=duration_in_words(seconds),
        )
    else:
        yield tr("A real run has no rate limit: it is as fast as the server accepts messages.")
