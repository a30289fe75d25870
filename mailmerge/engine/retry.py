"""A reply or a failed connection -> what the engine does about it. Nothing here does I/O.

`decide` judges the outcome of one message: its consequences for the recipient, for the connection
and for the run. The provider's own rules come first: `ReplyRules` says what a reply means there
(`Provider.action_for`). Otherwise the first digit of the reply decides (RFC 5321, section 4.2.1),
with the exceptions in this module (docs/delivery.md).

`decide_connection` judges a connection that could not be opened.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mailmerge.errors import (
    AuthenticationRefused,
    LocalProtocolError,
    MailmergeError,
    RunStopped,
    ServerError,
    ServerRefused,
    ServerUnreachable,
)
from mailmerge.ledger.states import LONGEST_RETRY, State
from mailmerge.providers.lookup import Action
from mailmerge.smtp import Outcome, Reply, Stage, Verdict

_FIRST_RETRY: Final = 300.0
_COOL_DOWN: Final = 600.0
"""Seconds without sending. Gmail asks for it by 4.7.28: pause for ten minutes, resume with one
connection, then add one at a time."""

_POLICY_REFUSALS: Final = 10
_EQUAL_REFUSALS: Final = 100
_SENDER_REFUSALS: Final = 3
"""Equal refusals in a row that stop the run: for policy (5.7.x), for any reason, of the sender."""

_ATTEMPTS_TO_TRANSMIT: Final = 3
"""The attempts to transmit a message before its delivery is deferred."""

_CONNECTION_ATTEMPTS: Final = 10
"""The failed attempts in a row that a run accepts; the next one ends it."""

_LASTING: Final = frozenset({"refused", "no-starttls", "malformed-reply", "starttls-injection"})
"""Codes of connection errors that another attempt cannot solve."""

ReplyRules = Callable[[int, str], Action | None]
"""Code and text of a reply -> the action of a run; None if the first digit decides."""


def no_rules(code: int, text: str) -> Action | None:
    """The rules of an unknown provider: none."""
    del code, text
    return None


_GREYLISTED = re.compile(r"gr[ea]y[- ]?list|postgrey", re.IGNORECASE)
_QUOTA_OVER = re.compile(
    r"daily .{0,40}(limit|quota)|(limit|quota).{0,40}\b(per day|today|24 ?h)|too many mails? today",
    re.IGNORECASE,
)
_USED_UP = re.compile(
    r"too many (messages|mails?|transactions)|messages? (limit|per connection)",
    re.IGNORECASE,
)
_VARIABLE = re.compile(r"<[^<>]*>|(?<![^\s@])[^\s@]++@\S+|[0-9A-Fa-f]{8,}|\d+")
_COMPARED: Final = 500
"""The characters of a reply that are compared with the reply before it. A reply may have 60 kB."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The consequences of one outcome.

    Attributes:
        state: the new state of the delivery; None if it returns to the queue, because the message
            was not transmitted.
        reply: the server's reply, or a reason.
        retry_in: seconds until the next attempt of a deferred delivery, or None.
        recycle: whether to end the connection.
        slow: whether to halve the speed.
        cool_down: seconds without sending for the whole run; 0 for none.
        stop: one line that says why the run must stop, or "".
    """

    state: State | None
    reply: str = ""
    retry_in: float | None = None
    recycle: bool = False
    slow: bool = False
    cool_down: float = 0.0
    stop: str = ""


def decide(
    outcome: Outcome,
    *,
    attempts: int,
    returned: int = 0,
    carried: int = 0,
    rules: ReplyRules = no_rules,
) -> Decision:
    """Decide what follows from an outcome.

    `attempts` is the number of earlier replies about this recipient. `returned` is how often this
    run has put the delivery back into the queue. `carried` is the number of earlier messages on
    this connection. `rules` are the provider's.
    """
    text = str(outcome.reply) if outcome.reply else outcome.reason
    if outcome.verdict is Verdict.SENT:
        return Decision(State.SENT, text)
    if outcome.verdict is Verdict.IN_DOUBT:
        return Decision(State.IN_DOUBT, text or "the connection ended before the server answered")
    return _by_rules(outcome, returned, rules) or _by_first_digit(
        outcome, text, attempts, returned, carried
    )


def _by_rules(outcome: Outcome, returned: int, rules: ReplyRules) -> Decision | None:
    """The decision by the provider's rules; None if no rule applies."""
    reply = outcome.reply
    action = rules(reply.code, reply.text) if reply else None
    if reply is None or action is None:
        return None
    if action == "stop":
        return Decision(None, str(reply), stop=f"the server asks to stop: {reply}")
    if action == "fail":
        return Decision(State.REJECTED, str(reply), recycle=reply.closing)
    if action == "reconnect":
        return _used_up(reply, returned)
    return _paused(reply)


def _used_up(reply: Reply, returned: int) -> Decision:
    """The connection accepts no more messages; the next connection sends this one."""
    if returned + 1 < _ATTEMPTS_TO_TRANSMIT:
        return Decision(None, str(reply), recycle=True)
    return Decision(State.DEFERRED, str(reply), retry_in=_FIRST_RETRY, recycle=True)


def _paused(reply: Reply) -> Decision:
    """Pause for ten minutes, even after a 5yz; stop if the reply is about a daily limit."""
    if _is_quota(reply):
        return _account_full(reply)
    return Decision(
        State.DEFERRED, str(reply), retry_in=_COOL_DOWN, cool_down=_COOL_DOWN, recycle=True
    )


def _is_quota(reply: Reply) -> bool:
    return reply.enhanced_status == "5.4.5" or bool(_QUOTA_OVER.search(reply.text))


def _account_full(reply: Reply) -> Decision:
    return Decision(None, str(reply), stop=f"the account's limit is reached: {reply}")


def _by_first_digit(
    outcome: Outcome, text: str, attempts: int, returned: int, carried: int
) -> Decision:
    if outcome.verdict is Verdict.NOT_SENT:
        return _untransmitted(outcome, text, returned, carried)
    if outcome.reply is None:
        return Decision(State.REJECTED, text)
    if outcome.verdict is Verdict.DEFERRED:
        return _deferred(outcome.stage, outcome.reply, attempts, returned, carried)
    return _rejected(outcome.stage, outcome.reply)


def _untransmitted(outcome: Outcome, text: str, returned: int, carried: int) -> Decision:
    reply = outcome.reply
    used_up = carried > 0 and outcome.stage is Stage.MAIL
    slow = reply is not None and reply.transient and not used_up
    if returned + 1 < _ATTEMPTS_TO_TRANSMIT:
        return Decision(None, text, slow=slow, recycle=True)
    reason = text or "the connection ended before the message was transmitted"
    return Decision(State.DEFERRED, reason, retry_in=_FIRST_RETRY, recycle=True, slow=slow)


def _deferred(stage: Stage, reply: Reply, attempts: int, returned: int, carried: int) -> Decision:
    used_up = stage is Stage.MAIL and carried > 0 and returned == 0
    if used_up or (reply.code != 421 and _USED_UP.search(reply.text) and returned == 0):
        return Decision(None, str(reply), recycle=True)
    if reply.enhanced_status == "4.7.28":
        return _paused(reply)
    return Decision(
        State.DEFERRED,
        str(reply),
        retry_in=_retry_pause(attempts),
        recycle=reply.closing,
        slow=_is_about_speed(stage, reply),
    )


def _retry_pause(attempts: int) -> float:
    """Seconds until the next attempt: 5, 10, 20 ... minutes, up to 4 hours (RFC 5321, 4.5.4.1)."""
    return float(min(_FIRST_RETRY * 2**attempts, LONGEST_RETRY))


def _is_about_speed(stage: Stage, reply: Reply) -> bool:
    """Whether a 4yz reply is about the speed, and not about one mailbox or greylisting."""
    if reply.closing:
        return True
    if _GREYLISTED.search(reply.text):
        return False
    subject = reply.enhanced_status or ""
    if subject.startswith(("4.1.", "4.2.")):
        return False
    if subject.startswith("4.7."):
        return True
    return stage is not Stage.RCPT and reply.code in {450, 451, 452}


def _rejected(stage: Stage, reply: Reply) -> Decision:
    if _is_quota(reply):
        return _account_full(reply)
    if reply.code in {530, 535}:
        return Decision(None, str(reply), stop=f"the server requires a log-in: {reply}")
    if stage is Stage.MAIL and reply.code != 552:
        return Decision(State.DEFERRED, str(reply), retry_in=_FIRST_RETRY)
    return Decision(State.REJECTED, str(reply))


class Refusals:
    """Counts equal refusals in a row on all connections; they mean wrong settings."""

    def __init__(self) -> None:
        self._kind: tuple[object, ...] = ()
        self._count = 0

    def note(self, outcome: Outcome, decision: Decision) -> str:
        """Count an outcome. Returns one line that says why to stop, or ""."""
        if decision.state is State.SKIPPED or decision.recycle:
            return ""
        reply = outcome.reply
        if reply is None or not reply.permanent or outcome.verdict is Verdict.NOT_SENT:
            if outcome.verdict is Verdict.SENT:
                self._kind, self._count = (), 0
            return ""
        kind = (outcome.stage, reply.code, _VARIABLE.sub("#", reply.text[:_COMPARED]))
        self._count = self._count + 1 if kind == self._kind else 1
        self._kind = kind
        if self._count < _refusals_allowed(outcome.stage, reply):
            return ""
        return f"the server refused {self._count} messages in a row with the same words: {reply}"


def _refusals_allowed(stage: Stage, reply: Reply) -> int:
    if stage is Stage.MAIL:
        return _SENDER_REFUSALS
    policy = (reply.enhanced_status or "").startswith("5.7.")
    return _POLICY_REFUSALS if policy else _EQUAL_REFUSALS


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Try to connect again after `pause` seconds."""

    pause: float


@dataclass(frozen=True, slots=True)
class Retire:
    """Continue without this connection: the server accepts no more connections."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """End the run with `error`."""

    error: MailmergeError


def decide_connection(
    error: ServerError,
    *,
    reply: Reply | None = None,
    failures: int = 1,
    connected: bool = False,
    worker: int = 0,
    rules: ReplyRules = no_rules,
) -> Reconnect | Retire | GiveUp:
    """Decide what follows from a connection that could not be opened.

    `reply` is the last reply of the server, or None. `failures` is the number of failed attempts in
    a row, including this one. `connected` says whether this run ever had an open connection.
    `worker` is the number of the worker, from 0. The first case that applies decides:

    | Case                                                             | What follows            |
    |------------------------------------------------------------------|-------------------------|
    | the log-in was refused; more attempts would lock the account     | give up                 |
    | mailmerge itself broke the protocol                              | give up                 |
    | the provider's rules for this reply say stop                     | give up                 |
    | no connection was ever open, and another attempt cannot help:    | give up                 |
    | no such server, no TLS, session refused (wrong settings)         |                         |
    | the server refuses a second or later connection                  | retire                  |
    | the eleventh failure in a row                                    | give up: server-gone    |
    | anything else: the server restarts, the network is down          | reconnect after a pause |
    """
    if isinstance(error, AuthenticationRefused | LocalProtocolError):
        return GiveUp(error)
    if reply is not None and rules(reply.code, reply.text) == "stop":
        return GiveUp(error)
    lasting = isinstance(error, ServerUnreachable) or error.problem.code in _LASTING
    if lasting and not connected:
        return GiveUp(error)
    if connected and worker > 0 and isinstance(error, ServerRefused):
        return Retire()
    if failures > _CONNECTION_ATTEMPTS:
        stopped = RunStopped(
            f"the server no longer accepts connections: {error}",
            hint="send again later to continue where it stopped",
            code="server-gone",
        )
        stopped.__cause__ = error
        return GiveUp(stopped)
    return Reconnect(_reconnect_pause(failures))


def _reconnect_pause(failures: int) -> float:
    """1, 2, 4 ... 60 seconds: about five minutes in total, in which a server can restart."""
    return float(min(2 ** (failures - 1), 60))
