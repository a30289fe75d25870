"""What the ledger says about each recipient: sent, rejected, deferred, pending and so on.

The page shows these states in its list and with each message. A run may be going on meanwhile. So
the ledger is opened for reading only, and read again when its files have changed. They change with
each message of a run, and reading a long ledger takes time; so there is a pause between two
readings, and a notification after it, because the last change of a run must not stay unseen.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Timer

from mailmerge.errors import MailmergeError
from mailmerge.ledger.ledger import Ledger
from mailmerge.ledger.states import UNDER_WAY, Delivery, State
from mailmerge.preview.recipient_list import RecipientList, RecipientRow, RowStatus
from mailmerge.settings import STATE_FOLDER, Settings

_DATABASE = "ledger.sqlite"
_JOURNAL = "ledger-"
"""What the names of the journal's files begin with."""

_SHARE = 4.0
"""The pause after a reading, in multiples of the time that it took."""


@dataclass(frozen=True, slots=True)
class KnownDelivery:
    """The state of one recipient, the server's reply, and the time of the last change or None."""

    state: State
    reply: str = ""
    changed_at: float | None = None


_PENDING = KnownDelivery(State.PENDING)


@dataclass(frozen=True, slots=True)
class DeliveryStates:
    """The deliveries by the recipient's key.

    `begun` says whether anything was sent under this campaign's name. `error` says why the ledger
    cannot be read; "" if it can.
    """

    begun: bool = False
    deliveries: Mapping[str, KnownDelivery] = field(default_factory=dict)
    error: str = ""

    def find(self, row: RecipientRow) -> KnownDelivery | None:
        """The delivery of a row; None before the first run, and for rows that get no message.

        A recipient that was added since the last run is pending.
        """
        if row.status is not RowStatus.RECIPIENT:
            return None
        return self.deliveries.get(row.key, _PENDING if self.begun else None)

    def rows_in(self, state: str, rows: RecipientList) -> Sequence[int]:
        """The numbers of the rows in this state, in ascending order."""
        return [
            row.number for row in rows if (known := self.find(row)) and known.state.value == state
        ]

    def counts(self, rows: RecipientList) -> Mapping[str, int]:
        """The numbers of rows by state, without zeros."""
        found = Counter(known.state for row in rows if (known := self.find(row)))
        return {state.value: found[state] for state in State if found[state]}


def is_ledger_file(name: str) -> bool:
    """Whether a change of this file of the state folder may be a change of states.

    The log of the database is none of them, because reading creates it: the preview would follow
    its own reading for ever. A run that writes to it begins a new journal.
    """
    return name == _DATABASE or name.startswith(_JOURNAL)


class LedgerStates:
    """Reads the states of a campaign when its ledger has changed; any thread may ask.

    `notify` is called when there may be newer states than those of the last answer. `clock` returns
    seconds.
    """

    def __init__(
        self, notify: Callable[[], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._notify = notify
        self._clock = clock
        self._lock = Lock()
        self._known = DeliveryStates()
        self._stamp: object = None
        self._next = 0.0
        self._timer: Timer | None = None

    def current(self, campaign: Settings | None) -> DeliveryStates:
        """The states of this campaign, at most a short pause old; none without a campaign."""
        if campaign is None:
            return DeliveryStates()
        with self._lock:
            stamp = _stamp(campaign)
            if stamp == self._stamp:
                return self._known
            begun = self._clock()
            if begun < self._next:
                self._ask_again(self._next - begun)
                return self._known
            self._known, self._stamp = read_states(campaign), stamp
            ended = self._clock()
            self._next = ended + _SHARE * (ended - begun)
            return self._known

    def close(self) -> None:
        """Notify no more."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()

    def _ask_again(self, seconds: float) -> None:
        if self._timer is not None and self._timer.is_alive():
            return
        self._timer = Timer(seconds, self._notify)
        self._timer.daemon = True
        self._timer.start()


def read_states(campaign: Settings) -> DeliveryStates:
    """Read the ledger of a campaign folder; nothing is written."""
    try:
        ledger = Ledger.read(campaign)
        if ledger is None or not ledger.begun:
            return DeliveryStates()
        return DeliveryStates(
            begun=True,
            deliveries={one.key: _known(one) for one in ledger.iterate()},
        )
    except MailmergeError as error:
        return DeliveryStates(error=str(error))


def _known(delivery: Delivery) -> KnownDelivery:
    state = State.PENDING if delivery.state in UNDER_WAY else delivery.state
    return KnownDelivery(state, delivery.reply, delivery.changed_at)


def _stamp(campaign: Settings) -> object:
    """What differs after each change of the ledger, or of the campaign's name."""
    folder = campaign.folder / STATE_FOLDER
    stamps = map(_file_stamp, sorted(filter(_has_states, _listed(folder))))
    return (campaign.folder, campaign.name, *filter(None, stamps))


def _has_states(path: Path) -> bool:
    return is_ledger_file(path.name) or path.name == f"{_DATABASE}-wal"


def _listed(folder: Path) -> Sequence[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return ()


def _file_stamp(path: Path) -> tuple[str, int, int] | None:
    """The name, time and size; None for an empty file, and for one that was just removed."""
    try:
        status = path.stat()
    except OSError:
        return None
    return (path.name, status.st_mtime_ns, status.st_size) if status.st_size else None
