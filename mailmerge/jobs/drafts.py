"""Drafts instead of a send: each message is put into the drafts folder of the user's mailbox.

    ledger: not sent, no draft -> message -> \\Drafts -> ledger: drafted

A draft has the Message-ID of its delivery. The folder is asked first which drafts it has, so that
none is made twice: not by a second run, and not after the process has ended, or the connection,
between a draft and its record in the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from mailmerge.engine.events import Began, Drafted, Ended, Event, Listener
from mailmerge.engine.summary import Progress, Summary, by_name
from mailmerge.errors import InputError, Interrupted, MailmergeError, NotAllReached
from mailmerge.language import tr, trn
from mailmerge.ledger.interface import Store
from mailmerge.ledger.states import Delivery
from mailmerge.mailbox.account import ImapAccount
from mailmerge.mailbox.appending import DRAFT, DRAFTS, Appended, ImapWriter
from mailmerge.messages import Identity
from mailmerge.mime.message import Message
from mailmerge.portable.clock import Clock, wall_clock
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.copies import Copies

_AT_ONCE = 50


class _MessageMaker(Protocol):
    """Makes the message of a recipient; messages.MessageFactory is one."""

    def make(self, recipient: Recipient, identity: Identity) -> Message:
        """Make it.

        Raises:
            InputError: it cannot be rendered or composed.
        """
        ...

    def copies(self, recipient: Recipient) -> Copies:
        """Who else gets it.

        Raises:
            InputError: that cannot be found out.
        """
        ...


@dataclass(slots=True)
class _Counts:
    """What a run has done so far."""

    began_at: float = 0.0
    drafted: int = 0
    unmade: int = 0
    error: MailmergeError | None = None


@dataclass(slots=True)
class DraftRun:
    """One run that makes drafts; call `execute`, or iterate over `steps`, once.

    Attributes:
        store: the ledger of the campaign.
        messages: makes the messages.
        mailbox: the mailbox of the drafts.
        campaign: the name of the campaign.
        to_send: the number of drafts that the run would make.
        limit: the maximum number of drafts; None for no limit.
        listener: called with each event at once.
        clock: seconds since 1970; None means the machine's clock.
        check_seconds: the seconds of the check before the run.
    """

    store: Store
    messages: _MessageMaker
    mailbox: ImapAccount
    campaign: str
    to_send: int
    limit: int | None = None
    listener: Listener | None = None
    clock: Clock | None = None
    check_seconds: float = 0.0
    giving_up: bool = False
    _stopped: bool = False
    _counts: _Counts = field(default_factory=_Counts)

    def stop(self) -> None:
        """End after the drafts that are being made. A second call changes nothing."""
        self._stopped = True

    def execute(self, progress: Callable[[Progress], None] = lambda _: None) -> Summary:
        """Run to the end; `progress` is called after each batch."""
        last: Event | None = None
        for events in self.steps():
            progress(self._progress())
            last = events[-1] if events else last
        assert isinstance(last, Ended)
        return last.summary

    def steps(self) -> Generator[tuple[Event, ...], None, None]:
        """Run to the end, and yield the events of each step; the last one is `Ended`."""
        self._counts.began_at = self._now()
        yield self._told(Began(self._now(), self.campaign, self.to_send, 1))
        try:
            with ImapWriter(self.mailbox, DRAFTS, self.mailbox.drafts) as writer:
                known = writer.known_ids()
                for some in self._batches():
                    yield self._told(*self._draft(writer, known, some))
        except MailmergeError as error:
            self._counts.error = error
        yield self._told(Ended(self._now(), self._summary()))

    def _batches(self) -> Iterator[list[Delivery]]:
        """The deliveries that need a draft, until there are none, the limit, a stop or an error."""
        last, left = 0, self.limit
        while not self._stopped and self._counts.error is None:
            some = self.store.undrafted(last, _AT_ONCE if left is None else min(_AT_ONCE, left))
            if not some:
                return
            last = some[-1].id
            left = None if left is None else left - len(some)
            yield some

    def _draft(
        self, writer: ImapWriter, known: set[str], deliveries: Sequence[Delivery]
    ) -> list[Event]:
        """Make the drafts of some deliveries, and record them."""
        at = self._now()
        made = [one for delivery in deliveries if (one := self._make(delivery, at)) is not None]
        missing = [one for one in made if one.message_id.lower() not in known]
        done, refused = writer.append(missing, DRAFT) if missing else ([], None)
        if refused is not None:
            self._counts.error = refused
        numbers = {one.number for one in made} - {one.number for one in missing} | set(done)
        drafted = [one for one in deliveries if one.id in numbers]
        self.store.note_drafted(drafted, at)
        self._counts.drafted += len(drafted)
        return [
            Drafted(at, one.row, one.key, one.address, "", "", one.message_id) for one in drafted
        ]

    def _make(self, delivery: Delivery, at: float) -> Appended | None:
        identity = Identity(delivery.message_id, datetime.fromtimestamp(int(at), UTC))
        try:
            message = self.messages.make(delivery.recipient, identity)
            blind = self.messages.copies(delivery.recipient).bcc
        except InputError:
            self._counts.unmade += 1
            return None
        # Whoever sends a draft has no envelope: the field tells the mail program (RFC 5322, 3.6.3).
        field = [b"Bcc: ", b",\r\n ".join(one.address.encode() for one in blind), b"\r\n"]
        content = b"".join((*(field if blind else ()), *message.chunks))
        return Appended(delivery.id, delivery.message_id, content, at)

    def _now(self) -> float:
        return (self.clock or wall_clock())()

    def _told(self, *events: Event) -> tuple[Event, ...]:
        for event in events:
            if self.listener is not None:
                self.listener(event)
        return events

    def _progress(self) -> Progress:
        counts = self._counts
        return Progress(
            states=self.store.counts(),
            to_send=self.to_send,
            done=counts.drafted + counts.unmade,
            sent=counts.drafted,
            failed=counts.unmade,
            seconds=self._now() - counts.began_at,
            connections=1,
        )

    def _summary(self) -> Summary:
        counts = self._counts
        return Summary(
            campaign=self.campaign,
            states=by_name(self.store.counts()),
            sent=0,
            seconds=self._now() - counts.began_at,
            check_seconds=self.check_seconds,
            error=counts.error or _ending(counts.unmade, stopped=self._stopped),
            unmade=counts.unmade,
            drafted=counts.drafted,
        )


def _ending(unmade: int, *, stopped: bool) -> MailmergeError | None:
    if stopped:
        return Interrupted(tr("stopped"), hint=tr("run it again to continue where it stopped"))
    if unmade:
        return NotAllReached(
            trn(
                "{count:,} message could not be made",
                "{count:,} messages could not be made",
                unmade,
            ),
            hint=tr('"mailmerge check" says why'),
        )
    return None
