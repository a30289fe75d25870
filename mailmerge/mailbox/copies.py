"""Copies of sent messages in the Sent folder of a mailbox, on a connection of their own.

    outcome "sent" -> keep -> queue -> thread -> \\Sent
                                          finish: what the ledger still owes -> \\Sent

What can go wrong, and the answer:

1. The mailbox is slower than the mail server, or cannot be reached. No message waits for its copy:
   the queue has a limit, and what does not fit is left to the end. A failure changes no recipient's
   state.
2. The process ends. The ledger knows which sent messages have a copy (ledger/copies.py); the next
   run makes the missing ones from the same recipients and the same content.
3. The connection ends while messages are appended, or the process ends before the ledger knows of
   the copies. So on each new connection the folder is asked first which of the messages it has.
   That also finds the copies of a service that files what it sends.
"""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Protocol

from mailmerge.errors import MailmergeError, ServerRefused
from mailmerge.ledger.states import Delivery
from mailmerge.mailbox.account import ImapAccount
from mailmerge.mailbox.appending import SENT, SENT_COPY, Appended, ImapWriter
from mailmerge.mailbox.session import READ_SECONDS
from mailmerge.smtp import Transaction

_AT_ONCE: Final = 50
_BYTES_AT_ONCE: Final = 4 << 20
_MOST_BYTES: Final = 64 << 20
"""The bytes of messages that wait for their copy in memory."""

_PAUSE: Final = 30.0
"""Seconds after a failure in which nothing is tried."""

_ID_FIELD: Final = re.compile(rb"^message-id:\s*(<[^>]*>)", re.IGNORECASE | re.MULTILINE)
_NOTE_AFTER: Final = 2.0
"""Seconds after which copies are recorded: a commit for each would cost more than the copy."""


class CopyRecord(Protocol):
    """Which messages have a copy; ledger.copies.SavedCopies is one."""

    def since(self) -> float:
        """Return since when messages get copies, in seconds since 1970."""
        ...

    def owed(self) -> int:
        """Return the number of sent messages that still need a copy."""
        ...

    def iterate_owed(self) -> Iterator[list[Delivery]]:
        """Yield the deliveries whose messages still need a copy, in batches."""
        ...

    def note(self, numbers: Sequence[int]) -> None:
        """Record that the messages of these deliveries have a copy."""
        ...


@dataclass(frozen=True, slots=True)
class CopiesSaved:
    """What became of the copies of a run.

    Attributes:
        saved: the number of new copies in the Sent folder.
        left: the number of sent messages that still need one.
        reason: why some are left; "" if none is.
    """

    saved: int = 0
    left: int = 0
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the copies for `send --json`."""
        return {"saved": self.saved, "left": self.left, "reason": self.reason}


class SentCopies:
    """Saves copies while a run sends; call `finish` once after it.

    Args:
        account: the mailbox.
        record: the copies of the campaign in the ledger.
        make: makes the message of a delivery again.
        read_seconds: how long one read from the server may take.
    """

    def __init__(
        self,
        account: ImapAccount,
        record: CopyRecord,
        make: Callable[[Delivery], Transaction],
        *,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self._make = make
        self._folder = _SentFolder(account, record, read_seconds)
        self._record = record
        self._waiting = _Waiting()
        self._thread: threading.Thread | None = None
        self._hurried = threading.Event()
        self._stopped = threading.Event()

    def keep(self, transaction: Transaction, at: float) -> None:
        """Take a message that was sent at a time; safe from any thread, and never raises."""
        if self._thread is None:
            self._start()
        self._waiting.add(_copy_of(transaction, at))

    def _start(self) -> None:
        with self._waiting.lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="copies", daemon=True)
                self._thread.start()

    def stop(self, *, at_once: bool) -> None:
        """Leave what earlier runs have left, or with `at_once` all the rest, to the next run."""
        self._hurried.set()
        if at_once:
            self._stopped.set()
            self._waiting.close()

    def _work(self) -> None:
        while some := self._waiting.take():
            if not self._stopped.is_set():
                self._folder.save(some)

    def finish(self) -> CopiesSaved:
        """Save what waits and what earlier runs have left, and say what became of the copies."""
        self._waiting.close()
        if self._thread is not None:
            self._thread.join()
        try:
            self._folder.note()
            if self._record.owed() and not self._hurried.is_set():
                self._folder.begin_again(self._record.since())
                self._save_owed()
        except MailmergeError as error:
            self._folder.fail(error)
        self._folder.close()
        return self._result()

    def _save_owed(self) -> None:
        for some in self._owed():
            if self._hurried.is_set() or not self._folder.save(some):
                return

    def _owed(self) -> Iterator[list[Appended]]:
        """The messages that still need a copy, made again from the ledger."""
        for deliveries in self._record.iterate_owed():
            each = iter(deliveries)
            while some := list(islice(each, _AT_ONCE)):
                yield [
                    _copy_of(self._make(one), one.changed_at or 0.0, one.message_id) for one in some
                ]

    def _result(self) -> CopiesSaved:
        try:
            left = self._record.owed()
        except MailmergeError as error:
            return CopiesSaved(self._folder.saved, 0, str(error))
        reason = "" if self._folder.error is None else str(self._folder.error)
        return CopiesSaved(self._folder.saved, left, reason if left else "")


def _copy_of(transaction: Transaction, at: float, message_id: str = "") -> Appended:
    raw = b"".join(transaction.content)
    return Appended(transaction.token, message_id or _message_id(raw), raw, at)


def _message_id(raw: bytes) -> str:
    found = _ID_FIELD.search(raw.partition(b"\r\n\r\n")[0])
    return found[1].decode("ascii", "replace") if found else ""


class _Waiting:
    """Messages that wait for their copy, up to a number of bytes. Safe from any thread."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._changed = threading.Condition(self.lock)
        self._messages: deque[Appended] = deque()
        self._bytes = 0
        self._closed = False

    def add(self, one: Appended) -> None:
        """Add a message, unless there are too many: the ledger knows it anyway."""
        with self._changed:
            if not self._closed and self._bytes < _MOST_BYTES:
                self._messages.append(one)
                self._bytes += len(one.raw)
                self._changed.notify()

    def close(self) -> None:
        """Take no more messages."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def take(self) -> list[Appended]:
        """Wait for messages, and return some; none if no more will come."""
        with self._changed:
            while not self._messages and not self._closed:
                self._changed.wait()
            some, size = list[Appended](), 0
            while self._messages and len(some) < _AT_ONCE and size < _BYTES_AT_ONCE:
                some.append(self._messages.popleft())
                size += len(some[-1].raw)
            self._bytes -= size
            return some


class _SentFolder:
    """The connection to the Sent folder, opened when it is needed. For one thread at a time.

    Attributes:
        saved: the number of new copies.
        error: the last failure, or None.
    """

    def __init__(self, account: ImapAccount, record: CopyRecord, read_seconds: float) -> None:
        self._account = account
        self._record = record
        self._read_seconds = read_seconds
        self._writer: ImapWriter | None = None
        self._known = frozenset[str]()
        self._since: tuple[float, ...] = ()
        self._unnoted = list[int]()
        self._noted_at = 0.0
        self._not_before = 0.0
        self.saved = 0
        self.error: MailmergeError | None = None

    def save(self, messages: Sequence[Appended]) -> bool:
        """Save copies; False if that failed, and the messages are left for later."""
        if time.monotonic() < self._not_before:
            return False
        try:
            self._append(messages)
        except MailmergeError as error:
            self.fail(error)
            return False
        return True

    def _append(self, messages: Sequence[Appended]) -> None:
        writer = self._writer or self._open(min([*self._since, *(one.at for one in messages)]))
        present = [one.number for one in messages if one.message_id.lower() in self._known]
        missing = [one for one in messages if one.message_id.lower() not in self._known]
        done, refused = writer.append(missing, SENT_COPY) if missing else ([], None)
        self.saved += len(done)
        self._unnoted += [*present, *done]
        if time.monotonic() - self._noted_at > _NOTE_AFTER:
            self.note()
        if refused is not None:
            self._refuse(refused)

    def _refuse(self, refused: ServerRefused) -> None:
        """Note that one message was refused; a full mailbox refuses all others, too."""
        self.error = refused
        if refused.problem.code == "imap-full":
            raise refused

    def _open(self, since: float) -> ImapWriter:
        account = self._account
        writer = ImapWriter(account, SENT, account.sent, read_seconds=self._read_seconds)
        self._writer = writer
        self._known = frozenset(writer.known_ids(since))
        return writer

    def note(self) -> None:
        """Record what was appended.

        Raises:
            LedgerError: the ledger cannot be written.
        """
        self._noted_at = time.monotonic()
        if self._unnoted:
            numbers, self._unnoted = self._unnoted, []
            self._record.note(numbers)

    def fail(self, error: MailmergeError) -> None:
        """Note a failure: what was appended is recorded, and nothing is tried for a while."""
        self.error = error
        self._not_before = time.monotonic() + _PAUSE
        self.close(in_order=False)

    def begin_again(self, since: float) -> None:
        """Try again at once, on a new connection: messages of earlier runs may be in the folder."""
        self.close()
        self._since = (since,)
        self._not_before = 0.0

    def close(self, *, in_order: bool = True) -> None:
        """Record what was appended, and close the connection."""
        try:
            self.note()
        except MailmergeError as error:
            self.error = error
        if self._writer is not None:
            self._writer.close(in_order=in_order)
            self._writer = None
