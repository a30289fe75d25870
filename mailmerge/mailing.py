"""One mailing from the check to the summary: what `mailmerge send` does, without a terminal.

    orders -> check -> enrol -> plan -> (the person says yes) -> run -> summary

Three kinds: for real; `dry_run`, which stops before any connection; and `sandbox`, which sends to
the embedded server with a ledger of its own.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from mailmerge.account import Account, find_account, read_credentials, require_account
from mailmerge.campaign import Campaign, Rate
from mailmerge.delivery.folders import user_state_folder
from mailmerge.delivery.ledger import (
    Difference,
    InDoubt,
    Ledger,
    State,
    open_ledger,
    read_ledger,
    reported,
)
from mailmerge.delivery.run import Options, Plan, Run, Summary, ending, make_plan
from mailmerge.delivery.usage import Usage
from mailmerge.errors import CheckFailed, Declined, Problem
from mailmerge.mime.message import Composer
from mailmerge.mime.parts import PartStore
from mailmerge.preflight.check import Check, CheckOptions, check_digest
from mailmerge.preflight.report import CheckReport
from mailmerge.recipients.audience import Audience, Recipient, Selection
from mailmerge.recipients.spreadsheet import open_spreadsheet
from mailmerge.rendering.content import Renderer
from mailmerge.sandbox import Sandbox

SANDBOX = "sandbox"
USAGE_FILE = "usage.sqlite"


@dataclass(frozen=True, slots=True)
class Orders:
    """What the person asked for; None means what campaign.toml says."""

    dry_run: bool = False
    sandbox: bool = False
    where: str = ""
    only: str = ""
    limit: int | None = None
    rates: tuple[Rate, ...] | None = None
    connections: int | None = None
    window: int | None = None
    wait: float | None = None
    in_doubt: InDoubt = "hold"
    retry_rejected: bool = False
    accept_changes: bool = False

    @property
    def for_real(self) -> bool:
        """Whether messages would leave this machine."""
        return not (self.dry_run or self.sandbox)

    @property
    def partial(self) -> bool:
        """Whether only some of the people are meant."""
        return bool(self.where or self.only)


@dataclass(slots=True)
class Mailing:
    """A mailing under way; use it as a context manager, so that the ledger is put down at the end.

    Raises:
        CampaignError: no server is named, and messages are to be sent.
    """

    campaign: Campaign
    orders: Orders
    account: Account | None = None
    report: CheckReport | None = None
    sandbox: Sandbox | None = None
    _renderer: Renderer | None = None
    _composer: Composer | None = None
    _ledger: Ledger | None = None
    _open: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Mailing:
        wanted = require_account if self.orders.for_real else find_account
        self.account = wanted(self.campaign)
        if not self.orders.dry_run:
            name = SANDBOX if self.orders.sandbox else "ledger"
            self._ledger = open_ledger(self.campaign, name=name, fresh=self.orders.sandbox)
            self._open.callback(self._ledger.close)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

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
                f"the check found {_counted(self.report.errors, 'error')}; nothing was sent",
                hint="mend them and send again",
            )
        self._renderer, self._composer = check.renderer, check.composer
        if digest and self._ledger is not None:
            self._ledger.remember_check(digest)
        return self.report

    def enrol(self) -> Difference:
        """Take the people over into the ledger.

        Raises:
            Declined: they, or the content, are not those of the snapshot, and nobody said yes.
        """
        if self._ledger is None:
            return Difference(first=True)
        difference = self._ledger.enrol(
            self._people(),
            self.campaign.fingerprint(),
            accept_changes=self.orders.accept_changes,
            partial=self.orders.partial,
        )
        if not difference.applied:
            raise Declined(
                f"not what was begun: {difference}; nothing was sent",
                hint="--accept-changes goes on with the new people and content",
                code="changed",
            )
        if self.orders.retry_rejected:
            self._ledger.retry_rejected()
        return difference

    def plan(self) -> Plan:
        """What the run would do."""
        states, to_send = self._counts()
        return make_plan(
            self.campaign,
            states,
            to_send=to_send,
            server=self._server_name(),
            subjects=self._subjects(),
            options=self._options(),
        )

    def prepare(self, ask: Callable[[str], str] | None = None) -> Run:
        """Everything that the run needs, the password included; `ask` is who types it.

        Raises:
            AuthenticationRefused: there is no password.
        """
        assert self._ledger is not None, "a dry run is not run"
        credentials = None
        if self.orders.sandbox:
            folder = self.campaign.state_folder / SANDBOX
            # A rehearsal begins anew: what an earlier one caught would only mislead.
            shutil.rmtree(folder, ignore_errors=True)
            self.sandbox = self._open.enter_context(Sandbox(folder))
            server = self.sandbox.server
        else:
            account = require_account(self.campaign)
            credentials = read_credentials(self.campaign, account, ask=ask)
            server = account.server
        return Run(
            self.campaign,
            self._ledger,
            renderer=self._renderer or Renderer(self.campaign),
            composer=self._composer or Composer(self.campaign, PartStore(self.campaign.folder)),
            server=server,
            credentials=credentials,
            options=self._options(),
            usage=None if self.orders.sandbox else Usage(user_state_folder() / USAGE_FILE),
        )

    def summary(self) -> Summary:
        """How the campaign stands where there is nothing to run."""
        return Summary(
            campaign=self.campaign.name,
            states=(states := self._counts()[0]),
            sent=0,
            seconds=0.0,
            check_seconds=self.report.seconds if self.report else 0.0,
            error=ending(states),
        )

    def _check_options(self) -> CheckOptions:
        away = self.account is not None and not self.account.is_loopback
        return CheckOptions(
            selection=self._selection(),
            account=None if self.orders.sandbox else self.account,
            for_real=self.orders.for_real and away,
        )

    def _selection(self) -> Selection:
        return Selection(where=self.orders.where, only=self.orders.only)

    def _people(self) -> Iterator[Recipient]:
        audience = Audience(self.campaign, open_spreadsheet(self.campaign), self._selection())
        return (one for one in audience if not isinstance(one, Problem))

    def _options(self) -> Options:
        account = self.account
        rates: tuple[Rate, ...] = ()
        connections, per_connection, name = None, None, SANDBOX
        if account is not None and not self.orders.sandbox:
            rates, connections, name = account.rates, account.connections, account.name
            per_connection = account.messages_per_connection
        return Options(
            limit=self.orders.limit,
            rates=rates if self.orders.rates is None else self.orders.rates,
            connections=self.orders.connections or connections,
            messages_per_connection=per_connection,
            window=self.orders.window,
            in_doubt=self.orders.in_doubt,
            wait=self.orders.wait,
            account=name,
            check_seconds=self.report.seconds if self.report else 0.0,
        )

    def _counts(self) -> tuple[dict[State, int], int]:
        """The states, and how many are still to be sent to; a dry run only reads."""
        if self._ledger is not None:
            return self._ledger.counts(), self._ledger.claimable()
        checked = self.report.recipients if self.report else 0
        record = read_ledger(self.campaign)
        if record is None:
            return reported({State.PENDING: checked}), checked
        states = record.counts()
        return states, states[State.PENDING] + states[State.DEFERRED]

    def _subjects(self) -> tuple[str, ...]:
        if self.report is not None:
            return self.report.subjects
        renderer = self._renderer or Renderer(self.campaign)
        people = self._people()
        return tuple(renderer.render(one).subject for one, _ in zip(people, range(3), strict=False))

    def _server_name(self) -> str:
        if self.orders.sandbox:
            return "the sandbox on this machine"
        return self.account.server_name if self.account else "none is named yet"


def summary_document(summary: Summary, mailing: Mailing) -> dict[str, Any]:
    """The document of `send --json`."""
    document = summary.to_json()
    if mailing.sandbox is not None:
        document["maildir"] = str(mailing.sandbox.maildir)
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


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
