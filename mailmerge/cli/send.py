"""mailmerge send: check, show the plan, ask, send, and say how it went."""

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
from mailmerge.cli.terminal import CampaignPath, Json, ask_password, print_json, say, told
from mailmerge.wording import counted, duration_in_words

if TYPE_CHECKING:
    from mailmerge.campaign import Rate
    from mailmerge.engine.plan import Plan
    from mailmerge.engine.run import Run
    from mailmerge.engine.summary import Summary
    from mailmerge.jobs import Mailing


class InDoubt(StrEnum):
    """What is done about people who may or may not have got the message."""

    HOLD = "hold"
    RESEND = "resend"
    ASSUME_SENT = "assume-sent"


class Retry(StrEnum):
    """Who is tried again although the answer was final."""

    REJECTED = "rejected"


@told
def send(
    where: CampaignPath = Path(),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Do everything but connect.")
    ] = False,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Really send, but to a server inside this program.")
    ] = False,
    faults: Annotated[
        bool,
        typer.Option("--faults", help="With --sandbox: it drops, defers and refuses by chance."),
    ] = False,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", min=0, help="The same faults again.")
    ] = None,
    test_to: Annotated[
        str,
        typer.Option(
            "--test-to",
            metavar="ADDRESS",
            help="Send the messages of the first 3 people (or --limit) to yourself.",
        ),
    ] = "",
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=0, help="Try at most N people.")
    ] = None,
    condition: Annotated[
        str, typer.Option("--where", metavar="EXPR", help="Only people for whom this is true.")
    ] = "",
    only: Annotated[
        str, typer.Option("--only", metavar="ADDRESS", help="Only the person with this address.")
    ] = "",
    rate: Annotated[
        list[str] | None,
        typer.Option("--rate", metavar="R", help='Such as "60/minute"; may be given again.'),
    ] = None,
    connections: Annotated[
        int | None,
        typer.Option("--connections", metavar="N", min=1, max=100, help="So many at a time."),
    ] = None,
    window: Annotated[
        int | None,
        typer.Option("--window", metavar="N", min=1, max=1000, help="Messages in flight on each."),
    ] = None,
    in_doubt: Annotated[
        InDoubt,
        typer.Option(
            "--in-doubt",
            metavar="WHAT",
            help="What to do about people in doubt: hold, resend or assume-sent.",
        ),
    ] = InDoubt.HOLD,
    retry: Annotated[
        Retry | None,
        typer.Option("--retry", metavar="rejected", help="Try people again who were rejected."),
    ] = None,
    accept_changes: Annotated[
        bool, typer.Option("--accept-changes", help="Go on with an edited list or template.")
    ] = False,
    wait: Annotated[
        str, typer.Option("--wait", metavar="TIME", help='For deferred people: "15 minutes".')
    ] = "",
    log_json: Annotated[
        Path | None,
        typer.Option("--log-json", metavar="FILE", help="Append one JSON line per event."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Send each person one message; again to go on."""
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
        say("Checked before: the same people, templates and files.")
    else:
        show_report(report)


def _show_difference(mailing: Mailing) -> None:
    difference = mailing.enrol()
    if difference:
        say(f"Going on with what has changed: {difference}.")


def _show_plan(plan: Plan) -> None:
    for line in plan_lines(plan):
        say(line)


def plan_lines(plan: Plan) -> Iterator[str]:
    """The plan as a person reads it before saying yes."""

    done = plan.total - plan.to_send
    before = f" ({done:,} of {plan.total:,} are done or not meant)" if done else ""
    yield ""
    yield f"  people     {plan.to_send:,}{before}"
    if plan.test_to:
        yield f"  test to    {plan.test_to}, and to nobody else"
    yield f"  from       {plan.from_}"
    yield f"  server     {plan.server}"
    for number, subject in enumerate(plan.subjects):
        yield f"  {'subjects' if number == 0 else '':<10} {subject}"
    limits = ", ".join(map(str, plan.rates)) or "none"
    lanes = counted(plan.connections, "connection")
    window = f", {plan.window} messages in flight on each" if plan.window > 1 else ""
    yield f"  limits     {limits}; {lanes}{window}"
    if plan.slow_because:
        rate = f"about {max(plan.per_second, 1):,.0f} a second"
        yield f"  speed      {rate}: styles depend on the row ({plan.slow_because})"
    if plan.ends_after:
        yield f"  ends       in {duration_in_words(plan.ends_after)} at the earliest"
    yield ""


def _end_dry_run(mailing: Mailing, plan: Plan, *, json: bool) -> None:
    from mailmerge.jobs import unsent_document

    say(f"A dry run: every message was rendered; {plan.to_send:,} would be sent, none was.")
    if json:
        print_json(unsent_document(mailing, plan))


def _confirm(plan: Plan, *, asked: bool) -> None:
    """Ask the person to type the number of people.

    Raises:
        Declined: they typed another one, or nobody is there to be asked.
    """
    from mailmerge.errors import Declined

    if not asked:
        return
    if not can_ask():
        raise Declined("nobody is there to say yes; nothing was sent", hint="add --yes")
    what = "messages to yourself" if plan.test_to else "people to send to"
    say(f"Type the number of {what} ({plan.to_send}), or anything else to stop:")
    if read_answer().replace(",", "") != str(plan.to_send):
        raise Declined("that is not the number; nothing was sent")


def _send(mailing: Mailing, plan: Plan, *, quiet: bool) -> Summary:
    """Run once; a sandbox with faults, until no recipient is left."""
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
        told = "giving up" if run.giving_up else "finishing what is in flight; again to give up"
        typer.echo(f"\nstopping: {told}", err=True)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _nothing_to_do(mailing: Mailing) -> Summary:
    say("Nobody is left to be sent to.")
    return mailing.summary()


def _show_summary(summary: Summary, mailing: Mailing, *, json: bool) -> None:
    """Say how it went, and end as it did.

    Raises:
        MailmergeError: why the run stopped, or that not everybody was reached.
    """
    from mailmerge.jobs import summary_document

    per_second = summary.sent / summary.seconds if summary.seconds >= 1 else 0.0
    rate = f", {per_second:,.0f} a second" if per_second >= 1 else ""
    say(f"Sent {counted(summary.sent, 'message')} in {summary.seconds:.1f} s{rate}.")
    states = [f"{n:,} {state.value.replace('_', ' ')}" for state, n in summary.states.items() if n]
    say(f"Of {counted(summary.total, 'recipient')}: {', '.join(states) or 'nobody'}.")
    if mailing.sandbox is not None:
        say(f"What was caught lies in {mailing.sandbox.maildir}")
        if mailing.orders.faults is not None:
            _show_books(mailing)
    if json:
        print_json(summary_document(summary, mailing))
    if summary.error is not None:
        raise summary.error


def _show_books(mailing: Mailing) -> None:
    """What the rehearsal has shown."""

    books = mailing.books()
    say()
    runs = counted(mailing.rounds, "run")
    say(f"A rehearsal of {runs}; --seed {mailing.orders.faults} repeats its faults.")
    if books.balanced:
        say(
            f"The books balance: the server took {counted(books.taken, 'message')}, "
            f"{books.sent:,} are sent, {books.in_doubt:,} in doubt "
            f"({books.in_doubt_taken:,} of them taken); nobody is lost, nobody got two."
        )
    seconds = mailing.real_seconds()
    if seconds:
        say(f"For real, at the rates set, it would take {duration_in_words(seconds)}.")
    else:
        say("For real, no rate holds it back: it goes as fast as the server takes it.")
