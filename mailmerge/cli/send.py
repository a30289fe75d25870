"""mailmerge send: check, show the plan, ask, send, and show the result."""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailmerge.cli.check import show_report
from mailmerge.cli.progress import counting, sending
from mailmerge.cli.questions import can_ask, read_answer
from mailmerge.cli.terminal import CampaignPath, Json, ask_password, print_json, reports_errors, say
from mailmerge.wording import counted, duration_in_words

if TYPE_CHECKING:
    from mailmerge.campaign import Rate
    from mailmerge.engine.plan import Plan
    from mailmerge.engine.run import Run
    from mailmerge.engine.summary import Summary
    from mailmerge.jobs import Mailing


class InDoubt(StrEnum):
    """What to do with recipients who may or may not have got the message."""

    HOLD = "hold"
    RESEND = "resend"
    ASSUME_SENT = "assume-sent"


class Retry(StrEnum):
    """Which recipients to send to again although the answer was final."""

    REJECTED = "rejected"


@reports_errors
def send(
    where: CampaignPath = Path(),
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", "-n", help="Render everything and show the plan; do not connect."
        ),
    ] = False,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Send to a server inside this program.")
    ] = False,
    faults: Annotated[
        bool,
        typer.Option("--faults", help="With --sandbox: defer, refuse and drop at random."),
    ] = False,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed",
            metavar="N",
            min=0,
            help="With --faults: each recipient meets the faults of this seed again.",
        ),
    ] = None,
    test_to: Annotated[
        str,
        typer.Option(
            "--test-to",
            metavar="ADDRESS",
            help="Send the messages of the first 3 recipients (or --limit) to yourself.",
        ),
    ] = "",
    limit: Annotated[
        int | None,
        typer.Option("--limit", metavar="N", min=0, help="Send to at most N recipients."),
    ] = None,
    condition: Annotated[
        str,
        typer.Option("--where", metavar="EXPR", help="Only recipients that meet this condition."),
    ] = "",
    only: Annotated[
        str, typer.Option("--only", metavar="ADDRESS", help="Only the recipient with this address.")
    ] = "",
    rate: Annotated[
        list[str] | None,
        typer.Option("--rate", metavar="R", help='At most this, such as "60/minute"; repeatable.'),
    ] = None,
    connections: Annotated[
        int | None,
        typer.Option(
            "--connections",
            metavar="N",
            min=1,
            max=100,
            help="Number of parallel SMTP connections.",
        ),
    ] = None,
    window: Annotated[
        int | None,
        typer.Option(
            "--window", metavar="N", min=1, max=1000, help="Messages in flight on each connection."
        ),
    ] = None,
    in_doubt: Annotated[
        InDoubt,
        typer.Option(
            "--in-doubt",
            metavar="WHAT",
            help="What to do with recipients in doubt: hold, resend or assume-sent.",
        ),
    ] = InDoubt.HOLD,
    retry: Annotated[
        Retry | None,
        typer.Option("--retry", metavar="rejected", help="Send again to rejected recipients."),
    ] = None,
    accept_changes: Annotated[
        bool, typer.Option("--accept-changes", help="Resume with changed recipients or content.")
    ] = False,
    wait: Annotated[
        str,
        typer.Option("--wait", metavar="TIME", help="How long to wait for deferred recipients."),
    ] = "",
    log_json: Annotated[
        Path | None,
        typer.Option("--log-json", metavar="FILE", help="Append each event as a line of JSON."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    json: Json = False,
) -> None:
    """Send the campaign; run it again to resume."""
    from mailmerge.campaign import load_campaign
    from mailmerge.engine.events import EventLog
    from mailmerge.jobs import Mailing
    from mailmerge.orders import Orders

    orders = Orders(
        dry_run=dry_run,
        sandbox=sandbox,
        faults=_seed(seed, faults=faults),
        test_to=test_to,
        where=condition,
        only=only,
        limit=limit,
        rates=_rates(rate),
        connections=connections,
        window=window,
        wait=_seconds(wait),
        in_doubt=in_doubt.value,
        retry_rejected=retry is Retry.REJECTED,
        accept_changes=accept_changes,
    )
    campaign = load_campaign(where)
    with (
        EventLog(log_json) if log_json else nullcontext() as events,
        Mailing(campaign, orders, events) as mailing,
    ):
        _check(mailing, json=json)
        _show_difference(mailing)
        plan = mailing.plan()
        _show_plan(plan)
        if dry_run:
            _end_dry_run(mailing, plan, json=json)
        elif plan.to_send == 0:
            _show_summary(_nothing_to_do(mailing), mailing, json=json)
        else:
            _confirm(plan, asked=not (yes or sandbox))
            _show_summary(_send(mailing, plan, quiet=json), mailing, json=json)


def _seed(seed: int | None, *, faults: bool) -> int | None:
    """The seed of a sandbox that misbehaves; None where it does not."""
    import random

    from mailmerge.errors import CampaignError

    if seed is not None and not faults:
        raise CampaignError("--seed is of no use without --faults", code="usage")
    if not faults:
        return None
    return random.randrange(1_000_000) if seed is None else seed  # noqa: S311 - no secret


def _rates(texts: list[str] | None) -> tuple[Rate, ...] | None:
    from mailmerge.campaign import parse_rate
    from mailmerge.errors import CampaignError

    if not texts:
        return None
    try:
        return tuple(parse_rate(text) for text in texts)
    except ValueError as error:
        raise CampaignError(f"--rate: {error}", code="usage") from error


def _seconds(text: str) -> float | None:
    from mailmerge.campaign import parse_duration
    from mailmerge.errors import CampaignError

    try:
        return parse_duration(text) if text else None
    except ValueError as error:
        raise CampaignError(f"--wait: {error}", code="usage") from error


def _check(mailing: Mailing, *, json: bool) -> None:
    from mailmerge.errors import CheckFailed
    from mailmerge.jobs import unsent_document

    try:
        with counting("check", quiet=json) as progress:
            report = mailing.check(progress)
    except CheckFailed:
        if mailing.report is not None:
            show_report(mailing.report)
        if json:
            print_json(unsent_document(mailing))
        raise
    if report is None:
        say("Already checked: the same recipients, templates and files.")
    else:
        show_report(report)


def _show_difference(mailing: Mailing) -> None:
    difference = mailing.enrol()
    if difference:
        say(f"Resuming with changes: {difference}.")


def _show_plan(plan: Plan) -> None:
    for line in plan_lines(plan):
        say(line)


def plan_lines(plan: Plan) -> Iterator[str]:
    """The plan as the user reads it before confirming."""
    done = plan.total - plan.to_send
    before = f" ({done:,} of {plan.total:,} are done or not selected)" if done else ""
    yield ""
    yield f"  recipients {plan.to_send:,}{before}"
    if plan.test_to:
        yield f"  test to    {plan.test_to} only"
    yield f"  from       {plan.from_}"
    yield f"  server     {plan.server}"
    for number, subject in enumerate(plan.subjects):
        yield f"  {'subjects' if number == 0 else '':<10} {subject}"
    limits = ", ".join(map(str, plan.rates)) or "none"
    connections = counted(plan.connections, "connection")
    window = f", {plan.window} messages in flight on each" if plan.window > 1 else ""
    yield f"  limits     {limits}; {connections}{window}"
    if plan.slow_because:
        rate = f"about {max(plan.per_second, 1):,.0f} a second"
        yield f"  speed      {rate}: styles depend on the row ({plan.slow_because})"
    if plan.ends_after:
        yield f"  ends       in {duration_in_words(plan.ends_after)} at the earliest"
    yield ""


def _end_dry_run(mailing: Mailing, plan: Plan, *, json: bool) -> None:
    from mailmerge.jobs import unsent_document

    would = counted(plan.to_send, "message")
    say(f"Dry run: every message was rendered; {would} would be sent, none was.")
    if json:
        print_json(unsent_document(mailing, plan))


def _confirm(plan: Plan, *, asked: bool) -> None:
    """Ask the user to type the number of messages.

    Raises:
        Declined: another number was typed, or there is no terminal to ask.
    """
    from mailmerge.errors import Declined

    if not asked:
        return
    if not can_ask():
        raise Declined("there is no terminal to confirm; nothing was sent", hint="add --yes")
    what = "messages to yourself" if plan.test_to else "recipients"
    say(f"Type the number of {what} ({plan.to_send}), or anything else to stop:")
    if read_answer().replace(",", "") != str(plan.to_send):
        raise Declined("that is not the number; nothing was sent")


def _send(mailing: Mailing, plan: Plan, *, quiet: bool) -> Summary:
    """Run once; a sandbox run with faults until no recipient is left."""
    run = mailing.prepare(ask_password())
    # What is loaded by now stays to the end of the program. Each time the garbage collector looks
    # through all of it, the connections stand still for a tenth of a second.
    gc.collect()
    gc.freeze()
    summary = _run(run, plan, quiet=quiet)
    while mailing.goes_on(summary):
        summary = _run(mailing.resume(), plan, quiet=quiet)
    return mailing.conclude(summary)


def _run(run: Run, plan: Plan, *, quiet: bool) -> Summary:
    with _stopping_at_signals(run), sending(plan.to_send, quiet=quiet) as progress:
        return run.execute(progress)


@contextmanager
def _stopping_at_signals(run: Run) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM finishes what is in flight, the second gives it up."""

    def stop(*_: object) -> None:
        run.stop()
        what = "giving up" if run.giving_up else "finishing what is in flight; again to give up"
        typer.echo(f"\nstopping: {what}", err=True)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _nothing_to_do(mailing: Mailing) -> Summary:
    say("Nothing to send: all recipients are done.")
    return mailing.summary()


def _show_summary(summary: Summary, mailing: Mailing, *, json: bool) -> None:
    """Show how the run went.

    Raises:
        MailmergeError: why the run stopped, or that some recipients were not reached.
    """
    from mailmerge.jobs import summary_document

    per_second = summary.sent / summary.seconds if summary.seconds >= 1 else 0.0
    rate = f", {per_second:,.0f} a second" if per_second >= 1 else ""
    say(f"Sent {counted(summary.sent, 'message')} in {summary.seconds:.1f} s{rate}.")
    states = [f"{n:,} {state.value.replace('_', ' ')}" for state, n in summary.states.items() if n]
    say(f"Of {counted(summary.total, 'recipient')}: {', '.join(states) or 'none'}.")
    if mailing.sandbox is not None:
        say(f"The messages are in {mailing.sandbox.folder}")
        if mailing.orders.faults is not None:
            _show_books(mailing)
    if json:
        print_json(summary_document(summary, mailing))
    if summary.error is not None:
        raise summary.error


def _show_books(mailing: Mailing) -> None:
    """What the sandbox run with faults has shown."""
    books = mailing.books()
    say()
    runs = counted(mailing.rounds, "run")
    say(f"Sandbox: {runs}; --seed {mailing.orders.faults} repeats the faults.")
    if books.balanced:
        say(
            f"Ledger and sandbox agree: the server took {counted(books.taken, 'message')}; "
            f"{books.sent:,} sent, {books.in_doubt:,} in doubt "
            f"({books.in_doubt_taken:,} of them taken); none lost, none sent twice."
        )
    seconds = mailing.real_seconds()
    if seconds:
        say(f"A real run would take {duration_in_words(seconds)}, at the rates set.")
    else:
        say("A real run has no rate limit: it goes as fast as the server takes messages.")
