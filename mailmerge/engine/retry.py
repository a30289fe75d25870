"""A reply or a failed connection -> what the engine does about it. Nothing here does I/O.

`decide` judges the outcome of one message: its consequences for the recipient, for the connection
and for the run. The provider's own rules come first: `ReplyRules` says what a reply means there
(`Provider.action_for`). Otherwise the first digit of the reply decides (RFC 5321, section 4.2.1),
with the exceptions in this module (docs/delivery.md).

`decide_connection` judges a connection that could not be opened, and `decide_fruitless` one that
was opened and came to nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from mailmerge.errors import (
    AuthenticationRefused,
    ConnectionLost,
    LocalProtocolError,
    MailmergeError,
    RemoteProtocolError,
    RunStopped,
    ServerError,
    ServerRefused,
    ServerUnreachable,
)
from mailmerge.language import marked, tr
from mailmerge.ledger.states import LONGEST_RETRY, State
from mailmerge.library_messages import smtp_message
from mailmerge.providers.lookup import Action
from mailmerge.smtp import Outcome, Reply, Stage, Verdict

_FIRST_RETRY: Final = 300.0
_COOL_DOWN: Final = 600.0
"""Seconds without sending. Gmail asks for it by 4.7.28: pause for ten minutes, resume with one
connection, then add one at a time."""

_POLICY_REFUSALS: Final = 10
_EQUAL_REFUSALS: Final = 100
_SENDER_REFUSALS: Final = 3
"""Equal refusals in a row that stop the run: for policy (5.7.x), for any reason, of the sender or
of the dialogue itself."""

_OF_THE_DIALOGUE: Final = frozenset({500, 502, 503})
"""Unknown command, command not implemented, bad sequence of commands (RFC 5321, 4.2.3)."""

_ATTEMPTS_TO_TRANSMIT: Final = 3
"""The attempts to transmit a message before its delivery is deferred."""

_CONNECTION_ATTEMPTS: Final = 10
"""The failed attempts in a row that a run accepts; the next one ends it."""

_LOGIN_ATTEMPTS: Final = 3
"""The attempts to log in that may end without a reply; more could lock the account."""

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
    r"too many (messages|mails?|transactions|connections|sessions)"
    r"|messages? (limit|per connection)",
    re.IGNORECASE,
)
_OF_A_CONNECTION = re.compile(r"connection|session|transaction", re.IGNORECASE)
_TOO_FAST = re.compile(
    r"too (fast|quick|often|frequent)|slow(ing)? down|throttl|frequen|\brat(e|ing)\b|volume|traffic"
    r"|per (second|minute|hour)|(seconds?|minutes?|hours?) limit",
    re.IGNORECASE,
)
_BUSY = re.compile(r"too (many|much)|busy|overload|limit|exceed|resources|\bload\b", re.IGNORECASE)
_VARIABLE = re.compile(
    r"<[^<>]*>|[\[(][^\s\[\]()]{8,}[\])]|https?://\S+|(?<![^\s@])[^\s@]++@\S+"
    r"|(?<![^\s\[(\"'=:;,])(?=[A-Za-z_.+/~-]*\d)[A-Za-z0-9_.+/~-]{5,}={0,2}(?=[\s\])\"';:,.]|$)"
    r"|(?<![^\s\[(\"'=:;,])(?=[A-Za-z]*[a-z][A-Z])(?=[A-Za-z]*[A-Z][A-Za-z]*[A-Z])[A-Za-z]{8,}+"
    r"(?=[\s\])\"';:,.]|$)|(?<=\w[=:])[^\s:;,]{5,}|[0-9A-Fa-f]{8,}|\d+"
)
"""What differs between replies with the same words: addresses, links, numbers, and ids of
letters and digits, such as `1McHM6-1srIWI1qNo-00dbDH`."""

_POLICY_WORDS = re.compile(
    r"\bpolic(?:y|ies)\b|\bspam\b|\bblock(?:ed|list)|\bblacklist|\breputation\b|\bdnsbl\b|\brbl\b"
    r"|\bspf\b|\bdkim\b|\bdmarc\b|not authenticated|unauthenticated|\bbanned\b|\bunsolicited\b",
    re.IGNORECASE,
)
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
        slow: whether the reply is a complaint about the speed (backoff.py).
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
    ending: bool = False,
    rules: ReplyRules = no_rules,
) -> Decision:
    """Decide what follows from an outcome.

    `attempts` is the number of earlier replies about this recipient. `returned` is how often this
    run has put the delivery back into the queue. `carried` is the number of earlier messages on
    this connection. `ending` says that an earlier outcome has ended the connection: what was not
    transmitted because of it is no further complaint. `rules` are the provider's.
    """
    text = str(outcome.reply) if outcome.reply else outcome.reason
    if outcome.verdict is Verdict.SENT:
        return Decision(State.SENT, text)
    if outcome.verdict is Verdict.IN_DOUBT:
        return Decision(
            State.IN_DOUBT, text or marked("the connection ended before the server answered")
        )
    decision = _by_rules(outcome, returned, rules) or _by_first_digit(
        outcome, text, attempts, returned, carried
    )
    repeated = ending and outcome.verdict is Verdict.NOT_SENT
    return replace(decision, slow=False) if repeated and decision.slow else decision


def _by_rules(outcome: Outcome, returned: int, rules: ReplyRules) -> Decision | None:
    """The decision by the provider's rules; None if no rule applies."""
    reply = outcome.reply
    action = rules(reply.code, reply.text) if reply else None
    if reply is None or action is None:
        return None
    if action == "stop":
        return Decision(None, str(reply), stop=tr("the server asks to stop: {reply}", reply=reply))
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
    return Decision(
        None, str(reply), stop=tr("the account's limit is reached: {reply}", reply=reply)
    )


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
    used_up = reply is not None and _is_used_up(outcome.stage, reply, carried)
    slow = reply is not None and reply.transient and not used_up and _is_about_speed(reply)
    if returned + 1 < _ATTEMPTS_TO_TRANSMIT:
        return Decision(None, text, slow=slow, recycle=True)
    reason = text or marked("the connection ended before the message was transmitted")
    return Decision(State.DEFERRED, reason, retry_in=_FIRST_RETRY, recycle=True, slow=slow)


def _deferred(stage: Stage, reply: Reply, attempts: int, returned: int, carried: int) -> Decision:
    """What follows from a 4yz reply. The first case that applies decides:

    | Case                                          | Delivery           | Connection | Pace      |
    |-----------------------------------------------|--------------------|------------|-----------|
    | the connection may carry no more messages     | first in the queue | ends       | stays     |
    | 4.7.28                                        | retry in 10 min    | ends       | pause     |
    | 421 about the speed                           | first in the queue | ends       | complaint |
    | 421 for another reason, or without one        | first in the queue | ends       | stays     |
    | 450, 451, 452 or 4.7.x about the speed        | last in the queue  | stays      | complaint |
    | 450, 451, 452, not to RCPT: a busy server     | retry later        | stays      | complaint |
    | anything else: this recipient                 | retry later        | stays      | stays     |

    Neither a closed connection nor the speed is a fault of the recipient, so the message returns to
    the queue. After the third attempt it is retried later, too.
    """
    again = returned + 1 < _ATTEMPTS_TO_TRANSMIT
    speed = _is_about_speed(reply)
    if returned == 0 and _is_used_up(stage, reply, carried):
        return Decision(None, str(reply), recycle=True)
    if reply.enhanced_status == "4.7.28":
        return _paused(reply)
    if again and (speed or reply.closing):
        return Decision(None, str(reply), recycle=reply.closing, slow=speed)
    return Decision(
        State.DEFERRED,
        str(reply),
        retry_in=_retry_pause(attempts),
        recycle=reply.closing,
        slow=speed or _is_busy(stage, reply),
    )


def _is_used_up(stage: Stage, reply: Reply, carried: int) -> bool:
    """Whether a 4yz reply means that this connection may carry no more messages."""
    if _is_about_the_connection(reply):
        return True
    if _TOO_FAST.search(reply.text):
        return False
    return stage is Stage.MAIL and carried > 0 and (reply.closing or not _is_policy(reply))


def _is_about_the_connection(reply: Reply) -> bool:
    """Whether the words are about what one connection may carry, or about their number."""
    if _TOO_FAST.search(reply.text) or not _USED_UP.search(reply.text):
        return False
    return not _is_policy(reply) or bool(_OF_A_CONNECTION.search(reply.text))


def _is_policy(reply: Reply) -> bool:
    return (reply.enhanced_status or "").startswith("4.7.")


def _retry_pause(attempts: int) -> float:
    """Seconds until the next attempt: 5, 10, 20 ... minutes, up to 4 hours (RFC 5321, 4.5.4.1)."""
    return float(min(_FIRST_RETRY * 2**attempts, LONGEST_RETRY))


def _is_about_speed(reply: Reply) -> bool:
    """Whether a 4yz reply is about the speed: by 4.7.x, or by its words."""
    if _is_about_a_recipient(reply) or _is_about_the_connection(reply):
        return False
    if _is_policy(reply):
        return True
    fast = reply.code in {421, 450, 451, 452} and _TOO_FAST.search(reply.text)
    busy = reply.code in {450, 451, 452} and _BUSY.search(reply.text)
    return bool(fast or busy)


def _is_busy(stage: Stage, reply: Reply) -> bool:
    """Whether a 4yz reply may be about the server's load, because no recipient is its reason."""
    if _is_about_a_recipient(reply):
        return False
    return stage is not Stage.RCPT and reply.code in {450, 451, 452}


def _is_about_a_recipient(reply: Reply) -> bool:
    status = reply.enhanced_status or ""
    return bool(_GREYLISTED.search(reply.text)) or status.startswith(("4.1.", "4.2."))


def _rejected(stage: Stage, reply: Reply) -> Decision:
    if _is_quota(reply):
        return _account_full(reply)
    if reply.code in {530, 535}:
        return Decision(
            None, str(reply), stop=tr("the server requires a log-in: {reply}", reply=reply)
        )
    if (stage is Stage.MAIL and reply.code != 552) or _is_about_the_dialogue(stage, reply):
        return Decision(State.DEFERRED, str(reply), retry_in=_FIRST_RETRY)
    return Decision(State.REJECTED, str(reply))


def _is_about_the_dialogue(stage: Stage, reply: Reply) -> bool:
    """Whether a 5yz reply is about the commands and their order, and not about a recipient.

    Their syntax is right, so the server is wrong, or something between. (501 and 504 are said about
    addresses, too, and 500 about the lines of a message.)
    """
    if (reply.enhanced_status or "").startswith(("5.1.", "5.2.")):
        return False
    return stage in {Stage.RCPT, Stage.DATA} and reply.code in _OF_THE_DIALOGUE


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
        before, self._kind = self._kind, _kind_of(outcome.stage, reply)
        self._count = self._count + 1 if _is_same(before, self._kind) else 1
        if self._count < _refusals_allowed(outcome.stage, reply):
            return ""
        return tr(
            "the server refused {count} messages in a row with the same words: {reply}",
            count=self._count,
            reply=reply,
        )


def _kind_of(stage: Stage, reply: Reply) -> tuple[object, ...]:
    """The stage, the code and the words of a refusal, without what is known to differ."""
    return (stage, reply.code, *_VARIABLE.sub("#", reply.text[:_COMPARED]).split())


def _is_same(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    """Whether two refusals have the same words, but for one in three.

    No pattern knows every id: some are made of letters alone, and some are the recipient's name.
    """
    if len(one) != len(other) or one[:2] != other[:2]:
        return False
    different = sum(a != b for a, b in zip(one[2:], other[2:], strict=True))
    return different * 3 <= len(one) - 2


def _refusals_allowed(stage: Stage, reply: Reply) -> int:
    if stage is Stage.MAIL or _is_about_the_dialogue(stage, reply):
        return _SENDER_REFUSALS
    status = reply.enhanced_status or ""
    policy = status.startswith("5.7.") or (not status and bool(_POLICY_WORDS.search(reply.text)))
    return _POLICY_REFUSALS if policy else _EQUAL_REFUSALS


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Try to connect again after `pause` seconds."""

    pause: float


@dataclass(frozen=True, slots=True)
class Retire:
    """Continue without this connection for a while: the server accepts no more connections."""


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
    others: int = 0,
    in_login: bool = False,
    lost_logins: int | None = None,
    rules: ReplyRules = no_rules,
) -> Reconnect | Retire | GiveUp:
    """Decide what follows from a connection that could not be opened.

    `reply` is the last reply of the server, or None. `failures` is the number of failed attempts in
    a row, including this one. `connected` says whether this run ever had an open connection.
    `others` is the number of other connections that are open or being opened. `in_login` says
    whether the attempt failed in the log-in. `lost_logins` is the number of log-ins in a row that
    ended without a reply, including this one; None means that all `failures` did. The first case
    that applies decides:

    | Case                                                             | What follows            |
    |------------------------------------------------------------------|-------------------------|
    | the log-in was refused; more attempts would lock the account     | give up                 |
    | the server offers no log-in, and no connection was ever open     | give up                 |
    | the server broke the protocol in the log-in                      | give up                 |
    | the third log-in in a row ended without a reply                  | give up                 |
    | mailmerge itself broke the protocol                              | give up                 |
    | the provider's rules for this reply say stop                     | give up                 |
    | the server refuses one connection more than there are            | retire                  |
    | no connection was ever open, and another attempt cannot help:    | give up; retire while   |
    | no such server, no TLS, session refused (wrong settings)         | others are being opened |
    | the eleventh failure in a row                                    | give up: server-gone    |
    | anything else: the server restarts, the network is down          | reconnect after a pause |
    """
    stop = reply is not None and rules(reply.code, reply.text) == "stop"
    logins = failures if lost_logins is None else lost_logins
    not_offered = connected and error.problem.code == "no-mechanism"  # no secret was sent
    if stop or (not not_offered and _is_final(error, logins, in_login=in_login)):
        return GiveUp(error)
    if others and isinstance(error, ServerRefused):
        return Retire()
    lasting = isinstance(error, ServerUnreachable) or error.problem.code in _LASTING
    if lasting and not connected:
        return Retire() if others else GiveUp(error)
    if failures > _CONNECTION_ATTEMPTS:
        return _server_gone(
            tr("the server no longer accepts connections: {error}", error=error), error
        )
    return Reconnect(reconnect_pause(failures))


def _is_final(error: ServerError, logins: int, *, in_login: bool) -> bool:
    """Whether another attempt could harm: the server may have counted a wrong password."""
    if isinstance(error, AuthenticationRefused | LocalProtocolError):
        return True
    if in_login and isinstance(error, RemoteProtocolError):
        return True
    return in_login and isinstance(error, ConnectionLost) and logins >= _LOGIN_ATTEMPTS


def decide_fruitless(reason: str, *, failures: int) -> Reconnect | GiveUp:
    """Decide what follows from a connection that ended before it carried a message.

    `reason` says how it ended. `failures` is as for `decide_connection`. The first such connection
    costs no pause, since any connection may break.
    """
    if failures > _CONNECTION_ATTEMPTS:
        return _server_gone(
            tr(
                "the server takes connections, but no messages: {reason}",
                reason=smtp_message(reason),
            )
        )
    return Reconnect(reconnect_pause(failures - 1))


def _server_gone(message: str, cause: ServerError | None = None) -> GiveUp:
    hint = tr("send again later to continue where it stopped")
    stopped = RunStopped(message, hint=hint, code="server-gone")
    stopped.__cause__ = cause
    return GiveUp(stopped)


def reconnect_pause(failures: int) -> float:
    """Return 1, 2, 4 ... 60 seconds: about five minutes in total, in which a server can restart."""
    return float(min(2 ** (failures - 1), 60)) if failures > 0 else 0.0
