"""Compares an open ledger with its mark in the user's state folder, and keeps the mark up to date.

marks.py says what can go wrong. A ledger is compared twice: when it is opened, and when recipients
are enrolled in a ledger that has taken the place of another one.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, and_, func, select

from mailmerge.errors import LedgerOlder
from mailmerge.language import marked, tr, trn
from mailmerge.ledger.campaigns import all_campaigns
from mailmerge.ledger.database import Database
from mailmerge.ledger.evidence import count_left
from mailmerge.ledger.journal_file import JournalFiles
from mailmerge.ledger.marks import Mark, MarkFile, Marks, key_hash
from mailmerge.ledger.schema import delivery
from mailmerge.ledger.sender import Fence
from mailmerge.ledger.states import MAY_HAVE_LEFT
from mailmerge.library_messages import system_reason
from mailmerge.portable.clock import local_time
from mailmerge.wording import counted

Journal = Callable[[int], JournalFiles]
"""Returns the journal files of the campaign with this id."""

_SAMPLE: Final = 64
_ACCEPT: Final = marked(
    "to send nevertheless, use --accept-older-ledger (Python: Ledger.open(..., accept_older=True))"
)
_UNPROTECTED: Final = marked(
    "the state folder cannot be written ({reason}), so mailmerge would not notice an older copy of "
    "this ledger"
)
_SENT: Final = delivery.c.state.in_([state.value for state in MAY_HAVE_LEFT])
_SAME: Final = 10
"""Two lists are the same mailing if one in so many of the sampled recipients is in both."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a ledger is: its file, and the folder of its campaign, or "" if it belongs to none."""

    file: Path
    folder: str = ""


class Unmarked:
    """A ledger without a mark, such as that of a sandbox run: every step does nothing."""

    notice: str = ""

    def open(self, fence: Fence, database: Database, journal: Journal) -> None:
        """Do nothing."""

    def enrolled(self, connection: Connection, campaign_id: int) -> None:
        """Do nothing."""

    def take_sample(self, connection: Connection, campaign_id: int) -> None:
        """Do nothing."""

    def add_sent(self, campaign_id: int, more: int) -> None:
        """Do nothing."""

    def note_sent(self, campaign_id: int, sent: int) -> None:
        """Do nothing."""

    def write(self, beat: int) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class HighWater(Unmarked):
    """The mark of one open ledger.

    Attributes:
        notice: why there is no mark, for the user; "" if there is one.
    """

    def __init__(self, place: Place, marks: Marks, *, accept_older: bool) -> None:
        self._place = place
        self._marks = marks
        self._accept_older = accept_older
        self._file: MarkFile | None = None
        self._mark = Mark("", "")
        self._before: Mark | None = None
        self.notice = ""

    def open(self, fence: Fence, database: Database, journal: Journal) -> None:
        """Compare the ledger with its mark.

        `journal` returns the journal files of the campaign with an id.

        Raises:
            LedgerHeld: a copy of the ledger is being sent.
            LedgerOlder: the ledger is older than its mark.
        """
        identity, path = fence.row.identity, str(self._place.file.resolve())
        try:
            self._file = self._marks.open(identity)
        except OSError as error:
            self.notice = tr(_UNPROTECTED, reason=system_reason(error))
            return
        known = self._file.mark
        if known is not None and known.beat > fence.found_beat:
            sent = _sent_in(database, journal, fence.row.owner.boot_id)
            if known.forked or known.total > sent:
                if not self._accept_older:
                    raise _older(self._place.file, known, sent)
                known = replace(known, sent={}, forked=True)
            fence.skip_to(known.beat)
        self._mark = replace(
            known or Mark(identity, path),
            ledger=path, folder=self._place.folder, owner=fence.row.owner,
        )  # fmt: skip
        last = self._marks.another_at(self._place.file, identity)
        if last is not None and last.total and not self._accept_older:
            self._before = last
        else:
            self._marks.remember(self._place.file, identity)

    def enrolled(self, connection: Connection, campaign_id: int) -> None:
        """Compare newly enrolled recipients with those of a ledger that is gone.

        Raises:
            LedgerOlder: they got the message before, and the record of it is gone.
        """
        if self._file is None:
            return
        before = self._before
        if before is not None and _modified_before(self._place, before.sent_at):
            own = delivery.c.campaign_id == campaign_id
            keys = connection.scalars(select(delivery.c.key).where(own, ~_SENT))
            if _same_mailing(before, keys):
                raise _gone(before)
        self._marks.remember(self._place.file, self._mark.identity)
        self.take_sample(connection, campaign_id)

    def take_sample(self, connection: Connection, campaign_id: int) -> None:
        """Put the keys of some recipients into the mark, of sent ones if there are any."""
        if self._file is None:
            return
        own = delivery.c.campaign_id == campaign_id
        ends = select(func.min(delivery.c.id), func.max(delivery.c.id)).where(own)
        first, last = connection.execute(ends).one()
        if first is None:
            return
        spread = delivery.c.id.in_(range(first, last + 1, max(1, (last - first) // _SAMPLE)))
        keys: list[str] = []
        for condition in (and_(spread, _SENT), _SENT, spread):
            query = select(delivery.c.key).where(own, condition).limit(_SAMPLE)
            keys = keys or list(connection.scalars(query))
        sample = tuple(key_hash(self._mark.identity, key) for key in keys)
        self._mark = replace(self._mark, sample=sample)

    def add_sent(self, campaign_id: int, more: int) -> None:
        """Add to the number of sent recipients of a campaign."""
        self.note_sent(campaign_id, self._mark.sent.get(str(campaign_id), 0) + more)

    def note_sent(self, campaign_id: int, sent: int) -> None:
        """Remember the number of sent recipients of a campaign for the next write."""
        if self._mark.sent.get(str(campaign_id), 0) != sent:
            counts = {**self._mark.sent, str(campaign_id): sent}
            self._mark = replace(self._mark, sent=counts, sent_at=time.time())

    def write(self, beat: int) -> None:
        """Write the mark, after the ledger was written."""
        if self._file is not None:
            self._mark = replace(self._mark, beat=beat)
            self._file.write(self._mark)

    def close(self) -> None:
        """Unlock the mark."""
        if self._file is not None:
            self._file.close()


def _same_mailing(before: Mark, keys: Iterable[str]) -> bool:
    """Whether these keys have a noticeable part of the sample of an earlier ledger."""
    sample = frozenset(before.sample)
    found = sum(key_hash(before.identity, key) in sample for key in keys)
    return found * _SAME > len(sample)


def _sent_in(database: Database, journal: Journal, boot_id: str) -> int:
    with database.begin("read") as connection:
        return sum(
            count_left(connection, one, journal(one.id), boot_id)
            for one in all_campaigns(connection)
        )


def _modified_before(place: Place, moment: float) -> bool:
    """Whether a file of the campaign's folder is older than `moment`: the folder is the same one.

    A folder in which every file is newer was made again, for another mailing. A ledger without a
    folder always counts as the same one.
    """
    if not place.folder:
        return True
    for path in Path(place.folder).iterdir():
        with contextlib.suppress(OSError):
            if path.is_file() and path.stat().st_mtime < moment:
                return True
    return False


def _older(file: Path, mark: Mark, sent: int) -> LedgerOlder:
    return LedgerOlder(
        tr(
            "is older than the last record of this campaign: it has {sent}, but mailmerge sent to "
            "{recipients} in {ledger} (the last one on {day}). Recipients who were sent since "
            "would get the message again; nothing was sent",
            sent=trn("{count:,} sent recipient", "{count:,} sent recipients", sent),
            recipients=counted(mark.total, "recipient"),
            ledger=mark.ledger,
            day=_day(mark),
        ),
        file=file.name,
        hint=tr("put the newer ledger back; {accept}", accept=tr(_ACCEPT)),
    )


def _gone(mark: Mark) -> LedgerOlder:
    return LedgerOlder(
        tr(
            "mailmerge sent to {recipients} from here before (the last one on {day}), and the "
            "record of it is gone. They would get the message again; nothing was sent",
            recipients=counted(mark.total, "recipient"),
            day=_day(mark),
        ),
        file=Path(mark.ledger).name,
        hint=tr("restore the ledger from a copy; {accept}", accept=tr(_ACCEPT)),
    )


def _day(mark: Mark) -> str:
    return f"{local_time(mark.sent_at):%Y-%m-%d %H:%M:%S}"
