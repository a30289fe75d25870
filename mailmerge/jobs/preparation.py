"""Preparation: the steps of a job before the first connection.

    check -> enrol -> plan

Each step first does the steps before it that are missing. Only this module resolves the limits of a
run; the plan and the run both use `limits`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from itertools import islice

from mailmerge.campaign import Campaign
from mailmerge.engine.hours_plan import plan_hours
from mailmerge.engine.limits import Limits
from mailmerge.engine.plan import Plan, make_plan
from mailmerge.errors import Declined, InputError
from mailmerge.jobs.approval import Approval, RecipientDigests, make_approval
from mailmerge.jobs.approval_files import require_approval
from mailmerge.jobs.options import JobOptions
from mailmerge.jobs.participants import Participants
from mailmerge.jobs.recipient_source import RecipientSource
from mailmerge.jobs.records import JobLedger, Records
from mailmerge.jobs.remaining import Remaining
from mailmerge.jobs.targets import Target
from mailmerge.jobs.zones import assign_zones, zone_counts
from mailmerge.language import tr
from mailmerge.ledger.states import Difference, State
from mailmerge.messages import MessageFactory
from mailmerge.preflight.check import Check, CheckOptions
from mailmerge.preflight.report import CheckReport, EarlierReport
from mailmerge.recipients.audience import Recipient
from mailmerge.settings import NOTHING_RECORDED
from mailmerge.signing.settings import signed_by

_SUBJECTS_SHOWN = 3


class Preparation:
    """The steps of a job before its run.

    Attributes:
        options: the options of the caller.
        report: the report of the check; None before it.
        content_changed: the content has changed since the first run.
    """

    def __init__(
        self,
        campaign: Campaign,
        source: RecipientSource,
        target: Target,
        options: JobOptions,
        ledger: JobLedger,
    ) -> None:
        self.report: CheckReport | None = None
        self._campaign = campaign
        self._source = source
        self._target = target
        self.options = options
        self._ledger = ledger
        self._redirect = target.redirect()
        self._participants = Participants(source, self._redirect)
        self._checked_messages: MessageFactory | None = None
        self._content = NOTHING_RECORDED
        self._enrolled: int | None = None
        self.content_changed = False

    @property
    def limits(self) -> Limits:
        """The limits, the same for the plan and the run."""
        return self.options.limits(self._campaign.settings.delivery, self._target)

    @property
    def messages(self) -> MessageFactory:
        """The message factory; after a check, its caches are filled."""
        factory = self._checked_messages or self._campaign.messages
        return self._redirect.messages(factory)

    @property
    def enrolled(self) -> int:
        """The number of recipients in the ledger."""
        if self._enrolled is None:
            self.enrol()
        return self._enrolled or 0

    def check(self, progress: Callable[[int], None] = lambda _: None) -> CheckReport:
        """Run the check, unless the same recipients, templates and files have passed before."""
        options, records = self._check_options(), self._ledger.records()
        digest = self._source.digest(options) if self._target.sends else ""
        settings = self._campaign.settings
        known = records.checked_content(digest)
        if known is not None:
            now = settings.fingerprint_now(known)
            if not now.changes_since(known):
                self._content = now
                self.report = EarlierReport()
                return self.report
        check = Check(settings, options, progress)
        self.report = check.run()
        self._content = check.content
        if self.report.passed() or self._invalid:
            self._checked_messages = check.messages
        if self._target.reviews and (self.report.passed() or self._invalid):
            messages = self._checked_messages or self._campaign.messages
            self._participants.choose(self.report.recipients, self._invalid, messages)
        if self.report.passed():
            records.remember_check(digest, check.content)
        return self.report

    def enrol(self) -> Difference:
        """Enrol the recipients in the ledger."""
        self._require_check()
        records, skipped = self._ledger.records(), dict[str, str]()
        whole = self._enrol_whole(records)
        recipients = self._participants.to_enrol(self._invalid, skipped)
        if self.options.approved:
            recipients = self._approved(recipients, skipped)
            if not self._target.sends:  # a dry run enrols none of them
                recipients = iter(list(recipients))
        difference = records.enrol(
            recipients,
            self._content,
            changes=self.options.accept_changes,
            partial=self._participants.partial,
            skipped=skipped,
        )
        _require_accepted(difference)
        if self._target.sends and self.limits.schedule is not None:
            assign_zones(self._ledger.store(), self.messages)
        self._enrolled = sum(self.counts().values())
        self.content_changed = difference.content_changed
        self._redirect.require_recipient(self._enrolled)
        return difference if whole is None else whole

    def _enrol_whole(self, records: Records) -> Difference | None:
        """Enrol all recipients before a sample of them; None without a sample."""
        whole = self._participants.whole(self._invalid)
        if whole is None:
            return None
        recipients, partial = whole
        changes = self.options.accept_changes
        difference = records.enrol(recipients, self._content, changes=changes, partial=partial)
        _require_accepted(difference)
        return difference

    def approval(self) -> Approval:
        """Return what the run would send, to be approved."""
        self._require_check()
        digests, skipped = RecipientDigests(), dict[str, str]()
        recipients = self._participants.to_enrol(self._invalid, skipped)
        for _ in digests.noting(one for one in recipients if one.key not in skipped):
            pass
        return make_approval(
            self._campaign.settings,
            digests.recipients(),
            self._content.files,
            self._target.server_name,
            self.limits,
        )

    def _approved(
        self, recipients: Iterator[Recipient], skipped: Mapping[str, str]
    ) -> Iterator[Recipient]:
        """Yield the recipients for enrolment; refuse them at the end if they are not approved.

        So exactly those are compared that would be enrolled, and the ledger takes back all of them.

        Raises:
            NotApproved: recipients, content, files, sender or limits differ.
        """
        digests = RecipientDigests()
        for recipient in recipients:
            if recipient.key not in skipped:
                for _ in digests.noting((recipient,)):
                    pass
            yield recipient
        settings = self._campaign.settings
        files, server = self._content.files, self._target.server_name
        found = make_approval(settings, digests.recipients(), files, server, self.limits)
        require_approval(found, self.options.approved, settings.state_folder)

    def plan(self) -> Plan:
        """Return what the run would do."""
        report, to_send = self._require_check(), self.to_send()
        counts, messages = self.counts(), self.messages
        begun = counts[State.PENDING] < sum(counts.values())
        shown = min(to_send, _SUBJECTS_SHOWN)
        known = () if begun or self._redirect.edits else report.subjects[:shown]
        plan = make_plan(
            self.limits,
            counts,
            to_send=to_send,
            sender=self._campaign.settings.message.from_,
            server=self._target.server_name,
            subjects=known or self._subjects(shown),
            again=self._remaining.again(counts),
            signed_by=signed_by(self._campaign.settings),
            copies=_count_copies(messages, islice(self._following(), to_send)),
        )
        plan = replace(plan, test_to=self._target.test_to).leaving_out(report.sent_before)
        plan = self._within_hours(plan)
        return plan.slowed(report.slow_because, report.per_second) if report.slow else plan

    def _within_hours(self, plan: Plan) -> Plan:
        schedule, rates, most = self.limits.schedule, self.limits.rates, plan.to_send
        if schedule is None:
            return plan
        store = self._ledger.store() if self._target.sends else None
        zones = zone_counts(self.messages, store, () if store is not None else self._following())
        return plan.within(plan_hours(schedule, zones, time.time(), rates=rates, most=most))

    def to_send(self) -> int:
        """Return the number of recipients that a run would try, including those tried again."""
        if self._enrolled is None:
            self.enrol()
        claimable = self._remaining.count(self.counts(), self._checked())
        limit = self.limits.limit
        return claimable if limit is None else min(claimable, limit)

    @cached_property
    def _remaining(self) -> Remaining:
        """The recipients that the run would try; all of them, or those that the options select."""
        valid = self._participants.valid(self._invalid) if self._participants.partial else None
        selected = None if valid is None else frozenset(one.key for one in valid)
        return Remaining(self._ledger.records(), self.options, selected)

    def counts(self) -> dict[State, int]:
        """Return the number of recipients in each state."""
        return self._ledger.records().counts(self._checked())

    def _require_check(self) -> CheckReport:
        report = self.report or self.check()
        if not self._invalid:
            report.raise_for_errors()
        return report

    @property
    def _invalid(self) -> Mapping[int, str]:
        """The rows that the user wants to leave out, with the first error of each."""
        report = self.report
        if report is None or not self.options.skip_invalid or not report.valid_rows_left:
            return {}
        return report.invalid

    def _check_options(self) -> CheckOptions:
        # More rows than the test uses, because rows with a test address are skipped.
        skipped = len(self._redirect.addresses)
        most = None if self._target.most is None else self._target.most + skipped
        return CheckOptions(
            selection=replace(self._source.selection, limit=most),
            account=self._target.account,
            for_real=self._target.for_real,
            recipients=self._source.given,
        )

    def _checked(self) -> int:
        """Return the number of checked recipients that the target uses."""
        report = self.report
        if report is not None and self._redirect.edits:
            return sum(1 for _ in self._participants.valid(self._invalid))
        checked = report.recipients if report is not None else 0
        if report is not None and self._invalid:
            checked -= report.invalid_recipients
        return checked if self._target.most is None else min(checked, self._target.most)

    def _following(self) -> Iterator[Recipient]:
        """The recipients in the order in which the run tries them."""
        counts = self.counts()
        following = self._participants.valid(self._invalid)
        if counts[State.PENDING] < sum(counts.values()):
            # A dry run has not enrolled the rows that are new.
            following = self._remaining.next_ones(() if self._target.sends else following)
        if self._invalid:
            following = (one for one in following if one.row not in self._invalid)
        return following

    def _subjects(self, shown: int) -> tuple[str, ...]:
        """The subjects of the first messages; several test messages of one recipient are one."""
        repeated = max(len(self._redirect.addresses), 1)
        following = islice(self._following(), shown * repeated)
        subjects = [self.messages.render(one).subject for one in following]
        return tuple(subjects[::repeated][:shown])


def _require_accepted(difference: Difference) -> None:
    if not difference.applied:
        raise Declined(
            tr(
                "changed since the first run: {difference}; nothing was sent",
                difference=difference,
            ),
            hint=tr("use --accept-changes to send with the new recipients and content"),
            code="changed",
        )


def _count_copies(messages: MessageFactory, recipients: Iterable[Recipient]) -> int:
    """Return how many further addresses get the messages of these recipients."""
    count = 0
    for one in recipients if messages.has_copies else ():
        with contextlib.suppress(InputError):  # it is skipped, or the check has reported it
            count += len(messages.copies(one).mailboxes)
    return count
