"""A reply or a failed connection -> what the engine does about it. Nothing here does I/O.

`decide` judges the outcome of one message: what it means for the recipient, for the connection and
for the run. The first digit of a reply decides (RFC 5321, 4.2.1); what is named here are the
exceptions (docs/delivery.md). The provider's own come first: `ReplyRules` says what a reply means
there (`Provider.action_for`).

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
from mailmerge.ledger.states import State
from mailmerge.providers.lookup import Action
from mailmerge.smtp import Outcome, Reply, Stage, Verdict

_FIRST_RETRY: Final = 300.0
LONGEST_RETRY: Final = 4 * 3600.0
_COOL_DOWN: Final = 600.0
"""Seconds of silence. Gmail's 4.7.28: stop for ten minutes, then one connection, then one more at
a time."""

_POLICY_REFUSALS: Final = 10
_EQUAL_REFUSALS: Final = 100
_SENDER_REFUSALS: Final = 3
"""Equal refusals in a row after which the run stops: with 5.7.x, with any words, of the sender."""

_ATTEMPTS_TO_TRANSMIT: Final = 3
"""How often a message may fail to be transmitted before other recipients go first."""

_CONNECTION_ATTEMPTS: Final = 10
"""Failed attempts in a row after which a server that was there before is given up."""

_LASTING: Final = frozenset({"refused", "no-starttls", "malformed-reply", "starttls-injection"})
"""Codes of connection errors that waiting does not cure."""

ReplyRules = Callable[[int, str], Action | None]
"""Code and text of a reply -> what a run does about it; None where its first digit decides."""


def no_rules(code: int, text: str) -> Action | None:
    """The rules of a server of which nothing special is known."""
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
_VARIABLE = re.compile(r"<[^>]*>|\S+@\S+|[0-9A-Fa-f]{8,}|\d+")


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from one outcome.

    `state` is None where the message was not transmitted: the delivery goes back into the queue.
    `retry_in` and `cool_down` are in seconds. `recycle` ends the connection, `slow` halves the
    speed. `stop` says in one line why the run must stop; it is empty where it goes on.
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
    """What an outcome means.

    `attempts` counts earlier answers about this recipient, `returned` how often the message has
    come back untransmitted in this run, `carried` the earlier messages of this connection; `rules`
    are the provider's own.
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
    """The decision of the provider's own rules; None where they say nothing."""
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
    """The connection takes no more messages; this one goes over the next connection."""
    if returned + 1 < _ATTEMPTS_TO_TRANSMIT:
        return Decision(None, str(reply), recycle=True)
    return Decision(State.DEFERRED, str(reply), retry_in=_FIRST_RETRY, recycle=True)


def _paused(reply: Reply) -> Decision:
    """Not now, even after a 5yz: in ten minutes, or tomorrow where the limit of a day is meant."""
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
    """Seconds until the next try: 5, 10, 20 ... minutes, at most four hours (RFC 5321, 4.5.4.1)."""
    return float(min(_FIRST_RETRY * 2**attempts, LONGEST_RETRY))


def _is_about_speed(stage: Stage, reply: Reply) -> bool:
    """Whether a 4yz reply is about our speed, and not about one mailbox or a grey list."""
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
    """Equal refusals in a row, over all connections: those are configuration, not recipients."""

    def __init__(self) -> None:
        self._kind: tuple[object, ...] = ()
        self._count = 0

    def note(self, outcome: Outcome, decision: Decision) -> str:
        """Count an outcome. Returns one line that says why to stop, or an empty text."""
        if decision.state is State.SKIPPED or decision.recycle:
            return ""
        reply = outcome.reply
        if reply is None or not reply.permanent or outcome.verdict is Verdict.NOT_SENT:
            if outcome.verdict is Verdict.SENT:
                self._kind, self._count = (), 0
            return ""
        kind = (outcome.stage, reply.code, _VARIABLE.sub("#", reply.text))
        self._count = self._count + 1 if kind == self._kind else 1
        self._kind = kind
        if self._count < _refusals_allowed(outcome.stage, reply):
            return ""
        return f"the server refused {self._count} in a row with the same words: {reply}"


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
    """Go on without this connection: the server takes no more than there are."""


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
    """What follows from a connection that could not be opened.

    `reply` is the last reply of the server, `failures` counts attempts in a row that failed, this
    one included. `connected` says whether any connection of this run was ever open; `worker` is the
    number of the worker, from 0. The first case that applies decides:

    | Case                                                             | What follows            |
    |------------------------------------------------------------------|-------------------------|
    | the log-in was refused; more attempts would lock the account     | give up                 |
    | our own side broke the protocol                                  | give up                 |
    | the provider's rules for this reply say stop                     | give up                 |
    | no connection was ever open, and waiting cures nothing: there is | give up                 |
    | no such server, no TLS, no welcome (that is configuration)       |                         |
    | the server refuses, other connections are open                   | retire                  |
    | the eleventh failure in a row                                    | give up: server-gone    |
    | anything else: the server restarts, the network is away          | reconnect after a pause |
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
            f"the server accepts no connections any more: {error}",
            hint="send again later to continue where it stopped",
            code="server-gone",
        )
        stopped.__cause__ = error
        return GiveUp(stopped)
    return Reconnect(_reconnect_pause(failures))


def _reconnect_pause(failures: int) -> float:
    """1, 2, 4 ... 60 seconds: five minutes in all, as long as a server takes to restart."""
    return float(min(2 ** (failures - 1), 60))
