"""Received mails -> facts in the ledger and addresses on the suppression list.

    mails -> those not read before -> facts -> matches -> suppression list -> ledger

The suppression list is written first, and the ledger last. If the process ends in between, the next
run judges the mails again, and adding an address again changes nothing.

Mails are handled in batches. For each batch the deliveries of the ledger are read once, and only
those that a mail may be about are kept: the ledger may have a million deliveries, the mailbox a
hundred thousand mails.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from mailmerge.campaign import Campaign
from mailmerge.errors import AddressError
from mailmerge.ledger.after import AfterFacts, AfterRecord
from mailmerge.ledger.ledger import Ledger
from mailmerge.ledger.states import After
from mailmerge.mailbox.classify import classify
from mailmerge.mailbox.facts import RECORDED, Fact, Kind
from mailmerge.mailbox.imap import ImapFolder, Position
from mailmerge.mailbox.matching import Match, ReadToken, index_for, match
from mailmerge.mailbox.sources import ReceivedMail, read_mails
from mailmerge.mime.settings import sender_of
from mailmerge.recipients.address import parse_mailbox
from mailmerge.recipients.input_file import find_campaign_file
from mailmerge.recipients.suppression_writer import SuppressionWriter
from mailmerge.settings import Settings
from mailmerge.unsubscribe_links import Unsubscription, links_of

_SOFT_BOUNCES: Final = 5
"""So many soft bounces of an address suppress it, within `_SOFT_DAYS` and over all campaigns."""

_SOFT_DAYS: Final = 30
_DAY: Final = 86_400.0
_BATCH: Final = 5_000
_BATCH_BYTES: Final = 64 << 20
_LONGEST_REASON: Final = 200
_SUPPRESSING: Final = (Kind.COMPLAINED, Kind.UNSUBSCRIBED)


@dataclass(frozen=True, slots=True)
class Reply:
    """One mail about a message of ours, for the user.

    Attributes:
        name: where the mail comes from.
        kind: what it is.
        address: the recipient.
        reason: why, in words; it comes from outside.
        hard: it is a bounce that says that the address will never take mail.
    """

    name: str
    kind: Kind
    address: str
    reason: str = ""
    hard: bool = False


@dataclass
class Collected:
    """What was found in some mails; the counts are those of `mailmerge replies --json`.

    Attributes:
        counts: read, matched, each kind, not_ours, suppressed. Mails that were read before count as
            read only.
        replies: the mails about messages of ours.
    """

    counts: Counter[str] = field(default_factory=Counter)
    replies: list[Reply] = field(default_factory=list)

    def document(self) -> dict[str, int]:
        """Return all counts, including zeros."""
        kinds = (Kind.BOUNCED, Kind.COMPLAINED, Kind.UNSUBSCRIBED, Kind.ANSWERED, Kind.AUTO_REPLIED)
        names = ("read", "matched", *kinds, Kind.DELIVERED, "not_ours", "suppressed")
        return {str(name): self.counts[name] for name in names}


def read_replies(
    campaign: Campaign,
    mails: str | Path | Iterable[str | Path],
    ledger: Ledger | None = None,
    *,
    words: bool = False,
) -> Collected:
    """Read what came back about a campaign, from files (.eml, mbox), Maildirs or folders of these.

        found = mm.read_replies(campaign, "bounces.mbox", ledger)
        print(found.counts["bounced"], [reply.address for reply in found.replies])

    What they say is recorded in `ledger`, by default the one of the campaign's folder, and on the
    suppression list of the campaign.

    Raises: as `collect_replies`; CampaignError if a file cannot be read.
    """
    paths = [mails] if isinstance(mails, str | Path) else mails
    read = read_mails(map(Path, paths))
    return collect_replies(campaign.settings, read, ledger, words=words)


def collect_replies(
    settings: Settings,
    mails: Iterable[ReceivedMail],
    ledger: Ledger | None = None,
    *,
    words: bool = False,
    again: bool = False,
    now: float | None = None,
) -> Collected:
    """Record what some mails say about the messages of a campaign folder.

    Args:
        settings: the campaign.
        mails: the received mails, in any order.
        ledger: an open ledger; by default the one of the campaign's folder.
        words: whether a mail with "unsubscribe" as its subject, without a token, unsubscribes.
        again: whether mails that were read before are judged again.
        now: seconds since 1970; by default the present.

    Raises:
        LedgerHeld: another process is sending this campaign.
        LedgerError: the ledger cannot be read or written.
        CampaignError: campaign.toml is wrong.
        SpreadsheetError: the suppression list cannot be read or written.
    """
    collecting = _Collecting(settings, words=words, again=again, now=now or time.time())
    with ExitStack() as opened:
        if ledger is None and Ledger.read(settings) is not None:
            ledger = opened.enter_context(Ledger.of(settings))
        for some in _batches(mails):
            collecting.judge(some, None if ledger is None else ledger.after)
    return collecting.found


def collect_mailbox(
    settings: Settings,
    folder: ImapFolder,
    name: str,
    *,
    words: bool = False,
    again: bool = False,
    mark_read: bool = False,
    since: float | None = None,
    now: float | None = None,
) -> Collected:
    """Record what the new mails of a folder on a server say; see `collect_replies`.

    The first time, only mails since a time count (in seconds since 1970), by default that of the
    first message. `name` identifies the
    folder in the ledger. `mark_read` marks the mails about messages of ours as read.

    Raises:
        ConnectionLost: the connection ended; what was judged before is recorded.
        CampaignError, LedgerError, SpreadsheetError: as `collect_replies`.
    """
    collecting = _Collecting(settings, words=words, again=again, now=now or time.time())
    known = Ledger.read(settings) is not None
    position = Position()
    if known:
        with Ledger.of(settings) as ledger:
            position = Position() if again else Position(*ledger.after.position(name))
            since = since or ((ledger.after.first_sent() or 0.0) - _DAY)
    for reached, some in folder.new_mails(position, since):
        before = len(collecting.found.replies)
        if known:
            with Ledger.of(settings) as ledger:
                collecting.judge(some, ledger.after)
                ledger.after.set_position(name, reached.validity, reached.last)
        else:
            collecting.judge(some, None)
        if mark_read:
            folder.mark_read([int(one.name) for one in collecting.found.replies[before:]])
    return collecting.found


def _batches(mails: Iterable[ReceivedMail]) -> Iterator[list[ReceivedMail]]:
    some, size = list[ReceivedMail](), 0
    for one in mails:
        some.append(one)
        size += len(one.raw)
        if len(some) == _BATCH or size > _BATCH_BYTES:
            yield some
            some, size = [], 0
    if some:
        yield some


class _Collecting:
    """Judges mails, a batch at a time."""

    def __init__(self, settings: Settings, *, words: bool, again: bool, now: float) -> None:
        self.found = Collected()
        self._settings = settings
        self._words = words
        self._again = again
        self._now = now
        sender = sender_of(settings)
        self._own = frozenset({sender.mailbox.identity})
        message = settings.message
        named = message.reverse_path or (sender.reverse_path if message.verp else "")
        self._verp_domain = named.rpartition("@")[2].strip("> ") if named else ""
        self._read_token = _token_reader(settings)

    def judge(self, mails: Sequence[ReceivedMail], ledger: AfterFacts | None) -> None:
        """Record what these mails say; without a ledger, only tokens count."""
        counts = self.found.counts
        counts["read"] += len(mails)
        new = self._not_known(mails, ledger)
        facts = [classify(one.raw, words=self._words) for one in new]
        sent = () if ledger is None else ledger.sent_messages()
        index = index_for(facts, sent, self._read_token, self._verp_domain)
        matches = list[tuple[ReceivedMail, Match]]()
        for mail, fact in zip(new, facts, strict=True):
            found = match(
                fact,
                index,
                self._read_token,
                verp_domain=self._verp_domain,
                now=self._now,
                own=self._own,
            )
            if found is None:
                counts["not_ours"] += 1
                continue
            matches.append((mail, found))
            counts["matched"] += 1
            if not fact.delayed:
                counts[fact.kind] += 1
                self._note(mail, found)
        self._suppress([one for one in matches if not one[1].fact.delayed], ledger)
        if ledger is not None and new:
            records = [one for mail, found in matches if (one := self._record(mail, found))]
            ledger.record(records, [mail.digest for mail in new])

    def _not_known(
        self, mails: Sequence[ReceivedMail], ledger: AfterFacts | None
    ) -> list[ReceivedMail]:
        unique = {one.digest: one for one in reversed(mails)}
        known = set[bytes]()
        if ledger is not None and not self._again:
            known = ledger.known(list(unique))
        return [one for digest, one in reversed(unique.items()) if digest not in known]

    def _note(self, mail: ReceivedMail, found: Match) -> None:
        fact = found.fact
        self.found.replies.append(
            Reply(mail.name, fact.kind, found.address, fact.reason, fact.hard)
        )

    def _record(self, mail: ReceivedMail, found: Match) -> AfterRecord | None:
        fact = found.fact
        if found.sent is None or fact.delayed or fact.kind not in RECORDED:
            return None
        at = self._now if fact.at is None else fact.at
        reason = fact.kept_reason[:_LONGEST_REASON]
        return AfterRecord(
            found.sent, mail.digest, After(fact.kind.value, at, reason, hard=fact.hard)
        )

    def _suppress(
        self, matches: Sequence[tuple[ReceivedMail, Match]], ledger: AfterFacts | None
    ) -> None:
        """Add the addresses that get no more messages to the suppression list."""
        wanted = dict(self._wanted(matches, ledger))
        if not wanted:
            return
        file = self._settings.recipients.suppress
        path = find_campaign_file(self._settings.folder, file)
        today = datetime.fromtimestamp(self._now).astimezone().date()
        with closing(SuppressionWriter(path, file)) as writer:
            done = [
                writer.add(address, reason=reason, today=today)
                for address, reason in wanted.items()
            ]
        self.found.counts["suppressed"] += sum(_is_new(one) for one in done)

    def _wanted(
        self, matches: Sequence[tuple[ReceivedMail, Match]], ledger: AfterFacts | None
    ) -> Iterator[tuple[str, str]]:
        switches, soft = self._settings.replies.suppress, Counter[str]()
        judged = frozenset(mail.digest for mail, _ in matches)
        for _, one in matches:
            fact = one.fact
            if fact.kind in _SUPPRESSING and fact.kind.value in switches:
                yield one.address, fact.kind.value
            elif fact.kind is Kind.BOUNCED and fact.hard and "bounced" in switches:
                yield one.address, _shown(fact)
            elif fact.kind is Kind.BOUNCED and not fact.hard and one.sent is not None:
                soft[one.sent.identity] += 1
                if "soft" in switches and ledger is not None:
                    since = (self._now if fact.at is None else fact.at) - _SOFT_DAYS * _DAY
                    before = ledger.soft_bounces(one.sent.identity, since, judged)
                    if before + soft[one.sent.identity] >= _SOFT_BOUNCES:
                        yield one.address, _shown(fact)


def _shown(fact: Fact) -> str:
    """The reason on the suppression list: in English as all of them, and without outside text."""
    cause = fact.cause.value if fact.cause else ""
    return " ".join(part for part in ("bounced:", fact.status, cause) if part)


def _is_new(added: Future[bool]) -> bool:
    try:
        return added.result()
    except AddressError:
        return False


def _token_reader(settings: Settings) -> ReadToken:
    """A function that reads tokens of the campaign; the key is read with the first token."""
    links = links_of(settings)

    def read(token: str) -> Unsubscription | None:
        found = None if links is None else links.keys.read(token)
        return found if found is not None and _is_address(found.address) else None

    return read


def _is_address(address: str) -> bool:
    try:
        parse_mailbox(address)
    except AddressError:
        return False
    return True
