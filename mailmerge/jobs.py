"""One mailing from the check to the summary: what `mailmerge send` does, without a terminal.

    orders -> check -> enrol -> plan -> (the person says yes) -> run -> summary

Four kinds: for real; `dry_run`, which stops before any connection; `test_to`, which sends some
people's messages to oneself; and `sandbox`, which sends to the embedded server. The last two have a
ledger of their own. A sandbox with `faults` takes several runs: `prepare`, then `resume` as long as
`goes_on` says so, then `books`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import islice
from types import TracebackType
from typing import Any

from mailmerge.credentials import Account, find_account, read_credentials, require_account
from mailmerge.engine.copies import open_copies
from mailmerge.engine.events import Listener
from mailmerge.engine.limits import Limits, resolve_limits
from mailmerge.engine.plan import Plan, least_seconds, make_plan
from mailmerge.engine.redirect import USUAL_NUMBER, Redirect, goes_to_recipient
from mailmerge.engine.retry import LONGEST_RETRY
from mailmerge.engine.run import Run
from mailmerge.engine.summary import Summary, ending
from mailmerge.errors import (
    AddressError,
    CampaignError,
    CheckFailed,
    Declined,
    Interrupted,
    MailmergeError,
    RunStopped,
)
from mailmerge.ledger.interface import Store
from mailmerge.ledger.ledger import Ledger
from mailmerge.ledger.quota import open_quotas
from mailmerge.ledger.states import Difference, State, reported
from mailmerge.messages import MessageFactory, TransactionFactory, message_factory, message_ids
from mailmerge.orders import LEDGER, SANDBOX, Orders
from mailmerge.preflight.check import Check, CheckOptions, check_digest
from mailmerge.preflight.report import CheckReport
from mailmerge.recipients.address import parse_mailbox
from mailmerge.recipients.audience import Recipient, Selection, open_audience
from mailmerge.reports.reconcile import Reconciliation, reconcile
from mailmerge.sandbox import Faults, HastyClock, Sandbox
from mailmerge.settings import Settings
from mailmerge.smtp import Credentials, Server
from mailmerge.wording import counted

LOOKED_THROUGH = 50_000
"""How many people are looked through for the subjects that the plan shows."""

ROUNDS = 20
"""So often a rehearsal with faults resumes before it is called unfinished."""


@dataclass(slots=True)
class Mailing:
    """A mailing under way; use it as a context manager, so that the ledger is put down at the end.

    Raises:
        CampaignError: no server is named, and messages are to be sent; or `test_to` is no address.
    """

    campaign: Settings
    orders: Orders
    events: Listener | None = None
    account: Account | None = None
    report: CheckReport | None = None
    sandbox: Sandbox | None = None
    rounds: int = 0
    _trial: Redirect | None = None
    _messages: MessageFactory | None = None
    _ledger: Store | None = None
    _opened: Ledger | None = None
    _clock: HastyClock | None = None
    _enrolled: int = 0
    _open: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Mailing:
        orders = self.orders
        self._trial = _trial(orders.test_to)
        needed = not (orders.dry_run or orders.sandbox)
        find = require_account if needed else find_account
        self.account = find(self.campaign.smtp, self.campaign.folder)
        if not orders.dry_run:
            self._open_ledger(fresh=orders.ledger != LEDGER)
            self._open.callback(self._close_ledger)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def _open_ledger(self, *, fresh: bool) -> None:
        opened = Ledger.of(self.campaign, self.orders.ledger, fresh=fresh)
        try:
            self._ledger = opened.store(self.campaign.name, message_ids(self.campaign))
        except BaseException:
            opened.close()
            raise
        self._opened = opened

    def _close_ledger(self) -> None:
        opened, self._opened, self._ledger = self._opened, None, None
        if opened is not None:
            opened.close()

    def check(self, progress: Callable[[int], None] = lambda _: None) -> CheckReport | None:
        """Check everything, unless the same people, templates and files have passed already.

        None means that they have.

        Raises:
            CheckFailed: something is wrong; `report` says what. Nothing was sent.
        """
        options = self._check_options()
        digest = check_digest(self.campaign, options) if self._ledger is not None else ""
        if digest and self._ledger is not None and self._ledger.check_passed(digest):
            return None
        check = Check(self.campaign, options, progress)
        self.report = check.run()
        if not self.report.passed():
            raise CheckFailed(
                f"the check found {counted(self.report.errors, 'error')}; nothing was sent",
                hint="fix it and send again"
                if self.report.errors == 1
                else "fix them and send again",
            )
        self._messages = check.messages
        if digest and self._ledger is not None:
            self._ledger.remember_check(digest)
        return self.report

    def enrol(self) -> Difference:
        """Take the people over into the ledger.

        Raises:
            Declined: they, or the content, are not those of the snapshot, and nobody said yes.
            AddressError: a test would go to nobody but the row's own address.
        """
        if self._ledger is None:
            return Difference(first=True)
        difference = self._ledger.enrol(
            self._people(),
            self.campaign.fingerprint(),
            accept_changes=self.orders.accept_changes,
            partial=self.orders.partial and self._trial is None,
        )
        if not difference.applied:
            raise Declined(
                f"not what was begun: {difference}; nothing was sent",
                hint="--accept-changes goes on with the new people and content",
                code="changed",
            )
        self._enrolled = sum(self._ledger.counts().values())
        if self._trial is not None and self._trial.left_out and not self._enrolled:
            raise goes_to_recipient()
        return difference

    def plan(self) -> Plan:
        """What the run would do."""
        states, to_send = self._counts()
        to_send += self._again(states)
        plan = make_plan(
            self.limits(),
            states,
            to_send=to_send,
            sender=self.campaign.message.from_,
            server=self._server_name(),
            subjects=self._subjects(states) if to_send else (),
        )
        if self._trial is not None:
            plan = replace(plan, test_to=self._trial.mailbox.address)
        if self.report is not None and self.report.slow:
            plan = plan.slowed(self.report.slow_because, self.report.per_second)
        return plan

    def prepare(self, ask: Callable[[str], str] | None = None) -> Run:
        """Everything that the run needs, the password included; `ask` is who types it.

        Raises:
            AuthenticationRefused: there is no password.
        """
        if self.orders.retry_rejected and self._ledger is not None:
            self._ledger.retry_rejected()
        if not self.orders.sandbox:
            account = require_account(self.campaign.smtp, self.campaign.folder)
            credentials = read_credentials(account, ask=ask)
            return self._run(account.server, credentials)
        folder = self.campaign.state_folder / SANDBOX
        # A rehearsal begins anew: what an earlier one caught would only mislead.
        shutil.rmtree(folder, ignore_errors=True)
        faults = None if self.orders.faults is None else Faults(self.orders.faults)
        self.sandbox = self._open.enter_context(Sandbox(folder, faults))
        self._clock = None if faults is None else AcceleratedClock()
        return self._run(self.sandbox.server)

    def goes_on(self, summary: Summary) -> bool:
        """Whether a rehearsal with faults has somebody left to send to, and may go on."""
        self.rounds += 1
        left = summary.states[State.PENDING] + summary.states[State.DEFERRED]
        stopped = isinstance(summary.error, Interrupted) or self.orders.limit is not None
        return self._clock is not None and left > 0 and not stopped and self.rounds < ROUNDS

    def resume(self) -> Run:
        """Another run of the rehearsal, as after a crash: the ledger is closed and read again."""
        assert self.sandbox is not None
        assert self._clock is not None
        self._close_ledger()
        self._open_ledger(fresh=False)
        self._clock.skip(LONGEST_RETRY)
        return self._run(self.sandbox.server)

    def books(self) -> Reconciliation:
        """What the sandbox took, against what the ledger says of everybody."""
        assert self.sandbox is not None
        assert self._ledger is not None
        return reconcile(self._ledger.iterate(), self.sandbox.taken, enrolled=self._enrolled)

    def real_seconds(self) -> float:
        """How long everybody would take at the rates of the account; 0 where nothing limits it."""
        limits = resolve_limits(
            self.campaign.delivery,
            self.account,
            rates=self.orders.rates,
            limit=self.orders.limit,
        )
        most = self._enrolled if limits.limit is None else min(self._enrolled, limits.limit)
        return least_seconds(limits.rates, most)

    def conclude(self, summary: Summary) -> Summary:
        """How the mailing went, from how its last run did.

        A rehearsal with faults is well where its books balance: whom it refused, it refused by
        design. Its seconds are those on the wall.
        """
        if self._clock is None:
            return summary
        seconds = self._clock.real_seconds
        if self._ledger is not None:
            self._ledger.note_run(seconds, summary.check_seconds)
        return replace(
            summary,
            sent=summary.states[State.SENT],
            seconds=seconds,
            error=self._verdict(summary),
        )

    def _verdict(self, summary: Summary) -> MailmergeError | None:
        if isinstance(summary.error, Interrupted):
            return summary.error
        if wrong := self.books().wrong:
            return MailmergeError(
                f"internal error: the ledger and the sandbox disagree about "
                f"{counted(wrong, 'recipient')}",
                hint=f"please report it, with --seed {self.orders.faults}",
                code="books",
            )
        left = summary.states[State.PENDING] + summary.states[State.DEFERRED]
        if left and self.orders.limit is None:
            return summary.error or RunStopped(
                f"after {self.rounds} rounds {counted(left, 'recipient')} remaining",
                code="rehearsal-unfinished",
            )
        return None

    def summary(self) -> Summary:
        """How the campaign stands where there is nothing to run; doubts are settled as was said."""
        if self._ledger is not None and self.orders.in_doubt == "assume-sent":
            self._ledger.assume_sent()
        return Summary(
            campaign=self.campaign.name,
            states=(states := self._counts()[0]),
            sent=0,
            seconds=0.0,
            check_seconds=self.report.seconds if self.report else 0.0,
            error=ending(states),
        )

    def _run(self, server: Server, credentials: Credentials | None = None) -> Run:
        assert self._ledger is not None, "a dry run is not run"
        delivery = self.campaign.delivery
        kept = delivery.keep_copy if self.orders.for_real else ""
        return Run(
            self._ledger,
            TransactionFactory(self._message_factory(), delivery),
            server,
            self.limits(),
            campaign=self.campaign.name,
            credentials=credentials,
            usage=None if self.orders.sandbox else open_quotas(),
            keep=open_copies(kept, self.campaign.state_folder),
            listener=self.events,
            clock=self._clock,
            check_seconds=self.report.seconds if self.report else 0.0,
        )

    def _message_factory(self) -> MessageFactory:
        if self._messages is None:
            self._messages = message_factory(self.campaign)
        trial = self._trial
        return self._messages if trial is None else self._messages.editing(trial.edit)

    def _check_options(self) -> CheckOptions:
        away = self.account is not None and not self.account.is_loopback
        # One more than are tested: the row of the tester is passed over.
        limit = self._trials() + 1 if self._trial is not None else None
        return CheckOptions(
            selection=replace(self._selection(), limit=limit),
            account=None if self.orders.sandbox else self.account,
            for_real=self.orders.for_real and away,
        )

    def _selection(self) -> Selection:
        return Selection(where=self.orders.where, only=self.orders.only)

    def _trials(self) -> int:
        return USUAL_NUMBER if self.orders.limit is None else self.orders.limit

    def _people(self) -> Iterator[Recipient]:
        people = open_audience(self.campaign, self._selection()).recipients()
        return people if self._trial is None else self._trial.recipients(people, self._trials())

    def limits(self) -> Limits:
        """What bounds the run: the same for the plan and the run."""
        orders = self.orders
        account = None if orders.sandbox else self.account
        return resolve_limits(
            self.campaign.delivery,
            account,
            rates=(orders.rates or ()) if account is None else orders.rates,
            connections=orders.connections,
            window=orders.window,
            wait=self._wait(),
            limit=None if self._trial is not None else orders.limit,
            in_doubt=orders.in_doubt,
            counted_as=SANDBOX,
        )

    def _wait(self) -> float | None:
        """A test does not wait for a grey list, and a rehearsal with faults skips the pauses."""
        if self.orders.faults is not None:
            return 0.0
        return 0.0 if self._trial is not None and self.orders.wait is None else self.orders.wait

    def _counts(self) -> tuple[dict[State, int], int]:
        """The states, and how many are still to be sent to; a dry run only reads."""
        if self._ledger is not None:
            return self._ledger.counts(), self._ledger.claimable()
        checked = self.report.recipients if self.report else 0
        if self._trial is not None:
            checked = min(checked, self._trials())
        record = None if self.orders.ledger != LEDGER else Ledger.read(self.campaign)
        if record is None:
            return reported({State.PENDING: checked}), checked
        states = record.counts()
        return states, states[State.PENDING] + states[State.DEFERRED]

    def _again(self, states: Mapping[State, int]) -> int:
        """How many are sent to although the ledger would leave them alone: by the person's word."""
        doubted = states[State.IN_DOUBT] if self.orders.in_doubt == "resend" else 0
        return doubted + (states[State.REJECTED] if self.orders.retry_rejected else 0)

    def _subjects(self, states: Mapping[State, int]) -> tuple[str, ...]:
        begun = states[State.PENDING] < sum(states.values())
        if self.report is not None and self._trial is None and not begun:
            return self.report.subjects
        people = list(islice(self._next_people() if begun else self._people(), 3))
        messages = self._message_factory()
        return tuple(messages.render(one).subject for one in people)

    def _next_people(self) -> Iterator[Recipient]:
        """Those of the first people of the ledger who are still to be sent to."""
        if self._ledger is not None:
            for one in islice(self._ledger.iterate(), LOOKED_THROUGH):
                if one.state in {State.PENDING, State.DEFERRED}:
                    yield one.recipient

    def _server_name(self) -> str:
        if self.orders.sandbox:
            return "the sandbox on this machine"
        return self.account.server_name if self.account else "none is named yet"


def _trial(address: str) -> Redirect | None:
    if not address:
        return None
    try:
        return Redirect(parse_mailbox(address.strip()))
    except AddressError as error:
        raise CampaignError(
            f"--test-to: {error.problem.message}", hint=error.problem.hint, code="usage"
        ) from error


def summary_document(summary: Summary, mailing: Mailing) -> dict[str, Any]:
    """The document of `send --json`."""
    document = summary.to_json()
    orders = mailing.orders
    if orders.test_to:
        document["test_to"] = orders.test_to
    if mailing.sandbox is not None:
        document["maildir"] = str(mailing.sandbox.folder)
    if mailing.sandbox is not None and orders.faults is not None:
        document["seed"] = orders.faults
        document["rounds"] = mailing.rounds
        document["books"] = mailing.books().to_json()
        document["real_seconds"] = round(mailing.real_seconds(), 3)
    return document


def unsent_document(mailing: Mailing, plan: Plan | None = None) -> dict[str, Any]:
    """The document of `send --json` where nothing was sent: a dry run, or a failed check."""
    report = mailing.report
    total = plan.total if plan else report.recipients if report else 0
    summary = Summary(
        campaign=mailing.campaign.name,
        states=reported({State.PENDING: total}),
        sent=0,
        seconds=0.0,
        check_seconds=report.seconds if report else 0.0,
    )
    document = summary.to_json()
    if plan is not None:
        document["to_send"] = plan.to_send
    if report is not None:
        document["problems"] = report.to_json()["problems"]
    return document
