"""What a run does if it cannot make the message of a recipient. Nothing here does I/O.

The check has made every message before the run began. So if a message cannot be made now, something
has changed since. There are two cases:

* *A file cannot be read*: an attachment, an image, a style sheet or a template that is missing,
  locked, empty or half written, because a sync client replaces it or a network share is gone. That
  is a fault of this machine and passes by itself or when the user repairs it. Nothing is wrong with
  the recipient, so it must not get an outcome. The worker looks again after a moment. If the file
  is still not there, the recipient is set aside: this run does not try it again, and it is pending
  when the run ends. After three recipients in a row the run stops, because everyone else would
  meet the same fault. It also stops after a hundred in all, so that only a bounded number of
  recipients is set aside: they stay claimed until the end of the run.
* *The recipient's own data does not fit*: a template fails for this row, or an address cannot be
  written in a command. Other recipients are not concerned, so this one is skipped, with the reason.
  A template or the row may be corrected later, so the next send tries it again
  (`Delivery.unmade`).

Neither case is final, and both count as not reached.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Final

from mailmerge.errors import AssetError, InputError, MailmergeError, RunStopped
from mailmerge.language import tr
from mailmerge.ledger.states import MAKING, Delivery, State, Transition, claim_transition, end_claim

LOOK_AGAIN: Final = (0.25, 0.75)
"""Seconds before the second and the third attempt to make a message."""

_IN_A_ROW: Final = 3
_IN_ALL: Final = 100
"""Recipients that are set aside before the run stops."""

_OF_THE_ROW: Final = frozenset({"asset-outside", "asset-nameless", "styles"})
"""Codes of an AssetError that a value of the row causes, and not the file."""

_OF_A_FILE: Final = frozenset({"template-missing", "template-syntax", "not-utf-8"})
"""Codes of other errors that a missing or half written file causes."""


def is_of_this_machine(error: Exception) -> bool:
    """Whether a message cannot be made because of a file, and not because of its recipient."""
    if isinstance(error, InputError):
        code = error.problem.code
        if isinstance(error, AssetError) and code not in _OF_THE_ROW:
            return True
        if code in _OF_A_FILE:
            return True
    return any(isinstance(cause, OSError | MemoryError) for cause in _causes(error))


def _causes(error: BaseException) -> list[BaseException]:
    """Return the error and the errors that it was raised from."""
    causes = [error]
    while (cause := causes[-1].__cause__) is not None and cause not in causes:
        causes.append(cause)
    return causes


class SetAside:
    """The recipients of a run that are set aside. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._in_a_row = 0
        self._aside: list[tuple[Delivery, str]] = []

    def made(self) -> None:
        """Note that a message was made."""
        if self._in_a_row:
            with self._lock:
                self._in_a_row = 0

    def add(self, delivery: Delivery, error: MailmergeError) -> MailmergeError | None:
        """Set a recipient aside. Returns the error that ends the run if there are too many."""
        with self._lock:
            self._in_a_row += 1
            self._aside.append((delivery, str(error)))
            if self._in_a_row < _IN_A_ROW and len(self._aside) < _IN_ALL:
                return None
            return self._stopped(error)

    def _stopped(self, error: MailmergeError) -> MailmergeError:
        problem = error.problem
        cause = str(replace(problem, hint=""))
        fix = problem.hint or tr("make the file readable")
        if self._in_a_row >= _IN_A_ROW:
            what = tr(
                "{count} messages in a row could not be made; {cause}",
                count=self._in_a_row,
                cause=cause,
            )
        else:
            what = tr(
                "{count} messages could not be made; {cause}", count=len(self._aside), cause=cause
            )
        stopped = RunStopped(
            what,
            hint=tr("{fix}, then send again: no recipient is lost", fix=fix),
            code="file-unreadable",
        )
        stopped.__cause__ = error
        return stopped

    def __bool__(self) -> bool:
        return bool(self._aside)

    def released(self, now: float) -> list[Transition]:
        """Return the transitions that end the claims; each keeps the reason for the user."""
        return [_released(delivery, reason, now) for delivery, reason in self._aside]


def _released(delivery: Delivery, reason: str, now: float) -> Transition:
    ended = end_claim(claim_transition(delivery, State.CLAIMED, now), known=True)
    return Transition(
        ended.delivery_id,
        ended.state,
        ended.at,
        ended.attempts,
        ended.doubts,
        ended.retry_at,
        MAKING,
        reason,
    )
